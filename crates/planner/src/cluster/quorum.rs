//! Voters: stale ones are removed, running controllers that do not vote are added. One change at a time, as Kafka wants.
//!
//! Reads: DescribeQuorum and the recorded directories. Invariants: nobody is removed unless the quorum keeps a majority
//! of live voters; only directories that are not recorded any more are removed; a controller is added only where it
//! already follows the leader.
//!
//! Source: KIP-853. A static quorum (no directory ids) has nothing to change here.

use model::observed::identity::Identity;

use crate::action::{Action, Endpoint};
use crate::cluster::draft::{Draft, NewStep};
use crate::cluster::node::NodeView;
use crate::cluster::safety;
use crate::cluster::view::{PodSeen, View};
use crate::guard::Guard;
use crate::plan::{StepState, Verb};
use crate::reason::Reason;
use crate::wait::Wait;

/// How many records a controller may be behind when it is added: Kafka waits for it to catch up, but not long.
const MOST_BEHIND: i64 = 1_000;

/// Plans changes of the set of voters.
pub(crate) fn plan(
    view: &View<'_>,
    identity: &Identity,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let Some(quorum) = view
        .world
        .quorum
        .value()
        .filter(|quorum| quorum.leader.is_some())
    else {
        return;
    };
    let mut turn: Option<i32> = None;
    for node in nodes {
        for directory in node.stale_votes() {
            let action = Action::RemoveVoter {
                node: node.id,
                directory: directory.to_owned(),
            };
            let state = if let Some(first) = turn {
                StepState::Waiting(Wait::Disruption { node: first })
            } else if safety::majority_without(quorum, node.id, true) {
                StepState::Ready
            } else {
                StepState::Waiting(Wait::Majority { node: node.id })
            };
            turn.get_or_insert(node.id);
            let guards = vec![
                unchanged(view),
                Guard::IsVoter {
                    node: node.id,
                    directory: directory.to_owned(),
                },
                Guard::MajorityWithout { node: node.id },
            ];
            push(
                node,
                draft,
                Verb::RemoveVoter,
                Reason::StaleVoter,
                (action, guards),
                state,
            );
        }
    }
    for node in nodes.iter().filter(|node| lacks_vote(node)) {
        let Some(directory) = node.node.metadata_directory() else {
            continue;
        };
        let action = Action::AddVoter {
            node: node.id,
            directory: directory.to_owned(),
            endpoints: vec![endpoint(view, node)],
        };
        let close = node
            .observer
            .and_then(|observer| observer.lag)
            .is_some_and(|lag| lag <= MOST_BEHIND);
        let state = if let Some(first) = turn {
            StepState::Waiting(Wait::Disruption { node: first })
        } else if close {
            StepState::Ready
        } else {
            StepState::Waiting(Wait::CatchUp { node: node.id })
        };
        turn.get_or_insert(node.id);
        let guards = vec![
            unchanged(view),
            Guard::IsObserver {
                node: node.id,
                directory: directory.to_owned(),
            },
        ];
        push(
            node,
            draft,
            Verb::AddVoter,
            Reason::NotVoting,
            (action, guards),
            state,
        );
    }
    note_strangers(identity, quorum, draft);
}

/// A controller that runs, follows the leader, and has no vote under any directory.
fn lacks_vote(node: &NodeView<'_>) -> bool {
    let runs =
        matches!(node.pod, PodSeen::Present(pod) if pod.runs() && node.made_for_own_directory(pod));
    node.node.roles.is_controller() && runs && node.votes_as.is_empty() && node.observer.is_some()
}

/// A voter is judged stale by the record on the Kafka: that record must be the latest.
fn unchanged(view: &View<'_>) -> Guard {
    let meta = &view.kafka().meta;
    Guard::KafkaUnchanged {
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
    }
}

fn endpoint(view: &View<'_>, node: &NodeView<'_>) -> Endpoint {
    let kafka = view.kafka();
    Endpoint {
        listener: manifests::names::CONTROL_PLANE_LISTENER.to_owned(),
        host: format!(
            "{}.{}-kafka-brokers.{}.svc",
            node.pod_name, kafka.name, kafka.namespace
        ),
        port: manifests::names::CONTROL_PLANE_PORT,
    }
}

/// Voters that no node of ours is: somebody added them by hand.
fn note_strangers(identity: &Identity, quorum: &model::observed::kafka::Quorum, draft: &mut Draft) {
    let controllers: Vec<i32> = identity.controllers().map(|(id, _)| id).collect();
    for voter in quorum
        .voters
        .iter()
        .filter(|voter| !controllers.contains(&voter.id))
    {
        draft.notes.push(crate::note::Note {
            reason: "UnknownVoter".to_owned(),
            message: format!(
                "node {} votes in the controller quorum and is no controller of this Kafka",
                voter.id
            ),
        });
    }
}

fn push(
    node: &NodeView<'_>,
    draft: &mut Draft,
    verb: Verb,
    reason: Reason,
    (action, guards): (Action, Vec<Guard>),
    state: StepState,
) {
    draft.push(NewStep {
        phase: crate::plan::PhaseName::Controllers,
        verb,
        subject: node.id.to_string(),
        reason,
        action: Some(action),
        guards,
        state,
    });
}
