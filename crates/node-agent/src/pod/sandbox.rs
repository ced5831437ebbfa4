//! The files of one Pod on this machine.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::container::attempt::ContainerDir;
use crate::files;
use crate::process::boot_id;

/// Directory of a Pod.
#[derive(Debug, Clone)]
pub(crate) struct PodDir(pub PathBuf);

/// Whose directory it is; written before anything is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Owner {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub containers: Vec<String>,
    pub grace_seconds: i64,
    /// Others need it to stop well: it goes after them.
    pub stops_last: bool,
}

impl Default for Owner {
    /// Of a Pod of which nothing is known.
    fn default() -> Self {
        Self {
            namespace: String::new(),
            name: String::new(),
            uid: String::new(),
            containers: Vec::new(),
            // Kubernetes' own default.
            grace_seconds: 30,
            stops_last: false,
        }
    }
}

/// What lies between two starts of a Pod as a whole: init containers run once in each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sandbox {
    /// Counts up.
    pub number: u32,
    /// In which boot of the machine.
    pub boot_id: String,
    /// It was stopped in good order.
    #[serde(default)]
    pub stopped: bool,
}

impl PodDir {
    pub(crate) fn container(&self, name: &str) -> ContainerDir {
        ContainerDir(self.0.join("containers").join(name))
    }

    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.0.join("volumes").join(name)
    }

    fn owner_file(&self) -> PathBuf {
        self.0.join("pod.json")
    }

    /// Whose directory it is, as far as its files tell: the uid and the containers are known also when what was
    /// written cannot be read (after a power cut, or by another version of us).
    pub(crate) fn owner(&self) -> Owner {
        let mut owner: Owner = files::read_json(&self.owner_file()).unwrap_or_default();
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        owner.uid = name(&self.0).unwrap_or_default();
        for container in directories(&self.0.join("containers"))
            .iter()
            .filter_map(|path| name(path))
        {
            if !owner.containers.contains(&container) {
                owner.containers.push(container);
            }
        }
        owner
    }

    /// Writes whose directory it is, where that is not written there yet.
    pub(crate) fn write_owner(&self, owner: &Owner) -> io::Result<()> {
        if files::read_json::<Owner>(&self.owner_file()).as_ref() == Some(owner) {
            return Ok(());
        }
        files::private_dir(&self.0)?;
        files::replace_json(&self.owner_file(), owner)
    }

    fn sandbox_file(&self) -> PathBuf {
        self.0.join("sandbox")
    }

    /// The sandbox of the last start, if there was one.
    pub(crate) fn sandbox(&self) -> Option<Sandbox> {
        files::read_json(&self.sandbox_file())
    }

    /// The sandbox to work in: the one of before, or the next if that one was stopped or ended with the machine.
    pub(crate) fn enter_sandbox(&self) -> io::Result<Sandbox> {
        match self.sandbox() {
            Some(sandbox) if !sandbox.stopped && sandbox.boot_id == boot_id() => Ok(sandbox),
            before => {
                let number = match before {
                    Some(sandbox) => sandbox.number.saturating_add(1),
                    // What cannot be read was some number: one above all that were counted up.
                    None if self.sandbox_file().exists() => {
                        u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(u32::MAX)
                    }
                    None => 0,
                };
                let sandbox = Sandbox {
                    number,
                    boot_id: boot_id(),
                    stopped: false,
                };
                files::replace_json(&self.sandbox_file(), &sandbox)?;
                Ok(sandbox)
            }
        }
    }

    /// Remembers that everything was stopped on purpose.
    pub(crate) fn stop_sandbox(&self, sandbox: &Sandbox) -> io::Result<()> {
        files::replace_json(
            &self.sandbox_file(),
            &Sandbox {
                stopped: true,
                ..sandbox.clone()
            },
        )
    }

    /// Directories of all Pods below `pods`.
    pub(crate) fn all(pods: &Path) -> Vec<Self> {
        directories(pods).into_iter().map(Self).collect()
    }
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests;
