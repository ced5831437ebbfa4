//! `KafkaRebalance`: a proposal to move partitions.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::condition::Condition;

/// A proposal to move partitions.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaRebalance",
    plural = "kafkarebalances",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kr",
    derive = "PartialEq",
    status = "KafkaRebalanceStatus",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = r".metadata.labels.strimzi\.io/cluster",
        description = "The cluster it belongs to"
    ),
    printcolumn(
        name = "Template",
        type_ = "string",
        json_path = r".metadata.annotations.strimzi\.io/rebalance-template",
        description = "Whether it is only a template"
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[*].type",
        description = "How far it has got"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaRebalanceSpec {
    /// What to rebalance. Default `full`.
    pub mode: Option<RebalanceMode>,
    /// With mode `add-brokers` or `remove-brokers`: the node ids of these brokers.
    pub brokers: Option<Vec<i32>>,
    /// Goals in order of worth. Absent: those of the cluster.
    pub goals: Option<Vec<String>>,
    /// Whether goals that must hold may be missing from `goals`. Default false.
    pub skip_hard_goal_check: Option<bool>,
    /// Whether to even out the disks within brokers instead. Default false.
    pub rebalance_disk: Option<bool>,
    /// Regular expression of topics that stay where they are.
    pub excluded_topics: Option<String>,
    /// Partitions moving into or out of a broker at once.
    #[schemars(range(min = 0))]
    pub concurrent_partition_movements_per_broker: Option<i32>,
    /// Partitions moving between disks of a broker at once.
    #[schemars(range(min = 0))]
    pub concurrent_intra_broker_partition_movements: Option<i32>,
    /// Leaders moving at once.
    #[schemars(range(min = 0))]
    pub concurrent_leader_movements: Option<i32>,
    /// Bytes a second that moving may use.
    #[schemars(range(min = 0))]
    pub replication_throttle: Option<i64>,
    /// Which moves go first.
    pub replica_movement_strategies: Option<Vec<String>>,
    /// With mode `remove-disks`: the volumes to empty.
    #[schemars(length(min = 1))]
    pub move_replicas_off_volumes: Option<Vec<BrokerVolumes>>,
}

/// Volumes of a broker.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerVolumes {
    /// The node id of the broker.
    pub broker_id: Option<i32>,
    /// The ids of the volumes.
    #[schemars(length(min = 1))]
    pub volume_ids: Option<Vec<i32>>,
}

/// What is known about the proposal.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaRebalanceStatus {
    /// How far it has got; the type says it.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// The task that works it out or carries it out.
    pub session_id: Option<String>,
    /// Where progress can be seen.
    pub progress: Option<RebalanceProgress>,
    /// What would be moved, in figures.
    pub optimization_result: Option<AnyMap>,
}

/// Where progress can be seen.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceProgress {
    /// The `ConfigMap` that shows it.
    pub rebalance_progress_config_map: Option<String>,
}

/// What to rebalance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RebalanceMode {
    /// All brokers.
    Full,
    /// Onto new brokers.
    AddBrokers,
    /// Off brokers that leave.
    RemoveBrokers,
    /// Off volumes that leave.
    RemoveDisks,
}
