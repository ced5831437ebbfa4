//! The class-data archive: which classes a booting broker loads, parsed once and mapped into every later JVM.
//!
//! It is made by one throw-away boot (a combined node with TLS on its inter-broker and controller listeners, since
//! that is what every broker here loads), once per runtime and Java build. It halves the CPU time of a boot; failing
//! to make it costs nothing but that, so it is never an error.
//! Source: JEP 350, JEP 310; the class path at run time must start with the one it was made with.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::{Java, Progress, Settings, class_path};

/// A boot takes 5 s of CPU; a machine that needs longer than this has better things to do.
const BOOT_LIMIT: Duration = Duration::from_secs(90);

/// The archive of this runtime for this Java; made now if it is not there and may be made.
pub(super) fn ensure(
    settings: &Settings,
    home: &Path,
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
    match train(home, java, &archive) {
        Ok(()) => Some(archive),
        Err(reason) => {
            tracing::warn!(%reason, "no class-data archive; brokers boot without it");
            None
        }
    }
}

fn train(home: &Path, java: &Java, archive: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let work = tempfile::tempdir().map_err(text)?;
    let jars = class_path(home).map_err(text)?;
    let class_path = jars
        .iter()
        .map(|jar| jar.display().to_string())
        .collect::<Vec<_>>()
        .join(":");
    let properties = write_node(work.path())?;
    let format = Command::new(&java.program)
        .args([
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &class_path,
            "kafka.tools.StorageTool",
            "format",
        ])
        .args(["--standalone", "-t", "a2xhbW0tdHJhaW5pbmctMQ", "-c"])
        .arg(&properties)
        .stdin(Stdio::null())
        .output()
        .map_err(text)?;
    if !format.status.success() {
        return Err(format!(
            "formatting failed: {}",
            String::from_utf8_lossy(&format.stderr)
        ));
    }
    let fresh = archive.with_extension(format!("new-{}", std::process::id()));
    let child = Command::new(&java.program)
        .args([
            "-Xms64m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ])
        .arg(format!("-XX:ArchiveClassesAtExit={}", fresh.display()))
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            work.path().join("log4j2.properties").display()
        ))
        .args(["-cp", &class_path, "kafka.Kafka"])
        .arg(&properties)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(text)?;
    let outcome = boot_and_stop(Running(child));
    if outcome.is_ok() && fresh.is_file() {
        return std::fs::rename(&fresh, archive).map_err(text);
    }
    // Nothing there to remove is the usual case of a failed boot.
    drop(std::fs::remove_file(&fresh));
    Err(outcome
        .err()
        .unwrap_or_else(|| "the JVM wrote no archive".to_owned()))
}

/// A child that does not outlive this function, whatever happens in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn boot_and_stop(mut running: Running) -> Result<(), String> {
    let stdout = running.0.stdout.take().ok_or("no standard output")?;
    let (sender, started) = std::sync::mpsc::channel();
    // Reads until the JVM ends, so that the JVM never blocks on a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.contains("Kafka Server started") {
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

/// Writes properties, certificates and a logging configuration of a one-node cluster; returns the properties file.
fn write_node(work: &Path) -> Result<PathBuf, String> {
    let text = |error: std::io::Error| error.to_string();
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
        .map_err(|error| error.to_string())?;
    let (key, certificate) = (certified.signing_key.serialize_pem(), certified.cert.pem());
    let keystore = work.join("node.pem");
    let truststore = work.join("ca.pem");
    std::fs::write(&keystore, format!("{key}{certificate}")).map_err(text)?;
    std::fs::write(&truststore, certificate).map_err(text)?;
    let log4j2 = "appender.console.type=Console\nappender.console.name=STDOUT\nappender.console.layout.type=PatternLayout\n\
                  appender.console.layout.pattern=[%d] %p %m (%c)%n\nrootLogger.level=INFO\n\
                  rootLogger.appenderRefs=console\nrootLogger.appenderRef.console.ref=STDOUT\n";
    std::fs::write(work.join("log4j2.properties"), log4j2).map_err(text)?;
    let [controller, replication, plain] = free_ports()?;
    let stores = ["controller", "replication"].map(|listener| {
        format!(
            "listener.name.{listener}.ssl.keystore.type=PEM\n\
             listener.name.{listener}.ssl.keystore.location={}\n\
             listener.name.{listener}.ssl.truststore.type=PEM\n\
             listener.name.{listener}.ssl.truststore.location={}\n\
             listener.name.{listener}.ssl.client.auth=required\n",
            keystore.display(),
            truststore.display(),
        )
    });
    let listeners = format!(
        "CONTROLLER://127.0.0.1:{controller},REPLICATION://127.0.0.1:{replication},PLAIN://127.0.0.1:{plain}"
    );
    let properties = format!(
        "process.roles=broker,controller\nnode.id=0\ncontroller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=REPLICATION\n\
         listener.security.protocol.map=CONTROLLER:SSL,REPLICATION:SSL,PLAIN:PLAINTEXT\n\
         listeners={listeners}\nadvertised.listeners={listeners}\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         log.dirs={}\nlog.cleaner.dedupe.buffer.size=2097152\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS;User:CN=rcgen self signed cert\n{}",
        work.join("data").display(),
        stores.concat(),
    );
    let path = work.join("server.properties");
    std::fs::write(&path, properties).map_err(text)?;
    Ok(path)
}

/// Three ports nobody listens on now.
fn free_ports() -> Result<[u16; 3], String> {
    let mut held = Vec::new();
    let mut ports = [0; 3];
    for port in &mut ports {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
        *port = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .port();
        held.push(listener);
    }
    Ok(ports)
}
