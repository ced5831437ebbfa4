//! Rebalancing of partitions over the brokers, as Strimzi asks Cruise Control for it.

use k8s_openapi::api::core::v1::{LocalObjectReference, SecretKeySelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::core_schema::core;
use crate::jvm::JvmOptions;
use crate::logging::Logging;
use crate::metrics::MetricsConfig;
use crate::pod_template::DeploymentPodTemplate;
use crate::probe::Probe;
use crate::template::{
    DeploymentTemplate, ObjectTemplate, PodDisruptionBudgetTemplate, ServiceTemplate,
};

/// Rebalancing of partitions over the brokers.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CruiseControlSpec {
    /// The container image.
    pub image: Option<String>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
    /// Log levels.
    pub logging: Option<Logging>,
    /// Changes to the objects made for it.
    pub template: Option<CruiseControlTemplate>,
    /// What each broker can carry.
    pub broker_capacity: Option<BrokerCapacity>,
    /// Configuration, key by key.
    pub config: Option<AnyMap>,
    /// How metrics are given to Prometheus.
    #[schemars(extend("x-kubernetes-validations" = [
        {"rule": "self.type != 'jmxPrometheusExporter' || has(self.valueFrom)", "message": "valueFrom property is required"},
        {"rule": "self.type != 'strimziMetricsReporter'", "message": "value type not supported"},
    ]))]
    pub metrics_config: Option<MetricsConfig>,
    /// More users of the REST interface.
    pub api_users: Option<ApiUsers>,
    /// Rebalances that follow scaling.
    #[schemars(length(min = 1))]
    pub auto_rebalance: Option<Vec<AutoRebalance>>,
}

/// Changes to the objects made for Cruise Control.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CruiseControlTemplate {
    /// The Deployment.
    pub deployment: Option<DeploymentTemplate>,
    /// The Pods.
    pub pod: Option<DeploymentPodTemplate>,
    /// The Service of the REST interface.
    pub api_service: Option<ServiceTemplate>,
    /// The `PodDisruptionBudget`.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The container.
    pub cruise_control_container: Option<ContainerTemplate>,
    /// The `ServiceAccount`.
    pub service_account: Option<ObjectTemplate>,
}

/// What each broker can carry.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerCapacity {
    /// Processor cores, such as `1` or `500m`.
    #[schemars(regex(pattern = r"^[0-9]+([.][0-9]{0,3}|[m]?)$"))]
    pub cpu: Option<String>,
    /// Network in, such as `10000KiB/s`.
    #[schemars(regex(pattern = r"^[0-9]+([KMG]i?)?B/s$"))]
    pub inbound_network: Option<String>,
    /// Network out, such as `10000KiB/s`.
    #[schemars(regex(pattern = r"^[0-9]+([KMG]i?)?B/s$"))]
    pub outbound_network: Option<String>,
    /// Brokers that can carry something else.
    pub overrides: Option<Vec<BrokerCapacityOverride>>,
}

/// What some brokers can carry.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerCapacityOverride {
    /// Their node ids.
    pub brokers: Vec<i32>,
    /// Processor cores, such as `1` or `500m`.
    #[schemars(regex(pattern = r"^[0-9]+([.][0-9]{0,3}|[m]?)$"))]
    pub cpu: Option<String>,
    /// Network in, such as `10000KiB/s`.
    #[schemars(regex(pattern = r"^[0-9]+([KMG]i?)?B/s$"))]
    pub inbound_network: Option<String>,
    /// Network out, such as `10000KiB/s`.
    #[schemars(regex(pattern = r"^[0-9]+([KMG]i?)?B/s$"))]
    pub outbound_network: Option<String>,
}

/// Users of Cruise Control's REST interface.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiUsers {
    /// Always `hashLoginService`.
    #[serde(rename = "type")]
    pub kind: ApiUsersType,
    /// The Secret that lists them.
    pub value_from: SecretReference,
}

/// A value in a Secret.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// The Secret and its key.
    #[serde(default)]
    #[schemars(schema_with = "core::<SecretKeySelector>")]
    pub secret_key_ref: Option<SecretKeySelector>,
}

/// A rebalance that follows scaling.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AutoRebalance {
    /// Whether it follows brokers that come, or goes before brokers that leave.
    pub mode: AutoRebalanceMode,
    /// The `KafkaRebalance` to take settings from.
    #[serde(default)]
    #[schemars(schema_with = "core::<LocalObjectReference>")]
    pub template: Option<LocalObjectReference>,
}

/// A format of the list of users.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum ApiUsersType {
    /// The format of Jetty's `HashLoginService`.
    HashLoginService,
}

/// What a rebalance goes with.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum AutoRebalanceMode {
    /// Brokers that come.
    AddBrokers,
    /// Brokers that leave.
    RemoveBrokers,
}
