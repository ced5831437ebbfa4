//! How to connect: addresses, and lines that work as printed.
//!
//! Per cluster it leaves in the home, for each listener that needs them, the CA certificate and settings for clients.
//! Nothing in them is secret but what a user fills in; that is kept.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kube::api::DynamicObject;
use model::desired::KafkaVersion;
use resources::Kafka;
use resources::cluster::ListenerStatus;
use resources::listener::Listener;
use serde::Deserialize as _;

use crate::args::Global;
use crate::home::{Home, write_private};

/// A listener as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Access {
    pub(crate) listener: String,
    pub(crate) bootstrap_servers: String,
    pub(crate) tls: bool,
    /// `tls`, `scram-sha-512`, `custom`, or nothing.
    pub(crate) authentication: Option<String>,
    #[serde(skip)]
    certificates: Vec<String>,
}

/// The listeners of a Kafka with addresses in its status.
pub(crate) fn listeners(kafka: &Kafka) -> Vec<Access> {
    let status = kafka.status.as_ref();
    let statuses = status.and_then(|status| status.listeners.as_deref());
    accesses(&kafka.spec.kafka.listeners, statuses.unwrap_or_default())
}

fn accesses(specs: &[Listener], statuses: &[ListenerStatus]) -> Vec<Access> {
    statuses
        .iter()
        .filter_map(|status| {
            let name = status.name.clone()?;
            let spec = specs.iter().find(|spec| spec.name == name)?;
            Some(Access {
                bootstrap_servers: status.bootstrap_servers.clone()?,
                tls: spec.tls,
                authentication: spec
                    .authentication
                    .as_ref()
                    .map(|authentication| word(&authentication.kind)),
                certificates: status.certificates.clone().unwrap_or_default(),
                listener: name,
            })
        })
        .collect()
}

/// The text that `klamm up` ends with, for one cluster.
pub(crate) fn describe(
    home: &Home,
    programs: &Programs,
    kafka: &Kafka,
    zookeeper_connect: Option<&str>,
) -> Result<String> {
    let namespace = kafka.metadata.namespace.as_deref().unwrap_or("default");
    let name = kafka.metadata.name.as_deref().unwrap_or_default();
    let dir = home.connect(namespace, name);
    let release = kafka.status.as_ref();
    let release = release.and_then(|status| status.kafka_version.as_deref());
    let programs = &programs.of_release(release);
    let mut text = format!("Kafka {name} (namespace {namespace}) is Ready\n");
    for access in listeners(kafka) {
        let how = match (access.tls, access.authentication.as_deref()) {
            (false, None) => "plain".to_owned(),
            (true, None) => "TLS".to_owned(),
            (false, Some(kind)) => kind.to_owned(),
            (true, Some(kind)) => format!("TLS, {kind}"),
        };
        let _ = writeln!(
            text,
            "\n  listener {} ({how})\n    bootstrap  {}",
            access.listener, access.bootstrap_servers
        );
        text += &access.lines(&dir, name, programs)?;
    }
    if let Some(servers) = zookeeper_connect {
        let first = servers.split(',').next().unwrap_or(servers);
        let version = release.map_or_else(
            || KafkaVersion::DEFAULT_WITH_ZOOKEEPER.to_string(),
            str::to_owned,
        );
        let _ = writeln!(
            text,
            "\n  metadata   ZooKeeper's protocol at {servers}\n    shell      {} kafka --version {version} zookeeper-shell {first} ls /",
            programs.klamm,
        );
    }
    if !programs.has_kcat {
        text += "\n  kcat is not installed here; on Debian: sudo apt-get install kcat\n";
    }
    Ok(text)
}

/// How the programs of the printed lines are called from the user's shell.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// `klamm`, or where it is if the shell would not find it, with the options that lead to the same runtime.
    klamm: String,
    /// What chooses the release of Kafka's tools; nothing where it is the one that they have anyway.
    version_option: String,
    /// Whether the tools are those of a Kafka of the user's own.
    own_kafka: bool,
    /// The option of the console producer that names a file.
    config_option: &'static str,
    has_kcat: bool,
}

