//! Annotations of a Kafka and its pools that nothing reads: a typing error in one of them would change nothing, silently.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use resources::words;

use super::metadata_store::{
    METADATA_STORE, METADATA_STORE_CLASS, METADATA_STORE_REPLICAS, METADATA_STORE_SECRET,
    METADATA_STORE_SIZE,
};
use super::report::Report;
use super::{NEXT_NODE_IDS, RACK_THROUGH_NODE, REMOVE_NODE_IDS};
use crate::observed::identity::{
    ACCEPT_EMPTY_VOLUMES, CLAIMED_BY, IDENTITY, LAST_DISRUPTION, PAUSE_RECONCILIATION,
};
use crate::problem::WarningReason;

/// The prefix of our own.
const OURS: &str = "klamm.dev/";
/// The prefix of Strimzi's.
const STRIMZIS: &str = "strimzi.io/";

/// An annotation and what it does, in words.
type Known = (&'static str, &'static str);

/// Ours that users put on a Kafka.
const OF_KAFKA: [Known; 7] = [
    (
        ACCEPT_EMPTY_VOLUMES,
        "names, with commas, of volume claims that may be formatted though they were expected to hold data",
    ),
    (
        METADATA_STORE,
        "`zookeeper`, `etcd://…` or `etcds://…`: Kafka 3.9 with its metadata there; without it in KRaft",
    ),
    (
        METADATA_STORE_CLASS,
        "the storage class of the store's volumes",
    ),
    (
        METADATA_STORE_REPLICAS,
        "how many servers of ZooKeeper's protocol there are; 3 without it",
    ),
    (
        METADATA_STORE_SECRET,
        "the Secret with what an etcd that is there asks for",
    ),
    (
        METADATA_STORE_SIZE,
        "the size of each volume of the store; 8Gi without it",
    ),
    (
        RACK_THROUGH_NODE,
        "`true`: brokers read their rack from the labels of their Node",
    ),
];
/// Ours that the operator puts there.
const MEMORY: [&str; 3] = [CLAIMED_BY, IDENTITY, LAST_DISRUPTION];

/// Strimzi's that are acted on.
const STRIMZIS_OF_KAFKA: [Known; 1] = [(
    PAUSE_RECONCILIATION,
    "`true`: nothing is done until it is taken off",
)];
const STRIMZIS_OF_POOL: [Known; 2] = [
    (NEXT_NODE_IDS, "ids for new nodes, such as [0, 10-19]"),
    (REMOVE_NODE_IDS, "ids of nodes to remove first"),
];

/// Strimzi's that nothing acts on, and what to do instead.
const NOT_ACTED_ON: [(&str, &str); 5] = [
    (
        "strimzi.io/delete-pod-and-pvc",
        "to replace a node's disk, delete the volume claim and the Pod",
    ),
    (
        "strimzi.io/force-renew",
        "to renew a certificate authority, annotate the Secret of its certificate",
    ),
    (
        "strimzi.io/force-replace",
        "to replace the key of a certificate authority, annotate the Secret of the key",
    ),
    (
        "strimzi.io/manual-rolling-update",
        "to restart a node, delete its Pod",
    ),
    (
        "strimzi.io/skip-broker-scaledown-check",
        "the number of nodes of a running cluster is not changed yet",
    ),
];

/// All that users put on an object of this kind and that something comes of, each with what.
pub(crate) fn known(kind: &str) -> Vec<Known> {
    match kind {
        "Kafka" => [&OF_KAFKA[..], &STRIMZIS_OF_KAFKA].concat(),
        "KafkaNodePool" => STRIMZIS_OF_POOL.to_vec(),
        _ => Vec::new(),
    }
}

/// Warns of those of a Kafka.
pub(super) fn warn_of_kafka(metadata: &ObjectMeta, report: &mut Report) {
    warn(metadata, &OF_KAFKA, &STRIMZIS_OF_KAFKA, report);
    let pause = metadata
        .annotations
        .as_ref()
        .and_then(|map| map.get(PAUSE_RECONCILIATION));
    if let Some(value) = pause.filter(|value| {
        !["true", "false"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
    }) {
        let field = format!("metadata.annotations[\"{PAUSE_RECONCILIATION}\"]");
        let message = format!("is {value:?} and pauses nothing: only `true` does.");
        report.warn(WarningReason::FieldNotActedOn, &field, message);
    }
}

/// Whether users want the cluster left alone; in either case of letters, as with Strimzi.
pub(super) fn is_paused(metadata: &ObjectMeta) -> bool {
    let value = metadata
        .annotations
        .as_ref()
        .and_then(|map| map.get(PAUSE_RECONCILIATION));
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Warns of those of a KafkaNodePool.
pub(super) fn warn_of_pool(metadata: &ObjectMeta, report: &mut Report) {
    warn(metadata, &[], &STRIMZIS_OF_POOL, report);
    let annotations = metadata.annotations.as_ref();
    if annotations.is_some_and(|map| map.contains_key(PAUSE_RECONCILIATION)) {
        let field = format!("metadata.annotations[\"{PAUSE_RECONCILIATION}\"]");
        let message = "pauses nothing here: it belongs on the Kafka.";
        report.warn(WarningReason::FieldNotActedOn, &field, message);
    }
}

fn warn(metadata: &ObjectMeta, ours: &[Known], strimzis: &[Known], report: &mut Report) {
    for key in metadata.annotations.iter().flatten().map(|(key, _)| key) {
        let is_in = |list: &[Known]| list.iter().any(|(name, _)| name == key);
        let is_memory = MEMORY.contains(&key.as_str());
        if is_in(ours) || is_in(strimzis) || is_memory || is_in(&STRIMZIS_OF_KAFKA) {
            continue;
        }
        let field = format!("metadata.annotations[\"{key}\"]");
        let not_acted_on = NOT_ACTED_ON.iter().find(|(of, _)| of == key);
        if key.starts_with(OURS) {
            report.warn(WarningReason::UnknownFields, &field, unknown(key, ours));
        } else if let Some((_, instead)) = not_acted_on {
            let message = format!("is not acted on here: {instead}.");
            report.warn(WarningReason::FieldNotActedOn, &field, message);
        } else if key.starts_with(STRIMZIS) {
            // Strimzi's others mean nothing to it either, unless they were meant to be one that does.
            if let Some(nearest) = nearest(key, strimzis, STRIMZIS) {
                let message = format!("is not an annotation of Strimzi's; did you mean {nearest}?");
                report.warn(WarningReason::UnknownFields, &field, message);
            }
        }
    }
}

fn unknown(key: &str, ours: &[Known]) -> String {
    if OF_KAFKA.iter().any(|(name, _)| *name == key) {
        return "has no effect here: it belongs on the Kafka.".to_owned();
    }
    let known = if ours.is_empty() {
        "Klamm has none for this kind".to_owned()
    } else {
        let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
        format!("there are {}", names.join(", "))
    };
    let hint = nearest(key, ours, OURS).map_or_else(
        || ".".to_owned(),
        |nearest| format!("; did you mean {nearest}?"),
    );
    format!("has no effect: Klamm knows no such annotation; {known}{hint}")
}

/// By what stands behind the prefix, which all have in common.
fn nearest(key: &str, known: &[Known], prefix: &str) -> Option<&'static str> {
    let own = |key: &'static str| key.strip_prefix(prefix).unwrap_or(key);
    let names = known.iter().map(|(name, _)| own(name));
    let typed = key.strip_prefix(prefix).unwrap_or(key);
    let found = words::nearest(typed, names)?;
    let mut names = known.iter().map(|(name, _)| *name);
    names.find(|key| own(key) == found)
}
