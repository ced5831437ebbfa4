//! ZooKeeper's protocol, served from etcd: unmodified clients of ZooKeeper, Kafka 3 among them, cannot tell.
//!
//! ```text
//!  client ─► connection ──reads──► answer ◄── mirror ◄── follow ◄── one watch ── etcd
//!               │                               ▲                                 ▲
//!               └─writes─► commit: batch = evaluate on a view ── one transaction ─┘
//! ```
//!
//! Several servers may serve the same tree, and clients move between them. Everything is in etcd; a server that is killed loses
//! nothing, and leaves nothing half done, since every change is one guarded transaction.
//!
//! Invariants: nothing is answered before the mirror shows it; outcomes, errors included, are decided on what the transaction
//! guards; a session that has expired or moved cannot write.
//!
//! Not here: the wire format (`zookeeper-protocol`).

mod access;
mod answer;
mod batch;
mod commit;
mod connection;
mod etcd;
mod evaluate;
mod expire;
mod follow;
mod four_letter;
mod histogram;
mod hold;
mod keys;
mod line;
mod listen;
mod metrics;
mod mirror;
mod pack;
mod quota;
mod record;
mod sasl;
mod server;
mod session;
mod settings;
mod shared;
mod stats;
mod sync;
#[cfg(test)]
mod tests;
mod tls;
mod tree;
mod view;
mod watches;

pub use access::is_digest;
pub use etcd::InvalidEndpoint;
pub use server::{Renewal, Running, StartError, start};
pub use settings::{EtcdSettings, Secure, Settings};
pub use tls::TlsError;
pub use zookeeper_protocol::DEFAULT_MAX_FRAME;
