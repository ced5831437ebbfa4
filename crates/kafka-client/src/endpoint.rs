//! Where a broker is, and what its certificate must say: two things, kept apart.

use std::fmt;
use std::net::SocketAddr;

/// An address to dial and the name that its certificate must carry.
///
/// `server_name` is a DNS name or an IP address; without TLS it only appears in messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address that is dialled.
    pub address: SocketAddr,
    /// The name that is verified.
    pub server_name: String,
}

impl Endpoint {
    /// An endpoint whose certificate carries `server_name`.
    pub fn new(address: SocketAddr, server_name: impl Into<String>) -> Self {
        Self {
            address,
            server_name: server_name.into(),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    /// An endpoint whose certificate carries its IP address.
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            server_name: address.ip().to_string(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            server_name,
        } = self;
        if *server_name == address.ip().to_string() {
            write!(f, "{address}")
        } else {
            write!(f, "{address} ({server_name})")
        }
    }
}
