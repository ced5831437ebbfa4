//! The links from a container's mount paths to its volumes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Container;

use super::Mounted;
use crate::container::environment::expand;
use crate::files;

/// Mount paths of a container.
pub(crate) fn mount_paths(container: &Container) -> Vec<String> {
    container
        .volume_mounts
        .iter()
        .flatten()
        .map(|mount| mount.mount_path.trim_end_matches('/').to_owned())
        .collect()
}

/// Commands that are begun in the container's root find `bin/…` there, as they do in an image whose working directory
/// is that of the software.
pub(crate) fn link_programs(
    root: &Path,
    directories: &BTreeMap<String, PathBuf>,
) -> io::Result<()> {
    let mut brought = directories.values().map(|directory| directory.join("bin"));
    match brought.find(|bin| bin.is_dir()) {
        Some(bin) if !root.join("bin").exists() => symlink(bin, root.join("bin")),
        Some(_) | None => Ok(()),
    }
}

/// Makes `root` hold one link per mount path and nothing else. `variables` are for `subPathExpr`.
pub(crate) fn link_mounts(
    root: &Path,
    container: &Container,
    mounted: &BTreeMap<String, Mounted>,
    variables: &BTreeMap<String, String>,
) -> io::Result<()> {
    clear(root)?;
    files::private_dir(root)?;
    let mut mounts: Vec<_> = container.volume_mounts.iter().flatten().collect();
    // Outer paths first: an inner one is then made inside the volume of the outer one, as mounts would lie.
    mounts.sort_by_key(|mount| mount.mount_path.len());
    for mount in mounts {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let volume = mounted
            .get(&mount.name)
            .ok_or_else(|| invalid(format!("there is no volume {:?}", mount.name)))?;
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (Some(path), _) => path.clone(),
            (None, Some(expression)) => expand(expression, variables),
            (None, None) => String::new(),
        };
        if Path::new(&sub_path)
            .components()
            .any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            return Err(invalid(format!(
                "subPath {sub_path:?} of volume {:?} leaves the volume",
                mount.name
            )));
        }
        let target = if sub_path.is_empty() {
            volume.directory.clone()
        } else {
            volume.directory.join(&sub_path)
        };
        if !sub_path.is_empty() && !target.exists() {
            files::private_dir(&target)?;
        }
        let inside = mount.mount_path.trim_matches('/');
        if Path::new(inside)
            .components()
            .any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            return Err(invalid(format!(
                "mount path {:?} cannot be made below the container's root",
                mount.mount_path
            )));
        }
        link(&root.join(inside), &target)?;
    }
    Ok(())
}

fn link(link: &Path, target: &PathBuf) -> io::Result<()> {
    if let Some(parent) = link.parent() {
        files::private_dir(parent)?;
    }
    match fs::symlink_metadata(link) {
        // Inside the volume of an outer mount, left by an earlier start.
        Ok(metadata) if metadata.is_symlink() => fs::remove_file(link)?,
        // An empty directory at an inner mount path gives way; one with content is an error.
        Ok(metadata) if metadata.is_dir() => fs::remove_dir(link)?,
        _ => {}
    }
    symlink(target, link)
}

/// Removes the links and the directories between them, following none.
fn clear(root: &Path) -> io::Result<()> {
    match fs::symlink_metadata(root) {
        // remove_dir_all does not follow links.
        Ok(_) => files::remove(root),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
