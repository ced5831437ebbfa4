//! Versions of Kafka and of its metadata: which there are, and which go together.
//!
//! A new release of Kafka is one line in [`SUPPORTED`] and, for a new minor, its lines in `METADATA`.
//! Source of the levels: `org.apache.kafka.server.common.MetadataVersion` of Kafka 4.3.1.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of Apache Kafka that this operator can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KafkaVersion {
    major: u8,
    minor: u8,
    patch: u8,
}

/// All releases that can be selected, oldest first.
pub const SUPPORTED: [KafkaVersion; 9] = [
    KafkaVersion::new(3, 9, 1),
    KafkaVersion::new(3, 9, 2),
    KafkaVersion::new(4, 1, 0),
    KafkaVersion::new(4, 1, 1),
    KafkaVersion::new(4, 1, 2),
    KafkaVersion::new(4, 2, 0),
    KafkaVersion::new(4, 2, 1),
    KafkaVersion::new(4, 3, 0),
    KafkaVersion::new(4, 3, 1),
];

/// Production metadata versions with their feature level, oldest first: (major, minor, iteration, level).
const METADATA: [(u8, u8, u8, i16); 24] = [
    (3, 3, 3, 7),
    (3, 4, 0, 8),
    (3, 5, 0, 9),
    (3, 5, 1, 10),
    (3, 5, 2, 11),
    (3, 6, 0, 12),
    (3, 6, 1, 13),
    (3, 6, 2, 14),
    (3, 7, 0, 15),
    (3, 7, 1, 16),
    (3, 7, 2, 17),
    (3, 7, 3, 18),
    (3, 7, 4, 19),
    (3, 8, 0, 20),
    (3, 9, 0, 21),
    (4, 0, 0, 22),
    (4, 0, 1, 23),
    (4, 0, 2, 24),
    (4, 0, 3, 25),
    (4, 1, 0, 26),
    (4, 1, 1, 27),
    (4, 2, 0, 28),
    (4, 2, 1, 29),
    (4, 3, 0, 30),
];

/// A version that is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {allowed}")]
pub struct VersionError {
    /// The text as given.
    pub given: String,
    /// The versions that are known, separated by commas.
    pub allowed: String,
}

impl KafkaVersion {
    /// What runs when `spec.kafka.version` is unset.
    pub const DEFAULT: Self = Self::new(4, 3, 1);

    /// What runs then where the metadata are behind ZooKeeper's protocol.
    pub const DEFAULT_WITH_ZOOKEEPER: Self = Self::new(3, 9, 2);

    const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Major and minor number, the part that decides about metadata versions and upgrades.
    pub const fn minor_release(self) -> (u8, u8) {
        (self.major, self.minor)
    }

    /// Whether it is run with ZooKeeper's protocol only: those before 4.0 could do without, but are not run so here.
    pub const fn needs_zookeeper(self) -> bool {
        self.major < 4
    }

    /// The releases that keep their metadata behind ZooKeeper's protocol, with commas between.
    pub fn with_zookeeper() -> String {
        joined(SUPPORTED.into_iter().filter(|v| v.needs_zookeeper()))
    }

    /// The releases that keep their metadata in `KRaft`, with commas between.
    pub fn with_kraft() -> String {
        joined(SUPPORTED.into_iter().filter(|v| !v.needs_zookeeper()))
    }

    /// The newest metadata version this release can run; the default of `spec.kafka.metadataVersion`.
    pub fn newest_metadata(self) -> MetadataVersion {
        MetadataVersion::all()
            .filter(|metadata| metadata.minor_release() <= self.minor_release())
            .last()
            .unwrap_or(MetadataVersion::OLDEST)
    }

    /// Whether this release can run with that metadata version.
    pub fn can_run(self, metadata: MetadataVersion) -> bool {
        metadata <= self.newest_metadata()
    }
}

impl Default for KafkaVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            patch,
        } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for KafkaVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        SUPPORTED
            .into_iter()
            .find(|version| version.to_string() == text)
            .ok_or_else(|| VersionError {
                given: text.to_owned(),
                allowed: joined(SUPPORTED),
            })
    }
}

impl TryFrom<String> for KafkaVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<KafkaVersion> for String {
    fn from(version: KafkaVersion) -> Self {
        version.to_string()
    }
}

/// A `metadata.version` of the cluster, such as `4.3-IV0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataVersion {
    level: i16,
    major: u8,
    minor: u8,
    iteration: u8,
}

impl MetadataVersion {
    const OLDEST: Self = Self {
        level: 7,
        major: 3,
        minor: 3,
        iteration: 3,
    };

    /// All metadata versions that are fit for production, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        METADATA
            .into_iter()
            .map(|(major, minor, iteration, level)| Self {
                level,
                major,
                minor,
                iteration,
            })
    }

    /// The one with this feature level, as Kafka reports it.
    pub fn from_level(level: i16) -> Option<Self> {
        Self::all().find(|version| version.level == level)
    }

    /// The feature level, as Kafka counts it.
    pub const fn level(self) -> i16 {
        self.level
    }

    /// Major and minor number of the release that brought it.
    pub const fn minor_release(self) -> (u8, u8) {
        (self.major, self.minor)
    }
}

impl fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            level: _,
            major,
            minor,
            iteration,
        } = self;
        write!(f, "{major}.{minor}-IV{iteration}")
    }
}

impl FromStr for MetadataVersion {
    type Err = VersionError;

    /// Reads `4.3-IV0`, and `4.3` as the newest one of that release.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::all()
            .filter(|version| {
                let full = version.to_string();
                full == text
                    || full
                        .split_once('-')
                        .is_some_and(|(release, _)| release == text)
            })
            .last()
            .ok_or_else(|| VersionError {
                given: text.to_owned(),
                allowed: joined(Self::all()),
            })
    }
}

impl TryFrom<String> for MetadataVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<MetadataVersion> for String {
    fn from(version: MetadataVersion) -> Self {
        version.to_string()
    }
}

fn joined(versions: impl IntoIterator<Item = impl fmt::Display>) -> String {
    versions
        .into_iter()
        .map(|version| version.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
