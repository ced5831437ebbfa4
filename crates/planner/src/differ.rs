//! How two objects differ, as paths people can read.
//!
//! Reads: JSON. Invariants: paths come out sorted; the same input gives the same bytes.
//! Not here: whether a difference matters (`cluster/changes.rs`, `cluster/shared.rs`).

use serde_json::Value;

/// Paths at which `seen` lacks or contradicts what `wanted` says. More in `seen` is fine: servers fill in defaults.
///
/// Lists must have the same length; null, an empty map and an empty list in `wanted` say nothing.
pub(crate) fn missing(wanted: &Value, seen: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(wanted, seen, "", Mode::Subset, &mut paths);
    paths
}

/// Paths at which two objects differ at all.
pub(crate) fn changed(old: &Value, new: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(new, old, "", Mode::Equal, &mut paths);
    paths
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Subset,
    Equal,
}

fn walk(wanted: &Value, seen: &Value, path: &str, mode: Mode, paths: &mut Vec<String>) {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            let mut keys: Vec<&String> = wanted.keys().collect();
            if mode == Mode::Equal {
                keys.extend(seen.keys().filter(|key| !wanted.contains_key(*key)));
            }
            keys.sort();
            for key in keys {
                let inner = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let wanted = wanted.get(key).unwrap_or(&Value::Null);
                let seen = seen.get(key).unwrap_or(&Value::Null);
                walk(wanted, seen, &inner, mode, paths);
            }
        }
        (Value::Array(wanted), Value::Array(seen)) if wanted.len() == seen.len() => {
            for (index, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
                let inner = format!("{path}[{}]", label(wanted, index));
                walk(wanted, seen, &inner, mode, paths);
            }
        }
        (wanted, seen) if wanted == seen => {}
        (wanted, seen) if says_nothing(wanted) && (mode == Mode::Subset || says_nothing(seen)) => {}
        _ => paths.push(path.to_owned()),
    }
}

/// Elements of Kubernetes' lists mostly have a name; that says more than their place.
fn label(element: &Value, index: usize) -> String {
    match element.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => index.to_string(),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(says_nothing),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A hash of text, for noticing changes (FNV-1a, 64 bits): not for security.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET;
    for part in parts {
        // A byte that no UTF-8 text holds keeps ("a", "b") and ("ab", "") apart.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("{hash:016x}")
}

/// The hash of an object, whatever order its maps are kept in.
pub(crate) fn hash_value(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    hash([text.as_str()])
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            text.push('{');
            for key in keys {
                text.push_str(key);
                text.push(':');
                canonical(map.get(key).unwrap_or(&Value::Null), text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for element in list {
                canonical(element, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests;
