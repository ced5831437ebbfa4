//! Who leads the partitions of a topic, and how far their logs reach.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::messages::metadata_request::MetadataRequestTopic;
use crate::messages::{ListOffsetsRequest, MetadataRequest};

/// The leaders of a topic's partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaders {
    /// The topic's id.
    pub topic_id: Uuid,
    /// Partition → leader; `None` while it has none.
    pub leaders: BTreeMap<i32, Option<i32>>,
}

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first that is still there.
    Earliest,
    /// The one after the last.
    Latest,
    /// The first of a record at or after this time, in milliseconds since 1970.
    At(i64),
}

impl Leaders {
    /// Partitions by leader; those without one are an error.
    pub(crate) fn by_leader(&self, topic: &str) -> Result<BTreeMap<i32, Vec<i32>>, Cause> {
        let mut by_leader: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for (partition, leader) in &self.leaders {
            by_leader
                .entry(leader.ok_or_else(|| no_leader(topic, *partition))?)
                .or_default()
                .push(*partition);
        }
        Ok(by_leader)
    }
}

pub(crate) fn no_leader(topic: &str, partition: i32) -> Cause {
    Cause::Kafka {
        code: ErrorCode::LeaderNotAvailable,
        message: Some(format!("{topic}-{partition} has no leader")),
    }
}

impl Cluster {
    /// Who leads the partitions of `topic`, asked afresh.
    pub async fn leaders(&self, topic: &str) -> Result<Leaders, Error> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                topic_id: Uuid::nil(),
                name: Some(topic.to_owned()),
            }]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        let what = What {
            operation: "find leaders of topic",
            object: topic,
            to: To::Any,
        };
        self.read(what, request, |response| {
            let topic = response.topics.into_iter().next();
            let topic = topic.ok_or_else(|| Cause::Nonsense("the topic is missing".to_owned()))?;
            Cause::check(topic.error_code, None)?;
            let leaders = topic.partitions.into_iter().map(|partition| {
                (
                    partition.partition_index,
                    Some(partition.leader_id).filter(|id| *id >= 0),
                )
            });
            Ok(Leaders {
                topic_id: topic.topic_id,
                leaders: leaders.collect(),
            })
        })
        .await
    }

    /// Offsets of all partitions of a topic, each from its leader.
    pub async fn list_offsets(
        &self,
        topic: &str,
        spec: OffsetSpec,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        const OPERATION: &str = "list offsets of topic";
        let leaders = self.leaders(topic).await?;
        let by_leader = leaders
            .by_leader(topic)
            .map_err(|cause| Error::new(OPERATION, cause).about(OPERATION, topic))?;
        let timestamp = match spec {
            OffsetSpec::Latest => -1,
            OffsetSpec::Earliest => -2,
            OffsetSpec::At(time) => time,
        };
        let mut offsets = BTreeMap::new();
        for (leader, partitions) in by_leader {
            let partitions = partitions
                .into_iter()
                .map(|partition_index| ListOffsetsPartition {
                    partition_index,
                    timestamp,
                    ..ListOffsetsPartition::default()
                });
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic {
                    name: topic.to_owned(),
                    partitions: partitions.collect(),
                }],
                ..ListOffsetsRequest::default()
            };
            let what = What {
                operation: OPERATION,
                object: topic,
                to: To::Node(leader),
            };
            let found = self
                .read(what, request, |response| {
                    let partitions = response
                        .topics
                        .into_iter()
                        .flat_map(|topic| topic.partitions);
                    partitions
                        .map(|partition| {
                            Cause::check(partition.error_code, None)?;
                            Ok((partition.partition_index, partition.offset))
                        })
                        .collect::<Result<Vec<_>, Cause>>()
                })
                .await?;
            offsets.extend(found);
        }
        Ok(offsets)
    }
}
