//! What the planner decided or saw, as far as objects depend on it.

use std::collections::{BTreeMap, BTreeSet};

use model::desired::{Cluster, ListenerName, Node, NodeId, Pool};
use model::observed::identity::Identity;
use model::runner::{Format, QuorumKind};
use serde::{Deserialize, Serialize};

/// Everything the objects of a cluster depend on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What users want.
    pub cluster: &'a Cluster,
    /// What was decided and seen.
    pub facts: &'a Facts,
    /// The operator's settings.
    pub settings: &'a Settings,
}

/// What was decided and seen about a cluster as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Uid of the Kafka resource, the owner of nearly everything.
    pub owner_uid: String,
    /// Cluster id, directory ids, first controllers, whether the quorum was formed.
    pub identity: Identity,
    /// The nodes to render, by id. Nodes that are leaving are still nodes.
    pub nodes: BTreeMap<NodeId, Node>,
    /// How controllers find each other.
    pub quorum: QuorumKind,
    /// Generations of the authorities.
    pub generations: Generations,
    /// Addresses that external listeners were given.
    #[serde(default)]
    pub addresses: BTreeMap<ListenerName, ListenerAddresses>,
    /// Loopback addresses of bootstrap Services, for certificates on process nodes. Others may be in it and are ignored.
    #[serde(default)]
    pub service_addresses: BTreeSet<String>,
    /// Content of the `ConfigMap` key that `spec.kafka.logging` refers to.
    #[serde(default)]
    pub logging: Option<String>,
    /// Content of the `ConfigMap` key that `spec.kafka.metricsConfig` refers to.
    #[serde(default)]
    pub metrics: Option<String>,
}

/// Generations of the authorities, as Strimzi counts them: from 0, one more with each certificate or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generations {
    /// Certificate of the cluster CA.
    pub cluster_certificate: u32,
    /// Key of the cluster CA.
    pub cluster_key: u32,
    /// Certificate of the clients CA.
    pub clients_certificate: u32,
    /// Key of the clients CA.
    pub clients_key: u32,
}

/// Addresses of one external listener.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerAddresses {
    /// Hosts of the bootstrap address.
    pub bootstrap: BTreeSet<String>,
    /// Of each broker.
    pub brokers: BTreeMap<NodeId, Address>,
}

/// Where one broker is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Host name or IP address; unknown for a node port before the Pod is bound.
    pub host: Option<String>,
    /// Port.
    pub port: u16,
}

/// What was decided about one Pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// Permission to format empty disks; none when absent.
    #[serde(default)]
    pub format: Option<Format>,
}

/// Settings of the operator that show in objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Image that holds the runner: `klamm:<version>`.
    pub klamm_image: String,
    /// Image of etcd, for clusters with one of their own.
    #[serde(default = "etcd_image")]
    pub etcd_image: String,
    /// `Always`, `IfNotPresent`, `Never`; Kubernetes' own rule when absent.
    #[serde(default)]
    pub image_pull_policy: Option<String>,
    /// Secrets to pull images with, where the user's template names none.
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
    /// Whether network policies are made.
    pub network_policies: bool,
    /// Whether disruption budgets are made.
    pub disruption_budgets: bool,
    /// Namespace of the operator; any when unknown.
    #[serde(default)]
    pub operator_namespace: Option<String>,
    /// Labels of that namespace; by its name when empty.
    #[serde(default)]
    pub operator_namespace_labels: BTreeMap<String, String>,
    /// DNS domain of the Kubernetes cluster.
    pub dns_domain: String,
}

impl Default for Settings {
    /// As installed without any setting.
    fn default() -> Self {
        Self {
            klamm_image: concat!("klamm:", env!("CARGO_PKG_VERSION")).to_owned(),
            etcd_image: etcd_image(),
            image_pull_policy: None,
            image_pull_secrets: Vec::new(),
            network_policies: true,
            disruption_budgets: true,
            operator_namespace: None,
            operator_namespace_labels: BTreeMap::new(),
            dns_domain: "cluster.local".to_owned(),
        }
    }
}

fn etcd_image() -> String {
    "quay.io/coreos/etcd:v3.5.21".to_owned()
}

impl<'a> Input<'a> {
    /// The pool of a node; absent when the pool went and its nodes are still leaving.
    pub fn pool(&self, node: &Node) -> Option<&'a Pool> {
        self.cluster.pools.get(&node.pool)
    }

    /// Nodes that serve clients, by id.
    pub fn brokers(&self) -> impl Iterator<Item = &'a Node> {
        self.facts
            .nodes
            .values()
            .filter(|node| node.roles.is_broker())
    }

    /// Nodes that vote, by id.
    pub fn controllers(&self) -> impl Iterator<Item = &'a Node> {
        self.facts
            .nodes
            .values()
            .filter(|node| node.roles.is_controller())
    }
}
