//! The walks over values: which fields a value sets, how two values differ, what remains after fields are removed.
//!
//! All follow the schema: an atomic object or list is one field; the items of a list map are told apart by their keys,
//! those of a set by their value. Where the schema says nothing, objects are granular and lists atomic.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::Step;
use super::set::Set;
use crate::schema::node::{Array, ListType, Node, Shape};

/// How a value merges.
pub(crate) enum Atom<'a> {
    /// One field: a single value, or an atomic object or list.
    Leaf,
    /// Field by field.
    Object,
    /// Item by item.
    List(&'a Array),
}

/// How a value merges at a node.
pub(crate) fn atom<'a>(node: &'a Node, value: &Value) -> Atom<'a> {
    match (&node.shape, value) {
        (Shape::Object(object), Value::Object(_) | Value::Null) if !object.atomic => Atom::Object,
        (Shape::Any, Value::Object(_)) => Atom::Object,
        (Shape::Array(array), Value::Array(_) | Value::Null) if array.list != ListType::Atomic => {
            Atom::List(array)
        }
        _ => Atom::Leaf,
    }
}

/// The node of a field; where anything goes, anything goes below too.
pub(crate) fn field<'a>(node: &'a Node, name: &str) -> &'a Node {
    static NOTHING_KNOWN: std::sync::OnceLock<Arc<Node>> = std::sync::OnceLock::new();
    match (&node.shape, node.field(name)) {
        (_, Some(field)) => field,
        (Shape::Any, None) => node,
        (_, None) => NOTHING_KNOWN.get_or_init(|| Arc::new(Node::any())),
    }
}

/// Whether the schema declares a field of that name.
fn declared(node: &Node, name: &str) -> bool {
    matches!(&node.shape, Shape::Object(object) if object.property(name).is_some())
}

/// The step to an item of a list, or why there is none.
pub(crate) fn item_step(array: &Array, item: &Value) -> Result<Step, String> {
    match &array.list {
        ListType::Set => match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => {
                Err("not supported: associative list with lists as elements".to_owned())
            }
            Value::Null => Err(
                "associative list without keys has an element that's an explicit null".to_owned(),
            ),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Step::Value(item.clone())),
        },
        ListType::Map(names) => {
            let Value::Object(fields) = item else {
                let what = if item.is_null() {
                    "a null element"
                } else {
                    "non-map elements"
                };
                return Err(format!("associative list with keys may not have {what}"));
            };
            let mut keys: Vec<(String, Value)> = names
                .iter()
                .filter_map(|name| {
                    let given = fields.get(name.as_ref()).cloned();
                    let value = given.or_else(|| key_default(&array.items, name))?;
                    Some((name.to_string(), value))
                })
                .collect();
            if keys.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                return Err(format!(
                    "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                     values for any key fields)",
                    names.join(" ")
                ));
            }
            keys.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Step::Key(keys))
        }
        ListType::Atomic => Err("invalid indexing of non-associative list".to_owned()),
    }
}

fn key_default(items: &Node, name: &str) -> Option<Value> {
    let node = items.field(name)?;
    if let Some(default) = &node.default {
        return Some(default.as_ref().clone());
    }
    if matches!(
        (items.type_name(), name),
        (Some("ContainerPort" | "ServicePort"), "protocol")
    ) {
        return Some(Value::from("TCP"));
    }
    // A field that a Go type always writes is there, empty.
    let always = crate::schema::always(items.definition.as_deref()?);
    let (_, empty) = always.iter().find(|(field, _)| *field == name)?;
    (!empty.is_null()).then(|| empty.clone())
}

/// The fields a value sets.
pub(crate) fn fields_of(node: &Node, value: &Value) -> Set {
    let mut set = Set::default();
    collect(node, value, &mut Vec::new(), &mut set);
    set
}

fn collect(node: &Node, value: &Value, at: &mut Vec<Step>, set: &mut Set) {
    match (atom(node, value), value) {
        (Atom::Leaf, _) => set.insert(at),
        (Atom::Object, Value::Object(map)) => {
            for (name, item) in map {
                at.push(Step::Field(name.clone()));
                collect(field(node, name), item, at, set);
                let empty = item.is_null() || item.as_object().is_some_and(Map::is_empty);
                if empty || !declared(node, name) {
                    set.insert(at);
                }
                at.pop();
            }
        }
        (Atom::List(array), Value::Array(items)) => {
            for (step, values) in grouped(array, items) {
                at.push(step);
                // Items that share a key are one field together.
                if let [one] = values.as_slice() {
                    collect(&array.items, one, at, set);
                }
                set.insert(at);
                at.pop();
            }
        }
        (Atom::Object | Atom::List(_), _) => {}
    }
}

/// The items of a list by their step, in order of first appearance.
fn grouped<'a>(array: &Array, items: &'a [Value]) -> Vec<(Step, Vec<&'a Value>)> {
    let mut out: Vec<(Step, Vec<&Value>)> = Vec::new();
    for item in items {
        let Ok(step) = item_step(array, item) else {
            continue;
        };
        match out.iter_mut().find(|(known, _)| *known == step) {
            Some((_, values)) => values.push(item),
            None => out.push((step, vec![item])),
        }
    }
    out
}

/// How one value differs from another.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Fields only the new value sets.
    pub(crate) added: Set,
    /// Fields both set, differently.
    pub(crate) modified: Set,
    /// Fields only the old value sets.
    pub(crate) removed: Set,
}

impl Difference {
    /// The same without some fields and what is below them.
    #[must_use]
    pub(crate) fn without(&self, ignored: &Set) -> Self {
        Self {
            added: self.added.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            removed: self.removed.recursive_difference(ignored),
        }
    }
}

