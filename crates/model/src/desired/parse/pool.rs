//! A KafkaNodePool.

use std::collections::BTreeMap;

use resources::KafkaNodePool;
use resources::node_pool::NodeRole;

use super::report::Report;
use super::{container_resources, jvm, metadata, own_labels, storage, template};
use crate::desired::{ClusterTemplate, JvmOptions, NodeIdRange, Pool, PoolName, Roles};
use crate::node_ids;
use crate::problem::WarningReason;

/// Annotation: ids for new nodes.
pub const NEXT_NODE_IDS: &str = "strimzi.io/next-node-ids";
/// Annotation: nodes to remove first.
pub const REMOVE_NODE_IDS: &str = "strimzi.io/remove-node-ids";

/// Most nodes of a cluster, in all its pools: more than anybody runs, and few enough that a slip of the finger neither
/// keeps planning busy nor fills a Kubernetes with Pods.
pub(super) const MOST_NODES: u32 = 1_000;

/// What pools take from their Kafka.
pub(super) struct Inherited<'a> {
    /// How many nodes the other pools leave.
    pub(super) room: u32,
    pub(super) jvm: &'a JvmOptions,
    pub(super) template: &'a ClusterTemplate,
}

/// A pool; `None` where it cannot be understood (the report says why).
pub(super) fn parse(
    pool: &KafkaNodePool,
    inherited: &Inherited<'_>,
    report: &mut Report,
) -> Option<Pool> {
    let spec = &pool.spec;
    let name = name(pool, report);
    let roles = roles(&spec.roles, report);
    let replicas = u32::try_from(spec.replicas)
        .ok()
        .filter(|replicas| *replicas <= inherited.room);
    if replicas.is_none() {
        let allowed = format!(
            "a number from 0 to {}: all pools of a cluster together have at most {MOST_NODES} nodes",
            inherited.room
        );
        report.invalid("spec.replicas", spec.replicas, &allowed, "3");
    }
    let storage = storage::parse(&spec.storage, report);
    let resources = container_resources::parse("spec.resources", spec.resources.as_ref(), report);
    let jvm = match &spec.jvm_options {
        Some(options) => jvm::parse("spec.jvmOptions", options, report),
        None => inherited.jvm.clone(),
    };
    let template = template::parse_pool(spec.template.as_ref(), inherited.template, report);
    let labels = own_labels(&pool.metadata, report);
    metadata::check_own(&pool.metadata, report);
    let next_node_ids = ranges(pool, NEXT_NODE_IDS, report);
    let remove_node_ids = ranges(pool, REMOVE_NODE_IDS, report);
    Some(Pool {
        name: name?,
        labels,
        roles: roles?,
        replicas: replicas?,
        storage: storage?,
        resources,
        jvm,
        template,
        next_node_ids,
        remove_node_ids,
    })
}

fn name(pool: &KafkaNodePool, report: &mut Report) -> Option<PoolName> {
    let name = pool.metadata.name.as_deref().unwrap_or_default();
    let parsed = name.parse().ok();
    if parsed.is_none() {
        report.invalid("metadata.name", name, PoolName::ALLOWED, "dual-role");
    }
    parsed
}

fn roles(roles: &[NodeRole], report: &mut Report) -> Option<Roles> {
    match (
        roles.contains(&NodeRole::Controller),
        roles.contains(&NodeRole::Broker),
    ) {
        (true, true) => Some(Roles::Combined),
        (true, false) => Some(Roles::Controller),
        (false, true) => Some(Roles::Broker),
        (false, false) => {
            report.missing(
                "spec.roles",
                "`controller`, `broker` or both",
                "[controller, broker]",
            );
            None
        }
    }
}

/// Ranges in an annotation; one that cannot be read is not used, and told.
fn ranges(pool: &KafkaNodePool, annotation: &str, report: &mut Report) -> Vec<NodeIdRange> {
    let empty = BTreeMap::new();
    let annotations = pool.metadata.annotations.as_ref().unwrap_or(&empty);
    let Some(text) = annotations.get(annotation) else {
        return Vec::new();
    };
    node_ids::parse_ranges(text).unwrap_or_else(|| {
        let field = format!("metadata.annotations[\"{annotation}\"]");
        let message = format!(
            "is not used, because {text:?} is not a list of node ids and ranges such as [0, 10-19]."
        );
        report.warn(WarningReason::FieldNotActedOn, &field, message);
        Vec::new()
    })
}
