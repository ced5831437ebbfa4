//! What the API server is told about a Pod. Pure.
//!
//! Invariants: times are whole seconds and change only with what they belong to, so that equal facts give an equal
//! status; conditions of others (readiness gates) pass through untouched.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, HostIP, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::plan::{Restart, Role};
use crate::container::attempt::Exit;
use crate::events::seconds;

/// A container as it is told.
#[derive(Debug, Clone)]
pub(crate) struct Told<'a> {
    pub container: &'a Container,
    pub role: Role,
    pub state: ToldState,
    /// The run before.
    pub last: Option<(u32, Exit)>,
    pub restarts: u32,
    pub ready: bool,
    pub started: bool,
    pub image_id: String,
}

/// The state of a container as it is told.
#[derive(Debug, Clone)]
pub(crate) enum ToldState {
    Waiting {
        reason: String,
        message: Option<String>,
    },
    Running {
        attempt: u32,
        since: Timestamp,
    },
    Ended {
        attempt: u32,
        exit: Exit,
    },
}

/// All there is to tell.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one Pod"
)]
pub(crate) struct Tale<'a> {
    pub uid: &'a str,
    pub containers: Vec<Told<'a>>,
    pub restart: Restart,
    pub gates: Vec<String>,
    pub mounted: bool,
    pub initialized: bool,
    pub init_failed: bool,
    pub deleting: bool,
    pub rejected: Option<(String, String)>,
    /// Its address, once it has one.
    pub pod_ip: Option<String>,
    pub host_ip: String,
    pub now: Timestamp,
}

/// The status, given the one told before.
pub(crate) fn pod_status(tale: &Tale<'_>, before: &PodStatus) -> PodStatus {
    let phase = phase(tale, before);
    let statuses = |main: bool| -> Option<Vec<ContainerStatus>> {
        let list: Vec<_> = tale
            .containers
            .iter()
            .filter(|told| (told.role == Role::Main) == main)
            .map(|told| container_status(tale, told))
            .collect();
        (!list.is_empty()).then_some(list)
    };
    PodStatus {
        conditions: Some(conditions(tale, &phase, before)),
        container_statuses: statuses(true),
        init_container_statuses: statuses(false),
        host_ip: Some(tale.host_ip.clone()),
        host_ips: Some(vec![HostIP {
            ip: tale.host_ip.clone(),
        }]),
        pod_ip: tale.pod_ip.clone(),
        pod_ips: tale.pod_ip.clone().map(|ip| vec![PodIP { ip }]),
        qos_class: before.qos_class.clone(),
        start_time: before
            .start_time
            .clone()
            .or_else(|| Some(Time(seconds(tale.now)))),
        reason: tale.rejected.as_ref().map(|(reason, _)| reason.clone()),
        message: tale.rejected.as_ref().map(|(_, message)| message.clone()),
        phase: Some(phase),
        ..PodStatus::default()
    }
}

fn phase(tale: &Tale<'_>, before: &PodStatus) -> String {
    // What is over stays over.
    if let Some(phase @ ("Succeeded" | "Failed")) = before.phase.as_deref() {
        return phase.to_owned();
    }
    if tale.rejected.is_some() || tale.init_failed {
        return "Failed".to_owned();
    }
    if !tale.initialized {
        return "Pending".to_owned();
    }
    let (mut waiting, mut running, mut stopped, mut failed) = (0, 0, 0, 0);
    for told in tale
        .containers
        .iter()
        .filter(|told| told.role == Role::Main)
    {
        match &told.state {
            ToldState::Waiting { .. } if told.last.is_none() => waiting += 1,
            ToldState::Waiting { .. } => {
                stopped += 1;
                failed += 1;
            }
            ToldState::Running { .. } => running += 1,
            ToldState::Ended { exit, .. } => {
                stopped += 1;
                failed += usize::from(exit.code != 0);
            }
        }
    }
    let phase = match (waiting, running, stopped, tale.restart) {
        (1.., ..) => "Pending",
        (_, 1.., ..) | (_, _, 1.., Restart::Always) => "Running",
        (_, _, 1.., _) if failed == 0 => "Succeeded",
        (_, _, 1.., Restart::Never) => "Failed",
        (_, _, 1.., Restart::OnFailure) => "Running",
        _ => "Pending",
    };
    phase.to_owned()
}

