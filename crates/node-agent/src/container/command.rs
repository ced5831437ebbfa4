//! Which program a container's command stands for on this machine. Pure.
//!
//! A container names programs by paths inside its image. Here they are, in this order: a file below one of its own
//! volumes, a program the image brings by name, a directory the image brings, or (where allowed) the machine's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::images::Image;

/// Why a container has no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no command specified: neither the container nor image {image:?} names one")]
pub(crate) struct NoCommand {
    pub image: String,
}

/// What a container asks for, references already replaced.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    pub image: &'a str,
    pub command: &'a [String],
    pub args: &'a [String],
    pub working_dir: Option<&'a str>,
    /// Mount paths of its volumes.
    pub mounts: &'a [String],
    /// `KLAMM_ROOT`.
    pub root: &'a Path,
}

/// Program and arguments as they are run here.
pub(crate) fn resolve(asked: &Asked<'_>, image: &Image) -> Result<Vec<String>, NoCommand> {
    let command: Vec<String> = match (asked.command, asked.args) {
        ([], args) => image.entrypoint.iter().chain(args).cloned().collect(),
        (command, args) => command.iter().chain(args).cloned().collect(),
    };
    let Some((program, arguments)) = command.split_first() else {
        return Err(NoCommand {
            image: asked.image.to_owned(),
        });
    };
    let program =
        path(program, asked.mounts, asked.root, image).unwrap_or_else(|| PathBuf::from(program));
    Ok(std::iter::once(program.to_string_lossy().into_owned())
        .chain(arguments.iter().cloned())
        .collect())
}

/// Where the container's command runs.
pub(crate) fn directory(asked: &Asked<'_>, image: &Image) -> PathBuf {
    match asked.working_dir {
        None | Some("" | "/") => asked.root.to_owned(),
        Some(directory) => path(directory, asked.mounts, asked.root, image).unwrap_or_else(|| {
            if image.host_programs {
                PathBuf::from(directory)
            } else {
                asked.root.join(directory.trim_start_matches('/'))
            }
        }),
    }
}

/// What a path or program name of a container is here; `None` leaves it to `PATH`.
pub(crate) fn path(name: &str, mounts: &[String], root: &Path, image: &Image) -> Option<PathBuf> {
    if name.starts_with('/')
        && mounts
            .iter()
            .any(|mount| Path::new(name).starts_with(mount))
    {
        return Some(root.join(name.trim_start_matches('/')));
    }
    if let Some(program) = image.programs.get(name) {
        return Some(program.clone());
    }
    image
        .directories
        .iter()
        // The longest directory wins.
        .max_by_key(|(directory, _)| {
            if Path::new(name).starts_with(directory) {
                directory.len() + 1
            } else {
                0
            }
        })
        .and_then(|(directory, here)| {
            Some(here.join(Path::new(name).strip_prefix(directory).ok()?))
        })
}

/// What surrounds the container's own variables.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    /// `PATH` for programs, before which the image's directories go.
    pub path: &'a str,
    /// Variables of the agent that pass through (`LANG`, `JAVA_HOME`).
    pub passed: BTreeMap<String, String>,
    /// The variables of the contract between node and container (`KLAMM_*`), and HOSTNAME.
    pub node: BTreeMap<String, String>,
    /// `KLAMM_ROOT`.
    pub root: &'a Path,
    /// Mount paths of the container.
    pub mounts: &'a [String],
}

/// The whole environment of a container: nothing else of the agent's own gets in.
pub(crate) fn environment(
    around: &Surroundings<'_>,
    image: &Image,
    own: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut environment = around.passed.clone();
    let directories: Vec<String> = image
        .path
        .iter()
        .map(|directory| directory.display().to_string())
        .chain([around.path.to_owned()])
        .collect();
    environment.insert("PATH".to_owned(), directories.join(":"));
    environment.insert("HOME".to_owned(), around.root.display().to_string());
    if around.mounts.iter().any(|mount| mount == "/tmp") {
        environment.insert(
            "TMPDIR".to_owned(),
            around.root.join("tmp").display().to_string(),
        );
    }
    environment.extend(image.env.clone());
    environment.extend(own);
    // Last: a container cannot be told a wrong root by its manifest.
    environment.extend(around.node.clone());
    environment
}

#[cfg(test)]
mod tests;
