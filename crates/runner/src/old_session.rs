//! Up to Kafka 3.9 a broker that was killed is still registered when it starts again, until its session ends; Kafka then
//! refuses to start, and would be restarted for as long as that takes.
//!
//! What it does: waits until the registration is gone. What it reads: the broker's node in the metadata store.
//! Invariants: the wait is bounded while the store answers, and Kafka starts after it whatever is there; while the store
//! does not answer it is waited for, and counts as new, since it gives every session its whole timeout again.
//! Not here: whether the store is ours (`metadata_store`).
//!
//! Source: `KafkaZkClient.registerBroker` and `CheckedEphemeral` of Kafka 3.9.

use std::time::Duration;

use model::runner::store::StoreAddress;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::render::value_of;
use crate::zookeeper::{AskError, BOUND, PAUSE, Session};

/// How often it is looked for; somebody waits for the broker.
const LOOK: Duration = Duration::from_millis(250);

/// Kafka's property for how long a broker's session lives without it, and its default.
const TIMEOUT_KEY: &str = "zookeeper.session.timeout.ms";
const TIMEOUT: Duration = Duration::from_secs(18);

/// A server of the protocol may end a session a little late: ZooKeeper by a tick of 2 s, etcd by up to 1.5 s.
const LATE: Duration = Duration::from_secs(2);

/// The node that says that a broker is there.
pub(crate) fn registration(node: i32) -> String {
    format!("/brokers/ids/{node}")
}

/// How long an old session can live: a change of leader in the store gives it its whole timeout once more.
pub(crate) fn patience(properties: &str) -> Duration {
    let timeout = value_of(properties, TIMEOUT_KEY)
        .and_then(|text| text.parse().ok())
        .map_or(TIMEOUT, Duration::from_millis);
    timeout.saturating_mul(2).saturating_add(LATE)
}

/// Returns when the broker is no longer registered, or was for as long as `patience`.
pub(crate) async fn wait(
    environment: &Environment,
    node: i32,
    store: &StoreAddress,
    patience: Duration,
) {
    let path = registration(node);
    tracing::info!(path, "waiting for the old session of this broker to end");
    let begun = Instant::now();
    let mut told = false;
    for server in store.servers.iter().cycle() {
        match gone(environment, server, &path, patience).await {
            Ok(Left::Gone) => {
                let waited = begun.elapsed().as_secs();
                tracing::info!(path, waited, "the old session has ended");
                return;
            }
            Ok(Left::OfNobody) => {
                tracing::warn!(
                    path,
                    "registered for ever, by no session: somebody wrote it by hand; Kafka starts all the same"
                );
                return;
            }
            Ok(Left::Alive) => {
                let patience = patience.as_secs();
                tracing::warn!(
                    path,
                    patience,
                    "still registered: another Kafka may run with this broker's id; Kafka starts all the same"
                );
                return;
            }
            Err(error) if !told => {
                told = true;
                tracing::info!(server, %error, "waiting for the metadata store");
            }
            Err(error) => tracing::debug!(server, %error, "waiting for the metadata store"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How a wait for a registration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Gone,
    /// It is there after all the patience.
    Alive,
    /// It ends with no session.
    OfNobody,
}

/// Waits for the node to vanish, as one server says.
async fn gone(
    environment: &Environment,
    server: &str,
    path: &str,
    patience: Duration,
) -> Result<Left, AskError> {
    let since = Instant::now();
    let mut session = tokio::time::timeout(BOUND, Session::open(environment, server)).await??;
    tokio::time::timeout(BOUND, session.sync(path)).await??;
    loop {
        match tokio::time::timeout(BOUND, session.owner(path)).await?? {
            Some(owner) if owner != 0 && since.elapsed() < patience => {
                tokio::time::sleep(LOOK).await;
            }
            owner => {
                session.close().await;
                return Ok(match owner {
                    None => Left::Gone,
                    Some(0) => Left::OfNobody,
                    Some(_) => Left::Alive,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
