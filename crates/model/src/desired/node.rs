//! A Kafka node: its number, what it does, and what its Pod is called.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{ClusterName, PoolName};

/// Kafka's `node.id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub i32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One entry of the annotations `strimzi.io/next-node-ids` and `strimzi.io/remove-node-ids`.
///
/// `first > last` counts downwards; a single id is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeIdRange {
    /// Where the range begins.
    pub first: NodeId,
    /// Where it ends, inclusive.
    pub last: NodeId,
}

/// What a node does; there is no node that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Roles {
    /// Votes on metadata, serves no clients.
    Controller,
    /// Serves clients, does not vote.
    Broker,
    /// Both in one process.
    Combined,
}

impl Roles {
    /// Whether it is part of the controller quorum.
    pub const fn is_controller(self) -> bool {
        matches!(self, Self::Controller | Self::Combined)
    }

    /// Whether it holds partitions and serves clients.
    pub const fn is_broker(self) -> bool {
        matches!(self, Self::Broker | Self::Combined)
    }

    /// Kafka's `process.roles`.
    pub const fn process_roles(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Broker => "broker",
            Self::Combined => "broker,controller",
        }
    }
}

/// A node with its place: what the planner decided about ids, applied to a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    /// Its number, unique in the cluster.
    pub id: NodeId,
    /// The pool it belongs to.
    pub pool: PoolName,
    /// What it does.
    pub roles: Roles,
}

impl Node {
    /// Name of its Pod, ConfigMap and Secret: `<cluster>-<pool>-<id>`.
    pub fn pod_name(&self, cluster: &ClusterName) -> String {
        let Self { id, pool, roles: _ } = self;
        format!("{cluster}-{pool}-{id}")
    }
}
