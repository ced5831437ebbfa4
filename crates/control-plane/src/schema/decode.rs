//! Makes a body typed: types of built-in fields checked, unknown fields told and dropped, schema defaults filled in.
//!
//! Reads a schema and an object. What a kube-apiserver's decoder does between the bytes and the object:
//! built-in kinds (and all `metadata`) are Go structs there, so nulls, empty lists and empty maps vanish, some fields
//! are there even when empty, and a wrong type is a decoding error; custom resources keep what their schema preserves, and wrong types are left to
//! [`super::validate`].
//!
//! Invariant: decoding what was decoded changes nothing.

use serde_json::{Map, Value};

use super::node::{Node, Object, Scalar, Shape};
use super::path::Path;
use super::{Defaults, FieldValidation, Schema, builtin, text};

/// Why a body is no object of the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// Unknown fields, refused: `unknown field "spec.foo"` each.
    Unknown(Vec<String>),
    /// A sentence.
    Malformed(String),
}

/// Checks and completes a body; the warnings are Kubernetes' sentences.
pub(crate) fn decode(
    schema: &Schema,
    object: &mut Value,
    validation: FieldValidation,
    defaults: Defaults,
) -> Result<Vec<String>, DecodeError> {
    if !object.is_object() {
        let kind = schema.kind();
        let told = format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: ",
            schema.version
        );
        let word = json_word(object);
        return Err(DecodeError::Malformed(format!(
            "{told}json: cannot unmarshal {word} into Go value of type {kind}"
        )));
    }
    if defaults == Defaults::Skip {
        return applied(schema, object).map(|()| Vec::new());
    }
    let mut decoding = Decoding {
        unknown: Vec::new(),
        mistyped: None,
    };
    let at = Path::root();
    if schema.is_custom() {
        decoding.resource(schema.root(), object, &at);
    } else {
        decoding.typed(schema.root(), object, &at, "");
    }
    if let Some(mistyped) = decoding.mistyped {
        let kind = schema.kind();
        let version = &schema.version;
        return Err(DecodeError::Malformed(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {mistyped}"
        )));
    }
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(decoding.unknown),
        FieldValidation::Strict if decoding.unknown.is_empty() => Ok(Vec::new()),
        FieldValidation::Strict => Err(DecodeError::Unknown(decoding.unknown)),
    }
}

struct Decoding {
    unknown: Vec<String>,
    mistyped: Option<String>,
}

impl Decoding {
    /// The top of a custom resource, or of an object embedded in one.
    fn resource(&mut self, node: &Node, object: &mut Value, at: &Path) {
        if let Some(metadata) = object
            .get_mut("metadata")
            .filter(|metadata| metadata.is_object())
        {
            let meta = builtin::object_meta();
            self.typed(&meta, metadata, &at.field("metadata"), "metadata");
        }
        self.custom(node, object, at, true);
    }

