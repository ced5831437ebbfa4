//! Which node ids a pool has, gets and gives up.
//!
//! Decides: for each pool, from the ids it has and the number of nodes asked for, which ids stay, come and go.
//! Reads: `status.nodeIds` of the pools (the memory) and the annotations with ranges.
//! Invariants: an id is used once in a cluster; an id that is leaving is not given to another node in the same
//! look; the same input gives the same ids. Not here: whether a node may go at all (`planner`).
//! Source: Strimzi's behaviour; gaps are filled from the lowest, the highest go first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::{NodeId, NodeIdRange, PoolName};

/// What is known of a pool before ids are given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolIds {
    /// The pool.
    pub pool: PoolName,
    /// How many nodes it shall have.
    pub replicas: u32,
    /// The ids it has.
    pub current: BTreeSet<NodeId>,
    /// Ids for new nodes, in order of preference.
    pub next: Vec<NodeIdRange>,
    /// Nodes to remove first, in order of preference.
    pub remove: Vec<NodeIdRange>,
}

/// The ids of a pool after a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// All ids it shall have.
    pub desired: BTreeSet<NodeId>,
    /// Those that are new.
    pub added: BTreeSet<NodeId>,
    /// Those that go.
    pub removed: BTreeSet<NodeId>,
}

/// The ids of every pool; `taken` are ids that other nodes still hold and that no pool lists.
pub fn assign(pools: &[PoolIds], taken: &BTreeSet<NodeId>) -> BTreeMap<PoolName, Assignment> {
    let mut in_use: BTreeSet<NodeId> = pools
        .iter()
        .flat_map(|pool| &pool.current)
        .chain(taken)
        .copied()
        .collect();
    pools
        .iter()
        .map(|pool| (pool.pool.clone(), assign_pool(pool, &mut in_use)))
        .collect()
}

fn assign_pool(pool: &PoolIds, in_use: &mut BTreeSet<NodeId>) -> Assignment {
    let PoolIds {
        pool: _,
        replicas,
        current,
        next,
        remove,
    } = pool;
    let replicas = usize::try_from(*replicas).unwrap_or(usize::MAX);
    let mut assignment = Assignment {
        desired: current.clone(),
        ..Assignment::default()
    };
    while assignment.desired.len() > replicas {
        // Ranges may be far wider than there are nodes: what is there is looked up, not every id of them.
        let asked = remove
            .iter()
            .find_map(|range| range.first_of(&assignment.desired));
        let Some(id) = asked.or_else(|| assignment.desired.last().copied()) else {
            break;
        };
        assignment.desired.remove(&id);
        assignment.removed.insert(id);
    }
    let mut preferred = next.iter().flat_map(|range| range.ids());
    // No id is given back meanwhile: each is looked at once.
    let mut lowest = (0..=i32::MAX).map(NodeId);
    while assignment.desired.len() < replicas {
        let asked = preferred.by_ref().find(|id| !in_use.contains(id));
        let Some(id) = asked.or_else(|| lowest.by_ref().find(|id| !in_use.contains(id))) else {
            break;
        };
        in_use.insert(id);
        assignment.desired.insert(id);
        assignment.added.insert(id);
    }
    assignment
}

impl NodeIdRange {
    /// Which of `ids` comes first in the range.
    fn first_of(self, ids: &BTreeSet<NodeId>) -> Option<NodeId> {
        let Self { first, last } = self;
        let found = if first > last {
            ids.range(last..=first).next_back()
        } else {
            ids.range(first..=last).next()
        };
        found.copied()
    }

    /// The ids from first to last, which may be downwards.
    pub fn ids(self) -> impl Iterator<Item = NodeId> {
        let Self { first, last } = self;
        let (low, high) = (first.min(last).0, first.max(last).0);
        let down = first > last;
        (low..=high).map(move |id| NodeId(if down { high - (id - low) } else { id }))
    }
}

/// Reads `[0, 10-19, 30]`; nothing and `[]` are no ranges; `None` if it cannot be read.
pub fn parse_ranges(text: &str) -> Option<Vec<NodeIdRange>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.split(',').map(parse_range).collect()
}

fn parse_range(text: &str) -> Option<NodeIdRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(NodeIdRange {
        first: parse_id(first)?,
        last: parse_id(last)?,
    })
}

fn parse_id(text: &str) -> Option<NodeId> {
    let text = text.trim();
    let digits = !text.is_empty() && text.chars().all(|char| char.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(NodeId)
}

#[cfg(test)]
mod tests;
