//! Volumes of a Pod as directories, and the links at the mount paths of its containers.
//!
//! ```text
//! pods/<uid>/volumes/<name>/                     emptyDir, or the files of a ConfigMap, a Secret …
//! volumes/<namespace>/<claim>-<id>/              a persistent volume
//! pods/<uid>/containers/<container>/root/<mount path>  → one of these
//! ```

mod links;
mod render;
mod tokens;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Pod, Volume};
use sha2::{Digest as _, Sha256};

pub(crate) use links::{link_mounts, link_programs, mount_paths};
pub(crate) use render::{Files, Inputs, Rendered, render, source_keys};
pub(crate) use tokens::Tokens;
pub(crate) use write::replace_files;

use crate::files;

/// What a volume needs that is not there yet, or cannot be: shown as the event `FailedMount`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume {volume:?} : {problem}")]
pub(crate) struct VolumeProblem {
    pub volume: String,
    pub problem: String,
}

/// A volume ready to be linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub directory: PathBuf,
}

/// Makes an emptyDir, or finds the one made earlier.
pub(crate) fn empty_dir(
    home: &Path,
    pod: &Path,
    uid: &str,
    volume: &str,
    memory: bool,
) -> io::Result<PathBuf> {
    let directory = pod.join("volumes").join(volume);
    let memory = if memory {
        memory_dir(home, uid, volume)
    } else {
        None
    };
    let Some(memory) = memory else {
        files::private_dir(&directory)?;
        return Ok(directory);
    };
    files::private_dir(&memory)?;
    match fs::read_link(&directory) {
        Ok(target) if target == memory => {}
        _ => {
            files::private_dir(&pod.join("volumes"))?;
            files::remove(&directory)?;
            std::os::unix::fs::symlink(&memory, &directory)?;
        }
    }
    Ok(memory)
}

/// A directory of ours in memory; `None` where the machine has none. Homes do not meet in it.
fn memory_dir(home: &Path, uid: &str, volume: &str) -> Option<PathBuf> {
    let base = memory_base(home)?;
    files::private_dir_among_others(&base).ok()?;
    let whose = base.join(WHOSE);
    if !whose.exists() {
        files::replace(&whose, home.as_os_str().as_encoded_bytes(), 0o600).ok()?;
    }
    Some(base.join(format!("{uid}_{volume}")))
}

/// File in a directory in memory that names its home.
const WHOSE: &str = ".home";
const SHARED_MEMORY: &str = "/dev/shm";

/// Where the memory volumes of a home are.
pub(crate) fn memory_base(home: &Path) -> Option<PathBuf> {
    let shm = Path::new(SHARED_MEMORY);
    let usable = fs::metadata(shm).is_ok_and(|metadata| metadata.is_dir())
        && rustix::fs::access(shm, rustix::fs::Access::WRITE_OK).is_ok();
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let digest = hex::encode(Sha256::digest(home.as_os_str().as_encoded_bytes()));
    usable.then(|| shm.join(format!("klamm-{}", digest.get(..16).unwrap_or_default())))
}

/// Removes the memory volumes of homes that are no more: whoever removed such a home did not know of them.
pub(crate) fn sweep_memory() {
    use std::os::unix::ffi::OsStringExt as _;
    for entry in fs::read_dir(SHARED_MEMORY).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("klamm-")
            && let Ok(home) = fs::read(entry.path().join(WHOSE))
            && !Path::new(&std::ffi::OsString::from_vec(home)).exists()
        {
            let _ = files::remove(&entry.path());
        }
    }
}

/// Removes what a Pod had in memory.
pub(crate) fn drop_memory(home: &Path, uid: &str) {
    let Some(base) = memory_base(home) else {
        return;
    };
    let mut others = false;
    for entry in fs::read_dir(&base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(&format!("{uid}_")) {
            let _ = files::remove(&entry.path());
        } else {
            others |= name != WHOSE;
        }
    }
    if !others {
        let _ = files::remove(&base);
    }
}

/// The volumes of a Pod by name.
pub(crate) fn by_name(pod: &Pod) -> BTreeMap<&str, &Volume> {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_ref())
        .into_iter()
        .flatten()
        .map(|volume| (volume.name.as_str(), volume))
        .collect()
}

#[cfg(test)]
mod tests;
