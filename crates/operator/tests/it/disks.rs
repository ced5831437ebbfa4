//! The disks of the scripted kubelet: what is written on them, and what a runner makes of it.

use std::collections::BTreeMap;

use model::runner::{Format, RunnerConfig};

/// What stands on a disk, as in `meta.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) cluster: String,
    pub(crate) node: i32,
    pub(crate) directory: String,
}

/// All disks by the uid of their volume claim, or of their Pod where nothing outlives it.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    pub(crate) formatted: BTreeMap<(String, u32), Disk>,
    /// How often any disk was formatted.
    pub(crate) formats: usize,
}

impl Disks {
    /// What `run-broker` does before it starts Kafka; an error is its termination message.
    pub(crate) fn start(
        &mut self,
        config: &RunnerConfig,
        permission: Option<Format>,
        volume: impl Fn(u32) -> String,
    ) -> Result<(), String> {
        for directory in &config.log_dirs {
            let id = directory.volume.0;
            let key = (volume(id), id);
            let wanted = Disk {
                cluster: config.cluster_id.clone(),
                node: config.node_id.0,
                directory: directory
                    .directory_id
                    .clone()
                    .expect("directory ids are chosen before the first start"),
            };
            match (self.formatted.get(&key), permission) {
                (Some(found), _) if found.cluster != wanted.cluster => {
                    return Err(format!(
                        "ForeignCluster {id}: the disk belongs to cluster {}",
                        found.cluster
                    ));
                }
                (Some(found), _) if found.node != wanted.node => {
                    return Err(format!(
                        "ForeignNode {id}: the disk belongs to node {}",
                        found.node
                    ));
                }
                (Some(found), _) if found.directory != wanted.directory => {
                    return Err(format!(
                        "ForeignDirectory {id}: the disk is directory {}",
                        found.directory
                    ));
                }
                (Some(_), _) => {}
                (None, None) => {
                    return Err(format!(
                        "EmptyVolume {id}: the disk is empty and must not be formatted"
                    ));
                }
                (None, Some(_)) => {
                    self.formats += 1;
                    self.formatted.insert(key, wanted);
                }
            }
        }
        Ok(())
    }
}
