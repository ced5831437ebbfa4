//! Processor time and memory.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceClaim;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::core_schema::core_list;
use crate::quantity::Quantity;

/// Processor time and memory of a container.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ContainerResources {
    /// Claims for devices.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<ResourceClaim>")]
    pub claims: Option<Vec<ResourceClaim>>,
    /// The most that the container may use.
    pub limits: Option<BTreeMap<String, Quantity>>,
    /// What is set aside for the container.
    pub requests: Option<BTreeMap<String, Quantity>>,
}
