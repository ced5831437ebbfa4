//! Who a cluster and its nodes are: what must survive everything.
//!
//! The record lives in the annotation [`IDENTITY`] of the Kafka resource, drawn once and written before anything
//! acts on it. Each persistent volume carries its own part ([`CLUSTER_ID`] …), so that the record can be rebuilt when
//! the resource was deleted, replaced or restored from a backup.
//!
//! Invariants: a cluster id and a directory id never change without a decision recorded here first; a directory id
//! belongs to one disk for ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::{Roles, StoreKind};

/// Annotation of the Kafka resource: the [`Identity`] as JSON.
pub const IDENTITY: &str = "klamm.dev/identity";
/// Annotation of the Kafka resource: which operator may act on it.
pub const CLAIMED_BY: &str = "klamm.dev/claimed-by";
/// Annotation of the Kafka resource: the last disruptive step that was begun, and by whom.
pub const LAST_DISRUPTION: &str = "klamm.dev/last-disruption";
/// Annotation of the Kafka resource, set by a human: names (comma-separated) of volumes that may be formatted although
/// they were expected to hold data.
pub const ACCEPT_EMPTY_VOLUMES: &str = "klamm.dev/accept-empty-volumes";
/// Annotation of the Kafka resource and KafkaNodePool, Strimzi's: act on nothing while it is `true`.
pub const PAUSE_RECONCILIATION: &str = "strimzi.io/pause-reconciliation";

/// Annotation of a volume claim: the cluster its disk belongs to.
pub const CLUSTER_ID: &str = "klamm.dev/cluster-id";
/// Annotation of a volume claim: the node its disk belongs to.
pub const NODE_ID: &str = "klamm.dev/node-id";
/// Annotation of a volume claim: the directory id its disk carries in `meta.properties`.
pub const DIRECTORY_ID: &str = "klamm.dev/directory-id";
/// Annotation of a volume claim: the voters that the first controllers formatted with (`0:<dir>,1:<dir>`).
pub const INITIAL_CONTROLLERS: &str = "klamm.dev/initial-controllers";
/// Annotation of a volume claim: `true` once a leader of the quorum was seen.
pub const QUORUM_FORMED: &str = "klamm.dev/quorum-formed";
/// Annotation of a volume claim: `true` once the node was seen running on it, so that its disk holds data.
pub const FORMATTED: &str = "klamm.dev/formatted";
/// Annotation of a volume claim: what its node does, as in Kafka's `process.roles`.
pub const ROLES: &str = "klamm.dev/roles";
/// Annotation of a Pod: the mode of formatting it was created with (`initial`, `join`).
pub const FORMAT_GRANTED: &str = "klamm.dev/format";
/// Annotation of a Pod: hash of the configuration (the data of its ConfigMap) it was created with.
pub const CONFIGURATION: &str = "klamm.dev/configuration";
/// Annotation of a node's ConfigMap: generations of the Kafka and the pool it was rendered from (`3/1`).
pub const MADE_FROM: &str = "klamm.dev/made-from";
/// Annotation of a node's ConfigMap: properties that brokers are told of while they run, by name, from before they are told
/// until they are out of force.
pub const SETTINGS: &str = "klamm.dev/settings";
/// Key in a node's ConfigMap: its Pod as rendered (without permission to format), so that a lost Pod comes back as it was.
pub const POD_RECORD: &str = "pod.json";

/// Who a cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Uid of the Kafka that this is the identity of: a copy of the annotation on another resource means nothing.
    #[serde(default)]
    pub kafka_uid: String,
    /// Kafka's cluster id: 22 characters of base64url.
    pub cluster_id: String,
    /// True once a leader was seen: from then on no node is ever formatted as a first controller again.
    #[serde(default)]
    pub quorum_formed: bool,
    /// Node → directory id of its metadata log, as the first controllers format with; fixed before the first Pod.
    #[serde(default)]
    pub initial_controllers: BTreeMap<i32, String>,
    /// Every node there is, by id.
    #[serde(default)]
    pub nodes: BTreeMap<i32, NodeIdentity>,
    /// Where the metadata are, where that is not a quorum of nodes.
    #[serde(default, skip_serializing_if = "StoreIdentity::is_kraft")]
    pub store: StoreIdentity,
}

/// Who keeps the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreIdentity {
    /// What it is; never changes once something was made.
    pub kind: StoreKind,
    /// Its servers that have a volume, by number: whether they were seen running on it, so that it holds data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formatted: BTreeMap<u32, bool>,
}

impl StoreIdentity {
    /// Whether the metadata are in a quorum of nodes.
    pub fn is_kraft(&self) -> bool {
        self.kind.is_kraft()
    }
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeIdentity {
    /// The pool it was made for.
    pub pool: String,
    /// What it does.
    pub roles: Roles,
    /// The volume that holds the metadata log.
    #[serde(default)]
    pub metadata: u32,
    /// Volume id (0 where there is one unnamed volume) → directory id of the log directory on it.
    #[serde(default)]
    pub directories: BTreeMap<u32, String>,
    /// Volume id → volume claim, for the volumes that outlive the Pod; the others are ephemeral.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<u32, String>,
    /// True once the node was seen running on these directories: they hold data and are never formatted again.
    #[serde(default)]
    pub formatted: bool,
    /// True once the node served, on whatever directories: from then on its configuration only changes by a plan.
    #[serde(default)]
    pub served: bool,
}

impl NodeIdentity {
    /// The directory id of the metadata log: the one that voters are known by.
    pub fn metadata_directory(&self) -> Option<&str> {
        self.directories.get(&self.metadata).map(String::as_str)
    }

    /// Whether nothing of it outlives its Pod.
    pub fn is_ephemeral(&self) -> bool {
        self.claims.is_empty()
    }
}

impl Identity {
    /// Whether brokers speak ZooKeeper's protocol to where the metadata are.
    pub fn speaks_zookeeper(&self) -> bool {
        !self.store.is_kraft()
    }

    /// The nodes that vote, or shall.
    pub fn controllers(&self) -> impl Iterator<Item = (i32, &NodeIdentity)> {
        self.nodes
            .iter()
            .filter(|(_, node)| node.roles.is_controller())
            .map(|(id, node)| (*id, node))
    }

    /// The first voters as text: `0:<dir>,1:<dir>`; the form of [`INITIAL_CONTROLLERS`].
    pub fn initial_controllers_text(&self) -> String {
        let entries: Vec<String> = self
            .initial_controllers
            .iter()
            .map(|(id, directory)| format!("{id}:{directory}"))
            .collect();
        entries.join(",")
    }
}

/// Reads [`INITIAL_CONTROLLERS`]; `None` where it is malformed.
pub fn parse_initial_controllers(text: &str) -> Option<BTreeMap<i32, String>> {
    text.split(',')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (id, directory) = entry.split_once(':')?;
            Some((id.parse().ok()?, directory.to_owned()))
        })
        .collect()
}