impl Programs {
    /// For the shell that started us.
    pub(crate) fn find(global: &Global) -> Result<Self> {
        let own = std::env::current_exe().context("finding our own program")?;
        let found = on_path("klamm");
        let is_own = found.is_some_and(|found| {
            found.canonicalize().ok() == own.canonicalize().ok() && own.exists()
        });
        let mut klamm = if is_own {
            "klamm".to_owned()
        } else {
            quoted(&own)
        };
        for (option, variable, value) in [
            ("--cache", "KLAMM_CACHE", &global.cache),
            ("--kafka-home", "KAFKA_HOME", &global.kafka_home),
        ] {
            if let Some(value) = value
                && std::env::var_os(variable).as_deref() != Some(value.as_os_str())
            {
                let value = std::path::absolute(value)?;
                klamm = format!("{klamm} {option} {}", quoted(&value));
            }
        }
        let version = node_agent::runtime::version_in_home(&crate::runtime::settings(global)?)?;
        Ok(Self {
            klamm,
            version_option: String::new(),
            own_kafka: version.is_some(),
            config_option: config_option(version.as_deref()),
            has_kcat: on_path("kcat").is_some(),
        })
    }
}

impl Programs {
    /// With the tools of the release that a cluster runs.
    fn of_release(&self, release: Option<&str>) -> Self {
        let default = KafkaVersion::DEFAULT.to_string();
        match release {
            Some(release) if !self.own_kafka && release != default => Self {
                version_option: format!(" --version {release}"),
                config_option: config_option(Some(release)),
                ..self.clone()
            },
            _ => self.clone(),
        }
    }
}

/// KIP-1147 gave all tools the same option, from 4.2 on.
fn config_option(release: Option<&str>) -> &'static str {
    let is_old = |release: &str| {
        let old = ["3.", "4.0", "4.1"];
        old.iter().any(|old| release.starts_with(old))
    };
    if release.is_some_and(is_old) {
        "--producer.config"
    } else {
        "--command-config"
    }
}

/// What a shell starts by this name.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Files in the home that the lines of a listener name; absent where clients need none.
struct Files {
    ca: Option<PathBuf>,
    kcat: Option<PathBuf>,
    client: Option<PathBuf>,
}

/// Writes the files of all listeners of a Kafka anew where they are not of its present certificates and addresses.
pub(crate) fn refresh(home: &Home, kafka: &DynamicObject) -> Result<()> {
    let namespace = kafka.metadata.namespace.as_deref().unwrap_or("default");
    let name = kafka.metadata.name.as_deref().unwrap_or_default();
    let specs = Vec::<Listener>::deserialize(&kafka.data["spec"]["kafka"]["listeners"])
        .context("reading spec.kafka.listeners")?;
    let statuses = Option::<Vec<ListenerStatus>>::deserialize(&kafka.data["status"]["listeners"])
        .context("reading status.listeners")?;
    let dir = home.connect(namespace, name);
    for access in accesses(&specs, &statuses.unwrap_or_default()) {
        access.write_files(&dir)?;
    }
    Ok(())
}

impl Access {
    /// By what clients show who they are; `None` where only the user knows.
    fn credentials(&self) -> Option<Credentials> {
        match self.authentication.as_deref() {
            None => Some(Credentials::None),
            Some("tls") => Some(Credentials::Certificate),
            Some("scram-sha-512") => Some(Credentials::Scram),
            Some(_) => None,
        }
    }

    fn write_files(&self, dir: &Path) -> Result<Files> {
        let ca = self.write_ca(dir)?;
        let (mut kcat, mut client) = (None, None);
        if let Some(credentials) = self.credentials() {
            if credentials != Credentials::None {
                let settings = credentials.kcat(ca.as_deref());
                kcat = Some(self.write_settings(dir, "kcat.conf", &settings)?);
            }
            let properties = credentials.properties(ca.as_deref());
            if !properties.is_empty() {
                client = Some(self.write_settings(dir, "client.properties", &properties)?);
            }
        }
        Ok(Files { ca, kcat, client })
    }

