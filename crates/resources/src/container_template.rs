//! What users may change about containers.

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, SecretKeySelector, SecurityContext, VolumeMount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::core_schema::{core, core_list};

/// Changes to a container.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerTemplate {
    /// Environment variables.
    pub env: Option<Vec<EnvironmentVariable>>,
    /// Security settings of the container.
    #[serde(default)]
    #[schemars(schema_with = "core::<SecurityContext>")]
    pub security_context: Option<SecurityContext>,
    /// Where the Pod's additional volumes are mounted, below `/mnt`.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<VolumeMount>")]
    pub volume_mounts: Option<Vec<VolumeMount>>,
}

/// An environment variable: a value, or where it comes from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"properties": {"value": {}}, "required": ["value"]}, {"properties": {"valueFrom": {}}, "required": ["valueFrom"]}]))]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// Where its value comes from.
    pub value_from: Option<EnvironmentSource>,
}

/// Where the value of an environment variable comes from; exactly one.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"properties": {"secretKeyRef": {}}, "required": ["secretKeyRef"]}, {"properties": {"configMapKeyRef": {}}, "required": ["configMapKeyRef"]}]))]
pub struct EnvironmentSource {
    /// A key of a Secret.
    #[serde(default)]
    #[schemars(schema_with = "core::<SecretKeySelector>")]
    pub secret_key_ref: Option<SecretKeySelector>,
    /// A key of a `ConfigMap`.
    #[serde(default)]
    #[schemars(schema_with = "core::<ConfigMapKeySelector>")]
    pub config_map_key_ref: Option<ConfigMapKeySelector>,
}
