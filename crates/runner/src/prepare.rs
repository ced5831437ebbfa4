//! Everything between the environment and the JVM's command line, and again later where sources change.
//!
//! Runs in processes of its own (see [`crate::task`]). The supervisor holds the volumes' locks meanwhile. Order, and
//! why: volumes are looked at before anything is written; format before Kafka's own properties are final, since the
//! storage tool reads the same ones; the permission to format is used up before Kafka may write.

use std::path::PathBuf;

use model::runner::RunnerConfig;
use model::runner::placeholder::{self, Place};
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, RUN_DIR};
use crate::jvm::Program;
use crate::served::files::Given;
use crate::task::Doing;
use crate::{
    RunnerError, format, jvm, metadata_store, old_session, pem_files, rack, render, volume,
};

/// What the supervisor needs to start Kafka.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Found once: it cannot change under a running Pod.
    pub(crate) rack: Option<String>,
    /// The files that Kafka's listeners are given.
    pub(crate) given: Given,
    pub(crate) program: Program,
}

/// What was brought up to date under a running Kafka.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refreshed {
    /// PEM files that were assembled anew.
    pub(crate) written: Vec<PathBuf>,
    /// Why the others were not, if they should have been.
    pub(crate) kept_because: Option<String>,
    pub(crate) given: Given,
}

/// Prepares the start of Kafka; tells what it is about to do.
pub(crate) async fn run(
    environment: &Environment,
    config: &RunnerConfig,
    mut told: impl FnMut(Doing),
) -> Result<Prepared, RunnerError> {
    let found = volume::inspect(environment, config)?;
    let run_dir = environment.path(RUN_DIR);
    std::fs::create_dir_all(&run_dir).map_err(RunnerError::file("create", &run_dir))?;
    let rack = rack::of(environment, config).await;
    let place = render::place(environment, rack.clone());
    let properties = environment.server_properties();
    let mut text = fill(environment, &place, "server.config")?;
    if environment.fast_start {
        text = render::with_fast_start(text);
    }
    pem_files::write_private(&properties, text.as_bytes())?;
    render_logging(environment, config, &place)?;
    jvm::write_jmx_files(environment, config)?;
    told(Doing::WaitingForCertificate);
    pem_files::assemble_and_wait(environment, config).await?;
    let mut is_registered = false;
    if let Some(store) = &config.store {
        told(Doing::WaitingForStore);
        let empty = |content: &volume::Content| *content != volume::Content::Own;
        let disks_are_empty = found.iter().all(|(_, _, content)| empty(content));
        is_registered = metadata_store::agree(environment, config, store, disks_are_empty).await?;
    }
    told(Doing::Formatting);
    format::format_if_permitted(environment, config, &properties, &found).await?;
    format::use_up_permission(environment)?;
    if let Some(store) = config.store.as_ref().filter(|_| is_registered) {
        told(Doing::WaitingForOldSession);
        let patience = old_session::patience(&text);
        old_session::wait(environment, config.node_id.0, store, patience).await;
    }
    told(Doing::Starting);
    Ok(Prepared {
        rack,
        given: Given::read(environment, config)?,
        program: jvm::broker(environment, config)?,
    })
}

/// Brings up to date what Kafka reads again while it runs.
pub(crate) fn refresh(
    environment: &Environment,
    config: &RunnerConfig,
    rack: Option<String>,
) -> Result<Refreshed, RunnerError> {
    let place = render::place(environment, rack);
    if let Err(error) = render_logging(environment, config, &place) {
        tracing::debug!(%error, "keeping the present logging configuration");
    }
    // A Secret that vanishes, or goes wrong, under a running broker changes nothing for it: it keeps what it has.
    let (written, kept_because) = match pem_files::assemble(environment, config) {
        Ok(written) => (written, None),
        Err(error) => {
            let why = crate::chain(&error);
            tracing::warn!(error = why, "keeping the present certificates");
            (Vec::new(), Some(why))
        }
    };
    if !written.is_empty() {
        tracing::info!(files = ?written, "certificates changed; Kafka serves them once the operator tells it to reload");
    }
    Ok(Refreshed {
        written,
        kept_because,
        given: Given::read(environment, config)?,
    })
}

/// The logging configuration, which Kafka 4 reads again by itself when it changes.
fn render_logging(
    environment: &Environment,
    config: &RunnerConfig,
    place: &Place,
) -> Result<(), RunnerError> {
    let name = jvm::logging_file(config);
    let path = environment.path(RUN_DIR).join(name);
    let text = fill(environment, place, name)?;
    if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    pem_files::write_private(&path, text.as_bytes())
}

/// What the operator rendered under this key, filled in.
pub(crate) fn fill(
    environment: &Environment,
    place: &Place,
    key: &str,
) -> Result<String, RunnerError> {
    let path = environment.configuration_file(key);
    let template = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
    placeholder::fill(&template, place).map_err(|error| RunnerError::Configuration {
        path,
        reason: error.to_string(),
    })
}
