//! A group of nodes that are alike.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use serde::{Deserialize, Serialize};

use super::jvm::JvmOptions;
use super::name::PoolName;
use super::node::{NodeIdRange, Roles};
use super::storage::Storage;
use super::template::PoolTemplate;

/// A `KafkaNodePool`, complete: what it leaves out is taken from the `Kafka`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Its own labels that go onto its objects (without those of deployment tools).
    pub labels: BTreeMap<String, String>,
    /// What its nodes do.
    pub roles: Roles,
    /// How many nodes there shall be.
    pub replicas: u32,
    /// Where they keep data.
    pub storage: Storage,
    /// Memory, CPU.
    pub resources: ResourceRequirements,
    /// How their JVM is started; the `Kafka`'s options where the pool has none.
    pub jvm: JvmOptions,
    /// What is different about its objects; goes over the `Kafka`'s template.
    pub template: PoolTemplate,
    /// Ids for new nodes, in order of preference.
    pub next_node_ids: Vec<NodeIdRange>,
    /// Nodes that go first.
    pub remove_node_ids: Vec<NodeIdRange>,
}
