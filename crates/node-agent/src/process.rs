//! Processes of this machine, told apart safely: a pid alone may be somebody else's by now, a pid with its start
//! time and the boot it belongs to may not.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

/// One process, whenever it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since the machine booted.
    pub start_time: u64,
    /// Which boot.
    pub boot_id: String,
}

impl ProcessId {
    /// The process that has this pid now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Some(Self {
            pid,
            start_time: start_time(pid)?,
            boot_id: boot_id(),
        })
    }

    /// Still there, and not merely a zombie.
    pub fn alive(&self) -> bool {
        self.boot_id == boot_id() && start_time(self.pid) == Some(self.start_time)
    }

    /// A handle to it, checked after it was taken, so that no other process can slip in.
    fn pidfd(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::NONBLOCK)
            .or_else(|_| {
                pidfd_open(
                    Pid::from_raw(self.pid).unwrap_or(Pid::INIT),
                    PidfdFlags::empty(),
                )
            })
            .ok()?;
        self.alive().then_some(fd)
    }

    /// Asks it to end; nothing if it has.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal; nothing if the process is gone.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.boot_id != boot_id() {
            return;
        }
        if let Some(fd) = self.pidfd() {
            let _ = pidfd_send_signal(fd, signal);
        } else if self.alive()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            // A kernel without pidfd: the check above is as close as it gets.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Returns when the process has ended.
    pub(crate) async fn ended(&self) {
        if let Some(fd) = self.pidfd()
            && let Ok(fd) = readable_when_ended(fd)
            && fd.readable().await.is_ok()
        {
            return;
        }
        while self.alive() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A pidfd becomes readable when its process ends.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for file descriptors that may be closed meanwhile; this one is owned"
)]
fn readable_when_ended(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, tokio::io::Interest::READABLE)
}

/// Which boot of the machine this is.
pub(crate) fn boot_id() -> String {
    static BOOT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    BOOT.get_or_init(|| {
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
    })
    .clone()
}

/// The fields of `/proc/<pid>/stat` after the command's name, which may itself hold blanks and parentheses.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// When a process started; `None` if there is none, or only its zombie.
fn start_time(pid: i32) -> Option<u64> {
    let fields = stat(pid)?;
    // proc(5) counts from 1 and the first two are cut off: field 3 is the state, 22 the start time.
    if matches!(fields.first().map(String::as_str), Some("Z" | "X")) {
        return None;
    }
    fields.get(22 - 3)?.parse().ok()
}

/// Parent of a process (field 4).
fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// All pids there are.
fn pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Children of `root`, their children, and so on; `root` itself not.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let pairs: Vec<(i32, i32)> = pids()
        .into_iter()
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut found = BTreeSet::new();
    let mut frontier = vec![root];
    while let Some(next) = frontier.pop() {
        for (pid, parent) in &pairs {
            if *parent == next && found.insert(*pid) {
                frontier.push(*pid);
            }
        }
    }
    found.into_iter().collect()
}

/// Processes whose environment carries `name=value`: what a container leaves when its monitor was killed.
pub(crate) fn with_environment(name: &str, value: &Path) -> Vec<ProcessId> {
    let wanted = format!("{name}={}", value.display());
    pids()
        .into_iter()
        .filter(|pid| *pid != rustix::process::getpid().as_raw_nonzero().get())
        .filter_map(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == wanted.as_bytes())
                .then(|| ProcessId::of(pid))?
        })
        .collect()
}

/// The environment a process was started with.
pub(crate) fn environment(process: &ProcessId) -> io::Result<Vec<(String, String)>> {
    let environment = fs::read(format!("/proc/{}/environ", process.pid))?;
    if !process.alive() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(environment
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect())
}

#[cfg(test)]
mod tests;
