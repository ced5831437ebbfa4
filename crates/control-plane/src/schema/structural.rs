//! What a kube-apiserver demands of the schemas in a CustomResourceDefinition, and the tree of one version.
//!
//! Reads the whole definition. Causes name paths from the definition's root, e.g.
//! `spec.versions[0].schema.openAPIV3Schema.properties[spec].type`.

use std::sync::Arc;

use serde_json::Value;

use super::builder::Builder;
use super::node::{Node, Object, Shape};
use super::rules::Rule;
use super::{builtin, text};
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
    for (index, version) in versions.into_iter().flatten().enumerate() {
        let at = format!("spec.versions[{index}].schema.openAPIV3Schema");
        let Some(schema) = version.pointer("/schema/openAPIV3Schema") else {
            let rule = "schemas are required";
            causes.push(Cause::required(at, rule));
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
        node(
            schema,
            &at,
            Place {
                root: true,
                logic: false,
            },
            &mut causes,
        );
    }
    causes
}

#[derive(Clone, Copy)]
struct Place {
    root: bool,
    /// Inside `anyOf` and the like, where only value rules may be.
    logic: bool,
}

fn node(schema: &Value, at: &str, place: Place, causes: &mut Vec<Cause>) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or("");
    let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
    let kind = text("type");
    let below = Place {
        root: false,
        ..place
    };
    if place.logic {
        for key in [
            "description",
            "default",
            "additionalProperties",
            "nullable",
            "type",
        ] {
            if schema.get(key).is_some()
                && !(key == "type" && flag("x-kubernetes-int-or-string"))
                && key != "description"
            {
                let allowed = key == "type"
                    && at
                        .rsplit('.')
                        .next()
                        .is_some_and(|last| last.starts_with("anyOf"));
                if !allowed {
                    causes.push(Cause::forbidden(
                        format!("{at}.{key}"),
                        "must be empty to be structural",
                    ));
                }
            }
        }
    } else if kind.is_empty()
        && !flag("x-kubernetes-int-or-string")
        && !flag("x-kubernetes-preserve-unknown-fields")
    {
        if !place.root {
            let rule = "must not be empty for specified object fields";
            let rule = if at.ends_with(".items") {
                "must not be empty for specified array items"
            } else {
                rule
            };
            causes.push(Cause::required(format!("{at}.type"), rule));
        }
    } else if !kind.is_empty()
        && !["object", "array", "string", "integer", "number", "boolean"].contains(&kind)
    {
        let supported = ["array", "boolean", "integer", "number", "object", "string"];
        causes.push(Cause::unsupported(
            format!("{at}.type"),
            &Value::from(kind),
            &supported,
        ));
    }
    if flag("uniqueItems") {
        let rule =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(format!("{at}.uniqueItems"), rule));
    }
    if schema.get("properties").is_some()
        && schema
            .get("additionalProperties")
            .is_some_and(|a| a != &Value::Bool(false))
    {
        let rule = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{at}.additionalProperties"), rule));
    }
    if kind == "array" && schema.get("items").is_none() && !place.logic {
        causes.push(Cause::required(format!("{at}.items"), "must be specified"));
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
        causes.push(Cause {
            reason: "FieldValueInvalid",
            field: format!("{at}.pattern"),
            message: format!(
                "Invalid value: {}: must be a valid regular expression, but isn't: {why}",
                text::quote(pattern)
            ),
        });
    }
    list_type(schema, at, causes);
    for (index, rule) in Rule::all_of(schema).iter().enumerate() {
        if let Some(mistake) = rule.mistake() {
            causes.push(Cause {
                reason: "FieldValueInvalid",
                field: format!("{at}.x-kubernetes-validations[{index}].rule"),
                message: format!("Invalid value: {rule:?}: compilation failed: {mistake}"),
            });
        }
    }
    children(schema, at, below, causes);
}

fn children(schema: &Value, at: &str, below: Place, causes: &mut Vec<Cause>) {
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        // The server has its own schema of these.
        let given = below.logic
            || !matches!(name.as_str(), "apiVersion" | "kind" | "metadata")
            || at.contains(".properties[");
        if given {
            node(property, &format!("{at}.properties[{name}]"), below, causes);
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        node(items, &format!("{at}.items"), below, causes);
    }
    if let Some(additional) = schema.get("additionalProperties").filter(|a| a.is_object()) {
        node(
            additional,
            &format!("{at}.additionalProperties"),
            below,
            causes,
        );
    }
    let logic = Place {
        root: false,
        logic: true,
    };
    for key in ["allOf", "anyOf", "oneOf"] {
        for (index, branch) in schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            node(branch, &format!("{at}.{key}[{index}]"), logic, causes);
        }
    }
    if let Some(not) = schema.get("not") {
        node(not, &format!("{at}.not"), logic, causes);
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
