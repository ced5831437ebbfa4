//! What the operator tells the first process of a Kafka Pod, beside Kafka's own properties.
//!
//! `runner.json` in the Pod's `ConfigMap`. Operator and runner may be of different versions (two back), so fields are
//! only ever added, with a default; a change of meaning is a new [`CONTRACT`]. Nothing secret is in it: key material is
//! named by path. Paths are those of the container; where `KLAMM_ROOT` is set the runner prefixes them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub mod placeholder;
pub mod store;

use crate::desired::{ByteSize, KafkaVersion, MetadataVersion, NodeId, Roles, VolumeId};

/// Version of the contract between operator and runner.
pub const CONTRACT: u32 = 1;

/// Key of this configuration in the `ConfigMap`.
pub const RUNNER_CONFIG_KEY: &str = "runner.json";

/// Environment variables of the container `kafka` that the runner reads.
pub mod env {
    /// Version of the contract, a number.
    pub const CONTRACT: &str = "KLAMM_CONTRACT";
    /// Permission to format, a [`super::Format`]; absent when there is none.
    pub const FORMAT: &str = "KLAMM_FORMAT";
    /// Rack by the downward API; empty or absent when unknown.
    pub const RACK: &str = "KLAMM_RACK";
    /// Name of the Pod.
    pub const POD_NAME: &str = "POD_NAME";
    /// Namespace of the Pod.
    pub const POD_NAMESPACE: &str = "POD_NAMESPACE";
    /// Uid of the Pod.
    pub const POD_UID: &str = "POD_UID";
    /// Address of the Pod.
    pub const POD_IP: &str = "POD_IP";
    /// Name of the machine the Pod runs on.
    pub const NODE_NAME: &str = "NODE_NAME";
    /// Address of the machine the Pod runs on; only where there is a listener of type `nodeport`.
    pub const HOST_IP: &str = "HOST_IP";
}

/// Everything the runner needs to know that is not in Kafka's own properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerConfig {
    /// [`CONTRACT`] of the operator that wrote it.
    pub contract: u32,
    /// Name of the `Kafka`.
    pub cluster: String,
    /// Id of the cluster, as in `meta.properties`.
    pub cluster_id: String,
    /// Number of this node.
    pub node_id: NodeId,
    /// What it does.
    pub roles: Roles,
    /// Release of Apache Kafka.
    pub kafka_version: KafkaVersion,
    /// Metadata version to format with.
    pub metadata_version: MetadataVersion,
    /// Log directories, by volume.
    pub log_dirs: Vec<LogDir>,
    /// The log directory that also holds the metadata log.
    pub metadata_log_dir: String,
    /// For `--initial-controllers`; only where formatting as `initial` is permitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_controllers: Option<String>,
    /// How the quorum is found.
    pub quorum: QuorumKind,
    /// Heap sizes.
    pub heap: HeapConfig,
    /// The user's `-XX` options, in order, ready to use. Where there are none, Kafka's usual ones apply.
    pub jvm_options: Vec<String>,
    /// `-D` properties, in order.
    pub system_properties: Vec<(String, String)>,
    /// Jars or directories to append to the class path, ready to use (`dir/*`).
    #[serde(default)]
    pub class_path: Vec<String>,
    /// Whether garbage collection is logged.
    pub gc_logging: bool,
    /// Who serves Prometheus metrics.
    pub metrics: MetricsConfig,
    /// JMX for other Pods.
    #[serde(default)]
    pub jmx: JmxConfig,
    /// All listeners, Kafka's names.
    pub listeners: Vec<ListenerConfig>,
    /// PEM files to assemble from mounted ones, before Kafka starts and whenever they change.
    pub pem_files: Vec<PemFile>,
    /// Where the rack comes from, when the broker has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<RackSource>,
    /// Port of health, state and the runner's own metrics.
    pub health_port: u16,
    /// File of the appender that user logging cannot remove.
    pub state_log: String,
    /// Where the metadata are, where they are behind ZooKeeper's protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<store::StoreAddress>,
    /// Hash of everything in the Pod's configuration that needs a restart when it changes.
    pub configuration_hash: String,
}

/// A directory for logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogDir {
    /// Number of its volume.
    pub volume: VolumeId,
    /// Mount point of its volume.
    pub mount: String,
    /// The directory itself.
    pub path: String,
    /// `directory.id` in its `meta.properties`; chosen before the first start, unknown for adopted ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_id: Option<String>,
}

/// How controllers find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QuorumKind {
    /// `controller.quorum.bootstrap.servers`; voters are part of the metadata.
    Dynamic,
    /// `controller.quorum.voters`; voters are part of the configuration.
    Static,
}

