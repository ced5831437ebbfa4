//! The termination message: what a container leaves to be told about its end.
//!
//! A fresh, empty file is made for each attempt, as a kubelet mounts one; the monitor reads it when the container has
//! ended. Source: `terminationMessagePath` and `terminationMessagePolicy` of a Kubernetes container.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::Container;
use serde::{Deserialize, Serialize};

use crate::files;

/// Kubernetes' default of `terminationMessagePath`.
const DEFAULT_PATH: &str = "/dev/termination-log";
/// As many bytes of a message as a kubelet keeps: the last ones.
const MOST_BYTES: u64 = 4096;
/// As many bytes of a log as a kubelet falls back to.
const MOST_LOG_BYTES: usize = 2048;
/// As many lines of a log as a kubelet falls back to.
const MOST_LOG_LINES: usize = 80;

/// Where a container leaves its message, and what is told without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Termination {
    /// The file, below the container's root.
    pub(crate) file: PathBuf,
    /// The end of the log stands in for an empty message of a failed container.
    pub(crate) falls_back_to_log: bool,
}

impl Termination {
    /// Makes the empty file of a new attempt.
    pub(crate) fn prepare(root: &Path, container: &Container) -> io::Result<Self> {
        let path = container
            .termination_message_path
            .as_deref()
            .filter(|path| !path.is_empty())
            .unwrap_or(DEFAULT_PATH);
        let inside = Path::new(path.trim_matches('/'));
        if inside
            .components()
            .any(|part| !matches!(part, Component::Normal(_)))
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("terminationMessagePath {path:?} leaves the container"),
            ));
        }
        let file = root.join(inside);
        if let Some(parent) = file.parent() {
            files::private_dir(parent)?;
        }
        fs::write(&file, "")?;
        let falls_back_to_log =
            container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        Ok(Self {
            file,
            falls_back_to_log,
        })
    }

    /// What is told of an end with this exit status; `log` is the attempt's newest log file.
    pub(crate) fn message(&self, code: i32, log: &Path) -> Option<String> {
        let message = end_of(&self.file).unwrap_or_default();
        if !message.is_empty() {
            return Some(message);
        }
        (self.falls_back_to_log && code != 0)
            .then(|| log_end(&fs::read_to_string(log).unwrap_or_default()))
            .filter(|text| !text.is_empty())
    }
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a log file, without time, stream and tag.
fn log_end(text: &str) -> String {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in text.lines().rev().take(MOST_LOG_LINES) {
        let line = line.splitn(4, ' ').nth(3).unwrap_or_default();
        bytes += line.len() + 1;
        if bytes > MOST_LOG_BYTES {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
