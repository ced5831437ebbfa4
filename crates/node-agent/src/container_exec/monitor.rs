//! The monitor of one container: small, long-lived, without the agent's fate.
//!
//! Invariants: it holds the container's lock from before the program starts until after `exit` is written; when it
//! ends, no process of the container is left; when it is killed, the program is killed by the kernel.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use serde::{Deserialize, Serialize};

use super::start::StartSpec;
use super::{CLAIMED, ExecError, Mounts, Named as _};
use crate::cgroup;
use crate::container::attempt::{AttemptDir, Exit, Running};
use crate::container::termination::Termination;
use crate::logs::{LogLimits, LogWriter, Stream};
use crate::process::{self, ProcessId};

/// First word of the line the monitor prints once the program runs.
pub(crate) const READY: &str = "started";

/// What the agent tells the monitor, on its stdin: it holds values of Secrets, so it is never in argv or on disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MonitorSpec {
    /// How our binary is told to be `container-exec`.
    pub container_exec: Vec<String>,
    /// Lock file of the container.
    pub lock: PathBuf,
    /// Directory of this attempt.
    pub attempt: PathBuf,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// Mount namespace, if the container gets one.
    pub mounts: Option<Mounts>,
    /// Directories of the cgroups to join.
    pub cgroups: Vec<PathBuf>,
    /// Where the container leaves its termination message.
    pub termination: Termination,
    /// When to rotate logs.
    pub logs: LogLimits,
}

pub(super) fn run() -> Result<ExitCode, ExecError> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .named(|| "read what to start".to_owned())?;
    let spec: MonitorSpec = serde_json::from_str(&text)?;
    drop(text);
    // A session of its own: no terminal, no signals meant for the agent's group.
    let _ = rustix::process::setsid();
    // A stray SIGTERM must not take the container down unseen. `start` lifts the mask for the program.
    let _ = nix::sys::signal::SigSet::from_iter([
        nix::sys::signal::SIGTERM,
        nix::sys::signal::SIGINT,
        nix::sys::signal::SIGHUP,
    ])
    .thread_block();

    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&spec.lock)
        .named(|| format!("open {}", spec.lock.display()))?;
    if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(ExitCode::from(CLAIMED));
    }
    // Whatever the container leaves behind becomes our child, wherever it hides.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));

    let attempt = AttemptDir(spec.attempt.clone());
    let log = LogWriter::open(&attempt.0, spec.logs)
        .named(|| format!("open {}", attempt.log().display()))?;
    let log = Arc::new(Mutex::new(log));
    let _ = fs::remove_file(attempt.start_error());

    let mut child = start(&spec, &attempt)?;
    let started_at = Timestamp::now();
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let (done, copies) = mpsc::channel::<()>();
    let pipes: [(Stream, Option<Box<dyn Read + Send>>); 2] = [
        (
            Stream::Stdout,
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
        ),
        (
            Stream::Stderr,
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ),
    ];
    for (stream, pipe) in pipes {
        if let Some(pipe) = pipe {
            copy(stream, pipe, Arc::clone(&log), done.clone())?;
        }
    }
    drop(done);

    // The program may have ended already; then `exit` says all there is to say.
    if let (Some(process), Some(monitor)) = (
        ProcessId::of(pid),
        ProcessId::of(rustix::process::getpid().as_raw_nonzero().get()),
    ) {
        let running = Running {
            process,
            monitor,
            started_at,
            own_mounts: spec.mounts.is_some(),
            own_users: spec
                .mounts
                .as_ref()
                .is_some_and(|mounts| mounts.user_namespace),
            cgroups: spec.cgroups.clone(),
        };
        attempt
            .write_running(&running)
            .named(|| format!("write {}", attempt.0.join("running").display()))?;
    }
    // The agent may be gone by now; that changes nothing.
    let _ = writeln!(io::stdout(), "{READY} {pid}").and_then(|()| io::stdout().flush());

    let status = wait_for(pid)?;
    stop_the_rest();
    // Nobody writes any more; what is still in the pipes is read to its end, or given up if somebody escaped with it.
    let _ = copies.recv_timeout(Duration::from_secs(2));

    let start_error = fs::read_to_string(attempt.start_error()).ok();
    let exit = Exit {
        code: if start_error.is_some() {
            128
        } else {
            status.code
        },
        signal: status.signal.filter(|_| start_error.is_none()),
        started_at: Some(started_at),
        finished_at: Timestamp::now(),
        out_of_memory: status.signal == Some(Signal::KILL.as_raw())
            && cgroup::out_of_memory(&spec.cgroups),
        message: spec.termination.message(status.code, &attempt.log()),
        start_error,
        unknown: false,
    };
    cgroup::remove(&spec.cgroups);
    // A full disk must not make an end unseen: try until the file is there.
    while attempt.write_exit(&exit).is_err() {
        thread::sleep(Duration::from_secs(1));
        if !attempt.0.exists() {
            break;
        }
    }
    drop(lock);
    Ok(ExitCode::SUCCESS)
}

fn start(spec: &MonitorSpec, attempt: &AttemptDir) -> Result<Child, ExecError> {
    let start = StartSpec {
        command: spec.command.clone(),
        directory: spec.directory.clone(),
        mounts: spec.mounts.clone(),
        cgroups: spec.cgroups.clone(),
        error_file: attempt.start_error(),
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    // /proc/self/exe is this very binary, even if the file was replaced or removed since.
    Command::new("/proc/self/exe")
        .args(&spec.container_exec)
        .arg("start")
        .arg(serde_json::to_string(&start)?)
        .env_clear()
        .envs(&spec.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .named(|| "start the first process of the container".to_owned())
}

/// Copies one pipe into the log on a thread with a small stack.
fn copy(
    stream: Stream,
    mut pipe: Box<dyn Read + Send>,
    log: Arc<Mutex<LogWriter>>,
    done: mpsc::Sender<()>,
) -> Result<(), ExecError> {
    thread::Builder::new()
        .name("log".to_owned())
        .stack_size(128 * 1024)
        .spawn(move || {
            let mut buffer = vec![0; 16 * 1024];
            let mut rest = Vec::new();
            loop {
                match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => {
                        let now = Timestamp::now();
                        let Ok(mut log) = log.lock() else { break };
                        log.write(
                            stream,
                            now,
                            buffer.get(..length).unwrap_or_default(),
                            &mut rest,
                        );
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            if let Ok(mut log) = log.lock() {
                log.finish(stream, Timestamp::now(), &mut rest);
            }
            drop(done);
        })
        .named(|| "start a thread for the log".to_owned())?;
    Ok(())
}

struct Status {
    code: i32,
    signal: Option<i32>,
}

/// Reaps everything that ends until the container's first process does.
fn wait_for(pid: i32) -> Result<Status, ExecError> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => {
                return Ok(read(status));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).named(|| "wait for the container".to_owned()),
        }
    }
}

fn read(status: WaitStatus) -> Status {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Status { code, signal: None },
        (None, Some(signal)) => Status {
            code: 128 + signal,
            signal: Some(signal),
        },
        (None, None) => Status {
            code: 255,
            signal: None,
        },
    }
}

/// As in a container: when the first process ends, so do all the others.
fn stop_the_rest() {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    // Each round kills what there is; what was being forked meanwhile is caught by the next.
    for _ in 0..100 {
        let rest = process::descendants(me);
        if rest.is_empty() {
            return;
        }
        for pid in rest {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        thread::sleep(Duration::from_millis(5));
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
    }
}
