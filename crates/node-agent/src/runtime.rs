//! Runtimes: what the image `apache/kafka:<version>` becomes where there are no images.
//!
//! What it does: turns a Kafka version into a directory with `libs/` (the jars of that release) and `bin/` (launchers
//! of Kafka's own tools), a Java to run them, and a class-data archive that halves the boot time of a JVM.
//! What it reads: the poms and checksum lists in `runtimes/` (compiled in), the cache directory, `PATH`, `JAVA_HOME`.
//! Invariants: a directory named `kafka-<version>` in the cache was complete and verified when it got that name; every
//! later use checks it again, by size and modification time first, by SHA-256 when these differ. Only Maven's own
//! client talks to a repository. One download of a version at a time, across processes.
//! Not here: how a Pod uses a runtime (`images.rs`), which versions a Kafka resource may ask for (crate `model`).
//!
//! ```text
//!  catalog (pom, SHA256SUMS) ──mvn──► cache/kafka-4.3.1.partial ──verify──► cache/kafka-4.3.1 ──train──► cds-<java>.jsa
//! ```

mod archive;
mod catalog;
mod checksums;
mod fetch;
mod java;
mod provider;
mod tools;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use catalog::{Release, releases};
pub use java::Java;
pub use provider::{as_image, describe, provider};
pub use tools::{TOOLS, Tool, logging_option};

/// Where runtimes come from and where they are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cache directory, shared by every home of a user.
    pub cache: PathBuf,
    /// An unpacked Apache Kafka release to use instead of Maven, for the version it holds.
    pub kafka_home: Option<PathBuf>,
    /// Whether to make a class-data archive once per runtime and Java (costs one boot, saves more at every later one).
    pub train: bool,
}

/// A Kafka release ready to run.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// The Kafka version, for instance `4.3.1`.
    pub version: String,
    /// The directory with `libs/` and `bin/`.
    pub home: PathBuf,
    /// The Java to run it with.
    pub java: Java,
    /// The class-data archive for this Java, if there is one.
    pub archive: Option<PathBuf>,
    /// Jars of the metrics agents, appended to a broker's class path when its Pod asks for metrics.
    pub plugins: PathBuf,
}

/// What a preparation is doing now, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process prepares the same runtime; this one waits for its lock.
    WaitingForLock,
    /// Maven has brought `done` of `total` jars.
    Fetching {
        /// Jars there so far.
        done: usize,
        /// Jars in the committed list.
        total: usize,
    },
    /// Comparing every jar with the committed checksums.
    Verifying,
    /// Booting a throw-away broker once to record which classes it loads.
    Training,
}

/// Why a runtime is not to be had. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The version is not in the catalogue and no unpacked release of it was given.
    #[error(
        "Kafka {version} is not known here; known versions: {known}. For another release, unpack it and pass --kafka-home DIR"
    )]
    UnknownVersion {
        /// What was asked for.
        version: String,
        /// What there is, comma separated.
        known: String,
    },
    /// `--kafka-home` or `KAFKA_HOME` is not an unpacked release.
    #[error(
        "{path} is not an unpacked Apache Kafka release: {reason}; expected a directory with libs/kafka_2.13-<version>.jar"
    )]
    KafkaHome {
        /// The directory given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No Java, or one that is too old.
    #[error(
        "{reason}; Kafka needs a Java runtime 17 or newer: apt-get install openjdk-17-jre-headless, or set JAVA_HOME"
    )]
    Java {
        /// What was found.
        reason: String,
    },
    /// `mvn` is missing.
    #[error(
        "Maven's client `mvn` is not on PATH and the jars of Kafka {version} are not cached: apt-get install maven, or pass --kafka-home DIR"
    )]
    NoMaven {
        /// What was to be fetched.
        version: String,
    },
    /// `mvn` failed.
    #[error("Maven could not bring the jars of {what}: {reason}")]
    Maven {
        /// What was to be fetched.
        what: String,
        /// Maven's own error lines.
        reason: String,
    },
    /// A jar is not what the committed list says.
    #[error(
        "{file} of {what} is not what it should be: {reason}. Remove it from Maven's local repository (~/.m2) and try again"
    )]
    Checksum {
        /// What was fetched.
        what: String,
        /// The jar.
        file: String,
        /// Expected and found digest, or that it is missing.
        reason: String,
    },
    /// The cache directory cannot be used.
    #[error("the runtime cache {path} cannot be used")]
    Cache {
        /// File or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl RuntimeError {
    pub(crate) fn cache(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Cache {
            path: path.to_owned(),
            source,
        }
    }
}

/// Makes the runtime of `version` ready: from `kafka_home` if that holds it, else from the cache, else by Maven.
///
/// Blocks, for minutes when jars are fetched; call it off the async threads. `progress` is called from this thread.
/// Errors: see [`RuntimeError`]; nothing half-made is left under the final name.
pub fn prepare(
    settings: &Settings,
    version: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<Runtime, RuntimeError> {
    let java = java::find()?;
    if let Some(home) = &settings.kafka_home {
        let found = catalog::version_of(home)?;
        if found == version {
            return Ok(Runtime {
                version: found,
                home: home.clone(),
                java,
                archive: None,
                // Only who asks for metrics needs them; such a broker says what is missing.
                plugins: fetch::plugins(settings, progress).unwrap_or_else(|error| {
                    let plugins = home.join("plugins");
                    tracing::warn!(%error, dir = %plugins.display(), "plugins are not fetched; those of this directory are used");
                    plugins
                }),
            });
        }
    }
    let release = catalog::find(version)?;
    let home = fetch::ensure(settings, release, progress)?;
    let plugins = fetch::plugins(settings, progress)?;
    tools::write_launchers(&home, version)?;
    let archive = archive::ensure(settings, &home, version, &java, progress);
    Ok(Runtime {
        version: version.to_owned(),
        home,
        java,
        archive,
        plugins,
    })
}

/// The version that `kafka_home` holds, if it was given and is an unpacked release.
pub fn version_in_home(settings: &Settings) -> Result<Option<String>, RuntimeError> {
    settings
        .kafka_home
        .as_deref()
        .map(catalog::version_of)
        .transpose()
}

/// The jars of `home` in the order every JVM of ours uses, so that one class-data archive fits all of them.
pub fn class_path(home: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut jars: Vec<PathBuf> = std::fs::read_dir(home.join("libs"))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jar"))
        .collect();
    jars.sort();
    Ok(jars)
}
