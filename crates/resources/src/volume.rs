//! Volumes that users add to Pods.

use k8s_openapi::api::core::v1::{
    CSIVolumeSource, ConfigMapVolumeSource, ImageVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::core_schema::core;

/// One more volume of a Pod; exactly one source.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"properties": {"secret": {}, "configMap": {}, "emptyDir": {}, "persistentVolumeClaim": {}, "csi": {}, "image": {}}}]))]
pub struct AdditionalVolume {
    /// The name that volume mounts refer to.
    pub name: Option<String>,
    /// A Secret.
    #[serde(default)]
    #[schemars(schema_with = "core::<SecretVolumeSource>")]
    pub secret: Option<SecretVolumeSource>,
    /// A `ConfigMap`.
    #[serde(default)]
    #[schemars(schema_with = "core::<ConfigMapVolumeSource>")]
    pub config_map: Option<ConfigMapVolumeSource>,
    /// An empty directory that goes with the Pod.
    pub empty_dir: Option<EmptyDirectory>,
    /// A claim.
    #[serde(default)]
    #[schemars(schema_with = "core::<PersistentVolumeClaimVolumeSource>")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    /// An inline CSI volume.
    #[serde(default)]
    #[schemars(schema_with = "core::<CSIVolumeSource>")]
    pub csi: Option<CSIVolumeSource>,
    /// An OCI image.
    #[serde(default)]
    #[schemars(schema_with = "core::<ImageVolumeSource>")]
    pub image: Option<ImageVolumeSource>,
}

/// An empty directory that goes with the Pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDirectory {
    /// `Memory` for a file system in memory. Absent: the node's disk.
    pub medium: Option<EmptyDirectoryMedium>,
    /// How much it may hold.
    #[schemars(regex(pattern = r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"))]
    pub size_limit: Option<String>,
}

/// One more volume, other for each node; exactly one source.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"properties": {"secret": {}, "configMap": {}, "persistentVolumeClaim": {}}}]))]
pub struct TemplatedVolume {
    /// The name that volume mounts refer to.
    pub name: Option<String>,
    /// A Secret.
    #[serde(default)]
    #[schemars(schema_with = "core::<SecretVolumeSource>")]
    pub secret: Option<SecretVolumeSource>,
    /// A `ConfigMap`.
    #[serde(default)]
    #[schemars(schema_with = "core::<ConfigMapVolumeSource>")]
    pub config_map: Option<ConfigMapVolumeSource>,
    /// A claim.
    #[serde(default)]
    #[schemars(schema_with = "core::<PersistentVolumeClaimVolumeSource>")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
}

/// What holds an empty directory.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum EmptyDirectoryMedium {
    /// Memory.
    Memory,
}
