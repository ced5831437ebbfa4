//! What is asked of etcd: ranges, guarded transactions, one watch, leases.
//!
//! Every call goes to one member; when it fails in a way that another member might not, the next call goes to the next one.
//! A call that fails says whether it was certainly not done, or may have been: only the caller knows how to find out.

mod access;
mod credentials;
mod messages;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use access::Access;
pub use access::{EtcdSettings, InvalidEndpoint};
use credentials::{Credentials, Login, Token, is_stale};
use messages::{
    AuthenticateRequest, AuthenticateResponse, LeaseGrantRequest, LeaseGrantResponse, LeaseRequest,
    LeaseRevokeResponse, WatchCreateRequest, WatchRequest,
};
pub(crate) use messages::{
    Compare, DeleteRangeRequest, Event, KeyValue, LeaseKeepAliveResponse, PutRequest, RangeRequest,
    RangeResponse, RequestOp, RequestOpKind, TxnRequest, TxnResponse, WatchResponse,
};

/// How long one call may take before the next member is asked.
const CALL: Duration = Duration::from_secs(4);
/// Bytes of one answer: a page of the tree, or a burst of changes.
const LARGEST_ANSWER: usize = 1 << 30;

/// Where etcd looks for a token.
const TOKEN: &str = "token";

/// A call to etcd failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EtcdError {
    /// It was not done, and asking again would not help.
    #[error("etcd refused {call}: {message}")]
    Refused {
        call: &'static str,
        code: Code,
        message: String,
    },
    /// It may or may not have been done.
    #[error("etcd did not answer {call} at {endpoint}: {message}")]
    Unanswered {
        call: &'static str,
        endpoint: String,
        message: String,
    },
}

/// Access to etcd; exchanged as a whole when certificates or the user change.
pub(crate) struct Etcd {
    access: watch::Sender<Arc<Access>>,
    current: AtomicUsize,
}

