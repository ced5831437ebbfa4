//! What a user wants different about the objects we make.
//!
//! Everything is optional by nature: a template says only what it changes. Where a pool's template has a property
//! (`pod`, `kafkaContainer`, …), it replaces that property of the cluster's template as a whole, as in Strimzi.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, HostAlias, LocalObjectReference, PodDNSConfig, PodSecurityContext,
    SecurityContext, Toleration, TopologySpreadConstraint, Volume, VolumeMount,
};
use serde::{Deserialize, Serialize};

/// Labels and annotations for an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetadataTemplate {
    /// Labels to add.
    pub labels: BTreeMap<String, String>,
    /// Annotations to add.
    pub annotations: BTreeMap<String, String>,
}

/// Changes to a Pod.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PodTemplate {
    /// Labels and annotations.
    pub metadata: MetadataTemplate,
    /// Secrets to pull images with.
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
    /// Security of the Pod.
    pub security_context: Option<PodSecurityContext>,
    /// Seconds a node may take to stop.
    pub termination_grace_period_seconds: Option<i64>,
    /// Where it may run.
    pub affinity: Option<Affinity>,
    /// Taints it endures.
    pub tolerations: Option<Vec<Toleration>>,
    /// How evenly Pods are spread.
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// How important it is.
    pub priority_class_name: Option<String>,
    /// Who decides where it runs.
    pub scheduler_name: Option<String>,
    /// Additional names.
    pub host_aliases: Option<Vec<HostAlias>>,
    /// How names are resolved.
    pub dns_policy: Option<String>,
    /// Details of that.
    pub dns_config: Option<PodDNSConfig>,
    /// Whether Services appear in the environment.
    pub enable_service_links: Option<bool>,
    /// Size of `/tmp`, as a quantity.
    pub tmp_dir_size_limit: Option<String>,
    /// Volumes to add.
    pub volumes: Option<Vec<Volume>>,
    /// Volumes to add, with placeholders `{nodeId}`, `{nodePodName}` in their references.
    pub templated_volumes: Option<Vec<Volume>>,
    /// Whether users of the container are users of the host.
    pub host_users: Option<bool>,
}

/// Changes to a container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContainerTemplate {
    /// Environment variables to add.
    pub env: Option<Vec<EnvVar>>,
    /// Security of the container.
    pub security_context: Option<SecurityContext>,
    /// Mounts to add; below `/mnt`.
    pub volume_mounts: Option<Vec<VolumeMount>>,
}

/// Changes to a Service inside the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceTemplate {
    /// Labels and annotations.
    pub metadata: MetadataTemplate,
    /// `SingleStack`, `PreferDualStack` or `RequireDualStack`.
    pub ip_family_policy: Option<String>,
    /// `IPv4`, `IPv6`.
    pub ip_families: Option<Vec<String>>,
}

/// Changes to the disruption budget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodDisruptionBudgetTemplate {
    /// Labels and annotations.
    pub metadata: MetadataTemplate,
    /// How many Pods may be evicted at once; one when absent.
    pub max_unavailable: Option<i32>,
}

/// `spec.kafka.template` of a `Kafka`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ClusterTemplate {
    /// Pods.
    pub pod: PodTemplate,
    /// The Service for first contact inside the cluster.
    pub bootstrap_service: ServiceTemplate,
    /// The headless Service.
    pub brokers_service: ServiceTemplate,
    /// Bootstrap Services of external listeners.
    pub external_bootstrap_service: MetadataTemplate,
    /// Per-broker Services of external listeners.
    pub per_pod_service: MetadataTemplate,
    /// Bootstrap Routes.
    pub external_bootstrap_route: MetadataTemplate,
    /// Per-broker Routes.
    pub per_pod_route: MetadataTemplate,
    /// Bootstrap Ingresses.
    pub external_bootstrap_ingress: MetadataTemplate,
    /// Per-broker Ingresses.
    pub per_pod_ingress: MetadataTemplate,
    /// Volume claims.
    pub persistent_volume_claim: MetadataTemplate,
    /// The disruption budget.
    pub pod_disruption_budget: PodDisruptionBudgetTemplate,
    /// Container `kafka`.
    pub kafka_container: ContainerTemplate,
    /// Init container.
    pub init_container: ContainerTemplate,
    /// Secret with the cluster CA's certificate.
    pub cluster_ca_cert: MetadataTemplate,
    /// Service account.
    pub service_account: MetadataTemplate,
    /// Secret with the JMX password.
    pub jmx_secret: MetadataTemplate,
    /// Cluster role binding for reading node labels.
    pub cluster_role_binding: MetadataTemplate,
}

/// `spec.template` of a `KafkaNodePool`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PoolTemplate {
    /// Pods.
    pub pod: Option<PodTemplate>,
    /// Per-broker Services of external listeners.
    pub per_pod_service: Option<MetadataTemplate>,
    /// Per-broker Routes.
    pub per_pod_route: Option<MetadataTemplate>,
    /// Per-broker Ingresses.
    pub per_pod_ingress: Option<MetadataTemplate>,
    /// Volume claims.
    pub persistent_volume_claim: Option<MetadataTemplate>,
    /// Container `kafka`.
    pub kafka_container: Option<ContainerTemplate>,
    /// Init container.
    pub init_container: Option<ContainerTemplate>,
}
