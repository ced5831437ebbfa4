//! `KafkaMirrorMaker2`: copying between clusters.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::client::{ClientAuthentication, ClientTls, Tracing};
use crate::condition::Condition;
use crate::connect::{ConnectTemplate, ConnectorPlugin};
use crate::connector::{
    AlterOffsets, AutoRestartStatus, ConnectorAutoRestart, ConnectorState, ListOffsets,
};
use crate::container_resources::ContainerResources;
use crate::jmx::JmxOptions;
use crate::jvm::JvmOptions;
use crate::logging::Logging;
use crate::metrics::MetricsConfig;
use crate::probe::Probe;
use crate::rack::Rack;

/// Copying of topics and groups between clusters.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaMirrorMaker2",
    plural = "kafkamirrormaker2s",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kmm2",
    derive = "PartialEq",
    status = "KafkaMirrorMaker2Status",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.labelSelector"
    ),
    printcolumn(
        name = "Desired replicas",
        type_ = "integer",
        json_path = ".spec.replicas",
        description = "How many are asked for"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaMirrorMaker2Spec {
    /// The version of Apache Kafka.
    pub version: Option<String>,
    /// How many workers.
    pub replicas: i32,
    /// The container image.
    pub image: Option<String>,
    /// The cluster to copy to.
    pub target: MirrorTarget,
    /// The clusters to copy from.
    pub mirrors: Vec<Mirror>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
    /// Opens Java Management Extensions on port 9999.
    pub jmx_options: Option<JmxOptions>,
    /// Log levels.
    pub logging: Option<Logging>,
    /// The image that would look up a node's rack in an init container.
    pub client_rack_init_image: Option<String>,
    /// Where the name of each worker's rack comes from.
    pub rack: Option<Rack>,
    /// How metrics are given to Prometheus.
    pub metrics_config: Option<MetricsConfig>,
    /// Tracing of messages.
    pub tracing: Option<Tracing>,
    /// Changes to the objects made for the workers.
    pub template: Option<ConnectTemplate>,
}

/// The cluster to copy to.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorTarget {
    /// Its name among these clusters.
    #[schemars(regex(pattern = r"^[a-zA-Z0-9\._\-]{1,100}$"))]
    pub alias: String,
    /// Where it is: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// The group that the workers form.
    pub group_id: String,
    /// The topic that keeps the configuration of connectors.
    pub config_storage_topic: String,
    /// The topic that keeps the status of connectors.
    pub status_storage_topic: String,
    /// The topic that keeps offsets.
    pub offset_storage_topic: String,
    /// TLS towards it.
    pub tls: Option<ClientTls>,
    /// How workers prove who they are.
    pub authentication: Option<ClientAuthentication>,
    /// Worker configuration, key by key.
    pub config: Option<AnyMap>,
}

/// A cluster to copy from, and what.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// The cluster.
    pub source: MirrorSource,
    /// The connector that copies topics.
    pub source_connector: Option<MirrorConnector>,
    /// The connector that copies offsets of groups.
    pub checkpoint_connector: Option<MirrorConnector>,
    /// Regular expression of the topics to copy.
    pub topics_pattern: Option<String>,
    /// Regular expression of the topics to leave out.
    pub topics_exclude_pattern: Option<String>,
    /// Regular expression of the groups to copy.
    pub groups_pattern: Option<String>,
    /// Regular expression of the groups to leave out.
    pub groups_exclude_pattern: Option<String>,
}

/// A cluster to copy from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorSource {
    /// Its name among these clusters.
    #[schemars(regex(pattern = r"^[a-zA-Z0-9\._\-]{1,100}$"))]
    pub alias: String,
    /// Where it is: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// TLS towards it.
    pub tls: Option<ClientTls>,
    /// How workers prove who they are.
    pub authentication: Option<ClientAuthentication>,
    /// Client configuration, key by key.
    pub config: Option<AnyMap>,
}

/// A connector that copies.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorConnector {
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

/// What is known about the copying.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaMirrorMaker2Status {
    /// How it is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// Where the REST interface is.
    pub url: Option<String>,
    /// The connectors, as Kafka Connect tells it.
    pub connectors: Option<Vec<AnyMap>>,
    /// What was restarted.
    pub auto_restart_statuses: Option<Vec<AutoRestartStatus>>,
    /// The plug-ins that the workers know.
    pub connector_plugins: Option<Vec<ConnectorPlugin>>,
    /// Selects the Pods.
    pub label_selector: Option<String>,
    /// How many workers there are.
    pub replicas: Option<i32>,
}
