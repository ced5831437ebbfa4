//! Where a broker learns in which rack, zone or room it stands.

use serde::{Deserialize, Serialize};

/// Source of `broker.rack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rack {
    /// A label of the Kubernetes node.
    TopologyLabel {
        /// The label's key, such as `topology.kubernetes.io/zone`.
        key: String,
        /// How the broker reads it.
        through: RackThrough,
    },
    /// An environment variable of the container, set by the user's template.
    EnvironmentVariable {
        /// Its name.
        name: String,
    },
}

/// How a broker reads a label of the node it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RackThrough {
    /// The label of its own Pod, which newer clusters copy from the node. Needs no rights.
    PodLabel,
    /// The Node object, with a token that may get nodes and nothing else. Only when the user asks for it.
    NodeToken,
}
