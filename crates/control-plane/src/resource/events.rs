//! Events are stored as core/v1 and served as events.k8s.io/v1 too. Pure.

use serde_json::{Map, Value};

/// Field names that differ: core, then events.k8s.io.
const NAMES: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// A stored event as events.k8s.io/v1.
pub(crate) fn from_core(event: Value) -> Value {
    let mut event = rename(event, |(core, _)| core, |(_, new)| new);
    if let Some(component) = event.remove("reportingComponent") {
        event.insert("reportingController".to_owned(), component);
    }
    event.insert("apiVersion".to_owned(), "events.k8s.io/v1".into());
    Value::Object(event)
}

/// An events.k8s.io/v1 event as it is stored.
pub(crate) fn to_core(event: Value) -> Value {
    let mut event = rename(event, |(_, new)| new, |(core, _)| core);
    if let Some(controller) = event.remove("reportingController") {
        event.insert("reportingComponent".to_owned(), controller);
    }
    event.insert("apiVersion".to_owned(), "v1".into());
    Value::Object(event)
}

fn rename(
    event: Value,
    from: fn((&'static str, &'static str)) -> &'static str,
    to: fn((&'static str, &'static str)) -> &'static str,
) -> Map<String, Value> {
    let Value::Object(mut event) = event else {
        return Map::new();
    };
    for names in NAMES {
        if let Some(value) = event.remove(from(names)) {
            event.insert(to(names).to_owned(), value);
        }
    }
    event
}
