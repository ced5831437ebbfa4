//! Kubernetes' strategic merge patch: lists of built-in kinds merge by key, and directives say what to delete,
//! replace, keep, and in which order.
//!
//! Reads the schema's patch strategies. Directives: `$patch: delete | replace | merge`, `$retainKeys`,
//! `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.

use serde_json::{Map, Value};

use super::Error;
use crate::schema::Schema;
use crate::schema::node::{Node, PatchStrategy, Shape};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// The document with the patch applied.
pub(crate) fn strategic(schema: &Schema, doc: &Value, patch: &Value) -> Result<Value, Error> {
    if schema.is_custom() {
        // Kubernetes answers 415 before it comes here.
        return Err(Error::Malformed(
            "strategic merge patch is not supported for custom resources".to_owned(),
        ));
    }
    match (doc, patch) {
        (Value::Object(doc), Value::Object(patch)) => {
            objects(Some(schema.root()), doc, patch).map(Value::Object)
        }
        _ => Err(Error::Malformed("invalid JSON document".to_owned())),
    }
}

fn child<'a>(node: Option<&'a Node>, name: &str) -> Option<&'a Node> {
    node.and_then(|node| node.field(name)).map(AsRef::as_ref)
}

fn items(node: Option<&Node>) -> Option<&Node> {
    match node.map(|node| &node.shape) {
        Some(Shape::Array(array)) => Some(&array.items),
        _ => None,
    }
}

fn objects(
    node: Option<&Node>,
    doc: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let mut patch = patch.clone();
    match patch.remove(DIRECTIVE) {
        None => {}
        Some(Value::String(word)) => match word.as_str() {
            "replace" => return Ok(patch),
            "delete" => return Ok(Map::new()),
            "merge" => {}
            other => {
                return Err(Error::Malformed(format!(
                    "unknown patch type found: {other}"
                )));
            }
        },
        Some(other) => {
            return Err(Error::Malformed(format!(
                "unknown patch type found: {other}"
            )));
        }
    }
    let mut out = doc.clone();
    retain(&mut out, &mut patch)?;
    let mut orders = Vec::new();
    for name in patch.keys().cloned().collect::<Vec<_>>() {
        if let Some(field) = name.strip_prefix(DELETE_FROM) {
            let Some(Value::Array(gone)) = patch.remove(&name) else {
                return Err(Error::Malformed(
                    "invalid patch format of primitive list".to_owned(),
                ));
            };
            if let Some(Value::Array(list)) = out.get_mut(field) {
                list.retain(|item| !gone.contains(item));
            }
        } else if let Some(field) = name.strip_prefix(ORDER) {
            let Some(Value::Array(order)) = patch.remove(&name) else {
                return Err(Error::Malformed(
                    "invalid patch format of setElementOrder list".to_owned(),
                ));
            };
            orders.push((field.to_owned(), order));
        }
    }
    for (name, change) in &patch {
        let node = child(node, name);
        let strategy = node.map(|node| node.patch.clone()).unwrap_or_default();
        match (out.get(name), change) {
            (_, Value::Null) => {
                out.remove(name);
            }
            (Some(Value::Object(old)), Value::Object(new)) => {
                let merged = if strategy.replace {
                    new.clone()
                } else {
                    objects(node, old, new)?
                };
                out.insert(name.clone(), Value::Object(merged));
            }
            (Some(Value::Array(old)), Value::Array(new)) if strategy.merge => {
                let merged = lists(node, &strategy, old, new)?;
                out.insert(name.clone(), Value::Array(merged));
            }
            (_, new) => {
                if let Some(new) = clean(node, new)? {
                    out.insert(name.clone(), new);
                }
            }
        }
    }
    for (field, order) in orders {
        let strategy = child(node, &field)
            .map(|node| node.patch.clone())
            .unwrap_or_default();
        if let Some(Value::Array(list)) = out.get(&field) {
            let before: &[Value] = doc
                .get(&field)
                .and_then(Value::as_array)
                .map_or(&[], Vec::as_slice);
            let sorted = ordered(list.clone(), &order, before, strategy.key.as_deref());
            out.insert(field, Value::Array(sorted));
        }
    }
    Ok(out)
}

