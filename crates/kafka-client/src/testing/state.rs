//! What the scripted Kafka knows. Every field is for tests to read and write.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use uuid::Uuid;

use crate::cluster::{NodeKind, VoterEndpoint};
use crate::error_code::ErrorCode;
use crate::messages::ApiKey;

/// The whole scripted cluster.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Its id.
    pub cluster_id: String,
    /// Its nodes by id.
    pub nodes: BTreeMap<i32, TestNode>,
    /// The quorum's leader; `None` while there is none.
    pub leader: Option<i32>,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// Who votes, by node id.
    pub voters: BTreeMap<i32, TestVoter>,
    /// Who follows without a vote, by node id.
    pub observers: BTreeMap<i32, TestVoter>,
    /// Features that nodes support: first and last level.
    pub supported_features: BTreeMap<String, (i16, i16)>,
    /// Features agreed on.
    pub finalized_features: BTreeMap<String, i16>,
    /// Topics by name.
    pub topics: BTreeMap<String, TestTopic>,
    /// Dynamic configuration of brokers; `None` is the cluster-wide default.
    pub broker_configs: BTreeMap<Option<i32>, BTreeMap<String, String>>,
    /// SCRAM users: mechanism number → iterations, by name.
    pub users: BTreeMap<String, BTreeMap<i8, i32>>,
    /// ACLs.
    pub acls: BTreeSet<crate::cluster::Acl>,
    /// Versions to offer instead of all we speak; an API mapped to `None` is not offered.
    pub versions: BTreeMap<ApiKey, Option<(i16, i16)>>,
    /// Answer these APIs with this code and change nothing, until removed.
    pub refuse: BTreeMap<ApiKey, ErrorCode>,
    /// Do not answer these APIs at all, until removed.
    pub hang: BTreeSet<ApiKey>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestNode {
    /// Where its broker listener answers; `None` if it is no broker.
    pub broker_at: Option<SocketAddr>,
    /// Where its controller listener answers; `None` if it is no controller.
    pub controller_at: Option<SocketAddr>,
    /// The host it advertises; its address if `None`.
    pub host: Option<String>,
    /// Its rack.
    pub rack: Option<String>,
    /// What stands in the file that it was started with.
    pub file_configs: BTreeMap<String, String>,
    /// How often its own configuration was altered, also where nothing changed by it.
    pub altered: u64,
    /// Whether it runs.
    pub is_up: bool,
    /// Whether the controller has fenced it.
    pub is_fenced: bool,
    /// Whether it is registered as a broker.
    pub is_registered: bool,
}

