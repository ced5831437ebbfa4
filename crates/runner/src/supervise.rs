//! From the environment to a running JVM, and with it until it ends.
//!
//! Order, and why: health first (a probe that fails must say why); locks before anything on a volume is looked at;
//! format before Kafka's own properties are final, since the storage tool reads the same ones.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::runner::RunnerConfig;
use model::runner::placeholder::{self, Place};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use crate::environment::Environment;
use crate::health::{self, ENDED, Shared};
use crate::render;
use crate::served::{self, Served};
use crate::state::{Follower, last_words};
use crate::{RunnerError, format, jvm, metadata_store, old_session, pem_files, rack, volume};

/// Where the filled-in files are: the Pod's memory volume.
const RUN_DIR: &str = "/var/run/klamm";

/// Runs Kafka; returns the exit status for the container.
pub(crate) async fn run(environment: &Environment) -> Result<u8, RunnerError> {
    let config = environment.runner_config()?;
    let mut stop = Stop::listen()?;
    let shared = Shared::new(environment.clone(), config.clone());
    shared.live().doing = "preparing";
    let listener = health::bind(&shared).await?;
    tokio::spawn(health::serve(listener, Arc::clone(&shared)));

    let _locks = volume::lock_all(environment, &config)?;
    let found = volume::inspect(environment, &config)?;
    let files = render_files(environment, &config).await?;
    jvm::write_jmx_files(environment, &config)?;
    shared.live().doing = "waiting for a certificate that names this Pod's address";
    tokio::select! {
        outcome = pem_files::assemble_and_wait(environment, &config) => outcome?,
        _ = stop.asked() => return Ok(0),
    }
    let mut is_registered = false;
    if let Some(store) = &config.store {
        shared.live().doing = "waiting for the metadata store";
        let empty = |content: &volume::Content| *content != volume::Content::Own;
        let disks_are_empty = found.iter().all(|(_, _, content)| empty(content));
        tokio::select! {
            outcome = metadata_store::agree(environment, &config, store, disks_are_empty) => is_registered = outcome?,
            _ = stop.asked() => return Ok(0),
        }
    }
    shared.live().doing = "formatting";
    tokio::select! {
        outcome = format::format_if_permitted(environment, &config, &files.properties, &found) => { outcome?; },
        // The tool's child dies with its handle; a half-done format is finished by the next start.
        _ = stop.asked() => return Ok(0),
    }
    format::use_up_permission(environment)?;
    if let Some(store) = config.store.as_ref().filter(|_| is_registered) {
        shared.live().doing = "waiting for its old session to end";
        let properties = std::fs::read_to_string(&files.properties)
            .map_err(RunnerError::file("read", &files.properties))?;
        let patience = old_session::patience(&properties);
        tokio::select! {
            () = old_session::wait(environment, config.node_id.0, store, patience) => {}
            _ = stop.asked() => return Ok(0),
        }
    }
    shared.live().doing = "starting Kafka";
    let code = start_and_wait(&shared, &files, &mut stop).await;
    shared.live().doing = ENDED;
    code
}

/// Files that Kafka is started with.
struct Files {
    properties: PathBuf,
    /// Kafka's log configuration: `log4j2.properties`, up to 3.9 `log4j.properties`.
    logging: PathBuf,
    /// What placeholders stand for, found once: it cannot change under a running Pod.
    place: Place,
}

