//! Whether an applied configuration fits the schema. Unlike other writes it is not pruned: what does not fit is refused.
//!
//! Reads the schema and the configuration. The words are those of Kubernetes' merge library.

use serde_json::Value;

use super::fields::item_step;
use crate::schema::Schema;
use crate::schema::node::{Array, ListType, Node, Scalar, Shape};

/// What does not fit, as one sentence.
pub(crate) fn check(schema: &Schema, applied: &Value) -> Result<(), String> {
    let mut mistakes = Vec::new();
    value(schema.root(), applied, "", &mut mistakes);
    let told = match mistakes.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    Err(format!(
        "failed to create typed patch object ({}): {told}",
        identity(schema, applied)
    ))
}

/// `default/web; apps/v1, Kind=Deployment`: an object in such a sentence. The core group is the empty one.
fn identity(schema: &Schema, object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or("");
    let version = schema.api_version();
    let slash = if version.contains('/') { "" } else { "/" };
    format!(
        "{}/{}; {slash}{version}, Kind={}",
        text("namespace"),
        text("name"),
        schema.kind()
    )
}

fn value(node: &Node, given: &Value, at: &str, mistakes: &mut Vec<String>) {
    let wanted = match (&node.shape, given) {
        (_, Value::Null) | (Shape::Any, _) => return,
        (Shape::Object(object), Value::Object(map)) => {
            for (name, item) in map {
                let below = format!("{at}.{name}");
                let Some(inner) = object.property(name).or(object.additional.as_ref()) else {
                    mistakes.push(format!("{below}: field not declared in schema"));
                    // The library stops looking at an object here.
                    return;
                };
                value(inner, item, &below, mistakes);
            }
            return;
        }
        (Shape::Array(array), Value::Array(items)) => return list(array, items, at, mistakes),
        (Shape::Object(_), _) => format!("expected map, got &{{{}}}", shown(given)),
        (Shape::Array(_), _) => format!("expected list, got &{{{}}}", shown(given)),
        (Shape::Scalar(Scalar::String), _) if !given.is_string() => {
            format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                shown(given)
            )
        }
        (Shape::Scalar(Scalar::Integer | Scalar::Number), _) if !given.is_number() => {
            format!("expected numeric (int or float), got {}", go_type(given))
        }
        (Shape::Scalar(Scalar::Boolean), _) if !given.is_boolean() => {
            format!("expected boolean, got &{{{}}}", shown(given))
        }
        (
            Shape::Scalar(Scalar::IntOrString | Scalar::Quantity),
            Value::Array(_) | Value::Object(_),
        ) => format!("expected any scalar, got &{{{}}}", shown(given)),
        (Shape::Scalar(_), _) => return,
    };
    mistakes.push(if at.is_empty() {
        wanted
    } else {
        format!("{at}: {wanted}")
    });
}

fn list(array: &Array, items: &[Value], at: &str, mistakes: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if array.list == ListType::Atomic {
            value(&array.items, item, &format!("{at}[{index}]"), mistakes);
            continue;
        }
        match item_step(array, item) {
            Ok(step) => {
                if seen.contains(&step) {
                    mistakes.push(format!("{at}: duplicate entries for key {step}"));
                }
                value(&array.items, item, &format!("{at}{step}"), mistakes);
                seen.push(step);
            }
            Err(why) => {
                mistakes.push(format!("{at}: element {index}: {why}"));
                return;
            }
        }
    }
}

/// A value as Go's `%v` prints it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(name, item)| format!("{name}:{}", shown(item)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
