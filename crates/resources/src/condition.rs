//! Conditions: what is known about a resource.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// One thing that is known about a resource.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about, such as `Ready` or `Warning`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `True`, `False` or `Unknown`.
    pub status: Option<String>,
    /// When the status last changed, UTC.
    pub last_transition_time: Option<String>,
    /// Why, in one `CamelCase` word.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
}
