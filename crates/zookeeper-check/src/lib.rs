//! Compares two servers of ZooKeeper's protocol: the one that is checked, and Apache ZooKeeper, which is right.
//!
//! Decides what is the same and what is a difference; sends every request to both, answers from the one that is checked.
//! Reads: what clients send ([`proxy`]) or what a seed makes ([`campaign`]), and what both servers answer.
//!
//! ```text
//!  client ─► proxy ────┐            ┌─► subject   ─┐
//!                      ├─► pair ────┤              ├─► compare (mapping) ─► differences
//!  seed ─► campaign ───┘            └─► reference ─┘
//! ```
//!
//! Invariants: requests of all sessions go to both servers in one order; a difference is reported with its request in
//! clear text; nothing is left out silently but the order of events that the end of a session causes.
//!
//! Not here: how the protocol is written (`zookeeper-protocol`), the server that is usually checked (`zookeeper-server`).

pub mod campaign;
pub mod client;
pub mod compare;
pub mod describe;
pub mod generate;
mod link;
pub mod mapping;
mod pair;
pub mod proxy;
pub mod register;

pub use link::LinkError;
pub use mapping::Both;
pub use pair::Difference;
