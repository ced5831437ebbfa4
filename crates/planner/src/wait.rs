//! Why a step may not run yet: what it waits for, and that it goes on by itself.

use serde::{Deserialize, Serialize};

use crate::reason::listed;

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "camelCase")]
pub enum Wait {
    /// Another operator holds the permit to act, or ours ran out.
    #[serde(rename_all = "camelCase")]
    Permit {
        /// Who holds it; empty when nobody is known to.
        holder: String,
    },
    /// Something that must be known is not.
    #[serde(rename_all = "camelCase")]
    Unknown {
        /// What, as a phrase: `the Pods`.
        what: String,
        /// Why not.
        why: String,
    },
    /// Kubernetes finds no node for a Pod.
    #[serde(rename_all = "camelCase")]
    Unschedulable {
        /// The Pod.
        pod: String,
        /// The scheduler's words.
        text: String,
    },
    /// A container does not start.
    #[serde(rename_all = "camelCase")]
    Container {
        /// The Pod.
        pod: String,
        /// Kubernetes' reason: `ImagePullBackOff`.
        reason: String,
        /// Kubernetes' words.
        text: String,
    },
    /// A Pod is being deleted and not gone.
    #[serde(rename_all = "camelCase")]
    PodGoing {
        /// The Pod.
        pod: String,
    },
    /// A disk claimed by a node is being deleted and not gone.
    #[serde(rename_all = "camelCase")]
    VolumeGoing {
        /// The claim.
        claim: String,
    },
    /// The quorum has no leader.
    #[serde(rename_all = "camelCase")]
    Leader {
        /// Controllers that run.
        running: usize,
        /// Controllers there are.
        controllers: usize,
    },
    /// A voter cannot be spared now: without it there would be no majority that is caught up.
    #[serde(rename_all = "camelCase")]
    Majority {
        /// The node.
        node: i32,
    },
    /// A node has not caught up with the metadata.
    #[serde(rename_all = "camelCase")]
    CatchUp {
        /// The node.
        node: i32,
    },
    /// A record must be seen before it is acted on.
    Record,
    /// Objects that a node needs are not there yet.
    #[serde(rename_all = "camelCase")]
    Objects {
        /// `Kind/name`, the first few.
        missing: Vec<String>,
    },
    /// A load balancer, Ingress or the like has no address yet.
    #[serde(rename_all = "camelCase")]
    Address {
        /// `Kind/name`.
        object: String,
    },
    /// Another step that disturbs the cluster goes first.
    #[serde(rename_all = "camelCase")]
    Disruption {
        /// The node that is being seen to.
        node: i32,
    },
    /// Nodes that do not serve yet.
    #[serde(rename_all = "camelCase")]
    Nodes {
        /// Node ids.
        nodes: Vec<i32>,
    },
    /// The metadata store does not serve.
    #[serde(rename_all = "camelCase")]
    Store {
        /// Servers that do.
        serving: usize,
        /// Servers there are.
        servers: usize,
    },
    /// The namespace is being deleted: nothing new can be made in it.
    NamespaceGoing,
}

impl Wait {
    /// One CamelCase word: for conditions, events and metric labels.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Permit { .. } => "WaitingForPermit",
            Self::Unknown { .. } => "Unknown",
            Self::Unschedulable { .. } => "Unschedulable",
            Self::Container { .. } => "ContainerWaiting",
            Self::PodGoing { .. } => "PodTerminating",
            Self::VolumeGoing { .. } => "VolumeTerminating",
            Self::Leader { .. } => "NoQuorumLeader",
            Self::Majority { .. } => "QuorumMajority",
            Self::CatchUp { .. } => "CatchingUp",
            Self::Record => "WaitingForRecord",
            Self::Objects { .. } => "WaitingForObjects",
            Self::Address { .. } => "WaitingForAddress",
            Self::Disruption { .. } => "WaitingForNode",
            Self::Nodes { .. } => "NodesStarting",
            Self::Store { .. } => "StoreStarting",
            Self::NamespaceGoing => "NamespaceTerminating",
        }
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Permit { holder } if holder.is_empty() => {
                f.write_str("no permit to act: nobody is known to hold the lease")
            }
            Self::Permit { holder } => write!(f, "{holder} holds the permit to act"),
            Self::Unknown { what, why } => write!(f, "{what} cannot be seen: {why}"),
            Self::Unschedulable { pod, text } => write!(f, "no place for Pod {pod}: {text}"),
            Self::Container { pod, reason, text } if text.is_empty() => {
                write!(f, "Pod {pod}: {reason}")
            }
            Self::Container { pod, reason, text } => write!(f, "Pod {pod}: {reason}, {text}"),
            Self::PodGoing { pod } => write!(f, "until the old Pod {pod} is gone"),
            Self::VolumeGoing { claim } => write!(f, "until the old volume claim {claim} is gone"),
            Self::Leader {
                running,
                controllers,
            } => write!(
                f,
                "the controllers have no leader ({running} of {controllers} run)"
            ),
            Self::Majority { node } => {
                write!(
                    f,
                    "without node {node} the controllers would lose their majority"
                )
            }
            Self::CatchUp { node } => {
                write!(f, "until node {node} has caught up with the metadata")
            }
            Self::Record => f.write_str("until the record is seen"),
            Self::Objects { missing } => match missing.as_slice() {
                [one] => write!(f, "until {one} exists"),
                _ => write!(f, "until {} exist", listed(missing, 3)),
            },
            Self::Address { object } => write!(f, "until {object} has an address"),
            Self::Disruption { node } => write!(f, "until node {node} is done"),
            Self::Nodes { nodes } => {
                let ids: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                match ids.as_slice() {
                    [one] => write!(f, "until node {one} serves"),
                    _ => write!(f, "until nodes {} serve", listed(&ids, 9)),
                }
            }
            Self::Store { serving, servers } => write!(
                f,
                "until the metadata store serves ({serving} of {servers} servers do)"
            ),
            Self::NamespaceGoing => f.write_str("the namespace is being deleted"),
        }
    }
}
