//! Answers about topics.

use crate::error_code::ErrorCode;
use crate::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::messages::create_topics_request::CreatableTopic;
use crate::messages::create_topics_response::CreatableTopicResult;
use crate::messages::delete_topics_response::DeletableTopicResult;
use crate::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse, describe_topic_partitions_response,
};
use crate::wire::WireError;

use super::cluster::code;
use super::serve::Call;
use super::{State, TestPartition};

type Frame = Result<Option<Vec<u8>>, WireError>;

pub(super) fn describe_topic_partitions(state: &mut State, call: Call<'_>) -> Frame {
    call.with(
        state,
        |state, request: DescribeTopicPartitionsRequest, refusal| {
            let mut names: Vec<String> =
                request.topics.into_iter().map(|topic| topic.name).collect();
            if names.is_empty() {
                names = state.topics.keys().cloned().collect();
            }
            names.sort();
            let from = request
                .cursor
                .map(|cursor| (cursor.topic_name, cursor.partition_index));
            let mut left =
                usize::try_from(request.response_partition_limit.clamp(1, 2000)).unwrap_or(1);
            let mut response = DescribeTopicPartitionsResponse {
                next_cursor: None,
                ..Default::default()
            };
            for name in names
                .into_iter()
                .filter(|name| from.as_ref().is_none_or(|(first, _)| name >= first))
            {
                let skip = from
                    .as_ref()
                    .filter(|(first, _)| *first == name)
                    .map_or(0, |(_, partition)| *partition);
                if left == 0 {
                    let next = describe_topic_partitions_response::Cursor {
                        topic_name: name,
                        partition_index: 0,
                    };
                    response.next_cursor = Some(next);
                    break;
                }
                let (topic, next) = describe(state, &name, skip, left, refusal);
                left = left.saturating_sub(topic.partitions.len());
                response.topics.push(topic);
                if let Some(partition_index) = next {
                    let next = describe_topic_partitions_response::Cursor {
                        topic_name: name,
                        partition_index,
                    };
                    response.next_cursor = Some(next);
                    break;
                }
            }
            response
        },
    )
}

/// A topic from partition `skip` on, at most `limit` of them, and the partition that did not fit.
fn describe(
    state: &State,
    name: &str,
    skip: i32,
    limit: usize,
    refusal: Option<ErrorCode>,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let mut described = DescribeTopicPartitionsResponseTopic {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let Some(topic) = state.topics.get(name).filter(|_| refusal.is_none()) else {
        described.error_code = refusal.unwrap_or(ErrorCode::UnknownTopicOrPartition).code();
        return (described, None);
    };
    described.topic_id = topic.id;
    let mut partitions = (0..)
        .zip(&topic.partitions)
        .filter(|(index, _)| *index >= skip);
    described.partitions = partitions
        .by_ref()
        .take(limit)
        .map(|(index, partition)| row(state, index, partition))
        .collect();
    (described, partitions.next().map(|(index, _)| index))
}

fn row(
    state: &State,
    partition_index: i32,
    partition: &TestPartition,
) -> DescribeTopicPartitionsResponsePartition {
    let is_down = |id: &i32| !state.nodes.get(id).is_some_and(|node| node.is_up);
    DescribeTopicPartitionsResponsePartition {
        error_code: if partition.leader.is_none() {
            ErrorCode::LeaderNotAvailable.code()
        } else {
            0
        },
        partition_index,
        leader_id: partition.leader.unwrap_or(-1),
        leader_epoch: 1,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        eligible_leader_replicas: None,
        last_known_elr: None,
        offline_replicas: partition.replicas.iter().copied().filter(is_down).collect(),
    }
}

pub(super) fn create_topics(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: CreateTopicsRequest, refusal| {
        let topics = request
            .topics
            .into_iter()
            .map(|topic| {
                let error = refusal.or_else(|| refuse_topic(state, &topic));
                let name = topic.name.clone();
                if error.is_none() && !request.validate_only {
                    create(state, topic);
                }
                CreatableTopicResult {
                    topic_id: state
                        .topics
                        .get(&name)
                        .map(|topic| topic.id)
                        .unwrap_or_default(),
                    name,
                    error_code: code(error),
                    error_message: None,
                    ..Default::default()
                }
            })
            .collect();
        CreateTopicsResponse {
            topics,
            ..Default::default()
        }
    })
}

