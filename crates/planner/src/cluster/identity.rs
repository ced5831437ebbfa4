//! Who the cluster is: settles cluster id, node ids and directory ids before anything uses them.
//!
//! Reads: the record on the Kafka, and the evidence beside it. Result: the identity to plan with, or a step that
//! writes it down first, or conflicting evidence, which stops everything and asks.
//!
//! Invariants: nothing is acted on that is not recorded; what is recorded changes only by a step of this file; drawing
//! is left to whoever executes. What is learnt by looking (a leader was seen, a node runs on its disks) is used at once
//! and recorded in the same look: it is a fact whether recorded or not.

use std::collections::{BTreeMap, BTreeSet};

use model::desired::{Cluster, NodeId, Pool, PoolName, VolumeKind};
use model::node_ids::{self, PoolIds};
use model::observed::identity::{DIRECTORY_ID, IDENTITY, Identity, NodeIdentity, StoreIdentity};

use crate::action::{Action, Draw};
use crate::cluster::draft::{Draft, NewStep};
use crate::cluster::evidence::{Evidence, against_nodes};
use crate::cluster::store;
use crate::cluster::view::{PodSeen, View};
use crate::guard::Guard;
use crate::plan::{PhaseName, StepState, Verb};
use crate::problem::Problem;
use crate::reason::Reason;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Settled {
    /// Recorded; this is it (with what was learnt by looking).
    Known {
        /// As recorded, with `learnt` applied.
        identity: Identity,
        /// Whether something was learnt that is not recorded.
        learnt: Option<Reason>,
    },
    /// It must be written down first; a step was added.
    Recording,
    /// It cannot be settled: there are problems.
    Stopped,
}

/// Settles the identity, adding steps and problems.
pub(crate) fn settle(view: &View<'_>, draft: &mut Draft) -> Settled {
    let evidence = Evidence::collect(view);
    match recorded(view) {
        Err(problem) => {
            draft.problems.push(*problem);
            Settled::Stopped
        }
        Ok(None) => begin(view, draft, &evidence),
        Ok(Some(identity)) => {
            let conflicts = conflicts(view, &identity, &evidence);
            if !conflicts.is_empty() {
                draft.problems.extend(conflicts);
                return Settled::Stopped;
            }
            if let Some(fresh) = begin_again(view, &identity, &evidence) {
                let (identity, draw) = fresh;
                push_record(view, draft, identity, draw, Reason::NotRecorded, Vec::new());
                return Settled::Recording;
            }
            learn(view, &identity)
        }
    }
}

/// Adds the step that writes the identity, drawing what is missing.
pub(crate) fn push_record(
    view: &View<'_>,
    draft: &mut Draft,
    identity: Identity,
    draw: Draw,
    reason: Reason,
    mut guards: Vec<Guard>,
) {
    let meta = &view.kafka().meta;
    guards.insert(
        0,
        Guard::KafkaUnchanged {
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
        },
    );
    draft.push(NewStep {
        phase: PhaseName::Identity,
        verb: Verb::Record,
        subject: "identity".to_owned(),
        reason,
        action: Some(Action::RecordIdentity { identity, draw }),
        guards,
        state: StepState::Ready,
    });
}

/// The record on the Kafka, if it is this Kafka's.
fn recorded(view: &View<'_>) -> Result<Option<Identity>, Box<Problem>> {
    let kafka = view.kafka();
    let Some(text) = kafka.meta.annotations.get(IDENTITY) else {
        return Ok(None);
    };
    match serde_json::from_str::<Identity>(text) {
        Ok(identity) if identity.kafka_uid == kafka.meta.uid => Ok(Some(identity)),
        // Copied with the manifest of another (or the deleted) Kafka: it says nothing about this one.
        Ok(_) => Ok(None),
        Err(error) => Err(Box::new(Problem::IdentityConflict {
            about: "the cluster".to_owned(),
            evidence: vec![(
                format!("annotation {IDENTITY}"),
                format!(
                    "something that cannot be read ({error}); `kubectl annotate kafka {} {IDENTITY}-` takes it off, and it is \
                     made anew from what the disks say",
                    kafka.name
                ),
            )],
        })),
    }
}

