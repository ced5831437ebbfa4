//! From the environment to a running JVM, and with it until it ends.
//!
//! Order, and why: health first (a probe that fails must say why); locks before anything on a volume is looked at.
//! Lives as long as the broker, so what needs much code is done elsewhere (see [`crate::task`]).

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::runner::RunnerConfig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::environment::Environment;
use crate::health::{self, Shared};
use crate::prepare::{Prepared, Refreshed};
use crate::served::{self, Served};
use crate::sources::Sources;
use crate::state::{Follower, last_words};
use crate::task::{self, Doing, Task};
use crate::{RunnerError, memory, volume};

/// How often mounted files and Kafka's state are looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// Until files that could not be brought up to date are tried again, the first time and at most.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(10));

/// Runs Kafka; returns the exit status for the container.
pub(crate) async fn run(environment: &Environment) -> Result<u8, RunnerError> {
    let config = environment.runner_config()?;
    let mut stop = Stop::listen()?;
    let shared = Shared::new(environment.clone(), config.clone());
    let listener = health::bind(&shared).await?;
    tokio::spawn(health::serve(listener, Arc::clone(&shared)));

    let _locks = volume::lock_all(environment, &config)?;
    // Before they are read: a change from now on is one to take in.
    let sources = Sources::of(environment, &config);
    let prepared = tokio::select! {
        outcome = task::run(&Task::Prepare, &config, |doing| shared.live().doing = doing) => outcome?,
        // What it does dies with it; a half-done format is finished by the next start.
        _ = stop.asked() => return Ok(0),
    };
    let code = match prepared {
        Some(prepared) => start_and_wait(&shared, prepared, sources, &mut stop).await,
        // It said why, to the operator as well.
        None => Ok(1),
    };
    shared.live().doing = Doing::Ended;
    code
}

async fn start_and_wait(
    shared: &Arc<Shared>,
    prepared: Prepared,
    sources: Sources,
    stop: &mut Stop,
) -> Result<u8, RunnerError> {
    let (environment, config) = (&shared.environment, &shared.config);
    let state_log = environment.path(&config.state_log);
    forget_old_state(&state_log)?;
    shared.live().served = Served::at_start(prepared.given);
    let mut child = prepared
        .program
        .tied()
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| RunnerError::Jvm {
            program: environment.java.clone(),
            source,
        })?;
    tracing::info!(pod = %environment.pod_name, node = %config.node_id, kafka = %config.kafka_version, pid = child.id(), "Kafka starts");
    shared.live().jvm = child.id();
    let mut follower = Follower::new(&state_log);
    let mut ticks = every(PERIOD);
    let mut short_ticks = every(UNTIL_READY);
    let mut upkeep = std::pin::pin!(keep_up_to_date(shared, sources, prepared.rack));
    let mut ready = false;
    let mut asked = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|source| RunnerError::Jvm { program: environment.java.clone(), source })?,
            signal = stop.asked() => {
                asked = true;
                pass(&child, signal);
            }
            _ = ticks.tick() => tick(shared, &mut follower),
            () = &mut upkeep => {}
            _ = short_ticks.tick(), if !ready => {
                // A failure is told by the longer ticks.
                let _ = follow(shared, &mut follower);
                ready = shared.live().state.is_ready(config.roles.is_broker());
                if ready {
                    memory::give_back_code();
                }
            }
        }
    };
    // Forget the JVM only after it is reaped, so that health never names a process that is not ours.
    shared.live().jvm = None;
    tick(shared, &mut follower);
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
fn tick(shared: &Arc<Shared>, follower: &mut Follower) {
    if let Err(error) = follow(shared, follower) {
        tracing::warn!(%error, "cannot read Kafka's state log");
    }
    served::look(shared);
}

/// Has the files that Kafka reads again brought up to date whenever their sources change; does not return.
async fn keep_up_to_date(shared: &Arc<Shared>, mut sources: Sources, rack: Option<String>) {
    let task = Task::Refresh { rack };
    let mut ticks = every(PERIOD);
    let mut again = None;
    let mut pause = AFTER_FAILURE.0;
    loop {
        ticks.tick().await;
        let is_due = again.is_some_and(|at| at <= Instant::now());
        if !sources.changed() && !is_due {
            continue;
        }
        let refreshed = task::run::<Refreshed>(&task, &shared.config, |_| {}).await;
        let refreshed = refreshed.unwrap_or_else(|error| {
            tracing::warn!(error = crate::chain(&error), "keeping the present files");
            None
        });
        if let Some(refreshed) = refreshed {
            take_in(shared, refreshed);
            (again, pause) = (None, AFTER_FAILURE.0);
        } else {
            again = Some(Instant::now() + pause);
            pause = (pause * 2).min(AFTER_FAILURE.1);
        }
    }
}

fn take_in(shared: &Shared, refreshed: Refreshed) {
    let mut live = shared.live();
    live.served.given = refreshed.given;
    live.files_kept_because = refreshed.kept_because;
    if !refreshed.written.is_empty() {
        live.reassembled += refreshed.written.len() as u64;
        live.served.expect_change();
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
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
