//! The rack of a broker: from its environment, or from a label of its Node where the operator allowed a token for it.

use std::time::Duration;

use model::runner::{RackSource, RunnerConfig, env};

use crate::environment::Environment;

mod node_label;

/// How often the API server is asked for the label before the broker starts without a rack.
const TRIES: u32 = 5;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// The rack, if it is known.
///
/// The downward API gives a Node's topology labels as Pod labels where the cluster copies them; an empty value there
/// means that it does not. Unknown is not an error: a broker without a rack serves.
pub(crate) async fn of(environment: &Environment, config: &RunnerConfig) -> Option<String> {
    let named = |name: &str| {
        environment
            .all
            .get(name)
            .map(|value| value.trim().to_owned())
    };
    let rack = match config.rack.as_ref()? {
        RackSource::Environment { name } => named(name),
        RackSource::NodeLabel { key, credentials } => {
            let node = named(env::NODE_NAME).filter(|node| !node.is_empty())?;
            ask(environment, &node, key, credentials).await
        }
    };
    let rack = rack.filter(|value| !value.is_empty());
    if rack.is_none() {
        tracing::warn!("the rack of this broker is not known; it starts without one");
    }
    rack
}

async fn ask(
    environment: &Environment,
    node: &str,
    key: &str,
    credentials: &str,
) -> Option<String> {
    for attempt in 1..=TRIES {
        match node_label::read(environment, node, key, credentials).await {
            Ok(label) => return label,
            Err(error) => {
                tracing::warn!(%node, attempt, %error, "the Node's label cannot be read");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}
