//! Pods as processes: the node agent.
//!
//! To an API server it looks like a kubelet with its kube-proxy: it registers a Node, runs the Pods bound to it and
//! reports their status. Instead of containers it starts processes; instead of a network per Pod it gives each Pod a
//! loopback address.
//!
//! ```text
//!   API server ──watch──► cluster ─┬─► pods ─► one worker per Pod ─► monitors ─► processes
//!                         sources ─┘             │ status, events
//!              ◄─────────────────────────────────┘
//!              ──logs, exec──► server            services: proxies, hosts files
//! ```
//!
//! Invariants: never two processes for one container; a process outlives the agent and is taken over by the next one;
//! nothing is stopped or removed because something could not be read; in steady state only the Lease is written.
//!
//! Not here: the API (`control-plane` or a real one), what runs inside a Kafka Pod (`runner`).

pub mod address;
mod cgroup;
mod client;
mod cluster;
mod container;
pub mod container_exec;
mod context;
mod events;
mod files;
pub mod hold;
pub mod home;
mod hosts;
pub mod images;
pub mod leftovers;
mod logs;
mod node;
mod pod;
mod pods;
pub mod process;
mod quantity;
mod run;
pub mod runtime;
mod schedule;
mod server;
mod services;
pub mod settings;
mod sources;
pub mod storage;
mod volumes;

pub use run::{Error, run};
#[cfg(fuzzing)]
pub use server::fuzzing;
