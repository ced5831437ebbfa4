//! Whether a cluster is at rest: nothing of it is up, so that all of it may start in another configuration.
//!
//! Reads: Pods, Kafka's own view, the problems found so far. Invariants: a cluster of which anything is up, or may be up
//! unseen, is not at rest (a node that is lost alone comes back as it was); nor is one whose Pods hold disks, which would
//! go with them; nor one whose pools and volumes are not what was recorded, since a start must not bring that.

use model::observed::pod::Container;

use crate::cluster::node::{Disk, NodeView};
use crate::cluster::view::{PodSeen, View};
use crate::problem::Problem;

/// What a start of the whole cluster can do for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Nothing is up: the change is taken now.
    pub(crate) now: bool,
    /// It would be taken if nothing were up.
    pub(crate) would_help: bool,
}

/// Looks at all nodes.
pub(crate) fn look(view: &View<'_>, nodes: &[NodeView<'_>], problems: &[Problem]) -> Rest {
    let silent = view.world.brokers.value().is_none() && view.leader().is_none();
    let as_recorded = !problems.iter().any(|problem| {
        matches!(
            problem,
            Problem::StorageChanged { .. }
                | Problem::RolesChanged { .. }
                | Problem::Scaling { .. }
                | Problem::PoolGone { .. }
        )
    });
    let would_help = as_recorded && !nodes.iter().any(has_ephemeral_disk);
    let down = nodes.iter().all(|node| {
        let whole = matches!(node.disk, Disk::Intact | Disk::New);
        whole && is_down(node)
    });
    Rest {
        now: would_help && silent && down,
        would_help,
    }
}

/// Whether a node has a disk that goes with its Pod.
fn has_ephemeral_disk(node: &NodeView<'_>) -> bool {
    let mut volumes = node.node.directories.keys();
    volumes.any(|volume| !node.node.claims.contains_key(volume))
}

/// Whether no Kafka of a node is up. One that is being deleted still runs.
fn is_down(node: &NodeView<'_>) -> bool {
    match node.pod {
        PodSeen::Absent | PodSeen::Finished(_) => true,
        PodSeen::Going => false,
        PodSeen::Present(pod) => !pod.ready && !pod.kafka().is_some_and(Container::has_started),
    }
}
