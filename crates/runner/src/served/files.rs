//! The files that TLS listeners are given: where they are, what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::runner::RunnerConfig;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::render::value_of;
use crate::{RunnerError, pem_files};

/// A TLS listener and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Store {
    pub(super) listener: String,
    pub(super) port: u16,
    pub(super) keystore: PathBuf,
    pub(super) truststore: Option<PathBuf>,
}

/// What stood in the files when they were last looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    /// Hash of the certificate in each listener's file.
    pub(crate) certificates: BTreeMap<String, String>,
    /// The trusted certificates of each listener that has some of its own.
    pub(super) trusted: BTreeMap<String, Trusted>,
    /// The certificate that all nodes of the cluster know this one by.
    pub(super) own: Option<Own>,
    /// When the first certificate in each PEM file ends, in seconds of Unix time.
    pub(crate) ends: BTreeMap<String, i64>,
}

/// The first listener's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) hash: String,
    /// Seconds of Unix time.
    pub(super) ends: i64,
}

/// A file of trusted certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trusted {
    pub(super) hash: String,
    /// Milliseconds of Unix time.
    pub(super) written: i64,
}

impl Given {
    /// Reads the files of the listeners that Kafka is started with.
    pub(crate) fn read(
        environment: &Environment,
        config: &RunnerConfig,
    ) -> Result<Self, RunnerError> {
        let mut given = Self::of_stores(&stores(environment, config)?);
        given.ends = config
            .pem_files
            .iter()
            .filter_map(|file| {
                let pem = std::fs::read(environment.path(&file.path)).ok()?;
                Some((file.path.clone(), pem_files::expiry_unix_seconds(&pem)?))
            })
            .collect();
        Ok(given)
    }

    pub(super) fn of_stores(stores: &[Store]) -> Self {
        let mut given = Self::default();
        for (index, store) in stores.iter().enumerate() {
            let pem = std::fs::read(&store.keystore).unwrap_or_default();
            if let Some(hash) = pem_files::certificate_hash(&pem) {
                if index == 0 {
                    let ends = pem_files::expiry_unix_seconds(&pem);
                    let hash = hash.clone();
                    given.own = ends.map(|ends| Own { hash, ends });
                }
                given.certificates.insert(store.listener.clone(), hash);
            }
            if let Some(trusted) = store.truststore.as_deref().and_then(trusted) {
                given.trusted.insert(store.listener.clone(), trusted);
            }
        }
        given
    }
}

fn trusted(file: &Path) -> Option<Trusted> {
    let content = std::fs::read(file).ok()?;
    let written = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    Some(Trusted {
        hash: hex::encode(Sha256::digest(content)),
        written: jiff::Timestamp::try_from(written.ok()?)
            .ok()?
            .as_millisecond(),
    })
}

/// The TLS listeners of a node, from the properties that Kafka is started with.
pub(crate) fn stores(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Vec<Store>, RunnerError> {
    let path = environment.server_properties();
    let properties = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
    Ok(stores_in(config, &properties))
}

pub(super) fn stores_in(config: &RunnerConfig, properties: &str) -> Vec<Store> {
    let tls = config.listeners.iter().filter(|listener| listener.tls);
    tls.filter_map(|listener| {
        let prefix = format!("listener.name.{}.ssl", listener.name.to_lowercase());
        let file = |store: &str| {
            value_of(properties, &format!("{prefix}.{store}.location")).map(PathBuf::from)
        };
        Some(Store {
            listener: listener.name.clone(),
            port: listener.port,
            keystore: file("keystore")?,
            truststore: file("truststore"),
        })
    })
    .collect()
}
