//! Real processes for tests: etcd (one or three), Apache ZooKeeper, `klamm zookeeper`, brokers of Kafka 3.9.
//!
//! Decides where the programs come from, which loopback addresses they get, and when they are ready.
//!
//! Invariants: only 127.0.0.0/8, and addresses of a rig are its own while it lives; nothing outlives the test process,
//! however it ends: each program is the child of a shell that reads a pipe of ours and kills it when the pipe closes;
//! all files are in one temporary folder.
//!
//! Not here: what is tested (the tests of `zookeeper-check`, `zookeeper-server` and `e2e`).

mod address;
mod etcd;
mod gateway;
mod jars;
mod kafka;
mod process;
mod runtime;
mod zookeeper;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use address::Address;
pub use etcd::{Certificates, Etcd, Version, etcd_program};
pub use gateway::Gateway;
pub use jars::client_jars;
pub use kafka::{Broker, BrokerOptions};
pub use process::Process;
pub use runtime::{Runtime, klamm, python, repository};
pub use zookeeper::{Release, ZooKeeper, ZooKeeperOptions, four_letter};

/// How long anything that is waited for may take on the busiest machine.
pub const LIMIT: Duration = Duration::from_mins(3);

/// A folder for everything a test starts; removed at the end.
#[derive(Debug)]
pub struct Rig {
    folder: tempfile::TempDir,
}

impl Rig {
    /// In memory where the machine has room for that: tests are about logic, not about this machine's disk.
    pub fn new() -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        Self::in_folder(&parent)
    }

    /// On the disk of this folder, for measurements.
    pub fn in_folder(parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("klamm-zookeeper-")
            .tempdir_in(parent)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new folder in it.
    pub fn sub(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

/// Waits until a program is ready; gives up at once when it has ended, with the end of its log.
pub(crate) fn wait_for_program(
    what: &str,
    process: &Process,
    mut ready: impl FnMut() -> bool,
) -> Result<()> {
    let mut up = false;
    let waited = wait_for(what, || {
        up = ready();
        up || !process.is_running()
    });
    if up {
        return Ok(());
    }
    Err(waited
        .err()
        .unwrap_or_else(|| anyhow::anyhow!("{what} did not happen: the program has ended"))
        .context(process.log()))
}

/// Waits until `ready`; the error says what did not happen.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if ready() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{what} did not happen within {LIMIT:?}")
}
