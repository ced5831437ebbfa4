//! `spec.kafka.rack`.

use resources::rack::{self as given, RackType};

use super::metadata;
use super::report::Report;
use crate::desired::{Rack, RackThrough};

/// Annotation of a Kafka: its brokers may read the label from their Node, with a token that may get nodes and nothing else.
pub const RACK_THROUGH_NODE: &str = "klamm.dev/rack-through-node";

/// Source of `broker.rack`.
pub(super) fn parse(
    rack: Option<&given::Rack>,
    through_node: bool,
    report: &mut Report,
) -> Option<Rack> {
    let given::Rack {
        kind,
        topology_key,
        env_var_name,
    } = rack?;
    match kind.unwrap_or(RackType::TopologyLabel) {
        RackType::TopologyLabel => {
            let key = topology_key.clone().unwrap_or_default();
            if key.is_empty() {
                let allowed =
                    "the label of the Kubernetes nodes, because the type is `topology-label`";
                report.missing(
                    "spec.kafka.rack.topologyKey",
                    allowed,
                    "topology.kubernetes.io/zone",
                );
                return None;
            }
            metadata::check_label_key("spec.kafka.rack.topologyKey", &key, report);
            let through = if through_node {
                RackThrough::NodeToken
            } else {
                RackThrough::PodLabel
            };
            Some(Rack::TopologyLabel { key, through })
        }
        RackType::EnvironmentVariable => {
            let name = env_var_name.clone().unwrap_or_default();
            if name.is_empty() {
                let allowed = "the name of an environment variable, because the type is `environment-variable`";
                report.missing("spec.kafka.rack.envVarName", allowed, "MY_RACK");
                return None;
            }
            Some(Rack::EnvironmentVariable { name })
        }
    }
}
