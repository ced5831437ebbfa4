//! The controller quorum: who leads, who votes, how far behind each is; voters added and removed.

use uuid::Uuid;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::messages::describe_quorum_request::{PartitionData, TopicData};
use crate::messages::describe_quorum_response::ReplicaState;
use crate::messages::{
    AddRaftVoterRequest, DescribeQuorumRequest, DescribeQuorumResponse, RemoveRaftVoterRequest,
    UnregisterBrokerRequest, add_raft_voter_request,
};

/// The topic whose only partition is the metadata log.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// The controller quorum as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The leader, if one is known.
    pub leader_id: Option<i32>,
    /// Its epoch.
    pub leader_epoch: i32,
    /// Up to where the log is committed.
    pub high_watermark: i64,
    /// Who votes.
    pub voters: Vec<QuorumReplica>,
    /// Who follows without a vote: brokers, and controllers not added yet.
    pub observers: Vec<QuorumReplica>,
    /// Endpoints of voters, where the cluster is new enough to say.
    pub nodes: Vec<QuorumNode>,
}

/// One replica of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumReplica {
    /// Node id.
    pub id: i32,
    /// The directory that holds its log; `None` in a static quorum or if not known.
    pub directory_id: Option<Uuid>,
    /// How far its log reaches, if known.
    pub log_end_offset: Option<i64>,
    /// When it last fetched, in milliseconds of the leader's clock; unknown for the leader.
    pub last_fetch_ms: Option<i64>,
    /// When it last had everything, in milliseconds of the leader's clock.
    pub last_caught_up_ms: Option<i64>,
}

/// Where a voter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumNode {
    /// Node id.
    pub id: i32,
    /// Its controller listeners.
    pub listeners: Vec<VoterEndpoint>,
}

/// A controller listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterEndpoint {
    /// Listener name, for instance `CONTROLPLANE-9090`.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Quorum {
    /// The voter of this id.
    pub fn voter(&self, id: i32) -> Option<&QuorumReplica> {
        self.voters.iter().find(|replica| replica.id == id)
    }

    /// The observer of this id.
    pub fn observer(&self, id: i32) -> Option<&QuorumReplica> {
        self.observers.iter().find(|replica| replica.id == id)
    }

    /// How many records `replica` is behind the leader, if both are known.
    pub fn lag(&self, replica: &QuorumReplica) -> Option<i64> {
        let leader = self.voter(self.leader_id?)?.log_end_offset?;
        Some(leader.saturating_sub(replica.log_end_offset?).max(0))
    }
}

impl Cluster {
    /// Leader, voters, observers and their lag.
    pub async fn describe_quorum(&self) -> Result<Quorum, Error> {
        let partitions = vec![PartitionData { partition_index: 0 }];
        let topics = vec![TopicData {
            topic_name: METADATA_TOPIC.to_owned(),
            partitions,
        }];
        let what = What {
            operation: "describe quorum",
            object: "",
            to: To::Controller,
        };
        self.read(what, DescribeQuorumRequest { topics }, parse)
            .await
    }

    /// Makes a controller that follows the log a voter. `cluster_id` guards against asking the wrong cluster.
    pub async fn add_voter(
        &self,
        cluster_id: Option<&str>,
        voter_id: i32,
        directory_id: Uuid,
        listeners: &[VoterEndpoint],
    ) -> Result<(), Error> {
        let listeners = listeners
            .iter()
            .map(|listener| add_raft_voter_request::Listener {
                name: listener.name.clone(),
                host: listener.host.clone(),
                port: listener.port,
            });
        let request = AddRaftVoterRequest {
            cluster_id: cluster_id.map(str::to_owned),
            timeout_ms: self.timeout_ms(),
            voter_id,
            voter_directory_id: directory_id,
            listeners: listeners.collect(),
            ack_when_committed: true,
        };
        let object = voter_id.to_string();
        let what = What {
            operation: "add voter",
            object: &object,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())
        })
        .await
    }

    /// Takes a voter's vote; id and directory must both match.
    pub async fn remove_voter(
        &self,
        cluster_id: Option<&str>,
        voter_id: i32,
        directory_id: Uuid,
    ) -> Result<(), Error> {
        let request = RemoveRaftVoterRequest {
            cluster_id: cluster_id.map(str::to_owned),
            voter_id,
            voter_directory_id: directory_id,
        };
        let object = voter_id.to_string();
        let what = What {
            operation: "remove voter",
            object: &object,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())
        })
        .await
    }

    /// Forgets a broker that will not come back.
    pub async fn unregister_broker(&self, broker_id: i32) -> Result<(), Error> {
        let object = broker_id.to_string();
        let what = What {
            operation: "unregister broker",
            object: &object,
            to: To::Controller,
        };
        self.write(what, UnregisterBrokerRequest { broker_id }, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())
        })
        .await
    }
}

fn parse(response: DescribeQuorumResponse) -> Result<Quorum, Cause> {
    Cause::check(response.error_code, response.error_message.as_deref())?;
    let partition = response
        .topics
        .into_iter()
        .flat_map(|topic| topic.partitions)
        .next();
    let partition = partition
        .ok_or_else(|| Cause::Nonsense("there is no metadata partition in it".to_owned()))?;
    Cause::check(partition.error_code, partition.error_message.as_deref())?;
    let nodes = response.nodes.into_iter().map(|node| QuorumNode {
        id: node.node_id,
        listeners: node
            .listeners
            .into_iter()
            .map(|listener| VoterEndpoint {
                name: listener.name,
                host: listener.host,
                port: listener.port,
            })
            .collect(),
    });
    Ok(Quorum {
        leader_id: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: partition.leader_epoch,
        high_watermark: partition.high_watermark,
        voters: sorted(partition.current_voters),
        observers: sorted(partition.observers),
        nodes: nodes.collect(),
    })
}

fn sorted(replicas: Vec<ReplicaState>) -> Vec<QuorumReplica> {
    let known = |value: i64| Some(value).filter(|value| *value >= 0);
    let mut replicas: Vec<QuorumReplica> = replicas
        .into_iter()
        .map(|replica| QuorumReplica {
            id: replica.replica_id,
            directory_id: Some(replica.replica_directory_id).filter(|id| !id.is_nil()),
            log_end_offset: known(replica.log_end_offset),
            last_fetch_ms: known(replica.last_fetch_timestamp),
            last_caught_up_ms: known(replica.last_caught_up_timestamp),
        })
        .collect();
    replicas.sort_by_key(|replica| (replica.id, replica.directory_id));
    replicas
}
