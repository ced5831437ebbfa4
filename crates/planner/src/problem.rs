//! What stops a plan, or a part of it, until somebody changes something.

use model::observed::claim::Foreign;
use model::observed::runner::Refusal;
use serde::{Deserialize, Serialize};

use crate::plan::{PhaseName, State};
use crate::reason::listed;

/// One thing that somebody must change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "camelCase")]
pub enum Problem {
    /// Another operator claimed this Kafka.
    #[serde(rename_all = "camelCase")]
    ClaimedByOther {
        /// Who.
        by: String,
    },
    /// Its Pods belong to somebody else.
    #[serde(rename_all = "camelCase")]
    ForeignOwner {
        /// What and whose, sorted.
        objects: Vec<Foreign>,
    },
    /// Two sources disagree about who a cluster or a node is.
    #[serde(rename_all = "camelCase")]
    IdentityConflict {
        /// What they disagree about: `the cluster id`.
        about: String,
        /// Source and value, sorted.
        evidence: Vec<(String, String)>,
    },
    /// A pool is gone whose nodes run.
    #[serde(rename_all = "camelCase")]
    PoolGone {
        /// The pool.
        pool: String,
        /// Its nodes, which stay as they are.
        nodes: Vec<i32>,
    },
    /// What is wanted cannot be understood or served.
    Desired(model::problem::Problem),
    /// A change that needs running nodes to restart; not done yet.
    #[serde(rename_all = "camelCase")]
    RestartNeeded {
        /// The nodes.
        nodes: Vec<i32>,
        /// What changes, sorted.
        changes: Vec<String>,
        /// Whether not even a start of the whole cluster brings it.
        #[serde(default)]
        stays: bool,
    },
    /// A change of the number of nodes of a running pool; not done yet.
    #[serde(rename_all = "camelCase")]
    Scaling {
        /// The pool.
        pool: String,
        /// Nodes there are.
        from: usize,
        /// Nodes wanted.
        to: usize,
    },
    /// A change of the roles of a running pool; not done yet.
    #[serde(rename_all = "camelCase")]
    RolesChanged {
        /// The pool.
        pool: String,
    },
    /// A change of the volumes of a running pool; not done yet.
    #[serde(rename_all = "camelCase")]
    StorageChanged {
        /// The pool.
        pool: String,
        /// What changes.
        changes: Vec<String>,
    },
    /// A disk that should hold data is gone or empty, and it cannot be replaced without losing something.
    #[serde(rename_all = "camelCase")]
    DataLost {
        /// The node.
        node: i32,
        /// Volume claims concerned.
        claims: Vec<String>,
        /// Why nothing is done about it: partitions that had no other copy; empty where that cannot be known.
        partitions: Vec<String>,
    },
    /// A majority of the controllers lost their disks.
    #[serde(rename_all = "camelCase")]
    QuorumLost {
        /// Those that lost it.
        nodes: Vec<i32>,
    },
    /// The metadata store lost so much that nobody remembers everything.
    #[serde(rename_all = "camelCase")]
    StoreLost {
        /// Volume claims that are gone.
        claims: Vec<String>,
    },
    /// A runner refuses to start.
    #[serde(rename_all = "camelCase")]
    RunnerRefused {
        /// The Pod.
        pod: String,
        /// Why.
        refusal: Refusal,
        /// Its sentence.
        text: String,
    },
    /// A certificate authority is not there or not complete, and making it anew would not help.
    #[serde(rename_all = "camelCase")]
    AuthorityMissing {
        /// The Secret.
        secret: String,
        /// The key in it.
        key: String,
        /// Whether users bring it.
        brought: bool,
        /// Whether all of the Secret is gone, not only the key.
        #[serde(default)]
        gone: bool,
    },
    /// The cluster CA is another one than that which signed what nodes serve.
    #[serde(rename_all = "camelCase")]
    AuthorityReplaced {
        /// The Secret of its certificate.
        secret: String,
        /// The nodes.
        nodes: Vec<i32>,
    },
    /// Something that the Kafka refers to is not there.
    #[serde(rename_all = "camelCase")]
    ReferenceMissing {
        /// `Kind/name`, perhaps with a key.
        object: String,
        /// Field path of the reference.
        field: String,
    },
    /// What a user asked of the plan cannot be read at all, so nothing is begun.
    #[serde(rename_all = "camelCase")]
    PlanUnreadable {
        /// What is wrong with it.
        text: String,
    },
    /// What a user asked of the plan makes no sense.
    #[serde(rename_all = "camelCase")]
    Override {
        /// Field path in the KafkaPlan.
        field: String,
        /// A sentence.
        text: String,
    },
}

