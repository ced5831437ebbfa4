//! Bringing jars into the cache by Maven's own client.
//!
//! Order: lock, look again, fetch into a directory with another name, verify, rename. A kill at any point leaves
//! either nothing under the final name or all of it; leftovers of killed fetches are removed by the next one.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::catalog::{PLUGINS, Release};
use super::{Progress, RuntimeError, Settings, checksums, java};

/// The goal is pinned like the jars: its output and its defaults change between versions.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// A download that says nothing for so long has stalled: Maven's own limits for a connection are far below.
const SILENCE: Duration = Duration::from_mins(5);

/// The directory of the metrics agents' jars.
pub(super) fn plugins(
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, RuntimeError> {
    Ok(ensure(settings, &PLUGINS, progress)?.join("libs"))
}

/// The verified directory of `release`, fetched if it is not there or not right.
pub(super) fn ensure(
    settings: &Settings,
    release: &Release,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, RuntimeError> {
    let name = directory_name(release);
    let home = settings.cache.join(&name);
    std::fs::create_dir_all(&settings.cache).map_err(RuntimeError::cache(&settings.cache))?;
    let _lock = lock(&settings.cache.join(format!("{name}.lock")), progress)?;
    if home.exists() {
        progress(Progress::Verifying);
        match checksums::verify(&name, &home.join("libs"), release.checksums) {
            Ok(()) => return Ok(home),
            Err(RuntimeError::Checksum { file, reason, .. }) => {
                tracing::warn!(%name, %file, %reason, "a cached jar is not right; fetching again");
                std::fs::remove_dir_all(&home).map_err(RuntimeError::cache(&home))?;
            }
            Err(other) => return Err(other),
        }
    }
    let partial = settings.cache.join(format!("{name}.partial"));
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(RuntimeError::cache(&partial))?;
    }
    std::fs::create_dir_all(&partial).map_err(RuntimeError::cache(&partial))?;
    let pom = partial.join("pom.xml");
    std::fs::write(&pom, release.pom).map_err(RuntimeError::cache(&pom))?;
    run_maven(release, &partial, progress)?;
    progress(Progress::Verifying);
    checksums::verify(&name, &partial.join("libs"), release.checksums)?;
    std::fs::rename(&partial, &home).map_err(RuntimeError::cache(&home))?;
    Ok(home)
}

fn directory_name(release: &Release) -> String {
    if release.version == PLUGINS.version {
        "plugins".to_owned()
    } else {
        format!("kafka-{}", release.version)
    }
}

/// Held until the returned file is dropped, also by a kill.
fn lock(path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<File, RuntimeError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(RuntimeError::cache(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            progress(Progress::WaitingForLock);
            file.lock().map_err(RuntimeError::cache(path))?;
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(RuntimeError::cache(path)(error)),
    }
    Ok(file)
}

fn run_maven(
    release: &Release,
    partial: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), RuntimeError> {
    let what = directory_name(release);
    let total = checksums::parse(release.checksums).len();
    let mvn = java::search_path("mvn").ok_or_else(|| RuntimeError::NoMaven {
        version: release.version.to_owned(),
    })?;
    let failed = |reason: String| RuntimeError::Maven {
        what: what.clone(),
        reason,
    };
    progress(Progress::Fetching { done: 0, total });
    let mut child = Command::new(mvn)
        .args(["-B", "-Dstyle.color=never", "-f"])
        .arg(partial.join("pom.xml"))
        .arg(GOAL)
        .arg(format!(
            "-DoutputDirectory={}",
            partial.join("libs").display()
        ))
        .arg("-DincludeScope=runtime")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("mvn does not start: {error}")))?;
    let mut done = 0;
    let mut errors = Vec::new();
    let lines = lines_of(&mut child);
    loop {
        let line = match lines.recv_timeout(SILENCE) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                // Whether it can still be killed does not change what is said.
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!(
                    "mvn said nothing for {} minutes: is the repository within reach?",
                    SILENCE.as_secs() / 60
                )));
            }
        };
        // Both the download and the copy name the jar; a warm local repository has copies only.
        let is_jar = line.contains(".jar");
        if is_jar
            && (line.starts_with("Downloaded")
                || line.contains("Downloaded from")
                || line.contains("Copying "))
        {
            done = (done + 1).min(total);
            progress(Progress::Fetching { done, total });
        } else if let Some(error) = line.strip_prefix("[ERROR] ")
            && errors.len() < 3
            && !error.trim().is_empty()
        {
            errors.push(error.trim().to_owned());
        }
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(if errors.is_empty() {
        format!("mvn ended with {status}")
    } else {
        errors.join("; ")
    }))
}

/// What a program says on both its streams, line by line; the streams end with it.
fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(64);
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, "", sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        // Maven itself is silent there; a JVM that does not start speaks on it.
        forward(stderr, "[ERROR] ", sender);
    }
    lines
}

fn forward(
    stream: impl std::io::Read + Send + 'static,
    prefix: &'static str,
    to: mpsc::SyncSender<String>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if to.send(format!("{prefix}{line}")).is_err() {
                return;
            }
        }
    });
}
