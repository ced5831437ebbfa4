//! Volume claims as they were seen.

use serde::{Deserialize, Serialize};

use super::identity;
use super::object::Meta;

/// One PersistentVolumeClaim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Its metadata; the identity of its disk is in the annotations.
    pub meta: Meta,
    /// `status.phase` is `Bound`.
    #[serde(default)]
    pub bound: bool,
    /// `status.phase` is `Lost`: the disk behind it is gone.
    #[serde(default)]
    pub lost: bool,
    /// `spec.resources.requests.storage`, as written.
    #[serde(default)]
    pub size: String,
    /// `spec.storageClassName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// What a volume says about the disk it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeIdentity<'a> {
    /// The cluster it belongs to.
    pub cluster_id: Option<&'a str>,
    /// The node it belongs to.
    pub node_id: Option<i32>,
    /// The directory id on it.
    pub directory_id: Option<&'a str>,
    /// The voters that the first controllers formatted with.
    pub initial_controllers: Option<&'a str>,
    /// What its node does, as in `process.roles`.
    pub roles: Option<&'a str>,
    /// A leader was seen.
    pub quorum_formed: bool,
    /// A node was seen running on it.
    pub formatted: bool,
}

impl Volume {
    /// Reads the identity from the annotations.
    pub fn identity(&self) -> VolumeIdentity<'_> {
        let get = |key: &str| self.meta.annotations.get(key).map(String::as_str);
        VolumeIdentity {
            cluster_id: get(identity::CLUSTER_ID),
            node_id: get(identity::NODE_ID).and_then(|id| id.parse().ok()),
            directory_id: get(identity::DIRECTORY_ID),
            initial_controllers: get(identity::INITIAL_CONTROLLERS),
            roles: get(identity::ROLES),
            quorum_formed: get(identity::QUORUM_FORMED) == Some("true"),
            formatted: get(identity::FORMATTED) == Some("true"),
        }
    }
}