    fn custom(&mut self, node: &Node, value: &mut Value, at: &Path, top: bool) {
        match (&node.shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                self.custom_object(node, object, map, at, top)
            }
            (Shape::Array(array), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.custom_item(&array.items, item, &at.index(index));
                }
            }
            _ => {}
        }
    }

    fn custom_item(&mut self, node: &Node, item: &mut Value, at: &Path) {
        if node.embedded && item.is_object() {
            self.resource(node, item, at);
        } else {
            self.custom(node, item, at, false);
        }
    }

    fn custom_object(
        &mut self,
        node: &Node,
        object: &Object,
        map: &mut Map<String, Value>,
        at: &Path,
        top: bool,
    ) {
        let whole = top || node.embedded;
        let unknown: Vec<String> = map
            .keys()
            .filter(|key| {
                object.property(key).is_none()
                    && object.additional.is_none()
                    && !node.preserve_unknown
            })
            .filter(|key| !(whole && matches!(key.as_str(), "apiVersion" | "kind" | "metadata")))
            .cloned()
            .collect();
        for key in unknown {
            self.unknown.push(format!(
                "unknown field {}",
                text::quote(&at.field(&key).to_string())
            ));
            map.remove(&key);
        }
        for (name, property) in &object.properties {
            if whole && name.as_ref() == "metadata" {
                continue;
            }
            if let Some(default) = &property.default {
                let missing = match map.get(name.as_ref()) {
                    None => true,
                    Some(given) => given.is_null() && !property.nullable,
                };
                if missing {
                    map.insert(name.to_string(), default.as_ref().clone());
                }
            }
        }
        for (key, item) in map.iter_mut() {
            if whole && key == "metadata" {
                continue;
            }
            if let Some(property) = object.property(key) {
                self.custom_item(property, item, &at.field(key));
            } else if let Some(additional) = &object.additional {
                // A default of `additionalProperties` stands in for null alone.
                if item.is_null()
                    && !additional.nullable
                    && let Some(default) = &additional.default
                {
                    *item = default.as_ref().clone();
                }
                self.custom_item(additional, item, &at.field(key));
            }
        }
    }

    /// A value of a built-in type. `dotted` is the path as Go's decoder tells it, without indices.
    fn typed(&mut self, node: &Node, value: &mut Value, at: &Path, dotted: &str) {
        match (&node.shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                self.typed_object(node, object, map, at, dotted)
            }
            (Shape::Array(array), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.checked(node, &array.items, item, &at.index(index), dotted);
                }
            }
            _ => {}
        }
    }

    fn typed_object(
        &mut self,
        node: &Node,
        object: &Object,
        map: &mut Map<String, Value>,
        at: &Path,
        dotted: &str,
    ) {
        let open = node.preserve_unknown || object.additional.is_some();
        let always = node.definition.as_deref().map_or(&[][..], builtin::always);
        let unknown: Vec<String> = map
            .keys()
            .filter(|key| object.property(key).is_none() && !open)
            .cloned()
            .collect();
        for key in unknown {
            // Go's decoder matches names in any case; Kubernetes' does not.
            self.unknown.push(format!(
                "unknown field {}",
                text::quote(&at.field(&key).to_string())
            ));
            map.remove(&key);
        }
        let names: Vec<String> = map.keys().cloned().collect();
        for name in names {
            let Some(inner) = node.field(&name) else {
                continue;
            };
            let below = if dotted.is_empty() {
                name.clone()
            } else {
                format!("{dotted}.{name}")
            };
            let declared = object.property(&name).is_some();
            let Some(item) = map.get_mut(&name) else {
                continue;
            };
            self.checked(node, inner, item, &at.field(&name), &below);
            if declared && vanishes(inner, item) && !always.iter().any(|(field, _)| *field == name)
            {
                map.remove(&name);
            }
        }
        for (name, empty) in always {
            let inner = object.property(name);
            if let Some(inner) = inner
                && map
                    .get(*name)
                    .is_none_or(|given| given.is_null() && !empty.is_null())
            {
                let mut value = empty.clone();
                self.typed(inner, &mut value, at, dotted);
                map.insert((*name).to_owned(), value);
            }
        }
    }

    fn checked(&mut self, parent: &Node, node: &Node, value: &mut Value, at: &Path, dotted: &str) {
        if value.is_null() {
            return;
        }
        let fits = match &node.shape {
            Shape::Any => true,
            Shape::Object(_) => value.is_object(),
            Shape::Array(_) => value.is_array(),
            Shape::Scalar(Scalar::String) => value.is_string(),
            Shape::Scalar(Scalar::Integer) => value.is_i64() || value.is_u64(),
            Shape::Scalar(Scalar::Number) => value.is_number(),
            Shape::Scalar(Scalar::Boolean) => value.is_boolean(),
            Shape::Scalar(Scalar::IntOrString | Scalar::Quantity) => {
                value.is_string() || value.is_number()
            }
        };
        if !fits {
            let parent = parent
                .type_name()
                .map_or_else(String::new, |name| format!("struct field {name}."));
            let word = json_word(value);
            let number = if value.is_number() {
                format!(" {value}")
            } else {
                String::new()
            };
            let go = go_type(node);
            let text = if parent.is_empty() {
                format!("json: cannot unmarshal {word}{number} into Go value of type {go}")
            } else {
                format!(
                    "json: cannot unmarshal {word}{number} into Go {parent}{dotted} of type {go}"
                )
            };
            self.mistyped.get_or_insert(text);
            return;
        }
        if matches!(node.shape, Shape::Scalar(Scalar::Quantity))
            && let Value::Number(number) = value
        {
            *value = Value::String(text::number(number));
        }
        self.typed(node, value, at, dotted);
    }
}

/// The object of a built-in kind that says nothing: what the first writer of an object starts from.
pub(crate) fn nothing(schema: &Schema) -> Value {
    let mut object = Value::Object(Map::new());
    if !schema.is_custom() {
        let mut decoding = Decoding {
            unknown: Vec::new(),
            mistyped: None,
        };
        decoding.typed(schema.root(), &mut object, &Path::root(), "");
    }
    object
}

