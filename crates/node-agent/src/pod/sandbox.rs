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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Owner {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub containers: Vec<String>,
    pub grace_seconds: i64,
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

    pub(crate) fn owner(&self) -> Option<Owner> {
        files::read_json(&self.0.join("pod.json"))
    }

    pub(crate) fn write_owner(&self, owner: &Owner) -> io::Result<()> {
        files::private_dir(&self.0)?;
        files::replace_json(&self.0.join("pod.json"), owner)
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
                let number = before.map_or(0, |sandbox| sandbox.number + 1);
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
        std::fs::read_dir(pods)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| Self(entry.path()))
            .collect()
    }
}
