//! What we ask of Kafka: our own client, small, bounded, for any broker version that speaks ours.
//!
//! Does: connects to brokers and controllers ([`connection`]), asks the right one ([`cluster`]), produces and consumes
//! ([`producer`], [`consumer`]). Reads: what brokers answer, which is never trusted. Invariants: no answer can make us
//! abort or take more than a small multiple of its length in memory; every question has a deadline; every error names
//! operation, object and broker and answers [`Retry`]. Not here: what to do with the answers (`planner`, `operator`).

pub mod cluster;
pub mod connection;
pub mod consumer;
pub mod endpoint;
pub mod error;
pub mod error_code;
pub mod fault;
pub mod id;
pub mod messages;
pub mod network;
pub mod producer;
pub mod records;
pub mod scram;
#[cfg(any(test, feature = "test-broker"))]
pub mod testing;
pub mod tls;
pub mod wire;

pub use cluster::{Cluster, ClusterSettings, NodeKind, To};
pub use connection::{Connection, Sasl, Settings};
pub use endpoint::Endpoint;
pub use error::{Cause, Error, Retry};
pub use error_code::ErrorCode;
pub use fault::{Fault, FaultPoint, Faults};
pub use network::Network;
pub use scram::ScramMechanism;
pub use tls::{Identity, Tls};
