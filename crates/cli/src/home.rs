//! The local home: where everything of `klamm up` lies, and whether something runs on it.
//!
//! ```text
//! $KLAMM_HOME (default: the user's data directory, klamm/)
//! ├─ klamm-home      that this directory is one; without it nothing here is ever removed
//! ├─ lock            held by the process that serves this home
//! ├─ running.json    who that is and where it listens
//! ├─ kubeconfig      for kubectl
//! ├─ control-plane/  objects, certificates
//! ├─ node/           Pods and volumes
//! ├─ connect/        per cluster: CA certificate and client properties, ready to use
//! └─ klamm.log       what a detached klamm logs
//! ```

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use node_agent::hold::{self, Hold, Holder};
use node_agent::process::ProcessId;
use serde::{Deserialize, Serialize};

/// A home directory; nothing is created by naming it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    dir: PathBuf,
    chosen: Chosen,
}

/// What a home was chosen by, in the order in which they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// `--home`.
    ByOption,
    /// `KLAMM_HOME`.
    ByVariable,
    /// Nothing: it is the user's own.
    Default,
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
    _hold: Hold,
}

/// The file that makes a directory a home, and what it says to whoever opens it.
pub(crate) const MARKER: &str = "klamm-home";
const MARK: &str = "This directory belongs to klamm; `klamm down --purge` removes it.\n";

/// A directory that was named as home and is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is no home of klamm: it {why}; choose another directory with --home or KLAMM_HOME, for example {example}",
    .dir.display()
)]
pub(crate) struct NoHome {
    pub(crate) dir: PathBuf,
    pub(crate) why: String,
    pub(crate) example: String,
}

impl Home {
    /// `--home`, `KLAMM_HOME`, or the user's data directory. What is stopped or removed is never chosen by `KUBECONFIG`.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self> {
        let variable = std::env::var_os("KLAMM_HOME").map(PathBuf::from);
        Self::choose(given, variable.as_deref())
    }

    /// `given` is of the option, or of the variable where there is no option.
    fn choose(given: Option<&Path>, variable: Option<&Path>) -> Result<Self> {
        if let Some(dir) = given {
            let chosen = if variable == Some(dir) {
                Chosen::ByVariable
            } else {
                Chosen::ByOption
            };
            let dir =
                std::path::absolute(dir).with_context(|| format!("home {}", dir.display()))?;
            return Ok(Self { dir, chosen });
        }
        let dir = user_dir("XDG_DATA_HOME", ".local/share").ok_or_else(|| {
            anyhow!("there is no home directory; set KLAMM_HOME or pass --home DIR")
        })?;
        let chosen = Chosen::Default;
        Ok(Self { dir, chosen })
    }

    /// The home whose kubeconfig this file is, if it is one's.
    pub(crate) fn of_kubeconfig(file: &Path) -> Option<Self> {
        let dir = std::path::absolute(file).ok()?.parent()?.to_owned();
        let home = Self {
            dir,
            chosen: Chosen::Default,
        };
        (file.file_name()? == "kubeconfig" && home.is_home()).then_some(home)
    }

    /// What it was chosen by.
    pub(crate) fn chosen(&self) -> Chosen {
        self.chosen
    }

    /// Whether nothing was ever brought up on it.
    pub(crate) fn is_empty(&self) -> bool {
        !self.control_plane().is_dir()
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

    /// Whether the directory is klamm's: then what is in it under our names is ours to remove.
    pub(crate) fn is_home(&self) -> bool {
        // The second is what homes have that were made before there was a marker.
        self.dir.join(MARKER).is_file() || self.node().join("node-agent/lock").is_file()
    }

    /// Names below a home that are ours, directories and files.
    pub(crate) const DIRECTORIES: [&str; 3] = ["control-plane", "node", "connect"];
    pub(crate) const FILES: [&str; 5] = ["kubeconfig", "running.json", "port", "klamm.log", "lock"];

    /// Whether the directory is a home or can become one: somebody else's things under our names are in the way.
    pub(crate) fn check(&self) -> Result<()> {
        // Kafka reads paths of its disks from a list with commas in a file in Latin-1, and Java names files as the locale does.
        let text = self.dir.to_string_lossy();
        let is_good = |char: char| char == ' ' || char.is_ascii_graphic() && !",\\".contains(char);
        if let Some(bad) = text.chars().find(|char| !is_good(*char)) {
            return Err(NoHome {
                dir: self.dir.clone(),
                why: format!("has {bad:?} in its path, with which Kafka cannot find its files; allowed are printable characters of ASCII but `,` and `\\`"),
                example: "/var/tmp/klamm".to_owned(),
            }
            .into());
        }
        if self.is_home() {
            return Ok(());
        }
        let theirs: Vec<&str> = Self::DIRECTORIES
            .into_iter()
            .chain(Self::FILES)
            .filter(|name| self.dir.join(name).symlink_metadata().is_ok())
            .collect();
        if !theirs.is_empty() {
            return Err(NoHome {
                dir: self.dir.clone(),
                why: format!("holds {} that klamm did not make", theirs.join(", ")),
                example: self.dir.join("klamm").display().to_string(),
            }
            .into());
        }
        Ok(())
    }

    /// Makes the directory a home, for its owner only. One from before there was a marker gets it, so that removing the
    /// home can be done again after an interruption.
    pub(crate) fn create(&self) -> Result<()> {
        if self.dir.join(MARKER).is_file() {
            return Ok(());
        }
        self.check()?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .with_context(|| format!("creating the home {}", self.dir.display()))?;
        write_private(&self.dir.join(MARKER), MARK.as_bytes())
    }

    /// Takes the home for this process; `None` when another one serves it.
    pub(crate) fn hold(&self) -> Result<Option<Held>> {
        self.create()?;
        let path = self.lock();
        let held = Hold::take(&path).with_context(|| format!("holding {}", path.display()))?;
        if held.is_some() {
            // Whoever wrote that serves nothing any more.
            self.withdraw();
        }
        Ok(held.map(|hold| Held { _hold: hold }))
    }

    fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Who serves this home now, if anybody does and has said where.
    pub(crate) fn running(&self) -> Result<Option<Running>> {
        let path = self.lock();
        if hold::holder(&path)
            .with_context(|| format!("reading {}", path.display()))?
            .is_none()
        {
            return Ok(None);
        }
        let path = self.dir.join("running.json");
        Ok(std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The process that holds the home, once it has said who it is.
    pub(crate) fn holder(&self) -> Option<ProcessId> {
        match hold::holder(&self.lock()) {
            Ok(Some(Holder::Process(process))) => Some(process),
            Ok(None | Some(Holder::Unnamed)) | Err(_) => None,
        }
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

/// Replaces a file that only its owner may read; several may do so at once.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(content)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok::<_, std::io::Error>(())
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

#[cfg(test)]
mod tests;
