//! What users may change about Pods.

use k8s_openapi::api::core::v1::{
    Affinity, HostAlias, LocalObjectReference, PodDNSConfig, PodSecurityContext, Toleration,
    TopologySpreadConstraint,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::core_schema::{core, core_list};
use crate::template::MetadataTemplate;
use crate::volume::{AdditionalVolume, TemplatedVolume};

/// Changes to Pods.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// Secrets for pulling images.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<LocalObjectReference>")]
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
    /// Security settings of the Pod.
    #[serde(default)]
    #[schemars(schema_with = "core::<PodSecurityContext>")]
    pub security_context: Option<PodSecurityContext>,
    /// Seconds between asking a process to stop and killing it. Default 30.
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Where the Pod may or should run.
    #[serde(default)]
    #[schemars(schema_with = "core::<Affinity>")]
    pub affinity: Option<Affinity>,
    /// Taints that the Pod bears.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<Toleration>")]
    pub tolerations: Option<Vec<Toleration>>,
    /// How Pods spread over nodes and zones.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<TopologySpreadConstraint>")]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// The `PriorityClass`.
    pub priority_class_name: Option<String>,
    /// The scheduler that places the Pod.
    pub scheduler_name: Option<String>,
    /// Lines for the Pod's hosts file.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<HostAlias>")]
    pub host_aliases: Option<Vec<HostAlias>>,
    /// How the Pod resolves names.
    pub dns_policy: Option<DnsPolicy>,
    /// DNS settings of the Pod.
    #[serde(default)]
    #[schemars(schema_with = "core::<PodDNSConfig>")]
    pub dns_config: Option<PodDNSConfig>,
    /// Whether Services show as environment variables.
    pub enable_service_links: Option<bool>,
    /// The size of the volume at `/tmp`. Default `5Mi`.
    #[schemars(regex(pattern = r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"))]
    pub tmp_dir_size_limit: Option<String>,
    /// More volumes, to be mounted with a container's `volumeMounts`.
    pub volumes: Option<Vec<AdditionalVolume>>,
    /// More volumes whose names differ by node; `{nodeId}` and `{nodePodName}` stand for the node.
    pub templated_volumes: Option<Vec<TemplatedVolume>>,
    /// Whether the Pod uses the host's user namespace.
    pub host_users: Option<bool>,
}

/// Changes to Pods that are not Kafka nodes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentPodTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// Secrets for pulling images.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<LocalObjectReference>")]
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
    /// Security settings of the Pod.
    #[serde(default)]
    #[schemars(schema_with = "core::<PodSecurityContext>")]
    pub security_context: Option<PodSecurityContext>,
    /// Seconds between asking a process to stop and killing it. Default 30.
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Where the Pod may or should run.
    #[serde(default)]
    #[schemars(schema_with = "core::<Affinity>")]
    pub affinity: Option<Affinity>,
    /// Taints that the Pod bears.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<Toleration>")]
    pub tolerations: Option<Vec<Toleration>>,
    /// How Pods spread over nodes and zones.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<TopologySpreadConstraint>")]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// The `PriorityClass`.
    pub priority_class_name: Option<String>,
    /// The scheduler that places the Pod.
    pub scheduler_name: Option<String>,
    /// Lines for the Pod's hosts file.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<HostAlias>")]
    pub host_aliases: Option<Vec<HostAlias>>,
    /// How the Pod resolves names.
    pub dns_policy: Option<DnsPolicy>,
    /// DNS settings of the Pod.
    #[serde(default)]
    #[schemars(schema_with = "core::<PodDNSConfig>")]
    pub dns_config: Option<PodDNSConfig>,
    /// Whether Services show as environment variables.
    pub enable_service_links: Option<bool>,
    /// The size of the volume at `/tmp`. Default `5Mi`.
    #[schemars(regex(pattern = r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"))]
    pub tmp_dir_size_limit: Option<String>,
    /// More volumes, to be mounted with a container's `volumeMounts`.
    pub volumes: Option<Vec<AdditionalVolume>>,
    /// Whether the Pod uses the host's user namespace.
    pub host_users: Option<bool>,
}

/// How a Pod resolves names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum DnsPolicy {
    /// The cluster's DNS first.
    ClusterFirst,
    /// The same, on the host's network.
    ClusterFirstWithHostNet,
    /// As the node does.
    Default,
    /// Only as `dnsConfig` says.
    None,
}
