//! What a subtree with a quota uses, as ZooKeeper shows it: in `/zookeeper/quota/PATH/zookeeper_stats`, whose data it replaces
//! with each change below PATH. Here it is counted when somebody looks.
//!
//! Quotas are not enforced, which is ZooKeeper's default. Source: `DataTree.updateQuotaStat` and `StatsTrack`, as of 3.9.
//!
//! Not here: limits. They are data of `zookeeper_limits`, which clients write and read.

use bytes::Bytes;
use zookeeper_protocol::Stat;

use crate::tree::{Meta, Tree};

const QUOTAS: &str = "/zookeeper/quota";
const STATS: &str = "/zookeeper_stats";
const LIMITS: &str = "zookeeper_limits";

/// The data of a node: for what a subtree uses, counted now.
pub(crate) fn data(tree: &Tree, path: &str, meta: &Meta) -> Option<Bytes> {
    usage(tree, path).or_else(|| meta.data.clone())
}

/// The Stat of a node, with the length of that.
pub(crate) fn stat(tree: &Tree, path: &str, meta: &Meta) -> Stat {
    let stat = meta.stat();
    match usage(tree, path) {
        Some(data) => Stat {
            data_length: i32::try_from(data.len()).unwrap_or(i32::MAX),
            ..stat
        },
        None => stat,
    }
}

/// What the subtree uses whose figures are at `path`; `None` if this is no such place, or no limit is set.
fn usage(tree: &Tree, path: &str) -> Option<Bytes> {
    let subtree = path.strip_prefix(QUOTAS)?.strip_suffix(STATS)?;
    // On the root no quota is kept.
    if subtree.is_empty() || tree.get(&format!("{QUOTAS}{subtree}/{LIMITS}")).is_none() {
        return None;
    }
    let (mut count, mut bytes) = (0, 0);
    if let Some(node) = tree.get(subtree) {
        for meta in tree.below(subtree).chain([&node.meta]) {
            count += 1;
            bytes += meta.data.as_ref().map_or(0, Bytes::len);
        }
    }
    Some(Bytes::from(format!("count={count},bytes={bytes}")))
}
