//! What is drawn: ids that must be random, written before anything uses them.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::observed::identity::{IDENTITY, Identity};
use planner::action::Draw;
use planner::{Step, StepEnd};
use rand::Rng;

use super::super::Subject;
use super::claim;
use crate::error::Error;

/// Draws what is missing and writes the whole record.
pub(super) async fn record_identity(
    subject: &Subject<'_>,
    step: &Step,
    identity: &Identity,
    draw: &Draw,
) -> Result<StepEnd, Error> {
    let identity = drawn(identity, draw);
    let record = serde_json::to_string(&identity).map_err(|source| Error::Encode {
        object: format!("the identity of {}", subject.name()),
        source,
    })?;
    claim::annotate(subject, step, IDENTITY, &record).await
}

fn drawn(identity: &Identity, draw: &Draw) -> Identity {
    let mut identity = identity.clone();
    let Draw {
        cluster_id,
        directories,
        initial_controllers,
    } = draw;
    if *cluster_id {
        identity.cluster_id = draw_id();
    }
    for (node, volumes) in directories {
        // Whose disks they are is the planner's decision; ids are drawn for nodes it named.
        if let Some(entry) = identity.nodes.get_mut(node) {
            entry
                .directories
                .extend(volumes.iter().map(|volume| (*volume, draw_id())));
        }
    }
    for (node, volume) in initial_controllers {
        let directory = identity
            .nodes
            .get(node)
            .and_then(|entry| entry.directories.get(volume));
        if let Some(directory) = directory.cloned() {
            identity.initial_controllers.insert(*node, directory);
        }
    }
    identity
}

/// A version 4 UUID in Kafka's writing: 22 characters of base64url.
///
/// One that begins with `-` is drawn again, as Kafka does: command lines would take it for an option. Kafka reserves
/// the first hundred UUIDs; no version 4 UUID is among them.
fn draw_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// 32 characters of letters and digits: 190 bits.
pub(super) fn draw_password() -> String {
    const LENGTH: usize = 32;
    rand::rng()
        .sample_iter(rand::distr::Alphanumeric)
        .take(LENGTH)
        .map(char::from)
        .collect()
}
