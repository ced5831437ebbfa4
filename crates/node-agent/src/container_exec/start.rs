//! The last steps before a process becomes the container's program.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};

use super::{ExecError, Mounts, Named as _};
use crate::cgroup;

/// Told in argv; the environment is the process's own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartSpec {
    pub command: Vec<String>,
    pub directory: PathBuf,
    pub mounts: Option<Mounts>,
    pub cgroups: Vec<PathBuf>,
    pub error_file: PathBuf,
    pub parent: i32,
}

pub(super) fn run(spec: &str) -> Result<ExitCode, ExecError> {
    let spec: StartSpec = serde_json::from_str(spec)?;
    let Err(error) = become_program(&spec);
    let _ = fs::write(&spec.error_file, error.to_string());
    Ok(ExitCode::from(127))
}

fn become_program(spec: &StartSpec) -> Result<std::convert::Infallible, ExecError> {
    for group in &spec.cgroups {
        cgroup::join(group).named(|| format!("join cgroup {}", group.display()))?;
    }
    if let Some(mounts) = &spec.mounts {
        mounts.set_up()?;
    }
    raise_file_limit();
    lift_signal_mask();
    let _ = rustix::process::setsid();
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

/// The kernel kills this process when its parent ends. Set last: changing namespaces clears it.
pub(super) fn die_with(parent: i32) -> Result<(), ExecError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .named(|| "set the death signal".to_owned())?;
    if rustix::process::getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
        return Err(std::io::Error::other("it ended already")).named(|| "parent".to_owned());
    }
    Ok(())
}

/// The monitor blocks some signals, and a mask outlives exec.
pub(super) fn lift_signal_mask() {
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
}

/// Brokers hold many files open; a login shell's soft limit of 1024 is not for them.
pub(super) fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
