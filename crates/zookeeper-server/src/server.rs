//! Starts everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::etcd::{Etcd, InvalidEndpoint};
use crate::listen::{Census, listen};
use crate::settings::{EtcdSettings, Settings};
use crate::shared::Shared;
use crate::tls::{TlsError, acceptor, contents, keep_current};
use crate::{commit, expire, follow, metrics, session, sync};

/// The server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// etcd's addresses.
    #[error(transparent)]
    Etcd(#[from] InvalidEndpoint),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that runs. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    renewal: Renewal,
    /// Where clients connect.
    pub address: Option<SocketAddr>,
    /// Where clients connect with TLS.
    pub secure_address: Option<SocketAddr>,
    /// Where metrics are.
    pub metrics_address: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Closes all connections and ends. Sessions stay, and their clients go on at another server.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(FAREWELL, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await;
    }

    /// With which etcd is told about other certificates or another user.
    pub fn renewal(&self) -> Renewal {
        Renewal(Arc::clone(&self.renewal.0))
    }

    /// Waits until a part of the server fails, which none does by itself.
    pub async fn ended(&mut self) {
        self.tasks.join_next().await;
    }
}

/// Exchanges how etcd is spoken to.
pub struct Renewal(Arc<Shared>);

impl Renewal {
    /// From now on with these certificates and as this user; what cannot be used is refused, and changes nothing.
    pub fn renew(&self, etcd: &EtcdSettings) -> Result<(), InvalidEndpoint> {
        self.0.etcd.renew(etcd)
    }
}

impl std::fmt::Debug for Renewal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Renewal").finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const FAREWELL: Duration = Duration::from_secs(2);

/// Starts a server. etcd need not be there yet: clients are refused until it is.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let etcd = Etcd::new(&settings.etcd)?;
    let plain = match settings.listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    // Before the certificate is: a change in between is then seen.
    let read = settings.secure.as_ref().map(contents);
    let secure = match &settings.secure {
        Some(secure) => Some((bind(secure.listen).await?, acceptor(secure)?)),
        None => None,
    };
    let figures = match settings.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let (queue, works) = mpsc::unbounded_channel();
    let (syncs, asked) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let shared = Arc::new(Shared::new(settings, etcd, queue, syncs, stop.clone()));
    let local = |listener: &TcpListener| listener.local_addr().ok();
    let address = plain.as_ref().and_then(local);
    let secure_address = secure.as_ref().and_then(|(listener, _)| local(listener));
    let metrics_address = figures.as_ref().and_then(local);
    let census = Arc::new(Census::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(follow::follow(Arc::clone(&shared)));
    tasks.spawn(commit::commit(Arc::clone(&shared), works));
    tasks.spawn(sync::sync(Arc::clone(&shared), asked));
    tasks.spawn(session::keep(Arc::clone(&shared)));
    tasks.spawn(expire::expire(Arc::clone(&shared)));
    tasks.spawn(expire::reap(Arc::clone(&shared)));
    tasks.spawn(expire::sweep(Arc::clone(&shared)));
    if let Some(listener) = plain {
        tasks.spawn(listen(
            Arc::clone(&shared),
            listener,
            None,
            Arc::clone(&census),
        ));
    }
    if let Some((listener, acceptor)) = secure {
        let (sender, current) = watch::channel(acceptor);
        tasks.spawn(listen(Arc::clone(&shared), listener, Some(current), census));
        if let Some((secure, read)) = shared.settings.secure.clone().zip(read) {
            tasks.spawn(keep_current(secure, read, sender, shared.stop.clone()));
        }
    }
    if let Some(listener) = figures {
        tasks.spawn(metrics::serve(Arc::clone(&shared), listener));
    }
    Ok(Running {
        renewal: Renewal(shared),
        address,
        secure_address,
        metrics_address,
        stop,
        tasks,
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}
