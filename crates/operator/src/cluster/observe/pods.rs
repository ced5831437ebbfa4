//! Pods and volume claims, and whose they are.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use kube::api::DynamicObject;
use model::desired::{Cluster, Roles};
use model::observed::claim::Foreign;
use model::observed::pod::{Container, ContainerState, Pod, PodPhase, Terminated};
use model::observed::volume::Volume;
use model::observed::{Known, Why};
use model::runner::Format;

use super::kubernetes::meta_of;

/// A Pod that carries the cluster's labels: ours, or somebody else's.
pub(super) enum Whose {
    /// Owned by the Kafka (perhaps by one of the same name that was deleted since).
    Ours(Box<(String, Pod)>),
    /// Owned by somebody else.
    Theirs(Foreign),
    /// A Pod that cannot be decoded; whose it is cannot be told.
    Unreadable(String),
}

/// A node that can be asked something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunningNode {
    /// Its node id.
    pub(crate) id: i32,
    /// Its Pod.
    pub(crate) pod: String,
    /// Where it listens.
    pub(crate) address: IpAddr,
    /// What it does.
    pub(crate) roles: Roles,
}

/// Tells whose a Pod is.
pub(super) fn split(cluster: &str, pod: &DynamicObject) -> Whose {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let meta = meta_of(&pod.metadata);
    match &meta.owner {
        Some(owner) if owner.kind == "Kafka" && owner.name == cluster => {}
        owner => {
            return Whose::Theirs(Foreign {
                kind: "Pod".to_owned(),
                name,
                owner: match owner {
                    Some(owner) => format!("{} {}", owner.kind, owner.name),
                    None => meta
                        .labels
                        .get("app.kubernetes.io/managed-by")
                        .cloned()
                        .unwrap_or_default(),
                },
            });
        }
    }
    let typed = serde_json::to_value(pod).and_then(serde_json::from_value::<core::Pod>);
    match typed {
        Ok(typed) => Whose::Ours(Box::new((name, pod_of(meta, &typed)))),
        Err(error) => Whose::Unreadable(format!("Pod {name}: {error}")),
    }
}

/// Our Pod by name.
pub(super) fn ours(whose: Whose) -> Option<(String, Pod)> {
    match whose {
        Whose::Ours(pod) => Some(*pod),
        Whose::Theirs(_) | Whose::Unreadable(_) => None,
    }
}

/// Everything of somebody else's, sorted.
pub(super) fn foreign(
    [pods, store_pods]: [&Known<Vec<Whose>>; 2],
    pod_sets: &Known<Vec<DynamicObject>>,
) -> Known<Vec<Foreign>> {
    let (Known::At(at, pods), Known::At(_, store_pods), Known::At(_, pod_sets)) =
        (pods, store_pods, pod_sets)
    else {
        let why = pods.why().or(store_pods.why()).or(pod_sets.why()).cloned();
        return Known::Unknown(why.unwrap_or(Why::NotAsked));
    };
    let mut foreign = Vec::new();
    for pod in pods.iter().chain(store_pods) {
        match pod {
            Whose::Ours(_) => {}
            Whose::Theirs(theirs) => foreign.push(theirs.clone()),
            Whose::Unreadable(text) => {
                return Known::Unknown(Why::Malformed { text: text.clone() });
            }
        }
    }
    foreign.extend(pod_sets.iter().map(|set| {
        let labels = set.metadata.labels.clone().unwrap_or_default();
        Foreign {
            kind: "StrimziPodSet".to_owned(),
            name: set.metadata.name.clone().unwrap_or_default(),
            owner: labels
                .get("app.kubernetes.io/managed-by")
                .cloned()
                .unwrap_or_default(),
        }
    }));
    foreign.sort();
    Known::At(*at, foreign)
}

