//! What is told about a cluster: the statuses of the Kafka, of its node pools and of its KafkaPlan.
//!
//! Reads: the look, its plan, and what came of the steps. Conditions speak Strimzi's dialect (`Ready` or `NotReady`,
//! `Warning` each with a reason, `ReconciliationPaused`) and kstatus's (`Ready`, `Reconciling`, `Stalled`) at once.
//!
//! Invariants: the same input gives the same bytes; times move only when a condition's status does, so a steady cluster
//! is told the same status for ever; what cannot be seen now keeps its last told value; nothing secret is in it.

use std::collections::BTreeMap;

use model::desired::MetadataVersion;
use model::observed::identity::Identity;
use model::observed::resource::Resource;
use resources::{Condition, KafkaNodePoolStatus, KafkaStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Input;
use crate::cluster::draft::Draft;
use crate::cluster::identity::{Settled, settle};
use crate::cluster::listeners;
use crate::cluster::node::NodeView;
use crate::cluster::render::Renderer;
use crate::cluster::view::View;
use crate::kafka_plan;
use crate::outcome::Outcome;
use crate::plan::{Plan, Purpose};

mod conditions;

pub(crate) use conditions::{seconds, unseen_settings};

/// Statuses, whole: each is written as it is, by a patch of what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Of the Kafka; what was seen, where it is not ours to tell.
    pub kafka: Value,
    /// Of the node pools, by name; those that nothing is told about are absent.
    pub pools: BTreeMap<String, Value>,
    /// Of the KafkaPlan.
    pub plan: Value,
}

/// Tells the statuses that follow from a look.
pub fn status(input: &Input, plan: &Plan, outcome: &Outcome) -> Status {
    let found = &input.observed.kafka.status;
    let view = View::open(input).ok();
    let identity = view.as_ref().and_then(identity);
    let known = view.as_ref().zip(identity.as_ref());
    let kafka = match plan.purpose {
        Purpose::NotOurs => not_ours(input, plan),
        Purpose::Deleting => found.clone(),
        Purpose::Paused
        | Purpose::Refused
        | Purpose::Deploy
        | Purpose::Recover
        | Purpose::Maintain => value(
            kafka_status(input, plan, outcome, view.as_ref(), identity.as_ref()),
            found,
        ),
    };
    let pools = match plan.purpose {
        Purpose::NotOurs | Purpose::Deleting | Purpose::Paused => BTreeMap::new(),
        Purpose::Refused | Purpose::Deploy | Purpose::Recover | Purpose::Maintain => known
            .map_or_else(BTreeMap::new, |(view, identity)| {
                pool_statuses(view, identity)
            }),
    };
    Status {
        kafka,
        pools,
        plan: kafka_plan::status(input, plan, outcome),
    }
}

/// A status as JSON; what cannot be written keeps what was found.
fn value<T: Serialize>(status: T, found: &Value) -> Value {
    serde_json::to_value(status).unwrap_or_else(|_| found.clone())
}

/// A Kafka of somebody else's keeps its status, with one condition of ours; one that another operator of ours claimed
/// keeps even that.
fn not_ours(input: &Input, plan: &Plan) -> Value {
    let found = &input.observed.kafka.status;
    let Some(condition) = conditions::foreign(input, plan) else {
        return found.clone();
    };
    let mut status = found.as_object().cloned().unwrap_or_default();
    let others = status.get("conditions").and_then(Value::as_array).cloned();
    let mut all: Vec<Value> = others
        .unwrap_or_default()
        .into_iter()
        .filter(|other| other["type"] != conditions::FOREIGN)
        .collect();
    all.push(value(condition, &Value::Null));
    status.insert("conditions".to_owned(), Value::Array(all));
    Value::Object(status)
}