fn refuse_topic(state: &State, topic: &CreatableTopic) -> Option<ErrorCode> {
    let brokers = state
        .nodes
        .values()
        .filter(|node| node.is_registered && !node.is_fenced)
        .count();
    let wanted = topic
        .assignments
        .iter()
        .map(|assignment| assignment.broker_ids.len())
        .max()
        .unwrap_or_else(|| usize::try_from(topic.replication_factor).unwrap_or(1));
    if state.topics.contains_key(&topic.name) {
        Some(ErrorCode::TopicAlreadyExists)
    } else if topic.num_partitions == 0 || topic.num_partitions < -1 {
        Some(ErrorCode::InvalidPartitions)
    } else if wanted == 0 || wanted > brokers {
        Some(ErrorCode::InvalidReplicationFactor)
    } else {
        None
    }
}

fn create(state: &mut State, topic: CreatableTopic) {
    let partitions = usize::try_from(topic.num_partitions).unwrap_or(1);
    let replication = usize::try_from(topic.replication_factor).unwrap_or(1);
    state.add_topic(&topic.name, partitions, replication);
    let Some(created) = state.topics.get_mut(&topic.name) else {
        return;
    };
    if !topic.assignments.is_empty() {
        created.partitions = topic
            .assignments
            .into_iter()
            .map(|assignment| {
                let replicas = assignment.broker_ids;
                TestPartition {
                    leader: replicas.first().copied(),
                    isr: replicas.clone(),
                    replicas,
                }
            })
            .collect();
    }
    created.configs = topic
        .configs
        .into_iter()
        .filter_map(|config| Some((config.name, config.value?)))
        .collect();
}

pub(super) fn create_partitions(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: CreatePartitionsRequest, refusal| {
        let results = request.topics.into_iter().map(|topic| {
            let count = usize::try_from(topic.count).unwrap_or_default();
            let error = match (refusal, state.topics.get_mut(&topic.name)) {
                (Some(refusal), _) => Some(refusal),
                (None, None) => Some(ErrorCode::UnknownTopicOrPartition),
                (None, Some(known)) if count <= known.partitions.len() => {
                    Some(ErrorCode::InvalidPartitions)
                }
                (None, Some(known)) => {
                    let like = known.partitions.first().cloned().unwrap_or_default();
                    if !request.validate_only {
                        known.partitions.resize(count, like);
                    }
                    None
                }
            };
            CreatePartitionsTopicResult {
                name: topic.name,
                error_code: code(error),
                error_message: None,
            }
        });
        CreatePartitionsResponse {
            results: results.collect(),
            ..Default::default()
        }
    })
}

pub(super) fn delete_topics(state: &mut State, call: Call<'_>) -> Frame {
    let version = call.header.version;
    call.with(state, |state, request: DeleteTopicsRequest, refusal| {
        let by_id = request
            .topics
            .into_iter()
            .map(|topic| (topic.name, topic.topic_id));
        let by_name = request
            .topic_names
            .into_iter()
            .map(|name| (Some(name), uuid::Uuid::nil()));
        let responses = by_id
            .chain(by_name)
            .map(|(name, id)| {
                let found = name
                    .filter(|name| state.topics.contains_key(name))
                    .or_else(|| {
                        state
                            .topics
                            .iter()
                            .find(|(_, topic)| !id.is_nil() && topic.id == id)
                            .map(|(name, _)| name.clone())
                    });
                let error = match (refusal, &found) {
                    (Some(refusal), _) => Some(refusal),
                    (None, Some(name)) => {
                        state.topics.remove(name);
                        None
                    }
                    (None, None) if id.is_nil() => Some(ErrorCode::UnknownTopicOrPartition),
                    (None, None) => Some(ErrorCode::UnknownTopicId),
                };
                let name = if version >= 6 {
                    found
                } else {
                    Some(found.unwrap_or_default())
                };
                DeletableTopicResult {
                    name,
                    topic_id: id,
                    error_code: code(error),
                    error_message: None,
                }
            })
            .collect();
        DeleteTopicsResponse {
            responses,
            ..Default::default()
        }
    })
}
