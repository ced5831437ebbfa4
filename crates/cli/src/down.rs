//! `klamm down`: stops what runs on this home; `--purge` removes the home as well.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use node_agent::leftovers;

use crate::args::Down;
use crate::home::{Held, Home};
use crate::output;

/// How often a process that was asked to stop is looked at.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// The whole command.
///
/// Nothing here needs an API server: what runs is found and stopped by what lies in the home, whoever started it.
pub(crate) async fn run(home: &Home, args: &Down) -> Result<ExitCode> {
    if !home.dir().is_dir() {
        output::result(&format!(
            "nothing to stop: there is no home {}",
            home.dir().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let begun = Instant::now();
    let _held = take(home, args.timeout).await?;
    if home.node().is_dir() {
        stop_pods(home, args.timeout).await?;
    }
    home.withdraw();
    if args.purge {
        if home.node().is_dir() {
            leftovers::purge(&home.node())
                .await
                .context("stopping what still runs on this home")?;
        }
        purge(home)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    output::result(&if args.purge {
        format!("stopped; everything is removed ({seconds:.1} s)")
    } else {
        format!(
            "stopped; data stays in {} ({seconds:.1} s)",
            home.dir().display()
        )
    });
    Ok(ExitCode::SUCCESS)
}

/// Asks whoever serves the home to stop, until the home is ours.
async fn take(home: &Home, timeout: Duration) -> Result<Held> {
    let begun = Instant::now();
    let mut asked = None;
    loop {
        if let Some(held) = home.hold()? {
            // It lets go of its store only with its last breath.
            if let Some(pid) = asked {
                wait_for_end(home, pid, begun, timeout).await?;
            }
            return Ok(held);
        }
        if let Some(pid) = home.holder()
            && asked != Some(pid)
        {
            output::progress(&format!(
                "stopping klamm (process {pid}): brokers by controlled shutdown …"
            ));
            terminate(pid)?;
            asked = Some(pid);
        }
        patient(home, asked, begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Stops what a klamm that was killed or a node agent has left running, and a node agent that still runs.
async fn stop_pods(home: &Home, timeout: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut asked = None;
    while let Some(pid) = node_agent::home::holder(&home.node()) {
        if asked != Some(pid) {
            output::progress(&format!("stopping the node agent (process {pid}) …"));
            terminate(pid)?;
            asked = Some(pid);
        }
        patient(home, asked, begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
    if let Some(pid) = asked {
        wait_for_end(home, pid, begun, timeout).await?;
    }
    let running = leftovers::running(&home.node());
    if !running.is_empty() {
        output::progress(&format!(
            "stopping what was left running: {} …",
            running.join(", ")
        ));
    }
    leftovers::stop(&home.node(), timeout)
        .await
        .context("stopping what still runs on this home")
}

fn terminate(pid: i32) -> Result<()> {
    match kill(Pid::from_raw(pid), Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("asking process {pid} to stop")),
    }
}

async fn wait_for_end(home: &Home, pid: i32, begun: Instant, timeout: Duration) -> Result<()> {
    while is_alive(Pid::from_raw(pid)) {
        patient(home, Some(pid), begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
    Ok(())
}

/// Gives up when it has taken too long.
fn patient(home: &Home, pid: Option<i32>, begun: Instant, timeout: Duration) -> Result<()> {
    if begun.elapsed() <= timeout {
        return Ok(());
    }
    let who = pid.map_or_else(
        || format!("whoever holds {}", home.dir().display()),
        |pid| format!("process {pid}"),
    );
    bail!(
        "{who} has not stopped after {} s; see {}",
        timeout.as_secs(),
        home.log().display()
    )
}

fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `pid (name) state …`: a zombie holds nothing any more.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Removes what klamm put there, by name: a home that points at a directory with other things keeps these.
fn purge(home: &Home) -> Result<()> {
    for dir in [
        home.control_plane(),
        home.node(),
        home.dir().join("connect"),
    ] {
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", dir.display()));
            }
            _ => {}
        }
    }
    for file in ["kubeconfig", "running.json", "port", "klamm.log", "lock"] {
        let path = home.dir().join(file);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
    }
    // Not empty means that it holds things that are not ours.
    let _ = std::fs::remove_dir(home.dir());
    Ok(())
}
