//! What must still be true when a step runs.
//!
//! Whoever executes reads each guard's object afresh (or passes it to the API server as a precondition) and refuses the
//! step if it does not hold; a refused step is no failure, the next look decides anew. The permit to act is checked
//! before every step and is not listed.

use std::collections::BTreeMap;

use model::observed::object::ObjectKey;
use serde::{Deserialize, Serialize};

/// A precondition of one step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "camelCase")]
pub enum Guard {
    /// The Kafka has this uid and is not being deleted.
    #[serde(rename_all = "camelCase")]
    KafkaIs {
        /// Its uid.
        uid: String,
    },
    /// The Kafka is unchanged: pass the resourceVersion with the write.
    #[serde(rename_all = "camelCase")]
    KafkaUnchanged {
        /// Its uid.
        uid: String,
        /// Its resourceVersion.
        resource_version: String,
    },
    /// The Kafka's annotation `klamm.dev/identity` says this about the node: read the Kafka, compare parsed values.
    #[serde(rename_all = "camelCase")]
    Recorded {
        /// The cluster id in it.
        cluster_id: String,
        /// The node.
        node: i32,
        /// The directory ids of that node.
        directories: BTreeMap<u32, String>,
    },
    /// The Kafka's annotation `klamm.dev/identity` does not say that the quorum was formed.
    QuorumNotFormed,
    /// There is no such object: create, never apply.
    #[serde(rename_all = "camelCase")]
    Absent {
        /// Which object.
        object: ObjectKey,
    },
    /// The object is the one that was seen: pass the uid with the write (in an apply as `metadata.uid`), or read it
    /// where the write is to another object.
    #[serde(rename_all = "camelCase")]
    Is {
        /// Which object.
        object: ObjectKey,
        /// Its uid.
        uid: String,
    },
    /// The object is unchanged: pass uid and resourceVersion with the write, or read it where the write is to another
    /// object.
    #[serde(rename_all = "camelCase")]
    Unchanged {
        /// Which object.
        object: ObjectKey,
        /// Its uid.
        uid: String,
        /// Its resourceVersion.
        resource_version: String,
    },
    /// The quorum has a leader and more than half of its voters would still be caught up without this node.
    #[serde(rename_all = "camelCase")]
    MajorityWithout {
        /// Node id.
        node: i32,
    },
    /// The quorum has this voter (DescribeQuorum).
    #[serde(rename_all = "camelCase")]
    IsVoter {
        /// Node id.
        node: i32,
        /// Directory id.
        directory: String,
    },
    /// The quorum has this observer and no voter of this node id.
    #[serde(rename_all = "camelCase")]
    IsObserver {
        /// Node id.
        node: i32,
        /// Directory id.
        directory: String,
    },
}