impl Etcd {
    /// Checks what was given; opens nothing yet.
    pub(crate) fn new(settings: &EtcdSettings) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            access: watch::Sender::new(Arc::new(Access::new(settings)?)),
            current: AtomicUsize::new(0),
        })
    }

    /// From now on with these certificates, as this user. What is under way ends as it began.
    pub(crate) fn renew(&self, settings: &EtcdSettings) -> Result<(), InvalidEndpoint> {
        self.access.send_replace(Arc::new(Access::new(settings)?));
        Ok(())
    }

    /// Waits until [`Self::renew`] was called after this was.
    pub(crate) fn renewed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut access = self.access.subscribe();
        async move {
            let _ = access.changed().await;
        }
    }

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.borrow())
    }

    /// The member of `index` did not serve: the next call goes to the next one.
    fn leave(&self, index: usize) {
        let next = (index + 1) % self.access().members.len();
        let _ = self
            .current
            .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Turns to the next member, for callers that notice by themselves that this one does not serve.
    pub(crate) fn turn(&self) {
        self.leave(self.current.load(Ordering::Relaxed));
    }

    fn failed(&self, call: &'static str, index: usize, status: &Status) -> EtcdError {
        // The cause of a connection that fails is further down.
        let message = match std::error::Error::source(status) {
            Some(cause) => format!("{}: {}", status.message(), chain(cause)),
            None => status.message().to_owned(),
        };
        if is_definite(status.code()) {
            return EtcdError::Refused {
                call,
                code: status.code(),
                message,
            };
        }
        let endpoint = self.access().member(index).url.clone();
        self.leave(index);
        EtcdError::Unanswered {
            call,
            endpoint,
            message,
        }
    }

    /// One call, as the user we are to etcd if there is one; a token that has run out is renewed once.
    async fn call<Q, A>(
        &self,
        call: &'static str,
        path: &'static str,
        request: Q,
    ) -> Result<A, EtcdError>
    where
        Q: prost::Message + Clone + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let access = self.access();
        let Some(credentials) = &access.credentials else {
            return self.call_once(&access, call, path, request, None).await;
        };
        let login = self.log_in(&access, credentials).await?;
        let token = login.clone().into_token();
        let answer = self
            .call_once(&access, call, path, request.clone(), token)
            .await;
        match answer {
            Err(error) if is_stale(&error) => {
                credentials.forget(&login);
                let token = self.log_in(&access, credentials).await?.into_token();
                self.call_once(&access, call, path, request, token).await
            }
            answer => answer,
        }
    }

    async fn call_once<Q, A>(
        &self,
        access: &Access,
        call: &'static str,
        path: &'static str,
        request: Q,
        token: Option<Token>,
    ) -> Result<A, EtcdError>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let index = self.current.load(Ordering::Relaxed);
        let mut grpc = tonic::client::Grpc::new(access.member(index).channel.clone())
            .max_decoding_message_size(LARGEST_ANSWER);
        let answer = async {
            grpc.ready()
                .await
                .map_err(|error| Status::unavailable(chain(&error)))?;
            let mut request = Request::new(request);
            if let Some(token) = token {
                request.metadata_mut().insert(TOKEN, token);
            }
            let codec = ProstCodec::<Q, A>::default();
            grpc.unary(request, PathAndQuery::from_static(path), codec)
                .await
        };
        match tokio::time::timeout(CALL, answer).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(self.failed(call, index, &status)),
            Err(_) => {
                Err(self.failed(call, index, &Status::deadline_exceeded("no answer in time")))
            }
        }
    }

    /// What says who we are, if anybody asks.
    async fn log_in(&self, access: &Access, credentials: &Credentials) -> Result<Login, EtcdError> {
        match credentials.login() {
            Login::Needed => {}
            login @ (Login::NotAsked | Login::Token(_)) => return Ok(login),
        }
        let (name, password) = credentials.user();
        let request = AuthenticateRequest { name, password };
        let path = "/etcdserverpb.Auth/Authenticate";
        let answer: Result<AuthenticateResponse, EtcdError> =
            self.call_once(access, "a login", path, request, None).await;
        match answer {
            Ok(answer) => Ok(credentials.keep(&answer.token)),
            // As etcd's own client does: whoever may do everything needs no token.
            Err(EtcdError::Refused { message, .. }) if message.contains("is not enabled") => {
                Ok(credentials.not_asked())
            }
            Err(error) => Err(error),
        }
    }

    /// The next call gets itself a new token.
    pub(crate) fn log_in_again(&self) {
        if let Some(credentials) = &self.access().credentials {
            credentials.forget(&credentials.login());
        }
    }

    /// Reads keys, linearizably.
    pub(crate) async fn range(&self, request: RangeRequest) -> Result<RangeResponse, EtcdError> {
        self.call("a read", "/etcdserverpb.KV/Range", request).await
    }

    /// A guarded transaction.
    pub(crate) async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, EtcdError> {
        self.call("a transaction", "/etcdserverpb.KV/Txn", request)
            .await
    }

    /// A new lease of this id.
    pub(crate) async fn grant(&self, id: i64, ttl_seconds: i64) -> Result<(), EtcdError> {
        let request = LeaseGrantRequest {
            ttl: ttl_seconds,
            id,
        };
        let _: LeaseGrantResponse = self
            .call("a lease", "/etcdserverpb.Lease/LeaseGrant", request)
            .await?;
        Ok(())
    }

    /// Ends a lease.
    pub(crate) async fn revoke(&self, id: i64) -> Result<(), EtcdError> {
        let _: LeaseRevokeResponse = self
            .call(
                "the end of a lease",
                "/etcdserverpb.Lease/LeaseRevoke",
                LeaseRequest { id },
            )
            .await?;
        Ok(())
    }

    async fn stream<Q, A>(
        &self,
        call: &'static str,
        path: &'static str,
        requests: mpsc::Receiver<Q>,
    ) -> Result<Streaming<A>, EtcdError>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let access = self.access();
        let login = match &access.credentials {
            Some(credentials) => self.log_in(&access, credentials).await?,
            None => Login::NotAsked,
        };
        let index = self.current.load(Ordering::Relaxed);
        let mut grpc = tonic::client::Grpc::new(access.member(index).channel.clone())
            .max_decoding_message_size(LARGEST_ANSWER);
        let answer = async {
            grpc.ready()
                .await
                .map_err(|error| Status::unavailable(chain(&error)))?;
            let mut request = Request::new(ReceiverStream::new(requests));
            // A member that has no leader ends the stream instead of being silent.
            request
                .metadata_mut()
                .insert("hasleader", MetadataValue::from_static("true"));
            if let Some(token) = login.clone().into_token() {
                request.metadata_mut().insert(TOKEN, token);
            }
            let codec = ProstCodec::<Q, A>::default();
            grpc.streaming(request, PathAndQuery::from_static(path), codec)
                .await
        };
        let answer = match tokio::time::timeout(CALL, answer).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(self.failed(call, index, &status)),
            Err(_) => {
                Err(self.failed(call, index, &Status::deadline_exceeded("no answer in time")))
            }
        };
        if let Some(credentials) = &access.credentials
            && answer.as_ref().is_err_and(is_stale)
        {
            credentials.forget(&login);
        }
        answer
    }

    /// Watches all keys from `key` up to `range_end`, from this revision on.
    pub(crate) async fn watch(
        &self,
        key: Vec<u8>,
        range_end: Vec<u8>,
        start_revision: i64,
    ) -> Result<WatchStream, EtcdError> {
        let (requests, receiver) = mpsc::channel(1);
        let create = WatchCreateRequest {
            key,
            range_end,
            start_revision,
            fragment: true,
        };
        let _ = requests
            .send(WatchRequest {
                create: Some(create),
            })
            .await;
        let answers = self
            .stream("a watch", "/etcdserverpb.Watch/Watch", receiver)
            .await?;
        Ok(WatchStream {
            answers,
            _open: requests,
        })
    }

    /// A stream on which leases are kept alive.
    pub(crate) async fn keep_alive(&self) -> Result<KeepAliveStream, EtcdError> {
        let (requests, receiver) = mpsc::channel::<LeaseRequest>(KEEP_ALIVE_QUEUE);
        // etcd is silent, headers included, until it is asked something: of a lease that no session has.
        let _ = requests.send(LeaseRequest { id: 1 }).await;
        let answers = self
            .stream(
                "keeping leases",
                "/etcdserverpb.Lease/LeaseKeepAlive",
                receiver,
            )
            .await?;
        Ok(KeepAliveStream { requests, answers })
    }
}

