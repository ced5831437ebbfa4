//! The custom resources as they were seen: their metadata and our own last status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::Meta;

/// A Kafka or a KafkaNodePool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The rest of the metadata.
    pub meta: Meta,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status` as it stands, `null` where there is none.
    #[serde(default)]
    pub status: Value,
}

/// What a user asked of the plan (`KafkaPlan.spec`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanResource {
    /// `metadata.name`.
    pub name: String,
    /// The rest of the metadata.
    pub meta: Meta,
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec` as it stands.
    #[serde(default)]
    pub spec: Value,
    /// `status` as it stands, `null` where there is none.
    #[serde(default)]
    pub status: Value,
}

/// Addresses by which a Service can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAddresses {
    /// `spec.clusterIP`, unless `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_ip: Option<String>,
    /// Host names or addresses in `status.loadBalancer.ingress`.
    #[serde(default)]
    pub load_balancer: Vec<String>,
    /// Port name → node port.
    #[serde(default)]
    pub node_ports: BTreeMap<String, u16>,
}

/// A Kubernetes node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Address type (`ExternalDNS`, `ExternalIP`, `InternalDNS`, `InternalIP`, `Hostname`) → address, the first of each.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
}
