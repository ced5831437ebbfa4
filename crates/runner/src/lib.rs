//! `klamm run-broker` and `klamm run-store`: the first process of a Kafka Pod, and of one that keeps metadata.
//!
//! What it does: fills what is known only where it runs into what the operator rendered (addresses, rack, paths),
//! guards the volumes, formats where the Pod's spec permits it, starts the JVM and stays its parent: passes signals,
//! keeps PEM files current, tells health and state over HTTP.
//! What it reads: environment, the mounted `ConfigMap` and Secrets, `meta.properties`, Kafka's state log.
//! Invariants: no directory that holds anything is ever formatted, but for what a killed format left; a permission
//! to format is used at most once per Pod; the JVM does not outlive this process, and no second one starts on a volume
//! while one lives; nothing secret is printed.
//! Not here: what goes into the configuration (crate `manifests`), when a node may be formatted (crate `planner`), how
//! a Pod becomes a process (crate `node-agent`).
//!
//! ```text
//!  supervise ◄─ signals                   holds the volumes' locks and the JVM
//!   ├ health    /livez /readyz /metrics /v1/broker-state
//!   ├ state     follows Kafka's state log
//!   ├ sources   whether mounted files changed
//!   ├ memory    gives back what only the start needed
//!   ├ served    what the TLS listeners serve
//!   └ task ─► processes that end with their work
//!      ├ prepare   volume (check) ─► rack ─► render ─► pem_files ─► metadata_store ─► format ─► old_session ─► jvm
//!      ├ refresh   pem_files and the logging configuration, when sources changed
//!      └ look      dials the TLS listeners
//! ```

mod environment;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod install;
mod jvm;
mod memory;
mod meta_properties;
mod metadata_store;
mod old_session;
mod pem_files;
mod prepare;
mod rack;
mod render;
mod served;
mod sources;
mod state;
mod store;
mod supervise;
mod task;
mod volume;
mod zookeeper;

pub use format::first_files;
pub use install::install;
pub use jvm::tied_child;
pub use zookeeper::in_hosts_file;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use model::observed::runner::Refusal;

/// Why the runner gave up. Ends up in the container's termination message, hence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The environment lacks something or holds nonsense.
    #[error("environment variable {name}: {reason}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A file that the operator wrote cannot be used.
    #[error("{path}: {reason}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A volume is not this node's, or not in a state to start on.
    #[error("volume {volume}: {reason}")]
    Volume {
        /// Its mount point.
        volume: PathBuf,
        /// What is wrong and what helps.
        reason: String,
    },
    /// A volume is refused for a reason that the operator acts on.
    #[error("volume {volume}: {reason}")]
    Refused {
        /// Why, in a word that the operator reads.
        refusal: Refusal,
        /// Ids of the volumes concerned.
        volumes: BTreeSet<u32>,
        /// Mount point of the first of them.
        volume: PathBuf,
        /// What is wrong and what helps.
        reason: String,
    },
    /// Formatting failed; nothing was started.
    #[error("formatting the log directories failed: {reason}")]
    Format {
        /// What is wrong, or what Kafka's storage tool said.
        reason: String,
    },
    /// The certificate did not come to name the Pod's address in time.
    #[error(
        "the certificate in {path} does not name {address} after {seconds} s; the operator issues it once it sees the Pod's address"
    )]
    CertificateAddress {
        /// The assembled file.
        path: PathBuf,
        /// The Pod's address.
        address: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The JVM did not start.
    #[error("the JVM {program} does not start; Kafka needs a Java runtime 17 or newer")]
    Jvm {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Work that a process of its own does could not be handed out, or its answer not understood.
    #[error("cannot do {task} in a process of its own")]
    Task {
        /// Which work.
        task: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {operation} {path}")]
    File {
        /// `read`, `write`, `lock` …
        operation: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl RunnerError {
    /// The termination message: where the operator can act on it, it begins with a word that it knows.
    fn for_operator(&self, message: &str) -> String {
        match self {
            Self::Refused {
                refusal, volumes, ..
            } => refusal.message(volumes, message),
            _ => message.to_owned(),
        }
    }

    fn file(
        operation: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            operation,
            path,
            source,
        }
    }
}

/// Runs the Kafka of this Pod until it ends or a signal asks it to; the whole of `klamm run-broker`.
///
/// Exit status: that of the JVM; 0 when a signal asked for the end and the JVM followed; 1 when it never started.
pub fn run_broker() -> ExitCode {
    run(async |environment| supervise::run(environment).await)
}

/// Runs what keeps the metadata in this Pod; the whole of `klamm run-store`. Exit status as for [`run_broker`].
pub fn run_store() -> ExitCode {
    run(async |environment| store::run(environment).await)
}

fn run(first: impl AsyncFnOnce(&environment::Environment) -> Result<u8, RunnerError>) -> ExitCode {
    let environment = match environment::Environment::from_process() {
        Ok(environment) => environment,
        Err(error) => {
            tracing::error!("{}", chain(&error));
            return ExitCode::FAILURE;
        }
    };
    // One thread: the JVM's parent-death signal is bound to the thread that started it, and memory is dear here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(first(&environment)),
        Err(source) => Err(RunnerError::File {
            operation: "start",
            path: "tokio".into(),
            source,
        }),
    };
    let code = match outcome {
        Ok(code) => code,
        Err(error) => {
            let message = chain(&error);
            tracing::error!("{message}");
            environment.write_termination_message(&error.for_operator(&message));
            1
        }
    };
    ExitCode::from(code)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(": ");
        text.push_str(&next.to_string());
        source = next.source();
    }
    text
}
