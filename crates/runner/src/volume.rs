//! The volumes: held by one runner at a time, and this node's own.
//!
//! The lock is inherited by the JVM, so a volume stays locked as long as either of the two lives.

use std::fs::File;
use std::path::{Path, PathBuf};

use model::observed::runner::Refusal;
use model::runner::{LogDir, RunnerConfig};

use crate::RunnerError;
use crate::environment::Environment;
use crate::meta_properties::{self, MetaProperties};

/// Lock file in the root of each volume, beside the log directory.
const LOCK: &str = ".klamm.lock";

/// Locks held on every volume; dropped with the process and its JVM.
#[derive(Debug)]
pub(crate) struct Locks {
    _files: Vec<File>,
}

/// Locks every volume, or says which one is held by another process.
pub(crate) fn lock_all(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Locks, RunnerError> {
    let mut files = Vec::new();
    for dir in &config.log_dirs {
        let mount = environment.path(&dir.mount);
        files.push(lock_mount(&mount, || {
            let reason = "another Kafka process runs on it; waiting for that one to end";
            refused(environment, dir, Refusal::VolumeLocked, reason.to_owned())
        })?);
    }
    Ok(Locks { _files: files })
}

/// Locks one volume; what is started from here holds the lock as well.
pub(crate) fn lock_mount(
    mount: &Path,
    held: impl FnOnce() -> RunnerError,
) -> Result<File, RunnerError> {
    if !mount.is_dir() {
        return Err(RunnerError::Volume {
            volume: mount.to_owned(),
            reason: "is not mounted".to_owned(),
        });
    }
    let path = mount.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::StorageFull => RunnerError::Volume {
                volume: mount.to_owned(),
                reason: "is full; nothing can start on it. Free some space or enlarge the volume"
                    .to_owned(),
            },
            _ => RunnerError::file("create", &path)(source),
        })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(held()),
        Err(std::fs::TryLockError::Error(source)) => {
            return Err(RunnerError::file("lock", &path)(source));
        }
    }
    inherit(&file).map_err(RunnerError::file("lock", &path))?;
    Ok(file)
}

fn inherit(file: &File) -> std::io::Result<()> {
    Ok(rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?)
}

/// What a log directory turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Formatted for this very node.
    Own,
    /// Formatted for this very node and never started on; its directory id is not final yet.
    Fresh,
    /// Nothing in it, or not there at all; at most what a format left that was killed before it was done.
    Empty,
}

/// Which version of `meta.properties` this node has.
fn version_of(config: &RunnerConfig) -> meta_properties::Version {
    if config.store.is_some() {
        meta_properties::Version::ZooKeeper
    } else {
        meta_properties::Version::KRaft
    }
}

/// Looks at every log directory.
///
/// Errors: one that belongs to another cluster or node, one that is damaged, one that holds data without saying whose.
pub(crate) fn inspect(
    environment: &Environment,
    config: &RunnerConfig,
) -> Result<Vec<(LogDir, PathBuf, Content)>, RunnerError> {
    let mut found = Vec::new();
    for dir in &config.log_dirs {
        let path = environment.path(&dir.path);
        let meta =
            meta_properties::read_as(&path, version_of(config)).map_err(|error| match error {
                RunnerError::Configuration { path: _, reason } => {
                    let (refusal, reason) = unreadable(config, dir, &path, &reason);
                    refused(environment, dir, refusal, reason)
                }
                other => other,
            })?;
        let content = match meta {
            Some(meta)
                if is_fresh(&path)?
                    && meta.cluster_id == config.cluster_id
                    && meta.node_id == config.node_id.0 =>
            {
                Content::Fresh
            }
            Some(meta) => {
                belongs(&meta, config, dir)
                    .map_err(|(refusal, reason)| refused(environment, dir, refusal, reason))?;
                Content::Own
            }
            None if leftovers(&path)?.is_some() => match stranger(environment, dir, &path)? {
                None => Content::Empty,
                Some((refusal, reason)) => {
                    return Err(refused(environment, dir, refusal, reason));
                }
            },
            None => {
                let reason = format!(
                    "holds data but no {}; {}",
                    file_of(dir),
                    put_back(config, dir)
                );
                return Err(refused(
                    environment,
                    dir,
                    Refusal::CorruptedMetadata,
                    reason,
                ));
            }
        };
        found.push((dir.clone(), path, content));
    }
    Ok(found)
}

