//! How other programs connect to a Kafka cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::listener::CertificateAndKey;

/// TLS towards a Kafka cluster.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// The certificates to trust.
    pub trusted_certificates: Option<Vec<TrustedCertificate>>,
}

/// Certificates to trust, in a Secret: by key or by pattern of keys.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"properties": {"certificate": {}}, "required": ["certificate"]}, {"properties": {"pattern": {}}, "required": ["pattern"]}]))]
pub struct TrustedCertificate {
    /// The Secret.
    pub secret_name: String,
    /// The key that holds a certificate.
    pub certificate: Option<String>,
    /// Pattern of the keys that hold certificates, such as `*.crt`.
    pub pattern: Option<String>,
}

/// How a client proves who it is.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuthentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub kind: ClientAuthenticationType,
    /// With type `tls`: the client's certificate.
    pub certificate_and_key: Option<CertificateAndKey>,
    /// With a password: the user.
    pub username: Option<String>,
    /// With a password: the Secret that holds it.
    pub password_secret: Option<PasswordSecret>,
    /// With type `custom`: whether SASL is used.
    pub sasl: Option<bool>,
    /// With type `custom`: the client's configuration.
    pub config: Option<AnyMap>,
}

/// A password in a Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSecret {
    /// The Secret.
    pub secret_name: String,
    /// The key that holds the password.
    pub password: String,
}

/// Tracing of messages.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Tracing {
    /// Always `opentelemetry`.
    #[serde(rename = "type")]
    pub kind: TracingType,
}

/// How a client proves who it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ClientAuthenticationType {
    /// By a certificate.
    #[serde(rename = "tls")]
    Tls,
    /// By a password, never sent as such (SHA-256).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By a password, never sent as such (SHA-512).
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// By a password that is sent.
    #[serde(rename = "plain")]
    Plain,
    /// As configured.
    #[serde(rename = "custom")]
    Custom,
}

/// A kind of tracing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TracingType {
    /// OpenTelemetry.
    OpenTelemetry,
}
