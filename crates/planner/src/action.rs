//! What a step does to the world.
//!
//! Each action is complete: executing it needs no choice. What must be random (cluster id, directory ids, keys,
//! passwords) is asked for here and drawn by whoever executes, who writes it conditionally; the next look sees it.
//! Objects are whole Kubernetes objects (`apiVersion`, `kind`, `metadata` with namespace and owner).

use std::collections::{BTreeMap, BTreeSet};

use model::observed::identity::Identity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub enum Action {
    /// Writes `klamm.dev/claimed-by` on the Kafka (a merge patch of its annotations with the guard's resourceVersion).
    #[serde(rename_all = "camelCase")]
    Claim {
        /// The value.
        by: String,
    },
    /// Draws what is missing, adds it to `identity` and writes the result as the annotation `klamm.dev/identity` of the
    /// Kafka, conditional on the guard's resourceVersion.
    #[serde(rename_all = "camelCase")]
    RecordIdentity {
        /// What is known already.
        identity: Identity,
        /// What to draw.
        draw: Draw,
    },
    /// Creates what is missing of a certificate authority: the key (drawn) where `draw_key`, and the certificate.
    ///
    /// Order: key Secret first (create only), then certificate Secret (create only, signed with the key just read back).
    IssueAuthority(AuthorityRequest),
    /// Signs a new certificate for the key that an authority has and replaces `ca.crt` and `ca.p12` of its certificate's
    /// Secret, in one write: annotations and everything else in it stay, but those of `annotations` are set (null removes).
    RenewAuthority(AuthorityRenewal),
    /// Signs a certificate (its key drawn unless the Secret holds one that matches `keep_key`) and applies its Secret.
    IssueCertificate(CertificateRequest),
    /// Creates a Secret with passwords drawn for the given keys; create only.
    #[serde(rename_all = "camelCase")]
    DrawSecret {
        /// The Secret without `data`.
        secret: Value,
        /// Fixed entries (plain text, nothing secret).
        fixed: BTreeMap<String, String>,
        /// Keys whose value is drawn: 32 characters of letters and digits.
        drawn: BTreeSet<String>,
    },
    /// Server-side apply of the whole object.
    #[serde(rename_all = "camelCase")]
    Apply {
        /// The object.
        object: Value,
    },
    /// Creates the object; that it exists already is a refused guard.
    #[serde(rename_all = "camelCase")]
    Create {
        /// The object.
        object: Value,
    },
    /// Deletes the object that the guard names, with uid and resourceVersion as preconditions.
    #[serde(rename_all = "camelCase")]
    Delete {
        /// For instance `Pod`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// `RemoveRaftVoter`.
    #[serde(rename_all = "camelCase")]
    RemoveVoter {
        /// Node id.
        node: i32,
        /// Directory id, base64url as Kafka writes it.
        directory: String,
    },
    /// `AddRaftVoter`.
    #[serde(rename_all = "camelCase")]
    AddVoter {
        /// Node id.
        node: i32,
        /// Directory id, base64url as Kafka writes it.
        directory: String,
        /// Its listeners for controllers: name, host, port.
        endpoints: Vec<Endpoint>,
    },
    /// `UpdateFeatures`: raises `metadata.version`.
    #[serde(rename_all = "camelCase")]
    RaiseMetadataVersion {
        /// The level to reach.
        level: i16,
        /// The same for people, such as `4.3-IV0`.
        version: String,
    },
    /// `IncrementalAlterConfigs`: changes the configuration of all brokers while they run.
    #[serde(rename_all = "camelCase")]
    AlterSettings {
        /// Property → value.
        set: BTreeMap<String, String>,
        /// Properties that go back to what a broker was started with.
        delete: BTreeSet<String>,
    },
    /// Makes a node read its certificates again (`IncrementalAlterConfigs` on it) and waits until its runner says that
    /// they are served.
    #[serde(rename_all = "camelCase")]
    ReloadCertificates {
        /// Node id.
        node: i32,
        /// Its Pod.
        pod: String,
        /// Kafka's names of the listeners.
        listeners: BTreeSet<String>,
    },
}

/// What of an identity is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draw {
    /// The cluster id.
    pub cluster_id: bool,
    /// Directory ids: node id → volume ids. A drawn id replaces the one in the identity.
    pub directories: BTreeMap<i32, BTreeSet<u32>>,
    /// Nodes whose metadata directory, once drawn, becomes an entry of `initial_controllers`: node id → volume id.
    pub initial_controllers: BTreeMap<i32, u32>,
}

/// Which certificate authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Authority {
    /// Signs nodes and operators.
    Cluster,
    /// Signs clients.
    Clients,
}

impl Authority {
    /// The word in object names: `cluster`, `clients`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Clients => "clients",
        }
    }
}

/// A certificate authority to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityRequest {
    /// Which one.
    pub authority: Authority,
    /// The Secret of the key without `data`; its key is `ca.key`.
    pub key_secret: Value,
    /// Whether the key is to be made; otherwise the Secret holds it.
    pub draw_key: bool,
    /// The Secret of the certificate without `data`; its keys are `ca.crt`, `ca.p12`, `ca.password`.
    pub certificate_secret: Value,
    /// Common name of the subject.
    pub common_name: String,
    /// How long it is valid.
    pub validity_days: u32,
}

/// A certificate of an authority to replace by one for the same key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityRenewal {
    /// Which one.
    pub authority: Authority,
    /// Common name of the subject: the one it has, so that what it signed stays valid.
    pub common_name: String,
    /// How long it is valid.
    pub validity_days: u32,
    /// Annotations of the Secret to set, or to remove.
    pub annotations: BTreeMap<String, Option<String>>,
}

/// A certificate to sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRequest {
    /// Who signs: key in Secret `<cluster>-<authority>-ca`, certificate in `<cluster>-<authority>-ca-cert`.
    pub authority: Authority,
    /// The Secret it goes into, without `data`.
    pub secret: Value,
    /// Its entries are `<entry>.crt` (leaf, then the authority) and `<entry>.key`.
    pub entry: String,
    /// Common name of the subject; the organization is Strimzi's.
    pub common_name: String,
    /// DNS names.
    pub dns_names: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<String>,
    /// How long it is valid.
    pub validity_days: u32,
}

/// Where a controller listens for other controllers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Kafka's name of the listener.
    pub listener: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
}