fn container_status(tale: &Tale<'_>, told: &Told<'_>) -> ContainerStatus {
    let id = |attempt: u32| format!("klamm://{}/{}/{attempt}", tale.uid, told.container.name);
    let terminated = |attempt: u32, exit: &Exit| ContainerStateTerminated {
        container_id: Some(id(attempt)),
        exit_code: exit.code,
        signal: exit.signal,
        reason: Some(exit.reason().to_owned()),
        message: exit
            .start_error
            .clone()
            .or_else(|| exit.message.clone())
            .or_else(|| exit.unknown.then(|| UNSEEN.to_owned())),
        started_at: exit.started_at.map(|at| Time(seconds(at))),
        finished_at: Some(Time(seconds(exit.finished_at))),
    };
    let mut state = ContainerState::default();
    let container_id = match &told.state {
        ToldState::Waiting { reason, message } => {
            state.waiting = Some(ContainerStateWaiting {
                reason: Some(reason.clone()),
                message: message.clone(),
            });
            told.last.as_ref().map(|(attempt, _)| id(*attempt))
        }
        ToldState::Running { attempt, since } => {
            state.running = Some(ContainerStateRunning {
                started_at: Some(Time(seconds(*since))),
            });
            Some(id(*attempt))
        }
        ToldState::Ended { attempt, exit } => {
            state.terminated = Some(terminated(*attempt, exit));
            Some(id(*attempt))
        }
    };
    ContainerStatus {
        name: told.container.name.clone(),
        image: told.container.image.clone().unwrap_or_default(),
        image_id: told.image_id.clone(),
        container_id,
        state: Some(state),
        last_state: Some(ContainerState {
            terminated: told
                .last
                .as_ref()
                .map(|(attempt, exit)| terminated(*attempt, exit)),
            ..ContainerState::default()
        }),
        ready: told.ready,
        started: Some(told.started),
        restart_count: i32::try_from(told.restarts).unwrap_or(i32::MAX),
        ..ContainerStatus::default()
    }
}

/// Told of a container whose end nobody saw.
const UNSEEN: &str = "The container's monitor ended before it could say how the container did";

/// A condition before its times are known: type, whether it holds, reason and message if not.
type Fact = (&'static str, bool, Option<(&'static str, String)>);

fn conditions(tale: &Tale<'_>, phase: &str, before: &PodStatus) -> Vec<PodCondition> {
    let names = |pick: &dyn Fn(&Told<'_>) -> bool| -> Vec<&str> {
        tale.containers
            .iter()
            .filter(|told| pick(told))
            .map(|told| told.container.name.as_str())
            .collect()
    };
    let over = matches!(phase, "Succeeded" | "Failed");
    let completed = || match phase {
        "Succeeded" => ("PodCompleted", String::new()),
        _ => ("PodFailed", String::new()),
    };
    let unready = names(&|told| told.role != Role::Init && !told.ready);
    let incomplete = names(&|told| {
        told.role == Role::Init
            && !matches!(&told.state, ToldState::Ended { exit, .. } if exit.code == 0)
            || told.role == Role::Sidecar && !told.started
    });
    let not_ready = || {
        if over {
            completed()
        } else {
            (
                "ContainersNotReady",
                format!("containers with unready status: [{}]", unready.join(" ")),
            )
        }
    };
    let containers_ready =
        unready.is_empty() && !over && tale.initialized && !tale.deleting_all_stopped();
    let gate_closed = tale.gates.iter().find(|gate| {
        !before
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == **gate && condition.status == "True")
    });
    let ready = match (containers_ready, gate_closed) {
        (false, _) => Some(not_ready()),
        (true, Some(gate)) => Some((
            "ReadinessGatesNotReady",
            format!(
                "corresponding condition of pod readiness gate {gate:?} does not exist or is not True."
            ),
        )),
        (true, None) => None,
    };
    let facts: [Fact; 5] = [
        ("PodReadyToStartContainers", tale.mounted && !over, None),
        (
            "Initialized",
            tale.initialized,
            (!tale.initialized).then(|| {
                (
                    "ContainersNotInitialized",
                    format!(
                        "containers with incomplete status: [{}]",
                        incomplete.join(" ")
                    ),
                )
            }),
        ),
        ("Ready", ready.is_none(), ready),
        (
            "ContainersReady",
            containers_ready,
            (!containers_ready).then(not_ready),
        ),
        ("PodScheduled", true, None),
    ];
    let mut conditions: Vec<PodCondition> = facts
        .into_iter()
        .map(|fact| condition(fact, before, tale.now))
        .collect();
    let foreign = before
        .conditions
        .iter()
        .flatten()
        .filter(|condition| !conditions.iter().any(|ours| ours.type_ == condition.type_));
    let foreign: Vec<_> = foreign.cloned().collect();
    conditions.extend(foreign);
    conditions
}

fn condition((type_, holds, why): Fact, before: &PodStatus, now: Timestamp) -> PodCondition {
    let status = if holds { "True" } else { "False" };
    let previous = before
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == type_);
    let since = previous
        .filter(|condition| condition.status == status)
        .and_then(|condition| condition.last_transition_time.clone())
        .unwrap_or_else(|| Time(seconds(now)));
    let (reason, message) = why.map_or((None, None), |(reason, message)| {
        (
            Some(reason.to_owned()),
            Some(message).filter(|message| !message.is_empty()),
        )
    });
    PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason,
        message,
        last_transition_time: Some(since),
        ..PodCondition::default()
    }
}

impl Tale<'_> {
    /// A Pod that goes away is not ready once nothing of it runs any more.
    fn deleting_all_stopped(&self) -> bool {
        self.deleting
            && !self
                .containers
                .iter()
                .any(|told| matches!(told.state, ToldState::Running { .. }))
    }
}

#[cfg(test)]
mod tests;
