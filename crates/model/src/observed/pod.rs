//! Pods as they were seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::Meta;
use crate::runner::Format;

/// One Pod of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Its metadata; our annotations are in it.
    pub meta: Meta,
    /// `spec.nodeName`, once it is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// `status.podIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_ip: Option<String>,
    /// `status.hostIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// Condition `Ready`.
    #[serde(default)]
    pub ready: bool,
    /// `KLAMM_FORMAT` in the environment of its container: what it may do to an empty disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// `metadata.creationTimestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Why the scheduler has not placed it, in its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unschedulable: Option<String>,
    /// Init containers, then containers, in the order of the Pod.
    #[serde(default)]
    pub containers: Vec<Container>,
}

/// `status.phase` of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    /// Accepted, not all containers started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended well and will not be restarted.
    Succeeded,
    /// All containers ended, one badly, and will not be restarted.
    Failed,
    /// The node cannot be asked.
    Unknown,
}

/// One container's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name; ours are `klamm-init` and `kafka`.
    pub name: String,
    /// True for an init container.
    #[serde(default)]
    pub init: bool,
    /// `ready`.
    #[serde(default)]
    pub ready: bool,
    /// `started`: its start-up probe succeeded since it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    /// `restartCount`.
    #[serde(default)]
    pub restarts: i32,
    /// `state`.
    pub state: ContainerState,
    /// `lastState.terminated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Terminated>,
}

/// `state` of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerState {
    /// Not started; `reason` such as `ContainerCreating`, `CrashLoopBackOff`, `ImagePullBackOff`.
    Waiting {
        /// CamelCase.
        reason: String,
        /// A sentence.
        #[serde(default)]
        message: String,
    },
    /// Running.
    Running,
    /// Ended.
    Terminated(Terminated),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminated {
    /// Exit code, or 128 + signal.
    pub exit_code: i32,
    /// `Error`, `Completed`, `OOMKilled`.
    #[serde(default)]
    pub reason: String,
    /// The termination message: ours begins with a [`super::runner::Refusal`] where the runner refused to start.
    #[serde(default)]
    pub message: String,
}

impl Container {
    /// Whether what runs in it came up. Who does not say so of a container that is ready means it.
    pub fn has_started(&self) -> bool {
        self.started.unwrap_or(self.ready)
    }
}

impl Pod {
    /// The container that runs Kafka.
    pub fn kafka(&self) -> Option<&Container> {
        self.containers.iter().find(|c| c.name == "kafka")
    }

    /// Whether the container that runs Kafka is running now.
    pub fn runs(&self) -> bool {
        !self.finished()
            && self
                .kafka()
                .is_some_and(|c| matches!(c.state, ContainerState::Running))
    }

    /// Whether any of its containers is running now.
    pub fn runs_anything(&self) -> bool {
        let mut own = self.containers.iter().filter(|container| !container.init);
        own.any(|container| matches!(container.state, ContainerState::Running))
    }

    /// How a container of its ended that is not running again yet.
    pub fn ended(&self) -> Option<&Terminated> {
        let own = self.containers.iter().filter(|container| !container.init);
        let mut ended = own.filter_map(|container| match &container.state {
            ContainerState::Running => None,
            ContainerState::Terminated(terminated) => Some(terminated),
            ContainerState::Waiting { .. } => container.last.as_ref(),
        });
        ended.next()
    }

    /// Whether it will never run again (a Pod is then replaced, not waited for).
    pub fn finished(&self) -> bool {
        matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// Whether its address is a loopback one: it then runs on a process node of ours.
    pub fn on_process_node(&self) -> bool {
        self.pod_ip
            .as_deref()
            .is_some_and(|ip| ip.starts_with("127."))
    }
}
