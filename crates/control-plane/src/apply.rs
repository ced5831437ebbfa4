//! Server-side apply, and who owns which field after every other write.
//!
//! [`apply`] merges a configuration into the live object: its fields win, fields its manager no longer names are removed
//! unless someone else owns them, and what others own and would change is a conflict unless forced. [`track`] records
//! ownership after create, update and patch. Both write `metadata.managedFields`.
//!
//! Reads: the schema (which lists merge by which keys), the live object with its managedFields, the time as an argument.
//!
//! Invariants: applying the same again changes nothing, the times included; a field that only one manager owned
//! disappears when that manager leaves it out; nothing here fails half-way: an error leaves the live object as it was.
//!
//! Not here: defaulting and validation after the merge (`schema`), the 409 made of conflicts (`failure`), which
//! (sub)resource may change what (the verbs).

mod fields;
mod managed;
mod merge;
mod path;
mod set;
mod typed;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::schema::Schema;
use fields::{Difference, difference, fields_of, without};
use managed::{Managed, Operation, Owned, Owner};
use path::Step;
use set::Set;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who applies, and how.
#[derive(Clone, Debug)]
pub(crate) struct Manager<'a> {
    /// The field manager's name.
    pub(crate) name: &'a str,
    /// The endpoint, e.g. `status`.
    pub(crate) subresource: Option<&'a str>,
    /// Take over what others own.
    pub(crate) force: bool,
}

/// A field that someone else owns and the applied configuration would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The owner.
    pub(crate) manager: String,
    /// The owner wrote by apply, so it has no version and time in messages.
    pub(crate) applied: bool,
    /// The version the owner wrote in.
    pub(crate) api_version: String,
    /// The endpoint the owner wrote to, or empty.
    pub(crate) subresource: String,
    /// When the owner wrote; a kube-apiserver never tells.
    pub(crate) time: Option<String>,
    /// The field: `.spec.replicas`.
    pub(crate) field: String,
}

/// Why a configuration cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Others own some of its fields.
    Conflicts(Vec<Conflict>),
    /// It makes no sense, e.g. a list names an item twice.
    Malformed(String),
}

/// The live object with the applied configuration merged in, managedFields included.
///
/// `live` is none where there is no object yet. Input that changes nothing gives the live object back, equal.
pub(crate) fn apply(
    live: Option<&Value>,
    applied: &Value,
    manager: &Manager,
    schema: &Schema,
    now: &str,
) -> Result<Value, Error> {
    typed::check(schema, applied).map_err(Error::Malformed)?;
    match attempt(live, applied, manager, schema, now) {
        // kubectl may take over what its own client-side apply wrote.
        Err(Error::Conflicts(conflicts)) if manager.name == "kubectl" && !manager.force => {
            let Some(own) = live.and_then(|live| last_applied_fields(schema, live)) else {
                return Err(Error::Conflicts(conflicts));
            };
            let own: Vec<String> = own.paths().iter().map(|path| path_text(path)).collect();
            let foreign: Vec<Conflict> = conflicts
                .into_iter()
                .filter(|c| !own.contains(&c.field))
                .collect();
            if foreign.is_empty() {
                attempt(
                    live,
                    applied,
                    &Manager {
                        force: true,
                        ..manager.clone()
                    },
                    schema,
                    now,
                )
            } else {
                Err(Error::Conflicts(foreign))
            }
        }
        outcome => outcome,
    }
}

