//! What the operator thinks with: what is wanted and what is seen, as values.
//!
//! `desired` is what users asked for, parsed and complete; `problem` is what is wrong with it; `observed` is what was
//! seen; `runner` is what is told to the first process of each Kafka Pod. Reads: nothing; every value here is handed in.
//! No I/O, no clock, no randomness. Deciding is the planner's work.

pub mod desired;
pub mod explain;
pub mod node_ids;
pub mod observed;
pub mod problem;
pub mod runner;
pub mod validate;
