//! `Kafka`: a cluster, what its nodes share, and what is known about it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::authorization::Authorization;
use crate::certificate_authority::CertificateAuthority;
use crate::condition::Condition;
use crate::container_template::ContainerTemplate;
use crate::cruise_control::{AutoRebalanceMode, CruiseControlSpec};
use crate::entity_operator::EntityOperatorSpec;
use crate::jmx::JmxOptions;
use crate::jvm::JvmOptions;
use crate::kafka_exporter::KafkaExporterSpec;
use crate::listener::Listener;
use crate::logging::Logging;
use crate::metrics::MetricsConfig;
use crate::pod_template::PodTemplate;
use crate::probe::Probe;
use crate::quotas::Quotas;
use crate::rack::Rack;
use crate::template::{ObjectTemplate, PodDisruptionBudgetTemplate, ServiceTemplate};
use crate::tiered_storage::TieredStorage;

/// An Apache Kafka cluster and what belongs to it.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "Kafka",
    plural = "kafkas",
    namespaced,
    schema = "disabled",
    category = "strimzi",
    shortname = "k",
    derive = "PartialEq",
    status = "KafkaStatus",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it is as asked for"
    ),
    printcolumn(
        name = "Warnings",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Warning")].status"#,
        description = "Whether there are warnings"
    ),
    printcolumn(
        name = "Kafka version",
        type_ = "string",
        json_path = ".status.kafkaVersion",
        description = "The version of Apache Kafka that runs"
    ),
    printcolumn(
        name = "Metadata version",
        type_ = "string",
        json_path = ".status.kafkaMetadataVersion",
        description = "The metadata level in force"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// The brokers: version, listeners, configuration.
    pub kafka: BrokersSpec,
    /// Whether topics and users of this cluster are looked after, and how.
    pub entity_operator: Option<EntityOperatorSpec>,
    /// The certificate authority that signs the certificates of the nodes.
    pub cluster_ca: Option<CertificateAuthority>,
    /// The certificate authority that signs the certificates of users.
    pub clients_ca: Option<CertificateAuthority>,
    /// Rebalancing of partitions over the brokers.
    pub cruise_control: Option<CruiseControlSpec>,
    /// Metrics about consumer groups and their lag.
    pub kafka_exporter: Option<KafkaExporterSpec>,
    /// Times, as cron expressions in UTC, in which certificates may be renewed. Absent: at any time.
    pub maintenance_time_windows: Option<Vec<String>>,
}

/// What all nodes of the cluster share.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokersSpec {
    /// The version of Apache Kafka to run.
    pub version: Option<String>,
    /// The level of the cluster's metadata. Absent: the highest that the Kafka version knows, once all nodes run it.
    pub metadata_version: Option<String>,
    /// The container image of the Kafka nodes. Absent: the stock image of the chosen version.
    pub image: Option<String>,
    /// How clients reach the brokers; at least one.
    #[schemars(length(min = 1))]
    pub listeners: Vec<Listener>,
    /// Broker configuration, key by key. Keys that would break the cluster's own wiring are refused.
    pub config: Option<AnyMap>,
    /// Who may do what. Absent: everybody may do everything.
    pub authorization: Option<Authorization>,
    /// Where the name of each broker's rack comes from.
    pub rack: Option<Rack>,
    /// The image that would look up a node's rack in an init container.
    pub broker_rack_init_image: Option<String>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Options of the Java virtual machine; a node pool's own come first.
    pub jvm_options: Option<JvmOptions>,
    /// Opens Java Management Extensions on port 9999.
    pub jmx_options: Option<JmxOptions>,
    /// How metrics are given to Prometheus. Absent: not at all.
    pub metrics_config: Option<MetricsConfig>,
    /// Log levels of the brokers.
    pub logging: Option<Logging>,
    /// Labels, annotations and Pod settings of the objects made for this cluster.
    pub template: Option<ClusterTemplate>,
    /// Offloading of old log segments to a remote store.
    pub tiered_storage: Option<TieredStorage>,
    /// Default limits of clients, or limits of the whole cluster.
    pub quotas: Option<Quotas>,
}

