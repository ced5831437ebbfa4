//! Certificate authorities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A certificate authority.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuthority {
    /// Whether it is made for you. If false, its Secrets must exist. Default true.
    pub generate_certificate_authority: Option<bool>,
    /// Whether its Secrets go when the cluster is deleted. Default true.
    pub generate_secret_owner_reference: Option<bool>,
    /// Days that its certificates are valid. Default 365.
    #[schemars(range(min = 1))]
    pub validity_days: Option<i32>,
    /// Days before the end at which certificates are renewed. Default 30.
    #[schemars(range(min = 1))]
    pub renewal_days: Option<i32>,
    /// What happens to the private key when the CA's certificate is renewed. Default `renew-certificate`.
    pub certificate_expiration_policy: Option<CertificateExpirationPolicy>,
}

/// What happens to a CA's private key on renewal.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateExpirationPolicy {
    /// The key stays.
    RenewCertificate,
    /// The key is replaced too.
    ReplaceKey,
}
