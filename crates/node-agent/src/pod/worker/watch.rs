//! What comes back from a running container: its end, and what its probes find.

use std::sync::Arc;
use std::time::Duration;

use super::slot::{AbortOnDrop, Now};
use super::{News, Worker, pod_container_reference};
use crate::container::attempt::Exit;
use crate::container::launch;
use crate::pod::plan::Restart;
use crate::pod::probe::{self, Kind, Target, Verdict};
use crate::pod::stop;

impl Worker {
    pub(super) fn container_ended(&mut self, slot: usize, number: u32, exit: Exit) {
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if !entry.runs(number) {
            return;
        }
        tracing::info!(
            pod = self.name,
            container = entry.container.name,
            code = exit.code,
            reason = exit.reason(),
            "container ended"
        );
        if let Some(error) = &exit.start_error {
            let message = format!("Error: {error}");
            self.context.events.warn(
                &pod_container_reference(&self.pod, &entry.container.name),
                "Failed",
                message,
            );
        }
        let wait_seconds = entry
            .dir
            .attempt(number)
            .start()
            .map_or(0, |start| start.next_wait_seconds);
        if wait_seconds > 0 && entry.restart != Restart::Never && self.ending.is_none() {
            let message = format!(
                "Back-off restarting failed container {} in pod {}",
                entry.container.name, self.name
            );
            self.context.events.warn(
                &pod_container_reference(&self.pod, &entry.container.name),
                "BackOff",
                message,
            );
        }
        entry.now = Now::Exited {
            attempt: number,
            exit,
            wait_seconds,
        };
        (entry.ready, entry.started, entry.probing, entry.stopping) = (false, false, None, None);
    }

    pub(super) fn probed(&mut self, slot: usize, attempt: u32, verdict: Verdict) {
        let reference = self.container_reference(slot);
        let grace = self.grace();
        let Some(entry) = self.slots.get_mut(slot).filter(|entry| entry.runs(attempt)) else {
            return;
        };
        match verdict {
            Verdict::Started => entry.started = true,
            Verdict::Ready(ready) => entry.ready = ready,
            Verdict::Failed { kind, why } => {
                // While it is being stopped, failing is no news.
                if entry.stopping.is_none() {
                    self.context.events.warn(
                        &reference,
                        "Unhealthy",
                        format!("{} probe failed: {why}", kind.word()),
                    );
                }
            }
            Verdict::Unhealthy {
                kind,
                grace_seconds,
            } => {
                let grace = grace_seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .map_or(grace, Duration::from_secs);
                let why = match kind {
                    Kind::Startup => "Startup probe failed, will be restarted: container",
                    Kind::Liveness | Kind::Readiness => {
                        "Liveness probe failed, will be restarted: container"
                    }
                };
                self.stop(slot, grace, why);
            }
        }
    }

    /// From now on the end of a running container, and what its probes find, come as news.
    pub(super) fn watch_container(&mut self, slot: usize, child: Option<tokio::process::Child>) {
        let (post, ip, settings) = (
            self.post.clone(),
            self.ip,
            Arc::clone(&self.context.settings),
        );
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let Now::Running { attempt, running } = &entry.now else {
            return;
        };
        let (attempt, running) = (*attempt, (**running).clone());
        let dir = entry.dir.attempt(attempt);
        let target = Arc::new(Target {
            settings,
            container: entry.container.clone(),
            root: entry.dir.root(),
            running: running.clone(),
            ip,
        });
        let ended = post.clone();
        tokio::spawn(async move {
            let exit = launch::ended(&dir, Some(&running), child).await;
            let _ = ended.send(News::Ended {
                slot,
                attempt,
                exit,
            });
        });
        // What was found healthy before an agent's restart is probed on, but does not start over.
        let started_before = entry.started;
        let mut container = entry.container.clone();
        let probing = tokio::spawn(async move {
            let hook = container
                .lifecycle
                .take()
                .and_then(|lifecycle| lifecycle.post_start);
            if let Some(hook) = hook.filter(|_| !started_before)
                && let Err(error) = stop::run_hook(&target, &hook).await
            {
                let _ = post.send(News::HookFailed {
                    slot,
                    attempt,
                    error,
                });
                return;
            }
            let target = if started_before {
                container.startup_probe = None;
                Arc::new(Target {
                    container,
                    ..Target::clone(&target)
                })
            } else {
                target
            };
            probe::watch(target, move |verdict| {
                let _ = post.send(News::Probed {
                    slot,
                    attempt,
                    verdict,
                });
            })
            .await;
            std::future::pending::<()>().await;
        });
        entry.probing = Some(AbortOnDrop(probing.abort_handle()));
    }
}
