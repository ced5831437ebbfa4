//! A container as the worker knows it, and how it is found again.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, PodSpec, PodStatus};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::container::attempt::{ContainerDir, Exit, Running};
use crate::container::launch::{self, Found};
use crate::pod::plan::{Restart, Role};
use crate::pod::sandbox::Sandbox;

/// A container as the worker knows it.
pub(super) struct Slot {
    pub(super) container: Container,
    pub(super) role: Role,
    pub(super) restart: Restart,
    pub(super) dir: ContainerDir,
    pub(super) now: Now,
    /// The attempt before the current one.
    pub(super) last: Option<(u32, Exit)>,
    /// How many attempts are no restarts: the node had stopped the one before together with itself.
    pub(super) planned: u32,
    pub(super) image_id: String,
    pub(super) ready: bool,
    pub(super) started: bool,
    /// Why it could not be started when that was last tried.
    pub(super) waiting: Option<(String, Option<String>)>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) pull_wait_seconds: u64,
    pub(super) probing: Option<AbortOnDrop>,
    /// Set while it is being stopped: when patience ends.
    pub(super) stopping: Option<watch::Sender<Instant>>,
}

/// What a container does now.
pub(super) enum Now {
    Fresh,
    Running {
        attempt: u32,
        running: Box<Running>,
    },
    Exited {
        attempt: u32,
        exit: Exit,
        wait_seconds: u64,
    },
}

impl Slot {
    /// Number of the newest attempt.
    pub(super) fn attempt(&self) -> Option<u32> {
        match &self.now {
            Now::Running { attempt, .. } | Now::Exited { attempt, .. } => Some(*attempt),
            Now::Fresh => self.last.as_ref().map(|(attempt, _)| *attempt),
        }
    }

    /// How often it was started again without having been stopped together with the node.
    pub(super) fn restarts(&self) -> u32 {
        self.attempt()
            .map_or(0, |attempt| attempt.saturating_sub(self.planned))
    }

    pub(super) fn runs(&self, number: u32) -> bool {
        matches!(&self.now, Now::Running { attempt, .. } if *attempt == number)
    }
}

pub(super) struct AbortOnDrop(pub(super) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The containers of a Pod in the order they start, with their parts and policies.
pub(super) fn roles(spec: &PodSpec) -> Vec<(Container, Role, Restart)> {
    let policy = match spec.restart_policy.as_deref() {
        Some("Never") => Restart::Never,
        Some("OnFailure") => Restart::OnFailure,
        _ => Restart::Always,
    };
    let init = spec.init_containers.iter().flatten().map(|container| {
        match container.restart_policy.as_deref() {
            Some("Always") => (container.clone(), Role::Sidecar, Restart::Always),
            _ if policy == Restart::Always => (container.clone(), Role::Init, Restart::OnFailure),
            _ => (container.clone(), Role::Init, policy),
        }
    });
    let main = spec
        .containers
        .iter()
        .map(|container| (container.clone(), Role::Main, policy));
    init.chain(main).collect()
}

/// What there is of a container from before.
pub(super) async fn adopt(
    container: Container,
    role: Role,
    restart: Restart,
    dir: ContainerDir,
    sandbox: &Sandbox,
    told: Option<&PodStatus>,
) -> Slot {
    let mut slot = Slot {
        container,
        role,
        restart,
        dir,
        now: Now::Fresh,
        last: None,
        planned: 0,
        image_id: String::new(),
        ready: false,
        started: false,
        waiting: None,
        not_before: None,
        pull_wait_seconds: 0,
        probing: None,
        stopping: None,
    };
    let found = launch::find(&slot.dir).await;
    let (Found::Running { attempt, .. } | Found::Exited { attempt, .. }) = &found else {
        return slot;
    };
    let start = slot.dir.attempt(*attempt).start().unwrap_or_default();
    slot.image_id.clone_from(&start.image_id);
    slot.planned = start.planned;
    slot.last = attempt
        .checked_sub(1)
        .and_then(|before| Some((before, slot.dir.attempt(before).exit()?)));
    match found {
        Found::Running { attempt, running } => {
            tracing::info!(
                container = slot.container.name,
                pid = running.process.pid,
                "took over a running container"
            );
            slot.dir.attempt(attempt).forget_planned_end();
            let before = told
                .iter()
                .flat_map(|told| {
                    told.container_statuses
                        .iter()
                        .chain(&told.init_container_statuses)
                        .flatten()
                })
                .find(|status| status.name == slot.container.name)
                .filter(|status| {
                    status
                        .container_id
                        .as_deref()
                        .is_some_and(|id| id.ends_with(&format!("/{attempt}")))
                });
            slot.started = before.and_then(|status| status.started).unwrap_or(false);
            slot.ready = before.is_some_and(|status| status.ready);
            slot.now = Now::Running { attempt, running };
        }
        Found::Exited { attempt, exit } if start.sandbox == sandbox.number => {
            slot.now = Now::Exited {
                attempt,
                exit,
                wait_seconds: start.next_wait_seconds,
            };
        }
        // It belongs to an earlier life of the Pod: it starts afresh, but is remembered.
        Found::Exited { attempt, exit } => slot.last = Some((attempt, exit)),
        Found::Nothing => {}
    }
    slot
}
