//! The disks of Kafka nodes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The disks of a node: one, or with type `jbod` several.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Goes with the Pod, stays, or several of either.
    #[serde(rename = "type")]
    pub kind: StorageType,
    /// With type `ephemeral`: how much the directory may hold.
    #[schemars(regex(pattern = r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"))]
    pub size_limit: Option<String>,
    /// With type `persistent-claim`: the size of the claim, such as `100Gi`.
    pub size: Option<String>,
    /// The `StorageClass`. Absent: the default one.
    pub class: Option<String>,
    /// The `VolumeAttributesClass`.
    pub volume_attributes_class: Option<String>,
    /// Labels that the volume must carry.
    pub selector: Option<BTreeMap<String, String>>,
    /// Whether the claim goes when the node goes for good. Default false.
    pub delete_claim: Option<bool>,
    /// Which volume this is; only within `jbod`.
    #[schemars(range(min = 0))]
    pub id: Option<i32>,
    /// `shared` if the cluster's metadata lives here as well.
    pub kraft_metadata: Option<KraftMetadata>,
    /// With type `jbod`: the volumes.
    pub volumes: Option<Vec<Volume>>,
}

/// One disk of a node with several.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Goes with the Pod, or stays.
    #[serde(rename = "type")]
    pub kind: VolumeType,
    /// Which volume this is; unique in the node and never reused for another disk.
    #[schemars(range(min = 0))]
    pub id: Option<i32>,
    /// With type `ephemeral`: how much the directory may hold.
    #[schemars(regex(pattern = r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"))]
    pub size_limit: Option<String>,
    /// With type `persistent-claim`: the size of the claim, such as `100Gi`.
    pub size: Option<String>,
    /// The `StorageClass`. Absent: the default one.
    pub class: Option<String>,
    /// The `VolumeAttributesClass`.
    pub volume_attributes_class: Option<String>,
    /// Labels that the volume must carry.
    pub selector: Option<BTreeMap<String, String>>,
    /// Whether the claim goes when the node goes for good. Default false.
    pub delete_claim: Option<bool>,
    /// `shared` if the cluster's metadata lives on this volume. At most one volume may say so.
    pub kraft_metadata: Option<KraftMetadata>,
}

/// Whether the cluster's metadata lives on a volume.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum KraftMetadata {
    /// Together with partitions.
    Shared,
}

/// What becomes of a node's data when its Pod goes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StorageType {
    /// It goes too.
    Ephemeral,
    /// It stays, on a claim.
    PersistentClaim,
    /// Several volumes, each of its own type.
    Jbod,
}

/// What becomes of a volume's data when its Pod goes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeType {
    /// It goes too.
    Ephemeral,
    /// It stays, on a claim.
    PersistentClaim,
}
