//! Formatting empty log directories, where the Pod's spec permits it.
//!
//! The permission is for the first start of Kafka: a marker in a volume of the Pod's own remembers that it came to
//! that, so that a disk which vanishes later while the Pod object still carries the permission is an error and not an
//! invitation. Until then a format that was interrupted is finished.
//! What Kafka's own storage tool would write is written here, see [`first_files`]; where the metadata version is not
//! known there, the tool does the work, and directory ids are then set to those that were chosen and recorded before.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use model::observed::runner::Refusal;
use model::runner::{Format, LogDir, QuorumKind, RunnerConfig};

use crate::RunnerError;
use crate::environment::Environment;
use crate::format::first_files::Voter;
use crate::jvm::Program;
use crate::meta_properties::{self, with_directory_id};
use crate::render::value_of;
use crate::volume::{self, Content};

pub mod first_files;

/// On a disk of the Pod's own: gone with the Pod, not with the container, and not when the machine starts again.
const MARKER: &str = "/opt/klamm-state/format-permission-used";

/// Formats what is empty, if permitted. Returns whether anything was formatted.
pub(crate) async fn format_if_permitted(
    environment: &Environment,
    config: &RunnerConfig,
    properties: &Path,
    found: &[(LogDir, PathBuf, Content)],
) -> Result<bool, RunnerError> {
    // A format that was killed between the tool and the directory ids is finished, not repeated.
    for (dir, path, content) in found {
        if let (Content::Fresh, Some(id)) = (content, &dir.directory_id) {
            set_directory_id(path, id)?;
        }
    }
    let empty: Vec<_> = found
        .iter()
        .filter(|(_, _, content)| *content == Content::Empty)
        .collect();
    let Some((first, first_path, _)) = empty.first() else {
        return Ok(false);
    };
    let marker = environment.path(MARKER);
    let refuse = |why: &str| RunnerError::Refused {
        refusal: Refusal::EmptyVolume,
        volumes: empty.iter().map(|(dir, _, _)| dir.volume.0).collect(),
        volume: environment.path(&first.mount),
        reason: format!(
            "{} is empty and {why}. An unexpectedly empty disk may mean lost data, so nothing was formatted; \
             `klamm plan show {}` says what happens next",
            first_path.display(),
            config.cluster
        ),
    };
    let format = environment
        .format
        .ok_or_else(|| refuse("this Pod has no permission to format"))?;
    if marker.exists() {
        return Err(refuse("this Pod has used its permission to format already"));
    }
    tracing::info!(
        directories = empty.len(),
        permission = format.as_str(),
        "formatting empty log directories"
    );
    // It was looked at before certificates and the metadata store were waited for; somebody may have put a backup back.
    for (dir, path, _) in &empty {
        if !volume::is_still_empty(path)? {
            return Err(RunnerError::Volume {
                volume: environment.path(&dir.mount),
                reason: format!(
                    "{} was empty a moment ago and holds something now; nothing was formatted or changed",
                    path.display()
                ),
            });
        }
    }
    for (_, path, _) in &empty {
        volume::remove_leftovers(path)?;
    }
    if config.store.is_some() {
        // Behind ZooKeeper's protocol brokers need no formatting; what says whose a disk is, is written all the same, so
        // that nothing starts on another's disk.
        for (dir, path, _) in &empty {
            std::fs::create_dir_all(path).map_err(RunnerError::file("create", path))?;
            write_meta_properties(meta_properties::Version::ZooKeeper, config, dir, path)?;
        }
    } else if let Some(files) = FirstFiles::of(config, format, properties)? {
        for (dir, path, _) in &empty {
            files.write(config, dir, path)?;
        }
    } else {
        run_storage_tool(environment, config, properties, format).await?;
        for (dir, path, _) in &empty {
            if let Some(id) = &dir.directory_id {
                set_directory_id(path, id)?;
            }
        }
    }
    Ok(true)
}

/// What goes into empty log directories, where it is known without Kafka's tool.
struct FirstFiles {
    bootstrap: Vec<u8>,
    /// Into the directory of the metadata log, on a controller that forms a dynamic quorum.
    snapshot: Option<Vec<u8>>,
}

impl FirstFiles {
    fn of(
        config: &RunnerConfig,
        format: Format,
        properties: &Path,
    ) -> Result<Option<Self>, RunnerError> {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let Some(bootstrap) = first_files::bootstrap(config.metadata_version, now_ms) else {
            return Ok(None);
        };
        // A directory without an id that was chosen before gets one of the tool's.
        if config.log_dirs.iter().any(|dir| dir.directory_id.is_none()) {
            return Ok(None);
        }
        let snapshot = match forms_quorum(config, format) {
            None => None,
            Some(controllers) => {
                let voters =
                    Voter::parse_all(controllers).ok_or_else(|| RunnerError::Format {
                        reason: format!(
                            "{controllers:?} is not a list of controllers such as 0@host:9090:AAAAAAAAAAAAAAAAAAAAAQ"
                        ),
                    })?;
                let listener = controller_listener(properties)?;
                Some(first_files::first_snapshot(&voters, &listener, now_ms))
            }
        };
        Ok(Some(Self {
            bootstrap,
            snapshot,
        }))
    }

