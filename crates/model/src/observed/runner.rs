//! What the runner inside a Kafka Pod says about itself.
//!
//! Reads: `GET /v1/broker-state` of the runner, and the termination message it leaves when it refuses to start.

use serde::{Deserialize, Serialize};

/// The answer of `/v1/broker-state`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runner {
    /// Kafka's own number: 0 not running, 1 starting, 2 recovery, 3 running, 6 pending controlled shutdown, 7 shutting down, 127 unknown.
    #[serde(default)]
    pub broker_state: i32,
    /// Progress of log recovery, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_state: Option<Recovery>,
    /// Hash of the certificate chain it serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_hash: Option<String>,
    /// Hash of the configuration it started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
}

/// Progress of log recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// Logs still to recover.
    #[serde(default)]
    pub remaining_logs_to_recover: i64,
    /// Segments still to recover.
    #[serde(default)]
    pub remaining_segments_to_recover: i64,
}

/// Why a runner refused to start Kafka. Its termination message is `<Refusal>: <sentence>`.
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
}

impl Refusal {
    /// Every refusal there is.
    pub const ALL: [Self; 6] = [
        Self::EmptyVolume,
        Self::ForeignCluster,
        Self::ForeignNode,
        Self::ForeignDirectory,
        Self::CorruptedMetadata,
        Self::VolumeLocked,
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
        }
    }

    /// Reads a termination message: the refusal and the sentence after it.
    pub fn parse(message: &str) -> Option<(Self, &str)> {
        let (word, sentence) = message.split_once(':')?;
        let refusal = Self::ALL.into_iter().find(|r| r.as_str() == word.trim())?;
        Some((refusal, sentence.trim()))
    }
}
