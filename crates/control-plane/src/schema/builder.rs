//! Turns an OpenAPI schema (JSON) into a tree of [`Node`]s.
//!
//! Reads: the `openAPIV3Schema` of a `CustomResourceDefinition`, or a definition of a built-in kind with its `$ref`s.
//! Subtrees with the same text become one node. Lenient: what makes a CRD refusable is told by
//! [`super::structural`], not here.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::builtin::merge_table;
use super::node::{
    Array, Bound, Limits, ListType, Logic, Node, Object, PatchStrategy, Pattern, Scalar, Shape,
};
use super::rules::Rule;

/// Builds nodes, sharing equal ones.
#[derive(Default)]
pub(crate) struct Builder<'a> {
    definitions: Option<&'a Map<String, Value>>,
    named: BTreeMap<String, Arc<Node>>,
    interned: HashMap<String, Arc<Node>>,
    /// Nodes that are told apart by address must not go while others are built.
    held: Vec<Arc<Node>>,
}

impl<'a> Builder<'a> {
    /// A builder that follows `$ref`s into these definitions; `named` are those built before.
    pub(crate) fn with_definitions(
        definitions: &'a Map<String, Value>,
        named: BTreeMap<String, Arc<Node>>,
    ) -> Self {
        Self {
            definitions: Some(definitions),
            named,
            interned: HashMap::new(),
            held: Vec::new(),
        }
    }

    /// All definitions built so far, by name.
    pub(crate) fn into_named(self) -> BTreeMap<String, Arc<Node>> {
        self.named
    }

    /// The node of a definition, e.g. `io.k8s.api.core.v1.Pod`.
    pub(crate) fn definition(&mut self, name: &str) -> Arc<Node> {
        if let Some(node) = self.named.get(name) {
            return Arc::clone(node);
        }
        let node = match self.definitions.and_then(|all| all.get(name)) {
            // A schema of schemas is recursive; what a CRD may say is checked by `structural`.
            Some(_) if name.contains(".JSONSchemaProps") => Arc::new(anything()),
            Some(_) if name.ends_with(".resource.Quantity") => {
                Arc::new(Node::of(Shape::Scalar(Scalar::Quantity)))
            }
            Some(schema) => {
                let mut node = self.fresh(schema, short_name(name));
                node.definition = Some(short_name(name).into());
                Arc::new(node)
            }
            None => Arc::new(anything()),
        };
        self.named.insert(name.to_owned(), Arc::clone(&node));
        node
    }

    /// The node of a schema. One that says the same as an earlier one is that one.
    pub(crate) fn node(&mut self, schema: &Value) -> Arc<Node> {
        if let Some(name) = reference(schema) {
            return self.definition(&name);
        }
        let node = self.fresh(schema, "");
        let says = says(schema, &node);
        let kept = self.interned.entry(says);
        Arc::clone(kept.or_insert_with(|| Arc::new(node)))
    }

    /// `definition` is the short name of the built-in definition this is the top of, else empty.
    fn fresh(&mut self, schema: &Value, definition: &str) -> Node {
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
        let mut node = Node::of(self.shape(schema, definition));
        node.typed = schema.get("type").is_some() || flag("x-kubernetes-int-or-string");
        node.nullable = flag("nullable");
        node.preserve_unknown = flag("x-kubernetes-preserve-unknown-fields");
        node.embedded = flag("x-kubernetes-embedded-resource");
        node.default = schema.get("default").map(|v| Box::new(v.clone()));
        node.limits = limits(schema).map(Box::new);
        node.logic = self.logic(schema).map(Box::new);
        node.rules = Rule::all_of(schema);
        node.patch = patch_strategy(schema);
        node
    }

    fn shape(&mut self, schema: &Value, definition: &str) -> Shape {
        if schema
            .get("x-kubernetes-int-or-string")
            .and_then(Value::as_bool)
            == Some(true)
        {
            return Shape::Scalar(Scalar::IntOrString);
        }
        let implied =
            if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
                "object"
            } else if schema.get("items").is_some() {
                "array"
            } else {
                ""
            };
        match schema
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or(implied)
        {
            "object" => Shape::Object(self.object(schema, definition)),
            "array" => {
                let items = schema
                    .get("items")
                    .map_or_else(|| Arc::new(anything()), |items| self.node(items));
                Shape::Array(Array {
                    items,
                    list: list_type(schema),
                })
            }
            "string" => Shape::Scalar(Scalar::String),
            "integer" => Shape::Scalar(Scalar::Integer),
            "number" => Shape::Scalar(Scalar::Number),
            "boolean" => Shape::Scalar(Scalar::Boolean),
            _ => Shape::Any,
        }
    }

    fn object(&mut self, schema: &Value, definition: &str) -> Object {
        let preserve = schema
            .get("x-kubernetes-preserve-unknown-fields")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let mut properties: Vec<(Box<str>, Arc<Node>)> = Vec::new();
        for (name, property) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let node = self.node(property);
            let node = match merge_table().get(definition, name) {
                Some(entry) => {
                    let node = Arc::new(entry.applied_to(&node));
                    self.held.push(Arc::clone(&node));
                    node
                }
                None => node,
            };
            properties.push((name.as_str().into(), node));
        }
        properties.sort_by(|a, b| a.0.cmp(&b.0));
        let additional = match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => Some(self.untyped()),
            Some(Value::Bool(false)) => None,
            Some(additional) => Some(self.node(additional)),
            None if preserve => Some(self.untyped()),
            // A built-in object that declares nothing holds whatever it is given.
            None if properties.is_empty() && self.definitions.is_some() => Some(self.untyped()),
            None => None,
        };
        let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic")
            || merge_table().atomic(definition);
        Object {
            properties: properties.into(),
            additional,
            atomic,
        }
    }

    fn untyped(&mut self) -> Arc<Node> {
        Arc::clone(
            self.interned
                .entry("*".to_owned())
                .or_insert_with(|| Arc::new(anything())),
        )
    }

    fn logic(&mut self, schema: &Value) -> Option<Logic> {
        let mut branches = |key: &str| -> Box<[Arc<Node>]> {
            schema
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|branch| self.node(branch))
                .collect()
        };
        let (all, any, one) = (branches("allOf"), branches("anyOf"), branches("oneOf"));
        // Every int-or-string says `anyOf: [integer, string]` again; its shape checks that.
        let any = if schema.get("x-kubernetes-int-or-string").is_some() {
            Box::default()
        } else {
            any
        };
        let not = schema.get("not").map(|branch| self.node(branch));
        let empty = all.is_empty() && any.is_empty() && one.is_empty() && not.is_none();
        (!empty).then_some(Logic { all, any, one, not })
    }
}

