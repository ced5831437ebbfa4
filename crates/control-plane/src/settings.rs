//! What a control plane can be told when it is opened.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;

/// Settings of a [`crate::ControlPlane`]; [`Settings::in_dir`] and [`Settings::in_memory`] give usable ones.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where objects, certificates and tokens are kept; without it nothing outlives the process.
    pub data_dir: Option<PathBuf>,
    /// Addresses given to Services: the network and the length of its prefix.
    pub service_network: (Ipv4Addr, u8),
    /// How long Events are kept.
    pub event_ttl: Duration,
    /// How much of the history of changes is kept for watchers that reconnect, in bytes.
    pub history_bytes: usize,
    /// Where time comes from.
    pub clock: Clock,
    /// Whether namespaces, garbage, budgets and protected volumes are looked after in the background.
    pub loops: bool,
}

/// Enough for some thousand changes; a watcher that was away longer lists again.
const HISTORY_BYTES: usize = 4 << 20;

impl Settings {
    /// A control plane that keeps its data in this directory.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: Some(data_dir.into()),
            ..Self::in_memory()
        }
    }

    /// A control plane that forgets everything when it is dropped.
    pub fn in_memory() -> Self {
        Self {
            data_dir: None,
            service_network: (Ipv4Addr::new(127, 96, 0, 0), 16),
            event_ttl: Duration::from_hours(1),
            history_bytes: HISTORY_BYTES,
            clock: Clock::Wall,
            loops: true,
        }
    }
}
