//! Schemas of Kubernetes' own types inside our resources.
//!
//! The API server checks these types again when a Pod is made, so that here only names and types of
//! fields matter, as in Strimzi's definitions: no descriptions (they would make the definitions too
//! large to apply), nothing required, no formats. Fields that Strimzi's definitions lack are left out,
//! so that both accept the same manifests.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Fields that newer versions of Kubernetes' types have, and Strimzi's definitions have not.
const LEFT_OUT: [&str; 2] = ["bindMountOptions", "defaultUser"];

/// The same, in the items of a Secret or ConfigMap volume (elsewhere, `user` belongs to SE Linux).
const LEFT_OUT_OF_ITEMS: &str = "user";

/// The schema of `T`, names and types only.
pub(crate) fn core<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let full = T::json_schema(generator).to_value();
    object(&bare(&full, ""))
}

/// The schema of a list of `T`, names and types only.
pub(crate) fn core_list<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let items = core::<T>(generator).to_value();
    object(&serde_json::json!({"type": "array", "items": items}))
}

fn object(schema: &Value) -> Schema {
    schema.as_object().cloned().unwrap_or_default().into()
}

fn bare(schema: &Value, parent: &str) -> Value {
    let mut out = Map::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        match key.as_str() {
            "type" => {
                out.insert(key.clone(), value.clone());
            }
            "properties" => {
                let kept = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
                    .filter(|(name, _)| (parent, name.as_str()) != ("items", LEFT_OUT_OF_ITEMS))
                    .map(|(name, child)| (name.clone(), bare(child, name)));
                out.insert(key.clone(), kept.collect::<Map<_, _>>().into());
            }
            "items" | "additionalProperties" => {
                out.insert(key.clone(), bare(value, parent));
            }
            _ => {}
        }
    }
    Value::Object(out)
}