async fn render_files(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Files, RunnerError> {
    let run_dir = environment.path(RUN_DIR);
    std::fs::create_dir_all(&run_dir).map_err(RunnerError::file("create", &run_dir))?;
    let place = render::place(environment, rack::of(environment, config).await);
    let mut properties = fill(environment, &place, "server.config")?;
    if environment.fast_start {
        properties = render::with_fast_start(properties);
    }
    let files = Files {
        properties: run_dir.join("server.properties"),
        logging: run_dir.join(jvm::logging_file(config)),
        place,
    };
    pem_files::write_private(&files.properties, properties.as_bytes())?;
    render_logging(environment, config, &files)?;
    Ok(files)
}

/// The logging configuration, which Kafka 4 reads again by itself when it changes.
fn render_logging(
    environment: &Environment,
    config: &RunnerConfig,
    files: &Files,
) -> Result<(), RunnerError> {
    let text = fill(environment, &files.place, jvm::logging_file(config))?;
    if std::fs::read_to_string(&files.logging).is_ok_and(|present| present == text) {
        return Ok(());
    }
    pem_files::write_private(&files.logging, text.as_bytes())
}

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

async fn start_and_wait(
    shared: &Arc<Shared>,
    files: &Files,
    stop: &mut Stop,
) -> Result<u8, RunnerError> {
    let (environment, config) = (&shared.environment, &shared.config);
    let state_log = environment.path(&config.state_log);
    forget_old_state(&state_log)?;
    let properties = std::fs::read_to_string(&files.properties)
        .map_err(RunnerError::file("read", &files.properties))?;
    shared.live().served = Served::at_start(served::stores(config, &properties));
    let mut child = jvm::broker_command(environment, config, &files.properties, &files.logging)?
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| RunnerError::Jvm {
            program: environment.java.clone(),
            source,
        })?;
    tracing::info!(pod = %environment.pod_name, node = %config.node_id, kafka = %config.kafka_version, pid = child.id(), "Kafka starts");
    shared.live().jvm = child.id();
    let mut follower = Follower::new(&state_log);
    let mut ticks = tokio::time::interval(pem_files::PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut short_ticks = tokio::time::interval(UNTIL_READY);
    short_ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut ready = false;
    let mut asked = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|source| RunnerError::Jvm { program: environment.java.clone(), source })?,
            signal = stop.asked() => {
                asked = true;
                pass(&child, signal);
            }
            _ = ticks.tick() => tick(shared, files, &mut follower),
            _ = short_ticks.tick(), if !ready => {
                // A failure is told by the longer ticks.
                let _ = follow(shared, &mut follower);
                ready = shared.live().state.is_ready(config.roles.is_broker());
            }
        }
    };
    // Forget the JVM only after it is reaped, so that health never names a process that is not ours.
    shared.live().jvm = None;
    tick(shared, files, &mut follower);
    tracing::info!(pod = %environment.pod_name, %status, asked, "Kafka ended");
    let code = exit_code(status, asked);
    if code != 0 {
        let words = last_words(&state_log).unwrap_or_else(|| "its log may say why".to_owned());
        let full = full_disks(environment, config);
        environment.write_termination_message(&format!("Kafka ended with {status}: {full}{words}"));
    }
    Ok(code)
}

/// Less than this is no room: Kafka maps index files, and a page that cannot be had ends the JVM with other words.
const NO_ROOM_BYTES: u64 = 1024 * 1024;

/// The volumes without room, which is then the cause whatever Kafka calls it.
fn full_disks(environment: &Environment, config: &RunnerConfig) -> String {
    let is_full = |path: &str| {
        rustix::fs::statvfs(environment.path(path))
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < NO_ROOM_BYTES)
    };
    let mut words = String::new();
    for dir in config.log_dirs.iter().filter(|dir| is_full(&dir.path)) {
        words.push_str("no space left on device: volume ");
        words.push_str(&dir.volume.0.to_string());
        words.push_str(" is full; ");
    }
    words
}

/// How often Kafka's state is looked at until it serves: somebody waits for that.
const UNTIL_READY: Duration = Duration::from_millis(50);

fn follow(shared: &Shared, follower: &mut Follower) -> std::io::Result<()> {
    let mut state = std::mem::take(&mut shared.live().state);
    let read = follower.read(&mut state);
    shared.live().state = state;
    read
}

/// One round of what goes on beside a running JVM.
fn tick(shared: &Arc<Shared>, files: &Files, follower: &mut Follower) {
    if let Err(error) = follow(shared, follower) {
        tracing::warn!(%error, "cannot read Kafka's state log");
    }
    if let Err(error) = render_logging(&shared.environment, &shared.config, files) {
        tracing::debug!(%error, "keeping the present logging configuration");
    }
    match pem_files::assemble(&shared.environment, &shared.config) {
        Ok(written) if written.is_empty() => {}
        Ok(written) => {
            let mut live = shared.live();
            live.reassembled += written.len() as u64;
            live.served.expect_change();
            drop(live);
            tracing::info!(files = ?written, "certificates changed; Kafka serves them once the operator tells it to reload");
        }
        // A Secret that vanishes under a running broker changes nothing for it: it keeps what it has.
        Err(error) => tracing::debug!(%error, "keeping the present PEM files"),
    }
    served::look(shared);
}

/// The state of a JVM that is gone must not speak for the next one.
fn forget_old_state(state_log: &Path) -> Result<(), RunnerError> {
    match std::fs::remove_file(state_log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RunnerError::file("remove", state_log)(error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn pass(child: &Child, signal: Signal) {
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) else {
        return;
    };
    tracing::info!(%signal, "passing it to Kafka and waiting for its controlled shutdown");
    if let Err(error) = kill(Pid::from_raw(pid), signal) {
        tracing::warn!(%error, "the JVM cannot be signalled");
    }
}

/// A JVM that follows SIGTERM ends with 143; asked for, that is success.
pub(crate) fn exit_code(status: ExitStatus, asked: bool) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    if asked && code == 128 + Signal::SIGTERM as i32 {
        return 0;
    }
    u8::try_from(code).unwrap_or(1)
}

/// The signals that ask for the end.
pub(crate) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self, RunnerError> {
        let on = |kind| signal(kind).map_err(RunnerError::file("listen for", Path::new("signals")));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    /// Returns with the signal to pass on; SIGINT becomes SIGTERM, which Kafka treats alike.
    pub(crate) async fn asked(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.interrupt.recv() => Signal::SIGTERM,
        }
    }
}
