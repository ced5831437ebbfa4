//! Work for which the supervisor starts this program once more.
//!
//! The supervisor lives as long as its broker, in every Pod: what is done once, or rarely, and needs much code (TLS,
//! certificates, the metadata store) is done by a process of its own, and its memory goes with it. That process has the
//! same environment, and on standard input the configuration that the supervisor began with: what the operator mounts
//! later may be meant for a later runner. It prints lines of JSON (what it does, at last what came of it), logs where
//! the supervisor does, and is killed when the supervisor dies.

use std::process::{ExitCode, Stdio};

use model::runner::RunnerConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::environment::Environment;
use crate::{RunnerError, jvm, memory, prepare, served};

/// What there is to do; in its JSON form an argument of the command line, so nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Everything before Kafka starts; comes to [`prepare::Prepared`].
    Prepare,
    /// Files of which the sources changed; comes to [`prepare::Refreshed`].
    Refresh {
        /// What the rack was when Kafka started.
        rack: Option<String>,
    },
    /// What the TLS listeners serve: hashes of certificates by listener.
    Look,
}

impl Task {
    fn failed(&self, source: std::io::Error) -> RunnerError {
        RunnerError::Task {
            task: self.name(),
            source,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Refresh { .. } => "refresh",
            Self::Look => "look",
        }
    }
}

/// What the runner does before there is a JVM, and after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Doing {
    /// Locks, volumes, configuration.
    #[default]
    Preparing,
    /// The operator issues it once it sees the Pod's address.
    WaitingForCertificate,
    /// No server of it answered so far.
    WaitingForStore,
    /// The disks' first files.
    Formatting,
    /// Kafka would end at the sight of it.
    WaitingForOldSession,
    /// The JVM is about to run, or runs.
    Starting,
    /// There is no JVM any more.
    Ended,
}

impl Doing {
    /// As people read it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::WaitingForCertificate => {
                "waiting for a certificate that names this Pod's address"
            }
            Self::WaitingForStore => "waiting for the metadata store",
            Self::Formatting => "formatting",
            Self::WaitingForOldSession => "waiting for its old session to end",
            Self::Starting => "starting Kafka",
            Self::Ended => "ended",
        }
    }
}

/// A line that such a process prints.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line<T> {
    Doing(Doing),
    Done(T),
}

/// Does a task elsewhere; `None` if it failed and said why. The process ends when this future is dropped.
pub(crate) async fn run<T: DeserializeOwned>(
    task: &Task,
    config: &RunnerConfig,
    told: impl FnMut(Doing),
) -> Result<Option<T>, RunnerError> {
    let text = serde_json::to_string(task).map_err(|error| task.failed(error.into()))?;
    let command = jvm::tied_to_this(["--task", &text]);
    let outcome = run_in(command, task, config, told).await;
    memory::give_back_code();
    outcome
}

async fn run_in<T: DeserializeOwned>(
    mut command: Command,
    task: &Task,
    config: &RunnerConfig,
    mut told: impl FnMut(Doing),
) -> Result<Option<T>, RunnerError> {
    let failed = |source| task.failed(source);
    let handed = serde_json::to_vec(config).map_err(|error| failed(error.into()))?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // One that ends without reading says why by its status.
        let _ = input.write_all(&handed).await;
    }
    let mut outcome = None;
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.map_err(failed)? {
            match serde_json::from_str(&line).map_err(|error| failed(error.into()))? {
                Line::Doing(doing) => told(doing),
                Line::Done(done) => outcome = Some(done),
            }
        }
    }
    let status = child.wait().await.map_err(failed)?;
    match (status.code(), outcome) {
        (Some(0), Some(done)) => Ok(Some(done)),
        (Some(code), _) if code == i32::from(FAILED) => Ok(None),
        _ => Err(failed(std::io::Error::other(format!(
            "it ended with {status}"
        )))),
    }
}

/// Exit status of a task that failed and said why.
const FAILED: u8 = 1;

/// `run-broker --parent PARENT --task TASK`: the other side.
pub(crate) fn main(task: &str) -> ExitCode {
    let handed = serde_json::from_str::<Task>(task)
        .and_then(|task| Ok((task, serde_json::from_reader(std::io::stdin().lock())?)));
    match handed {
        Ok((task, config)) => {
            crate::run(async |environment| perform(&task, environment, &config).await)
        }
        Err(error) => {
            tracing::error!(task, %error, "no task of this runner");
            ExitCode::from(NOT_UNDERSTOOD)
        }
    }
}

/// Exit status where the other side is of another version; that it says why is not for the operator.
const NOT_UNDERSTOOD: u8 = 2;

async fn perform(
    task: &Task,
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<u8, RunnerError> {
    match task {
        Task::Prepare => {
            let told = |doing| tell(&Line::<()>::Doing(doing));
            tell(&Line::Done(prepare::run(environment, config, told).await?));
            Ok(0)
        }
        Task::Refresh { rack } => Ok(beside_kafka(prepare::refresh(
            environment,
            config,
            rack.clone(),
        ))),
        Task::Look => Ok(beside_kafka(served::dial::all(environment, config).await)),
    }
}

/// The exit status of what goes on beside a running broker, of which a failure is no end.
fn beside_kafka<T: Serialize>(outcome: Result<T, RunnerError>) -> u8 {
    match outcome {
        Ok(done) => {
            tell(&Line::Done(done));
            0
        }
        Err(error) => {
            tracing::warn!(
                error = crate::chain(&error),
                "nothing came of a task beside Kafka"
            );
            FAILED
        }
    }
}

/// One line each; the supervisor that would read it may be gone, and then so is this process.
fn tell<T: Serialize>(line: &Line<T>) {
    use std::io::Write as _;
    match serde_json::to_string(line) {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Err(error) => tracing::error!(%error, "cannot tell the supervisor"),
    }
}

#[cfg(test)]
mod tests;
