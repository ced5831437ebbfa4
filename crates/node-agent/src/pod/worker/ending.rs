//! The end of containers and of the Pod.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Preconditions};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::slot::Now;
use super::{Ending, News, Worker};
use crate::context::{Context, pod_key};
use crate::hosts::View;
use crate::pod::probe::Target;
use crate::pod::stop;
use crate::{files, volumes};

impl Worker {
    /// Begins to stop a container, or moves the end of patience if that has begun.
    pub(super) fn stop(&mut self, slot: usize, grace: Duration, why: &str) {
        let deadline = Instant::now() + grace;
        let reference = self.container_reference(slot);
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let Now::Running { attempt, running } = &entry.now else {
            return;
        };
        if let Some(stopping) = &entry.stopping {
            // Patience only ever gets shorter: asking again must not prolong it.
            stopping.send_if_modified(|at| {
                let sooner = deadline < *at;
                if sooner {
                    *at = deadline;
                }
                sooner
            });
            return;
        }
        if matches!(self.ending, Some(Ending::AgentStops)) {
            entry.dir.attempt(*attempt).write_planned_end();
        }
        self.context.events.normal(
            &reference,
            "Killing",
            format!("{why} {}", entry.container.name),
        );
        let (sender, receiver) = watch::channel(deadline);
        entry.stopping = Some(sender);
        let target = Arc::new(Target {
            settings: Arc::clone(&self.context.settings),
            container: entry.container.clone(),
            root: entry.dir.root(),
            running: (**running).clone(),
            ip: self.ip,
        });
        let events = self.context.events.clone();
        tokio::spawn(stop::stop(target, receiver, move |error| {
            events.warn(&reference, "FailedPreStopHook", error);
        }));
    }

    /// Everything has stopped: leaves no trace but what must stay.
    pub(super) async fn end(&mut self) {
        match self.ending {
            Some(Ending::AgentStops) => {
                let _ = self.dir.stop_sandbox(&self.sandbox);
                return;
            }
            Some(Ending::Deleted) => {
                self.clean_up();
                delete_object(&self.context, &self.pod, &mut self.news).await;
            }
            Some(Ending::Gone) | None => self.clean_up(),
        }
        tracing::info!(namespace = self.namespace, pod = self.name, "Pod is gone");
    }

    pub(super) fn clean_up(&self) {
        self.context.hosts.forget(&View::of(&self.pod));
        volumes::drop_memory(self.context.layout.home(), &self.uid);
        if let Err(error) = files::remove(&self.dir.0) {
            tracing::warn!(pod = self.name, %error, "the Pod's directory could not be removed");
        }
    }
}

/// Takes the last step of a graceful deletion: the object itself, only if it is still this very Pod.
pub(super) async fn delete_object(
    context: &Context,
    pod: &Pod,
    news: &mut mpsc::UnboundedReceiver<News>,
) {
    let (namespace, name) = pod_key(pod);
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let params = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(Preconditions {
            uid: pod.metadata.uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    loop {
        match api.delete(&name, &params).await {
            Ok(_) => return,
            Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => return,
            Err(error) => tracing::debug!(pod = name, %error, "deleting the Pod object"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            news = news.recv() => if matches!(news, None | Some(News::Gone | News::Leave | News::Stop)) {
                return;
            },
        }
    }
}
