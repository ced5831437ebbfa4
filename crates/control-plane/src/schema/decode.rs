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
use super::{Defaults, FieldValidation, Schema, builtin, quantity, text};

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
        // What is applied stays as it is given; `apply` refuses what does not fit.
        return Ok(Vec::new());
    }
    let mut decoding = Decoding {
        unknown: Vec::new(),
        mistyped: None,
        keeps_null: defaults == Defaults::Merged,
    };
    let at = Path::root();
    if schema.is_custom() {
        decoding.resource(schema.root(), object, &at);
    } else {
        decoding.typed(schema.root(), object, &at, top(schema));
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
    /// Of custom resources: elsewhere null is always nothing.
    keeps_null: bool,
}

impl Decoding {
    /// The top of a custom resource, or of an object embedded in one.
    fn resource(&mut self, node: &Node, object: &mut Value, at: &Path) {
        if let Some(metadata) = object
            .get_mut("metadata")
            .filter(|metadata| metadata.is_object())
        {
            let meta = builtin::object_meta();
            let within = Within {
                type_name: "ObjectMeta",
                dotted: "metadata",
            };
            self.typed(&meta, metadata, &at.field("metadata"), within);
        }
        self.custom(node, object, at, true);
    }

    fn custom(&mut self, node: &Node, value: &mut Value, at: &Path, top: bool) {
        match (&node.shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                self.custom_object(node, object, map, at, top);
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
        let servers = |key: &str| whole && matches!(key, "apiVersion" | "kind" | "metadata");
        for (name, property) in &object.properties {
            if servers(name) {
                continue;
            }
            let given = map.get(name.as_ref());
            let null = given.is_some_and(Value::is_null) && !property.nullable;
            match &property.default {
                Some(default) if null || given.is_none() => {
                    map.insert(name.to_string(), default.as_ref().clone());
                }
                None if null && !self.keeps_null => drop(map.remove(name.as_ref())),
                _ => {}
            }
        }
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in keys {
            let Some(item) = map.get_mut(&key) else {
                continue;
            };
            if whole && key == "metadata" {
                // Seen before.
            } else if let Some(property) = object.property(&key) {
                self.custom_item(property, item, &at.field(&key));
            } else if let Some(additional) = &object.additional {
                // A default of `additionalProperties` stands in for null alone.
                if item.is_null()
                    && !additional.nullable
                    && let Some(default) = &additional.default
                {
                    *item = default.as_ref().clone();
                }
                self.custom_item(additional, item, &at.field(&key));
            } else if !servers(&key) && !node.preserve_unknown {
                self.unknown(&at.field(&key));
                map.remove(&key);
            }
        }
    }

    fn unknown(&mut self, at: &Path) {
        self.unknown
            .push(format!("unknown field {}", text::quote(&at.to_string())));
    }

    /// A value of a built-in type.
    fn typed(&mut self, node: &Node, value: &mut Value, at: &Path, within: Within) {
        match (&node.shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                let within = Within {
                    type_name: node.type_name().unwrap_or(within.type_name),
                    ..within
                };
                self.typed_object(node, object, map, at, within);
            }
            (Shape::Array(array), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.checked(&array.items, item, &at.index(index), within);
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
        within: Within,
    ) {
        let open = node.preserve_unknown || object.additional.is_some();
        let always = node.definition.as_deref().map_or(&[][..], builtin::always);
        let names: Vec<String> = map.keys().cloned().collect();
        for name in names {
            let declared = object.property(&name).is_some();
            let Some(inner) = node.field(&name) else {
                if !open {
                    self.unknown(&at.field(&name));
                    map.remove(&name);
                }
                continue;
            };
            let Some(item) = map.get_mut(&name) else {
                continue;
            };
            // Go tells the field of a map, not its key.
            let dotted = match (declared, within.dotted) {
                (false, dotted) => dotted.to_owned(),
                (true, "") => name.clone(),
                (true, dotted) => format!("{dotted}.{name}"),
            };
            let below = Within {
                dotted: &dotted,
                ..within
            };
            self.checked(inner, item, &at.field(&name), below);
            if declared && vanishes(inner, item) && !always.iter().any(|(field, _)| *field == name)
            {
                map.remove(&name);
            }
        }
        for (name, empty) in always {
            if let Some(inner) = object.property(name)
                && map
                    .get(*name)
                    .is_none_or(|given| given.is_null() && !empty.is_null())
            {
                let mut value = empty.clone();
                self.typed(inner, &mut value, at, within);
                map.insert((*name).to_owned(), value);
            }
        }
    }

    fn checked(&mut self, node: &Node, value: &mut Value, at: &Path, within: Within) {
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
            let mut word = json_word(value).to_owned();
            if value.is_number() && matches!(node.shape, Shape::Scalar(Scalar::Integer)) {
                word = format!("number {value}");
            }
            let Within { type_name, dotted } = within;
            let go = go_type(node);
            self.mistyped.get_or_insert(format!(
                "json: cannot unmarshal {word} into Go struct field {type_name}.{dotted} of type {go}"
            ));
            return;
        }
        match (&node.shape, &*value) {
            (Shape::Scalar(Scalar::Quantity), given) => {
                let text = match given {
                    Value::Number(number) => text::number(number),
                    Value::String(text) => text.clone(),
                    _ => String::new(),
                };
                match quantity::canonical(&text) {
                    Some(canonical) => *value = Value::String(canonical),
                    None => drop(self.mistyped.get_or_insert(quantity::RULE.to_owned())),
                }
            }
            (Shape::Scalar(Scalar::String), Value::String(text)) if is_bytes(node) => {
                if let Some(position) = not_base64(text) {
                    let told = format!("illegal base64 data at input byte {position}");
                    self.mistyped.get_or_insert(told);
                }
            }
            _ => self.typed(node, value, at, within),
        }
    }
}

/// Where Go's decoder stands: the struct, and the path to its field without indices.
#[derive(Clone, Copy)]
struct Within<'a> {
    type_name: &'a str,
    dotted: &'a str,
}

fn is_bytes(node: &Node) -> bool {
    let format = node
        .limits
        .as_ref()
        .and_then(|limits| limits.format.as_deref());
    format == Some("byte")
}

/// The first byte that base64 cannot have.
fn not_base64(text: &str) -> Option<usize> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if base64::engine::general_purpose::STANDARD
        .decode(&compact)
        .is_ok()
    {
        return None;
    }
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    Some(text.find(foreign).unwrap_or(text.len() / 4 * 4))
}

fn top(schema: &Schema) -> Within<'_> {
    Within {
        type_name: schema.kind(),
        dotted: "",
    }
}

/// The object of a built-in kind that says nothing: what the first writer of an object starts from.
pub(crate) fn nothing(schema: &Schema) -> Value {
    let mut object = Value::Object(Map::new());
    if !schema.is_custom() {
        let mut decoding = Decoding {
            unknown: Vec::new(),
            mistyped: None,
            keeps_null: false,
        };
        decoding.typed(schema.root(), &mut object, &Path::root(), top(schema));
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