/// `$retainKeys` lists all fields that remain; the patch may name no other.
fn retain(doc: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    let Some(keep) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(keep) = keep else {
        return Err(Error::Malformed(
            "invalid patch format of retainKeys".to_owned(),
        ));
    };
    let kept = |name: &str| keep.iter().any(|k| k.as_str() == Some(name));
    if patch
        .iter()
        .any(|(name, value)| !value.is_null() && !name.starts_with('$') && !kept(name))
    {
        return Err(Error::Malformed(
            "invalid patch format of retainKeys".to_owned(),
        ));
    }
    doc.retain(|name, _| kept(name));
    Ok(())
}

/// A new value without nulls and directives: there is nothing they could act on.
fn clean(node: Option<&Node>, value: &Value) -> Result<Option<Value>, Error> {
    match value {
        Value::Object(map) => {
            if map.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
                return Ok(None);
            }
            let kept: Map<String, Value> = map
                .iter()
                .filter(|(name, _)| !name.starts_with('$'))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect();
            objects(node, &Map::new(), &kept).map(|map| Some(Value::Object(map)))
        }
        Value::Array(list) => {
            let mut out = Vec::new();
            for item in list {
                if item.get(DIRECTIVE).is_some()
                    && item.as_object().is_some_and(|map| map.len() == 1)
                {
                    continue;
                }
                out.extend(clean(items(node), item)?);
            }
            Ok(Some(Value::Array(out)))
        }
        other => Ok(Some(other.clone())),
    }
}

fn lists(
    node: Option<&Node>,
    strategy: &PatchStrategy,
    old: &[Value],
    new: &[Value],
) -> Result<Vec<Value>, Error> {
    let Some(key) = strategy
        .key
        .as_deref()
        .filter(|_| new.iter().chain(old).any(Value::is_object))
    else {
        let mut out: Vec<Value> = Vec::new();
        for item in old.iter().chain(new) {
            if !out.contains(item) {
                out.push(item.clone());
            }
        }
        return Ok(ordered(out, new, old, None));
    };
    let mut replaces = false;
    let mut merging = Vec::new();
    let mut out = old.to_vec();
    for item in new {
        match item.get(DIRECTIVE).and_then(Value::as_str) {
            None | Some("merge") => merging.push(item),
            Some("replace") => {
                replaces = true;
                if item.as_object().is_some_and(|map| map.len() > 1) {
                    merging.push(item);
                }
            }
            Some("delete") => {
                let Some(id) = item.get(key) else {
                    return Err(no_key(item, key));
                };
                out.retain(|one| one.get(key) != Some(id));
            }
            Some(other) => {
                return Err(Error::Malformed(format!(
                    "unknown patch type found: {other}"
                )));
            }
        }
    }
    if replaces {
        out.clear();
    }
    for item in &merging {
        let Some(id) = item.get(key) else {
            return Err(no_key(item, key));
        };
        let inner = items(node);
        match out.iter_mut().find(|one| one.get(key) == Some(id)) {
            Some(Value::Object(before)) => {
                if let Value::Object(change) = item {
                    *before = objects(inner, before, change)?;
                }
            }
            _ => out.extend(clean(inner, item)?),
        }
    }
    let order: Vec<Value> = merging.into_iter().cloned().collect();
    Ok(ordered(out, &order, old, Some(key)))
}

fn no_key(item: &Value, key: &str) -> Error {
    Error::Inapplicable(format!(
        "map: {item} does not contain declared merge key: {key}"
    ))
}

/// The items named by `order` in that order, the others where they were between them.
fn ordered(list: Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) -> Vec<Value> {
    let same = |a: &Value, b: &Value| match key {
        Some(key) => a.get(key) == b.get(key),
        None => a == b,
    };
    let place = |all: &[Value], item: &Value| all.iter().position(|one| same(one, item));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) = list
        .into_iter()
        .partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(before, item).unwrap_or(usize::MAX));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut others, mut named) = (others.into_iter().peekable(), named.into_iter().peekable());
    loop {
        let first = match (others.peek(), named.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(name)) => {
                matches!((place(before, other), place(before, name)), (Some(a), Some(b)) if a < b)
            }
        };
        out.extend(if first { others.next() } else { named.next() });
    }
}
