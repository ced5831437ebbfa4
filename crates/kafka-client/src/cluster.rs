//! A Kafka cluster as something to ask: finds the right node, connects, asks, reads the answer's error codes.
//!
//! Does: keeps one connection per node, made when first needed; routes each request to any node, to the active
//! controller or to one node by id; a group's coordinator is a node that [`Cluster::coordinator_of_group`] finds.
//! Reads: [`ClusterSettings`]. Invariants: a request that may have reached a broker is sent again only if it changes
//! nothing or the broker said that it is not the one to ask; host names from brokers are looked up in `names` first, so
//! no DNS is needed. Not here: the wire (`connection`); what can be asked is below, one noun each.
//!
//! A change is answered once the controllers have it. A broker sees it a moment later, so what is read right after a
//! change may be the state before it.

mod acls;
mod configs;
mod describe;
mod features;
mod groups;
mod leaders;
mod partitions;
mod quorum;
mod topics;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::connection::{Connection, Settings};
use crate::endpoint::Endpoint;
use crate::error::{Cause, Error, Retry};
use crate::error_code::ErrorCode;
use crate::wire::Request;

pub use acls::{Acl, AclFilter, AclOperation, AclPattern, AclPermission, AclResource};
pub use configs::{ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
pub use describe::{ClusterView, Node};
pub use features::{FeatureChange, Features};
pub use groups::Group;
pub(crate) use leaders::no_leader;
pub use leaders::{Leaders, OffsetSpec};
pub use partitions::{LogDir, LogDirReplica, Reassignment, TopicPartition};
pub use quorum::{Quorum, QuorumNode, QuorumReplica, VoterEndpoint};
pub use topics::{NewTopic, Partition, Topic, TopicCursor, TopicPage};
pub use users::ScramCredential;

/// How many times a request is tried when the cause says [`Retry::Soon`] and trying again is safe.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a cluster is and how to connect to it.
#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// Nodes to ask first; any one that answers is enough.
    pub bootstrap: Vec<Endpoint>,
    /// Whether these are brokers or controllers.
    pub kind: NodeKind,
    /// Addresses of host names that nodes advertise: looked up before DNS, and verified by that name.
    pub names: BTreeMap<String, IpAddr>,
    /// How connections are made.
    pub connection: Settings,
}

/// Brokers, or controllers through their own listener (KIP-919).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeKind {
    /// Brokers: they forward what only the controller may do.
    #[default]
    Brokers,
    /// Controllers: changes must go to the active one.
    Controllers,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Whoever answers first.
    Any,
    /// The active controller, or any broker, which forwards.
    Controller,
    /// This node.
    Node(i32),
}

/// A cluster that can be asked; clones share connections.
#[derive(Clone, Debug)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: ClusterSettings,
    /// One slot per endpoint; a slot's lock is held while dialling, so that many askers make one connection.
    slots: Mutex<BTreeMap<Endpoint, Slot>>,
    /// What the cluster last said about itself.
    view: Mutex<Option<ClusterView>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Connection>>>;

