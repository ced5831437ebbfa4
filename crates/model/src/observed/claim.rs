//! Who may act: claims, foreign owners, the permit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that carries this cluster's labels and belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreign {
    /// `Pod` or `StrimziPodSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Who seems to own it (label `app.kubernetes.io/managed-by`, or the owner's kind and name).
    pub owner: String,
}

/// Permission to act: a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permit {
    /// Whether we hold it.
    pub held: bool,
    /// Who holds it.
    #[serde(default)]
    pub holder: String,
    /// Until when; the margin for a step is already taken off.
    pub until: Timestamp,
}