    /// The lines for this listener; writes the files that they name.
    fn lines(&self, dir: &Path, cluster: &str, programs: &Programs) -> Result<String> {
        let Programs {
            klamm,
            version_option,
            own_kafka: _,
            config_option,
            has_kcat: _,
        } = programs;
        let Files { ca, kcat, client } = self.write_files(dir)?;
        let hint = match self.credentials() {
            Some(Credentials::None) => None,
            Some(Credentials::Certificate) => Some(format!(
                "a user's certificate and key, signed by the clients CA (Secret {cluster}-clients-ca)"
            )),
            Some(Credentials::Scram) => Some("name and password of a user".to_owned()),
            None => {
                let ca = ca.map(|ca| format!("    CA         {}\n", quoted(&ca)));
                return Ok(format!(
                    "    clients authenticate as spec.kafka.listeners says under {:?}\n{}",
                    self.listener,
                    ca.unwrap_or_default()
                ));
            }
        };
        let mut text = String::new();
        if let Some(hint) = hint {
            let _ = writeln!(text, "    fill in    REPLACE in the files below: {hint}");
        }
        let servers = &self.bootstrap_servers;
        let with = match (kcat, ca) {
            (Some(file), _) => format!(" -F {}", quoted(&file)),
            (None, Some(ca)) => format!(
                " -X security.protocol=SSL -X ssl.ca.location={}",
                quoted(&ca)
            ),
            (None, None) => String::new(),
        };
        let _ = writeln!(text, "    kcat       kcat{with} -b {servers} -L");
        let config = client
            .map(|file| format!(" {config_option} {}", quoted(&file)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "    produce    {klamm} kafka{version_option} console-producer --bootstrap-server {servers}{config} --topic hello"
        );
        Ok(text)
    }

    fn write_ca(&self, dir: &Path) -> Result<Option<PathBuf>> {
        if !self.tls {
            return Ok(None);
        }
        let ca = dir.join(format!("{}-ca.crt", self.listener));
        // While the authority is not seen, clients keep the one they have.
        if self.certificates.is_empty() && ca.exists() {
            return Ok(Some(ca));
        }
        write_if_other(&ca, &self.certificates.join("\n"))?;
        Ok(Some(ca))
    }

    /// Writes a file of settings; one that still has these settings is kept, with what was filled in and added.
    fn write_settings(&self, dir: &Path, name: &str, settings: &str) -> Result<PathBuf> {
        let path = dir.join(format!("{}-{name}", self.listener));
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if !still_has(&before, settings) {
            write_if_other(&path, settings)?;
        }
        Ok(path)
    }
}

/// Whether a file has each of these settings; one to fill in may have any value.
fn still_has(file: &str, settings: &str) -> bool {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    settings.lines().all(|wanted| {
        let is_free = wanted.contains(TO_FILL_IN);
        file.lines()
            .any(|line| line.trim() == wanted || is_free && key(line) == key(wanted))
    })
}

/// Whoever has the file open or copies it is not disturbed without need.
fn write_if_other(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    write_private(path, text.as_bytes())
}

/// What a user replaces in a file of settings.
const TO_FILL_IN: &str = "REPLACE";

/// By what clients of a listener show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    None,
    Certificate,
    Scram,
}

impl Credentials {
    /// For librdkafka, whose names of settings are not Java's.
    fn kcat(self, ca: Option<&Path>) -> String {
        let mut text = format!("security.protocol={}\n", self.protocol(ca));
        if let Some(ca) = ca {
            let _ = writeln!(text, "ssl.ca.location={}", ca.display());
        }
        let own: &[&str] = match self {
            Self::None => &[],
            Self::Certificate => &[
                "ssl.certificate.location=REPLACE/user.crt",
                "ssl.key.location=REPLACE/user.key",
            ],
            Self::Scram => &[
                "sasl.mechanism=SCRAM-SHA-512",
                "sasl.username=REPLACE",
                "sasl.password=REPLACE",
            ],
        };
        for line in own {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// For Kafka's own tools; nothing where they need nothing.
    fn properties(self, ca: Option<&Path>) -> String {
        if self == Self::None && ca.is_none() {
            return String::new();
        }
        let mut text = format!("security.protocol={}\n", self.protocol(ca));
        if let Some(ca) = ca {
            let _ = writeln!(
                text,
                "ssl.truststore.type=PEM\nssl.truststore.location={}",
                ca.display()
            );
        }
        let own: &[&str] = match self {
            Self::None => &[],
            // Key and certificate in one file.
            Self::Certificate => &[
                "ssl.keystore.type=PEM",
                "ssl.keystore.location=REPLACE/user.pem",
            ],
            Self::Scram => &[
                "sasl.mechanism=SCRAM-SHA-512",
                "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"REPLACE\" password=\"REPLACE\";",
            ],
        };
        for line in own {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn protocol(self, ca: Option<&Path>) -> &'static str {
        match (self, ca) {
            (Self::Scram, Some(_)) => "SASL_SSL",
            (Self::Scram, None) => "SASL_PLAINTEXT",
            (_, Some(_)) => "SSL",
            (_, None) => "PLAINTEXT",
        }
    }
}

/// The word that manifests use for a value.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