impl Problem {
    /// Where in a plan it shows, and as what: something is wrong, or a wish is not carried out.
    ///
    /// `None`: a step says so already, or it holds nothing up.
    pub const fn holds_up(&self) -> Option<(PhaseName, State)> {
        match self {
            Self::Desired(_)
            | Self::ClaimedByOther { .. }
            | Self::ForeignOwner { .. }
            | Self::ReferenceMissing { .. } => Some((PhaseName::Check, State::Error)),
            Self::PlanUnreadable { .. } => Some((PhaseName::Check, State::Waiting)),
            Self::IdentityConflict { .. } => Some((PhaseName::Identity, State::Error)),
            Self::AuthorityMissing { .. } | Self::AuthorityReplaced { .. } => {
                Some((PhaseName::Certificates, State::Error))
            }
            Self::DataLost { .. } | Self::QuorumLost { .. } => {
                Some((PhaseName::Volumes, State::Error))
            }
            Self::StoreLost { .. } => Some((PhaseName::Store, State::Error)),
            // What is there goes on as it is; the wish is left.
            Self::RestartNeeded { .. }
            | Self::Scaling { .. }
            | Self::RolesChanged { .. }
            | Self::StorageChanged { .. }
            | Self::PoolGone { .. } => Some((PhaseName::Finish, State::Waiting)),
            Self::RunnerRefused { .. } | Self::Override { .. } => None,
        }
    }

    /// One CamelCase word: the `reason` of the condition.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Desired(problem) => problem.reason.as_str(),
            Self::ClaimedByOther { .. } => "ClaimedByOther",
            Self::ForeignOwner { .. } => "ForeignOwner",
            Self::IdentityConflict { .. } => "IdentityConflict",
            Self::RestartNeeded { .. } => "RestartNeeded",
            Self::Scaling { .. } => "ScalingNotSupported",
            Self::RolesChanged { .. } => "RolesChanged",
            Self::StorageChanged { .. } => "StorageChanged",
            Self::PoolGone { .. } => "PoolGone",
            Self::DataLost { .. } => "DataLost",
            Self::QuorumLost { .. } => "QuorumLost",
            Self::StoreLost { .. } => "StoreLost",
            Self::RunnerRefused { refusal, .. } => refusal.as_str(),
            Self::AuthorityMissing { .. } => "AuthorityMissing",
            Self::AuthorityReplaced { .. } => "AuthorityReplaced",
            Self::ReferenceMissing { .. } => "ReferenceMissing",
            Self::PlanUnreadable { .. } => "PlanUnreadable",
            Self::Override { .. } => "InvalidOverride",
        }
    }
}

