//! `klamm run-store`: the first process of a Pod that keeps metadata, a server of a ZooKeeper ensemble or etcd.
//!
//! What it does: guards the volume as `run-broker` does, begins with an empty one only where the Pod's spec permits it,
//! starts the program and stays its parent; tells over HTTP whether it serves. Invariants: a volume of another cluster
//! or server is refused; a server of an ensemble that begins with an empty disk votes only if it is a first one.
//! Not here: the program's configuration (crate `manifests`), when it may begin (crate `planner`).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use model::runner::store::{
    ETCD_PROGRAM, STORE_CONFIG_KEY, StoreConfig, StoreProgram, ZOOKEEPER_CONFIG_KEY,
};
use tokio::process::Command;

use crate::environment::{Environment, RUN_DIR};
use crate::jvm::Program;
use crate::prepare::fill;
use crate::supervise::{Stop, exit_code, pass};
use crate::{RunnerError, jvm, pem_files, render};

mod health;
mod volume;

/// How much of an ensemble's memory: metadata of thousands of partitions are a few MiB.
const HEAP: &str = "-Xmx512m";
const FAST_START_HEAP: &str = "-Xmx128m";

/// What the health endpoint knows.
#[derive(Debug)]
struct Shared {
    environment: Environment,
    config: StoreConfig,
    child: std::sync::Mutex<Option<u32>>,
}

/// Runs the program; returns the exit status for the container.
pub(crate) async fn run(environment: &Environment) -> Result<u8, RunnerError> {
    let config = read_config(environment)?;
    let mut stop = Stop::listen()?;
    let shared = Arc::new(Shared {
        environment: environment.clone(),
        config: config.clone(),
        child: std::sync::Mutex::new(None),
    });
    let listener = crate::health::listen(environment, config.health_port).await?;
    tokio::spawn(health::serve(listener, Arc::clone(&shared)));
    let _lock = volume::lock(environment, &config)?;
    volume::prepare(environment, &config)?;
    let command = match &config.program {
        StoreProgram::ZooKeeper {
            id: _,
            client_port: _,
        } => zookeeper(environment)?,
        StoreProgram::Etcd { .. } => etcd(environment, &config),
    };
    let program = PathBuf::from(command.as_std().get_program());
    let mut child = Program::of(&command)
        .tied()
        .stdin(Stdio::null())
        .spawn()
        .map_err(RunnerError::file("start", &program))?;
    tracing::info!(pod = %environment.pod_name, program = %program.display(), pid = child.id(), "starts");
    shared.set_child(child.id());
    let mut asked = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(RunnerError::file("wait for", &program))?,
            signal = stop.asked() => {
                asked = true;
                pass(&child, signal);
            }
        }
    };
    shared.set_child(None);
    tracing::info!(pod = %environment.pod_name, %status, asked, "ended");
    let code = exit_code(status, asked);
    if code != 0 {
        let what = match config.program {
            StoreProgram::ZooKeeper { .. } => "ZooKeeper",
            StoreProgram::Etcd { .. } => "etcd",
        };
        environment
            .write_termination_message(&format!("{what} ended with {status}; its log may say why"));
    }
    Ok(code)
}

impl Shared {
    fn set_child(&self, child: Option<u32>) {
        // Nothing in there can be left half-changed by a panic.
        *self
            .child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = child;
    }

    fn lives(&self) -> bool {
        self.child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_some()
    }
}

fn read_config(environment: &Environment) -> Result<StoreConfig, RunnerError> {
    let path = environment.configuration_file(STORE_CONFIG_KEY);
    let text = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
    serde_json::from_str(&text).map_err(|error| RunnerError::Configuration {
        path,
        reason: error.to_string(),
    })
}

fn zookeeper(environment: &Environment) -> Result<Command, RunnerError> {
    let run_dir = environment.path(RUN_DIR);
    std::fs::create_dir_all(&run_dir).map_err(RunnerError::file("create", &run_dir))?;
    let place = render::place(environment, None);
    let write = |key: &str| -> Result<PathBuf, RunnerError> {
        let path = run_dir.join(key);
        pem_files::write_private(&path, fill(environment, &place, key)?.as_bytes())?;
        Ok(path)
    };
    let properties = write(ZOOKEEPER_CONFIG_KEY)?;
    let log4j = write(jvm::LOG4J)?;
    let mut command = jvm::base_command(environment)?;
    if environment.fast_start {
        command.args(jvm::FAST_START_OPTIONS).arg(FAST_START_HEAP);
    } else {
        command.arg("-server").arg(HEAP);
    }
    command.args(jvm::place_options(environment)).args([
        "-Djava.awt.headless=true".to_owned(),
        "-Dzookeeper.jmx.log4j.disable=true".to_owned(),
        format!("-Dlog4j.configuration=file:{}", log4j.display()),
    ]);
    command
        .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
        .arg(properties);
    Ok(command)
}

fn etcd(environment: &Environment, config: &StoreConfig) -> Command {
    let StoreProgram::Etcd {
        name,
        client_port,
        peer_port,
    } = &config.program
    else {
        // Asked for by the match on the same value.
        return Command::new("etcd");
    };
    let program = environment
        .all
        .get(ETCD_PROGRAM)
        .map_or_else(|| "etcd".to_owned(), Clone::clone);
    let ip = match environment.pod_ip {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let (client, peer) = (
        format!("http://{ip}:{client_port}"),
        format!("http://{ip}:{peer_port}"),
    );
    let mut command = Command::new(program);
    command
        .args(["--name", name])
        .arg("--data-dir")
        .arg(environment.path(&config.data_dir))
        .args(["--listen-client-urls", &client])
        .args(["--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer])
        .args(["--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("{name}={peer}")])
        // Old revisions are of no use to anybody after a while, and would fill etcd's quota.
        .args(["--auto-compaction-mode", "periodic"])
        .args(["--auto-compaction-retention", "1h"]);
    command
}

/// What a directory holds, apart from what file systems put there themselves.
fn entries(dir: &Path) -> Result<Vec<String>, RunnerError> {
    match std::fs::read_dir(dir) {
        Ok(entries) => Ok(entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name != "lost+found")
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(RunnerError::file("read", dir)(error)),
    }
}
