//! Why the runner inside a Kafka Pod does not start Kafka, as it says in its termination message.
//!
//! What it says while it runs is [`crate::runner::BrokerState`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Why a runner refused to start Kafka.
///
/// Its termination message is `<Refusal>[ <volume>[,<volume>…]]: <sentence>`, for instance `EmptyVolume 0,2: …`: which
/// volumes (by id; 0 where there is one unnamed volume) are meant decides which disks are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// A disk is empty and the Pod has no permission to format it.
    EmptyVolume,
    /// A disk belongs to another cluster.
    ForeignCluster,
    /// A disk belongs to another node.
    ForeignNode,
    /// A disk carries another directory id than the one chosen for it.
    ForeignDirectory,
    /// `meta.properties` cannot be read.
    CorruptedMetadata,
    /// A disk is in use by another process.
    VolumeLocked,
    /// The metadata store is empty, though the cluster was there before.
    EmptyStore,
}

impl Refusal {
    /// Every refusal there is.
    pub const ALL: [Self; 7] = [
        Self::EmptyVolume,
        Self::ForeignCluster,
        Self::ForeignNode,
        Self::ForeignDirectory,
        Self::CorruptedMetadata,
        Self::VolumeLocked,
        Self::EmptyStore,
    ];

    /// The word that a termination message begins with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyVolume => "EmptyVolume",
            Self::ForeignCluster => "ForeignCluster",
            Self::ForeignNode => "ForeignNode",
            Self::ForeignDirectory => "ForeignDirectory",
            Self::CorruptedMetadata => "CorruptedMetadata",
            Self::VolumeLocked => "VolumeLocked",
            Self::EmptyStore => "EmptyStore",
        }
    }

    /// Reads a termination message: the refusal, the volumes it is about, the sentence after it.
    pub fn parse(message: &str) -> Option<(Self, BTreeSet<u32>, &str)> {
        let (head, sentence) = message.split_once(':')?;
        let (word, volumes) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        let refusal = Self::ALL.into_iter().find(|r| r.as_str() == word)?;
        let volumes = volumes
            .split(',')
            .filter_map(|id| id.trim().parse().ok())
            .collect();
        Some((refusal, volumes, sentence.trim()))
    }

    /// Writes a termination message that [`Self::parse`] reads.
    pub fn message(self, volumes: &BTreeSet<u32>, sentence: &str) -> String {
        let volumes: Vec<String> = volumes.iter().map(ToString::to_string).collect();
        let space = if volumes.is_empty() { "" } else { " " };
        format!("{}{space}{}: {sentence}", self.as_str(), volumes.join(","))
    }
}
