//! Lost disks: when a node may go on with an empty one, and when a human must be asked.
//!
//! An unexpectedly empty disk is an error, not an invitation. A new directory id is chosen and recorded first; the old
//! voter is then a stale one (`quorum.rs`), the node joins with the new directory and is added as a voter again.
//! All voters lost: an ephemeral cluster forms anew; one with disks that should have outlived its Pods asks.
//!
//! Invariants: nothing is given up that has no other copy; unknown gives up nothing.

use std::collections::{BTreeMap, BTreeSet};

use model::observed::identity::{ACCEPT_EMPTY_VOLUMES, Identity};
use model::observed::object::ObjectKey;

use crate::action::Draw;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::identity::choose_initial;
use crate::cluster::node::{Disk, NodeView};
use crate::cluster::pods::serves;
use crate::cluster::safety;
use crate::cluster::view::{PodSeen, View, unknown};
use crate::guard::Guard;
use crate::plan::{StepState, Verb};
use crate::problem::Problem;
use crate::reason::Reason;
use crate::wait::Wait;

/// A new identity to record because of lost disks.
#[derive(Debug)]
pub(crate) struct Redraw {
    pub(crate) identity: Identity,
    pub(crate) draw: Draw,
    pub(crate) reason: Reason,
    pub(crate) guards: Vec<Guard>,
}

/// Decides about lost disks; adds waits and problems for those that cannot be replaced now.
pub(crate) fn plan(
    view: &View<'_>,
    identity: &Identity,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) -> Option<Redraw> {
    let mut redraw = Redraw {
        identity: identity.clone(),
        draw: Draw::default(),
        reason: Reason::VolumeLost,
        guards: Vec::new(),
    };
    match judge_quorum(view, identity, nodes) {
        Verdict::Lives => {}
        Verdict::FormAnew => return Some(form_anew(identity, nodes)),
        Verdict::Lost(lost) => {
            draft.problems.push(Problem::QuorumLost { nodes: lost });
        }
    }
    let mut refilling = refilling(nodes);
    for node in nodes {
        let Disk::Lost(which) = &node.disk else {
            continue;
        };
        match may_replace(view, (identity, nodes), node, which, refilling) {
            Replace::Yes => {
                refilling = refilling.or_else(|| holds_partitions(node).then_some(node.id));
                if let Some(own) = redraw.identity.nodes.get_mut(&node.id) {
                    own.formatted = false;
                }
                let volumes: BTreeSet<u32> = which.iter().map(|(volume, _)| *volume).collect();
                redraw.draw.directories.insert(node.id, volumes);
                redraw.guards.extend(still_lost(view, node, which));
            }
            Replace::Wait(wait) => push_held(node, draft, StepState::Waiting(wait)),
            Replace::Ask(problem) => {
                draft.problems.push(problem);
                push_held(node, draft, StepState::Blocked);
            }
        }
    }
    (!redraw.draw.directories.is_empty()).then_some(redraw)
}

