//! Kafka's own view of itself.
//!
//! Reads: DescribeCluster, DescribeQuorum, ApiVersions (features), Metadata, `DescribeConfigs`. Each part is known or unknown on its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// DescribeCluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brokers {
    /// The cluster id that Kafka itself reports.
    pub cluster_id: String,
    /// Registered brokers (fenced ones included), by id.
    #[serde(default)]
    pub brokers: BTreeMap<i32, Broker>,
}

/// One registered broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Broker {
    /// Registered, but not serving.
    #[serde(default)]
    pub fenced: bool,
    /// Its rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
}

/// DescribeQuorum. Known without a leader means: controllers answered and there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quorum {
    /// Node id of the leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<i32>,
    /// The leader's epoch.
    #[serde(default)]
    pub epoch: i32,
    /// Voters, sorted by node id and directory.
    #[serde(default)]
    pub voters: Vec<QuorumNode>,
    /// Observers (brokers, and controllers that are no voters yet), sorted alike.
    #[serde(default)]
    pub observers: Vec<QuorumNode>,
}

/// One voter or observer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuorumNode {
    /// Node id.
    pub id: i32,
    /// Directory id as Kafka writes it (base64url); `None` in a static quorum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Records behind the leader; `None` where the leader does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<i64>,
    /// Milliseconds since its last fetch, as of the answer; `None` where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fetch_ms: Option<i64>,
    /// Milliseconds since it was last caught up; `None` where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_caught_up_ms: Option<i64>,
}

/// ApiVersions: finalised feature levels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// `metadata.version`: the level, for instance 29 for 4.3-IV0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_version: Option<i16>,
    /// `kraft.version`: 0 static, 1 dynamic quorum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kraft_version: Option<i16>,
}

/// Metadata of all topics, summed up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partitions {
    /// How many there are.
    #[serde(default)]
    pub total: u64,
    /// How many have fewer in-sync replicas than replicas.
    #[serde(default)]
    pub under_replicated: u64,
    /// How many have no leader.
    #[serde(default)]
    pub leaderless: u64,
    /// Node → partitions (`topic-0`, sorted, the first ten) that have no in-sync copy but the one on this node: it is the only
    /// member of the ISR, or there is no leader and it holds a replica.
    #[serde(default)]
    pub only_copy: BTreeMap<i32, Vec<String>>,
}

/// `DescribeConfigs`: one property of one broker, layer by layer; a layer that does not say anything is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// What is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Set while it runs, for this broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_broker: Option<String>,
    /// Set while it runs, for all brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_all: Option<String>,
    /// From the file that it was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_file: Option<String>,
    /// Kafka's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}