/// A file that is not as this node's must be: of a cluster of the other kind, or damaged.
fn unreadable(config: &RunnerConfig, dir: &LogDir, path: &Path, reason: &str) -> (Refusal, String) {
    let file = file_of(dir);
    let (other, whose) = if config.kafka_version.needs_zookeeper() {
        (meta_properties::Version::KRaft, "in KRaft")
    } else {
        (
            meta_properties::Version::ZooKeeper,
            "behind ZooKeeper's protocol",
        )
    };
    if let Ok(Some(meta)) = meta_properties::read_as(path, other) {
        let reason = format!(
            "{file} is of a cluster that keeps its metadata {whose}: cluster {}, node {}; nothing was started or changed. \
             Give the Pod its own volume back",
            meta.cluster_id, meta.node_id
        );
        return (Refusal::ForeignCluster, reason);
    }
    let reason = format!("{file} {reason}; {}", put_back(config, dir));
    (Refusal::CorruptedMetadata, reason)
}

/// `meta.properties` of a log directory, from the root of its volume.
fn file_of(dir: &LogDir) -> String {
    let path = Path::new(&dir.path);
    let path = path.strip_prefix(&dir.mount).unwrap_or(path);
    path.join(meta_properties::FILE).display().to_string()
}

/// What helps a file that is not there or cannot be read: what is in it is known, but for a directory id that was never
/// seen, which Kafka chooses again.
fn put_back(config: &RunnerConfig, dir: &LogDir) -> String {
    let lines = meta_properties::of_new(
        version_of(config),
        &config.cluster_id,
        config.node_id.0,
        dir.directory_id.as_deref(),
    );
    let lines: Vec<&str> = lines.lines().collect();
    format!(
        "nothing was started or changed. Put it back with these lines: {}",
        lines.join(", ")
    )
}

fn refused(
    environment: &Environment,
    dir: &LogDir,
    refusal: Refusal,
    reason: String,
) -> RunnerError {
    RunnerError::Refused {
        refusal,
        volumes: [dir.volume.0].into(),
        volume: own_path(environment.path(&dir.mount)),
        reason,
    }
}

/// Where a volume is by itself: on a process node a Pod only has a link to it, which goes with the Pod.
fn own_path(mount: PathBuf) -> PathBuf {
    std::fs::canonicalize(&mount).unwrap_or(mount)
}

fn belongs(
    meta: &MetaProperties,
    config: &RunnerConfig,
    dir: &LogDir,
) -> Result<(), (Refusal, String)> {
    let MetaProperties {
        cluster_id,
        node_id,
        directory_id,
    } = meta;
    if *cluster_id != config.cluster_id {
        let reason = format!(
            "belongs to cluster {cluster_id}, this node is of cluster {}; nothing was started or changed. \
             Give the Pod its own volume back",
            config.cluster_id
        );
        return Err((Refusal::ForeignCluster, reason));
    }
    if *node_id != config.node_id.0 {
        let reason = format!(
            "belongs to node {node_id}, this is node {}; nothing was started or changed. Give each Pod its own volume back",
            config.node_id
        );
        return Err((Refusal::ForeignNode, reason));
    }
    match (directory_id, &dir.directory_id) {
        (Some(found), Some(expected)) if found != expected => {
            let reason = format!(
                "is log directory {found}, expected {expected}; nothing was started or changed. \
                 Were two volumes of this node exchanged?"
            );
            Err((Refusal::ForeignDirectory, reason))
        }
        _ => Ok(()),
    }
}