/// A node that holds anything and keeps it.
pub(crate) fn anything() -> Node {
    let mut node = Node::any();
    node.preserve_unknown = true;
    node.nullable = true;
    node
}

/// `io.k8s.api.core.v1.Pod` → `core.v1.Pod`.
pub(crate) fn short_name(definition: &str) -> &str {
    let mut dots = definition.rmatch_indices('.').map(|(at, _)| at);
    match dots.nth(2) {
        Some(at) => definition.get(at + 1..).unwrap_or(definition),
        None => definition,
    }
}

/// What a schema says on its own level, and which nodes are below: equal for schemas that mean the same.
fn says(schema: &Value, node: &Node) -> String {
    const BELOW: [&str; 7] = [
        "properties",
        "items",
        "additionalProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
    ];
    let mut out = String::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        if key != "description" && !BELOW.contains(&key.as_str()) {
            let _ = write!(out, "{key}={value};");
        }
    }
    // Nodes below are shared already, and kept as long as the builder: their address tells them apart.
    let mut below = |name: &str, node: &Arc<Node>| {
        let _ = write!(out, "{name}@{:p};", Arc::as_ptr(node));
    };
    match &node.shape {
        Shape::Object(object) => {
            for (name, node) in &object.properties {
                below(name, node);
            }
            if let Some(node) = &object.additional {
                below("*", node);
            }
        }
        Shape::Array(array) => below("[]", &array.items),
        Shape::Any | Shape::Scalar(_) => {}
    }
    if let Some(logic) = &node.logic {
        let Logic { all, any, one, not } = logic.as_ref();
        for (word, branches) in [("all", all), ("any", any), ("one", one)] {
            for branch in branches {
                below(word, branch);
            }
        }
        if let Some(node) = not {
            below("not", node);
        }
    }
    out
}

fn reference(schema: &Value) -> Option<String> {
    let direct = schema.get("$ref").or_else(|| {
        let all = schema.get("allOf")?.as_array()?;
        match all.as_slice() {
            [one] => one.get("$ref"),
            _ => None,
        }
    })?;
    direct.as_str()?.rsplit('/').next().map(ToOwned::to_owned)
}

fn list_type(schema: &Value) -> ListType {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(schema.get("x-kubernetes-list-map-keys"))),
        _ => ListType::Atomic,
    }
}

fn patch_strategy(schema: &Value) -> PatchStrategy {
    let words = schema
        .get("x-kubernetes-patch-strategy")
        .and_then(Value::as_str)
        .unwrap_or("");
    let has = |word: &str| words.split(',').any(|w| w == word);
    PatchStrategy {
        merge: has("merge"),
        replace: has("replace"),
        retain_keys: has("retainKeys"),
        key: schema
            .get("x-kubernetes-patch-merge-key")
            .and_then(Value::as_str)
            .map(Into::into),
    }
}

fn strings(list: Option<&Value>) -> Box<[Box<str>]> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}

fn limits(schema: &Value) -> Option<Limits> {
    let count = |key: &str| schema.get(key).and_then(Value::as_u64);
    let exclusive = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
    let bound = |key: &str, flag: &str| {
        let value = schema.get(key).and_then(Value::as_f64)?;
        Some(Bound {
            value,
            exclusive: exclusive(flag),
        })
    };
    let text = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
    };
    let limits = Limits {
        required: strings(schema.get("required")),
        allowed: schema
            .get("enum")
            .and_then(Value::as_array)
            .map(|all| all.clone().into()),
        pattern: text("pattern").map(|text| Pattern {
            text: text.into(),
            regex: OnceLock::new(),
        }),
        format: text("format").map(Into::into),
        minimum: bound("minimum", "exclusiveMinimum"),
        maximum: bound("maximum", "exclusiveMaximum"),
        multiple_of: schema.get("multipleOf").and_then(Value::as_f64),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        min_items: count("minItems"),
        max_items: count("maxItems"),
        min_properties: count("minProperties"),
        max_properties: count("maxProperties"),
        unique_items: exclusive("uniqueItems"),
    };
    limits.says_something().then_some(limits)
}
