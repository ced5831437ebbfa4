//! The class-data archive: which classes a booting broker loads, parsed once and mapped into every later JVM.
//!
//! It is made by one throw-away boot (a combined node with TLS on its inter-broker and controller listeners, since
//! that is what every broker here loads; Kafka 3 as a broker of a throw-away ZooKeeper, since that is how it runs
//! here), once per runtime and Java build. It halves the CPU time of a boot; failing
//! to make it costs nothing but that, so it is never an error.
//! Source: JEP 350, JEP 310; the class path at run time must start with the one it was made with.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

mod node;

use node::Node;

use super::{Java, Progress, Settings, class_path};

/// A boot takes 5 s of CPU; a machine that needs longer than this has better things to do.
const BOOT_LIMIT: Duration = Duration::from_secs(90);

/// The archive of this runtime for this Java; made now if it is not there and may be made.
pub(super) fn ensure(
    settings: &Settings,
    home: &Path,
    version: &str,
    java: &Java,
    progress: &mut dyn FnMut(Progress),
) -> Option<PathBuf> {
    let build = hex::encode(Sha256::digest(java.build.as_bytes()));
    let archive = home.join(format!("classes-{}.jsa", build.get(..12)?));
    if archive.is_file() {
        return Some(archive);
    }
    if !settings.train {
        return None;
    }
    progress(Progress::Training);
    match train(home, version, java, &archive) {
        Ok(()) => Some(archive),
        Err(reason) => {
            tracing::warn!(%reason, "no class-data archive; brokers boot without it");
            None
        }
    }
}

fn train(home: &Path, version: &str, java: &Java, archive: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let work = tempfile::tempdir().map_err(text)?;
    let jars = class_path(home).map_err(text)?;
    let class_path = jars
        .iter()
        .map(|jar| jar.display().to_string())
        .collect::<Vec<_>>()
        .join(":");
    let node = node::write(work.path(), version)?;
    let _zookeeper = prepare(&node, java, &class_path)?;
    let fresh = archive.with_extension(format!("new-{}", std::process::id()));
    let child = Command::new(&java.program)
        .args([
            "-Xms64m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ])
        .arg(format!("-XX:ArchiveClassesAtExit={}", fresh.display()))
        .arg(&node.logging)
        .args(["-cp", &class_path, "kafka.Kafka"])
        .arg(&node.properties)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(text)?;
    let outcome = boot_and_stop(Running(child), node.started);
    if outcome.is_ok() && fresh.is_file() {
        return std::fs::rename(&fresh, archive).map_err(text);
    }
    // Nothing there to remove is the usual case of a failed boot.
    drop(std::fs::remove_file(&fresh));
    Err(outcome
        .err()
        .unwrap_or_else(|| "the JVM wrote no archive".to_owned()))
}

/// Formats the node's disk, or starts the ZooKeeper that a node without a quorum of its own needs.
fn prepare(node: &Node, java: &Java, class_path: &str) -> Result<Option<Running>, String> {
    let mut command = Command::new(&java.program);
    command
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(&node.logging)
        .stdin(Stdio::null());
    if let Some(zookeeper) = &node.zookeeper {
        let child = command
            .args(["-Xmx64m", "-Dzookeeper.admin.enableServer=false", "-cp"])
            .args([
                class_path,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            ])
            .arg(zookeeper)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        return Ok(Some(Running(child)));
    }
    let format = command
        .args(["-cp", class_path, "kafka.tools.StorageTool", "format"])
        .args(["--standalone", "-t", "a2xhbW0tdHJhaW5pbmctMQ", "-c"])
        .arg(&node.properties)
        .output()
        .map_err(|error| error.to_string())?;
    if format.status.success() {
        return Ok(None);
    }
    Err(format!(
        "formatting failed: {}",
        String::from_utf8_lossy(&format.stderr)
    ))
}

/// A child that does not outlive this function, whatever happens in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn boot_and_stop(mut running: Running, said: &'static str) -> Result<(), String> {
    let stdout = running.0.stdout.take().ok_or("no standard output")?;
    let (sender, started) = std::sync::mpsc::channel();
    // Reads until the JVM ends, so that the JVM never blocks on a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.contains(said) {
                // Whoever waited may have given up.
                let _ = sender.send(());
            }
        }
    });
    started
        .recv_timeout(BOOT_LIMIT)
        .map_err(|_| "the broker did not come up".to_owned())?;
    let pid = i32::try_from(running.0.id()).map_err(|error| error.to_string())?;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGTERM,
    )
    .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + BOOT_LIMIT;
    while Instant::now() < deadline {
        if running
            .0
            .try_wait()
            .map_err(|error| error.to_string())?
            .is_some()
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the broker did not stop".to_owned())
}
