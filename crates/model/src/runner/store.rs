//! What the operator tells the first process of a Pod that keeps metadata: a server of a ZooKeeper ensemble, or etcd.
//!
//! `store.json` in the Pod's `ConfigMap`; the same contract as for Kafka Pods (see the parent module).

use serde::{Deserialize, Serialize};

/// Key of this configuration in the `ConfigMap`.
pub const STORE_CONFIG_KEY: &str = "store.json";
/// Key of ZooKeeper's own configuration.
pub const ZOOKEEPER_CONFIG_KEY: &str = "zookeeper.properties";
/// The image's own name for its etcd, where that is not on `PATH`.
pub const ETCD_PROGRAM: &str = "KLAMM_ETCD";

/// Everything that the runner needs to know about such a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreConfig {
    /// [`super::CONTRACT`] of the operator that wrote it.
    pub contract: u32,
    /// Name of the `Kafka`.
    pub cluster: String,
    /// Id of the cluster, which is written on the volume.
    pub cluster_id: String,
    /// Number of this server, from 0.
    pub server: u32,
    /// Mount point of its volume.
    pub mount: String,
    /// Where its data are.
    pub data_dir: String,
    /// What runs.
    pub program: StoreProgram,
    /// Port of health.
    pub health_port: u16,
}

/// What runs in the Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum StoreProgram {
    /// `QuorumPeerMain` of Apache ZooKeeper, from the jars of Kafka.
    #[serde(rename_all = "camelCase")]
    ZooKeeper {
        /// `myid`, from 1.
        id: u32,
        /// Port for clients.
        client_port: u16,
    },
    /// One member of etcd.
    #[serde(rename_all = "camelCase")]
    Etcd {
        /// Its name.
        name: String,
        /// Port for clients.
        client_port: u16,
        /// Port for other members.
        peer_port: u16,
    },
}

/// Where a broker finds its metadata, where those are behind ZooKeeper's protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreAddress {
    /// `host:port`, as in `zookeeper.connect`.
    pub servers: Vec<String>,
}
