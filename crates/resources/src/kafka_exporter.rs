//! Metrics about consumer groups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::pod_template::DeploymentPodTemplate;
use crate::probe::Probe;
use crate::template::{DeploymentTemplate, ObjectTemplate, PodDisruptionBudgetTemplate};

/// Metrics about consumer groups and their lag.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaExporterSpec {
    /// The container image.
    pub image: Option<String>,
    /// Regular expression of the groups to show. Default `.*`.
    pub group_regex: Option<String>,
    /// Regular expression of the topics to show. Default `.*`.
    pub topic_regex: Option<String>,
    /// Regular expression of the groups to leave out.
    pub group_exclude_regex: Option<String>,
    /// Regular expression of the topics to leave out.
    pub topic_exclude_regex: Option<String>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// The log level. Default `info`.
    pub logging: Option<String>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Whether its Kafka client logs too. Default false.
    pub enable_sarama_logging: Option<bool>,
    /// Whether groups without members show. Default true.
    pub show_all_offsets: Option<bool>,
    /// Changes to the objects made for it.
    pub template: Option<KafkaExporterTemplate>,
}

/// Changes to the objects made for the exporter.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaExporterTemplate {
    /// The Deployment.
    pub deployment: Option<DeploymentTemplate>,
    /// The Pods.
    pub pod: Option<DeploymentPodTemplate>,
    /// The container.
    pub container: Option<ContainerTemplate>,
    /// The `ServiceAccount`.
    pub service_account: Option<ObjectTemplate>,
    /// The `PodDisruptionBudget`.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
}
