//! HTTPS on loopback: TLS, HTTP/1.1 and HTTP/2, and a token in every request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::answer::failure_response;
use crate::failure::Failure;
use crate::identity::{Identity, IdentityError};
use crate::server::{Server, User};
use crate::verbs::review::user_of;

/// A client that does not finish its handshake in this time is dropped.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a request is closed after this time: later than clients give theirs up (90 s), so that none
/// is closed while a request is on its way.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// How long requests may go on once the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// After an error of the listener, e.g. too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its certificate cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its certificate cannot be used.
    #[error("cannot use the server's certificate")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
    /// Its certificate cannot be read back.
    #[error("cannot read the server's certificate")]
    Pem {
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The listener is not on loopback.
    #[error("the control plane listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The listener has no address.
    #[error("cannot tell the listener's address")]
    Address {
        /// Why.
        source: io::Error,
    },
}

/// Serve until `stop`, or until the server itself stops.
pub(crate) async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener
        .local_addr()
        .map_err(|source| ServeError::Address { source })?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let acceptor = TlsAcceptor::from(Arc::new(tls_config(&server.identity)?));
    let connections = tokio_util::task::TaskTracker::new();
    let ending = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
            () = server.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (server, acceptor, ending) =
                    (Arc::clone(&server), acceptor.clone(), ending.clone());
                connections.spawn(async move {
                    if let Err(error) = connection(server, acceptor, stream, ending).await {
                        tracing::debug!(error = &*error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    ending.cancel();
    connections.close();
    drop(tokio::time::timeout(DRAIN_TIMEOUT, connections.wait()).await);
    Ok(())
}

fn tls_config(identity: &Identity) -> Result<rustls::ServerConfig, ServeError> {
    let pair = identity.server_certificate()?;
    let pem = |source| ServeError::Pem { source };
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).map_err(pem)?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(pem)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
        })
        .map_err(|source| ServeError::Tls { source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    server: Arc<Server>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    ending: CancellationToken,
) -> Result<(), Boxed> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let server = Arc::clone(&server);
        async move { Ok::<Response, Infallible>(authenticated(server, request.map(Body::new)).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(1_000);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done,
        () = ending.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn authenticated(server: Arc<Server>, request: Request) -> Response {
    let open = matches!(
        request.uri().path(),
        "/healthz" | "/livez" | "/readyz" | "/version"
    );
    match user(&server, &request) {
        Some(user) => server.answer(user, request).await,
        None if open => server.answer(User::anonymous(), request).await,
        None => failure_response(&Failure::unauthorized()),
    }
}

fn user(server: &Server, request: &Request) -> Option<User> {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    user_of(server, token.trim())
}

/// A kubeconfig for this server.
pub(crate) fn kubeconfig(identity: &Identity, address: SocketAddr) -> String {
    let authority = STANDARD.encode(&identity.authority);
    let token = &identity.token;
    format!(
        "apiVersion: v1
kind: Config
current-context: klamm
clusters:
- name: klamm
  cluster:
    server: https://{address}
    certificate-authority-data: {authority}
contexts:
- name: klamm
  context:
    cluster: klamm
    user: klamm
    namespace: default
users:
- name: klamm
  user:
    token: {token}
"
    )
}
