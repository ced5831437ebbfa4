//! What Kafka's TLS listeners serve, against what stands in the files that it was given.
//!
//! A certificate that is served is seen by dialling the listener; that a listener read its trusted certificates again is
//! told by Kafka's state log. Files that changed are not served before the operator tells Kafka to reload.
//! What it reads: the properties that Kafka was started with, the files they name, the listeners themselves.
//! Invariants: nothing is dialled while all is as it should be; nothing is said of a listener that did not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::runner::RunnerConfig;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::environment::Environment;
use crate::health::Shared;
use crate::pem_files;
use crate::render::value_of;

mod dial;

/// Pauses between rounds of dialling while a listener serves something else than it should.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A TLS listener and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Store {
    listener: String,
    port: u16,
    keystore: PathBuf,
    truststore: Option<PathBuf>,
}

/// The TLS listeners of a node, from the properties that Kafka is started with.
pub(crate) fn stores(config: &RunnerConfig, properties: &str) -> Vec<Store> {
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

/// What is known of the listeners.
#[derive(Debug)]
pub(crate) struct Served {
    stores: Vec<Store>,
    /// Hash of the certificate that each listener served when it was last dialled.
    pub(crate) certificates: BTreeMap<String, String>,
    /// Hash of the trusted certificates that Kafka read, by file.
    trusted: BTreeMap<PathBuf, String>,
    /// The certificate that Kafka started with: its hash and its end.
    started_with: Option<(String, jiff::Timestamp)>,
    /// The reload that was taken in last, in milliseconds of Unix time.
    seen_read: Option<i64>,
    due: Instant,
    pause: Duration,
    dialling: bool,
}

impl Default for Served {
    fn default() -> Self {
        Self {
            stores: Vec::new(),
            certificates: BTreeMap::new(),
            trusted: BTreeMap::new(),
            started_with: None,
            seen_read: None,
            due: Instant::now(),
            pause: FIRST_PAUSE,
            dialling: false,
        }
    }
}

impl Served {
    /// For a JVM that is about to start: it reads the files as they are now.
    pub(crate) fn at_start(stores: Vec<Store>) -> Self {
        let mut served = Self {
            started_with: stores.first().and_then(|store| {
                let pem = std::fs::read(&store.keystore).ok()?;
                let ends = pem_files::expiry_unix_seconds(&pem)?;
                Some((
                    pem_files::certificate_hash(&pem)?,
                    jiff::Timestamp::from_second(ends).ok()?,
                ))
            }),
            stores,
            ..Self::default()
        };
        served.trusted = served.trust_files();
        served
    }

    /// Hash of the certificate in each listener's file.
    pub(crate) fn assembled(&self) -> BTreeMap<String, String> {
        let hashed = self.stores.iter().filter_map(|store| {
            let pem = std::fs::read(&store.keystore).ok()?;
            Some((store.listener.clone(), pem_files::certificate_hash(&pem)?))
        });
        hashed.collect()
    }

    /// Listeners whose trusted certificates changed since Kafka read them.
    pub(crate) fn stale_trust(&self) -> BTreeSet<String> {
        let now = self.trust_files();
        let stale = self.stores.iter().filter(|store| {
            store.truststore.as_ref().is_some_and(|file| {
                now.contains_key(file) && now.get(file) != self.trusted.get(file)
            })
        });
        stale.map(|store| store.listener.clone()).collect()
    }

    /// When the certificate ends that Kafka started with, where another one is assembled by now.
    pub(crate) fn started_certificate_ends(&self) -> Option<jiff::Timestamp> {
        let (hash, ends) = self.started_with.as_ref()?;
        let first = self.stores.first()?;
        let now = self.assembled().remove(&first.listener)?;
        (now != *hash).then_some(*ends)
    }

    /// Files changed: what is served will differ.
    pub(crate) fn expect_change(&mut self) {
        self.pause = FIRST_PAUSE;
        self.due = Instant::now();
    }

    /// Takes in that a listener read its files at this time; files written later than that were not read.
    fn take_read(&mut self, read: Option<i64>) {
        if read.is_none() || read == self.seen_read {
            return;
        }
        self.seen_read = read;
        let before = |file: &Path| {
            let written = std::fs::metadata(file).and_then(|metadata| metadata.modified());
            let written = written
                .ok()
                .and_then(|written| jiff::Timestamp::try_from(written).ok());
            written.is_some_and(|written| Some(written.as_millisecond()) <= read)
        };
        let fresh = self.trust_files();
        self.trusted
            .extend(fresh.into_iter().filter(|(file, _)| before(file)));
        self.expect_change();
    }

    fn trust_files(&self) -> BTreeMap<PathBuf, String> {
        let files = self
            .stores
            .iter()
            .filter_map(|store| store.truststore.as_ref());
        let hashed = files.filter_map(|file| {
            let content = std::fs::read(file).ok()?;
            Some((file.clone(), hex::encode(Sha256::digest(content))))
        });
        hashed.collect()
    }

    fn is_due(&self) -> bool {
        !self.dialling && Instant::now() >= self.due && self.certificates != self.assembled()
    }
}

/// Dials the listeners if that could tell something new; returns at once.
pub(crate) fn look(shared: &Arc<Shared>) {
    let stores = {
        let mut live = shared.live();
        let (up, read) = (live.state.started, live.state.certificates_read);
        live.served.take_read(read);
        if !up || !live.served.is_due() {
            return;
        }
        live.served.dialling = true;
        live.served.stores.clone()
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let found = dial_all(&shared.environment, &stores).await;
        let mut live = shared.live();
        let served = &mut live.served;
        served.certificates = found;
        served.dialling = false;
        served.due = Instant::now() + served.pause;
        served.pause = (served.pause * 2).min(LONGEST_PAUSE);
    });
}

async fn dial_all(environment: &Environment, stores: &[Store]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // Nodes believe each other's certificates; listeners for clients are content with none.
    let own = stores
        .first()
        .and_then(|store| std::fs::read(&store.keystore).ok())
        .unwrap_or_default();
    for store in stores {
        let address = SocketAddr::new(environment.pod_ip, store.port);
        match dial::served_certificate(address, &own).await {
            Ok(der) => {
                found.insert(store.listener.clone(), hex::encode(Sha256::digest(der)));
            }
            Err(error) => {
                tracing::debug!(listener = store.listener, %address, error, "what it serves cannot be seen");
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
