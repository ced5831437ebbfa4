//! Fields that are accepted, because Strimzi has them, but that nothing acts on yet.
//!
//! Each of them puts a `Warning` on the resource that sets it: nothing is ignored silently. A row goes when its
//! field is acted on.

use serde::Serialize;
use serde_json::Value;

use super::report::Report;
use crate::problem::WarningReason;

/// Kind, path (`[]` for each item of a list), and what happens instead.
pub const FIELDS: [(&str, &str, &str); 7] = [
    (
        "Kafka",
        "spec.entityOperator",
        "topics and users of this cluster are not looked after yet",
    ),
    (
        "Kafka",
        "spec.cruiseControl",
        "partitions are not rebalanced yet",
    ),
    (
        "Kafka",
        "spec.kafkaExporter",
        "the exporter of consumer lag is not run yet",
    ),
    (
        "Kafka",
        "spec.maintenanceTimeWindows",
        "certificates are renewed at any time, as that restarts nothing",
    ),
    (
        "Kafka",
        "spec.kafka.brokerRackInitImage",
        "no init container looks up the rack: a Pod reads its own label",
    ),
    (
        "Kafka",
        "spec.kafka.template.podSet",
        "Klamm makes no StrimziPodSet",
    ),
    (
        "KafkaNodePool",
        "spec.template.podSet",
        "Klamm makes no StrimziPodSet",
    ),
];

/// Kinds that are accepted as a whole but that nothing acts on yet, and what that means.
pub const KINDS: [(&str, &str); 7] = [
    ("KafkaTopic", "topics are not made from it yet"),
    ("KafkaUser", "users are not made from it yet"),
    ("KafkaRebalance", "partitions are not rebalanced yet"),
    ("KafkaConnect", "Kafka Connect is not run yet"),
    ("KafkaConnector", "Kafka Connect is not run yet"),
    ("KafkaMirrorMaker2", "MirrorMaker is not run yet"),
    ("KafkaBridge", "the bridge is not run yet"),
];

/// Warns of every such field that `resource` sets.
pub(super) fn warn(kind: &str, resource: &impl Serialize, report: &mut Report) {
    let Ok(value) = serde_json::to_value(resource) else {
        return;
    };
    for (_, path, instead) in FIELDS.iter().filter(|(of, _, _)| *of == kind) {
        for field in set(&value, path) {
            report.warn(
                WarningReason::FieldNotActedOn,
                &field,
                format!("is accepted, but {instead}."),
            );
        }
    }
}

/// The places in `value` that `path` names and that hold something.
fn set(value: &Value, path: &str) -> Vec<String> {
    let mut places = vec![(String::new(), value)];
    for step in path.split('.') {
        let (name, each) = step
            .strip_suffix("[]")
            .map_or((step, false), |name| (name, true));
        places = places
            .into_iter()
            .filter_map(|(at, value)| Some((join(&at, name), value.get(name)?)))
            .flat_map(|(at, value)| match value.as_array() {
                Some(items) if each => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (format!("{at}[{index}]"), item))
                    .collect(),
                Some(_) | None => vec![(at, value)],
            })
            .filter(|(_, value)| !value.is_null())
            .collect();
    }
    places.into_iter().map(|(at, _)| at).collect()
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}
