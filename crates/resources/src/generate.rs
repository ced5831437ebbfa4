//! Makes the custom resource definitions from the types.
//!
//! Runs in tests only: what programs use is what it made, committed (`crds/`), because making it takes tens of
//! megabytes for a moment. `UPDATE_EXPECT=1 cargo test -p resources` writes it anew.
//! What is not here: the fields (one file for each noun) and the rules that no schema can express (`model`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, CustomResourceValidation, JSONSchemaProps,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{CustomResourceExt, core::object::HasSpec, core::object::HasStatus};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::core_schema::core;
use crate::schema::{normalise, structural};
use crate::{
    Kafka, KafkaBridge, KafkaConnect, KafkaConnector, KafkaMirrorMaker2, KafkaNodePool, KafkaPlan,
    KafkaRebalance, KafkaTopic, KafkaUser,
};

/// Every definition, Strimzi's kinds first; whole numbers are written as such.
pub fn definitions() -> Vec<Value> {
    let definitions = [
        strimzi::<Kafka>(),
        strimzi::<KafkaNodePool>(),
        strimzi::<KafkaTopic>(),
        strimzi::<KafkaUser>(),
        strimzi::<KafkaConnect>(),
        strimzi::<KafkaConnector>(),
        strimzi::<KafkaMirrorMaker2>(),
        strimzi::<KafkaBridge>(),
        strimzi::<KafkaRebalance>(),
        definition::<KafkaPlan>(),
    ];
    definitions
        .iter()
        .map(|crd| whole_numbers(serde_json::to_value(crd).expect("a definition is plain data")))
        .collect()
}

fn strimzi<K>() -> CustomResourceDefinition
where
    K: CustomResourceExt + HasSpec + HasStatus,
    K::Spec: JsonSchema,
    K::Status: JsonSchema,
{
    let mut crd = definition::<K>();
    crd.metadata.labels = Some(
        [("app", "strimzi"), ("strimzi.io/crd-install", "true")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    crd
}

fn definition<K>() -> CustomResourceDefinition
where
    K: CustomResourceExt + HasSpec + HasStatus,
    K::Spec: JsonSchema,
    K::Status: JsonSchema,
{
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of the API that this object is written in."},
            "kind": {"type": "string", "description": "The kind of this object."},
            "metadata": {"type": "object"},
            "spec": with_description(structural::<K::Spec>(), "What is asked for."),
            "status": with_description(structural::<K::Status>(), "What is known."),
        },
    });
    let mut crd = K::crd();
    crd.spec.conversion = Some(CustomResourceConversion {
        strategy: "None".into(),
        webhook: None,
    });
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        let schema: JSONSchemaProps = serde_json::from_value(schema.clone())
            .expect("schemas made from types are well formed");
        version.schema = Some(CustomResourceValidation {
            open_api_v3_schema: Some(schema),
        });
    }
    crd
}

/// The schema of `metadata`, which definitions leave to the API server.
pub fn metadata() -> Value {
    let generator = &mut schemars::SchemaGenerator::default();
    normalise(core::<ObjectMeta>(generator).to_value())
}

fn with_description(mut schema: Value, text: &str) -> Value {
    schema["description"] = text.into();
    schema
}

/// Kubernetes' types hold bounds as floats; a definition reads better with `1` than with `1.0`.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "bounds of fields are small whole numbers"
            )]
            Some(float) if number.is_f64() && float.fract() == 0.0 => Value::from(float as i64),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, whole_numbers(value)))
            .collect(),
        other @ (Value::Null | Value::Bool(_) | Value::String(_)) => other,
    }
}