/// Keep-alives on their way.
const KEEP_ALIVE_QUEUE: usize = 1024;

/// Changes as they happen.
pub(crate) struct WatchStream {
    answers: Streaming<WatchResponse>,
    /// etcd ends a stream when our side of it ends.
    _open: mpsc::Sender<WatchRequest>,
}

impl WatchStream {
    /// The next answer, put together again if it came in fragments.
    pub(crate) async fn next(&mut self) -> Result<WatchResponse, String> {
        let mut whole: Option<WatchResponse> = None;
        loop {
            let mut part = match self.answers.message().await {
                Ok(Some(part)) => part,
                Ok(None) => return Err("the stream ended".to_owned()),
                Err(status) => return Err(status.message().to_owned()),
            };
            let more = part.fragment;
            if let Some(mut first) = whole.take() {
                first.events.append(&mut part.events);
                part = first;
            }
            if !more {
                return Ok(part);
            }
            whole = Some(part);
        }
    }
}

/// Leases kept alive.
pub(crate) struct KeepAliveStream {
    requests: mpsc::Sender<LeaseRequest>,
    answers: Streaming<LeaseKeepAliveResponse>,
}

impl KeepAliveStream {
    /// Where requests go and answers come from.
    pub(crate) fn split(self) -> (KeepAliveSender, Streaming<LeaseKeepAliveResponse>) {
        (KeepAliveSender(self.requests), self.answers)
    }
}

/// Asks for leases to be kept.
pub(crate) struct KeepAliveSender(mpsc::Sender<LeaseRequest>);

impl KeepAliveSender {
    /// Refreshes one lease; false when the stream has ended.
    pub(crate) async fn send(&self, id: i64) -> bool {
        self.0.send(LeaseRequest { id }).await.is_ok()
    }
}

/// Whether an error of this kind says that the call was not done.
fn is_definite(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
    )
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// The condition that `key` last changed in this revision; zero: that it does not exist.
pub(crate) fn unchanged(key: Vec<u8>, mod_revision: i64) -> Compare {
    Compare {
        result: 0,
        target: 2,
        key,
        mod_revision: Some(mod_revision),
    }
}

/// Puts a key.
pub(crate) fn put(key: Vec<u8>, value: Vec<u8>, lease: i64) -> RequestOp {
    RequestOp {
        request: Some(RequestOpKind::Put(PutRequest { key, value, lease })),
    }
}

/// Deletes a key.
pub(crate) fn delete(key: Vec<u8>) -> RequestOp {
    RequestOp {
        request: Some(RequestOpKind::Delete(DeleteRangeRequest { key })),
    }
}

/// Reads one key in a transaction.
pub(crate) fn get(key: Vec<u8>) -> RequestOp {
    RequestOp {
        request: Some(RequestOpKind::Range(one(key))),
    }
}

/// One key.
pub(crate) fn one(key: Vec<u8>) -> RangeRequest {
    RangeRequest {
        key,
        ..RangeRequest::default()
    }
}
