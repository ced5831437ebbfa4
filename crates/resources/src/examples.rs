//! Examples that a schema cannot name by itself: of fields that people write by hand.

use crate::words::Words;

/// Path without positions in lists, and a value as one writes it there.
const EXAMPLES: [(&str, &str); 31] = [
    ("spec.jvmOptions", "{-Xms: 2g, -Xmx: 2g}"),
    (
        "spec.kafka",
        "{listeners: [{name: plain, port: 9092, type: internal, tls: false}]}",
    ),
    ("spec.kafka.authorization", "{type: simple}"),
    (
        "spec.kafka.config",
        "{default.replication.factor: 3, min.insync.replicas: 2}",
    ),
    ("spec.kafka.jvmOptions", "{-Xms: 2g, -Xmx: 2g}"),
    (
        "spec.kafka.listeners",
        "[{name: plain, port: 9092, type: internal, tls: false}]",
    ),
    (
        "spec.kafka.listeners.authentication",
        "{type: scram-sha-512}",
    ),
    ("spec.kafka.listeners.name", "plain"),
    ("spec.kafka.listeners.port", "9094"),
    (
        "spec.kafka.logging",
        "{type: inline, loggers: {rootLogger.level: INFO}}",
    ),
    ("spec.kafka.metadataVersion", "4.3-IV0"),
    (
        "spec.kafka.metricsConfig",
        "{type: jmxPrometheusExporter, valueFrom: {configMapKeyRef: {name: kafka-metrics, key: config.yml}}}",
    ),
    (
        "spec.kafka.rack",
        "{topologyKey: topology.kubernetes.io/zone}",
    ),
    ("spec.kafka.rack.topologyKey", "topology.kubernetes.io/zone"),
    ("spec.kafka.version", "4.3.1"),
    ("spec.partitions", "12"),
    ("spec.replicas", "3"),
    (
        "spec.resources",
        "{requests: {cpu: 500m, memory: 4Gi}, limits: {memory: 4Gi}}",
    ),
    ("spec.roles", "[broker]"),
    (
        "spec.storage",
        "{type: jbod, volumes: [{id: 0, type: persistent-claim, size: 100Gi}]}",
    ),
    ("spec.storage.class", "standard"),
    ("spec.storage.size", "100Gi"),
    ("spec.storage.type", "persistent-claim"),
    (
        "spec.storage.volumes",
        "[{id: 0, type: persistent-claim, size: 100Gi}]",
    ),
    ("spec.storage.volumes.class", "standard"),
    ("spec.storage.volumes.id", "0"),
    ("spec.storage.volumes.size", "100Gi"),
    ("spec.storage.volumes.type", "persistent-claim"),
    ("spec.tasksMax", "2"),
    (
        "spec.kafka.template",
        "{pod: {metadata: {labels: {team: payments}}}}",
    ),
    ("spec.topicName", "orders"),
];

/// The words with the example of this very field, where there is one.
pub fn with_example_of(path: &str, words: Words) -> Words {
    let path = without_positions(path);
    match EXAMPLES.iter().find(|(field, _)| *field == path) {
        Some((_, example)) => Words {
            example: (*example).to_owned(),
            ..words
        },
        None => words,
    }
}

/// `a.b[1].c` as `a.b.c`.
fn without_positions(path: &str) -> String {
    let mut parts = path.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::check::check_value;
    use crate::crds::DEFINITIONS;

    /// In every kind that has the field.
    #[test]
    fn every_example_is_of_a_field_and_allowed_there() {
        for (field, example) in EXAMPLES {
            let value: Value = serde_saphyr::from_str(example).unwrap();
            let mut kinds = 0;
            for definition in &DEFINITIONS {
                let mut at = definition.schema();
                for step in field.split('.') {
                    if at["items"].is_object() {
                        at = at["items"].take();
                    }
                    at = at["properties"][step].take();
                }
                if at.is_object() {
                    kinds += 1;
                    let violations = check_value(field, &at, &value);
                    assert_eq!(violations, [], "{} {field}: {example}", definition.kind);
                }
            }
            assert!(kinds > 0, "{field}: {example}");
        }
    }

    #[test]
    fn a_position_in_a_list_makes_no_difference() {
        let words = with_example_of("spec.kafka.listeners[2].port", Words::default());
        assert_eq!(words.example, "9094");
    }
}
