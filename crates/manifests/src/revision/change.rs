//! How a running Pod differs from the desired one, by their annotations.

use std::collections::{BTreeMap, BTreeSet};

use super::{PART_IMAGE, PART_RESOURCES, PART_VERSION, PARTS};
use crate::labels::Map;
use crate::secret;

/// One thing that differs between a running Pod and the desired one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The release of Kafka.
    Version {
        /// What runs.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// The image.
    Image {
        /// What runs.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// Kafka's or the JVM's configuration.
    Configuration {
        /// Names of the parts, without their prefix: property names, `listener.<name>`, `jvm.heap`, ….
        parts: BTreeSet<String>,
    },
    /// The Pod.
    Pod {
        /// Names of the parts, without their prefix.
        parts: BTreeSet<String>,
    },
    /// Memory or CPU.
    Resources,
    /// The key of the cluster CA.
    ClusterCaKey,
    /// The certificate of the cluster CA.
    ClusterCaCertificate,
    /// The certificate of the clients CA.
    ClientsCaCertificate,
}

impl Change {
    /// Whether it takes a new Pod. Certificates of listeners can be reloaded by a running broker.
    pub const fn needs_restart(&self) -> bool {
        match self {
            Self::Version { from: _, to: _ }
            | Self::Image { from: _, to: _ }
            | Self::Configuration { parts: _ }
            | Self::Pod { parts: _ }
            | Self::Resources => true,
            Self::ClusterCaKey | Self::ClusterCaCertificate | Self::ClientsCaCertificate => false,
        }
    }
}

/// How a running Pod differs from the desired one, by their annotations; in the order of [`Change`].
///
/// Nothing can be said of a Pod without [`PARTS`], one that somebody else made.
pub fn changes(running: &Map, desired: &Map) -> Option<Vec<Change>> {
    let read = |annotations: &Map| {
        serde_json::from_str::<BTreeMap<String, String>>(annotations.get(PARTS)?).ok()
    };
    let (old, new) = (read(running)?, read(desired)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    let value =
        |parts: &BTreeMap<String, String>, name: &str| parts.get(name).cloned().unwrap_or_default();
    let mut changes = BTreeSet::new();
    let (mut configuration, mut pod) = (BTreeSet::new(), BTreeSet::new());
    for name in differ {
        let (from, to) = (value(&old, name), value(&new, name));
        let part = name
            .split_once('/')
            .map_or(name.as_str(), |(_, part)| part)
            .to_owned();
        match name.as_str() {
            PART_VERSION => drop(changes.insert(Change::Version { from, to })),
            PART_IMAGE => drop(changes.insert(Change::Image { from, to })),
            PART_RESOURCES => drop(changes.insert(Change::Resources)),
            name if name.starts_with("config/") => drop(configuration.insert(part)),
            _ => drop(pod.insert(part)),
        }
    }
    if !configuration.is_empty() {
        changes.insert(Change::Configuration {
            parts: configuration,
        });
    }
    if !pod.is_empty() {
        changes.insert(Change::Pod { parts: pod });
    }
    for (annotation, change) in [
        (secret::CLUSTER_CA_KEY_GENERATION, Change::ClusterCaKey),
        (
            secret::CLUSTER_CA_CERTIFICATE_GENERATION,
            Change::ClusterCaCertificate,
        ),
        (
            secret::CLIENTS_CA_CERTIFICATE_GENERATION,
            Change::ClientsCaCertificate,
        ),
    ] {
        if running.get(annotation) != desired.get(annotation) {
            changes.insert(change);
        }
    }
    Some(changes.into_iter().collect())
}