fn conflicts(view: &View<'_>, identity: &Identity, evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut others = evidence.against(&identity.cluster_id);
    if !others.is_empty() {
        others.insert(0, ("the Kafka".to_owned(), identity.cluster_id.clone()));
        problems.push(Problem::IdentityConflict {
            about: "the cluster id".to_owned(),
            evidence: others,
        });
    }
    for (about, evidence) in against_nodes(view, identity) {
        problems.push(Problem::IdentityConflict { about, evidence });
    }
    problems
}

/// No record: rebuilds it from evidence, completes it from what is wanted, and has the rest drawn.
fn begin(view: &View<'_>, draft: &mut Draft, evidence: &Evidence) -> Settled {
    let ids: BTreeSet<&String> = evidence.cluster_ids.iter().map(|(_, id)| id).collect();
    if ids.len() > 1 {
        draft.problems.push(Problem::IdentityConflict {
            about: "the cluster id".to_owned(),
            evidence: evidence.cluster_ids.clone(),
        });
        return Settled::Stopped;
    }
    let Some(desired) = view.desired() else {
        // What is wanted has problems; those are told, nothing else can be done.
        return Settled::Stopped;
    };
    let kind = desired.metadata_store.kind();
    if let Some(found) = evidence.store.filter(|found| *found != kind) {
        draft.problems.push(Problem::IdentityConflict {
            about: "where the metadata are".to_owned(),
            evidence: vec![
                ("the Kafka".to_owned(), kind.as_str().to_owned()),
                ("the volume claims".to_owned(), found.as_str().to_owned()),
            ],
        });
        return Settled::Stopped;
    }
    let cluster_id = ids.first().map(|id| (*id).clone());
    let cluster_id = cluster_id.or_else(|| evidence.status_cluster_id.clone());
    let (identity, draw) = complete(view, desired, evidence, cluster_id);
    let reason = if evidence.is_blank() {
        Reason::NotRecorded
    } else {
        Reason::RecordIncomplete
    };
    push_record(view, draft, identity, draw, reason, Vec::new());
    Settled::Recording
}

/// A record of which nothing was made yet follows what is wanted: a user may still change their mind for free.
fn begin_again(
    view: &View<'_>,
    identity: &Identity,
    evidence: &Evidence,
) -> Option<(Identity, Draw)> {
    let desired = view.desired()?;
    let untouched = untouched(view, identity, evidence);
    let layout = |identity: &Identity| -> BTreeMap<i32, _> {
        let nodes = identity.nodes.iter();
        nodes
            .map(|(id, node)| {
                let volumes: BTreeSet<u32> = node.directories.keys().copied().collect();
                (
                    *id,
                    (
                        node.pool.clone(),
                        node.roles,
                        node.metadata,
                        volumes,
                        node.claims.clone(),
                    ),
                )
            })
            .collect()
    };
    if !untouched {
        return None;
    }
    let (wanted, draw) = complete(view, desired, evidence, Some(identity.cluster_id.clone()));
    let mut with_draw = wanted.clone();
    for (id, volumes) in &draw.directories {
        if let Some(node) = with_draw.nodes.get_mut(id) {
            node.directories
                .extend(volumes.iter().map(|volume| (*volume, String::new())));
        }
    }
    let servers = |identity: &Identity| (identity.store.kind, identity.store.formatted.len());
    let differs = layout(&with_draw) != layout(identity) || servers(&wanted) != servers(identity);
    differs.then_some((wanted, draw))
}

/// Whether nothing was made from a record yet.
pub(crate) fn is_untouched(view: &View<'_>, identity: &Identity) -> bool {
    untouched(view, identity, &Evidence::collect(view))
}

