//! The custom resource definitions that Klamm serves.
//!
//! What it does: hands out the definitions made from the types (`generate`), always the same bytes.
//! Invariants: Strimzi's kinds carry Strimzi's names, labels and schema (a test compares every leaf with
//! `facts/`); our own kinds are in our own group; what is committed is what the types give (a test).
//! What is not here: how they are made (`generate`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

const STRIMZI: &str = "kafka.strimzi.io";
const KLAMM: &str = "klamm.dev";

/// A definition as it is committed.
pub(crate) struct Definition {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) short: &'static str,
    text: &'static str,
}

/// All kinds, Strimzi's first.
pub(crate) const DEFINITIONS: [Definition; 10] = [
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "Kafka",
        plural: "kafkas",
        short: "k",
        text: include_str!("../crds/kafkas.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaNodePool",
        plural: "kafkanodepools",
        short: "knp",
        text: include_str!("../crds/kafkanodepools.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaTopic",
        plural: "kafkatopics",
        short: "kt",
        text: include_str!("../crds/kafkatopics.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaUser",
        plural: "kafkausers",
        short: "ku",
        text: include_str!("../crds/kafkausers.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaConnect",
        plural: "kafkaconnects",
        short: "kc",
        text: include_str!("../crds/kafkaconnects.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaConnector",
        plural: "kafkaconnectors",
        short: "kctr",
        text: include_str!("../crds/kafkaconnectors.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaMirrorMaker2",
        plural: "kafkamirrormaker2s",
        short: "kmm2",
        text: include_str!("../crds/kafkamirrormaker2s.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaBridge",
        plural: "kafkabridges",
        short: "kb",
        text: include_str!("../crds/kafkabridges.json"),
    },
    Definition {
        group: STRIMZI,
        version: "v1",
        kind: "KafkaRebalance",
        plural: "kafkarebalances",
        short: "kr",
        text: include_str!("../crds/kafkarebalances.json"),
    },
    Definition {
        group: KLAMM,
        version: "v1alpha1",
        kind: "KafkaPlan",
        plural: "kafkaplans",
        short: "kplan",
        text: include_str!("../crds/kafkaplans.json"),
    },
];

const METADATA: &str = include_str!("../crds/metadata.json");

impl Definition {
    /// The whole definition.
    pub(crate) fn whole(&self) -> Value {
        parsed(self.text)
    }

    /// The schema of a document of this kind, `metadata` included.
    pub(crate) fn schema(&self) -> Value {
        let mut whole = self.whole();
        let schema = whole.pointer_mut("/spec/versions/0/schema/openAPIV3Schema");
        let mut schema = schema.map(Value::take).unwrap_or_default();
        schema["properties"]["metadata"] = metadata_schema();
        schema
    }
}

/// The schema of `metadata`, of whatever kind.
pub(crate) fn metadata_schema() -> Value {
    parsed(METADATA)
}

/// Every definition, Strimzi's kinds first.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let typed = |crd| {
        serde_json::from_value(crd).expect("a committed definition is well formed, as a test says")
    };
    crds_json().into_iter().map(typed).collect()
}

/// The definitions as JSON.
pub fn crds_json() -> Vec<Value> {
    DEFINITIONS.iter().map(Definition::whole).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("what is committed is JSON, as a test says")
}
