//! The kubelet endpoint: what an API server asks a node for. HTTPS on the node's loopback address.
//!
//! Callers show a certificate of the CA they share with us, and the API server says that they may; or a token. A
//! loopback address is reachable by every user of the machine, and exec is a shell. Only `/healthz` is open.

mod callers;
mod exec;
#[cfg(fuzzing)]
pub mod fuzzing;
mod logs;
mod port_forward;
mod spdy;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::callers::Caller;
use crate::container::attempt::ContainerDir;
use crate::context::Context;
use crate::pod::sandbox::PodDir;

/// A client that does not finish its handshake is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the endpoint cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken.
    #[error("the kubelet endpoint cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Certificates or keys cannot be used.
    #[error("the kubelet endpoint's certificate: {0}")]
    Certificate(String),
}

/// A bound endpoint, not serving yet.
pub(crate) struct Listener(TcpListener);

/// Takes the port. One that is taken by somebody else is replaced by a free one, unless a free one was asked for.
pub(crate) async fn bind(node: Ipv4Addr, port: u16) -> Result<Listener, ServeError> {
    let address = SocketAddr::from((node, port));
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Listener(listener)),
        Err(source) if port == 0 => Err(ServeError::Listen { address, source }),
        Err(_) => {
            let address = SocketAddr::from((node, 0));
            TcpListener::bind(address)
                .await
                .map(Listener)
                .map_err(|source| ServeError::Listen { address, source })
        }
    }
}

impl Listener {
    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().map_or(0, |address| address.port())
    }

    /// Serves until `stop`.
    pub(crate) fn serve(
        self,
        context: Arc<Context>,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send, ServeError> {
        let acceptor = TlsAcceptor::from(tls::server_config(&context.settings, context.node_ip())?);
        let router = router(context);
        Ok(async move {
            let mut connections = JoinSet::new();
            loop {
                let accepted = tokio::select! {
                    accepted = self.0.accept() => accepted,
                    Some(_) = connections.join_next() => continue,
                    () = stop.cancelled() => return,
                };
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (acceptor, router) = (acceptor.clone(), router.clone());
                connections.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let Ok(Ok(stream)) =
                        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await
                    else {
                        return;
                    };
                    let certificates = stream.get_ref().1.peer_certificates();
                    let caller = certificates.and_then(|all| Caller::of(all.first()?));
                    let service = TowerToHyperService::new(router.layer(axum::Extension(caller)));
                    let builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection_with_upgrades(TokioIo::new(stream), service)
                        .await;
                });
            }
        })
    }
}

fn router(context: Arc<Context>) -> Router {
    let guarded = Router::new()
        .route(
            "/containerLogs/{namespace}/{pod}/{container}",
            get(logs::answer),
        )
        .route("/exec/{namespace}/{pod}/{container}", any(exec::answer))
        .route("/attach/{namespace}/{pod}/{container}", any(attach))
        .route("/portForward/{namespace}/{pod}", any(port_forward::answer))
        .route("/pods", get(pods))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&context),
            callers::authorise,
        ));
    Router::new()
        .route("/healthz", get(async || "ok"))
        .merge(guarded)
        .with_state(context)
}

/// Containers outlive the agent, so nobody holds their standard streams but their log.
async fn attach(Path((namespace, pod, container)): Path<(String, String, String)>) -> Response {
    let text = format!(
        "a process node cannot attach to a running container; \
         its output: kubectl logs -f -n {namespace} {pod} -c {container}; \
         a shell beside it: kubectl exec -it -n {namespace} {pod} -c {container} -- sh"
    );
    (StatusCode::BAD_REQUEST, text).into_response()
}

async fn pods(State(context): State<Arc<Context>>) -> Json<List<Pod>> {
    let items = context
        .cluster
        .pods
        .all()
        .iter()
        .filter(|pod| context.is_ours(pod))
        .map(|pod| Pod::clone(pod))
        .collect();
    Json(List {
        items,
        ..List::default()
    })
}

/// A container of a Pod of this node.
struct Place {
    container: Container,
    dir: ContainerDir,
}

/// Finds a container by the names in a path, or says why not.
fn find(
    context: &Context,
    namespace: &str,
    pod: &str,
    container: &str,
) -> Result<Place, Box<Response>> {
    let missing = |text: String| Box::new((StatusCode::NOT_FOUND, text).into_response());
    let object = context
        .cluster
        .pods
        .get(namespace, pod)
        .filter(|object| context.is_ours(object))
        .ok_or_else(|| missing(format!("pod {pod:?} is not on this node")))?;
    let spec = object.spec.as_ref();
    let found = spec
        .iter()
        .flat_map(|spec| {
            spec.containers
                .iter()
                .chain(spec.init_containers.iter().flatten())
        })
        .find(|found| found.name == container)
        .ok_or_else(|| missing(format!("container {container:?} is not in pod {pod:?}")))?;
    let dir = PodDir(context.layout.pod(&object.uid().unwrap_or_default())).container(container);
    Ok(Place {
        container: found.clone(),
        dir,
    })
}
