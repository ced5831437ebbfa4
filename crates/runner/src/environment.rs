//! What the Pod and the machine tell the runner, read once.
//!
//! Nothing here is secret: secrets come as files.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use model::runner::{CONTRACT, Format, RUNNER_CONFIG_KEY, RunnerConfig, env};

use crate::RunnerError;

/// Oldest contract this runner still understands: two versions back.
const OLDEST_CONTRACT: u32 = CONTRACT.saturating_sub(2);
/// Where the `ConfigMap` is mounted.
const CONFIGURATION: &str = "/opt/kafka/custom-config";
/// Where plugin jars are in an image; `KLAMM_PLUGINS` stands for it on a process node.
pub(crate) const PLUGINS: &str = "/opt/klamm/plugins";

/// Where filled-in files are: the Pod's memory volume.
pub(crate) const RUN_DIR: &str = "/var/run/klamm";

/// The environment of the container, checked.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Prefix of container paths; empty in a real container.
    pub(crate) root: PathBuf,
    pub(crate) pod_name: String,
    pub(crate) pod_ip: IpAddr,
    /// Bind and advertise the Pod's address instead of names (a process node).
    pub(crate) uses_pod_ip: bool,
    pub(crate) format: Option<Format>,
    pub(crate) kafka_home: PathBuf,
    pub(crate) java: PathBuf,
    /// Names that Java must resolve from this file; none where the same file is mounted as `/etc/hosts`.
    pub(crate) hosts_file: Option<PathBuf>,
    pub(crate) archive: Option<PathBuf>,
    pub(crate) plugins: PathBuf,
    pub(crate) fast_start: bool,
    /// Everything else, for the rack and for what Kafka itself reads.
    pub(crate) all: BTreeMap<String, String>,
}

impl Environment {
    pub(crate) fn from_process() -> Result<Self, RunnerError> {
        Self::parse(std::env::vars().collect())
    }

    pub(crate) fn parse(all: BTreeMap<String, String>) -> Result<Self, RunnerError> {
        let get = |name: &str| all.get(name).filter(|value| !value.is_empty()).cloned();
        let need = |name: &'static str| {
            get(name).ok_or_else(|| RunnerError::Environment {
                name,
                reason: "is not set; the operator's Pods set it (run-broker is not meant to be run by hand)".to_owned(),
            })
        };
        let wrong = |name: &'static str, given: &str, allowed: &str| RunnerError::Environment {
            name,
            reason: format!("is {given:?}; allowed: {allowed}"),
        };
        let contract = need(env::CONTRACT)?;
        let known = contract
            .parse()
            .is_ok_and(|number: u32| (OLDEST_CONTRACT..=CONTRACT).contains(&number));
        if !known {
            return Err(wrong(
                env::CONTRACT,
                &contract,
                &format!("{OLDEST_CONTRACT} to {CONTRACT}"),
            ));
        }
        let ip = need(env::POD_IP)?;
        let format = match get(env::FORMAT) {
            None => None,
            Some(text) => Some(
                Format::parse(&text)
                    .ok_or_else(|| wrong(env::FORMAT, &text, "initial, join, or absent"))?,
            ),
        };
        let java = get("KLAMM_JAVA")
            .map(PathBuf::from)
            .or_else(|| get("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")))
            .unwrap_or_else(|| "java".into());
        Ok(Self {
            root: get("KLAMM_ROOT").map(PathBuf::from).unwrap_or_default(),
            pod_name: need(env::POD_NAME)?,
            pod_ip: ip
                .parse()
                .map_err(|_| wrong(env::POD_IP, &ip, "an IP address such as 10.1.2.3"))?,
            uses_pod_ip: get("KLAMM_ADDRESS").is_some_and(|scheme| scheme == "pod-ip"),
            format,
            kafka_home: get("KLAMM_KAFKA_HOME")
                .unwrap_or_else(|| "/opt/kafka".to_owned())
                .into(),
            java,
            hosts_file: get("KLAMM_HOSTS_FILE")
                .filter(|_| get("KLAMM_HOSTS_MOUNTED").is_none_or(|value| value != "1"))
                .map(PathBuf::from),
            archive: get("KLAMM_CDS_ARCHIVE").map(PathBuf::from),
            plugins: get("KLAMM_PLUGINS")
                .unwrap_or_else(|| PLUGINS.to_owned())
                .into(),
            fast_start: get("KLAMM_FAST_START").is_some_and(|value| value == "1"),
            all,
        })
    }

    /// Where a path of the container is on this machine.
    pub(crate) fn path(&self, container_path: &str) -> PathBuf {
        if let Some(rest) = container_path.strip_prefix(PLUGINS) {
            return self.plugins.join(rest.trim_start_matches('/'));
        }
        if self.root.as_os_str().is_empty() {
            return container_path.into();
        }
        self.root.join(container_path.trim_start_matches('/'))
    }

    /// A file of the mounted `ConfigMap`.
    pub(crate) fn configuration_file(&self, key: &str) -> PathBuf {
        self.path(CONFIGURATION).join(key)
    }

    /// What Kafka is started with.
    pub(crate) fn server_properties(&self) -> PathBuf {
        self.path(RUN_DIR).join("server.properties")
    }

    /// What the operator told this runner.
    pub(crate) fn runner_config(&self) -> Result<RunnerConfig, RunnerError> {
        let path = self.configuration_file(RUNNER_CONFIG_KEY);
        let text = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
        let config: RunnerConfig =
            serde_json::from_str(&text).map_err(|error| RunnerError::Configuration {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        if !(OLDEST_CONTRACT..=CONTRACT).contains(&config.contract) {
            return Err(RunnerError::Configuration {
                path,
                reason: format!(
                    "contract {} is not one of {OLDEST_CONTRACT} to {CONTRACT}, which this klamm {} speaks",
                    config.contract,
                    env!("CARGO_PKG_VERSION")
                ),
            });
        }
        Ok(config)
    }

    /// For `kubectl describe`: why the container ended. Best effort, since nobody is left to tell.
    pub(crate) fn write_termination_message(&self, message: &str) {
        let path = self.path("/dev/termination-log");
        if path.parent().is_some_and(Path::is_dir)
            && let Err(error) = std::fs::write(&path, message)
        {
            tracing::warn!(path = %path.display(), %error, "cannot leave a termination message");
        }
    }
}

#[cfg(test)]
mod tests;
