//! What runs in the processes that the agent starts: `klamm container-exec …`, never typed by a person.
//!
//! ```text
//! agent ──► monitor ──► start ══exec══► the container's program
//!             │ holds the claim on the container, owns its log files, writes `running` and `exit`,
//!             │ outlives the agent; its death takes the program with it
//! agent ──► enter ══exec══► a command inside a running container (exec, probes, hooks)
//! ```
//!
//! Each is a fresh process with one thread, so sessions, namespaces and death signals can be set without `unsafe`.

mod enter;
mod monitor;
mod namespace;
mod start;

use std::io::Write as _;
use std::process::ExitCode;

pub(crate) use enter::EnterSpec;
pub(crate) use monitor::{MonitorSpec, READY};
pub(crate) use namespace::Mounts;

/// Exit status of the monitor when another one holds the container.
pub(crate) const CLAIMED: u8 = 77;

/// Runs the hidden subcommand; `args` are those after `container-exec`.
pub fn main(args: &[String]) -> ExitCode {
    let done = match args {
        [kind] if kind == "monitor" => monitor::run(),
        [kind, spec] if kind == "start" => start::run(spec),
        [kind, spec] if kind == "enter" => enter::run(spec),
        [kind, spec] if kind == "try-mounts" => namespace::try_mounts(spec),
        _ => Err(ExecError::Usage),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "container-exec: {error}");
            ExitCode::from(126)
        }
    }
}

/// Why a helper process could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    #[error(
        "is started by the node agent; it takes: monitor | start SPEC | enter SPEC | try-mounts SPEC"
    )]
    Usage,
    #[error("cannot understand what the agent wrote: {0}")]
    Spec(#[from] serde_json::Error),
    #[error("{operation}: {source}")]
    Step {
        operation: String,
        source: std::io::Error,
    },
}

/// Names the operation that failed.
pub(crate) trait Named<T> {
    /// Names the operation that failed.
    fn named(self, operation: impl FnOnce() -> String) -> Result<T, ExecError>;
}

impl<T, E: Into<std::io::Error>> Named<T> for Result<T, E> {
    fn named(self, operation: impl FnOnce() -> String) -> Result<T, ExecError> {
        self.map_err(|source| ExecError::Step {
            operation: operation(),
            source: source.into(),
        })
    }
}
