//! Accepts connections, within the limits.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use zookeeper_protocol::Id;

use crate::connection::{Peer, serve};
use crate::shared::Shared;
use crate::stats::count;
use crate::tls::certificate_identity;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections of each address.
#[derive(Debug, Default)]
pub(crate) struct Census {
    connections: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Census {
    /// Counts a connection, if there may be one more.
    fn enter(self: &Arc<Self>, address: IpAddr, each: usize, all: usize) -> Option<Entry> {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if all > 0 && connections.values().sum::<usize>() >= all {
            return None;
        }
        let of_address = connections.entry(address).or_default();
        if each > 0 && *of_address >= each {
            return None;
        }
        *of_address += 1;
        Some(Entry {
            census: Arc::clone(self),
            address,
        })
    }
}

/// A counted connection.
struct Entry {
    census: Arc<Census>,
    address: IpAddr,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut connections = self
            .census
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = connections.get_mut(&self.address) {
            *number -= 1;
            if *number == 0 {
                connections.remove(&self.address);
            }
        }
    }
}

/// Accepts until the server stops.
pub(crate) async fn listen(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<watch::Receiver<TlsAcceptor>>,
    census: Arc<Census>,
) {
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = shared.stop.cancelled() => return,
        };
        // An IPv4 client of a listener for both is one all the same.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let settings = &shared.settings;
        let Some(entry) = census.enter(
            address.ip(),
            settings.max_connections_per_address,
            settings.max_connections,
        ) else {
            count(&shared.stats.rejected);
            tracing::warn!(%address, "too many connections; this one is closed");
            continue;
        };
        let shared = Arc::clone(&shared);
        let tls = tls.as_ref().map(|tls| tls.borrow().clone());
        tokio::spawn(async move {
            let stop = shared.stop.clone();
            tokio::select! {
                () = greet(shared, stream, address, tls) => {}
                () = stop.cancelled() => {}
            }
            drop(entry);
        });
    }
}

async fn greet(
    shared: Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let _ = stream.set_nodelay(true);
    let mut identities = vec![Id {
        scheme: "ip".to_owned(),
        id: address.ip().to_string(),
    }];
    let Some(tls) = tls else {
        return serve(
            shared,
            stream,
            Peer {
                address,
                identities,
            },
        )
        .await;
    };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let (_, connection) = stream.get_ref();
            identities.extend(
                connection
                    .peer_certificates()
                    .and_then(|chain| chain.first())
                    .and_then(|certificate| certificate_identity(certificate)),
            );
            serve(
                shared,
                stream,
                Peer {
                    address,
                    identities,
                },
            )
            .await;
        }
        Ok(Err(error)) => tracing::info!(%address, %error, "no TLS"),
        Err(_) => tracing::info!(%address, "no TLS in time"),
    }
}