impl std::fmt::Display for Problem {
    #[expect(clippy::too_many_lines, reason = "one sentence per problem")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Desired(problem) => write!(f, "{}: {problem}", problem.subject),
            Self::ClaimedByOther { by } => {
                write!(
                    f,
                    "this Kafka is claimed by {by} (annotation klamm.dev/claimed-by)"
                )
            }
            Self::ForeignOwner { objects } => {
                let objects: Vec<String> = objects
                    .iter()
                    .map(|o| format!("{} {} of {}", o.kind, o.name, o.owner))
                    .collect();
                write!(
                    f,
                    "its Pods belong to somebody else: {}; nothing is written",
                    listed(&objects, 3)
                )
            }
            Self::IdentityConflict { about, evidence } => {
                let evidence: Vec<String> = evidence
                    .iter()
                    .map(|(source, value)| format!("{source} says {value}"))
                    .collect();
                write!(
                    f,
                    "conflicting evidence about {about}: {}; nothing is done until the wrong one is removed",
                    evidence.join(", ")
                )
            }
            Self::RestartNeeded {
                nodes,
                changes,
                stays: true,
            } => write!(
                f,
                "{} would need a restart of {}, which this version does not do yet; the cluster keeps running as it was",
                listed(changes, 5),
                nodes_of(nodes)
            ),
            Self::RestartNeeded {
                nodes,
                changes,
                stays: false,
            } => write!(
                f,
                "{} would need a restart of {}, which this version does not do yet; the cluster keeps running as it was, and \
                 takes it when all of it is stopped and started (on one machine: klamm down, klamm up)",
                listed(changes, 5),
                nodes_of(nodes)
            ),
            Self::Scaling { pool, from, to } => write!(
                f,
                "pool {pool} has {from} nodes and should have {to}; this version does not scale running pools yet"
            ),
            Self::RolesChanged { pool } => write!(
                f,
                "pool {pool} runs with other roles; this version does not change the roles of running pools yet"
            ),
            Self::StorageChanged { pool, changes } => write!(
                f,
                "pool {pool} runs with other volumes ({}); this version does not change the volumes of running pools yet",
                listed(changes, 5)
            ),
            Self::PoolGone { pool, nodes } => write!(
                f,
                "pool {pool} is gone, or no longer has the label of this cluster; {} {} running: apply the pool again (draining and removing a pool is not done yet)",
                nodes_of(nodes),
                if nodes.len() == 1 { "keeps" } else { "keep" }
            ),
            Self::DataLost {
                node,
                claims,
                partitions,
            } => {
                write!(f, "node {node} lost its disk ({}) and ", listed(claims, 3))?;
                if partitions.is_empty() {
                    f.write_str("whether other copies of its partitions exist cannot be known; ")?;
                } else {
                    write!(
                        f,
                        "these partitions have no other copy: {}; ",
                        listed(partitions, 5)
                    )?;
                }
                write!(
                    f,
                    "bring the disk back, or accept the loss with the annotation klamm.dev/accept-empty-volumes: {}",
                    claims.join(",")
                )
            }
            Self::QuorumLost { nodes } => write!(
                f,
                "the controllers lost their majority for good (lost: the disks of {}): restore a disk from a copy, or delete the volumes of all nodes to begin anew without the data; nothing is formatted",
                nodes_of(nodes)
            ),
            Self::StoreLost { claims } => write!(
                f,
                "the metadata store lost its majority for good (gone: {}): restore a volume from a copy; nothing is begun anew",
                listed(claims, 5)
            ),
            Self::RunnerRefused {
                pod,
                refusal: _,
                text,
            } => write!(f, "Pod {pod} refuses to start: {text}"),
            Self::AuthorityMissing {
                secret,
                key,
                brought: true,
                gone,
            } => write!(
                f,
                "{}: generateCertificateAuthority is false, so you bring it",
                if *gone {
                    format!("there is no Secret {secret}, which must hold {key}")
                } else {
                    format!("Secret {secret} must hold {key}")
                }
            ),
            Self::AuthorityMissing {
                secret,
                key,
                brought: false,
                gone,
            } => write!(
                f,
                "{}: restore it from a copy; a new authority would need every node to restart, which this version does not do \
                 yet; the cluster keeps running as it was",
                if *gone {
                    format!("Secret {secret} is gone, and with it {key}")
                } else {
                    format!("Secret {secret} no longer holds {key}")
                }
            ),
            Self::AuthorityReplaced { secret, nodes } => write!(
                f,
                "the authority in Secret {secret} did not sign the certificates of {}: a new key needs every node to restart, \
                 which this version does not do yet; the cluster keeps its certificates: put the former authority back",
                nodes_of(nodes)
            ),
            Self::ReferenceMissing { object, field } => {
                write!(f, "{object} does not exist, but {field} refers to it")
            }
            Self::PlanUnreadable { text } => write!(
                f,
                "KafkaPlan spec: {text}: what is asked there is not understood by this version, so no step is begun"
            ),
            Self::Override { field, text } => write!(f, "{field}: {text}"),
        }
    }
}

/// `node 1`, `nodes 1, 2`.
pub(crate) fn nodes_of(nodes: &[i32]) -> String {
    let ids: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    match ids.len() {
        1 => format!("node {}", ids.join("")),
        _ => format!("nodes {}", listed(&ids, 9)),
    }
}
