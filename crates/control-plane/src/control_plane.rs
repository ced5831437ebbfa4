//! The front door: open, hand out the service, serve it, describe how to reach it.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use rcgen::SanType;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use crate::identity::{Identity, IdentityError, KeyPairPem, Purpose};
use crate::serve::{self, ServeError};
use crate::server::{Server, User};
use crate::settings::Settings;
use crate::store::{OpenStoreError, Store};

/// A running control plane. Clones share it; its loops end when the last is dropped or [`ControlPlane::stop`] is called.
#[derive(Clone)]
pub struct ControlPlane {
    running: Arc<Running>,
}

struct Running {
    server: Arc<Server>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.stop.cancel();
    }
}

/// Why a control plane cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be made.
    #[error("cannot make the data directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// Certificates or tokens cannot be read or made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What every cluster has cannot be written.
    #[error("cannot write the objects every cluster has: {0}")]
    Bootstrap(String),
}

impl ControlPlane {
    /// Open the store, write what every cluster has, and start the loops; needs a tokio runtime.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let store = match &settings.data_dir {
            Some(dir) => {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(dir)
                    .map_err(|source| OpenError::Directory {
                        path: dir.clone(),
                        source,
                    })?;
                Store::open(&dir.join("objects.redb"), settings.history_bytes)?
            }
            None => Store::in_memory(settings.history_bytes),
        };
        let identity = Identity::open(settings.data_dir.as_deref())?;
        let server = Arc::new(Server::new(store, settings, identity));
        crate::loops::bootstrap(&server)
            .await
            .map_err(OpenError::Bootstrap)?;
        if server.settings.loops {
            crate::loops::start(&server);
        }
        Ok(Self {
            running: Arc::new(Running { server }),
        })
    }

    /// The API as a service for this process: no TLS, no token, everything allowed.
    pub fn service(&self) -> Router {
        let server = Arc::clone(&self.running.server);
        Router::new().fallback_service(service_fn(move |request: Request| {
            let server = Arc::clone(&server);
            async move { Ok::<Response, Infallible>(server.answer(User::admin(), request).await) }
        }))
    }

    /// Serve HTTPS on this listener until `stop`; every request needs a token.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        serve::serve(Arc::clone(&self.running.server), listener, stop).await
    }

    /// A kubeconfig for the server at this address, with its certificate and a token that may do everything.
    pub fn kubeconfig(&self, address: SocketAddr) -> String {
        serve::kubeconfig(&self.running.server.identity, address)
    }

    /// The certificate of the authority that signs all others here.
    pub fn authority_pem(&self) -> &str {
        &self.running.server.identity.authority
    }

    /// A serving certificate for a node's kubelet endpoint at these addresses, signed by the authority.
    pub fn issue_node_certificate(
        &self,
        node: &str,
        addresses: &[IpAddr],
    ) -> Result<KeyPairPem, IdentityError> {
        let names = addresses
            .iter()
            .map(|address| SanType::IpAddress(*address))
            .collect();
        self.running
            .server
            .identity
            .issue(&format!("system:node:{node}"), Purpose::Server(names))
    }

    /// End watches, connections and loops.
    pub fn stop(&self) {
        self.running.server.stop.cancel();
    }

    /// Stop, and wait until everything is on disk and the data directory is free for another process.
    pub async fn close(&self) {
        self.stop();
        self.running.server.store.close().await;
    }
}