fn untouched(view: &View<'_>, identity: &Identity, evidence: &Evidence) -> bool {
    !identity.quorum_formed
        && evidence.is_blank()
        && view.pods.is_empty()
        && !identity.nodes.values().any(|node| node.served)
}

/// Evidence, with node ids for all nodes that are wanted, and what is to be drawn.
fn complete(
    view: &View<'_>,
    desired: &Cluster,
    evidence: &Evidence,
    cluster_id: Option<String>,
) -> (Identity, Draw) {
    let mut nodes = evidence.nodes.clone();
    let assigned = node_ids::assign(&pool_ids(desired, evidence), &taken(desired, evidence));
    for pool in desired.pools.values() {
        let own = assigned
            .get(&pool.name)
            .into_iter()
            .flat_map(|own| &own.desired);
        for id in own {
            nodes
                .entry(id.0)
                .or_insert_with(|| new_node(view, pool, id.0));
        }
        for (id, node) in nodes
            .iter_mut()
            .filter(|(_, n)| n.pool == pool.name.as_str())
        {
            let fresh = new_node(view, pool, *id);
            node.metadata = fresh.metadata;
            for (volume, claim) in fresh.claims {
                node.claims.entry(volume).or_insert(claim);
            }
        }
    }
    let mut draw = Draw {
        cluster_id: cluster_id.is_none(),
        ..Draw::default()
    };
    for (id, node) in &nodes {
        let pool = desired
            .pools
            .values()
            .find(|pool| pool.name.as_str() == node.pool);
        let volumes = pool.into_iter().flat_map(|pool| pool.storage.volumes());
        for volume in volumes {
            if !node.directories.contains_key(&volume.id.0) {
                draw.directories.entry(*id).or_default().insert(volume.id.0);
            }
        }
    }
    let mut identity = Identity {
        kafka_uid: view.kafka().meta.uid.clone(),
        cluster_id: cluster_id.unwrap_or_default(),
        quorum_formed: evidence.quorum_formed,
        initial_controllers: evidence.initial_controllers.clone().unwrap_or_default(),
        nodes,
        store: store_identity(desired, evidence),
    };
    if evidence.initial_controllers.is_none() && !evidence.quorum_formed {
        choose_initial(&mut identity, &mut draw);
    }
    (identity, draw)
}

/// The store that is wanted, with what is known of its servers.
fn store_identity(desired: &Cluster, evidence: &Evidence) -> StoreIdentity {
    let keepers = manifests::store::members(desired)
        .into_iter()
        .filter(|member| member.has_volume());
    StoreIdentity {
        kind: desired.metadata_store.kind(),
        formatted: keepers
            .map(|member| {
                let known = evidence.store_formatted.get(&member.server);
                (member.server, known == Some(&true))
            })
            .collect(),
    }
}

/// Makes all controllers first voters.
pub(crate) fn choose_initial(identity: &mut Identity, draw: &mut Draw) {
    let mut initial = BTreeMap::new();
    for (id, node) in identity.controllers() {
        let drawn = draw.directories.get(&id);
        if drawn.is_some_and(|volumes| volumes.contains(&node.metadata)) {
            draw.initial_controllers.insert(id, node.metadata);
        } else if let Some(directory) = node.metadata_directory() {
            initial.insert(id, directory.to_owned());
        }
    }
    identity.initial_controllers = initial;
}

/// A node of which nothing is decided but its place.
fn new_node(view: &View<'_>, pool: &Pool, id: i32) -> NodeIdentity {
    let pod = view.pod_name(pool.name.as_str(), id);
    let volumes = pool.storage.volumes();
    let metadata = volumes.iter().find(|volume| volume.metadata);
    let claims = volumes.iter().filter_map(|volume| match volume.kind {
        VolumeKind::PersistentClaim(_) => Some((volume.id.0, volume.claim_name(&pod))),
        VolumeKind::Ephemeral { size_limit: _ } => None,
    });
    NodeIdentity {
        pool: pool.name.as_str().to_owned(),
        roles: pool.roles,
        metadata: metadata.map_or(0, |volume| volume.id.0),
        directories: BTreeMap::new(),
        claims: claims.collect(),
        formatted: false,
        served: false,
    }
}

