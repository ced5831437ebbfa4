//! What the server writes into `metadata`, and what it refuses there.
//!
//! Invariants: uid, creationTimestamp, deletionTimestamp and generation are the server's alone; an object that is
//! being deleted gets no new finalizer.

use rand::Rng;
use serde_json::{Map, Value, json};

use crate::failure::{Cause, Failure};
use crate::names;
use crate::resource::{Registry, Resource, Source, split_api_version};

/// Letters of generated names: no vowels, nothing that looks like something else.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;

/// An object with nothing but its metadata, read without building the rest.
pub(crate) fn outline(json: &[u8]) -> Option<Value> {
    #[derive(serde::Deserialize)]
    struct Outline {
        metadata: Value,
    }
    let Outline { metadata } = serde_json::from_slice(json).ok()?;
    Some(json!({"metadata": metadata}))
}

/// The name of an object, or nothing.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The namespace of an object, or nothing.
pub(crate) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// The uid of an object, or nothing.
pub(crate) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// The resourceVersion of an object, if it is a number.
pub(crate) fn revision(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

/// Whether its deletion has begun.
pub(crate) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Its finalizers.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The metadata of an object, made if it is missing.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    let metadata = &mut object["metadata"];
    if !metadata.is_object() {
        *metadata = json!({});
    }
    metadata.as_object_mut().expect("made an object just now")
}

/// Checks apiVersion and kind against the path, and fills them in where they are missing.
pub(crate) fn check_type(
    registry: &Registry,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), Failure> {
    let Some(map) = object.as_object_mut() else {
        return Err(Failure::bad_request(
            "the object provided is unrecognized (must be of type object)",
        ));
    };
    let wanted = [
        ("apiVersion", resource.api_version()),
        ("kind", resource.kind.clone()),
    ];
    for (field, wanted) in &wanted {
        if map
            .get(*field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .is_empty()
        {
            map.insert((*field).to_owned(), wanted.clone().into());
        }
    }
    if wanted
        .iter()
        .all(|(field, wanted)| map[*field] == wanted.as_str())
    {
        return Ok(());
    }
    Err(wrong_type(registry, resource, object))
}

/// The text of an object's field.
fn text_of<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn wrong_type(registry: &Registry, resource: &Resource, object: &Value) -> Failure {
    let (api_version, kind) = (text_of(object, "apiVersion"), text_of(object, "kind"));
    if resource.source != Source::Builtin {
        let (noun, given, wanted) = if api_version == resource.api_version() {
            ("kind", kind, resource.kind.clone())
        } else {
            ("API version", api_version, resource.api_version())
        };
        let message = format!(
            "the {noun} in the data ({given}) does not match the expected {noun} ({wanted})"
        );
        return Failure::bad_request(message);
    }
    let (group, version) = split_api_version(api_version);
    let known = registry.of_version(group, version).any(|r| r.kind == kind);
    let wanted = &resource.kind;
    let why = if known {
        let internal = if resource.group.is_empty() {
            "core"
        } else {
            resource.group.as_str()
        };
        let given = format!("{version}.{kind}");
        format!("converting ({given}) to ({internal}.{wanted}): unknown conversion")
    } else {
        format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:110\""
        )
    };
    Failure::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {wanted}: {why}"
    ))
}

/// Checks namespace and name against the path, and fills them in where they are missing.
pub(crate) fn check_place(
    resource: &Resource,
    object: &mut Value,
    path_namespace: &str,
    path_name: Option<&str>,
) -> Result<(), Failure> {
    let given_namespace = namespace(object).to_owned();
    let given_name = name(object).to_owned();
    let metadata = of(object);
    if !resource.namespaced {
        metadata.remove("namespace");
    } else if given_namespace.is_empty() {
        metadata.insert("namespace".to_owned(), path_namespace.into());
    } else if given_namespace != path_namespace {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(message));
    }
    match path_name {
        Some(wanted) if given_name.is_empty() => {
            metadata.insert("name".to_owned(), wanted.into());
        }
        Some(wanted) if given_name != wanted => {
            let message = format!(
                "the name of the object ({given_name}) does not match the name on the URL ({wanted})"
            );
            return Err(Failure::bad_request(message));
        }
        _ => {}
    }
    Ok(())
}

