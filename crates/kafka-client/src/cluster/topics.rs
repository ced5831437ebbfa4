//! Topics and their partitions: listed in pages, created, enlarged, deleted.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::create_partitions_request::CreatePartitionsTopic;
use crate::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use crate::messages::delete_topics_request::DeleteTopicState;
use crate::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use crate::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
    DescribeTopicPartitionsRequest,
};

mod metadata;

/// A topic as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// Whether Kafka made it for itself.
    pub is_internal: bool,
    /// Its partitions, by index.
    pub partitions: Vec<Partition>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its index.
    pub index: i32,
    /// Its leader; `None` while it is offline.
    pub leader: Option<i32>,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Which of them are in sync.
    pub isr: Vec<i32>,
    /// Which of them are on brokers or disks that are down.
    pub offline: Vec<i32>,
    /// Replicas outside of the ISR that may still lead without loss (KIP-966), where the cluster keeps them.
    pub eligible: Vec<i32>,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCursor {
    /// The topic.
    pub topic: String,
    /// Its first partition in the page.
    pub partition: i32,
}

/// Some of the topics; a large topic may go on in the next page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPage {
    /// Topics by name, each perhaps with a part of its partitions.
    pub topics: Vec<Topic>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<TopicCursor>,
}

/// A topic to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None` is the broker's default.
    pub partitions: Option<i32>,
    /// How many replicas; `None` is the broker's default.
    pub replication: Option<i16>,
    /// Configuration that differs from the defaults.
    pub configs: BTreeMap<String, String>,
    /// Replicas of each partition, instead of the two counts.
    pub assignment: Vec<Vec<i32>>,
}

/// The most partitions that a page holds.
const PAGE_PARTITIONS: i32 = 2000;

/// The most pages that [`Cluster::list_topics`] reads: 2000 × 5000 = ten million partitions.
const MAX_PAGES: usize = 5000;

impl Cluster {
    /// Topics from `from` on (`None`: from the first), by name; `only` narrows them, empty means all.
    ///
    /// Brokers that have ZooKeeper know no pages: they list all at once.
    pub async fn topics_page(
        &self,
        from: Option<&TopicCursor>,
        only: &[&str],
    ) -> Result<TopicPage, Error> {
        match self.topics_by_page(from, only).await {
            Err(error) if matches!(error.cause, Cause::UnsupportedApi { .. }) => {
                self.topics_at_once(only).await
            }
            listed => listed,
        }
    }

    async fn topics_by_page(
        &self,
        from: Option<&TopicCursor>,
        only: &[&str],
    ) -> Result<TopicPage, Error> {
        let request = DescribeTopicPartitionsRequest {
            topics: only
                .iter()
                .map(|name| TopicRequest {
                    name: (*name).to_owned(),
                })
                .collect(),
            response_partition_limit: PAGE_PARTITIONS,
            cursor: from.map(|cursor| Cursor {
                topic_name: cursor.topic.clone(),
                partition_index: cursor.partition,
            }),
        };
        let object = only.join(", ");
        let what = What {
            operation: "list topics",
            object: &object,
            to: To::Any,
        };
        self.read(what, request, |response| {
            let mut topics = Vec::new();
            for topic in response.topics {
                if ErrorCode::from_code(topic.error_code) == ErrorCode::UnknownTopicOrPartition {
                    continue;
                }
                Cause::check(topic.error_code, topic.name.as_deref())?;
                topics.push(parse(topic)?);
            }
            let next = response.next_cursor.map(|cursor| TopicCursor {
                topic: cursor.topic_name,
                partition: cursor.partition_index,
            });
            Ok(TopicPage { topics, next })
        })
        .await
    }

