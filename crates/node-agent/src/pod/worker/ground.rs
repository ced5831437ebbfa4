//! What a Pod needs before anything of it is looked at: its directory, its sandbox, its address, what runs of it.
//!
//! Where the machine does not give that (a full disk, mostly), the Pod is not forgotten: it says why it waits, it is
//! tried again, and its deletion is carried out all the same.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::sync::mpsc;

use super::News;
use super::ending::delete_object;
use super::slot::{Now, Slot, adopt, roles};
use super::tell::TIMEOUT;
use crate::context::{Context, pod_key, pod_reference};
use crate::hosts::View;
use crate::leftovers::{stop_containers, stop_orphan};
use crate::pod::plan::{Restart, Role};
use crate::pod::sandbox::{Owner, PodDir, Sandbox};
use crate::pod::status::{Tale, Told, ToldState, pod_status};

/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a worker stands on.
pub(super) struct Ground {
    pub(super) dir: PodDir,
    pub(super) sandbox: Sandbox,
    pub(super) ip: Ipv4Addr,
    pub(super) slots: Vec<Slot>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum GroundError {
    #[error("cannot write in the Pod's directory {path}: {source}")]
    Directory {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot note the Pod's address: {0}")]
    Address(std::io::Error),
    #[error("cannot write the names of Pods and Services: {0}")]
    Hosts(std::io::Error),
}

/// The ground of a Pod, waited for if need be; `None` when the Pod or the agent ended before.
pub(super) async fn reach(
    context: &Context,
    pod: &mut Arc<Pod>,
    news: &mut mpsc::UnboundedReceiver<News>,
) -> Option<Ground> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match prepare(context, pod).await {
            Ok(ground) => return Some(ground),
            Err(error) => error.to_string(),
        };
        if pod.metadata.deletion_timestamp.is_some() {
            leave_nothing(context, pod).await;
            delete_object(context, pod, news).await;
            return None;
        }
        tracing::warn!(pod = pod.name_any(), error, "the Pod waits");
        let event = format!("Failed to create pod sandbox: {error}");
        context
            .events
            .warn(&pod_reference(pod), "FailedCreatePodSandBox", event);
        tell(context, pod, &error).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            next = news.recv() => match next {
                Some(News::Pod(now)) => *pod = now,
                Some(News::Gone) => {
                    leave_nothing(context, pod).await;
                    return None;
                }
                Some(News::Stop) => {
                    stop_containers(&dir(context, pod), &owner(pod), Duration::MAX).await;
                    return None;
                }
                Some(News::Leave) | None => return None,
                // Nothing was started here that could tell.
                Some(News::Ended { .. } | News::Probed { .. } | News::HookFailed { .. }) => {}
            },
        }
    }
}

async fn prepare(context: &Context, pod: &Pod) -> Result<Ground, GroundError> {
    let dir = dir(context, pod);
    let in_dir = |source| GroundError::Directory {
        path: dir.0.clone(),
        source,
    };
    dir.write_owner(&owner(pod)).map_err(in_dir)?;
    let sandbox = dir.enter_sandbox().map_err(in_dir)?;
    let ip = {
        let pods = &context.cluster.pods;
        let in_use = |key: &str| {
            key.split_once('/')
                .is_some_and(|(namespace, name)| pods.get(namespace, name).is_some())
        };
        let (namespace, name) = pod_key(pod);
        context
            .addresses
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .of(&namespace, &name, in_use)
            .map_err(GroundError::Address)?
    };
    let mut slots = Vec::new();
    for (container, role, restart) in roles(&pod.spec.clone().unwrap_or_default()) {
        let dir = dir.container(&container.name);
        let told = pod.status.as_ref();
        slots.push(adopt(container, role, restart, dir, &sandbox, told).await);
    }
    if slots
        .iter()
        .any(|slot| matches!(slot.now, Now::Running { .. }))
    {
        let view = View::of(pod);
        context.hosts.adopt(&view).map_err(GroundError::Hosts)?;
    }
    Ok(Ground {
        dir,
        sandbox,
        ip,
        slots,
    })
}

fn dir(context: &Context, pod: &Pod) -> PodDir {
    PodDir(context.layout.pod(&pod.uid().unwrap_or_default()))
}

fn owner(pod: &Pod) -> Owner {
    let (namespace, name) = pod_key(pod);
    let spec = pod.spec.clone().unwrap_or_default();
    Owner {
        namespace,
        name,
        uid: pod.uid().unwrap_or_default(),
        containers: roles(&spec)
            .into_iter()
            .map(|(container, ..)| container.name)
            .collect(),
        grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
        stops_last: pod.annotations().contains_key(crate::pods::STOP_LAST),
    }
}

/// Stops what an earlier agent started of the Pod, and removes its files.
async fn leave_nothing(context: &Context, pod: &Pod) {
    context.hosts.forget(&View::of(pod));
    let mut owner = owner(pod);
    if let Some(seconds) = pod.metadata.deletion_grace_period_seconds {
        owner.grace_seconds = seconds;
    }
    stop_orphan(context.layout.home(), dir(context, pod), owner).await;
}

/// Says in the Pod's status why nothing of it is started; not of one that an earlier agent started already.
async fn tell(context: &Context, pod: &Pod, error: &str) {
    let before = pod.status.clone().unwrap_or_default();
    let started = |status: &PodStatus| {
        let containers = status.container_statuses.iter().flatten();
        let init = status.init_container_statuses.iter().flatten();
        containers
            .chain(init)
            .any(|container| container.container_id.is_some())
    };
    if started(&before) {
        return;
    }
    let roles = roles(&pod.spec.clone().unwrap_or_default());
    let containers = roles.iter().map(|(container, role, _)| Told {
        container,
        role: *role,
        state: ToldState::Waiting {
            reason: "CreatePodSandboxError".to_owned(),
            message: Some(error.to_owned()),
        },
        last: None,
        restarts: 0,
        ready: false,
        started: false,
        image_id: String::new(),
    });
    let tale = Tale {
        uid: &pod.uid().unwrap_or_default(),
        containers: containers.collect(),
        restart: roles
            .iter()
            .find(|(_, role, _)| *role == Role::Main)
            .map_or(Restart::Always, |(.., restart)| *restart),
        gates: Vec::new(),
        mounted: false,
        initialized: false,
        init_failed: false,
        deleting: false,
        rejected: None,
        pod_ip: None,
        host_ip: context.node_ip().to_string(),
        now: Timestamp::now(),
    };
    let status = pod_status(&tale, &before);
    if pod.status.as_ref() == Some(&status) {
        return;
    }
    let (namespace, name) = pod_key(pod);
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let patch = Patch::Merge(json!({"metadata": {"uid": pod.uid()}, "status": status}));
    let params = PatchParams::default();
    // Told again with the next attempt.
    let _ = tokio::time::timeout(TIMEOUT, api.patch_status(&name, &params, &patch)).await;
}
