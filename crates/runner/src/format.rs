//! Formatting empty log directories, where the Pod's spec permits it.
//!
//! The permission is for the first start of Kafka: a marker in a volume of the Pod's own remembers that it came to
//! that, so that a disk which vanishes later while the Pod object still carries the permission is an error and not an
//! invitation. Until then a format that was interrupted is finished.
//! Kafka's own storage tool does the work; directory ids are then set to those that were chosen and recorded before.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use model::observed::runner::Refusal;
use model::runner::{Format, LogDir, QuorumKind, RunnerConfig};

use crate::RunnerError;
use crate::environment::Environment;
use crate::meta_properties::{self, with_directory_id};
use crate::volume::{self, Content};

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
    for (_, path, _) in &empty {
        volume::remove_leftovers(path)?;
    }
    if config.store.is_some() {
        write_meta_properties(config, &empty)?;
    } else {
        run_storage_tool(environment, config, properties, format).await?;
    }
    for (dir, path, _) in &empty {
        if let Some(id) = &dir.directory_id {
            set_directory_id(path, id)?;
        }
    }
    Ok(true)
}

/// Where the metadata are behind ZooKeeper's protocol, brokers need no formatting; what says whose a disk is, is written
/// here all the same, so that nothing starts on another's disk.
fn write_meta_properties(
    config: &RunnerConfig,
    empty: &[&(LogDir, PathBuf, Content)],
) -> Result<(), RunnerError> {
    for (dir, path, _) in empty {
        std::fs::create_dir_all(path).map_err(RunnerError::file("create", path))?;
        let directory = dir.directory_id.as_deref();
        let text = meta_properties::of_new_broker(&config.cluster_id, config.node_id.0, directory);
        let file = path.join(meta_properties::FILE);
        let fresh = path.join("meta.properties.klamm");
        std::fs::write(&fresh, text).map_err(RunnerError::file("write", &fresh))?;
        std::fs::rename(&fresh, &file).map_err(RunnerError::file("write", &file))?;
    }
    Ok(())
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
    let output = command
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
    match (config.quorum, format, &config.initial_controllers) {
        (QuorumKind::Static, _, _) => {}
        (QuorumKind::Dynamic, Format::Initial, Some(controllers))
            if config.roles.is_controller() =>
        {
            arguments.extend(["--initial-controllers".to_owned(), controllers.clone()]);
        }
        (QuorumKind::Dynamic, _, _) => arguments.push("--no-initial-controllers".to_owned()),
    }
    arguments
}

fn set_directory_id(log_dir: &Path, id: &str) -> Result<(), RunnerError> {
    let path = log_dir.join(meta_properties::FILE);
    let text = std::fs::read_to_string(&path).map_err(RunnerError::file("read", &path))?;
    let fresh = log_dir.join("meta.properties.klamm");
    std::fs::write(&fresh, with_directory_id(&text, id))
        .map_err(RunnerError::file("write", &fresh))?;
    std::fs::rename(&fresh, &path).map_err(RunnerError::file("write", &path))
}

#[cfg(test)]
mod tests;
