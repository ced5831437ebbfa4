//! Where the name of a node's rack comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Where the name of a node's rack comes from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": r#"(has(self.type) && self.type != "topology-label") || self.topologyKey != """#, "message": "topologyKey property is required"},
    {"rule": r#"has(self.type) == false || self.type != "environment-variable" || self.envVarName != """#, "message": "envVarName property is required"},
]))]
pub struct Rack {
    /// A label of the Kubernetes node (the default) or an environment variable.
    #[serde(rename = "type")]
    pub kind: Option<RackType>,
    /// The label of the Kubernetes node.
    #[schemars(extend("example" = "topology.kubernetes.io/zone"))]
    pub topology_key: Option<String>,
    /// The environment variable of the container.
    pub env_var_name: Option<String>,
}

/// Where the name of a rack comes from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RackType {
    /// A label of the Kubernetes node.
    TopologyLabel,
    /// An environment variable of the container.
    EnvironmentVariable,
}
