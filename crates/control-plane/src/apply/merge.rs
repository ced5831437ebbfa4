//! Merges an applied configuration into a live object, by the schema.

use serde_json::{Map, Value};

use super::fields::{Atom, atom, field, item_step};
use super::path::Step;
use crate::schema::node::{Array, Node};

/// The live value with the applied one on top. Fails on a list that names an item twice.
pub(crate) fn merged(node: &Node, live: &Value, applied: &Value) -> Result<Value, String> {
    merge(node, Some(live), Some(applied), "").map(|out| out.unwrap_or(Value::Null))
}

fn merge(
    node: &Node,
    live: Option<&Value>,
    applied: Option<&Value>,
    at: &str,
) -> Result<Option<Value>, String> {
    let leaf = || applied.or(live).cloned();
    let shape = |value: Option<&Value>| value.map(|value| atom(node, value));
    match (shape(live), shape(applied)) {
        (None, None) => Ok(None),
        (Some(Atom::Object) | None, Some(Atom::Object)) | (Some(Atom::Object), None) => {
            let (one, other) = (entries(live), entries(applied));
            if one.is_none_or(Map::is_empty) && other.is_none_or(Map::is_empty) {
                return Ok(leaf());
            }
            let mut out = Map::new();
            let names = one.into_iter().flat_map(Map::keys);
            let more = other
                .into_iter()
                .flat_map(Map::keys)
                .filter(|name| one.is_none_or(|one| !one.contains_key(*name)));
            for name in names.chain(more) {
                let (before, after) = (
                    one.and_then(|map| map.get(name)),
                    other.and_then(|map| map.get(name)),
                );
                if let Some(value) =
                    merge(field(node, name), before, after, &format!("{at}.{name}"))?
                {
                    out.insert(name.clone(), value);
                }
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
        (Some(Atom::List(array)), Some(Atom::List(_)) | None) | (None, Some(Atom::List(array))) => {
            let (one, other) = (items(live), items(applied));
            if one.is_empty() && other.is_empty() {
                return Ok(leaf());
            }
            let out = merge_items(array, one, other, at)?;
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
        _ => Ok(leaf()),
    }
}

fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Steps of a list's items; an item named twice is a mistake only where someone applies it.
fn steps(array: &Array, items: &[Value], at: &str, twice: bool) -> Result<Vec<Step>, String> {
    let mut out: Vec<Step> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let step = item_step(array, item).map_err(|why| format!("{at}: element {index}: {why}"))?;
        if !twice && out.contains(&step) {
            return Err(format!("{at}: duplicate entries for key {step}"));
        }
        out.push(step);
    }
    Ok(out)
}

/// The applied order rules; live items keep their place before the next item both have.
fn merge_items(
    array: &Array,
    live: &[Value],
    applied: &[Value],
    at: &str,
) -> Result<Vec<Value>, String> {
    let theirs = steps(array, applied, at, false)?;
    let ours = steps(array, live, at, true)?;
    let unique = |step: &Step| ours.iter().filter(|known| *known == step).count() == 1;
    let live_of = |step: &Step| {
        let place = ours.iter().position(|known| known == step)?;
        // Items that share a key are replaced, not merged.
        unique(step).then(|| live.get(place)).flatten()
    };
    let mut shared = theirs.iter().filter(|step| ours.contains(step));
    let mut next_shared = shared.next();
    let mut done: Vec<&Step> = Vec::new();
    let mut out = Vec::new();
    let mut put = |step: &Step, one: Option<&Value>, other: Option<&Value>| -> Result<(), String> {
        out.extend(merge(&array.items, one, other, &format!("{at}{step}"))?);
        Ok(())
    };
    let (mut i, mut j) = (0, 0);
    while i < ours.len() || j < theirs.len() {
        if let (Some(mine), Some(their)) = (ours.get(i), theirs.get(j)) {
            if mine == their {
                done.push(mine);
                put(mine, live_of(mine), applied.get(j))?;
                i += 1;
                j += 1;
                next_shared = shared.next();
                continue;
            }
            if theirs.contains(mine) && next_shared.is_some_and(|next| next != mine) {
                i += 1;
                continue;
            }
        }
        if let Some(mine) = ours.get(i) {
            if !theirs.contains(mine) {
                put(mine, live.get(i), None)?;
                i += 1;
                continue;
            }
            if done.contains(&mine) {
                i += 1;
            }
        }
        if let Some(their) = theirs.get(j) {
            done.push(their);
            put(their, live_of(their), applied.get(j))?;
            j += 1;
            if next_shared == Some(their) {
                next_shared = shared.next();
            }
        }
    }
    Ok(out)
}