/// How `new` differs from `old`.
pub(crate) fn difference(node: &Node, old: &Value, new: &Value) -> Difference {
    let mut out = Difference::default();
    compare(node, Some(old), Some(new), &mut Vec::new(), &mut out);
    out
}

fn compare(
    node: &Node,
    old: Option<&Value>,
    new: Option<&Value>,
    at: &mut Vec<Step>,
    out: &mut Difference,
) {
    let leaf = |at: &[Step], out: &mut Difference| match (old, new) {
        (None, Some(_)) => out.added.insert(at),
        (Some(_), None) => out.removed.insert(at),
        (Some(old), Some(new)) if old != new => out.modified.insert(at),
        _ => {}
    };
    let shape = |value: Option<&Value>| value.map(|value| atom(node, value));
    match (shape(old), shape(new)) {
        (None | Some(Atom::Object), None | Some(Atom::Object)) => {
            let (before, after) = (entries(old), entries(new));
            if before.is_none_or(Map::is_empty) && after.is_none_or(Map::is_empty) {
                leaf(at, out);
                return;
            }
            let names = before.into_iter().flat_map(Map::keys);
            let more = after
                .into_iter()
                .flat_map(Map::keys)
                .filter(|name| before.is_none_or(|b| !b.contains_key(*name)));
            for name in names.chain(more) {
                at.push(Step::Field(name.clone()));
                let (one, other) = (
                    before.and_then(|m| m.get(name)),
                    after.and_then(|m| m.get(name)),
                );
                compare(field(node, name), one, other, at, out);
                at.pop();
            }
        }
        (None | Some(Atom::List(_)), None | Some(Atom::List(_))) => {
            let Shape::Array(array) = &node.shape else {
                return;
            };
            let items = |value: Option<&'_ Value>| {
                value.and_then(Value::as_array).cloned().unwrap_or_default()
            };
            let (before, after) = (items(old), items(new));
            if before.is_empty() && after.is_empty() {
                leaf(at, out);
                return;
            }
            compare_items(array, &before, &after, at, out);
        }
        _ => {
            leaf(at, out);
            return;
        }
    }
    match (old, new) {
        (None, _) => out.added.insert(at),
        (_, None) => out.removed.insert(at),
        (Some(_), Some(_)) => {}
    }
}

fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn compare_items(
    array: &Array,
    old: &[Value],
    new: &[Value],
    at: &mut Vec<Step>,
    out: &mut Difference,
) {
    let (old, new) = (grouped(array, old), grouped(array, new));
    let mut steps: Vec<&Step> = old.iter().map(|(step, _)| step).collect();
    steps.extend(
        new.iter()
            .map(|(step, _)| step)
            .filter(|step| !old.iter().any(|(known, _)| known == *step)),
    );
    for step in steps {
        let of = |side: &[(Step, Vec<&Value>)]| -> Vec<Value> {
            let found = side.iter().find(|(known, _)| known == step);
            found
                .map(|(_, values)| values.iter().map(|value| (*value).clone()).collect())
                .unwrap_or_default()
        };
        let (before, after) = (of(&old), of(&new));
        at.push(step.clone());
        match (before.as_slice(), after.as_slice()) {
            ([] | [_], [] | [_]) => compare(&array.items, before.first(), after.first(), at, out),
            ([_, _, ..], [_, _, ..]) => {
                if before != after {
                    out.modified.insert(at);
                }
            }
            ([_, _, ..], _) => {
                if let Some(one) = after.first() {
                    compare(&array.items, None, Some(one), at, out);
                }
                out.removed.insert(at);
            }
            (_, [_, _, ..]) => {
                if let Some(one) = before.first() {
                    compare(&array.items, Some(one), None, at, out);
                }
                out.added.insert(at);
            }
        }
        at.pop();
    }
}

/// The value without some fields; none if nothing remains.
pub(crate) fn without(node: &Node, value: &Value, removed: &Set) -> Option<Value> {
    match (atom(node, value), value) {
        (Atom::Object, Value::Object(map)) if !map.is_empty() => {
            let mut out = Map::new();
            for (name, item) in map {
                let step = Step::Field(name.clone());
                if removed.members.contains(&step) {
                    continue;
                }
                let rest = match removed
                    .children
                    .get(&step)
                    .filter(|below| !below.is_empty())
                {
                    Some(below) => {
                        without(field(node, name), item, below).unwrap_or_else(|| emptied(item))
                    }
                    None => item.clone(),
                };
                out.insert(name.clone(), rest);
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        (Atom::List(array), Value::Array(items)) if !items.is_empty() => {
            let mut out = Vec::new();
            for item in items {
                let Ok(step) = item_step(array, item) else {
                    continue;
                };
                if removed.members.contains(&step) {
                    continue;
                }
                out.push(
                    match removed
                        .children
                        .get(&step)
                        .filter(|below| !below.is_empty())
                    {
                        Some(below) => {
                            without(&array.items, item, below).unwrap_or_else(|| emptied(item))
                        }
                        None => item.clone(),
                    },
                );
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        (Atom::Leaf, value) => match (&node.shape, value) {
            // Nothing of an atomic value remains when something below it goes.
            (
                Shape::Object(_) | Shape::Array(_) | Shape::Any,
                Value::Object(_) | Value::Array(_),
            ) => None,
            _ => Some(value.clone()),
        },
        (Atom::Object | Atom::List(_), _) => None,
    }
}

/// What is left of a value that stays when everything in it goes. (A kube-apiserver leaves null here, and then refuses
/// its own custom resource.)
fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        other => other.clone(),
    }
}
