//! A Kafka-on-Kubernetes world in memory that obeys steps: the real planner's proving ground.
//!
//! ```text
//!  story ─► Sim ─► observe ─► planner::plan ─► execute ─► planner::status ─► tell
//!            ▲                                    │ (faults)
//!            └─ kubelet · disks · Kafka ◄─────────┘   violations: what must never happen
//! ```
//!
//! What is simulated is what decisions depend on. Not here: wire formats, certificates' contents, real scheduling; the
//! operator's own observe/execute/tell are proved against our control plane and on real Kafka.

pub mod api;
pub mod disk;
pub mod execute;
pub mod kafka;
pub mod kubelet;
pub mod observe;
pub mod oracle;
pub mod store;
pub mod story;
pub mod world;

pub use story::{Story, transcript};
pub use world::{Order, Sim};
