//! Why a step is needed.
//!
//! An ordered list and never free text: the same value feeds plan text, events, conditions and metric labels.

use serde::{Deserialize, Serialize};

/// Why a step is needed; the order is the order of urgency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "camelCase")]
pub enum Reason {
    /// A Pod that was there is gone.
    PodLost,
    /// A Pod ended for good and will not run again.
    PodFinished,
    /// The disk of a node is gone or empty.
    VolumeLost,
    /// A voter stands for a disk that is no longer there.
    StaleVoter,
    /// A controller runs and does not vote.
    NotVoting,
    /// All controllers of an ephemeral cluster lost their disks.
    QuorumLost,
    /// The Kafka belongs to nobody yet.
    NotClaimed,
    /// It was never recorded.
    NotRecorded,
    /// The record is gone, or behind what is seen elsewhere.
    RecordIncomplete,
    /// A leader of the quorum was seen for the first time.
    QuorumFormed,
    /// The brokers, which have no quorum, were seen with a controller for the first time.
    ControllerElected,
    /// A node was seen running on its disks for the first time.
    FirstRun,
    /// It is not there.
    Missing,
    /// It differs from what it should be.
    #[serde(rename_all = "camelCase")]
    Differs {
        /// The first paths that differ, sorted.
        paths: Vec<String>,
    },
    /// A certificate does not name all it must.
    #[serde(rename_all = "camelCase")]
    Unnamed {
        /// What is not named.
        names: Vec<String>,
    },
    /// A certificate was not signed by the present authority, or its key does not belong to it.
    OtherAuthority,
    /// A user asked for it with an annotation.
    #[serde(rename_all = "camelCase")]
    Asked {
        /// The annotation.
        annotation: String,
    },
    /// A certificate ends soon.
    #[serde(rename_all = "camelCase")]
    Expiring {
        /// Its last day, `2027-01-31`.
        day: String,
    },
    /// Nodes come up.
    Starting,
    /// All nodes can do more than the cluster uses.
    #[serde(rename_all = "camelCase")]
    Version {
        /// What is in force.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// The configuration of running brokers differs from what is wanted.
    #[serde(rename_all = "camelCase")]
    Settings {
        /// What changes: `log.retention.ms 1000 → 2000`, sorted.
        changes: Vec<String>,
    },
    /// Listeners do not serve the present certificates, or do not trust them.
    #[serde(rename_all = "camelCase")]
    NotServed {
        /// Kafka's names of the listeners, sorted.
        listeners: Vec<String>,
    },
}

impl Reason {
    /// One CamelCase word: for events, conditions, metric labels.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::PodLost => "PodLost",
            Self::PodFinished => "PodFinished",
            Self::VolumeLost => "VolumeLost",
            Self::StaleVoter => "StaleVoter",
            Self::NotVoting => "NotVoting",
            Self::QuorumLost => "QuorumLost",
            Self::NotClaimed => "NotClaimed",
            Self::NotRecorded => "NotRecorded",
            Self::RecordIncomplete => "RecordIncomplete",
            Self::QuorumFormed => "QuorumFormed",
            Self::ControllerElected => "ControllerElected",
            Self::FirstRun => "FirstRun",
            Self::Missing => "Missing",
            Self::Differs { paths: _ } => "Differs",
            Self::Unnamed { names: _ } => "Unnamed",
            Self::OtherAuthority => "OtherAuthority",
            Self::Asked { annotation: _ } => "Asked",
            Self::Expiring { day: _ } => "Expiring",
            Self::Starting => "Starting",
            Self::Version { from: _, to: _ } => "Version",
            Self::Settings { changes: _ } => "Settings",
            Self::NotServed { listeners: _ } => "NotServed",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PodLost => f.write_str("its Pod is gone"),
            Self::PodFinished => f.write_str("its Pod ended for good"),
            Self::VolumeLost => f.write_str("its disk was lost"),
            Self::StaleVoter => f.write_str("its disk is no longer there"),
            Self::NotVoting => f.write_str("it runs and does not vote"),
            Self::QuorumLost => f.write_str("all controllers lost their disks"),
            Self::NotClaimed => f.write_str("nobody claimed it"),
            Self::NotRecorded => f.write_str("never recorded"),
            Self::RecordIncomplete => f.write_str("the record is incomplete"),
            Self::QuorumFormed => f.write_str("a leader was seen"),
            Self::ControllerElected => f.write_str("the brokers have elected a controller"),
            Self::FirstRun => f.write_str("it was seen running"),
            Self::Missing => f.write_str("not there"),
            Self::Differs { paths } => write!(f, "differs in {}", listed(paths, 3)),
            Self::Unnamed { names } => write!(f, "does not name {}", listed(names, 3)),
            Self::OtherAuthority => f.write_str("signed by another authority"),
            Self::Expiring { day } => write!(f, "ends on {day}"),
            Self::Asked { annotation } => write!(f, "asked for by {annotation}"),
            Self::Starting => f.write_str("coming up"),
            Self::Version { from, to } => write!(f, "{from} → {to}"),
            Self::Settings { changes } => f.write_str(&listed(changes, 3)),
            Self::NotServed { listeners } => {
                write!(
                    f,
                    "{} not on the present certificates",
                    listed(listeners, 3)
                )
            }
        }
    }
}

/// The first few of a list, and how many more.
pub(crate) fn listed(items: &[String], most: usize) -> String {
    match items.len().checked_sub(most) {
        None | Some(0) => items.join(", "),
        Some(more) => {
            let first: Vec<&str> = items.iter().take(most).map(String::as_str).collect();
            format!("{} and {more} more", first.join(", "))
        }
    }
}
