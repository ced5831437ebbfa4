//! Secrets as they were seen: never their values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::Meta;

/// One Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its metadata; generations of certificates are annotations.
    pub meta: Meta,
    /// Key → SHA-256 (hex) of its value. For secrets of low entropy (passwords) the hash is left empty.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Key → what the certificate in it says; keys that hold no certificate are absent.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
}

/// What a certificate (the first of a chain) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Subject, RFC 4514, for instance `CN=my-cluster-kafka,O=io.strimzi`.
    pub subject: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// DNS names it is valid for.
    #[serde(default)]
    pub dns_names: Vec<String>,
    /// Addresses it is valid for.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// SHA-256 (hex) of the certificate that signed it, where that one is known to us (a CA of the cluster).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// SHA-256 (hex) of its DER form.
    pub fingerprint: String,
    /// SHA-1 (hex) of its DER form, which Strimzi knows certificates by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thumbprint: String,
    /// Whether the key beside it (`<name>.key`, `ca.key`) belongs to it; `None` where there is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_matches: Option<bool>,
    /// The PEM text: certificates are public, and `status.listeners` shows the CA's.
    #[serde(default)]
    pub pem: String,
}