/// Whether the name of a new object is to be made up by the server.
pub(crate) fn wants_generated_name(object: &Value) -> bool {
    name(object).is_empty()
        && object["metadata"]["generateName"]
            .as_str()
            .is_some_and(|g| !g.is_empty())
}

/// Makes up a name from `generateName`.
pub(crate) fn generate_name(object: &mut Value) {
    let prefix = object["metadata"]["generateName"]
        .as_str()
        .unwrap_or_default();
    let room = names::SUBDOMAIN_LIMIT - SUFFIX_LENGTH;
    let mut made: String = prefix.chars().take(room).collect();
    let mut random = rand::rng();
    made.extend(
        (0..SUFFIX_LENGTH)
            .map(|_| char::from(SUFFIX_LETTERS[random.random_range(0..SUFFIX_LETTERS.len())])),
    );
    of(object).insert("name".to_owned(), made.into());
}

/// Metadata of a new object.
pub(crate) fn begin(resource: &Resource, object: &mut Value, now: &str) {
    let metadata = of(object);
    for field in [
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".to_owned(), now.into());
    if resource.generation {
        metadata.insert("generation".to_owned(), 1.into());
    }
    drop_empty(metadata);
}

/// Empty maps and lists of metadata are not stored, as in Kubernetes.
fn drop_empty(metadata: &mut Map<String, Value>) {
    for field in [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
    ] {
        let empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            metadata.remove(field);
        }
    }
}

/// Metadata of a changed object: what is the server's is taken over from the live one.
pub(crate) fn carry_over(live: &Value, object: &mut Value) {
    let old = live["metadata"].as_object();
    let metadata = of(object);
    let fields = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
        "generateName",
        "resourceVersion",
        "namespace",
    ];
    for field in fields {
        match old.and_then(|old| old.get(field)) {
            Some(value) => drop(metadata.insert(field.to_owned(), value.clone())),
            None => drop(metadata.remove(field)),
        }
    }
    drop_empty(metadata);
}

/// Counts a change of anything but metadata and, where it is written apart, status.
pub(crate) fn count_generation(resource: &Resource, live: &Value, object: &mut Value) {
    if !resource.generation {
        return;
    }
    let asked = |value: &Value| -> Map<String, Value> {
        let mut map = value.as_object().cloned().unwrap_or_default();
        map.remove("metadata");
        map.remove("apiVersion");
        if resource.status || resource.source == Source::Builtin {
            map.remove("status");
        }
        map
    };
    if asked(live) != asked(object) {
        let generation = live["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
        of(object).insert("generation".to_owned(), generation.into());
    }
}

/// What is wrong with the metadata of an object about to be stored.
pub(crate) fn check(resource: &Resource, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = name(object);
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if live.is_none() {
        let wrong = match (resource.group.as_str(), resource.plural.as_str()) {
            ("", "namespaces") => names::label(name),
            ("", "services") => names::label_1035(name),
            ("rbac.authorization.k8s.io", _) => names::path_segment(name),
            _ => names::subdomain(name),
        };
        let value = Value::String(name.to_owned());
        causes.extend(
            wrong
                .iter()
                .map(|w| Cause::invalid("metadata.name", &value, w)),
        );
    }
    causes.extend(names::check_metadata(&object["metadata"]));
    let Some(live) = live else { return causes };
    if is_deleting(live) {
        let old = finalizers(live);
        let added: Vec<String> = finalizers(object)
            .into_iter()
            .filter(|f| !old.contains(f))
            .map(|f| format!("\"{f}\""))
            .collect();
        if !added.is_empty() {
            let rule = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &rule));
        }
    }
    causes
}

#[cfg(test)]
mod tests;
