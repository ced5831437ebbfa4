//! From a Rust type to the structural schema that Kubernetes wants.
//!
//! What it does: asks schemars for the type's schema and brings it into Strimzi's dialect: an `Option`
//! is a field that may be absent (never `null`), a documented enum is a plain `enum`, a free map keeps
//! unknown fields, and no `format` or float bound appears.
//! What is not here: which types there are (`crds`) and what a document must satisfy (`check`).

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The structural schema of `T`.
pub(crate) fn structural<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    normalise(schema.to_value())
}

/// Brings a schema into the dialect.
pub(crate) fn normalise(schema: Value) -> Value {
    let Value::Object(mut map) = schema else {
        return schema;
    };
    merge_option(&mut map);
    merge_enum(&mut map);
    drop_null(&mut map);
    for noise in ["format", "title", "$schema", "nullable"] {
        map.remove(noise);
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    match map.remove("additionalProperties") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => {
            map.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
        }
        Some(values) => {
            map.insert("additionalProperties".into(), normalise(values));
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for property in properties.values_mut() {
            *property = normalise(property.take());
        }
    }
    if let Some(items) = map.get_mut("items") {
        *items = normalise(items.take());
    }
    Value::Object(map)
}

/// `anyOf: [X, null]` becomes X; what the field itself says (its description) wins over the type.
fn merge_option(map: &mut Map<String, Value>) {
    let Some([some, none]) = map
        .get("anyOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return;
    };
    if none.get("type").and_then(Value::as_str) != Some("null") {
        return;
    }
    let some = some.as_object().cloned().unwrap_or_default();
    map.remove("anyOf");
    for (key, value) in some {
        map.entry(key).or_insert(value);
    }
}

/// A documented enum comes as `oneOf` constants, each with its description.
fn merge_enum(map: &mut Map<String, Value>) {
    let Some(variants) = map.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let constants: Option<Vec<Value>> = variants
        .iter()
        .map(|variant| variant.get("const").cloned())
        .collect();
    if let Some(constants) = constants {
        map.remove("oneOf");
        map.insert("type".into(), "string".into());
        map.insert("enum".into(), constants.into());
    }
}

fn drop_null(map: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = map.get("type") else {
        return;
    };
    if let Some(one) = types
        .iter()
        .find(|name| name.as_str() != Some("null"))
        .cloned()
    {
        map.insert("type".into(), one);
    }
}
