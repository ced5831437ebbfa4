//! Telling the API server how the Pod is, when that has changed.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::slot::{Now, Slot};
use super::{Ending, Worker};
use crate::pod::plan::{Plan, Role};
use crate::pod::status::{Tale, Told, ToldState, pod_status};

/// An API server that does not answer must not hold up the containers.
pub(super) const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

impl Worker {
    /// Writes the status if it is not what was written last.
    pub(super) async fn tell(&mut self, plan: &Plan) {
        if self.ending == Some(Ending::Gone) {
            return;
        }
        let mut before = self
            .told
            .clone()
            .or_else(|| self.pod.status.clone())
            .unwrap_or_default();
        // Conditions of others come from the object as it is now.
        if let (Some(ours), Some(theirs)) = (
            &mut before.conditions,
            self.pod
                .status
                .as_ref()
                .and_then(|status| status.conditions.as_ref()),
        ) {
            const OURS: [&str; 5] = [
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            ];
            ours.retain(|condition| OURS.contains(&condition.type_.as_str()));
            ours.extend(
                theirs
                    .iter()
                    .filter(|condition| !OURS.contains(&condition.type_.as_str()))
                    .cloned(),
            );
        }
        let status = self.status(plan, &before);
        if self.told.as_ref() == Some(&status) {
            self.tell_again_at = None;
            return;
        }
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let mut body = json!({"metadata": {"uid": self.uid}, "status": status});
        // A merge patch drops only what it names.
        for field in ["reason", "message"] {
            if body["status"].get(field).is_none() {
                body["status"][field] = serde_json::Value::Null;
            }
        }
        let patch = Patch::Merge(body);
        let params = PatchParams::default();
        let written =
            tokio::time::timeout(TIMEOUT, api.patch_status(&self.name, &params, &patch)).await;
        self.tell_again_at = match written {
            Ok(Ok(_)) => {
                self.told = Some(status);
                None
            }
            // Another Pod has the name by now, or none: the watch says so, too.
            Ok(Err(kube::Error::Api(error))) if matches!(error.code, 404 | 409) => {
                Some(Timestamp::now() + SignedDuration::from_secs(2))
            }
            Ok(Err(error)) => {
                tracing::debug!(pod = self.name, %error, "writing the Pod's status");
                Some(Timestamp::now() + SignedDuration::from_secs(1))
            }
            Err(_) => Some(Timestamp::now() + SignedDuration::from_secs(1)),
        };
    }

    fn status(&self, plan: &Plan, before: &PodStatus) -> PodStatus {
        let spec = self.pod.spec.as_ref();
        let tale = Tale {
            uid: &self.uid,
            containers: self
                .slots
                .iter()
                .enumerate()
                .map(|(position, slot)| self.told_container(position, slot, plan))
                .collect(),
            restart: self
                .slots
                .iter()
                .find(|slot| slot.role == Role::Main)
                .map_or(crate::pod::plan::Restart::Always, |slot| slot.restart),
            gates: spec
                .and_then(|spec| spec.readiness_gates.as_ref())
                .into_iter()
                .flatten()
                .map(|gate| gate.condition_type.clone())
                .collect(),
            mounted: self.mounted.is_some()
                || self
                    .slots
                    .iter()
                    .any(|slot| matches!(slot.now, Now::Running { .. })),
            initialized: plan.initialized || self.initialized(),
            init_failed: plan.init_failed,
            deleting: self.ending.is_some(),
            rejected: self.rejected.clone(),
            pod_ip: Some(self.ip.to_string()),
            host_ip: self.context.node_ip().to_string(),
            now: Timestamp::now(),
        };
        pod_status(&tale, before)
    }

    fn told_container<'a>(&self, position: usize, slot: &'a Slot, plan: &Plan) -> Told<'a> {
        let waiting = |default: &str| match &slot.waiting {
            Some((reason, message)) => ToldState::Waiting {
                reason: reason.clone(),
                message: message.clone(),
            },
            None => ToldState::Waiting {
                reason: default.to_owned(),
                message: None,
            },
        };
        let backing_off = plan
            .backing_off
            .iter()
            .find(|(container, _)| *container == position)
            .map(|(_, wait)| *wait);
        let (state, last) = match &slot.now {
            Now::Fresh => (waiting(self.waiting_word()), slot.last.clone()),
            Now::Running { attempt, running } => (
                ToldState::Running {
                    attempt: *attempt,
                    since: running.started_at,
                },
                slot.last.clone(),
            ),
            Now::Exited { attempt, exit, .. } => match (backing_off, &slot.waiting) {
                (Some(wait), _) => {
                    let message = format!(
                        "back-off {wait}s restarting failed container={} pod={}_{}({})",
                        slot.container.name, self.name, self.namespace, self.uid
                    );
                    let state = ToldState::Waiting {
                        reason: "CrashLoopBackOff".to_owned(),
                        message: Some(message),
                    };
                    (state, Some((*attempt, exit.clone())))
                }
                (None, Some(_)) if self.ending.is_none() => {
                    (waiting("ContainerCreating"), Some((*attempt, exit.clone())))
                }
                _ => (
                    ToldState::Ended {
                        attempt: *attempt,
                        exit: exit.clone(),
                    },
                    slot.last.clone(),
                ),
            },
        };
        let completed = matches!(&slot.now, Now::Exited { exit, .. } if exit.code == 0);
        let runs = matches!(slot.now, Now::Running { .. });
        Told {
            container: &slot.container,
            role: slot.role,
            state,
            last,
            restarts: slot.restarts(),
            // An init container is ready when it has done its work.
            ready: if slot.role == Role::Init {
                completed
            } else {
                runs && slot.ready && slot.started
            },
            started: runs && slot.started,
            image_id: slot.image_id.clone(),
        }
    }
}