/// A broker whose lost disk was replaced and that has not been seen since.
///
/// Until it is back, Kafka may still count it among those in sync, though it has nothing: which copies are the last
/// ones can be told for one disk at a time only.
fn refilling(nodes: &[NodeView<'_>]) -> Option<i32> {
    let mut replaced = nodes
        .iter()
        .filter(|node| holds_partitions(node) && node.disk == Disk::New);
    replaced.next().map(|node| node.id)
}

/// Whether there are partitions on its disks that should outlive its Pod.
fn holds_partitions(node: &NodeView<'_>) -> bool {
    node.node.roles.is_broker() && node.node.served && !node.node.claims.is_empty()
}

enum Verdict {
    /// It has a leader, or can have one again from what is there.
    Lives,
    /// No majority remembers anything, and nothing was meant to outlive its Pods.
    FormAnew,
    /// No majority remembers anything, though it was meant to.
    Lost(Vec<i32>),
}

/// Whether the controllers can still agree on what was agreed before.
fn judge_quorum(view: &View<'_>, identity: &Identity, nodes: &[NodeView<'_>]) -> Verdict {
    let controllers: Vec<&NodeView<'_>> = nodes
        .iter()
        .filter(|node| node.node.roles.is_controller())
        .collect();
    let lost: Vec<i32> = controllers
        .iter()
        .filter(|node| lost_metadata(node))
        .map(|node| node.id)
        .collect();
    let ephemeral = nodes.iter().all(|node| node.node.is_ephemeral());
    // Where there are none, it is the metadata store that remembers.
    let none_remembers = || {
        let mut all = controllers.iter();
        !controllers.is_empty() && all.all(|node| lost_metadata(node) || is_forgotten(node))
    };
    if identity.quorum_formed && view.leader().is_none() && !ephemeral && none_remembers() {
        return Verdict::Lost(controllers.iter().map(|node| node.id).collect());
    }
    if lost.is_empty() || view.leader().is_some() {
        return Verdict::Lives;
    }
    if !identity.quorum_formed {
        // Nothing was ever agreed on; what was chosen for disks that are gone is chosen again.
        return if lost.len() == controllers.len() {
            Verdict::FormAnew
        } else {
            Verdict::Lives
        };
    }
    // One that runs remembers, also before that is recorded.
    let remember = controllers
        .iter()
        .filter(|node| node.remembers() || runs_on_own_disk(node))
        .count();
    if remember >= safety::majority(controllers.len()) {
        Verdict::Lives
    } else if ephemeral {
        Verdict::FormAnew
    } else {
        Verdict::Lost(lost)
    }
}

fn runs_on_own_disk(node: &NodeView<'_>) -> bool {
    let runs =
        matches!(node.pod, PodSeen::Present(pod) if pod.runs() && node.made_for_own_directory(pod));
    runs && !lost_metadata(node)
}

fn lost_metadata(node: &NodeView<'_>) -> bool {
    match &node.disk {
        Disk::Lost(which) => which
            .iter()
            .any(|(volume, _)| *volume == node.node.metadata),
        Disk::Intact | Disk::New | Disk::Unsure | Disk::Going(_) => false,
    }
}

/// A controller of a quorum that was formed once, whose disk went with its Pod and of which nothing is recorded: what is
/// known of that quorum comes from the volumes of brokers.
fn is_forgotten(node: &NodeView<'_>) -> bool {
    node.disk == Disk::Unsure && matches!(node.pod, PodSeen::Absent)
}

