//! Disks: what outlives a process, and what is lost with it.

use std::collections::BTreeMap;

/// All disks that exist, by what they are tied to: `pvc:<uid>` or `pod:<uid>/<volume>`.
#[derive(Debug, Clone, Default)]
pub struct Disks(pub BTreeMap<String, Disk>);

/// One disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    /// What was formatted onto it; nothing where it is empty.
    pub content: Option<Content>,
}

/// A formatted disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// `cluster.id`.
    pub cluster_id: String,
    /// `node.id`.
    pub node: i32,
    /// `directory.id`.
    pub directory: String,
    /// The first voters, where it was formatted as one of them.
    pub initial: Option<BTreeMap<i32, String>>,
    /// Which quorum (the first, the second that was ever formed …) its metadata log is of; 0 before any.
    pub formation: u64,
    /// Length of the metadata log.
    pub log: u64,
    /// Partition → number of messages.
    pub partitions: BTreeMap<String, u64>,
}

impl Disks {
    /// The content of a disk.
    pub fn content(&self, key: &str) -> Option<&Content> {
        self.0.get(key)?.content.as_ref()
    }

    /// The content of a disk, to change.
    pub fn content_mut(&mut self, key: &str) -> Option<&mut Content> {
        self.0.get_mut(key)?.content.as_mut()
    }
}