/// Changes to the objects made for the Kafka nodes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTemplate {
    /// The Pods.
    pub pod: Option<PodTemplate>,
    /// The Service through which clients inside find a broker.
    pub bootstrap_service: Option<ServiceTemplate>,
    /// The headless Service that gives each Pod its name.
    pub brokers_service: Option<ServiceTemplate>,
    /// The bootstrap Services of listeners for clients outside.
    pub external_bootstrap_service: Option<ObjectTemplate>,
    /// The Services of single brokers for clients outside.
    pub per_pod_service: Option<ObjectTemplate>,
    /// The bootstrap Routes.
    pub external_bootstrap_route: Option<ObjectTemplate>,
    /// The Routes of single brokers.
    pub per_pod_route: Option<ObjectTemplate>,
    /// The bootstrap Ingresses.
    pub external_bootstrap_ingress: Option<ObjectTemplate>,
    /// The Ingresses of single brokers.
    pub per_pod_ingress: Option<ObjectTemplate>,
    /// The claims for the disks.
    pub persistent_volume_claim: Option<ObjectTemplate>,
    /// The `PodDisruptionBudget` over all nodes.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The container that runs Kafka.
    pub kafka_container: Option<ContainerTemplate>,
    /// The init container.
    pub init_container: Option<ContainerTemplate>,
    /// The Secret with the certificate of the cluster CA.
    pub cluster_ca_cert: Option<ObjectTemplate>,
    /// The `ServiceAccount` of the Pods.
    pub service_account: Option<ObjectTemplate>,
    /// The Secret with the password for JMX.
    pub jmx_secret: Option<ObjectTemplate>,
    /// The `ClusterRoleBinding` that lets Pods read Nodes.
    pub cluster_role_binding: Option<ObjectTemplate>,
    /// The `StrimziPodSet`. Klamm makes none.
    pub pod_set: Option<ObjectTemplate>,
}

/// What is known about the cluster.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaStatus {
    /// How the cluster is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// Where each listener can be reached.
    pub listeners: Option<Vec<ListenerStatus>>,
    /// The node pools that belong to the cluster.
    pub kafka_node_pools: Option<Vec<UsedNodePool>>,
    /// The id that Kafka knows the cluster by.
    pub cluster_id: Option<String>,
    /// The version of the operator that last brought the cluster to its specification.
    pub operator_last_successful_version: Option<String>,
    /// The version of Apache Kafka that runs.
    pub kafka_version: Option<String>,
    /// The metadata level in force.
    pub kafka_metadata_version: Option<String>,
    /// Progress of rebalances that follow scaling.
    pub auto_rebalance: Option<AutoRebalanceStatus>,
    /// How the nodes secure what they say to each other.
    pub cluster_security: Option<AnyMap>,
}

/// Where one listener can be reached.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// The listener.
    pub name: Option<String>,
    /// Host and port pairs, one for each address.
    pub addresses: Option<Vec<ListenerAddress>>,
    /// The same, as clients want it: `host:port,host:port`.
    pub bootstrap_servers: Option<String>,
    /// Certificates, in PEM, to trust when connecting; only for listeners with TLS.
    pub certificates: Option<Vec<String>>,
}

/// One address of a listener.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ListenerAddress {
    /// The DNS name or IP address.
    pub host: Option<String>,
    /// The port.
    pub port: Option<i32>,
}

/// A node pool in use.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct UsedNodePool {
    /// The `KafkaNodePool`'s name.
    pub name: Option<String>,
}

/// How far a rebalance that follows scaling has got.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRebalanceStatus {
    /// What is being done.
    pub state: Option<AutoRebalanceState>,
    /// When the state last changed, UTC.
    pub last_transition_time: Option<String>,
    /// The brokers concerned, by mode.
    pub modes: Option<Vec<AutoRebalanceStatusBrokers>>,
}

/// Brokers that a rebalance concerns.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AutoRebalanceStatusBrokers {
    /// Whether brokers come or go.
    pub mode: Option<AutoRebalanceMode>,
    /// Their node ids.
    pub brokers: Option<Vec<i32>>,
}

/// What is being rebalanced.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum AutoRebalanceState {
    /// Nothing.
    Idle,
    /// Partitions move off brokers that leave.
    RebalanceOnScaleDown,
    /// Partitions move onto new brokers.
    RebalanceOnScaleUp,
}
