//! `KafkaTopic`: a topic.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::condition::Condition;

/// A topic.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaTopic",
    plural = "kafkatopics",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kt",
    derive = "PartialEq",
    status = "KafkaTopicStatus",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = r".metadata.labels.strimzi\.io/cluster",
        description = "The cluster it belongs to"
    ),
    printcolumn(
        name = "Partitions",
        type_ = "integer",
        json_path = ".spec.partitions",
        description = "How many partitions are asked for"
    ),
    printcolumn(
        name = "Replication factor",
        type_ = "integer",
        json_path = ".spec.replicas",
        description = "How many replicas are asked for"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicSpec {
    /// Its name in Kafka, where that cannot be the name of the resource. Cannot be changed.
    pub topic_name: Option<String>,
    /// How many partitions; can only grow. Absent: as the brokers say.
    #[schemars(range(min = 1))]
    pub partitions: Option<i32>,
    /// How many replicas each partition has. Absent: as the brokers say.
    #[schemars(range(min = 1, max = 32767))]
    pub replicas: Option<i32>,
    /// Topic configuration, key by key.
    pub config: Option<AnyMap>,
}

/// What is known about the topic.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicStatus {
    /// How the topic is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// Its name in Kafka.
    pub topic_name: Option<String>,
    /// Its id in Kafka; another one if the topic was deleted and made again.
    pub topic_id: Option<String>,
    /// A change of the number of replicas that is under way.
    pub replicas_change: Option<ReplicasChange>,
}

/// A change of the number of replicas.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicasChange {
    /// The number asked for.
    pub target_replicas: Option<i32>,
    /// How far it has got.
    pub state: Option<ReplicasChangeState>,
    /// What there is to say about it.
    pub message: Option<String>,
    /// The task that carries it out.
    pub session_id: Option<String>,
}

/// How far a change of the number of replicas has got.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ReplicasChangeState {
    /// Asked for.
    Pending,
    /// Under way.
    Ongoing,
}
