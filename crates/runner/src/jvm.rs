//! The JVM: its command line, and the small step that ties its life to ours.
//!
//! `run-broker` starts itself again as `run-broker --parent PARENT -- java …`: a fresh process may ask the kernel to
//! be killed when its parent dies and then become the JVM, which needs no unsafe code between fork and exec.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use model::runner::{JmxConfig, MetricsConfig, RunnerConfig};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::environment::{Environment, RUN_DIR};
use crate::{RunnerError, task};

/// Kafka's own performance options, for machines where the manifest or Kubernetes sizes things.
/// Source: `bin/kafka-run-class.sh` of Apache Kafka 4.
const SERVER_OPTIONS: &[&str] = &[
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];

/// For a laptop: a small collector, the first compiler only, small stacks. Halves the boot (docs/decisions, fast start).
pub(crate) const FAST_START_OPTIONS: &[&str] = &[
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:ReservedCodeCacheSize=48m",
    "-Xss512k",
];

/// `java` with the class path of this runtime.
///
/// The class path starts with the jars in the order in which the class-data archive was made.
pub(crate) fn base_command(environment: &Environment) -> Result<Command, RunnerError> {
    command_with_class_path(environment, &[])
}

fn command_with_class_path(
    environment: &Environment,
    more: &[String],
) -> Result<Command, RunnerError> {
    let libs = environment.kafka_home.join("libs");
    let mut jars = jars_in(&libs)?;
    for entry in more {
        match entry.strip_suffix("/*") {
            Some(dir) => jars.extend(jars_in(&environment.path(dir))?),
            None => jars.push(environment.path(entry)),
        }
    }
    let class_path = jars
        .iter()
        .map(|jar| jar.display().to_string())
        .collect::<Vec<_>>()
        .join(":");
    let mut command = Command::new(&environment.java);
    command.env("MALLOC_ARENA_MAX", "2");
    if let Some(archive) = &environment.archive {
        command
            .arg(format!("-XX:SharedArchiveFile={}", archive.display()))
            .arg("-Xshare:auto");
    }
    command.arg("-cp").arg(class_path);
    Ok(command)
}

fn jars_in(dir: &Path) -> Result<Vec<PathBuf>, RunnerError> {
    let mut jars: Vec<_> = std::fs::read_dir(dir)
        .map_err(RunnerError::file("read", dir))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jar"))
        .collect();
    jars.sort();
    Ok(jars)
}

/// The whole command line of the broker.
pub(crate) fn broker(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Program, RunnerError> {
    let mut more = config.class_path.clone();
    more.extend(reporter_jars(environment, config)?);
    let mut jvm = command_with_class_path(environment, &more)?;
    let option = if config.kafka_version.needs_zookeeper() {
        "-Dlog4j.configuration=file:"
    } else {
        "-Dlog4j2.configurationFile="
    };
    let logging = environment.path(RUN_DIR).join(logging_file(config));
    jvm.args(options(environment, config))
        .arg(format!("{option}{}", logging.display()));
    jvm.args(metrics_options(environment, config)?);
    jvm.arg("kafka.Kafka").arg(environment.server_properties());
    Ok(Program::of(&jvm))
}

/// Key and file name of `log4j.properties`.
pub(crate) const LOG4J: &str = "log4j.properties";
/// Key and file name of `log4j2.properties`.
const LOG4J2: &str = "log4j2.properties";

/// Which of the two this release reads.
pub(crate) fn logging_file(config: &RunnerConfig) -> &'static str {
    if config.kafka_version.needs_zookeeper() {
        LOG4J
    } else {
        LOG4J2
    }
}

/// A command line, as one process tells it to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Program {
    /// Paths that are no UTF-8 are not supported: the class path is one text.
    pub(crate) fn of(command: &Command) -> Self {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let command = command.as_std();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let variables = command.get_envs();
        Self {
            arguments: words.map(text).collect(),
            variables: variables
                .filter_map(|(name, value)| Some((text(name), text(value?))))
                .collect(),
        }
    }

    /// To be started so that it is killed when this process dies.
    pub(crate) fn tied(&self) -> Command {
        let words = self.arguments.iter().map(String::as_str);
        let mut command = tied_to_this(std::iter::once("--").chain(words));
        command.envs(&self.variables);
        command
    }
}

