//! Strimzi's example manifests.

use std::collections::BTreeMap;

use resources::{
    Kafka, KafkaBridge, KafkaConnect, KafkaConnector, KafkaMirrorMaker2, KafkaNodePool,
    KafkaRebalance, KafkaTopic, KafkaUser,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::shared::{strimzi, yaml_files};

/// Examples that Strimzi's own definitions refuse: files of this name below `metrics/` lack fields that they require.
const INVALID: &str = "kafka-connect-metrics.yaml";
const MISSING_THERE: [&str; 4] = [
    "spec.configStorageTopic",
    "spec.groupId",
    "spec.offsetStorageTopic",
    "spec.statusStorageTopic",
];

#[test]
fn every_example_of_strimzis_is_accepted_strictly_and_read_without_loss() {
    let Some(folder) = strimzi(
        "every_example_of_strimzis_is_accepted_strictly_and_read_without_loss",
        "examples",
    ) else {
        return;
    };
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for file in yaml_files(&folder) {
        let text = std::fs::read_to_string(&file).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        for document in documents {
            if document["apiVersion"] != "kafka.strimzi.io/v1" {
                continue;
            }
            let violations = resources::check(&document).expect("the group is ours");
            if file.ends_with(INVALID) && !violations.is_empty() {
                let paths: Vec<&str> = violations
                    .iter()
                    .map(|violation| violation.path.as_str())
                    .collect();
                assert_eq!(paths, MISSING_THERE);
                continue;
            }
            assert!(violations.is_empty(), "{}: {violations:#?}", file.display());
            let kind = document["kind"].as_str().unwrap().to_owned();
            let read = read(&kind, &document);
            assert_eq!(read, document, "{}", file.display());
            *kinds.entry(kind).or_default() += 1;
        }
    }
    assert_eq!(kinds.len(), 9, "every kind has an example: {kinds:?}");
}

fn read(kind: &str, document: &Value) -> Value {
    fn through<T: DeserializeOwned + Serialize>(document: &Value) -> Value {
        let typed: T = serde_json::from_value(document.clone()).unwrap();
        serde_json::to_value(typed).unwrap()
    }
    match kind {
        "Kafka" => through::<Kafka>(document),
        "KafkaNodePool" => through::<KafkaNodePool>(document),
        "KafkaTopic" => through::<KafkaTopic>(document),
        "KafkaUser" => through::<KafkaUser>(document),
        "KafkaConnect" => through::<KafkaConnect>(document),
        "KafkaConnector" => through::<KafkaConnector>(document),
        "KafkaMirrorMaker2" => through::<KafkaMirrorMaker2>(document),
        "KafkaBridge" => through::<KafkaBridge>(document),
        "KafkaRebalance" => through::<KafkaRebalance>(document),
        other => panic!("{other} is not a kind of ours"),
    }
}
