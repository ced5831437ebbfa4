//! The `ConfigMap` of a node: everything its Pod reads that is not secret.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use model::desired::{Metrics, Node, Pool};
use model::runner::RUNNER_CONFIG_KEY;

use crate::broker_properties;
use crate::facts::{Input, NodeFacts};
use crate::labels::{self, Map};
use crate::logging;
use crate::metrics;
use crate::revision;
use crate::runner;

/// Key of Kafka's properties.
pub const SERVER_CONFIG: &str = "server.config";
/// Key of the cluster id.
pub const CLUSTER_ID: &str = "cluster.id";
/// Key of the metadata version.
pub const METADATA_VERSION: &str = "metadata.version";

/// `<pod>`.
pub fn render(input: &Input<'_>, pool: &Pool, node: &Node, facts: &NodeFacts) -> ConfigMap {
    let cluster = input.cluster;
    let pod = node.pod_name(&cluster.name);
    let mut labels = labels::node_labels(cluster, Some(pool), node);
    labels.insert("strimzi.io/pod-name".to_owned(), pod.clone());
    let hash = revision::of(input, pool, node).configuration_hash();
    let runner = runner::render(input, pool, node, facts, hash);
    let runner = serde_json::to_string_pretty(&runner)
        .expect("numbers in it are finite and keys are strings");
    let mut data = BTreeMap::from([
        (
            SERVER_CONFIG.to_owned(),
            broker_properties::render(input, pool, node),
        ),
        (
            CLUSTER_ID.to_owned(),
            input.facts.identity.cluster_id.clone(),
        ),
        (RUNNER_CONFIG_KEY.to_owned(), runner),
    ]);
    let (key, text) = logging::file(cluster, input.facts.logging.as_deref());
    data.insert(key.to_owned(), text);
    if !cluster.metadata_store.speaks_zookeeper() {
        data.insert(
            METADATA_VERSION.to_owned(),
            cluster.metadata_version.to_string(),
        );
    }
    if let (Metrics::JmxExporter(_), Some(yaml)) = (&cluster.metrics, &input.facts.metrics) {
        // What is not YAML is shown to the exporter as it is; its complaint is clearer than a missing file.
        data.insert(
            metrics::KEY.to_owned(),
            metrics::render(yaml).unwrap_or_else(|_| yaml.clone()),
        );
    }
    ConfigMap {
        metadata: labels::metadata(input, pod, labels, Map::new()),
        data: Some(data),
        ..ConfigMap::default()
    }
}
