//! The local home: where everything of `klamm up` lies, and whether something runs on it.
//!
//! ```text
//! $KLAMM_HOME (default: the user's data directory, klamm/)
//! ├─ lock            held by the process that serves this home
//! ├─ running.json    who that is and where it listens
//! ├─ kubeconfig      for kubectl
//! ├─ control-plane/  objects, certificates
//! ├─ node/           Pods and volumes
//! ├─ connect/        per cluster: CA certificate and client properties, ready to use
//! └─ klamm.log       what a detached klamm logs
//! ```

use std::fs::{File, TryLockError};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};

/// How often, and how far apart, a lock is tried that somebody may only be looking at.
const LOOKS: usize = 3;
const LOOK: Duration = Duration::from_millis(5);

/// A home directory; nothing is created by naming it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    dir: PathBuf,
}

/// Who serves a home.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// The process.
    pub(crate) pid: i32,
    /// The API server's URL.
    pub(crate) server: String,
}

/// The lock on a home; dropped with the process.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

impl Home {
    /// `--home`, `KLAMM_HOME`, or the user's data directory.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self> {
        let dir = match given {
            Some(dir) => {
                std::path::absolute(dir).with_context(|| format!("home {}", dir.display()))?
            }
            None => user_dir("XDG_DATA_HOME", ".local/share").ok_or_else(|| {
                anyhow!("there is no home directory; set KLAMM_HOME or pass --home DIR")
            })?,
        };
        Ok(Self { dir })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    pub(crate) fn control_plane(&self) -> PathBuf {
        self.dir.join("control-plane")
    }

    pub(crate) fn node(&self) -> PathBuf {
        self.dir.join("node")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("klamm.log")
    }

    pub(crate) fn connect(&self, namespace: &str, cluster: &str) -> PathBuf {
        self.dir.join("connect").join(namespace).join(cluster)
    }

    /// Creates the directory, for its owner only.
    pub(crate) fn create(&self) -> Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .with_context(|| format!("creating the home {}", self.dir.display()))
    }

    /// Takes the home for this process; `None` when another one serves it.
    pub(crate) fn hold(&self) -> Result<Option<Held>> {
        self.create()?;
        let mut file = self.open_lock()?;
        // Somebody who only looks holds it for a moment.
        for _ in 0..LOOKS {
            if self.locked(file.try_lock())? {
                let path = self.dir.join("lock");
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| write!(file, "{}", std::process::id()))
                    .with_context(|| format!("writing {}", path.display()))?;
                return Ok(Some(Held { _file: file }));
            }
            std::thread::sleep(LOOK);
        }
        Ok(None)
    }

    fn open_lock(&self) -> Result<File> {
        let path = self.dir.join("lock");
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))
    }

    fn locked(&self, tried: std::result::Result<(), TryLockError>) -> Result<bool> {
        match tried {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", self.dir.join("lock").display()))
            }
        }
    }

    /// Who serves this home now, if anybody does and has said where.
    pub(crate) fn running(&self) -> Result<Option<Running>> {
        if !self.dir.is_dir() || self.locked(self.open_lock()?.try_lock_shared())? {
            return Ok(None);
        }
        let path = self.dir.join("running.json");
        Ok(std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The process that took the home last. Ask when [`Self::hold`] was refused: then it still holds it.
    pub(crate) fn holder(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.dir.join("lock")).ok()?;
        text.trim().parse().ok()
    }

    /// Says that this process serves the home.
    pub(crate) fn announce(&self, running: &Running, kubeconfig: &str) -> Result<()> {
        write_private(&self.kubeconfig(), kubeconfig.as_bytes())?;
        write_private(
            &self.dir.join("running.json"),
            &serde_json::to_vec(running)?,
        )
    }

    /// Says that nobody does.
    pub(crate) fn withdraw(&self) {
        // The lock is the truth; this file only spares readers a stale address.
        drop(std::fs::remove_file(self.dir.join("running.json")));
    }
}

/// Replaces a file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let fresh = path.with_extension("fresh");
    let write = || {
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// `klamm` in a directory of the user. Source: the XDG Base Directory Specification, which ignores relative paths.
pub(crate) fn user_dir(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute =
        |value: std::ffi::OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    let base = std::env::var_os(variable).and_then(absolute);
    let base = base.or_else(|| {
        Some(
            std::env::var_os("HOME")
                .and_then(absolute)?
                .join(below_home),
        )
    });
    base.map(|base| base.join("klamm"))
}
