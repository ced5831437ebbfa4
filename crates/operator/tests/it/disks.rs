//! The disks of the scripted kubelet: what is written on them, and what a runner makes of it.

use std::collections::BTreeMap;

use model::runner::{Format, RunnerConfig};

/// What stands on a disk, as in `meta.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    pub(crate) directory_id: String,
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
            let id = u32::try_from(directory.volume.0).unwrap();
            let key = (volume(id), id);
            let wanted = Disk {
                cluster_id: config.cluster_id.clone(),
                node_id: config.node_id.0,
                directory_id: directory
                    .directory_id
                    .clone()
                    .expect("directory ids are chosen before the first start"),
            };
            match (self.formatted.get(&key), permission) {
                (Some(found), _) if found.cluster_id != wanted.cluster_id => {
                    return Err(format!(
                        "ForeignCluster {id}: the disk belongs to cluster {}",
                        found.cluster_id
                    ));
                }
                (Some(found), _) if found.node_id != wanted.node_id => {
                    return Err(format!(
                        "ForeignNode {id}: the disk belongs to node {}",
                        found.node_id
                    ));
                }
                (Some(found), _) if found.directory_id != wanted.directory_id => {
                    return Err(format!(
                        "ForeignDirectory {id}: the disk is directory {}",
                        found.directory_id
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