/// What a Go struct does not write: nulls, empty lists, empty maps (an empty struct stays).
fn vanishes(node: &Node, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty() && matches!(node.shape, Shape::Array(_)),
        Value::Object(map) => {
            map.is_empty()
                && matches!(&node.shape, Shape::Object(object) if object.properties.is_empty() && node.definition.is_none())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn json_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_type(node: &Node) -> String {
    let format = node
        .limits
        .as_ref()
        .and_then(|limits| limits.format.as_deref());
    match &node.shape {
        Shape::Any => "interface {}".to_owned(),
        Shape::Scalar(Scalar::String) if format == Some("byte") => "[]uint8".to_owned(),
        Shape::Scalar(Scalar::String) => "string".to_owned(),
        Shape::Scalar(Scalar::Integer) => format.unwrap_or("int64").to_owned(),
        Shape::Scalar(Scalar::Number) => "float64".to_owned(),
        Shape::Scalar(Scalar::Boolean) => "bool".to_owned(),
        Shape::Scalar(Scalar::IntOrString) => "intstr.IntOrString".to_owned(),
        Shape::Scalar(Scalar::Quantity) => "resource.Quantity".to_owned(),
        Shape::Array(array) => format!("[]{}", go_type(&array.items)),
        Shape::Object(object) => match (node.type_name(), &object.additional) {
            (Some(name), _) => format!("v1.{name}"),
            (None, Some(inner)) => format!("map[string]{}", go_type(inner)),
            (None, None) => "map[string]interface {}".to_owned(),
        },
    }
}

/// An applied configuration: nothing is dropped or filled in, what does not fit is refused.
fn applied(schema: &Schema, object: &Value) -> Result<(), DecodeError> {
    let mut mistakes = Vec::new();
    applied_value(schema.root(), object, String::new(), &mut mistakes);
    if mistakes.is_empty() {
        return Ok(());
    }
    let told = match mistakes.as_slice() {
        [one] => one.clone(),
        many => {
            let lines: Vec<String> = many.iter().map(|line| format!("  {line}")).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    };
    Err(DecodeError::Malformed(format!(
        "failed to create typed patch object ({}): {told}",
        identity(schema, object)
    )))
}

/// `default/web; apps/v1, Kind=Deployment`: an object in such a sentence.
pub(crate) fn identity(schema: &Schema, object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    format!(
        "{namespace}/{name}; {}, Kind={}",
        schema.api_version(),
        schema.kind()
    )
}

fn applied_value(node: &Node, value: &Value, at: String, mistakes: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let told = |what: String, mistakes: &mut Vec<String>| {
        mistakes.push(if at.is_empty() {
            what
        } else {
            format!("{at}: {what}")
        });
    };
    match (&node.shape, value) {
        (Shape::Any, _) => {}
        (Shape::Object(object), Value::Object(map)) => {
            for (name, item) in map {
                let below = format!("{at}.{name}");
                match object.property(name).or(object.additional.as_ref()) {
                    Some(inner) => applied_value(inner, item, below, mistakes),
                    None if node.preserve_unknown => {}
                    None => mistakes.push(format!("{below}: field not declared in schema")),
                }
            }
        }
        (Shape::Array(array), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                applied_value(&array.items, item, format!("{at}[{index}]"), mistakes);
            }
        }
        (Shape::Object(_), _) => told(
            format!("expected map, got &{{{}}}", text::quoted(value)),
            mistakes,
        ),
        (Shape::Array(_), _) => told(
            format!("expected list, got &{{{}}}", text::quoted(value)),
            mistakes,
        ),
        (Shape::Scalar(Scalar::String), value) if !value.is_string() => {
            told(
                format!(
                    "expected string, got &value.valueUnstructured{{Value:{}}}",
                    text::quoted(value)
                ),
                mistakes,
            );
        }
        (Shape::Scalar(Scalar::Integer | Scalar::Number), value) if !value.is_number() => {
            told(
                format!("expected numeric (int or float), got {}", json_word(value)),
                mistakes,
            );
        }
        (Shape::Scalar(Scalar::Boolean), value) if !value.is_boolean() => {
            told(
                format!("expected boolean, got &{{{}}}", text::quoted(value)),
                mistakes,
            );
        }
        (
            Shape::Scalar(Scalar::IntOrString | Scalar::Quantity),
            Value::Array(_) | Value::Object(_),
        ) => {
            told(
                format!("expected any scalar, got &{{{}}}", text::quoted(value)),
                mistakes,
            );
        }
        (Shape::Scalar(_), _) => {}
    }
}
