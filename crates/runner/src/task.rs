//! Work for which the supervisor starts this program once more.
//!
//! The supervisor lives as long as its broker, in every Pod: what is done once, or rarely, and needs much code (TLS,
//! certificates, the metadata store) is done by a process of its own, and its memory goes with it. That process reads
//! the same environment and files, prints lines of JSON (what it does, at last what came of it), logs where the
//! supervisor does, and is killed when the supervisor dies.

use std::process::{ExitCode, Stdio};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};

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

/// Does a task elsewhere; `None` if it failed, which was logged there. The process ends when this future is dropped.
pub(crate) async fn run<T: DeserializeOwned>(
    task: &Task,
    mut told: impl FnMut(Doing),
) -> Result<Option<T>, RunnerError> {
    let failed = |source| RunnerError::Task {
        task: task.name(),
        source,
    };
    let text = serde_json::to_string(task).map_err(|error| failed(error.into()))?;
    let mut child = jvm::tied_to_this(["--task", &text])?
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
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
    memory::give_back_code();
    Ok(outcome.filter(|_| status.success()))
}

/// `run-broker --parent PARENT --task TASK`: the other side.
pub(crate) fn main(task: &str) -> ExitCode {
    match serde_json::from_str(task) {
        Ok(Task::Prepare) => crate::run(async |environment| {
            let prepared =
                prepare::run(environment, |doing| tell(&Line::<()>::Doing(doing))).await?;
            tell(&Line::Done(prepared));
            Ok(0)
        }),
        // A Secret that vanishes under a running broker changes nothing for it: it keeps what it has.
        Ok(Task::Refresh { rack }) => {
            crate::run(async |environment| Ok(told(prepare::refresh(environment, rack))))
        }
        Ok(Task::Look) => crate::run(async |environment| Ok(told(look(environment).await))),
        Err(error) => {
            tracing::error!(task, %error, "no task of this runner");
            ExitCode::FAILURE
        }
    }
}

async fn look(
    environment: &Environment,
) -> Result<std::collections::BTreeMap<String, String>, RunnerError> {
    let config = environment.runner_config()?;
    let stores = served::files::stores(environment, &config)?;
    Ok(served::dial::all(environment, &stores).await)
}

/// The exit status of what goes on beside a running broker: a failure is no news for the operator.
fn told<T: Serialize>(outcome: Result<T, RunnerError>) -> u8 {
    match outcome {
        Ok(done) => {
            tell(&Line::Done(done));
            0
        }
        Err(error) => {
            tracing::debug!(error = crate::chain(&error), "keeping the present files");
            1
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
