//! Where dials go: the machine's network, or one in memory.
//!
//! A network in memory has no real sockets, so tests with a paused clock can use it: tokio advances a paused clock
//! while it waits for a real socket, and every deadline would pass at once.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::DuplexStream;

/// The network that connections are made on.
#[derive(Clone, Default)]
pub struct Network(Option<Arc<Connect>>);

type Connect = dyn Fn(SocketAddr) -> io::Result<DuplexStream> + Send + Sync;

impl Network {
    /// A network in memory: `connect` gives the client's end of a stream.
    ///
    /// TLS is left out on it, whatever the settings say; SASL is not.
    pub fn in_memory(
        connect: impl Fn(SocketAddr) -> io::Result<DuplexStream> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(connect)))
    }

    /// A stream in memory, or nothing if this is the machine's network.
    pub fn connect(&self, address: SocketAddr) -> Option<io::Result<DuplexStream>> {
        self.0.as_ref().map(|connect| connect(address))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Network(in memory)"
        } else {
            "Network(sockets)"
        })
    }
}
