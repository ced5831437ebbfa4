//! Where brokers keep what they agree on: in a `KRaft` quorum of their own, or, up to Kafka 3.9, behind ZooKeeper's
//! protocol.
//!
//! Not here: how the annotation is written (`parse::metadata_store`), what runs (crate `manifests`).

use serde::{Deserialize, Serialize};

use super::size::ByteSize;

/// Where the metadata are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetadataStore {
    /// In the controllers among the nodes.
    #[default]
    KRaft,
    /// In a ZooKeeper ensemble of the cluster's own.
    #[serde(rename_all = "camelCase")]
    ZooKeeper {
        /// How many servers.
        servers: u32,
        /// The volume of each.
        volume: StoreVolume,
    },
    /// In etcd, from which Klamm serves ZooKeeper's protocol.
    #[serde(rename_all = "camelCase")]
    Etcd {
        /// How many servers of the protocol; they hold nothing themselves.
        servers: u32,
        /// Which etcd.
        etcd: Etcd,
    },
}

/// An etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Etcd {
    /// One that is there already.
    External(ExternalEtcd),
    /// One member of our own.
    Managed(StoreVolume),
}

/// An etcd that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalEtcd {
    /// Its members, `host:port`, in the user's order.
    pub endpoints: Vec<String>,
    /// Whether it is spoken to with TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// Secret with what it asks for: its authority, our certificate, a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A volume that outlives its Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreVolume {
    /// How much to ask for.
    pub size: ByteSize,
    /// Storage class; the default class when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// The kinds of stores that a cluster can never be moved between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreKind {
    /// [`MetadataStore::KRaft`].
    #[default]
    KRaft,
    /// [`MetadataStore::ZooKeeper`].
    ZooKeeper,
    /// [`Etcd::External`].
    Etcd,
    /// [`Etcd::Managed`].
    ManagedEtcd,
}

impl StoreKind {
    /// Whether the metadata are in a `KRaft` quorum.
    pub fn is_kraft(&self) -> bool {
        *self == Self::KRaft
    }

    /// What it is, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KRaft => "a KRaft quorum",
            Self::ZooKeeper => "a ZooKeeper ensemble",
            Self::Etcd => "an etcd of the user's",
            Self::ManagedEtcd => "an etcd of the cluster's own",
        }
    }
}

impl MetadataStore {
    /// Which kind it is.
    pub const fn kind(&self) -> StoreKind {
        match self {
            Self::KRaft => StoreKind::KRaft,
            Self::ZooKeeper { .. } => StoreKind::ZooKeeper,
            Self::Etcd {
                etcd: Etcd::External(_),
                ..
            } => StoreKind::Etcd,
            Self::Etcd {
                etcd: Etcd::Managed(_),
                ..
            } => StoreKind::ManagedEtcd,
        }
    }

    /// Whether it is in the controllers among the nodes.
    pub fn is_kraft(&self) -> bool {
        *self == Self::KRaft
    }

    /// Whether brokers speak ZooKeeper's protocol to it.
    pub const fn speaks_zookeeper(&self) -> bool {
        !matches!(self, Self::KRaft)
    }

    /// How many servers of ZooKeeper's protocol there are.
    pub const fn servers(&self) -> u32 {
        match self {
            Self::KRaft => 0,
            Self::ZooKeeper { servers, .. } | Self::Etcd { servers, .. } => *servers,
        }
    }
}
