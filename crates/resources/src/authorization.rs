//! Who may do what on the brokers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Who may do what on the brokers.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// `simple` for Kafka's ACLs, `custom` for an authorizer of your own.
    #[serde(rename = "type")]
    pub kind: AuthorizationType,
    /// Principals that may do everything.
    pub super_users: Option<Vec<String>>,
    /// With type `custom`: the class of the authorizer.
    pub authorizer_class: Option<String>,
    /// With type `custom`: whether ACLs can be changed through Kafka's admin interface.
    pub supports_admin_api: Option<bool>,
}

/// A kind of authorizer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationType {
    /// Kafka's own ACLs.
    Simple,
    /// An authorizer of your own.
    Custom,
}
