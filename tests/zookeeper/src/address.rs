//! Loopback addresses that no other rig has.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

/// Bound while an address is in use, so that two test processes never share one.
const LOCK_PORT: u16 = 61_999;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An address of its own, with every port free.
#[derive(Debug)]
pub struct Address {
    /// The address.
    pub ip: Ipv4Addr,
    _lock: TcpListener,
}

impl Address {
    /// Takes one in 127.77.0.0/16.
    pub fn take() -> Result<Self> {
        for _ in 0..10_000 {
            let number = std::process::id()
                .wrapping_mul(2_654_435_761)
                .rotate_left(16)
                .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let [_, _, high, low] = number.to_be_bytes();
            let ip = Ipv4Addr::new(127, 77, high, low.max(1));
            if let Ok(lock) = TcpListener::bind((ip, LOCK_PORT)) {
                return Ok(Self { ip, _lock: lock });
            }
        }
        bail!("no free address in 127.77.0.0/16")
    }

    /// `IP:PORT`.
    pub fn port(&self, port: u16) -> String {
        format!("{}:{port}", self.ip)
    }
}
