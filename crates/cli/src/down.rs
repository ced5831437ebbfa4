//! `klamm down`: stops what runs on this home; `--purge` removes the home as well.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::args::{Down, Global};
use crate::home::Home;
use crate::local::Local;
use crate::output;

/// The whole command.
pub(crate) async fn run(global: &Global, home: &Home, args: &Down) -> Result<ExitCode> {
    if !home.dir().is_dir() {
        output::result(&format!(
            "nothing to stop: there is no home {}",
            home.dir().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let begun = Instant::now();
    if let Some(running) = home.running()? {
        output::progress(&format!(
            "stopping klamm (process {}): brokers by controlled shutdown …",
            running.pid
        ));
        stop_process(home, running.pid, args.timeout).await?;
    }
    // A klamm that was killed leaves its brokers running; adopt them and stop them.
    let Some(held) = home.hold()? else {
        bail!(
            "another klamm has just taken {}; try again",
            home.dir().display()
        );
    };
    if home.was_killed() {
        output::progress("stopping brokers that an earlier klamm left running …");
        let local = Local::start(global, home, held, false).await?;
        local.stop().await?;
    }
    if args.purge {
        if home.node().is_dir() {
            // Pods that a node agent has left running must not outlive their directories.
            node_agent::purge(&home.node())
                .await
                .context("stopping what still runs on this home")?;
        }
        purge(home)?;
    }
    let what = if args.purge {
        "stopped; everything is removed"
    } else {
        "stopped; data stays in"
    };
    let place = if args.purge {
        String::new()
    } else {
        format!(" {}", home.dir().display())
    };
    output::result(&format!(
        "{what}{place} ({:.1} s)",
        begun.elapsed().as_secs_f64()
    ));
    Ok(ExitCode::SUCCESS)
}

async fn stop_process(home: &Home, pid: i32, timeout: Duration) -> Result<()> {
    let pid = Pid::from_raw(pid);
    match kill(pid, Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(error).with_context(|| format!("asking process {pid} to stop")),
    }
    let begun = Instant::now();
    // The lock is free when everything is stopped; the process lets go of its store only with its last breath.
    while home.hold()?.is_none() || is_alive(pid) {
        if begun.elapsed() > timeout {
            bail!(
                "process {pid} has not stopped after {} s; see {}",
                timeout.as_secs(),
                home.log().display()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
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