    /// All topics by name, or those of `only` that exist.
    pub async fn list_topics(&self, only: &[&str]) -> Result<BTreeMap<String, Topic>, Error> {
        let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = self.topics_page(from.as_ref(), only).await?;
            for topic in page.topics {
                match topics.get_mut(&topic.name) {
                    Some(known) if known.id == topic.id => {
                        known.partitions.extend(topic.partitions);
                    }
                    _ => {
                        topics.insert(topic.name.clone(), topic);
                    }
                }
            }
            match page.next {
                None => return Ok(topics),
                next if next == from => break,
                next => from = next,
            }
        }
        Err(Error::new(
            "list topics",
            Cause::Nonsense("the pages do not end".to_owned()),
        ))
    }

    /// Creates one topic; says its id. `validate_only` only asks whether it could.
    pub async fn create_topic(&self, topic: &NewTopic, validate_only: bool) -> Result<Uuid, Error> {
        let assignments = (0..)
            .zip(&topic.assignment)
            .map(|(partition_index, replicas)| CreatableReplicaAssignment {
                partition_index,
                broker_ids: replicas.clone(),
            });
        let assignments: Vec<CreatableReplicaAssignment> = assignments.collect();
        let is_assigned = !assignments.is_empty();
        let configs = topic
            .configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig {
                name: name.clone(),
                value: Some(value.clone()),
            });
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: topic.name.clone(),
                num_partitions: topic.partitions.filter(|_| !is_assigned).unwrap_or(-1),
                replication_factor: topic.replication.filter(|_| !is_assigned).unwrap_or(-1),
                assignments,
                configs: configs.collect(),
            }],
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
        let what = What {
            operation: "create topic",
            object: &topic.name,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            let result = response.topics.first().ok_or_else(empty)?;
            Cause::check(result.error_code, result.error_message.as_deref())?;
            Ok(result.topic_id)
        })
        .await
    }

    /// Gives a topic more partitions, `count` in all.
    pub async fn create_partitions(
        &self,
        topic: &str,
        count: i32,
        validate_only: bool,
    ) -> Result<(), Error> {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: topic.to_owned(),
                count,
                assignments: None,
            }],
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
        let what = What {
            operation: "create partitions of topic",
            object: topic,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            let result = response.results.first().ok_or_else(empty)?;
            Cause::check(result.error_code, result.error_message.as_deref())
        })
        .await
    }

    /// Deletes the topic of this id: never a new one that has got the name meanwhile.
    pub async fn delete_topic(&self, id: Uuid) -> Result<(), Error> {
        let request = DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: None,
                topic_id: id,
            }],
            topic_names: Vec::new(),
            timeout_ms: self.timeout_ms(),
        };
        let object = crate::id::kafka_id(id);
        let what = What {
            operation: "delete topic",
            object: &object,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            let result = response.responses.first().ok_or_else(empty)?;
            Cause::check(result.error_code, result.error_message.as_deref())
        })
        .await
    }
}

fn empty() -> Cause {
    Cause::Nonsense("it is empty".to_owned())
}

fn parse(topic: DescribeTopicPartitionsResponseTopic) -> Result<Topic, Cause> {
    let name = topic
        .name
        .ok_or_else(|| Cause::Nonsense("a topic has no name".to_owned()))?;
    let mut partitions = Vec::new();
    for partition in topic.partitions {
        let DescribeTopicPartitionsResponsePartition {
            error_code,
            partition_index,
            leader_id,
            leader_epoch,
            ..
        } = partition;
        // A partition without a leader carries LEADER_NOT_AVAILABLE: that is a state, not a failure.
        if ErrorCode::from_code(error_code) != ErrorCode::LeaderNotAvailable {
            Cause::check(error_code, Some(&format!("{name}-{partition_index}")))?;
        }
        partitions.push(Partition {
            index: partition_index,
            leader: Some(leader_id).filter(|id| *id >= 0),
            leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
            offline: partition.offline_replicas,
            eligible: partition.eligible_leader_replicas.unwrap_or_default(),
        });
    }
    partitions.sort_by_key(|partition| partition.index);
    Ok(Topic {
        name,
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
    })
}
