//! The directory of one installation: its layout, and that only one agent works in it.
//!
//! ```text
//! <home>/node-agent/lock              held by the agent; says who holds it
//!                  /range             which loopback addresses are this home's
//!                  /addresses.json    the address of each Pod, by namespace and name
//!                  /cluster           which cluster the Pods below belong to
//!                  /hosts/<namespace> names of Pods and Services as Pods of that namespace say them
//! <home>/pods/<uid>/…                 a Pod: its volumes and containers
//! <home>/volumes/<namespace>/<claim>-<id>/   persistent volumes; never removed without being asked
//! ```

use std::io;
use std::path::{Path, PathBuf};

use crate::address::{ClaimError, Range, RangeClaim};
use crate::files;
use crate::hold::{self, Hold, Holder};
use crate::process::ProcessId;

/// Where things are below a home.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    home: PathBuf,
}

impl Layout {
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
        }
    }

    pub(crate) fn agent(&self) -> PathBuf {
        self.home.join("node-agent")
    }

    pub(crate) fn addresses(&self) -> PathBuf {
        self.agent().join("addresses.json")
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.agent().join("cluster")
    }

    pub(crate) fn hosts(&self) -> PathBuf {
        self.agent().join("hosts")
    }

    pub(crate) fn pods(&self) -> PathBuf {
        self.home.join("pods")
    }

    pub(crate) fn pod(&self, uid: &str) -> PathBuf {
        self.pods().join(uid)
    }

    pub(crate) fn volumes(&self) -> PathBuf {
        self.home.join("volumes")
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another agent works in it.
    #[error("{home} is in use by {holder}; stop that first, or choose another KLAMM_HOME")]
    Held {
        /// The directory.
        home: String,
        /// Who holds it.
        holder: String,
    },
    /// Its files cannot be read or written.
    #[error("{operation} {path}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// No loopback addresses are left for it.
    #[error(transparent)]
    Addresses(#[from] ClaimError),
}

/// A home that this process holds: nobody else can while this value lives.
#[derive(Debug)]
pub struct Home {
    pub(crate) layout: Layout,
    range: RangeClaim,
    _lock: Hold,
}

impl Home {
    /// Takes hold of a home (made if it is not there) and of its loopback addresses.
    ///
    /// `registry` is the file in which homes of this user agree on who has which addresses; see [`default_registry`].
    pub fn hold(home: &Path, registry: &Path) -> Result<Self, HomeError> {
        let layout = Layout::new(home);
        let failed = |operation: &'static str, path: &Path| {
            let path = path.display().to_string();
            move |source| HomeError::File {
                operation,
                path,
                source,
            }
        };
        files::private_dir(&layout.agent()).map_err(failed("make", &layout.agent()))?;
        let path = layout.agent().join("lock");
        let Some(lock) = Hold::take(&path).map_err(failed("hold", &path))? else {
            let holder = match hold::holder(&path) {
                Ok(Some(Holder::Process(process))) => format!("klamm, pid {}", process.pid),
                _ => "another klamm".to_owned(),
            };
            return Err(HomeError::Held {
                home: home.display().to_string(),
                holder,
            });
        };
        let range = RangeClaim::take(home, &layout.agent().join("range"), registry)?;
        Ok(Self {
            layout,
            range,
            _lock: lock,
        })
    }

    /// The loopback addresses of this home.
    pub fn range(&self) -> Range {
        self.range.range()
    }
}

/// The process that holds a home now, if one does and has said who it is.
pub fn holder(home: &Path) -> Option<ProcessId> {
    match hold::holder(&Layout::new(home).agent().join("lock")) {
        Ok(Some(Holder::Process(process))) => Some(process),
        Ok(None | Some(Holder::Unnamed)) | Err(_) => None,
    }
}

/// Where homes of this user agree on addresses: `$XDG_STATE_HOME/klamm/loopback.json`.
pub fn default_registry() -> PathBuf {
    let base = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| {
            PathBuf::from(format!(
                "/var/tmp/klamm-{}",
                rustix::process::getuid().as_raw()
            ))
        });
    base.join("klamm/loopback.json")
}

#[cfg(test)]
mod tests;