    /// Whose the directory is, is written last: until then it counts as empty.
    fn write(&self, config: &RunnerConfig, dir: &LogDir, path: &Path) -> Result<(), RunnerError> {
        std::fs::create_dir_all(path).map_err(RunnerError::file("create", path))?;
        if let Some(snapshot) = &self.snapshot
            && dir.path == config.metadata_log_dir
        {
            let metadata = path.join(volume::METADATA);
            std::fs::create_dir_all(&metadata).map_err(RunnerError::file("create", &metadata))?;
            let name = format!("{}.checkpoint", volume::FIRST_SNAPSHOT);
            write_durably(&metadata, &name, ".part", snapshot)?;
        }
        write_durably(path, "bootstrap.checkpoint", ".tmp", &self.bootstrap)?;
        write_meta_properties(meta_properties::Version::KRaft, config, dir, path)
    }
}

/// The first voters, where this node is to be one of them in a dynamic quorum.
fn forms_quorum(config: &RunnerConfig, format: Format) -> Option<&str> {
    match (config.quorum, format) {
        (QuorumKind::Dynamic, Format::Initial) if config.roles.is_controller() => {
            config.initial_controllers.as_deref()
        }
        _ => None,
    }
}

/// The listener that voters are reached by, as Kafka itself will read it.
fn controller_listener(properties: &Path) -> Result<String, RunnerError> {
    let text =
        std::fs::read_to_string(properties).map_err(RunnerError::file("read", properties))?;
    value_of(&text, "controller.listener.names")
        .and_then(|names| names.split(',').next())
        .map(|name| name.trim().to_owned())
        .ok_or_else(|| RunnerError::Configuration {
            path: properties.to_owned(),
            reason: "has no controller.listener.names".to_owned(),
        })
}

fn write_meta_properties(
    version: meta_properties::Version,
    config: &RunnerConfig,
    dir: &LogDir,
    path: &Path,
) -> Result<(), RunnerError> {
    let directory = dir.directory_id.as_deref();
    let text = meta_properties::of_new(version, &config.cluster_id, config.node_id.0, directory);
    write_durably(path, meta_properties::FILE, ".klamm", text.as_bytes())
}

/// Writes a file so that it is there whole or not at all, whatever is cut off when.
fn write_durably(
    directory: &Path,
    name: &str,
    while_written: &str,
    bytes: &[u8],
) -> Result<(), RunnerError> {
    let path = directory.join(name);
    let fresh = directory.join(format!("{name}{while_written}"));
    let file = std::fs::File::create(&fresh).map_err(RunnerError::file("create", &fresh))?;
    (&file)
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(RunnerError::file("write", &fresh))?;
    std::fs::rename(&fresh, &path).map_err(RunnerError::file("write", &path))?;
    let folder = std::fs::File::open(directory).map_err(RunnerError::file("open", directory))?;
    folder
        .sync_all()
        .map_err(RunnerError::file("write", directory))
}

/// Takes the permission away, whatever was formatted with it: from now on Kafka may write to the disks.
pub(crate) fn use_up_permission(environment: &Environment) -> Result<(), RunnerError> {
    if environment.format.is_none() {
        return Ok(());
    }
    let marker = environment.path(MARKER);
    if marker.exists() {
        return Ok(());
    }
    if let Some(dir) = marker.parent() {
        std::fs::create_dir_all(dir).map_err(RunnerError::file("create", dir))?;
    }
    let file = std::fs::File::create(&marker).map_err(RunnerError::file("write", &marker))?;
    file.sync_all().map_err(RunnerError::file("write", &marker))
}

async fn run_storage_tool(
    environment: &Environment,
    config: &RunnerConfig,
    properties: &Path,
    format: Format,
) -> Result<(), RunnerError> {
    let mut command = crate::jvm::base_command(environment)?;
    command.args([
        "-Xmx128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "kafka.tools.StorageTool",
        "format",
    ]);
    command
        .args(arguments(config, format))
        .arg("-c")
        .arg(properties);
    let output = Program::of(&command)
        .tied()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| RunnerError::Jvm {
            program: environment.java.clone(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    // The tool prints the whole configuration first; what went wrong is at the end.
    let text = [output.stdout, output.stderr].concat();
    let lines: Vec<_> = String::from_utf8_lossy(&text)
        .lines()
        .map(str::to_owned)
        .collect();
    let tail = lines
        .iter()
        .rev()
        .take(3)
        .rev()
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    Err(RunnerError::Format {
        reason: format!("{}: {tail}", output.status),
    })
}

/// The arguments of `kafka-storage.sh format`. Source: KIP-853.
fn arguments(config: &RunnerConfig, format: Format) -> Vec<String> {
    let mut arguments = vec![
        "--ignore-formatted".to_owned(),
        "-t".to_owned(),
        config.cluster_id.clone(),
        "--release-version".to_owned(),
        config.metadata_version.to_string(),
    ];
    match (config.quorum, forms_quorum(config, format)) {
        (QuorumKind::Static, _) => {}
        (QuorumKind::Dynamic, Some(controllers)) => {
            arguments.extend(["--initial-controllers".to_owned(), controllers.to_owned()]);
        }
        (QuorumKind::Dynamic, None) => arguments.push("--no-initial-controllers".to_owned()),
    }
    arguments
}

fn set_directory_id(log_dir: &Path, id: &str) -> Result<(), RunnerError> {
    let path = log_dir.join(meta_properties::FILE);
    let text = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
    let text = with_directory_id(&text, id);
    write_durably(log_dir, meta_properties::FILE, ".klamm", text.as_bytes())
}

#[cfg(test)]
mod tests;
