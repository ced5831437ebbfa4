//! Where a node keeps its data.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::size::ByteSize;

/// Number of a volume, from the resource; part of volume, claim and directory names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VolumeId(pub u32);

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The volumes of each node of a pool.
///
/// `Single` is a storage without a list; its volume is called `data`. The volumes of a JBOD are called `data-<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// One volume, which needs no number.
    Single(VolumeKind),
    /// Numbered volumes; at least one.
    Jbod {
        /// By number.
        volumes: BTreeMap<VolumeId, VolumeKind>,
        /// The one that holds the metadata log: the one marked `kraftMetadata: shared`, else the lowest.
        metadata: VolumeId,
    },
}

/// What a volume is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeKind {
    /// Lives as long as the Pod.
    Ephemeral {
        /// At most so much; no limit when absent.
        size_limit: Option<ByteSize>,
    },
    /// Outlives the Pod.
    PersistentClaim(PersistentClaim),
}

/// A claim for a volume that outlives the Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistentClaim {
    /// How much to ask for.
    pub size: ByteSize,
    /// Storage class; the default class of the cluster when absent.
    pub class: Option<String>,
    /// Labels the volume must have; any volume when empty.
    pub selector: BTreeMap<String, String>,
    /// Whether the claim goes with the node.
    pub delete_claim: bool,
    /// Name of a `VolumeAttributesClass`; the class's own attributes when absent.
    pub attributes_class: Option<String>,
}

/// A volume with the names that follow from its place in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume<'a> {
    /// Its number; 0 for a single volume.
    pub id: VolumeId,
    /// Whether it has a number in its name.
    numbered: bool,
    /// Whether the metadata log is here.
    pub metadata: bool,
    /// What it is made of.
    pub kind: &'a VolumeKind,
}

impl Storage {
    /// All volumes, by number.
    pub fn volumes(&self) -> Vec<Volume<'_>> {
        match self {
            Self::Single(kind) => vec![Volume {
                id: VolumeId(0),
                numbered: false,
                metadata: true,
                kind,
            }],
            Self::Jbod { volumes, metadata } => volumes
                .iter()
                .map(|(id, kind)| Volume {
                    id: *id,
                    numbered: true,
                    metadata: id == metadata,
                    kind,
                })
                .collect(),
        }
    }

    /// Whether nothing in it outlives the Pod.
    pub fn is_ephemeral(&self) -> bool {
        self.volumes()
            .iter()
            .all(|volume| matches!(volume.kind, VolumeKind::Ephemeral { .. }))
    }
}

impl Volume<'_> {
    /// Name of the volume in the Pod: `data` or `data-<id>`.
    pub fn name(&self) -> String {
        if self.numbered {
            format!("data-{}", self.id)
        } else {
            "data".to_owned()
        }
    }

    /// Where it is mounted: `/var/lib/kafka/data` or `/var/lib/kafka/data-<id>`.
    pub fn mount_path(&self) -> String {
        format!("/var/lib/kafka/{}", self.name())
    }

    /// Name of its claim for this Pod: `data-<id>-<pod>`.
    pub fn claim_name(&self, pod: &str) -> String {
        format!("{}-{pod}", self.name())
    }
}
