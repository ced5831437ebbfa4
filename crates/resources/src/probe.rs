//! Timing of probes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Timing of a probe.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Seconds to wait before the first try.
    #[schemars(range(min = 0))]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds until a try counts as failed.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<i32>,
    /// Seconds between two tries.
    #[schemars(range(min = 1))]
    pub period_seconds: Option<i32>,
    /// Successes in a row until the probe counts as passed again.
    #[schemars(range(min = 1))]
    pub success_threshold: Option<i32>,
    /// Failures in a row until the probe counts as failed.
    #[schemars(range(min = 1))]
    pub failure_threshold: Option<i32>,
}