/// Everything is chosen again, so that no Pod of the old quorum can be taken for one of the new.
fn form_anew(identity: &Identity, nodes: &[NodeView<'_>]) -> Redraw {
    let mut identity = identity.clone();
    let mut draw = Draw::default();
    let mut guards = Vec::new();
    let ephemeral = nodes.iter().all(|node| node.node.is_ephemeral());
    identity.quorum_formed = false;
    for node in nodes {
        let own = identity.nodes.get_mut(&node.id);
        let volumes: BTreeSet<u32> = match &node.disk {
            Disk::Lost(which) => which.iter().map(|(volume, _)| *volume).collect(),
            _ if ephemeral => node.node.directories.keys().copied().collect(),
            _ => BTreeSet::new(),
        };
        if let (Some(own), false) = (own, volumes.is_empty()) {
            own.formatted = false;
            draw.directories.insert(node.id, volumes);
        }
        if lost_metadata(node) && matches!(node.pod, PodSeen::Absent) {
            guards.push(absent("Pod", &node.pod_name));
        }
    }
    choose_initial(&mut identity, &mut draw);
    Redraw {
        identity,
        draw,
        reason: Reason::QuorumLost,
        guards,
    }
}

enum Replace {
    Yes,
    Wait(Wait),
    Ask(Problem),
}

fn may_replace(
    view: &View<'_>,
    (identity, nodes): (&Identity, &[NodeView<'_>]),
    node: &NodeView<'_>,
    which: &[(u32, Option<String>)],
    refilling: Option<i32>,
) -> Replace {
    let claims: Vec<String> = which
        .iter()
        .filter_map(|(_, claim)| claim.clone())
        .collect();
    // A vote can be taken from a lost disk only while there is a leader to record that.
    if lost_metadata(node) && node.node.roles.is_controller() && identity.quorum_formed {
        if let Some(wait) = unknown("the controller quorum", &view.world.quorum) {
            return Replace::Wait(wait);
        }
        if view.leader().is_none() {
            return Replace::Wait(leader_wait(view, identity));
        }
    }
    let counts = holds_partitions(node) && !claims.is_empty();
    if !counts || accepted(view, &claims) {
        return Replace::Yes;
    }
    if let Some(other) = refilling.filter(|other| *other != node.id) {
        return Replace::Wait(Wait::Disruption { node: other });
    }
    match safety::may_lose_disk(view.world.partitions.value(), node.id) {
        Ok(()) => Replace::Yes,
        Err(None) => {
            let why = view.world.partitions.why();
            Replace::Wait(Wait::Unknown {
                what: "whether its partitions have other copies".to_owned(),
                why: why.map_or_else(String::new, ToString::to_string),
            })
        }
        Err(Some(_)) if let Some(other) = coming_up(view, nodes, node.id) => {
            Replace::Wait(Wait::Unknown {
                what: "whether its partitions have other copies".to_owned(),
                why: format!("node {other} is still coming up"),
            })
        }
        Err(Some(partitions)) => Replace::Ask(Problem::DataLost {
            node: node.id,
            claims,
            partitions,
        }),
    }
}

/// Another broker that does not serve yet and may bring copies back: after a stop of all, the last one alone was in sync.
fn coming_up(view: &View<'_>, nodes: &[NodeView<'_>], lost: i32) -> Option<i32> {
    let mut others = nodes
        .iter()
        .filter(|node| node.id != lost && node.node.roles.is_broker() && node.disk == Disk::Intact);
    let other = others.find(|node| {
        matches!(node.pod, PodSeen::Present(_)) && node.refusal.is_none() && !serves(view, node)
    })?;
    Some(other.id)
}

/// Whether a human accepted the loss of all these disks.
fn accepted(view: &View<'_>, claims: &[String]) -> bool {
    let annotations = &view.kafka().meta.annotations;
    let Some(text) = annotations.get(ACCEPT_EMPTY_VOLUMES) else {
        return false;
    };
    let accepted: BTreeSet<&str> = text.split(',').map(str::trim).collect();
    claims.iter().all(|claim| accepted.contains(claim.as_str()))
}

/// What must still be so when the new directory is recorded.
fn still_lost(view: &View<'_>, node: &NodeView<'_>, which: &[(u32, Option<String>)]) -> Vec<Guard> {
    let mut guards: BTreeMap<String, Guard> = BTreeMap::new();
    for (_, claim) in which {
        let guard = match (claim, node.pod) {
            (Some(claim), _) if !view.volumes.contains_key(claim) => {
                (claim.clone(), absent("PersistentVolumeClaim", claim))
            }
            (_, PodSeen::Absent) => (node.pod_name.clone(), absent("Pod", &node.pod_name)),
            (_, PodSeen::Present(pod) | PodSeen::Finished(pod)) => {
                let object = ObjectKey::new("Pod", &node.pod_name);
                let uid = pod.meta.uid.clone();
                (node.pod_name.clone(), Guard::Is { object, uid })
            }
            (_, PodSeen::Going) => continue,
        };
        guards.insert(guard.0, guard.1);
    }
    guards.into_values().collect()
}

/// The step that replaces a disk, shown while it must not run.
fn push_held(node: &NodeView<'_>, draft: &mut Draft, state: StepState) {
    draft.push(NewStep {
        phase: node.phase(),
        verb: Verb::Record,
        subject: node.id.to_string(),
        reason: Reason::VolumeLost,
        action: None,
        guards: Vec::new(),
        state,
    });
}

/// Waiting for a leader, with how many controllers run.
pub(crate) fn leader_wait(view: &View<'_>, identity: &Identity) -> Wait {
    let pods = identity.controllers().map(|(id, node)| {
        let pod = view.pod_name(&node.pool, id);
        matches!(view.pod(&pod), PodSeen::Present(pod) if pod.runs())
    });
    let (mut running, mut controllers) = (0, 0);
    for runs in pods {
        controllers += 1;
        running += usize::from(runs);
    }
    Wait::Leader {
        running,
        controllers,
    }
}
