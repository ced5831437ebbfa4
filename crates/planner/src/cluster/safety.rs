//! What may be taken away without losing a message or the quorum.
//!
//! Reads: Kafka's own view. Unknown never allows anything. Used by every step that disturbs or replaces something.

use model::observed::kafka::{Partitions, Quorum, QuorumNode};

/// A voter that has not fetched for so long does not count as alive: Kafka's own limit before a follower gives up on
/// its leader is 2 s (`controller.quorum.fetch.timeout.ms`), twice that.
const ALIVE_MS: i64 = 4_000;

/// Whether the quorum has a leader and would keep a majority of live voters without this one.
///
/// Counts voters as Kafka does: more than half of those that remain listed, where `node` is either removed from the
/// list or down for a while.
pub fn majority_without(quorum: &Quorum, node: i32, removed: bool) -> bool {
    if quorum.leader.is_none() {
        return false;
    }
    let others: Vec<&QuorumNode> = quorum
        .voters
        .iter()
        .filter(|voter| voter.id != node)
        .collect();
    let alive = others
        .iter()
        .filter(|voter| is_alive(quorum, voter))
        .count();
    let counted = if removed {
        others.len()
    } else {
        quorum.voters.len()
    };
    // More than half of those counted.
    counted > 0 && alive > counted / 2
}

/// Whether a voter takes part: it leads, or it fetched lately.
fn is_alive(quorum: &Quorum, voter: &QuorumNode) -> bool {
    quorum.leader == Some(voter.id)
        || voter
            .last_fetch_ms
            .is_some_and(|ago| (0..=ALIVE_MS).contains(&ago))
}

/// Whether the disk of a broker may be replaced by an empty one: no partition has its only in-sync copy there.
///
/// The error names the partitions; it is `None` where that cannot be known.
pub(crate) fn may_lose_disk(
    partitions: Option<&Partitions>,
    node: i32,
) -> Result<(), Option<Vec<String>>> {
    match partitions {
        None => Err(None),
        Some(partitions) => match partitions.only_copy.get(&node) {
            Some(names) if !names.is_empty() => Err(Some(names.clone())),
            Some(_) | None => Ok(()),
        },
    }
}

/// Smallest number of voters that is a majority.
pub(crate) const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

#[cfg(test)]
mod tests;
