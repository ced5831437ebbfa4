//! Kubernetes objects as they were seen.
//!
//! Reads: what the API server holds for one cluster. Secrets are not here (their values are not looked at):
//! see `secret.rs`. Pods and volumes have files of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which object, inside the namespace of the Kafka (or in none, for cluster-scoped kinds).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey {
    /// For instance `Service`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// The key of the object of this kind and name.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) => Ok(Self::new(kind, name)),
            None => Err(format!("{text:?} is not of the form Kind/name")),
        }
    }
}

/// The part of an object's metadata that decisions need.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.labels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, without `kubectl.kubernetes.io/last-applied-configuration`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The uid of the controlling owner, or of the only owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// True once `metadata.deletionTimestamp` is set.
    #[serde(default)]
    pub deleting: bool,
}

/// Who owns an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// For instance `Kafka` or `StrimziPodSet`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
}

/// An object whose whole content may be compared with what we would render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Its metadata.
    pub meta: Meta,
    /// Everything but `metadata`, `status`, `apiVersion` and `kind`: `spec`, `data`, `rules`, ….
    pub body: Value,
    /// `status` as it stands, `null` where there is none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub status: Value,
}

/// Annotation on every object we apply: a hash of what was rendered, so that a field we once set and now leave out is
/// noticed without asking who manages which field.
pub const RENDERED: &str = "klamm.dev/rendered";
