//! A scripted Kafka: answers admin requests from a state in memory that tests read and change.
//!
//! Does: serves every node of a [`State`] in memory ([`TestCluster::network`]) or on real sockets
//! ([`TestCluster::listen`]); carries requests out on the state at once, with Kafka's error codes for the wrong ones.
//! Reads: requests, through the same bounded decoder as everything else. Invariants: nothing changes but by a request
//! or by the test; a node that is down neither accepts nor answers. Not here: logs and records, elections with time,
//! authorization: for those there is real Kafka (`tests/it.rs`).

mod cluster;
mod configs;
mod quorum;
mod serve;
mod state;
mod topics;
mod users;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::cluster::{ClusterSettings, NodeKind};
use crate::connection::Settings;
use crate::endpoint::Endpoint;
use crate::messages::ApiKey;
use crate::network::Network;

pub use state::{State, TestNode, TestPartition, TestTopic, TestVoter};

/// How much of an unread answer a stream in memory holds.
const DUPLEX_BYTES: usize = 64 * 1024;

/// A scripted cluster; clones share it.
#[derive(Clone, Debug)]
pub struct TestCluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    asked: Mutex<Vec<Asked>>,
    listeners: Mutex<JoinSet<()>>,
}

/// A request that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which node was asked.
    pub node: i32,
    /// What.
    pub api: ApiKey,
}

impl TestCluster {
    /// A cluster in this state.
    pub fn new(state: State) -> Self {
        let shared = Shared {
            state: Mutex::new(state),
            asked: Mutex::default(),
            listeners: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The state, to read or to change; requests wait while it is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Every request so far, ApiVersions left out; the record is emptied.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(
            &mut self
                .shared
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The network on which its nodes answer, in memory, at the addresses that the state gives them.
    ///
    /// Must be used inside a tokio runtime: every dial spawns a task.
    pub fn network(&self) -> Network {
        let cluster = self.clone();
        Network::in_memory(move |address| {
            let (node, kind) = cluster
                .state()
                .at(address)
                .ok_or(io::ErrorKind::ConnectionRefused)?;
            let (ours, theirs) = tokio::io::duplex(DUPLEX_BYTES);
            tokio::spawn(serve::serve(cluster.clone(), node, kind, theirs));
            Ok(ours)
        })
    }

    /// Settings for a client of it in memory, by its brokers or its controllers.
    pub fn client(&self, kind: NodeKind) -> ClusterSettings {
        let connection = Settings {
            network: self.network(),
            ..Settings::default()
        };
        let addresses: Vec<SocketAddr> = self
            .state()
            .nodes
            .values()
            .filter_map(|node| node.address(kind))
            .collect();
        let bootstrap = addresses.into_iter().map(Endpoint::from).collect();
        ClusterSettings {
            bootstrap,
            kind,
            connection,
            ..ClusterSettings::default()
        }
    }

    /// Serves a node on a real loopback socket too, and records its address in the state.
    pub async fn listen(&self, node: i32, kind: NodeKind) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        if let Some(node) = self.state().nodes.get_mut(&node) {
            node.set_address(kind, address);
        }
        let weak = Arc::downgrade(&self.shared);
        let mut listeners = self
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(shared) = weak.upgrade() else { return };
                let cluster = Self { shared };
                if cluster.state().at(address).is_some() {
                    tokio::spawn(serve::serve(cluster, node, kind, stream));
                }
            }
        });
        Ok(address)
    }

    fn record(&self, asked: Asked) {
        if asked.api != ApiKey::ApiVersions {
            self.shared
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(asked);
        }
    }
}
