//! The rack of a broker: from its environment, or from a label of its Node where the operator allowed a token for it.

use model::runner::{RackSource, RunnerConfig, env};

use crate::environment::Environment;

/// The rack, if it is known.
///
/// The downward API gives a Node's topology labels as Pod labels where the cluster copies them; an empty value there
/// means that it does not. Unknown is not an error: a broker without a rack serves.
pub(crate) fn of(environment: &Environment, config: &RunnerConfig) -> Option<String> {
    let named = |name: &str| {
        environment
            .all
            .get(name)
            .map(|value| value.trim().to_owned())
    };
    let rack = match config.rack.as_ref()? {
        RackSource::Environment { name } => named(name),
        RackSource::NodeLabel { .. } => named(env::RACK),
    };
    let rack = rack.filter(|value| !value.is_empty());
    if rack.is_none() {
        tracing::warn!("the rack of this broker is not known; it starts without one");
    }
    rack
}
