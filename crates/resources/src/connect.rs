//! `KafkaConnect`: workers of Kafka Connect.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::client::{ClientAuthentication, ClientTls, Tracing};
use crate::condition::Condition;
use crate::connect_build::{Build, MountedPlugin};
use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::jmx::JmxOptions;
use crate::jvm::JvmOptions;
use crate::logging::Logging;
use crate::metrics::MetricsConfig;
use crate::pod_template::{DeploymentPodTemplate, PodTemplate};
use crate::probe::Probe;
use crate::rack::Rack;
use crate::template::{
    MetadataTemplate, ObjectTemplate, PodDisruptionBudgetTemplate, ServiceTemplate,
};

/// Workers of Kafka Connect.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaConnect",
    plural = "kafkaconnects",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kc",
    derive = "PartialEq",
    status = "KafkaConnectStatus",
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
pub struct KafkaConnectSpec {
    /// The version of Apache Kafka.
    pub version: Option<String>,
    /// How many workers.
    pub replicas: i32,
    /// The container image.
    pub image: Option<String>,
    /// Where the Kafka cluster is: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// The group that the workers form.
    pub group_id: String,
    /// The topic that keeps the configuration of connectors.
    pub config_storage_topic: String,
    /// The topic that keeps the status of connectors.
    pub status_storage_topic: String,
    /// The topic that keeps the offsets of source connectors.
    pub offset_storage_topic: String,
    /// TLS towards the Kafka cluster.
    pub tls: Option<ClientTls>,
    /// How the workers prove who they are.
    pub authentication: Option<ClientAuthentication>,
    /// Worker configuration, key by key.
    pub config: Option<AnyMap>,
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
    /// Connector plug-ins to build into an image.
    pub build: Option<Build>,
    /// Connector plug-ins to mount from images.
    pub plugins: Option<Vec<MountedPlugin>>,
}

/// Changes to the objects made for workers.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectTemplate {
    /// The `StrimziPodSet`.
    pub pod_set: Option<ObjectTemplate>,
    /// The Pods.
    pub pod: Option<PodTemplate>,
    /// The Service of the REST interface.
    pub api_service: Option<ServiceTemplate>,
    /// The headless Service that gives each Pod its name.
    pub headless_service: Option<ServiceTemplate>,
    /// The container.
    pub connect_container: Option<ContainerTemplate>,
    /// The init container.
    pub init_container: Option<ContainerTemplate>,
    /// The `PodDisruptionBudget`.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The `ServiceAccount`.
    pub service_account: Option<ObjectTemplate>,
    /// The `ClusterRoleBinding` that lets Pods read Nodes.
    pub cluster_role_binding: Option<ObjectTemplate>,
    /// The Pod that builds an image.
    pub build_pod: Option<DeploymentPodTemplate>,
    /// The container that builds an image.
    pub build_container: Option<ContainerTemplate>,
    /// The OpenShift `BuildConfig`.
    pub build_config: Option<BuildConfigTemplate>,
    /// The `ServiceAccount` of the Pod that builds an image.
    pub build_service_account: Option<ObjectTemplate>,
    /// The Secret with the password for JMX.
    pub jmx_secret: Option<ObjectTemplate>,
}

/// Changes to a `BuildConfig`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildConfigTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// The Secret for pulling the base image.
    pub pull_secret: Option<String>,
}

/// What is known about the workers.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaConnectStatus {
    /// How the workers are.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// Where the REST interface is.
    pub url: Option<String>,
    /// The plug-ins that the workers know.
    pub connector_plugins: Option<Vec<ConnectorPlugin>>,
    /// How many workers there are.
    pub replicas: Option<i32>,
    /// Selects the Pods.
    pub label_selector: Option<String>,
}

/// A plug-in that workers know.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ConnectorPlugin {
    /// `source` or `sink`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its class.
    pub class: Option<String>,
}
