//! The custom resources: what users write and what they read back.
//!
//! What it does: holds every kind of `kafka.strimzi.io/v1` and of our own `klamm.dev/v1alpha1` as Rust
//! types, and makes the Kubernetes definitions from these types.
//! Invariants: a type here is what was *typed*: options and strings, no defaults filled in; Strimzi's
//! `type:` unions are flat structs, as in its definitions. No I/O, no clock.
//! What is not here: meaning. `model::desired` turns a resource into something complete and names all its problems.

pub mod authorization;
pub mod certificate_authority;
pub mod cluster;
pub mod condition;
pub mod container_resources;
pub mod container_template;
pub mod cruise_control;
pub mod entity_operator;
pub mod jmx;
pub mod jvm;
pub mod kafka_exporter;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod node_pool;
pub mod pod_template;
pub mod probe;
pub mod quantity;
pub mod quotas;
pub mod rack;
pub mod storage;
pub mod template;
pub mod tiered_storage;
pub mod volume;

mod core_schema;
mod crds;
mod schema;

use std::collections::BTreeMap;

pub use cluster::{Kafka, KafkaSpec, KafkaStatus};
pub use condition::Condition;
pub use crds::{crds, crds_json};
pub use node_pool::{KafkaNodePool, KafkaNodePoolSpec, KafkaNodePoolStatus};

/// A map whose values may be anything, such as Kafka's configuration.
pub type AnyMap = BTreeMap<String, serde_json::Value>;
