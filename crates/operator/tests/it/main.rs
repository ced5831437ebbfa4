//! Operator and control plane in one process: real observe, execute, tell, against a scripted kubelet and Kafka.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "what a test cannot do without stops the test"
)]

mod crashes;
mod disks;
mod kubelet;
mod manifests;
mod runner;
mod running;
mod stories;
mod world;
