//! The custom resources: what users write and what they read back.
//!
//! What it does: holds every kind of `kafka.strimzi.io/v1` and of our own `klamm.dev/v1alpha1` as Rust
//! types, and makes the Kubernetes definitions from these types.
//! Invariants: a type here is what was *typed*: options and strings, no defaults filled in; Strimzi's
//! `type:` unions are flat structs, as in its definitions. No I/O, no clock.
//! What is not here: meaning. `model::desired` turns a resource into something complete and names all its problems.

#![expect(
    clippy::duplicated_attributes,
    reason = "each printer column is an attribute of its own with the same keys"
)]

pub mod authorization;
pub mod bridge;
pub mod certificate_authority;
pub mod client;
pub mod cluster;
pub mod condition;
pub mod connect;
pub mod connect_build;
pub mod connector;
pub mod container_resources;
pub mod container_template;
pub mod cruise_control;
pub mod entity_operator;
pub mod generate;
pub mod jmx;
pub mod jvm;
pub mod kafka_exporter;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod mirror_maker;
pub mod node_pool;
pub mod plan;
pub mod pod_template;
pub mod probe;
pub mod quantity;
pub mod quotas;
pub mod rack;
pub mod rebalance;
pub mod storage;
pub mod template;
pub mod tiered_storage;
pub mod topic;
pub mod user;
pub mod volume;

mod check;
mod core_kinds;
mod core_schema;
mod crds;
pub mod examples;
mod rules;
mod schema;
pub mod words;

use std::collections::BTreeMap;

pub use bridge::{KafkaBridge, KafkaBridgeSpec, KafkaBridgeStatus};
pub use check::{Violation, ViolationKind, check, check_type, kinds, schema_of};
pub use cluster::{Kafka, KafkaSpec, KafkaStatus};
pub use condition::Condition;
pub use connect::{KafkaConnect, KafkaConnectSpec, KafkaConnectStatus};
pub use connector::{KafkaConnector, KafkaConnectorSpec, KafkaConnectorStatus};
pub use core_kinds::check_metadata;
pub use crds::{crds, crds_json};
pub use mirror_maker::{KafkaMirrorMaker2, KafkaMirrorMaker2Spec, KafkaMirrorMaker2Status};
pub use node_pool::{KafkaNodePool, KafkaNodePoolSpec, KafkaNodePoolStatus};
pub use plan::{KafkaPlan, KafkaPlanSpec, KafkaPlanStatus};
pub use rebalance::{KafkaRebalance, KafkaRebalanceSpec, KafkaRebalanceStatus};
pub use topic::{KafkaTopic, KafkaTopicSpec, KafkaTopicStatus};
pub use user::{KafkaUser, KafkaUserSpec, KafkaUserStatus};

/// A map whose values may be anything, such as Kafka's configuration.
pub type AnyMap = BTreeMap<String, serde_json::Value>;