/// This program once more, to be killed when this process dies.
///
/// By the kernel's link to it: where it lay there may be another version by now, or nothing.
pub(crate) fn tied_to_this<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("klamm")
        .args(["run-broker", "--parent"])
        .arg(std::process::id().to_string())
        .args(arguments);
    command
}

/// The jars of Strimzi's metrics reporter, where the manifest asks for it.
fn reporter_jars(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Vec<String>, RunnerError> {
    match config.metrics {
        MetricsConfig::None | MetricsConfig::JmxExporter { .. } => Ok(Vec::new()),
        MetricsConfig::StrimziReporter { .. } => Ok(jars_in(&environment.plugins)?
            .into_iter()
            .filter_map(|jar| jar.file_name()?.to_str().map(str::to_owned))
            .filter(|name| !name.starts_with(JMX_EXPORTER))
            .map(|name| format!("{}/{name}", crate::environment::PLUGINS))
            .collect()),
    }
}

/// How the jar of the JMX exporter begins; it is an agent and no part of the class path.
const JMX_EXPORTER: &str = "jmx_prometheus";

/// `-Xms` where the manifest says nothing about the heap; Strimzi's default.
const SILENT_INITIAL_HEAP: u64 = 128 * 1024 * 1024;

fn options(environment: &Environment, config: &RunnerConfig) -> Vec<String> {
    let mut options = Vec::new();
    let fast = environment.fast_start && config.jvm_options.is_empty();
    options.extend(
        if fast {
            FAST_START_OPTIONS
        } else {
            SERVER_OPTIONS
        }
        .iter()
        .map(ToString::to_string),
    );
    let initial = config.heap.initial.map(model::desired::ByteSize::bytes);
    let maximum = match config.heap.maximum.map(model::desired::ByteSize::bytes) {
        None if environment.fast_start => Some(initial.unwrap_or(0).max(FAST_START_HEAP)),
        given => given,
    };
    let initial = match (initial, maximum) {
        (None, None) => Some(SILENT_INITIAL_HEAP),
        (given, _) => given,
    };
    options.extend(initial.map(|bytes| format!("-Xms{bytes}")));
    options.extend(maximum.map(|bytes| format!("-Xmx{bytes}")));
    options.push("-Djava.awt.headless=true".to_owned());
    options.extend(place_options(environment));
    if config.gc_logging {
        options.push("-Xlog:gc*:stdout:time,tags".to_owned());
    }
    options.extend(config.jvm_options.iter().cloned());
    options.extend(
        config
            .system_properties
            .iter()
            .map(|(name, value)| format!("-D{name}={value}")),
    );
    options
}

/// Where a JVM finds its scratch space and names, where those are not the machine's.
pub(crate) fn place_options(environment: &Environment) -> Vec<String> {
    let mut options = Vec::new();
    if !environment.root.as_os_str().is_empty() {
        options.push(format!(
            "-Djava.io.tmpdir={}",
            environment.path("/tmp").display()
        ));
    }
    if let Some(hosts) = &environment.hosts_file {
        options.push(format!("-Djdk.net.hosts.file={}", hosts.display()));
    }
    options
}

/// 256 MiB: enough for a developer's topics, a quarter of Kafka's default.
const FAST_START_HEAP: u64 = 256 * 1024 * 1024;

fn metrics_options(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Vec<String>, RunnerError> {
    let mut options = Vec::new();
    match &config.metrics {
        MetricsConfig::None | MetricsConfig::StrimziReporter { .. } => {}
        MetricsConfig::JmxExporter { port, config_file } => {
            // Without a host it listens everywhere, on addresses of both families.
            let host = match environment.pod_ip {
                _ if !environment.uses_pod_ip => String::new(),
                IpAddr::V4(ip) => format!("{ip}:"),
                IpAddr::V6(ip) => format!("[{ip}]:"),
            };
            let agent = jars_in(&environment.plugins)
                .unwrap_or_default()
                .into_iter()
                .find(|jar| {
                    jar.file_name()
                        .is_some_and(|name| name.to_string_lossy().starts_with(JMX_EXPORTER))
                });
            // A broker that runs without the metrics that were asked for would be noticed too late.
            let agent = agent.ok_or_else(|| RunnerError::Configuration {
                path: environment.plugins.clone(),
                reason: format!(
                    "there is no {JMX_EXPORTER}*.jar, which metricsConfig of type jmxPrometheusExporter needs; \
                     klamm fetches it with Maven (apt-get install maven), or leave metricsConfig out"
                ),
            })?;
            options.push(format!(
                "-javaagent:{}={host}{port}:{}",
                agent.display(),
                environment.path(config_file).display()
            ));
        }
    }
    let (port, password) = match &config.jmx {
        JmxConfig::Closed => return Ok(options),
        JmxConfig::Open { port } => (*port, None),
        JmxConfig::Password {
            port,
            username_file,
            password_file,
        } => (*port, Some((username_file, password_file))),
    };
    options.push(format!("-Dcom.sun.management.jmxremote.port={port}"));
    options.push(format!("-Dcom.sun.management.jmxremote.rmi.port={port}"));
    options.push(format!("-Djava.rmi.server.hostname={}", environment.pod_ip));
    if environment.uses_pod_ip {
        // Pods share the machine's network there, and so would the port.
        options.push(format!(
            "-Dcom.sun.management.jmxremote.host={}",
            environment.pod_ip
        ));
    }
    options.push("-Dcom.sun.management.jmxremote.ssl=false".to_owned());
    options.push(format!(
        "-Dcom.sun.management.jmxremote.authenticate={}",
        password.is_some()
    ));
    if password.is_some() {
        let file = |name: &str| environment.path(RUN_DIR).join(name).display().to_string();
        options.push(format!(
            "-Dcom.sun.management.jmxremote.password.file={}",
            file(JMX_PASSWORD)
        ));
        options.push(format!(
            "-Dcom.sun.management.jmxremote.access.file={}",
            file(JMX_ACCESS)
        ));
    }
    Ok(options)
}

/// The JVM's password file for JMX, written from the mounted Secret.
const JMX_PASSWORD: &str = "jmxremote.password";
/// Who may do what over JMX.
const JMX_ACCESS: &str = "jmxremote.access";

/// Writes the JVM's own files for JMX with a password, from the mounted Secret.
pub(crate) fn write_jmx_files(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<(), RunnerError> {
    let JmxConfig::Password {
        username_file,
        password_file,
        ..
    } = &config.jmx
    else {
        return Ok(());
    };
    let read = |file: &str| {
        let path = environment.path(file);
        std::fs::read_to_string(&path)
            .map(|text| text.trim().to_owned())
            .map_err(RunnerError::file("read", &path))
    };
    let (user, password) = (read(username_file)?, read(password_file)?);
    let dir = environment.path(RUN_DIR);
    crate::pem_files::write_private(
        &dir.join(JMX_PASSWORD),
        format!("{user} {password}\n").as_bytes(),
    )?;
    crate::pem_files::write_private(
        &dir.join(JMX_ACCESS),
        format!("{user} readwrite\n").as_bytes(),
    )
}

/// `run-broker --parent PARENT`: tied to it, does a task, or becomes the program.
pub fn tied_child(parent: u32, task: Option<&str>, command: &[String]) -> ExitCode {
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        tracing::error!(%error, "cannot tie this process to its runner");
        return ExitCode::FAILURE;
    }
    // The parent may have died before the line above took effect.
    if std::os::unix::process::parent_id() != parent {
        return ExitCode::FAILURE;
    }
    if let Some(task) = task {
        return task::main(task);
    }
    let Some((program, arguments)) = command.split_first() else {
        return ExitCode::FAILURE;
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    tracing::error!(%program, %error, "the JVM does not start; Kafka needs a Java runtime 17 or newer");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests;