/// A replica of the metadata log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestVoter {
    /// Its directory.
    pub directory_id: Uuid,
    /// How far its log reaches.
    pub log_end_offset: i64,
    /// Where it listens.
    pub listeners: Vec<VoterEndpoint>,
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestTopic {
    /// Its id.
    pub id: Uuid,
    /// Its partitions, by index.
    pub partitions: Vec<TestPartition>,
    /// Its configuration.
    pub configs: BTreeMap<String, String>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestPartition {
    /// Its leader; `None` when offline.
    pub leader: Option<i32>,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Which of them are in sync.
    pub isr: Vec<i32>,
}

impl TestNode {
    /// A running node that is broker and controller at these addresses.
    pub fn new(broker_at: Option<SocketAddr>, controller_at: Option<SocketAddr>) -> Self {
        let is_registered = broker_at.is_some();
        Self {
            broker_at,
            controller_at,
            host: None,
            rack: None,
            file_configs: BTreeMap::new(),
            altered: 0,
            is_up: true,
            is_fenced: false,
            is_registered,
        }
    }

    /// Where the listener of this kind answers.
    pub fn address(&self, kind: NodeKind) -> Option<SocketAddr> {
        match kind {
            NodeKind::Brokers => self.broker_at,
            NodeKind::Controllers => self.controller_at,
        }
    }

    pub(super) fn set_address(&mut self, kind: NodeKind, address: SocketAddr) {
        match kind {
            NodeKind::Brokers => self.broker_at = Some(address),
            NodeKind::Controllers => self.controller_at = Some(address),
        }
    }

    pub(super) fn advertised(&self, kind: NodeKind) -> Option<(String, u16)> {
        let address = self.address(kind)?;
        Some((
            self.host
                .clone()
                .unwrap_or_else(|| address.ip().to_string()),
            address.port(),
        ))
    }
}

impl State {
    /// A healthy cluster of nodes that are both broker and controller, ids 0 and up, at 127.1.0.`id + 1`, broker
    /// listener 9091, controller listener 9090, `metadata.version` 27 and a dynamic quorum led by node 0.
    pub fn dual_role(nodes: u8) -> Self {
        let mut state = Self::empty("zlFXmVLFSNyDwbzFcEXUMQ");
        for id in 0..nodes {
            let at = |port| Some(SocketAddr::from(([127, 1, 0, id.saturating_add(1)], port)));
            state.add_node(i32::from(id), at(9091), at(9090));
        }
        state
    }

    /// A cluster without nodes.
    pub fn empty(cluster_id: &str) -> Self {
        let features = [
            ("metadata.version", (7, 29), 27),
            ("kraft.version", (0, 1), 1),
        ];
        Self {
            cluster_id: cluster_id.to_owned(),
            leader_epoch: 1,
            supported_features: features
                .iter()
                .map(|(name, range, _)| ((*name).to_owned(), *range))
                .collect(),
            finalized_features: features
                .iter()
                .map(|(name, _, level)| ((*name).to_owned(), *level))
                .collect(),
            ..Self::default()
        }
    }

    /// Adds a running node; with a controller address it becomes a voter, else an observer.
    pub fn add_node(
        &mut self,
        id: i32,
        broker_at: Option<SocketAddr>,
        controller_at: Option<SocketAddr>,
    ) {
        self.nodes
            .insert(id, TestNode::new(broker_at, controller_at));
        let directory_id = Uuid::from_u128(
            0xD1E0_0000_0000_4000_8000_0000_0000_0000 | u128::from(id.unsigned_abs()),
        );
        let listeners = controller_at.map(|at| VoterEndpoint {
            name: "CONTROLPLANE-9090".to_owned(),
            host: at.ip().to_string(),
            port: at.port(),
        });
        let replica = TestVoter {
            directory_id,
            log_end_offset: 100,
            listeners: listeners.into_iter().collect(),
        };
        if controller_at.is_some() {
            self.voters.insert(id, replica);
            self.leader.get_or_insert(id);
        } else {
            self.observers.insert(id, replica);
        }
    }

    /// Adds a topic whose replicas are spread over the registered brokers, all in sync.
    pub fn add_topic(&mut self, name: &str, partitions: usize, replication: usize) {
        let brokers: Vec<i32> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_registered)
            .map(|(id, _)| *id)
            .collect();
        let partitions = (0..partitions).map(|partition| {
            let replicas: Vec<i32> = brokers
                .iter()
                .cycle()
                .skip(partition)
                .take(replication.min(brokers.len()))
                .copied()
                .collect();
            TestPartition {
                leader: replicas.first().copied(),
                isr: replicas.clone(),
                replicas,
            }
        });
        let id = Uuid::from_u128(
            0x7091_0000_0000_4000_8000_0000_0000_0000 | (self.topics.len() as u128 + 1),
        );
        let topic = TestTopic {
            id,
            partitions: partitions.collect(),
            configs: BTreeMap::new(),
        };
        self.topics.insert(name.to_owned(), topic);
    }

    /// The node dies: fenced, out of every ISR it is not the last of, its leaderships passed on.
    pub fn stop(&mut self, id: i32) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.is_up = false;
            node.is_fenced = true;
        }
        for partition in self
            .topics
            .values_mut()
            .flat_map(|topic| &mut topic.partitions)
        {
            if partition.isr.len() > 1 {
                partition.isr.retain(|replica| *replica != id);
            }
            if partition.leader == Some(id) {
                partition.leader = partition.isr.iter().copied().find(|replica| *replica != id);
            }
        }
        if self.leader == Some(id) {
            self.elect();
        }
    }

    /// The node comes back, at once unfenced and in sync.
    pub fn start(&mut self, id: i32) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.is_up = true;
            node.is_fenced = false;
            node.is_registered = node.broker_at.is_some();
        }
        for partition in self
            .topics
            .values_mut()
            .flat_map(|topic| &mut topic.partitions)
        {
            if partition.replicas.contains(&id) {
                if !partition.isr.contains(&id) {
                    partition.isr.push(id);
                }
                partition.leader.get_or_insert(id);
            }
        }
        if self.leader.is_none() {
            self.elect();
        }
    }

    /// The lowest running voter leads, if a majority runs.
    pub fn elect(&mut self) {
        let is_up = |id: &i32| self.nodes.get(id).is_some_and(|node| node.is_up);
        let running: Vec<i32> = self.voters.keys().copied().filter(is_up).collect();
        self.leader = running
            .first()
            .copied()
            .filter(|_| running.len() * 2 > self.voters.len());
        self.leader_epoch += 1;
    }

    /// The running node that answers at this address, and as what.
    pub(super) fn at(&self, address: SocketAddr) -> Option<(i32, NodeKind)> {
        self.nodes
            .iter()
            .filter(|(_, node)| node.is_up)
            .find_map(|(id, node)| {
                if node.broker_at == Some(address) {
                    Some((*id, NodeKind::Brokers))
                } else if node.controller_at == Some(address) {
                    Some((*id, NodeKind::Controllers))
                } else {
                    None
                }
            })
    }
}