fn attempt(
    live: Option<&Value>,
    applied: &Value,
    manager: &Manager,
    schema: &Schema,
    now: &str,
) -> Result<Value, Error> {
    let node = schema.root();
    let empty = crate::schema::nothing(schema);
    let mut before = live.unwrap_or(&empty).clone();
    let mut managed = Managed::of(&before).unwrap_or_default();
    strip_managed(&mut before);
    let mut applied = applied.clone();
    strip_managed(&mut applied);
    if live.is_some() && managed.0.is_empty() {
        let change =
            difference(node, &empty, &before).without(&ignored(schema, manager.subresource));
        own_updates(
            &mut managed,
            "before-first-apply",
            manager.subresource,
            schema,
            now,
            &change,
        );
    }

    let owner = Owner {
        manager: manager.name.to_owned(),
        operation: Operation::Apply,
        api_version: String::new(),
        subresource: manager.subresource.unwrap_or("").to_owned(),
    };
    let ignored = ignored(schema, manager.subresource);
    let merged = merge::merged(node, &before, &applied).map_err(Error::Malformed)?;
    let set = fields_of(node, &applied).recursive_difference(&ignored);
    let last = managed.0.get(&owner).cloned();
    let time = last.as_ref().and_then(|last| last.time.clone());
    managed.0.insert(
        owner.clone(),
        Owned {
            fields: set,
            api_version: schema.api_version(),
            time,
        },
    );

    let merged = match last.as_ref().filter(|last| !last.fields.is_empty()) {
        Some(last) => prune(schema, &merged, &managed, &last.fields),
        None => merged,
    };

    let change = difference(node, &before, &merged).without(&ignored);
    take_over(&mut managed, &owner, &change, manager.force)?;
    if let Some(owned) = managed.0.get_mut(&owner) {
        owned.fields = owned.fields.difference(&never_owned());
    }
    managed.drop_empty();

    let unchanged = live.is_some() && merged == before;
    let mut out = if unchanged { before } else { merged };
    if !unchanged && let Some(owned) = managed.0.get_mut(&owner) {
        owned.time = Some(now.to_owned());
    }
    if manager.name == "kubectl" {
        refresh_last_applied(&mut out, &applied);
    }
    if out.get("metadata").is_none() {
        insert(&mut out, "metadata", json!({}));
    }
    managed.write(&mut out);
    Ok(out)
}

/// Records who owns what after a write that is no apply. Equal content keeps the old entries and their times.
pub(crate) fn track(
    old: Option<&Value>,
    new: &mut Value,
    manager: &str,
    subresource: Option<&str>,
    schema: &Schema,
    now: &str,
) {
    let empty = crate::schema::nothing(schema);
    let mut before = old.unwrap_or(&empty).clone();
    let lived = Managed::of(&before).unwrap_or_default();
    let mut managed = match new
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
    {
        _ if subresource.is_some_and(|s| !s.is_empty()) => lived,
        // An empty list, or one empty entry, asks to forget all owners.
        Some(entries)
            if entries
                .iter()
                .all(|e| e.as_object().is_some_and(Map::is_empty))
                && entries.len() <= 1 =>
        {
            Managed::default()
        }
        Some(entries) => match Managed::read(entries) {
            Some(given) if !given.0.is_empty() => given,
            _ => lived,
        },
        None => lived,
    };
    strip_managed(&mut before);
    strip_managed(new);
    if old.is_some() && managed.0.is_empty() {
        // Nobody tracks this object until it is applied.
        return;
    }
    let change = difference(schema.root(), &before, new).without(&ignored(schema, subresource));
    own_updates(&mut managed, manager, subresource, schema, now, &change);
    managed.cap_updaters();
    managed.write(new);
}

/// Whether a write changes nothing but the times at which owners wrote: then it is none, and those stay.
pub(crate) fn is_no_write(live: &Value, new: &Value) -> bool {
    let timeless = |object: &Value| {
        let entries = object.pointer("/metadata/managedFields");
        let mut entries = entries
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        // Their order follows from the times.
        entries.sort_by_cached_key(ToString::to_string);
        entries
    };
    let content = |object: &Value| {
        let mut object = object.clone();
        strip_managed(&mut object);
        object
    };
    live == new || (timeless(live) == timeless(new) && content(live) == content(new))
}

/// Gives an updater the fields it changed and takes them, and what it removed, from everyone.
fn own_updates(
    managed: &mut Managed,
    manager: &str,
    subresource: Option<&str>,
    schema: &Schema,
    now: &str,
    change: &Difference,
) {
    let touched = change.modified.union(&change.added);
    for owned in managed.0.values_mut() {
        let lost = owned.fields.intersection(&touched);
        owned.fields = owned.fields.difference(&lost).difference(&change.removed);
    }
    managed.drop_empty();
    let gained = touched.difference(&never_owned());
    if gained.is_empty() {
        return;
    }
    let name = if manager.is_empty() {
        "unknown"
    } else {
        manager
    };
    let owner = Owner {
        manager: name.to_owned(),
        operation: Operation::Update,
        api_version: schema.api_version(),
        subresource: subresource.unwrap_or("").to_owned(),
    };
    let owned = managed.0.entry(owner).or_insert_with(|| Owned {
        fields: Set::default(),
        api_version: schema.api_version(),
        time: None,
    });
    owned.fields = owned.fields.union(&gained);
    owned.time = Some(now.to_owned());
}

