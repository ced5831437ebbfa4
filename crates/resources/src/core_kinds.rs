//! What a ConfigMap and a Secret must satisfy: kinds of Kubernetes' that stand beside ours in nearly every manifest.
//!
//! What it does: finds what the API server would refuse of them, so that it is told with everything else and before
//! anything is applied. Invariant: no value of a Secret is in what is told.
//! What is not here: other kinds of Kubernetes', of which only `metadata` is known.

use serde_json::{Map, Value, json};

use crate::check::{Violation, ViolationKind, Walk, names};
use crate::crds::metadata_schema;
use crate::words;

#[cfg(test)]
mod tests;

/// What a map in one of them holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Base64,
}

/// Every violation of a ConfigMap or Secret; `None` for any other kind.
pub(crate) fn check(document: &Value) -> Option<Vec<Violation>> {
    if document["apiVersion"] != "v1" {
        return None;
    }
    let (maps, more) = match document["kind"].as_str()? {
        "ConfigMap" => (
            [("data", Holds::Text), ("binaryData", Holds::Base64)],
            json!({}),
        ),
        "Secret" => (
            [("data", Holds::Base64), ("stringData", Holds::Text)],
            json!({"type": {"type": "string"}}),
        ),
        _ => return None,
    };
    let is_secret = document["kind"] == "Secret";
    let mut properties = json!({
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": metadata_schema(),
        "immutable": {"type": "boolean"},
    });
    for (name, schema) in more.as_object().into_iter().flatten() {
        properties[name] = schema.clone();
    }
    for (name, _) in maps {
        let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        properties[name] = anything;
    }
    let schema = json!({"type": "object", "properties": properties});
    let mut violations = Vec::new();
    Walk {
        violations: &mut violations,
    }
    .value("", &schema, document);
    if is_secret {
        // Whatever stands in a wrong place may be a value.
        let about_values = |violation: &&mut Violation| {
            let first = violation.path.split(['.', '[']).next();
            !matches!(first, Some("metadata" | "immutable" | "type"))
        };
        for violation in violations.iter_mut().filter(about_values) {
            "what is not shown".clone_into(&mut violation.given);
        }
    }
    for (name, holds) in maps {
        if let Value::Object(map) = &document[name] {
            entries(name, map, holds, is_secret, &mut violations);
        }
    }
    names(document, &mut violations);
    violations.sort();
    Some(violations)
}

/// What is wrong with `metadata`, whatever the kind.
pub fn check_metadata(document: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    if !document["metadata"].is_null() {
        Walk {
            violations: &mut violations,
        }
        .value("metadata", &metadata_schema(), &document["metadata"]);
    }
    violations
}

fn entries(
    field: &str,
    map: &Map<String, Value>,
    holds: Holds,
    is_secret: bool,
    violations: &mut Vec<Violation>,
) {
    for (key, value) in map {
        let path = words::join(field, key);
        if !is_key(key) {
            violations.push(Violation {
                path: path.clone(),
                kind: ViolationKind::InvalidValue,
                given: format!("the key {key:?}"),
                allowed: "a key of letters, digits, `-`, `_` and `.`, at most 253 characters"
                    .to_owned(),
                example: "my-file.properties".to_owned(),
            });
        }
        let given = match (value, holds) {
            (Value::Null, _) | (Value::String(_), Holds::Text) => continue,
            (Value::String(text), Holds::Base64) if is_base64(text) => continue,
            (Value::String(_), Holds::Base64) if is_secret => "text that is no base64".to_owned(),
            (Value::Number(_), _) if is_secret => "a number".to_owned(),
            (Value::Bool(_), _) if is_secret => "a truth value".to_owned(),
            (Value::Array(_), _) if is_secret => "a list".to_owned(),
            (Value::Object(_), _) if is_secret => "a map".to_owned(),
            _ => words::given(value),
        };
        let (allowed, example) = match (holds, is_secret) {
            (Holds::Text, _) => ("text", "\"1\""),
            (Holds::Base64, true) => (
                "text in base64 (stringData takes it as it is)",
                "cGFzc3dvcmQ=",
            ),
            (Holds::Base64, false) => ("text in base64 (data takes it as it is)", "AAECAw=="),
        };
        let quotes = match value {
            Value::Number(_) => ", in quotes where YAML would read a number",
            Value::Bool(_) => ", in quotes where YAML would read a truth value",
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => "",
        };
        let scalar = value.is_number() || value.is_boolean();
        let example = if scalar && holds == Holds::Text && !is_secret {
            format!("{given:?}")
        } else {
            example.to_owned()
        };
        violations.push(Violation {
            path,
            kind: ViolationKind::InvalidValue,
            given,
            allowed: format!("{allowed}{quotes}"),
            example,
        });
    }
}

fn is_key(key: &str) -> bool {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    (1..=253).contains(&key.len())
        && key.chars().all(is_allowed)
        && key != "."
        && !key.starts_with("..")
}

/// As Kubernetes reads it: line breaks count for nothing.
fn is_base64(text: &str) -> bool {
    let text: Vec<u8> = text
        .bytes()
        .filter(|byte| !b"\r\n".contains(byte))
        .collect();
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let digits = text.len().saturating_sub(padding);
    text.len().is_multiple_of(4) && padding <= 2 && text.iter().take(digits).all(is_digit)
}
