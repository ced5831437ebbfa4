//! Offloading of old log segments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Offloading of old log segments to a remote store.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TieredStorage {
    /// Always `custom`.
    #[serde(rename = "type")]
    pub kind: TieredStorageType,
    /// The plug-in that speaks to the remote store.
    pub remote_storage_manager: Option<RemoteStorageManager>,
}

/// A plug-in that speaks to a remote store.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteStorageManager {
    /// Its class.
    pub class_name: Option<String>,
    /// Where its jars are.
    pub class_path: Option<String>,
    /// Its configuration, without the prefix `rsm.config.`.
    pub config: Option<BTreeMap<String, String>>,
}

/// A kind of tiered storage.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TieredStorageType {
    /// A plug-in of your own.
    Custom,
}