/// Takes what an applier changed from its other owners, or tells whose it is.
fn take_over(
    managed: &mut Managed,
    owner: &Owner,
    change: &Difference,
    force: bool,
) -> Result<(), Error> {
    let touched = change.modified.union(&change.added);
    let lost: BTreeMap<Owner, Set> = managed
        .0
        .iter()
        .filter(|(other, _)| *other != owner)
        .map(|(other, owned)| (other.clone(), owned.fields.intersection(&touched)))
        .filter(|(_, lost)| !lost.is_empty())
        .collect();
    if !force && !lost.is_empty() {
        let conflicts = lost.iter().flat_map(|(other, fields)| {
            fields.paths().into_iter().map(|path| Conflict {
                manager: other.manager.clone(),
                applied: other.operation == Operation::Apply,
                api_version: other.api_version.clone(),
                subresource: other.subresource.clone(),
                time: None,
                field: path_text(&path),
            })
        });
        return Err(Error::Conflicts(conflicts.collect()));
    }
    for (other, owned) in managed.0.iter_mut().filter(|(other, _)| *other != owner) {
        if let Some(lost) = lost.get(other) {
            owned.fields = owned.fields.difference(lost);
        }
        owned.fields = owned.fields.difference(&change.removed);
    }
    managed.drop_empty();
    Ok(())
}

/// Removes what the manager applied before and no longer does, unless someone owns it.
fn prune(schema: &Schema, merged: &Value, managed: &Managed, last: &Set) -> Value {
    let node = schema.root();
    let named = |set: &Set| set.with_named_fields(Some(node));
    let remove = |set: &Set| without(node, merged, set).unwrap_or_else(|| json!({}));
    let last = named(last);
    let pruned = remove(&last);
    let owned = managed
        .0
        .values()
        .fold(Set::default(), |all, owned| all.union(&owned.fields));
    let all = named(&fields_of(node, merged));
    // What somebody owns comes back …
    let kept = named(&fields_of(node, &pruned)).union(&named(&owned));
    let pruned = remove(&all.difference(&kept));
    // … and so does what the manager never owned.
    let gone = all.difference(&named(&fields_of(node, &pruned)));
    remove(&gone.intersection(&last))
}

/// Fields that an endpoint does not let a write change, so that nobody owns them through it.
fn ignored(schema: &Schema, subresource: Option<&str>) -> Set {
    let mut out = Set::default();
    let field = |name: &str| Step::Field(name.to_owned());
    match subresource.unwrap_or("") {
        "" if schema.has_status() => out.insert(&[field("status")]),
        "status" => {
            out.insert(&[field("spec")]);
            match (schema.is_custom(), schema.kind()) {
                (false, "Pod") => {
                    out.insert(&[field("metadata"), field("deletionTimestamp")]);
                    out.insert(&[field("metadata"), field("ownerReferences")]);
                }
                (false, "Deployment" | "DaemonSet") => {
                    out.insert(&[field("metadata"), field("labels")]);
                }
                (false, "CustomResourceDefinition") => out.insert(&[field("metadata")]),
                _ => {}
            }
        }
        _ => {}
    }
    out
}

/// Fields that belong to the server.
fn never_owned() -> Set {
    let field = |name: &str| Step::Field(name.to_owned());
    let mut out = Set::default();
    for name in ["apiVersion", "kind", "metadata"] {
        out.insert(&[field(name)]);
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        out.insert(&[field("metadata"), field(name)]);
    }
    out
}

/// The fields that client-side apply wrote and nobody changed since.
fn last_applied_fields(schema: &Schema, live: &Value) -> Option<Set> {
    let text = live
        .get("metadata")?
        .get("annotations")?
        .get(LAST_APPLIED)?
        .as_str()?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(schema.api_version().as_str()) {
        return None;
    }
    let node = schema.root();
    let mut live = live.clone();
    strip_managed(&mut live);
    let change = difference(node, &last, &live);
    let own = fields_of(node, &last);
    Some(
        own.difference(&change.modified)
            .difference(&change.added)
            .difference(&change.removed),
    )
}

/// An object that client-side apply once wrote keeps its annotation true, so that both ways can be mixed.
fn refresh_last_applied(object: &mut Value, applied: &Value) {
    let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    if annotations
        .get(LAST_APPLIED)
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return;
    }
    let mut last = applied.clone();
    if let Some(annotations) = last
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(LAST_APPLIED);
    }
    // Go's encoder writes these so, for the sake of HTML; clients compare the text.
    let text = format!("{last}\n")
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    annotations.insert(LAST_APPLIED.to_owned(), Value::String(text));
}

fn strip_managed(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn path_text(path: &[Step]) -> String {
    path.iter().map(ToString::to_string).collect()
}
