//! What a kube-apiserver demands of the schemas in a `CustomResourceDefinition`, and the tree of one version.
//!
//! Reads the whole definition. Causes name paths from the definition's root, e.g.
//! `spec.versions[0].schema.openAPIV3Schema.properties[spec].type`.

use std::sync::Arc;

use serde_json::Value;

use super::builder::Builder;
use super::node::{Node, Object, Shape};
use super::rules::Rule;
use super::{builtin, text, validate};
use crate::failure::Cause;

/// The tree of a version, and whether it has a status endpoint.
pub(crate) fn root(crd: &Value, version: &str) -> Option<(Arc<Node>, bool)> {
    let versions = crd.pointer("/spec/versions")?.as_array()?;
    let version = versions
        .iter()
        .find(|v| v.get("name").and_then(Value::as_str) == Some(version))?;
    let empty = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = version.pointer("/schema/openAPIV3Schema").unwrap_or(&empty);
    let mut builder = Builder::default();
    let node = builder.node(schema);
    let status = version
        .pointer("/subresources/status")
        .is_some_and(Value::is_object);
    Some((Arc::new(with_metadata(&node)), status))
}

/// The same with `apiVersion`, `kind` and `metadata` as every object has them.
fn with_metadata(node: &Node) -> Node {
    let mut node = node.clone();
    if let Shape::Object(object) = &node.shape {
        let text = || Arc::new(Node::of(Shape::Scalar(super::node::Scalar::String)));
        let mut properties: Vec<(Box<str>, Arc<Node>)> = object
            .properties
            .iter()
            .filter(|(name, _)| !matches!(name.as_ref(), "apiVersion" | "kind" | "metadata"))
            .cloned()
            .collect();
        properties.push(("apiVersion".into(), text()));
        properties.push(("kind".into(), text()));
        properties.push(("metadata".into(), builtin::object_meta()));
        properties.sort_by(|a, b| a.0.cmp(&b.0));
        node.shape = Shape::Object(Object {
            properties: properties.into(),
            additional: object.additional.clone(),
            atomic: false,
        });
    }
    node
}

/// What is wrong with the schemas of a definition.
pub(crate) fn check(crd: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
    let schema = |version: &Value| version.get("schema").cloned();
    // A schema that all versions share is told of once, at the place it had before there were versions.
    let shared =
        versions.is_some_and(|all| all.windows(2).all(|two| schema(&two[0]) == schema(&two[1])));
    for (index, version) in versions.into_iter().flatten().enumerate() {
        if shared && index > 0 {
            break;
        }
        let at = if shared {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        let Some(schema) = version.pointer("/schema/openAPIV3Schema") else {
            let at = format!("spec.versions[{index}].schema.openAPIV3Schema");
            causes.push(Cause::required(at, ""));
            continue;
        };
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            let given = schema.get("type").and_then(Value::as_str).unwrap_or("");
            let rule = "must be object at the root";
            causes.push(if given.is_empty() {
                Cause::required(format!("{at}.type"), rule)
            } else {
                Cause {
                    reason: "FieldValueInvalid",
                    field: format!("{at}.type"),
                    message: format!("Invalid value: {}: {rule}", text::quote(given)),
                }
            });
        }
        node(schema, &at, Place::Root, &mut causes);
    }
    causes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The top of a version's schema.
    Root,
    /// A field, an item, a value of a map.
    Field,
    /// Inside `anyOf` and the like, where only rules on values may be.
    Logic,
    /// In an `anyOf` that spells out an int-or-string.
    IntOrString,
}

fn node(schema: &Value, at: &str, place: Place, causes: &mut Vec<Cause>) {
    match place {
        Place::Root => kind(schema, at, true, causes),
        Place::Field => kind(schema, at, false, causes),
        Place::Logic | Place::IntOrString => {
            for key in ["default", "additionalProperties", "nullable", "type"] {
                let spelled_out = key == "type" && place == Place::IntOrString;
                if schema.get(key).is_some() && !spelled_out {
                    let rule = "must be empty to be structural";
                    causes.push(Cause::forbidden(format!("{at}.{key}"), rule));
                }
            }
        }
    }
    bounds(schema, at, causes);
    list_type(schema, at, causes);
    default(schema, at, causes);
    for (index, rule) in Rule::all_of(schema).iter().enumerate() {
        if let Some(mistake) = rule.mistake() {
            let shown = schema
                .pointer(&format!("/x-kubernetes-validations/{index}"))
                .unwrap_or(&Value::Null);
            causes.push(Cause {
                reason: "FieldValueInvalid",
                field: format!("{at}.x-kubernetes-validations[{index}].rule"),
                message: format!("Invalid value: {shown}: compilation failed: {mistake}"),
            });
        }
    }
    children(schema, at, place, causes);
}

