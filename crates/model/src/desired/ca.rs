//! What a user says about a certificate authority.

use serde::{Deserialize, Serialize};

/// Settings of the cluster CA or the clients CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaSettings {
    /// Whether we make it; otherwise the user brings it in the same Secrets.
    pub generate: bool,
    /// Whether its Secrets go when the Kafka goes.
    pub owner_reference: bool,
    /// How long certificates are valid.
    pub validity_days: u32,
    /// How long before the end they are renewed.
    pub renewal_days: u32,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

/// What happens when a CA certificate nears its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExpiry {
    /// A new certificate for the same key.
    RenewCertificate,
    /// A new key and a new certificate.
    ReplaceKey,
}

impl Default for CaSettings {
    /// Strimzi's defaults: ours, one year, renewed a month before.
    fn default() -> Self {
        Self {
            generate: true,
            owner_reference: true,
            validity_days: 365,
            renewal_days: 30,
            on_expiry: OnExpiry::RenewCertificate,
        }
    }
}
