//! Java Management Extensions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Java Management Extensions, on port 9999.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct JmxOptions {
    /// How JMX clients prove who they are. Absent: they need not.
    pub authentication: Option<JmxAuthentication>,
}

/// How JMX clients prove who they are.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct JmxAuthentication {
    /// Always `password`.
    #[serde(rename = "type")]
    pub kind: JmxAuthenticationType,
}

/// How JMX clients prove who they are.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JmxAuthenticationType {
    /// By user name and password.
    Password,
}
