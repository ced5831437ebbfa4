//! Answers about the quorum.

use crate::cluster::{NodeKind, VoterEndpoint};
use crate::error_code::ErrorCode;
use crate::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use crate::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, DescribeQuorumRequest, DescribeQuorumResponse,
    RemoveRaftVoterRequest, RemoveRaftVoterResponse,
};
use crate::wire::WireError;

use super::cluster::code;
use super::serve::Call;
use super::{State, TestVoter};

type Frame = Result<Option<Vec<u8>>, WireError>;

pub(super) fn describe_quorum(state: &mut State, call: Call<'_>) -> Frame {
    let refusal = wrong_node(state, &call);
    let version = call.header.version;
    call.with(state, |state, request: DescribeQuorumRequest, asked| {
        let error = asked.or(refusal);
        let nodes = state
            .voters
            .iter()
            .filter(|_| version >= 2)
            .map(|(id, voter)| Node {
                node_id: *id,
                listeners: voter
                    .listeners
                    .iter()
                    .map(|at| Listener {
                        name: at.name.clone(),
                        host: at.host.clone(),
                        port: at.port,
                    })
                    .collect(),
            });
        let partition = PartitionData {
            partition_index: 0,
            error_code: code(error),
            error_message: None,
            leader_id: state.leader.unwrap_or(-1),
            leader_epoch: state.leader_epoch,
            high_watermark: state
                .voters
                .values()
                .map(|voter| voter.log_end_offset)
                .max()
                .unwrap_or(-1),
            current_voters: state
                .voters
                .iter()
                .map(|(id, voter)| replica(state, *id, voter, version))
                .collect(),
            observers: state
                .observers
                .iter()
                .map(|(id, voter)| replica(state, *id, voter, version))
                .collect(),
        };
        let topics = request.topics.into_iter().map(|topic| TopicData {
            topic_name: topic.topic_name,
            partitions: vec![partition.clone()],
        });
        DescribeQuorumResponse {
            error_code: code(asked),
            error_message: None,
            topics: topics.collect(),
            nodes: nodes.collect(),
        }
    })
}

/// What the leader's clock shows, for ever: followers that are up fetched at this very moment.
const LEADER_CLOCK_MS: i64 = 1_000_000;

/// A replica as the leader sees it; of one that is down it remembers nothing.
fn replica(state: &State, id: i32, voter: &TestVoter, version: i16) -> ReplicaState {
    let is_up = state.nodes.get(&id).is_some_and(|node| node.is_up);
    let end = state
        .voters
        .values()
        .map(|voter| voter.log_end_offset)
        .max();
    let caught_up = is_up && end.is_none_or(|end| voter.log_end_offset >= end);
    let at = |known: bool| if known { LEADER_CLOCK_MS } else { -1 };
    ReplicaState {
        replica_id: id,
        replica_directory_id: if version >= 2 {
            voter.directory_id
        } else {
            uuid::Uuid::nil()
        },
        log_end_offset: voter.log_end_offset,
        last_fetch_timestamp: at(is_up),
        last_caught_up_timestamp: at(caught_up),
    }
}

/// Controllers answer only when they lead; brokers forward.
fn wrong_node(state: &State, call: &Call<'_>) -> Option<ErrorCode> {
    match call.kind {
        NodeKind::Brokers if state.leader.is_some() => None,
        NodeKind::Controllers if state.leader == Some(call.node) => None,
        NodeKind::Brokers | NodeKind::Controllers => Some(ErrorCode::NotLeaderOrFollower),
    }
}

pub(super) fn add_voter(state: &mut State, call: Call<'_>) -> Frame {
    let refusal = wrong_node(state, &call);
    call.with(state, |state, request: AddRaftVoterRequest, asked| {
        let error = asked
            .or(refusal)
            .or_else(|| check_cluster(state, request.cluster_id.as_deref()))
            .or_else(|| {
                state
                    .voters
                    .contains_key(&request.voter_id)
                    .then_some(ErrorCode::DuplicateVoter)
            });
        if error.is_none() {
            let listeners = request
                .listeners
                .into_iter()
                .map(|at| VoterEndpoint {
                    name: at.name,
                    host: at.host,
                    port: at.port,
                })
                .collect();
            let log_end_offset = state
                .observers
                .remove(&request.voter_id)
                .map_or(0, |voter| voter.log_end_offset);
            let voter = TestVoter {
                directory_id: request.voter_directory_id,
                log_end_offset,
                listeners,
            };
            state.voters.insert(request.voter_id, voter);
        }
        AddRaftVoterResponse {
            error_code: code(error),
            error_message: None,
            ..AddRaftVoterResponse::default()
        }
    })
}

pub(super) fn remove_voter(state: &mut State, call: Call<'_>) -> Frame {
    let refusal = wrong_node(state, &call);
    call.with(state, |state, request: RemoveRaftVoterRequest, asked| {
        let matches = |voter: &TestVoter| voter.directory_id == request.voter_directory_id;
        let known = state.voters.get(&request.voter_id).is_some_and(matches);
        let error = asked
            .or(refusal)
            .or_else(|| check_cluster(state, request.cluster_id.as_deref()))
            .or_else(|| (!known).then_some(ErrorCode::VoterNotFound));
        if error.is_none() {
            if let Some(voter) = state.voters.remove(&request.voter_id)
                && state
                    .nodes
                    .get(&request.voter_id)
                    .is_some_and(|node| node.is_up)
            {
                // With a new disk it observes already, under another directory.
                state.observers.entry(request.voter_id).or_insert(voter);
            }
            if state.leader == Some(request.voter_id) {
                state.elect();
            }
        }
        RemoveRaftVoterResponse {
            error_code: code(error),
            error_message: None,
            ..RemoveRaftVoterResponse::default()
        }
    })
}

fn check_cluster(state: &State, given: Option<&str>) -> Option<ErrorCode> {
    given
        .is_some_and(|given| given != state.cluster_id)
        .then_some(ErrorCode::InconsistentClusterId)
}
