//! Stopping one container: its pre-stop hook, SIGTERM, patience, SIGKILL.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use rustix::process::Signal;
use tokio::sync::watch;
use tokio::time::Instant;

use super::enter::{self, Outcome};
use super::probe::{Target, http_get};

/// After SIGKILL the kernel needs a moment; a monitor that has not noticed by then never will.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Stops a container; returns when it has ended or nothing more can be done. `deadline` may come nearer meanwhile.
///
/// `complain` tells that the hook failed.
pub(crate) async fn stop(
    target: Arc<Target>,
    mut deadline: watch::Receiver<Instant>,
    complain: impl Fn(String),
) {
    let ended = async { target.running.monitor.ended().await };
    let stopping = async {
        if let Some(hook) = target
            .container
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.pre_stop.as_ref())
        {
            let work = run_hook(&target, hook);
            tokio::select! {
                done = work => if let Err(error) = done { complain(error) },
                () = passed(&mut deadline) => complain("PreStop hook took longer than the Pod's grace period".to_owned()),
            }
        }
        target.running.process.signal(stop_signal(&target));
        passed(&mut deadline).await;
        target.running.process.signal(Signal::KILL);
        tokio::time::sleep(KILL_PATIENCE).await;
        target.running.monitor.signal(Signal::KILL);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ended => {}
        () = stopping => {}
    }
}

/// What the container calls its stop signal; SIGTERM otherwise.
fn stop_signal(target: &Target) -> Signal {
    match target
        .container
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.stop_signal.as_deref())
    {
        Some("SIGINT") => Signal::INT,
        Some("SIGQUIT") => Signal::QUIT,
        Some("SIGHUP") => Signal::HUP,
        Some("SIGUSR1") => Signal::USR1,
        Some("SIGUSR2") => Signal::USR2,
        Some("SIGKILL") => Signal::KILL,
        _ => Signal::TERM,
    }
}

/// Returns when the deadline has passed, wherever it is moved to.
async fn passed(deadline: &mut watch::Receiver<Instant>) {
    loop {
        let at = *deadline.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(at) => return,
            changed = deadline.changed() => if changed.is_err() {
                tokio::time::sleep_until(at).await;
                return;
            },
        }
    }
}

/// Runs a lifecycle hook to its end.
pub(crate) async fn run_hook(target: &Target, hook: &LifecycleHandler) -> Result<(), String> {
    if let Some(action) = &hook.exec {
        let asked = action.command.as_deref().unwrap_or_default();
        let command = enter::enter(
            &target.settings,
            &target.container,
            &target.root,
            &target.running,
            asked,
            false,
        );
        return match enter::run(command.map_err(|error| error.to_string())?, Duration::MAX).await {
            Ok(Outcome::Ended { success: true, .. }) => Ok(()),
            Ok(Outcome::Ended { code, output, .. }) => {
                Err(format!("hook exited with {code}: {}", output.trim()))
            }
            Ok(Outcome::TimedOut) => Err("hook timed out".to_owned()),
            Err(error) => Err(error.to_string()),
        };
    }
    if let Some(action) = &hook.http_get {
        return http_get(&target.container, target.ip, action)
            .await
            .map(drop);
    }
    if let Some(action) = &hook.sleep {
        tokio::time::sleep(Duration::from_secs(
            u64::try_from(action.seconds).unwrap_or(0),
        ))
        .await;
    }
    Ok(())
}
