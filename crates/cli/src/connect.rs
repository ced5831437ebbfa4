//! How to connect: addresses, and lines that work as printed.
//!
//! Per cluster it leaves the CA certificate and a `client.properties` per listener in the home; neither is secret.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use resources::Kafka;

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
    let specs = &kafka.spec.kafka.listeners;
    let statuses = kafka
        .status
        .as_ref()
        .and_then(|status| status.listeners.as_deref())
        .unwrap_or_default();
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
pub(crate) fn describe(home: &Home, kafka: &Kafka) -> Result<String> {
    let namespace = kafka.metadata.namespace.as_deref().unwrap_or("default");
    let name = kafka.metadata.name.as_deref().unwrap_or_default();
    let dir = home.connect(namespace, name);
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
        let files = write_files(&dir, &access)?;
        let ca = files
            .ca
            .as_deref()
            .map(|ca| format!(" -X security.protocol=SSL -X ssl.ca.location={ca}"))
            .unwrap_or_default();
        match access.authentication.as_deref() {
            None => {
                let _ = writeln!(
                    text,
                    "    kcat       kcat -b {}{ca} -L",
                    access.bootstrap_servers
                );
                let config = files
                    .properties
                    .map(|file| format!(" --command-config {file}"))
                    .unwrap_or_default();
                let _ = writeln!(
                    text,
                    "    produce    klamm kafka console-producer --bootstrap-server {}{config} --topic hello",
                    access.bootstrap_servers
                );
            }
            Some(kind) => {
                let _ = writeln!(
                    text,
                    "    clients need credentials of a user with authentication {kind}"
                );
                if let Some(ca) = files.ca {
                    let _ = writeln!(text, "    CA         {ca}");
                }
            }
        }
    }
    Ok(text)
}

struct Files {
    ca: Option<String>,
    properties: Option<String>,
}

fn write_files(dir: &Path, access: &Access) -> Result<Files> {
    if !access.tls {
        return Ok(Files {
            ca: None,
            properties: None,
        });
    }
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    let ca = dir.join(format!("{}-ca.crt", access.listener));
    write_private(&ca, access.certificates.join("\n").as_bytes())?;
    let properties = dir.join(format!("{}-client.properties", access.listener));
    let text = format!(
        "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
        ca.display()
    );
    write_private(&properties, text.as_bytes())?;
    Ok(Files {
        ca: Some(ca.display().to_string()),
        properties: Some(properties.display().to_string()),
    })
}

/// The word that manifests use for a value.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