/// A log directory of another node in this node's place: the volume is not empty, it is somebody else's.
fn stranger(
    environment: &Environment,
    dir: &LogDir,
    own: &Path,
) -> Result<Option<(Refusal, String)>, RunnerError> {
    let mount = environment.path(&dir.mount);
    let mut others: Vec<PathBuf> = entries(&mount)?
        .into_iter()
        .filter(|path| path != own && path.is_dir())
        .collect();
    others.sort();
    for other in others {
        // One that cannot be read is no less somebody's.
        let whose = match meta_properties::read(&other) {
            Ok(None) => continue,
            Ok(Some(meta)) => format!("node {} of cluster {}", meta.node_id, meta.cluster_id),
            Err(_) => "another node".to_owned(),
        };
        let reason = format!(
            "holds {} of {whose} and nothing of this node; nothing was started, formatted or changed. \
             Give each Pod its own volume back",
            name(&other)
        );
        return Ok(Some((Refusal::ForeignNode, reason)));
    }
    Ok(None)
}

/// Where a controller's first snapshot is.
pub(crate) const METADATA: &str = "__cluster_metadata-0";
/// What the names of that snapshot begin with: nothing but formatting writes one of offset and epoch 0.
pub(crate) const FIRST_SNAPSHOT: &str = "00000000000000000000-0000000000";

/// What is in a directory; an error is never taken for nothing.
fn entries(path: &Path) -> Result<Vec<PathBuf>, RunnerError> {
    let listing = std::fs::read_dir(path).map_err(RunnerError::file("read", path))?;
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .map(|entry| entry.path())
            .map_err(RunnerError::file("read", path))
    };
    listing.map(entry).collect()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(std::ffi::OsStr::to_str)
        .unwrap_or_default()
}

/// The files in a log directory that a format left which was killed before it wrote `meta.properties`, each by the
/// name that the runner or Kafka's tool gives it; none in an empty directory. `None` if anything else is there: that is somebody's data.
fn leftovers(path: &Path) -> Result<Option<Vec<PathBuf>>, RunnerError> {
    if !path.try_exists().map_err(RunnerError::file("read", path))? {
        return Ok(Some(Vec::new()));
    }
    let mut files = Vec::new();
    for entry in entries(path)? {
        match name(&entry) {
            "lost+found" => {}
            "bootstrap.checkpoint"
            | "bootstrap.checkpoint.tmp"
            | "meta.properties.tmp"
            | "meta.properties.klamm" => files.push(entry),
            METADATA => {
                for snapshot in entries(&entry)? {
                    let is_first =
                        name(&snapshot)
                            .strip_prefix(FIRST_SNAPSHOT)
                            .is_some_and(|rest| {
                                rest == ".checkpoint" || rest.ends_with(".checkpoint.part")
                            });
                    if !is_first {
                        return Ok(None);
                    }
                    files.push(snapshot);
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(files))
}

/// Whether the directory still is what counts as empty, at this moment.
pub(crate) fn is_still_empty(path: &Path) -> Result<bool, RunnerError> {
    Ok(leftovers(path)?.is_some())
}

/// Removes what a format left that was killed before it was done; Kafka's tool would not write over it.
pub(crate) fn remove_leftovers(path: &Path) -> Result<(), RunnerError> {
    let Some(files) = leftovers(path)?.filter(|files| !files.is_empty()) else {
        return Ok(());
    };
    tracing::info!(path = %path.display(), ?files, "removing what an interrupted format left");
    for file in files {
        std::fs::remove_file(&file).map_err(RunnerError::file("remove", &file))?;
    }
    let metadata = path.join(METADATA);
    if metadata.is_dir() {
        // Only if nothing is in it any more.
        std::fs::remove_dir(&metadata).map_err(RunnerError::file("remove", &metadata))?;
    }
    Ok(())
}

/// Whether the directory was formatted and Kafka itself never here: a started Kafka leaves checkpoints and segments.
fn is_fresh(path: &Path) -> Result<bool, RunnerError> {
    for entry in entries(path)? {
        let expected = match name(&entry) {
            "bootstrap.checkpoint" | "lost+found" => true,
            METADATA => entries(&entry)?
                .iter()
                .all(|file| name(file).ends_with(".checkpoint")),
            name => name.starts_with(meta_properties::FILE),
        };
        if !expected {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
