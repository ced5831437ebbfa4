//! Volume claims: created with the identity of their disk on them, and kept up to date in that.
//!
//! Invariants: a claim is created only for a disk that never held anything under its directory id; the spec of a claim
//! that exists is never touched; claims are never deleted here.

use model::desired::VolumeKind;
use model::observed::object::ObjectKey;
use model::observed::volume::Volume;
use serde_json::{Value, json};

use crate::action::Action;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::node::{Disk, NodeView};
use crate::cluster::render::Renderer;
use crate::cluster::view::{PodSeen, View};
use crate::differ;
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::problem::Problem;
use crate::reason::{Reason, listed};
use crate::wait::Wait;

/// Plans the claims of one node.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    node: &NodeView<'_>,
    recording: bool,
    draft: &mut Draft,
) {
    for (name, rendered) in renderer.claims(node) {
        if !node.node.claims.values().any(|claim| *claim == name) {
            // A volume that was added to a running pool: refused in `wishes.rs`.
            continue;
        }
        let key = ObjectKey::new("PersistentVolumeClaim", &name);
        match view.volumes.get(&name) {
            None => {
                let state = match &node.disk {
                    _ if recording => StepState::Waiting(Wait::Record),
                    Disk::Lost(_) => StepState::Waiting(Wait::Record),
                    Disk::Intact | Disk::New | Disk::Unsure | Disk::Going(_) => StepState::Ready,
                };
                draft.push(NewStep {
                    phase: PhaseName::Volumes,
                    verb: Verb::Create,
                    subject: key.to_string(),
                    reason: Reason::Missing,
                    action: Some(Action::Create { object: rendered }),
                    guards: vec![
                        recorded(renderer, node),
                        absent("PersistentVolumeClaim", &name),
                    ],
                    state,
                });
            }
            Some(volume) if view.is_going(&volume.meta) => {
                let wait = Wait::VolumeGoing { claim: name };
                if view.pods.get(&node.pod_name).is_none() {
                    draft.wait(PhaseName::Volumes, &key.to_string(), Reason::Missing, wait);
                }
            }
            Some(volume) if !recording && !matches!(node.disk, Disk::Lost(_)) => {
                let wanted = metadata_only(&rendered);
                let paths = differing(&wanted, volume);
                if !paths.is_empty() {
                    draft.push(NewStep {
                        phase: PhaseName::Volumes,
                        verb: Verb::Apply,
                        subject: key.to_string(),
                        reason: Reason::Differs { paths },
                        action: Some(Action::Apply { object: wanted }),
                        guards: vec![
                            recorded(renderer, node),
                            Guard::Is {
                                object: key,
                                uid: volume.meta.uid.clone(),
                            },
                        ],
                        state: StepState::Ready,
                    });
                }
            }
            Some(_) => {}
        }
    }
}

/// Claims that are being deleted under nodes that run: nothing is lost yet, and it will be.
pub(crate) fn going(view: &View<'_>, nodes: &[NodeView<'_>]) -> Option<Note> {
    let running = nodes
        .iter()
        .filter(|node| matches!(node.pod, PodSeen::Present(_)));
    let claims = running.flat_map(|node| node.node.claims.values());
    let going = claims.filter(|claim| {
        let seen = view.volumes.get(claim.as_str());
        seen.is_some_and(|volume| view.is_going(&volume.meta))
    });
    let names: Vec<String> = going.cloned().collect();
    let names = match names.as_slice() {
        [] => return None,
        [one] => format!("claim {one} is"),
        more => format!("claims {} are", listed(more, 5)),
    };
    Some(Note {
        reason: "VolumeTerminating".to_owned(),
        message: format!(
            "volume {names} being deleted, which cannot be undone: the data go once the Pod that uses them does"
        ),
    })
}

/// What of the storage of a running pool users changed: refused as long as such changes are not planned.
pub(crate) fn refused(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for pool in renderer.cluster.pools.values() {
        let own = nodes
            .iter()
            .filter(|node| node.node.pool == pool.name.as_str());
        let mut changes = Vec::new();
        for node in own {
            for volume in pool.storage.volumes() {
                let recorded = node.node.claims.get(&volume.id.0);
                match (volume.kind, recorded) {
                    _ if !node.node.directories.contains_key(&volume.id.0) => {
                        changes.push(format!("volume {} is new", volume.id));
                    }
                    (VolumeKind::PersistentClaim(_), None) => {
                        changes.push(format!("volume {} was ephemeral", volume.id));
                    }
                    (VolumeKind::Ephemeral { size_limit: _ }, Some(_)) => {
                        changes.push(format!("volume {} was a persistent claim", volume.id));
                    }
                    (VolumeKind::Ephemeral { size_limit: _ }, None) => {}
                    (VolumeKind::PersistentClaim(wish), Some(claim)) => {
                        let seen = view.volumes.get(claim);
                        changes.extend(seen.and_then(|seen| resized(volume.id.0, wish, seen)));
                    }
                }
                if volume.metadata && volume.id.0 != node.node.metadata {
                    changes.push(format!("volume {} gets the metadata log", volume.id));
                }
            }
            let gone = node.node.directories.keys().filter(|id| {
                let volumes = pool.storage.volumes();
                !volumes.iter().any(|volume| volume.id.0 == **id)
            });
            changes.extend(gone.map(|id| format!("volume {id} is gone")));
        }
        changes.sort();
        changes.dedup();
        if !changes.is_empty() {
            let pool = pool.name.to_string();
            problems.push(Problem::StorageChanged { pool, changes });
        }
    }
    problems
}

fn resized(id: u32, wish: &model::desired::PersistentClaim, seen: &Volume) -> Option<String> {
    let size: model::desired::ByteSize = seen.size.parse().ok()?;
    (size != wish.size).then(|| format!("volume {id} from {size} to {}", wish.size))
}

/// A claim's metadata and nothing else: its spec is the storage's business once it exists.
pub(crate) fn metadata_only(rendered: &Value) -> Value {
    let metadata = rendered.get("metadata").cloned().unwrap_or(Value::Null);
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
    })
}

pub(crate) fn differing(wanted: &Value, volume: &Volume) -> Vec<String> {
    let seen = json!({
        "labels": volume.meta.labels,
        "annotations": volume.meta.annotations,
    });
    let part = |key: &str| wanted.pointer(&format!("/metadata/{key}")).cloned();
    let wanted = json!({
        "labels": part("labels").unwrap_or(Value::Null),
        "annotations": part("annotations").unwrap_or(Value::Null),
    });
    differ::missing(&wanted, &seen)
}

/// The guard that the identity stamped on a claim is what is recorded.
pub(crate) fn recorded(renderer: &Renderer<'_>, node: &NodeView<'_>) -> Guard {
    Guard::Recorded {
        cluster_id: renderer.facts.identity.cluster_id.clone(),
        node: node.id,
        directories: node.node.directories.clone(),
    }
}
