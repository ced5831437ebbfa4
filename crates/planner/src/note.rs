//! What should be known although nothing is done about it; becomes a `Warning` condition.

use serde::{Deserialize, Serialize};

/// A sentence with a reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// One CamelCase word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}
