//! The files of one run of a container. The monitor writes them, the agent reads them; both may die in between.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::process::ProcessId;

/// Directory of all attempts of one container.
#[derive(Debug, Clone)]
pub(crate) struct ContainerDir(pub PathBuf);

impl ContainerDir {
    /// Locked by the monitor of the running attempt.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// `KLAMM_ROOT` of the container.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// Directory of attempt number `number` (0 is the first).
    pub(crate) fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir(self.0.join(number.to_string()))
    }

    /// The newest attempt there is.
    pub(crate) fn latest(&self) -> Option<u32> {
        self.numbers().into_iter().max()
    }

    /// Removes all but the two newest attempts: what runs, and `kubectl logs --previous`.
    pub(crate) fn forget_old_attempts(&self) {
        let mut numbers = self.numbers();
        numbers.sort_unstable();
        let keep = numbers.len().saturating_sub(2);
        for number in numbers.into_iter().take(keep) {
            let _ = files::remove(&self.attempt(number).0);
        }
    }

    fn numbers(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// A monitor lives: it holds the lock for as long as it does.
    pub(crate) fn claimed(&self) -> bool {
        let Ok(file) = fs::File::open(self.lock()) else {
            return false;
        };
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
    }
}

/// The file that says that the node stopped an attempt together with itself.
const PLANNED_END: &str = "planned-end";

/// Directory of one attempt.
#[derive(Debug, Clone)]
pub(crate) struct AttemptDir(pub PathBuf);

impl AttemptDir {
    /// How it was started.
    pub(crate) fn start(&self) -> Option<Start> {
        files::read_json(&self.0.join("start"))
    }

    /// Remembers how it is about to be started.
    pub(crate) fn write_start(&self, start: &Start) -> std::io::Result<()> {
        files::private_dir(&self.0)?;
        files::replace_json(&self.0.join("start"), start)
    }

    /// Its processes, once they run.
    pub(crate) fn running(&self) -> Option<Running> {
        files::read_json(&self.0.join("running"))
    }

    /// Remembers its processes.
    pub(crate) fn write_running(&self, running: &Running) -> std::io::Result<()> {
        files::replace_json(&self.0.join("running"), running)
    }

    /// How it ended, if it did.
    pub(crate) fn exit(&self) -> Option<Exit> {
        files::read_json(&self.0.join("exit"))
    }

    /// Remembers how it ended.
    pub(crate) fn write_exit(&self, exit: &Exit) -> std::io::Result<()> {
        files::replace_json(&self.0.join("exit"), exit)
    }

    /// Remembers that the node stops it together with itself: the next attempt then is no restart that anybody has to
    /// wonder about.
    pub(crate) fn write_planned_end(&self) {
        // Without it the next attempt counts as a restart, and that is all.
        let _ = fs::write(self.0.join(PLANNED_END), []);
    }

    /// Forgets that it was to end: it runs on under another agent.
    pub(crate) fn forget_planned_end(&self) {
        let _ = fs::remove_file(self.0.join(PLANNED_END));
    }

    /// How many attempts up to the next one are no restarts; see [`Start::planned`].
    pub(crate) fn planned_next(&self) -> u32 {
        let planned = self.start().map_or(0, |start| start.planned);
        planned + u32::from(self.0.join(PLANNED_END).exists())
    }

    /// Where the first process says why it could not become the container's program.
    pub(crate) fn start_error(&self) -> PathBuf {
        self.0.join("start-error")
    }

    /// What the monitor itself has to say; empty unless something is wrong.
    pub(crate) fn monitor_log(&self) -> PathBuf {
        self.0.join("monitor.log")
    }

    /// The current log file.
    pub(crate) fn log(&self) -> PathBuf {
        log_file(&self.0, 0)
    }
}

/// Log file number `number` of an attempt: 0 is written to, higher ones are older.
pub(crate) fn log_file(attempt: &Path, number: u32) -> PathBuf {
    match number {
        0 => attempt.join("log"),
        number => attempt.join(format!("log.{number}")),
    }
}

/// Written before a container is started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Start {
    /// Which sandbox of the Pod it belongs to; init containers run once per sandbox.
    pub sandbox: u32,
    /// How long to wait, in seconds, before the next start if this attempt ends.
    pub next_wait_seconds: u64,
    /// The image as the Pod names it.
    pub image: String,
    /// What the image was resolved to.
    pub image_id: String,
    /// How many attempts up to this one are no restarts, as the node had stopped the one before together with itself.
    pub planned: u32,
}

/// Written when the container's process runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// First process of the container.
    pub process: ProcessId,
    /// Its monitor.
    pub monitor: ProcessId,
    /// When it started.
    pub started_at: Timestamp,
    /// It has a mount namespace of its own.
    #[serde(default)]
    pub own_mounts: bool,
    /// It has a user namespace of its own.
    #[serde(default)]
    pub own_users: bool,
    /// Its cgroups, if its limits are enforced.
    #[serde(default)]
    pub cgroups: Vec<PathBuf>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exit {
    /// Exit status; 128 + signal when a signal ended it.
    pub code: i32,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// When it had started; unknown if nobody saw it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When its end was seen.
    pub finished_at: Timestamp,
    /// The kernel killed it for want of memory.
    #[serde(default)]
    pub out_of_memory: bool,
    /// Its program could not be started at all.
    #[serde(default)]
    pub start_error: Option<String>,
    /// What it left to be told about its end.
    #[serde(default)]
    pub message: Option<String>,
    /// Nobody saw how it ended: the monitor was killed, or the machine went down.
    #[serde(default)]
    pub unknown: bool,
}

impl Exit {
    /// The end of a container that nobody saw.
    pub(crate) fn unseen(started_at: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            code: 137,
            signal: None,
            started_at,
            finished_at: now,
            out_of_memory: false,
            start_error: None,
            message: None,
            unknown: true,
        }
    }

    /// The kubelet's word for it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self {
                out_of_memory: true,
                ..
            } => "OOMKilled",
            Self {
                start_error: Some(_),
                ..
            } => "StartError",
            Self { unknown: true, .. } => "ContainerStatusUnknown",
            Self { code: 0, .. } => "Completed",
            _ => "Error",
        }
    }
}
