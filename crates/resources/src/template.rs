//! What users may change about objects other than Pods and containers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Labels and annotations to add to an object.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct MetadataTemplate {
    /// Labels to add.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations to add.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// Changes to an object of which only the metadata can be changed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ObjectTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
}

/// Changes to Services.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// Whether the Service has addresses of one IP family or of two.
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// The IP families of the Service.
    pub ip_families: Option<Vec<IpFamily>>,
}

/// Changes to a `PodDisruptionBudget`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodDisruptionBudgetTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// How many Pods may be evicted at once. Default 1.
    #[schemars(range(min = 0))]
    pub max_unavailable: Option<i32>,
}

/// Changes to a Deployment.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentTemplate {
    /// Labels and annotations.
    pub metadata: Option<MetadataTemplate>,
    /// How Pods are replaced.
    pub deployment_strategy: Option<DeploymentStrategy>,
}

/// Addresses of one IP family or of two.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum IpFamilyPolicy {
    /// One family.
    SingleStack,
    /// Two families where the cluster has them.
    PreferDualStack,
    /// Two families, or fail.
    RequireDualStack,
}

/// An IP family.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum IpFamily {
    /// IPv4.
    #[serde(rename = "IPv4")]
    Ipv4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    Ipv6,
}

/// How a Deployment replaces Pods.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum DeploymentStrategy {
    /// One after another.
    RollingUpdate,
    /// All at once.
    Recreate,
}
