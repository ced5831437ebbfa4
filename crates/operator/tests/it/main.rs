//! Operator and control plane in one process: real observe, execute, tell, against a scripted kubelet and Kafka.

mod crashes;
mod disks;
mod kubelet;
mod manifests;
mod stories;
mod world;
