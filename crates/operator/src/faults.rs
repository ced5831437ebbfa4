//! Faults on the way to Kubernetes and to Kafka, for tests.
//!
//! What it does: a tower layer in our Kubernetes client and a hook in the Kafka dialler ask a rule what shall happen to
//! each call. What it reads: the call, numbered in order. Invariant: without a rule there is no layer at all, so
//! production runs the plain client. Crash points are [`Fault::Hang`] and [`Fault::HangAfter`]: the call never
//! returns, the test then drops the operator, which is what a crash leaves behind.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::client::Body;
use tower::{BoxError, Service};

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The Kubernetes API server.
    Kubernetes,
    /// A Kafka node.
    Kafka,
    /// The runner beside a Kafka node.
    Runner,
}

/// One call, before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who is called.
    pub target: Target,
    /// Counted from 1 over all calls of this operator.
    pub number: u64,
    /// HTTP method, or `DIAL` for a connection to Kafka.
    pub verb: String,
    /// Path with query, or the address dialled.
    pub path: String,
}

impl Call {
    /// Whether this call changes something.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
    }

    /// Whether this call is only the heartbeat of the leader.
    pub fn is_heartbeat(&self) -> bool {
        self.path.contains("/leases/")
            || self
                .path
                .split('?')
                .next()
                .is_some_and(|path| path.ends_with("/leases"))
    }
}

/// What shall happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Fails and never reaches the other side.
    Fail,
    /// Answered by this status; never reaches the other side.
    Answer(StatusCode),
    /// Takes effect; the caller gets an error instead of the reply.
    LoseReply,
    /// Never reaches the other side and never returns: a crash before the call.
    Hang,
    /// Takes effect and never returns: a crash after it.
    HangAfter,
    /// Is made after this time.
    Delay(Duration),
}

/// The rule that decides, or none.
#[derive(Clone, Default)]
pub struct Faults {
    rule: Option<Arc<Rule>>,
}

struct Rule {
    judge: Box<dyn Fn(&Call) -> Fault + Send + Sync>,
    calls: AtomicU64,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.rule.is_some() {
            "Faults(a rule)"
        } else {
            "Faults(none)"
        })
    }
}

impl Faults {
    /// Asks `judge` about every call.
    pub fn judged_by(judge: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        Self {
            rule: Some(Arc::new(Rule {
                judge: Box::new(judge),
                calls: AtomicU64::new(0),
            })),
        }
    }

    /// `client` with the layer in it, or as it is where there is no rule.
    pub fn around(&self, client: kube::Client) -> kube::Client {
        if self.rule.is_none() {
            return client;
        }
        let namespace = client.default_namespace().to_owned();
        let inner = tower::service_fn(move |request: Request<Body>| {
            let client = client.clone();
            async move { client.send(request).await.map_err(BoxError::from) }
        });
        kube::Client::new(
            FaultyService {
                inner,
                faults: self.clone(),
            },
            namespace,
        )
    }

    /// Makes the call `verb path` to `target` under the rule.
    pub async fn pass<T, E>(
        &self,
        target: Target,
        verb: &str,
        path: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: From<Injected>,
    {
        match self.judge(target, verb, path) {
            Fault::Answer(status) => {
                Err(Injected(status.canonical_reason().unwrap_or("an error status")).into())
            }
            fault => carry_out(fault, call).await,
        }
    }

    /// The rule for calls that another client makes, or nothing where there is no rule.
    pub(crate) fn judge_of(
        &self,
        target: Target,
    ) -> Option<impl Fn(&str, &str) -> Fault + Send + Sync + 'static> {
        self.rule.as_ref()?;
        let faults = self.clone();
        Some(move |verb: &str, path: &str| faults.judge(target, verb, path))
    }

    fn judge(&self, target: Target, verb: &str, path: &str) -> Fault {
        let Some(rule) = &self.rule else {
            return Fault::None;
        };
        let number = rule.calls.fetch_add(1, Ordering::Relaxed) + 1;
        (rule.judge)(&Call {
            target,
            number,
            verb: verb.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Makes `call` under `fault`; an answer in its place is for the caller to give, here the call just fails.
async fn carry_out<T, E: From<Injected>>(
    fault: Fault,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match fault {
        Fault::None => call.await,
        Fault::Fail | Fault::Answer(_) => Err(Injected("the call was not made").into()),
        Fault::LoseReply => {
            drop(call.await?);
            Err(Injected("the reply was lost").into())
        }
        Fault::Hang => std::future::pending().await,
        Fault::HangAfter => {
            drop(call.await?);
            std::future::pending().await
        }
        Fault::Delay(duration) => {
            tokio::time::sleep(duration).await;
            call.await
        }
    }
}

/// The error a rule injects.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("injected fault: {0}")]
pub struct Injected(&'static str);

impl From<Injected> for std::io::Error {
    fn from(injected: Injected) -> Self {
        Self::other(injected)
    }
}

#[derive(Clone)]
struct FaultyService<S> {
    inner: S,
    faults: Faults,
}

impl<S> Service<Request<Body>> for FaultyService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The ready service makes this call; its clone waits for the next.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let faults = self.faults.clone();
        Box::pin(async move {
            let path = request
                .uri()
                .path_and_query()
                .map_or("", |path| path.as_str())
                .to_owned();
            match faults.judge(Target::Kubernetes, request.method().as_str(), &path) {
                Fault::Answer(status) => Ok(status_response(status)),
                fault => carry_out(fault, inner.call(request)).await,
            }
        })
    }
}

/// A Kubernetes `Status` for an injected answer.
fn status_response(status: StatusCode) -> Response<Body> {
    let reason = match status {
        StatusCode::CONFLICT => "Conflict",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::GONE => "Expired",
        _ => "InternalError",
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": status.as_u16(), "reason": reason, "message": "injected fault",
    });
    let mut response = Response::new(Body::from(body.to_string().into_bytes()));
    *response.status_mut() = status;
    response
}
