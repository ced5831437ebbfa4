//! Chores of the project: `cargo xtask <chore>`.
//!
//! Does: dispatches to one module per chore. Reads: its arguments. Invariant: what a chore generates
//! is committed, and its `--check` fails when the committed files differ. Not here: building and
//! testing, which are the Makefile's.

mod kafka_messages;

use anyhow::{Result, bail};

const HELP: &str = "cargo xtask kafka-messages [--check]   write (or check) the Kafka messages of crates/kafka-client";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["kafka-messages"] => kafka_messages::run(false),
        ["kafka-messages", "--check"] => kafka_messages::run(true),
        other => bail!("unknown chore {other:?}; known:\n  {HELP}"),
    }
}