/// What each pool has by evidence and by its status, which remembers ids of nodes whose disks are gone.
fn pool_ids(desired: &Cluster, evidence: &Evidence) -> Vec<PoolIds> {
    let pools = desired.pools.values().map(|pool| {
        let name = pool.name.as_str();
        let found = evidence.nodes.iter().filter(|(_, node)| node.pool == name);
        let found = found.map(|(id, _)| *id);
        let remembered = evidence.status_ids.get(name).into_iter().flatten().copied();
        let free = |id: &i32| evidence.nodes.get(id).is_none_or(|node| node.pool == name);
        PoolIds {
            pool: pool.name.clone(),
            replicas: pool.replicas,
            current: found.chain(remembered.filter(free)).map(NodeId).collect(),
            next: pool.next_node_ids.clone(),
            remove: pool.remove_node_ids.clone(),
        }
    });
    pools.collect()
}

/// Ids of nodes whose pool is gone.
fn taken(desired: &Cluster, evidence: &Evidence) -> BTreeSet<NodeId> {
    let pools: BTreeSet<&str> = desired.pools.keys().map(PoolName::as_str).collect();
    let nodes = evidence
        .nodes
        .iter()
        .filter(|(_, node)| !pools.contains(node.pool.as_str()));
    nodes.map(|(id, _)| NodeId(*id)).collect()
}

/// Adds what was learnt by looking: a leader, and nodes that run on their disks.
fn learn(view: &View<'_>, recorded: &Identity) -> Settled {
    let mut identity = recorded.clone();
    identity.quorum_formed |= view.leader().is_some();
    for (id, node) in &mut identity.nodes {
        let pod = view.pod_name(&node.pool, *id);
        if runs_on(view, &pod, node.metadata_directory()) && is_seen(view, *id, node) {
            node.formatted = true;
            node.served = true;
        }
    }
    store::learn(view, &mut identity);
    let learnt = if identity.quorum_formed != recorded.quorum_formed {
        Some(if identity.store.kind.is_kraft() {
            Reason::QuorumFormed
        } else {
            Reason::ControllerElected
        })
    } else if identity != *recorded {
        Some(Reason::FirstRun)
    } else {
        None
    };
    Settled::Known { identity, learnt }
}

/// Whether the node's Pod runs, made for this directory.
fn runs_on(view: &View<'_>, pod: &str, directory: Option<&str>) -> bool {
    match view.pod(pod) {
        PodSeen::Present(pod) => {
            let made_for = pod.meta.annotations.get(DIRECTORY_ID).map(String::as_str);
            pod.runs() && (made_for.is_none() || made_for == directory)
        }
        PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => false,
    }
}

/// Whether Kafka itself knows the node as running: the leader, a voter that fetched from it, or an unfenced broker.
fn is_seen(view: &View<'_>, id: i32, node: &NodeIdentity) -> bool {
    let brokers = view.world.brokers.value();
    let unfenced = brokers
        .and_then(|brokers| brokers.brokers.get(&id))
        .is_some_and(|broker| !broker.fenced);
    let votes = view.world.quorum.value().is_some_and(|quorum| {
        quorum.voters.iter().any(|voter| {
            let same = voter.id == id
                && (voter.directory.is_none()
                    || voter.directory.as_deref() == node.metadata_directory());
            let fetches = quorum.leader == Some(id) || voter.last_fetch_ms.is_some();
            same && fetches
        }) && quorum.leader.is_some()
    });
    if node.roles.is_controller() {
        votes
    } else {
        unfenced
    }
}