fn kind(schema: &Value, at: &str, root: bool, causes: &mut Vec<Cause>) {
    const KINDS: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("");
    let open = flag("x-kubernetes-int-or-string") || flag("x-kubernetes-preserve-unknown-fields");
    if kind.is_empty() && !open && !root {
        let noun = if at.rsplit('.').next() == Some("items") {
            "array items"
        } else {
            "object fields"
        };
        let rule = format!("must not be empty for specified {noun}");
        causes.push(Cause::required(format!("{at}.type"), &rule));
    }
    if !kind.is_empty() && !KINDS.contains(&kind) {
        causes.push(Cause::unsupported(
            format!("{at}.type"),
            &Value::from(kind),
            &KINDS,
        ));
    }
    if kind == "array" && schema.get("items").is_none() {
        causes.push(Cause::required(format!("{at}.items"), "must be specified"));
    }
}

fn bounds(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    if schema.get("uniqueItems").and_then(Value::as_bool) == Some(true) {
        let rule =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(format!("{at}.uniqueItems"), rule));
    }
    let additional = schema.get("additionalProperties");
    if schema.get("properties").is_some() && additional.is_some_and(|a| a != &Value::Bool(false)) {
        let rule = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{at}.additionalProperties"), rule));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && let Err(why) = regex::Regex::new(pattern)
    {
        let why = why.to_string();
        let why = why
            .lines()
            .last()
            .unwrap_or("")
            .trim_start_matches("error: ")
            .to_owned();
        let rule = format!("must be a valid regular expression, but isn't: {why}");
        causes.push(invalid(format!("{at}.pattern"), pattern, &rule));
    }
}

fn default(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(default) = schema.get("default") else {
        return;
    };
    let node = Builder::default().node(schema);
    for cause in validate::against(&node, default) {
        let below = cause.field.strip_prefix("<nil>").unwrap_or(&cause.field);
        let dot = if below.is_empty() { "" } else { "." };
        let field = format!("{at}.default{dot}{below}");
        // Of a default a wrong type is told as any wrong value is.
        causes.push(Cause {
            field,
            reason: "FieldValueInvalid",
            ..cause
        });
    }
}

fn invalid(field: String, value: &str, rule: &str) -> Cause {
    let message = format!("Invalid value: {}: {rule}", text::quote(value));
    Cause {
        reason: "FieldValueInvalid",
        field,
        message,
    }
}

fn children(schema: &Value, at: &str, place: Place, causes: &mut Vec<Cause>) {
    let below = match place {
        Place::Root | Place::Field => Place::Field,
        Place::Logic | Place::IntOrString => Place::Logic,
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        // The server has its own schema of these.
        let servers = matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
        if !(place == Place::Root && servers) {
            node(property, &format!("{at}.properties[{name}]"), below, causes);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
            node(inner, &format!("{at}.{key}"), below, causes);
        }
    }
    let either = schema.get("x-kubernetes-int-or-string").is_some() || place == Place::IntOrString;
    for key in ["allOf", "anyOf", "oneOf"] {
        let branches = schema.get(key).and_then(Value::as_array);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            let place = if either && key != "oneOf" {
                Place::IntOrString
            } else {
                Place::Logic
            };
            node(branch, &format!("{at}.{key}[{index}]"), place, causes);
        }
    }
    if let Some(not) = schema.get("not") {
        node(not, &format!("{at}.not"), Place::Logic, causes);
    }
}

fn list_type(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(given) = schema.get("x-kubernetes-list-type").and_then(Value::as_str) else {
        return;
    };
    let field = format!("{at}.x-kubernetes-list-type");
    if schema.get("type").and_then(Value::as_str) != Some("array") {
        causes.push(Cause {
            reason: "FieldValueInvalid",
            field: format!("{at}.type"),
            message: format!(
                "Invalid value: {}: must be array if x-kubernetes-list-type is specified",
                text::quote(schema.get("type").and_then(Value::as_str).unwrap_or(""))
            ),
        });
    }
    match given {
        "atomic" | "set" => {}
        "map" => {
            let keys = schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array);
            if keys.is_none_or(Vec::is_empty) {
                let rule = "must not be empty if x-kubernetes-list-type is map";
                causes.push(Cause::required(
                    format!("{at}.x-kubernetes-list-map-keys"),
                    rule,
                ));
            }
            for key in keys.into_iter().flatten().filter_map(Value::as_str) {
                let property = schema
                    .pointer("/items/properties")
                    .and_then(|all| all.get(key));
                let required = schema.pointer("/items/required").and_then(Value::as_array);
                let required = required.is_some_and(|all| all.iter().any(|name| name == key));
                let Some(property) = property else {
                    causes.push(Cause {
                        reason: "FieldValueInvalid",
                        field: format!("{at}.x-kubernetes-list-map-keys"),
                        message: format!(
                            "Invalid value: {}: entries must all be names of item properties",
                            text::quote(key)
                        ),
                    });
                    continue;
                };
                if !required && property.get("default").is_none() {
                    let rule = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                    causes.push(Cause::required(
                        format!("{at}.items.properties[{key}].default"),
                        rule,
                    ));
                }
            }
        }
        _ => causes.push(Cause::unsupported(
            field,
            &Value::from(given),
            &["atomic", "map", "set"],
        )),
    }
}
