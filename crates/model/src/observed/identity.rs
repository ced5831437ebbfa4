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

/// Annotation of the Kafka resource: the [`Identity`] as JSON.
pub const IDENTITY: &str = "klamm.dev/identity";
/// Annotation of the Kafka resource: which operator may act on it.
pub const CLAIMED_BY: &str = "klamm.dev/claimed-by";
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
/// Annotation of a Pod: the mode of formatting it was created with (`initial`, `join`).
pub const FORMAT_GRANTED: &str = "klamm.dev/format";

/// Who a cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
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
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeIdentity {
    /// The pool it was made for.
    pub pool: String,
    /// Volume id (0 where there is one unnamed volume) → directory id of the log directory on it.
    #[serde(default)]
    pub directories: BTreeMap<u32, String>,
    /// True once the node was seen running on these directories.
    #[serde(default)]
    pub formatted: bool,
}
