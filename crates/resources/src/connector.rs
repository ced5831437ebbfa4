//! `KafkaConnector`: a connector.

use k8s_openapi::api::core::v1::LocalObjectReference;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::condition::Condition;
use crate::core_schema::core;

/// A connector.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaConnector",
    plural = "kafkaconnectors",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kctr",
    derive = "PartialEq",
    status = "KafkaConnectorStatus",
    scale(
        spec_replicas_path = ".spec.tasksMax",
        status_replicas_path = ".status.tasksMax"
    ),
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = r".metadata.labels.strimzi\.io/cluster",
        description = "The cluster it belongs to"
    ),
    printcolumn(
        name = "Connector class",
        type_ = "string",
        json_path = ".spec.class",
        description = "The Java class of the connector"
    ),
    printcolumn(
        name = "Max Tasks",
        type_ = "integer",
        json_path = ".spec.tasksMax",
        description = "The most tasks it may have"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaConnectorSpec {
    /// Its Java class.
    pub class: Option<String>,
    /// Its version, where there are several.
    pub version: Option<String>,
    /// The most tasks it may have.
    #[schemars(range(min = 1))]
    pub tasks_max: Option<i32>,
    /// Restarting of what failed.
    pub auto_restart: Option<ConnectorAutoRestart>,
    /// Its configuration, key by key.
    pub config: Option<AnyMap>,
    /// Whether it is to run.
    pub state: Option<ConnectorState>,
    /// Where to write its offsets when asked.
    pub list_offsets: Option<ListOffsets>,
    /// Where to read its offsets from when asked.
    pub alter_offsets: Option<AlterOffsets>,
}

/// Restarting of failed connectors and tasks.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorAutoRestart {
    /// Whether it happens.
    pub enabled: Option<bool>,
    /// After how many restarts to give up. Absent: never.
    pub max_restarts: Option<i32>,
}

/// Where to write offsets.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListOffsets {
    /// The `ConfigMap`.
    #[schemars(schema_with = "core::<LocalObjectReference>")]
    pub to_config_map: LocalObjectReference,
}

/// Where to read offsets from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlterOffsets {
    /// The `ConfigMap`.
    #[schemars(schema_with = "core::<LocalObjectReference>")]
    pub from_config_map: LocalObjectReference,
}

/// What is known about the connector.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaConnectorStatus {
    /// How the connector is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// What was restarted.
    pub auto_restart: Option<AutoRestartStatus>,
    /// The status as Kafka Connect tells it.
    pub connector_status: Option<AnyMap>,
    /// How many tasks it has.
    pub tasks_max: Option<i32>,
    /// The topics it uses.
    pub topics: Option<Vec<String>>,
}

/// What was restarted.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRestartStatus {
    /// How many times.
    pub count: Option<i32>,
    /// The connector.
    pub connector_name: Option<String>,
    /// When last, UTC.
    pub last_restart_timestamp: Option<String>,
}

/// Whether a connector is to run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ConnectorState {
    /// It keeps its tasks but does nothing.
    Paused,
    /// It has no tasks.
    Stopped,
    /// It runs.
    Running,
}
