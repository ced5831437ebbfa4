//! One connection to one broker: dialled, verified, authenticated, its versions known.
//!
//! Does: dials an [`Endpoint`], speaks TLS and SASL, learns the broker's API versions, then answers [`Connection::call`]
//! from many tasks at once (pipelined). Reads: [`Settings`]. Invariants: answers match requests by correlation id and
//! order; every wait has a deadline; a request that misses its deadline breaks the connection, for Kafka answers in
//! order and all later ones would wait too; queue and frames are bounded. Not here: which broker to ask (`cluster`).
//!
//! ```text
//!  call ─► encode ─► queue (bounded) ─► driver task ─► socket
//!    ▲                                     │ correlation id = oldest unanswered?
//!    └────────── decode ◄── oneshot ◄──────┘
//! ```

mod dial;
mod driver;
mod sasl;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::error::{Cause, Error};
use crate::fault::{Fault, FaultPoint, Faults};
use crate::messages::{ApiKey, ApiVersionsResponse};
use crate::network::Network;
use crate::scram::ScramMechanism;
use crate::tls::Tls;
use crate::wire::{Message as _, Request, WireError, decode_response, encode_request};
use driver::Job;

#[cfg(any(test, feature = "test-broker"))]
pub(crate) use driver::take_frame;

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What we call ourselves in the broker's logs and quotas.
    pub client_id: String,
    /// TLS; without it the connection is plain.
    pub tls: Option<Tls>,
    /// SASL; without it the listener must not ask for it.
    pub sasl: Option<Sasl>,
    /// Bound on TCP, TLS, version negotiation and SASL together.
    pub dial_timeout: Duration,
    /// Bound on one request, from queue to answer.
    pub request_timeout: Duration,
    /// The longest answer that is accepted, in bytes.
    pub max_frame_bytes: usize,
    /// How many requests may be unanswered on one connection; further ones queue, as many again.
    pub max_in_flight: usize,
    /// Faults on purpose, for tests.
    pub faults: Faults,
    /// The network to dial on.
    pub network: Network,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "klamm".to_owned(),
            tls: None,
            sasl: None,
            dial_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            max_frame_bytes: 32 * 1024 * 1024,
            max_in_flight: 16,
            faults: Faults::default(),
            network: Network::default(),
        }
    }
}

/// Who we are to a SASL listener.
#[derive(Clone)]
pub enum Sasl {
    /// User and password, sent as they are: only over TLS or in tests.
    Plain {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A challenge in which the password is never sent, and the broker proves that it knows it.
    Scram {
        /// Which hash.
        mechanism: ScramMechanism,
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain {
                username,
                password: _,
            } => write!(f, "PLAIN as {username}"),
            Self::Scram {
                mechanism,
                username,
                password: _,
            } => write!(f, "{} as {username}", mechanism.name()),
        }
    }
}

/// A connection that answers requests; clones share it. It closes when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    settings: Settings,
    jobs: mpsc::Sender<Job>,
    abort: Arc<Notify>,
    /// Set at once when we give the connection up; the driver notices a moment later.
    is_given_up: AtomicBool,
    next_id: AtomicI32,
    /// What the broker speaks: api key → first and last version.
    versions: BTreeMap<i16, (i16, i16)>,
    api_versions: ApiVersionsResponse,
    /// When a SASL session must be over (KIP-368).
    expires: Option<Instant>,
}

impl Connection {
    /// Connects, within `settings.dial_timeout`.
    pub async fn dial(endpoint: &Endpoint, settings: &Settings) -> Result<Self, Error> {
        let error = |cause| Error::new("connect", cause).at(endpoint);
        let dialled = tokio::time::timeout(
            settings.dial_timeout,
            Box::pin(dial::dial(endpoint, settings)),
        )
        .await;
        dialled
            .map_err(|_| error(Cause::Deadline(settings.dial_timeout)))?
            .map_err(error)
    }

    /// Whom we are connected to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Whether requests can still be sent: not broken, and its SASL session not near its end.
    pub fn is_usable(&self) -> bool {
        let expired = self
            .shared
            .expires
            .is_some_and(|expires| Instant::now() >= expires);
        !self.shared.jobs.is_closed()
            && !self.shared.is_given_up.load(Ordering::Relaxed)
            && !expired
    }

    /// What the broker said about its versions and features when we connected.
    pub fn api_versions(&self) -> &ApiVersionsResponse {
        &self.shared.api_versions
    }

    /// The version that a request of this kind will be sent in.
    pub fn version_of<R: Request>(&self) -> Result<i16, Cause> {
        let ours = (*R::VERSIONS.start(), *R::VERSIONS.end());
        let theirs = self.shared.versions.get(&(R::API as i16)).copied();
        match theirs {
            Some((first, last)) if first <= ours.1 && last >= ours.0 => Ok(last.min(ours.1)),
            other => Err(Cause::UnsupportedApi {
                api: R::API.name(),
                ours,
                theirs: other.map_or("no version of it".to_owned(), |(first, last)| {
                    format!("{first} to {last}")
                }),
            }),
        }
    }

    /// Sends one request and waits for its answer, within `settings.request_timeout`.
    pub async fn call<R: Request>(&self, request: R) -> Result<R::Response, Error> {
        self.call_within(request, self.shared.settings.request_timeout)
            .await
    }

    /// As [`Self::call`], with a deadline of its own.
    pub async fn call_within<R: Request>(
        &self,
        mut request: R,
        deadline: Duration,
    ) -> Result<R::Response, Error> {
        let answer = async {
            let version = self.version_of::<R>()?;
            let frame = self.exchange(&mut request, version, deadline).await?;
            let wire = |source| Cause::Wire {
                message: R::Response::NAME,
                version,
                source,
            };
            decode_response::<R::Response>(&frame, version)
                .map(|(_, response)| response)
                .map_err(wire)
        };
        answer
            .await
            .map_err(|cause| Error::new(R::API.name(), cause).at(&self.shared.endpoint))
    }

    async fn exchange<R: Request>(
        &self,
        request: &mut R,
        version: i16,
        deadline: Duration,
    ) -> Result<Bytes, Cause> {
        let shared = &self.shared;
        let correlation_id = shared.next_id.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let wire = |source: WireError| Cause::Wire {
            message: R::NAME,
            version,
            source,
        };
        let frame = encode_request(request, version, correlation_id, &shared.settings.client_id)
            .map_err(wire)?;
        let fault = shared.settings.faults.at(FaultPoint::Request {
            endpoint: &shared.endpoint,
            api: R::API,
        });
        let exchange = async {
            match fault {
                None | Some(Fault::LoseReply) => {}
                Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
                Some(Fault::Refuse) => {
                    shared.give_up();
                    return Err(Cause::Closed);
                }
            }
            let (reply, answer) = oneshot::channel();
            shared
                .jobs
                .send(Job {
                    correlation_id,
                    frame,
                    reply,
                })
                .await
                .map_err(|_| Cause::Closed)?;
            answer.await.map_err(|_| Cause::Closed)?
        };
        let answer = tokio::time::timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| {
                shared.give_up();
                Err(Cause::Deadline(deadline))
            });
        if fault == Some(Fault::LoseReply) {
            shared.give_up();
            return Err(Cause::Closed);
        }
        answer
    }

    /// Whether the broker speaks this API at all.
    pub fn has_api(&self, api: ApiKey) -> bool {
        self.shared.versions.contains_key(&(api as i16))
    }
}

impl Shared {
    fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
        self.abort.notify_one();
    }
}
