//! The operator's own settings, as far as plans depend on them.

use serde::{Deserialize, Serialize};

/// Settings of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What we write into `klamm.dev/claimed-by`: the same for all replicas of one operator.
    pub claim: String,
    /// Version of the operator, for `status.operatorLastSuccessfulVersion`.
    pub version: String,
    /// What changes in rendered objects.
    pub render: manifests::Settings,
}
