//! Starting the monitor of a container, and finding the one an earlier agent started.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::attempt::{AttemptDir, ContainerDir, Exit, Running};
use crate::container_exec::{CLAIMED, MonitorSpec, READY};
use crate::process;
use crate::settings::Settings;

/// A healthy monitor needs milliseconds; a machine under load more.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Names the attempt in the environment of every process of a container.
pub(crate) const MARK: &str = "KLAMM_CONTAINER_DIR";

/// Why a container was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// The monitor of an earlier attempt still lives.
    #[error("another process of this container still runs")]
    Claimed,
    /// It could not be started.
    #[error("{0}")]
    Failed(String),
}

/// Starts a container. When this returns, its program runs (or has ended already).
pub(crate) async fn launch(settings: &Settings, spec: &MonitorSpec) -> Result<Child, LaunchError> {
    let failed = |error: &dyn std::fmt::Display| LaunchError::Failed(error.to_string());
    let attempt = AttemptDir(spec.attempt.clone());
    let complaints = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(attempt.monitor_log())
        .map_err(|error| failed(&error))?;
    let mut child = Command::new(&settings.executable)
        .args(&settings.container_exec)
        .arg("monitor")
        .env_clear()
        .env(MARK, &attempt.0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(complaints)
        .spawn()
        .map_err(|error| {
            LaunchError::Failed(format!("start {}: {error}", settings.executable.display()))
        })?;
    let text = serde_json::to_vec(spec).map_err(|error| failed(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A monitor that died at once says why below.
        let _ = stdin.write_all(&text).await;
    }
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = BufReader::new(stdout);
        if tokio::time::timeout(START_TIMEOUT, stdout.read_line(&mut line))
            .await
            .is_err()
        {
            let _ = child.kill().await;
            return Err(LaunchError::Failed("its monitor did not answer".to_owned()));
        }
    }
    if line.starts_with(READY) {
        return Ok(child);
    }
    let status = child.wait().await.map_err(|error| failed(&error))?;
    if status.code() == Some(i32::from(CLAIMED)) {
        return Err(LaunchError::Claimed);
    }
    let complaint = fs::read_to_string(attempt.monitor_log()).unwrap_or_default();
    Err(LaunchError::Failed(complaint.lines().last().map_or_else(
        || format!("its monitor ended with {status}"),
        str::to_owned,
    )))
}

/// What an earlier agent left of a container.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// It never ran.
    Nothing,
    /// It runs.
    Running { attempt: u32, running: Box<Running> },
    /// It has ended.
    Exited { attempt: u32, exit: Exit },
}

/// Looks at the files and processes of a container. Afterwards, unless it runs, none of its processes is left.
pub(crate) async fn find(dir: &ContainerDir) -> Found {
    while let Some(number) = dir.latest() {
        let attempt = dir.attempt(number);
        // A monitor that lives has either written `running`, or is about to, or is about to write `exit`.
        let mut patience = 600;
        while dir.claimed() && patience > 0 {
            if attempt.exit().is_none()
                && let Some(running) = attempt.running()
                && running.process.alive()
            {
                return Found::Running {
                    attempt: number,
                    running: Box::new(running),
                };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            patience -= 1;
        }
        if let Some(exit) = attempt.exit() {
            return Found::Exited {
                attempt: number,
                exit,
            };
        }
        stop_leftovers(&attempt).await;
        if attempt.running().is_some() {
            return Found::Exited {
                attempt: number,
                exit: unseen(&attempt),
            };
        }
        // It was about to be started when the agent died: as if it had not been.
        if crate::files::remove(&attempt.0).is_err() {
            break;
        }
    }
    Found::Nothing
}

/// Returns when a running attempt has ended, with how. `child` is given by who started it.
pub(crate) async fn ended(
    attempt: &AttemptDir,
    running: Option<&Running>,
    child: Option<Child>,
) -> Exit {
    match (child, running) {
        (Some(mut child), _) => {
            let _ = child.wait().await;
        }
        (None, Some(running)) => running.monitor.ended().await,
        (None, None) => {}
    }
    if let Some(exit) = attempt.exit() {
        return exit;
    }
    stop_leftovers(attempt).await;
    unseen(attempt)
}

/// The monitor was killed: nobody knows how the container ended.
fn unseen(attempt: &AttemptDir) -> Exit {
    let exit = Exit::unseen(
        attempt.running().map(|running| running.started_at),
        Timestamp::now(),
    );
    let _ = attempt.write_exit(&exit);
    exit
}

/// Kills what a container without a monitor has left behind.
async fn stop_leftovers(attempt: &AttemptDir) {
    for _ in 0..200 {
        let left = process::with_environment(MARK, &attempt.0);
        if left.is_empty() {
            break;
        }
        for process in left {
            process.signal(Signal::KILL);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if let Some(running) = attempt.running() {
        crate::cgroup::remove(&running.cgroups);
    }
}