fn kafka_status(
    input: &Input,
    plan: &Plan,
    outcome: &Outcome,
    view: Option<&View<'_>>,
    identity: Option<&Identity>,
) -> KafkaStatus {
    let kafka = &input.observed.kafka;
    let last: KafkaStatus = serde_json::from_value(kafka.status.clone()).unwrap_or_default();
    let (conditions, generation) = conditions::of_kafka(input, plan, outcome);
    let ready = conditions::is_ready(&conditions);
    let mut status = KafkaStatus {
        conditions: Some(conditions),
        observed_generation: Some(generation),
        ..last.clone()
    };
    if plan.purpose == Purpose::Paused {
        return status;
    }
    if ready {
        status.operator_last_successful_version = Some(input.settings.version.clone());
    }
    let Some(view) = view else {
        return status;
    };
    let pools = view.pools.keys();
    let pools = pools.map(|name| resources::cluster::UsedNodePool {
        name: Some(name.clone()),
    });
    status.kafka_node_pools = Some(pools.collect());
    let Some(identity) = identity else {
        return status;
    };
    let nodes = NodeView::all(view, identity);
    status.cluster_id = Some(identity.cluster_id.clone());
    status.kafka_version = running_version(&nodes).or(last.kafka_version);
    let level = input
        .observed
        .features
        .value()
        .and_then(|features| features.metadata_version);
    status.kafka_metadata_version = level
        .and_then(MetadataVersion::from_level)
        .map(|version| version.to_string())
        .or(last.kafka_metadata_version);
    if let Some(desired) = view.desired() {
        let renderer = Renderer::new(view, identity, desired);
        let listeners = listeners::status(view, &renderer, &nodes);
        status.listeners = (!listeners.is_empty()).then_some(listeners);
    }
    status
}

/// The identity, where it is settled.
pub(crate) fn identity(view: &View<'_>) -> Option<Identity> {
    match settle(view, &mut Draft::new(view.input)) {
        Settled::Known {
            identity,
            learnt: _,
        } => Some(identity),
        Settled::Recording | Settled::Stopped => None,
    }
}

/// The oldest version that a node which served is configured with.
fn running_version(nodes: &[NodeView<'_>]) -> Option<String> {
    let served = nodes.iter().filter(|node| node.node.served);
    let versions =
        served.filter_map(|node| Some(node.record.as_ref()?.runner.as_ref()?.kafka_version));
    versions.min().map(|version| version.to_string())
}

fn pool_statuses(view: &View<'_>, identity: &Identity) -> BTreeMap<String, Value> {
    let pools = view.pools.iter().map(|(name, pool)| {
        let status = pool_status(view.input, identity, name, pool);
        (name.clone(), value(status, &pool.status))
    });
    pools.collect()
}

fn pool_status(
    input: &Input,
    identity: &Identity,
    name: &str,
    pool: &Resource,
) -> KafkaNodePoolStatus {
    let cluster = &input.observed.kafka.name;
    let nodes = identity.nodes.iter().filter(|(_, node)| node.pool == name);
    let ids: Vec<i32> = nodes.clone().map(|(id, _)| *id).collect();
    let roles = nodes.map(|(_, node)| node.roles).next();
    let roles = roles.map(|roles| {
        let controller = roles
            .is_controller()
            .then_some(resources::node_pool::NodeRole::Controller);
        let broker = roles
            .is_broker()
            .then_some(resources::node_pool::NodeRole::Broker);
        controller.into_iter().chain(broker).collect()
    });
    let warnings: Vec<Condition> = conditions::of_pool(input, name, &pool.status);
    KafkaNodePoolStatus {
        conditions: Some(warnings),
        observed_generation: Some(pool.generation),
        replicas: i32::try_from(ids.len()).ok(),
        node_ids: Some(ids),
        cluster_id: Some(identity.cluster_id.clone()),
        roles,
        label_selector: Some(format!(
            "strimzi.io/cluster={cluster},strimzi.io/name={cluster}-kafka,strimzi.io/kind=Kafka,strimzi.io/pool-name={name}"
        )),
    }
}