impl Cluster {
    /// A cluster; nothing is dialled yet.
    pub fn new(settings: ClusterSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                slots: Mutex::default(),
                view: Mutex::default(),
            }),
        }
    }

    /// How it was made.
    pub fn settings(&self) -> &ClusterSettings {
        &self.inner.settings
    }

    /// Sends one request and returns the answer, whose error codes are the caller's to read.
    ///
    /// Nodes that cannot be reached are passed over where `to` leaves a choice.
    pub async fn ask<R: Request + Clone>(&self, to: To, request: R) -> Result<R::Response, Error> {
        self.ask_within(to, request, self.inner.settings.connection.request_timeout)
            .await
    }

    /// As [`Self::ask`], with a deadline of its own for the request.
    pub async fn ask_within<R: Request + Clone>(
        &self,
        to: To,
        request: R,
        deadline: Duration,
    ) -> Result<R::Response, Error> {
        let connection = self.connection(to).await.map_err(|error| Error {
            operation: R::API.name(),
            ..error
        })?;
        connection.call_within(request, deadline).await
    }

    /// Asks for something that changes nothing: tried again while the cause says soon.
    pub(crate) async fn read<R: Request + Clone, T>(
        &self,
        what: What<'_>,
        request: R,
        answer: impl Fn(R::Response) -> Result<T, Cause>,
    ) -> Result<T, Error> {
        self.attempt(what, request, answer, may_ask_again).await
    }

    /// Asks for a change: tried again only where it surely was not carried out.
    pub(crate) async fn write<R: Request + Clone, T>(
        &self,
        what: What<'_>,
        request: R,
        answer: impl Fn(R::Response) -> Result<T, Cause>,
    ) -> Result<T, Error> {
        let was_not_done = |error: &Error| {
            error.cause.was_never_sent() && error.retry() == Retry::Soon
                || error.code().is_some_and(was_wrong_node)
        };
        self.attempt(what, request, answer, was_not_done).await
    }

    async fn attempt<R: Request + Clone, T>(
        &self,
        what: What<'_>,
        request: R,
        answer: impl Fn(R::Response) -> Result<T, Cause>,
        again: impl Fn(&Error) -> bool,
    ) -> Result<T, Error> {
        let What {
            operation,
            object,
            to,
        } = what;
        let mut pause = PAUSE;
        for attempt in 1.. {
            let asked = Box::pin(self.ask(to, request.clone())).await;
            let error = match asked.and_then(|response| {
                answer(response).map_err(|cause| Error {
                    operation,
                    object: None,
                    broker: self.named(to),
                    cause,
                })
            }) {
                Ok(answer) => return Ok(answer),
                Err(error) => error.about(operation, object),
            };
            if error.code().is_some_and(was_wrong_node) {
                self.forget_view();
            }
            if attempt >= ATTEMPTS || !again(&error) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        Err(Error::new(operation, Cause::Closed).about(operation, object))
    }

    fn named(&self, to: To) -> Option<String> {
        match to {
            To::Node(id) => Some(format!("node {id}")),
            To::Any | To::Controller => {
                let first = self.inner.settings.bootstrap.first()?;
                Some(format!("the cluster of {first}"))
            }
        }
    }

    /// A usable connection to a node of this kind.
    pub async fn connection(&self, to: To) -> Result<Connection, Error> {
        match to {
            To::Any => self.any().await,
            To::Controller => match self.inner.settings.kind {
                NodeKind::Brokers => self.any().await,
                NodeKind::Controllers => {
                    let view = self.view().await?;
                    let id = view.controller_id.ok_or_else(|| {
                        Error::new(
                            "find the controller",
                            Cause::Nobody("no controller is active".to_owned()),
                        )
                    })?;
                    self.node(id).await
                }
            },
            To::Node(id) => self.node(id).await,
        }
    }

    async fn node(&self, id: i32) -> Result<Connection, Error> {
        let mut view = self.view().await?;
        if view.node(id).is_none() {
            self.forget_view();
            view = self.view().await?;
        }
        let node = view.node(id).ok_or_else(|| {
            let known: Vec<String> = view.nodes.iter().map(|node| node.id.to_string()).collect();
            let known = known.join(", ");
            Error::new(
                "find node",
                Cause::Nobody(format!("the cluster has no node {id}, only {known}")),
            )
        })?;
        let endpoint = self.endpoint_of(&node.host, node.port).await?;
        let connected = self.connect(&endpoint).await;
        if connected.is_err() {
            // It may have moved to another address.
            self.forget_view();
        }
        connected
    }

    /// The cached view, or a fresh one.
    async fn view(&self) -> Result<ClusterView, Error> {
        let cached = self
            .inner
            .view
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match cached {
            Some(view) => Ok(view),
            None => Box::pin(self.describe_cluster()).await,
        }
    }

    pub(crate) fn forget_view(&self) {
        *self
            .inner
            .view
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remember(&self, view: &ClusterView) {
        *self
            .inner
            .view
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(view.clone());
    }

    /// Whoever answers: nodes we are connected to first, then the bootstrap list in its order.
    async fn any(&self) -> Result<Connection, Error> {
        if let Some(connection) = self.connected() {
            return Ok(connection);
        }
        let mut last = None;
        let mut tried = BTreeSet::new();
        for endpoint in &self.inner.settings.bootstrap {
            if !tried.insert(endpoint) {
                continue;
            }
            match self.connect(endpoint).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            Error::new(
                "connect",
                Cause::Input("there is no bootstrap address".to_owned()),
            )
        }))
    }

    fn connected(&self) -> Option<Connection> {
        let slots: Vec<Slot> = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        for slot in slots {
            let Ok(slot) = slot.try_lock() else { continue };
            if let Some(connection) = slot.as_ref().filter(|connection| connection.is_usable()) {
                return Some(connection.clone());
            }
        }
        None
    }

    /// The connection to this endpoint, made if there is none.
    async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        let slot = {
            let mut slots = self
                .inner
                .slots
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Nodes that moved or went leave their slots behind; a locked slot is being dialled.
            slots.retain(|known, slot| {
                known == endpoint
                    || slot.try_lock().map_or(true, |slot| {
                        slot.as_ref().is_some_and(Connection::is_usable)
                    })
            });
            Arc::clone(slots.entry(endpoint.clone()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| connection.is_usable()) {
            return Ok(connection.clone());
        }
        *slot = None;
        let connection = Connection::dial(endpoint, &self.inner.settings.connection)
            .await
            .inspect_err(
                |error| tracing::debug!(%endpoint, error = error.report(), "not connected"),
            )?;
        tracing::debug!(%endpoint, "connected");
        *slot = Some(connection.clone());
        Ok(connection)
    }

    /// The endpoint of an advertised host name or address.
    async fn endpoint_of(&self, host: &str, port: u16) -> Result<Endpoint, Error> {
        let known = self
            .inner
            .settings
            .names
            .get(host)
            .copied()
            .or_else(|| host.parse().ok());
        if let Some(address) = known {
            return Ok(Endpoint::new(SocketAddr::new(address, port), host));
        }
        let known = self
            .inner
            .settings
            .bootstrap
            .iter()
            .find(|endpoint| endpoint.server_name == host);
        if let Some(endpoint) = known {
            return Ok(Endpoint::new(
                SocketAddr::new(endpoint.address.ip(), port),
                host,
            ));
        }
        let failed = |error: std::io::Error| {
            Error::new("look up", Cause::Dial(Arc::new(error)))
                .about("look up", format!("{host}:{port}"))
        };
        let mut found = tokio::net::lookup_host((host, port))
            .await
            .map_err(failed)?;
        let nobody = || failed(std::io::Error::from(std::io::ErrorKind::NotFound));
        found
            .next()
            .map(|address| Endpoint::new(address, host))
            .ok_or_else(nobody)
    }

    /// The time limit that a request carries inside, a little below our own.
    pub(crate) fn timeout_ms(&self) -> i32 {
        let timeout = self
            .inner
            .settings
            .connection
            .request_timeout
            .mul_f64(0.8)
            .as_millis();
        i32::try_from(timeout).unwrap_or(i32::MAX)
    }
}

/// A deadline that has passed was long enough already.
fn may_ask_again(error: &Error) -> bool {
    error.retry() == Retry::Soon && !matches!(error.cause, Cause::Deadline(_))
}

/// The node was asked for something that is another's to answer: it did nothing.
fn was_wrong_node(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotController
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
    )
}

/// What an operation is called in errors, and whom it is put to.
#[derive(Clone, Debug)]
pub(crate) struct What<'a> {
    pub(crate) operation: &'static str,
    pub(crate) object: &'a str,
    pub(crate) to: To,
}
