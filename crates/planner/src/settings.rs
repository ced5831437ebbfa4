//! What the operator's own settings mean to a plan.

use serde::{Deserialize, Serialize};

/// Settings that decide; those that only change what is rendered are the renderer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What we write into `klamm.dev/claimed-by`: the same for all replicas of one operator.
    pub claim: String,
    /// Version of the operator, for `status.operatorLastSuccessfulVersion`.
    pub version: String,
}
