//! What users want, complete and consistent.
//!
//! A value of these types has no default left to fill in and no contradiction left to find: `parse` makes them
//! from what was typed and returns every problem it meets. They hold no observation and no decision (node ids,
//! cluster id, certificates); those come from the planner.

pub mod authorization;
pub mod ca;
pub mod cluster;
pub mod jvm;
pub mod kafka_key;
pub mod listener;
pub mod logging;
pub mod metadata_store;
pub mod metrics;
pub mod name;
pub mod node;
pub mod parse;
pub mod pool;
pub mod probe;
pub mod quotas;
pub mod rack;
pub mod sensitive;
pub mod size;
pub mod storage;
pub mod template;
pub mod tiered_storage;
pub mod version;

pub use authorization::Authorization;
pub use ca::{CaSettings, OnExpiry};
pub use cluster::Cluster;
pub use jvm::{Heap, JvmOptions};
pub use kafka_key::KafkaKey;
pub use listener::{
    BootstrapOverride, BrokerOverride, CertificateReference, Listener, ListenerAuthentication,
    ListenerConfiguration, ListenerKind,
};
pub use logging::{ConfigMapKey, Dialect as LoggingDialect, Logging};
pub use metadata_store::{Etcd, ExternalEtcd, MetadataStore, StoreKind, StoreVolume};
pub use metrics::{Jmx, Metrics};
pub use name::{ClusterName, ListenerName, NameError, Namespace, PoolName};
pub use node::{Node, NodeId, NodeIdRange, Roles};
pub use pool::Pool;
pub use probe::Probe;
pub use quotas::Quotas;
pub use rack::{Rack, RackThrough};
pub use size::{ByteSize, SizeError};
pub use storage::{PersistentClaim, Storage, Volume, VolumeId, VolumeKind};
pub use template::{
    ClusterTemplate, ContainerTemplate, MetadataTemplate, PodDisruptionBudgetTemplate, PodTemplate,
    PoolTemplate, ServiceTemplate,
};
pub use tiered_storage::TieredStorage;
pub use version::{KafkaVersion, MetadataVersion, VersionError};
