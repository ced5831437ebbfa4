//! Where partitions live: moved, their preferred leaders elected, their directories described.

use std::collections::BTreeMap;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use crate::messages::elect_leaders_request::TopicPartitions;
use crate::messages::{
    AlterPartitionReassignmentsRequest, DescribeLogDirsRequest, ElectLeadersRequest,
    ListPartitionReassignmentsRequest,
};

/// A partition by topic and index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The index.
    pub partition: i32,
}

/// A move that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassignment {
    /// All replicas, coming and going ones included.
    pub replicas: Vec<i32>,
    /// Those that are coming.
    pub adding: Vec<i32>,
    /// Those that will go.
    pub removing: Vec<i32>,
}

/// One log directory of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDir {
    /// Why it is offline; `None` while it works.
    pub error: Option<ErrorCode>,
    /// Bytes of its volume, if known.
    pub total_bytes: Option<i64>,
    /// Bytes free on its volume, if known.
    pub usable_bytes: Option<i64>,
    /// What it holds.
    pub replicas: BTreeMap<TopicPartition, LogDirReplica>,
}

/// A replica in a log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogDirReplica {
    /// Its size.
    pub bytes: i64,
    /// How far it is behind.
    pub lag: i64,
    /// Whether it is on its way here from another directory of the same broker.
    pub is_future: bool,
}

impl Cluster {
    /// Moves partitions to these replicas; `None` cancels a move. Answers per partition that was refused.
    ///
    /// A move that there is none of to cancel is no refusal.
    pub async fn reassign(
        &self,
        moves: &BTreeMap<TopicPartition, Option<Vec<i32>>>,
    ) -> Result<BTreeMap<TopicPartition, Cause>, Error> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for (at, replicas) in moves {
            let partition = ReassignablePartition {
                partition_index: at.partition,
                replicas: replicas.clone(),
            };
            topics.entry(&at.topic).or_default().push(partition);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| ReassignableTopic {
                name: name.to_owned(),
                partitions,
            })
            .collect();
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: self.timeout_ms(),
            topics,
            ..AlterPartitionReassignmentsRequest::default()
        };
        let object = format!("{} partitions", moves.len());
        let what = What {
            operation: "reassign",
            object: &object,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())?;
            let mut refused = BTreeMap::new();
            for topic in response.responses {
                for partition in topic.partitions {
                    let at = TopicPartition {
                        topic: topic.name.clone(),
                        partition: partition.partition_index,
                    };
                    match Cause::check(partition.error_code, partition.error_message.as_deref()) {
                        Ok(())
                        | Err(Cause::Kafka {
                            code: ErrorCode::NoReassignmentInProgress,
                            ..
                        }) => {}
                        Err(cause) => {
                            refused.insert(at, cause);
                        }
                    }
                }
            }
            Ok(refused)
        })
        .await
    }

    /// Moves that are under way.
    pub async fn list_reassignments(
        &self,
    ) -> Result<BTreeMap<TopicPartition, Reassignment>, Error> {
        let request = ListPartitionReassignmentsRequest {
            timeout_ms: self.timeout_ms(),
            topics: None,
        };
        let what = What {
            operation: "list reassignments",
            object: "",
            to: To::Controller,
        };
        self.read(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())?;
            let mut moves = BTreeMap::new();
            for topic in response.topics {
                for partition in topic.partitions {
                    let at = TopicPartition {
                        topic: topic.name.clone(),
                        partition: partition.partition_index,
                    };
                    let (adding, removing) =
                        (partition.adding_replicas, partition.removing_replicas);
                    moves.insert(
                        at,
                        Reassignment {
                            replicas: partition.replicas,
                            adding,
                            removing,
                        },
                    );
                }
            }
            Ok(moves)
        })
        .await
    }

    /// Makes the first replica of each partition its leader; `None` means all partitions. Answers what was refused.
    ///
    /// Never an unclean election. A partition that its preferred replica leads already is no refusal.
    pub async fn elect_preferred_leaders(
        &self,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<BTreeMap<TopicPartition, Cause>, Error> {
        let topic_partitions = partitions.map(|partitions| {
            let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
            for at in partitions {
                topics.entry(&at.topic).or_default().push(at.partition);
            }
            topics
                .into_iter()
                .map(|(topic, partitions)| TopicPartitions {
                    topic: topic.to_owned(),
                    partitions,
                })
                .collect()
        });
        let request = ElectLeadersRequest {
            election_type: 0,
            topic_partitions,
            timeout_ms: self.timeout_ms(),
        };
        let what = What {
            operation: "elect preferred leaders",
            object: "",
            to: To::Controller,
        };
        self.write(what, request, |response| {
            Cause::check(response.error_code, None)?;
            let mut refused = BTreeMap::new();
            for topic in response.replica_election_results {
                for result in topic.partition_result {
                    let at = TopicPartition {
                        topic: topic.topic.clone(),
                        partition: result.partition_id,
                    };
                    match Cause::check(result.error_code, result.error_message.as_deref()) {
                        Ok(())
                        | Err(Cause::Kafka {
                            code: ErrorCode::ElectionNotNeeded,
                            ..
                        }) => {}
                        Err(cause) => {
                            refused.insert(at, cause);
                        }
                    }
                }
            }
            Ok(refused)
        })
        .await
    }

    /// The log directories of one broker by path.
    pub async fn describe_log_dirs(&self, broker: i32) -> Result<BTreeMap<String, LogDir>, Error> {
        let object = broker.to_string();
        let what = What {
            operation: "describe log directories of broker",
            object: &object,
            to: To::Node(broker),
        };
        self.read(what, DescribeLogDirsRequest { topics: None }, |response| {
            Cause::check(response.error_code, None)?;
            let known = |bytes: i64| Some(bytes).filter(|bytes| *bytes >= 0);
            let directories = response.results.into_iter().map(|directory| {
                let replicas = directory.topics.into_iter().flat_map(|topic| {
                    topic.partitions.into_iter().map(move |partition| {
                        let at = TopicPartition {
                            topic: topic.name.clone(),
                            partition: partition.partition_index,
                        };
                        let replica = LogDirReplica {
                            bytes: partition.partition_size,
                            lag: partition.offset_lag,
                            is_future: partition.is_future_key,
                        };
                        (at, replica)
                    })
                });
                let described = LogDir {
                    error: Some(ErrorCode::from_code(directory.error_code))
                        .filter(|code| *code != ErrorCode::None),
                    total_bytes: known(directory.total_bytes),
                    usable_bytes: known(directory.usable_bytes),
                    replicas: replicas.collect(),
                };
                (directory.log_dir, described)
            });
            Ok(directories.collect())
        })
        .await
    }
}
