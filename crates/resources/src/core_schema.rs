//! Schemas of Kubernetes' own types inside our resources.
//!
//! The API server checks these types again when a Pod is made, so that here only names and types of
//! fields matter, as in Strimzi's definitions: no descriptions (they would make the definitions too
//! large to apply), nothing required, no formats. Fields that Strimzi's definitions lack are left out,
//! so that both accept the same manifests.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Fields of Kubernetes' types that are not part of Strimzi's definitions: (parent, field).
///
/// The parent is the nearest property above the field.
const LEFT_OUT: [(&str, &str); 0] = [];

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
                    .filter(|(name, _)| !LEFT_OUT.contains(&(parent, name.as_str())))
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
