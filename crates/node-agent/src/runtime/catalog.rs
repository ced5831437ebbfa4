//! The releases of Kafka that Klamm can fetch by itself: one pom and one checksum list each, compiled in.
//!
//! A newer release is one pom, one list and one line here.

use std::path::Path;

use super::RuntimeError;

/// One release: what Maven resolves and what must come out of it.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    /// `4.3.1`, or `plugins`.
    pub version: &'static str,
    pub(super) pom: &'static str,
    pub(super) checksums: &'static str,
}

macro_rules! release {
    ($version:literal, $dir:literal) => {
        Release {
            version: $version,
            pom: include_str!(concat!("../../../../runtimes/", $dir, "/pom.xml")),
            checksums: include_str!(concat!("../../../../runtimes/", $dir, "/SHA256SUMS")),
        }
    };
}

const RELEASES: &[Release] = &[
    release!("3.9.1", "kafka-3.9.1"),
    release!("3.9.2", "kafka-3.9.2"),
    release!("4.1.0", "kafka-4.1.0"),
    release!("4.1.1", "kafka-4.1.1"),
    release!("4.1.2", "kafka-4.1.2"),
    release!("4.2.0", "kafka-4.2.0"),
    release!("4.2.1", "kafka-4.2.1"),
    release!("4.3.0", "kafka-4.3.0"),
    release!("4.3.1", "kafka-4.3.1"),
];

/// The metrics agents, which travel with every runtime.
pub(super) const PLUGINS: Release = release!("plugins", "plugins");

/// Every Kafka release that can be fetched, oldest first.
pub fn releases() -> &'static [Release] {
    RELEASES
}

pub(super) fn find(version: &str) -> Result<&'static Release, RuntimeError> {
    RELEASES
        .iter()
        .find(|release| release.version == version)
        .ok_or_else(|| RuntimeError::UnknownVersion {
            version: version.to_owned(),
            known: RELEASES
                .iter()
                .map(|release| release.version)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

/// Which release an unpacked directory holds, told by the name of its core jar.
pub(super) fn version_of(home: &Path) -> Result<String, RuntimeError> {
    let wrong = |reason: String| RuntimeError::KafkaHome {
        path: home.to_owned(),
        reason,
    };
    let entries =
        std::fs::read_dir(home.join("libs")).map_err(|error| wrong(format!("libs/: {error}")))?;
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find_map(|name| {
            Some(
                name.strip_prefix("kafka_2.13-")?
                    .strip_suffix(".jar")?
                    .to_owned(),
            )
        })
        .filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
        .ok_or_else(|| wrong("no kafka_2.13-<version>.jar in libs/".to_owned()))
}
