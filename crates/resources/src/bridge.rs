//! `KafkaBridge`: an HTTP front door to Kafka.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::client::{ClientAuthentication, ClientTls, Tracing};
use crate::condition::Condition;
use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::jvm::JvmOptions;
use crate::listener::CertificateAndKey;
use crate::logging::Logging;
use crate::metrics::MetricsConfig;
use crate::pod_template::DeploymentPodTemplate;
use crate::probe::Probe;
use crate::rack::Rack;
use crate::template::{
    DeploymentTemplate, ObjectTemplate, PodDisruptionBudgetTemplate, ServiceTemplate,
};

/// An HTTP front door to Kafka.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaBridge",
    plural = "kafkabridges",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "kb",
    derive = "PartialEq",
    status = "KafkaBridgeStatus",
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
        name = "Bootstrap Servers",
        type_ = "string",
        json_path = ".spec.bootstrapServers",
        description = "Where the Kafka cluster is",
        priority = 1
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaBridgeSpec {
    /// How many instances.
    #[schemars(range(min = 0))]
    pub replicas: i32,
    /// The container image.
    pub image: Option<String>,
    /// Where the Kafka cluster is: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// TLS towards the Kafka cluster.
    pub tls: Option<ClientTls>,
    /// How the bridge proves who it is.
    pub authentication: Option<ClientAuthentication>,
    /// The HTTP side.
    pub http: Option<BridgeHttp>,
    /// The client that looks at topics.
    pub admin_client: Option<BridgeAdminClient>,
    /// The clients that consume.
    pub consumer: Option<BridgeConsumer>,
    /// The client that produces.
    pub producer: Option<BridgeProducer>,
    /// Configuration of all clients, key by key.
    pub config: Option<AnyMap>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
    /// Log levels.
    pub logging: Option<Logging>,
    /// The image that would look up a node's rack in an init container.
    pub client_rack_init_image: Option<String>,
    /// Where the name of the rack comes from.
    pub rack: Option<Rack>,
    /// How metrics are given to Prometheus.
    pub metrics_config: Option<MetricsConfig>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Changes to the objects made for the bridge.
    pub template: Option<BridgeTemplate>,
    /// Tracing of messages.
    pub tracing: Option<Tracing>,
}

/// The HTTP side of a bridge.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BridgeHttp {
    /// The port. Default 8080.
    #[schemars(range(min = 1023))]
    pub port: Option<i32>,
    /// Which web pages may call it.
    pub cors: Option<BridgeCors>,
    /// TLS towards its clients.
    pub tls: Option<BridgeHttpTls>,
}

/// TLS towards the clients of a bridge.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgeHttpTls {
    /// The bridge's certificate.
    pub certificate_and_key: CertificateAndKey,
    /// More TLS configuration, key by key.
    pub config: Option<AnyMap>,
}

/// Which web pages may call a bridge.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgeCors {
    /// Origins, or regular expressions of them.
    pub allowed_origins: Vec<String>,
    /// HTTP methods.
    pub allowed_methods: Vec<String>,
}

/// The client that looks at topics.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BridgeAdminClient {
    /// Its configuration, key by key.
    pub config: Option<AnyMap>,
}

/// The clients that consume.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgeConsumer {
    /// Whether consuming is offered. Default true.
    pub enabled: Option<bool>,
    /// Seconds after which an idle consumer is closed. Default -1: never.
    pub timeout_seconds: Option<i32>,
    /// Their configuration, key by key.
    pub config: Option<AnyMap>,
}

/// The client that produces.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BridgeProducer {
    /// Whether producing is offered. Default true.
    pub enabled: Option<bool>,
    /// Its configuration, key by key.
    pub config: Option<AnyMap>,
}

/// Changes to the objects made for a bridge.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgeTemplate {
    /// The Deployment.
    pub deployment: Option<DeploymentTemplate>,
    /// The Pods.
    pub pod: Option<DeploymentPodTemplate>,
    /// The Service.
    pub api_service: Option<ServiceTemplate>,
    /// The `PodDisruptionBudget`.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The container.
    pub bridge_container: Option<ContainerTemplate>,
    /// The `ClusterRoleBinding` that lets Pods read Nodes.
    pub cluster_role_binding: Option<ObjectTemplate>,
    /// The `ServiceAccount`.
    pub service_account: Option<ObjectTemplate>,
    /// The init container.
    pub init_container: Option<ContainerTemplate>,
}

/// What is known about the bridge.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaBridgeStatus {
    /// How the bridge is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// Where it is.
    pub url: Option<String>,
    /// How many instances there are.
    pub replicas: Option<i32>,
    /// Selects the Pods.
    pub label_selector: Option<String>,
}
