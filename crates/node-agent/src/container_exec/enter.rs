//! A command inside a running container: `kubectl exec`, exec probes, lifecycle hooks.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, setns};
use serde::{Deserialize, Serialize};

use super::start::{die_with, lift_signal_mask, raise_file_limit};
use super::{ExecError, Named as _};
use crate::cgroup;

/// Told in argv; the environment is the process's own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnterSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// First process of the container.
    pub pid: i32,
    /// Its namespaces are its own.
    pub own_mounts: bool,
    /// Its user namespace is its own.
    pub own_users: bool,
    /// Its cgroups.
    pub cgroups: Vec<PathBuf>,
    /// Working directory.
    pub directory: PathBuf,
    /// stdin is a terminal that becomes the controlling one.
    pub terminal: bool,
    /// The agent.
    pub parent: i32,
}

pub(super) fn run(spec: &str) -> Result<ExitCode, ExecError> {
    let spec: EnterSpec = serde_json::from_str(spec)?;
    for group in &spec.cgroups {
        // Going on without the limit is better than no shell in a container that is being looked into.
        let _ = cgroup::join(group);
    }
    let namespace = |kind: &str| {
        File::open(format!("/proc/{}/ns/{kind}", spec.pid))
            .named(|| format!("open the container's {kind} namespace"))
    };
    let users = spec.own_users.then(|| namespace("user")).transpose()?;
    let mounts = spec.own_mounts.then(|| namespace("mnt")).transpose()?;
    if let Some(users) = users {
        setns(users, CloneFlags::CLONE_NEWUSER)
            .named(|| "enter the container's user namespace".to_owned())?;
    }
    if let Some(mounts) = mounts {
        setns(mounts, CloneFlags::CLONE_NEWNS)
            .named(|| "enter the container's mount namespace".to_owned())?;
    }
    raise_file_limit();
    lift_signal_mask();
    let _ = rustix::process::setsid();
    if spec.terminal {
        rustix::process::ioctl_tiocsctty(std::io::stdin())
            .named(|| "take the terminal".to_owned())?;
    }
    die_with(spec.parent)?;
    std::env::set_current_dir(&spec.directory)
        .named(|| format!("working directory {}", spec.directory.display()))?;
    let (program, arguments) = spec.command.split_first().ok_or(ExecError::Usage)?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).named(|| match fs::exists(program) {
        Ok(true) => format!("exec {program:?}"),
        _ => format!("exec {program:?}: executable file not found in $PATH"),
    })
}
