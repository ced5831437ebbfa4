//! Looking after topics and users.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::container_resources::ContainerResources;
use crate::container_template::ContainerTemplate;
use crate::jvm::JvmOptions;
use crate::logging::Logging;
use crate::pod_template::DeploymentPodTemplate;
use crate::probe::Probe;
use crate::template::{DeploymentTemplate, ObjectTemplate, PodDisruptionBudgetTemplate};

/// Looking after topics and users.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityOperatorSpec {
    /// Looks after `KafkaTopics`.
    pub topic_operator: Option<TopicOperatorSpec>,
    /// Looks after `KafkaUsers`.
    pub user_operator: Option<UserOperatorSpec>,
    /// Changes to the objects made for it.
    pub template: Option<EntityOperatorTemplate>,
}

/// Looking after `KafkaTopics`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicOperatorSpec {
    /// The namespace whose `KafkaTopics` count. Absent: the cluster's.
    pub watched_namespace: Option<String>,
    /// The container image.
    pub image: Option<String>,
    /// Milliseconds between two full comparisons.
    #[schemars(range(min = 0))]
    pub reconciliation_interval_ms: Option<i64>,
    /// Settings of the start-up probe.
    pub startup_probe: Option<Probe>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// Log levels.
    pub logging: Option<Logging>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
}

/// Looking after `KafkaUsers`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserOperatorSpec {
    /// The namespace whose `KafkaUsers` count. Absent: the cluster's.
    pub watched_namespace: Option<String>,
    /// The container image.
    pub image: Option<String>,
    /// Milliseconds between two full comparisons.
    #[schemars(range(min = 0))]
    pub reconciliation_interval_ms: Option<i64>,
    /// What the names of users' Secrets begin with.
    pub secret_prefix: Option<String>,
    /// Settings of the liveness probe.
    pub liveness_probe: Option<Probe>,
    /// Settings of the readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Processor time and memory.
    pub resources: Option<ContainerResources>,
    /// Log levels.
    pub logging: Option<Logging>,
    /// Options of the Java virtual machine.
    pub jvm_options: Option<JvmOptions>,
}

/// Changes to the objects made for the entity operator.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityOperatorTemplate {
    /// The Deployment.
    pub deployment: Option<DeploymentTemplate>,
    /// The Pods.
    pub pod: Option<DeploymentPodTemplate>,
    /// The container that looks after topics.
    pub topic_operator_container: Option<ContainerTemplate>,
    /// The container that looks after users.
    pub user_operator_container: Option<ContainerTemplate>,
    /// The `ServiceAccount`.
    pub service_account: Option<ObjectTemplate>,
    /// The `PodDisruptionBudget`.
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The Role.
    pub entity_operator_role: Option<ObjectTemplate>,
    /// The `RoleBinding` for topics.
    pub topic_operator_role_binding: Option<ObjectTemplate>,
    /// The `RoleBinding` for users.
    pub user_operator_role_binding: Option<ObjectTemplate>,
}