/// The nodes whose Kafka runs and has an address, by id.
pub(super) fn running_nodes(desired: &Cluster, pods: &BTreeMap<String, Pod>) -> Vec<RunningNode> {
    let mut nodes: Vec<RunningNode> = pods
        .iter()
        .filter(|(_, pod)| pod.runs() && !pod.meta.deleting)
        .filter_map(|(name, pod)| {
            let address = pod.pod_ip.as_deref()?.parse().ok()?;
            let pool = pod.meta.labels.get("strimzi.io/pool-name")?;
            let id = name.rsplit('-').next()?.parse().ok()?;
            let flag = |key: &str| pod.meta.labels.get(key).map(|value| value == "true");
            let wanted = desired
                .pools
                .values()
                .find(|known| known.name.as_str() == pool)
                .map(|pool| pool.roles);
            let roles = match (
                flag("strimzi.io/controller-role"),
                flag("strimzi.io/broker-role"),
            ) {
                (Some(true), Some(true)) => Roles::Combined,
                (Some(true), _) => Roles::Controller,
                (_, Some(true)) => Roles::Broker,
                _ => wanted?,
            };
            Some(RunningNode {
                id,
                pod: name.clone(),
                address,
                roles,
            })
        })
        .collect();
    nodes.sort_by_key(|node| node.id);
    nodes
}

fn pod_of(meta: model::observed::object::Meta, pod: &core::Pod) -> Pod {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let condition = |kind: &str| {
        status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == kind)
    };
    let unschedulable = condition("PodScheduled")
        .filter(|condition| {
            condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
        })
        .map(|condition| condition.message.clone().unwrap_or_default());
    let statuses = |list: &Option<Vec<core::ContainerStatus>>, init: bool| -> Vec<Container> {
        list.iter()
            .flatten()
            .map(|status| container_of(status, init))
            .collect()
    };
    let mut containers = statuses(&status.init_container_statuses, true);
    containers.extend(statuses(&status.container_statuses, false));
    Pod {
        meta,
        node_name: spec.node_name.clone(),
        phase: match status.phase.as_deref() {
            Some("Running") => PodPhase::Running,
            Some("Succeeded") => PodPhase::Succeeded,
            Some("Failed") => PodPhase::Failed,
            Some("Unknown") => PodPhase::Unknown,
            // A Pod that no kubelet has seen yet has no phase.
            Some(_) | None => PodPhase::Pending,
        },
        pod_ip: status.pod_ip.clone().filter(|address| !address.is_empty()),
        host_ip: status.host_ip.clone().filter(|address| !address.is_empty()),
        ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
        format: format_of(&spec),
        created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
        unschedulable,
        containers,
    }
}

fn format_of(spec: &core::PodSpec) -> Option<Format> {
    let kafka = spec
        .containers
        .iter()
        .find(|container| container.name == "kafka")
        .or(spec.containers.first())?;
    let variable = kafka
        .env
        .iter()
        .flatten()
        .find(|variable| variable.name == model::runner::env::FORMAT)?;
    Format::parse(variable.value.as_deref()?)
}

fn container_of(status: &core::ContainerStatus, init: bool) -> Container {
    let state = status.state.clone().unwrap_or_default();
    Container {
        name: status.name.clone(),
        init,
        ready: status.ready,
        started: status.started,
        restarts: status.restart_count,
        state: match (state.running, state.terminated, state.waiting) {
            (Some(_), _, _) => ContainerState::Running,
            (None, Some(terminated), _) => ContainerState::Terminated(terminated_of(terminated)),
            (None, None, waiting) => {
                let waiting = waiting.unwrap_or_default();
                ContainerState::Waiting {
                    reason: waiting.reason.unwrap_or_default(),
                    message: waiting.message.unwrap_or_default(),
                }
            }
        },
        last: status
            .last_state
            .clone()
            .and_then(|last| last.terminated)
            .map(terminated_of),
    }
}

fn terminated_of(state: core::ContainerStateTerminated) -> Terminated {
    Terminated {
        exit_code: state.exit_code,
        reason: state.reason.unwrap_or_default(),
        message: state.message.unwrap_or_default(),
    }
}

/// A volume claim by name.
pub(super) fn volume_of(claim: &DynamicObject) -> (String, Volume) {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let phase = claim.data["status"]["phase"].as_str().unwrap_or_default();
    let volume = Volume {
        meta: meta_of(&claim.metadata),
        bound: phase == "Bound",
        lost: phase == "Lost",
        size: text(&claim.data["spec"]["resources"]["requests"]["storage"]).unwrap_or_default(),
        class: text(&claim.data["spec"]["storageClassName"]),
    };
    (claim.metadata.name.clone().unwrap_or_default(), volume)
}
