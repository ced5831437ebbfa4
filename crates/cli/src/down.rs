//! `klamm down`: stops what runs on this home; `--purge` removes the home as well.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use node_agent::leftovers;
use node_agent::process::ProcessId;

use crate::args::Down;
use crate::home::{Held, Home, MARKER, NoHome};
use crate::output::{self, Format};

/// How often a process that was asked to stop is looked at.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// The whole command.
///
/// Nothing here needs an API server: what runs is found and stopped by what lies in the home, whoever started it.
pub(crate) async fn run(home: &Home, args: &Down) -> Result<ExitCode> {
    if !home.dir().is_dir() {
        let why = format!("there is no home {}", home.dir().display());
        return nothing_to_stop(home, args, &why);
    }
    if !home.is_home() {
        let missing = NoHome {
            dir: home.dir().to_owned(),
            why: format!("has no file {MARKER}, which `klamm up` makes; nothing is removed"),
            example: home.dir().join("klamm").display().to_string(),
        };
        if args.purge {
            return Err(missing.into());
        }
        return nothing_to_stop(home, args, &missing.to_string());
    }
    let begun = Instant::now();
    let _held = take(home, args.timeout).await?;
    if home.node().is_dir() {
        stop_pods(home, args.timeout).await?;
    }
    home.withdraw();
    let mut left = Vec::new();
    if args.purge {
        if home.node().is_dir() {
            leftovers::purge(&home.node())
                .await
                .context("stopping what still runs on this home")?;
        }
        left = purge(home)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let text = if args.purge && left.is_empty() {
        format!(
            "stopped; everything is removed from {} ({seconds:.1} s)",
            home.dir().display()
        )
    } else if args.purge {
        format!(
            "stopped; everything of klamm's is removed from {} ({seconds:.1} s); what klamm did not make stays there: {}",
            home.dir().display(),
            listed(&left)
        )
    } else {
        format!(
            "stopped; data stays in {} ({seconds:.1} s)",
            home.dir().display()
        )
    };
    tell(home, args, true, &text)
}

fn nothing_to_stop(home: &Home, args: &Down, why: &str) -> Result<ExitCode> {
    tell(home, args, false, &format!("nothing to stop: {why}"))
}

fn tell(home: &Home, args: &Down, stopped: bool, text: &str) -> Result<ExitCode> {
    match args.shown.output {
        Format::Text => output::result(text),
        Format::Json => output::json(&serde_json::json!({
            "home": home.dir(),
            "stopped": stopped,
            "purged": stopped && args.purge,
            "message": text,
        }))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks whoever serves the home to stop, until the home is ours.
async fn take(home: &Home, timeout: Duration) -> Result<Held> {
    let begun = Instant::now();
    let mut asked = None;
    loop {
        if let Some(held) = home.hold()? {
            // It lets go of its store only with its last breath.
            if let Some(process) = asked {
                wait_for_end(home, &process, begun, timeout).await?;
            }
            return Ok(held);
        }
        if let Some(process) = home.holder()
            && asked.as_ref() != Some(&process)
        {
            output::progress(&format!(
                "stopping klamm (process {}): brokers by controlled shutdown …",
                process.pid
            ));
            process.terminate();
            asked = Some(process);
        }
        patient(home, asked.as_ref(), begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Stops what a klamm that was killed or a node agent has left running, and a node agent that still runs.
async fn stop_pods(home: &Home, timeout: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut asked = None;
    while let Some(process) = node_agent::home::holder(&home.node()) {
        if asked.as_ref() != Some(&process) {
            output::progress(&format!(
                "stopping the node agent (process {}) …",
                process.pid
            ));
            process.terminate();
            asked = Some(process);
        }
        patient(home, asked.as_ref(), begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
    if let Some(process) = asked {
        wait_for_end(home, &process, begun, timeout).await?;
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

async fn wait_for_end(
    home: &Home,
    process: &ProcessId,
    begun: Instant,
    timeout: Duration,
) -> Result<()> {
    while process.alive() {
        patient(home, Some(process), begun, timeout)?;
        tokio::time::sleep(POLL_EVERY).await;
    }
    Ok(())
}

/// Gives up when it has taken too long.
fn patient(
    home: &Home,
    process: Option<&ProcessId>,
    begun: Instant,
    timeout: Duration,
) -> Result<()> {
    if begun.elapsed() <= timeout {
        return Ok(());
    }
    let who = process.map_or_else(
        || format!("whoever holds {}", home.dir().display()),
        |process| format!("process {}", process.pid),
    );
    bail!(
        "{who} has not stopped after {} s; see {}",
        timeout.as_secs(),
        home.log().display()
    )
}

/// The first of these names, and how many more there are.
fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Removes what klamm put there, by name: a home with other things in it keeps these, whose names are returned.
fn purge(home: &Home) -> Result<Vec<String>> {
    let removed = |path: &Path, removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    };
    for name in Home::DIRECTORIES {
        let path = home.dir().join(name);
        removed(&path, std::fs::remove_dir_all(&path))?;
    }
    // The marker last: what was interrupted can be done again.
    for name in Home::FILES.into_iter().chain([MARKER]) {
        let path = home.dir().join(name);
        removed(&path, std::fs::remove_file(&path))?;
    }
    // Not empty means that it holds things that are not ours.
    if std::fs::remove_dir(home.dir()).is_ok() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(home.dir())
        .with_context(|| format!("reading {}", home.dir().display()))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;
