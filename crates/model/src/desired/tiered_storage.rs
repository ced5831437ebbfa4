//! Segments kept elsewhere than on the brokers' disks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The user's own `RemoteStorageManager`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieredStorage {
    /// Class of the manager.
    pub class_name: String,
    /// Where its jars are in the image or in a mounted volume.
    pub class_path: String,
    /// Its properties, without the `rsm.config.` prefix.
    pub config: BTreeMap<String, String>,
}
