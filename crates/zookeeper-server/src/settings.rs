//! What can be set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::etcd::EtcdSettings;

/// Everything a server is told. [`Settings::new`] has ZooKeeper's defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// etcd.
    pub etcd: EtcdSettings,
    /// Where keys are in etcd.
    pub prefix: String,
    /// Where clients connect.
    pub listen: Option<SocketAddr>,
    /// Where clients connect with TLS.
    pub secure: Option<Secure>,
    /// Where health and metrics are answered over HTTP.
    pub metrics: Option<SocketAddr>,
    /// The shortest session timeout that is granted (ZooKeeper: two ticks of two seconds).
    pub min_session_timeout: Duration,
    /// The longest (twenty ticks).
    pub max_session_timeout: Duration,
    /// The longest message, `jute.maxbuffer`.
    pub max_frame_bytes: usize,
    /// Connections of one address; zero: any number (ZooKeeper: `maxClientCnxns`).
    pub max_connections_per_address: usize,
    /// Connections in all; zero: any number (ZooKeeper: `maxCnxns`).
    pub max_connections: usize,
    /// Requests that are not yet answered, of all connections; beyond it, nothing more is read from those that have any
    /// (`globalOutstandingLimit`).
    pub max_outstanding: usize,
    /// etcd's `--max-txn-ops`.
    pub etcd_max_txn_ops: usize,
    /// etcd's `--max-request-bytes`.
    pub etcd_max_request_bytes: usize,
    /// Users of SASL DIGEST-MD5, with their passwords.
    pub sasl_users: Vec<(String, String)>,
    /// The digest identity (`super:` and a hash) that may do everything.
    pub super_digest: Option<String>,
    /// How often containers and nodes with a time to live are looked at.
    pub reap_every: Duration,
    /// Without news of etcd for this long, clients are disconnected.
    pub stale_after: Duration,
}

/// A listener with TLS.
#[derive(Debug, Clone)]
pub struct Secure {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// PEM: our certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
    /// PEM: the authorities of clients' certificates. None: clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

impl Settings {
    /// ZooKeeper's defaults.
    pub fn new(etcd: EtcdSettings) -> Self {
        Self {
            etcd,
            prefix: "/klamm".to_owned(),
            listen: None,
            secure: None,
            metrics: None,
            min_session_timeout: Duration::from_secs(4),
            max_session_timeout: Duration::from_secs(40),
            max_frame_bytes: zookeeper_protocol::DEFAULT_MAX_FRAME,
            max_connections_per_address: 60,
            max_connections: 0,
            max_outstanding: 1000,
            etcd_max_txn_ops: 128,
            etcd_max_request_bytes: 1536 * 1024,
            sasl_users: Vec::new(),
            super_digest: None,
            reap_every: Duration::from_mins(1),
            stale_after: Duration::from_secs(4),
        }
    }
}