/// Permission to format empty log directories, in the Pod's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As one of the first voters (or, with a static quorum, as always).
    Initial,
    /// As a node that finds the quorum and joins it.
    Join,
}

impl Format {
    /// The value of [`env::FORMAT`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Join => "join",
        }
    }

    /// Reads the value of [`env::FORMAT`].
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "initial" => Some(Self::Initial),
            "join" => Some(Self::Join),
            _ => None,
        }
    }
}

/// Heap sizes; about what is absent the manifest is silent: `-Xms128M`, or less for a fast start, and the JVM's own maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeapConfig {
    /// `-Xms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<ByteSize>,
    /// `-Xmx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<ByteSize>,
}

/// Who serves Prometheus metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum MetricsConfig {
    /// Nobody.
    None,
    /// The JMX exporter as a Java agent.
    #[serde(rename_all = "camelCase")]
    JmxExporter {
        /// Port it listens on.
        port: u16,
        /// Its configuration.
        config_file: String,
    },
    /// Strimzi's reporter, configured in `server.config`; its jars belong on the class path.
    StrimziReporter {
        /// Port it listens on.
        port: u16,
    },
}

/// JMX for other Pods.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum JmxConfig {
    /// Closed.
    #[default]
    Closed,
    /// Open without a password.
    Open {
        /// Port it listens on.
        port: u16,
    },
    /// Open with user name and password from files.
    #[serde(rename_all = "camelCase")]
    Password {
        /// Port it listens on.
        port: u16,
        /// File with the user's name.
        username_file: String,
        /// File with the password.
        password_file: String,
    },
}

/// A listener of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerConfig {
    /// Kafka's name for it: `TLS-9093`.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS, hence whether its certificate can be reloaded.
    pub tls: bool,
}

/// A PEM file made by joining others, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PemFile {
    /// The file to write.
    pub path: String,
    /// The files to join. All of them must be there.
    pub from: Vec<String>,
    /// Whether the certificate in it must name the Pod's address where that is advertised (`KLAMM_ADDRESS=pod-ip`).
    #[serde(default)]
    pub names_pod_address: bool,
}

/// Where the rack comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum RackSource {
    /// An environment variable of the container.
    Environment {
        /// Its name.
        name: String,
    },
    /// A label of the Node object, read with the token mounted at `token`.
    #[serde(rename_all = "camelCase")]
    NodeLabel {
        /// The label's key.
        key: String,
        /// Directory with `token` and `ca.crt`.
        credentials: String,
    },
}

/// The numbers of Kafka's `BrokerState`, which Strimzi's agent answers too.
pub mod broker_state {
    /// Before it says anything, and when its JVM has ended.
    pub const NOT_RUNNING: i32 = 0;
    /// Catching up with the metadata log; not registered yet.
    pub const STARTING: i32 = 1;
    /// Registered; reading its own logs.
    pub const RECOVERY: i32 = 2;
    /// Unfenced.
    pub const RUNNING: i32 = 3;
    /// Handing over its leaderships.
    pub const PENDING_CONTROLLED_SHUTDOWN: i32 = 6;
    /// Stopping.
    pub const SHUTTING_DOWN: i32 = 7;
}

/// What `GET /v1/broker-state` answers, Strimzi's fields first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerState {
    /// Kafka's number, one of [`broker_state`]; 127 is unknown.
    pub broker_state: i32,
    /// What the runner does while there is no JVM, as a phrase: `waiting for its old session to end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
    /// Progress, while in recovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_state: Option<RecoveryState>,
    /// Hash of the certificate that is served, by listener: SHA-256 over its DER form, hex. Listeners without TLS, and
    /// those that were not asked yet, are absent.
    #[serde(default)]
    pub certificate_hash: BTreeMap<String, String>,
    /// Hash of the certificate in the assembled file, by listener: what would be served after a reload.
    #[serde(default)]
    pub assembled_hash: BTreeMap<String, String>,
    /// Listeners whose trusted certificates changed since Kafka read them.
    #[serde(default)]
    pub stale_trust: BTreeSet<String>,
    /// When the certificate ends that Kafka started with, where that is not the assembled one: connections to
    /// controllers present it until the next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_certificate_ends: Option<jiff::Timestamp>,
    /// Why files that changed were not taken: of certificates, what is wrong with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_kept_because: Option<String>,
    /// [`RunnerConfig::configuration_hash`] that Kafka was started with.
    #[serde(default)]
    pub config_hash: String,
    /// Version of this runner.
    #[serde(default)]
    pub runner_version: String,
}

/// How much log is still to be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryState {
    /// Logs.
    pub remaining_logs_to_recover: u64,
    /// Segments.
    pub remaining_segments_to_recover: u64,
}
