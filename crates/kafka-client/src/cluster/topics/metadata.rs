//! Topics as brokers up to 3.9 that have ZooKeeper list them: all at once, by the Metadata request.

use uuid::Uuid;

use super::{Partition, Topic, TopicPage};
use crate::cluster::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::MetadataRequest;
use crate::messages::metadata_request::MetadataRequestTopic;
use crate::messages::metadata_response::MetadataResponseTopic;

impl Cluster {
    /// All topics, or those of `only` that exist, as one page.
    pub(super) async fn topics_at_once(&self, only: &[&str]) -> Result<TopicPage, Error> {
        let topics = only.iter().map(|name| MetadataRequestTopic {
            topic_id: Uuid::nil(),
            name: Some((*name).to_owned()),
        });
        let request = MetadataRequest {
            topics: (!only.is_empty()).then(|| topics.collect()),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
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
            topics.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(TopicPage { topics, next: None })
        })
        .await
    }
}

fn parse(topic: MetadataResponseTopic) -> Result<Topic, Cause> {
    let name = topic
        .name
        .ok_or_else(|| Cause::Nonsense("a topic has no name".to_owned()))?;
    let mut partitions = Vec::new();
    for partition in topic.partitions {
        // What a partition lacks (a leader, a listener of its leader, a replica) is a state, not a failure.
        partitions.push(Partition {
            index: partition.partition_index,
            leader: Some(partition.leader_id).filter(|id| *id >= 0),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
            offline: partition.offline_replicas,
            eligible: Vec::new(),
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
