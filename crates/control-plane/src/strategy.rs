//! What is particular to a kind when it is written: defaults, the start of its status, what may not change.
//!
//! Not here: structure and field rules ([`crate::schema`]), plain defaults ([`crate::defaults`]).

use std::fmt::Write;

use serde_json::{Value, json};

use crate::apply::Conflict;
use crate::failure::{Cause, Failure};
use crate::resource::{CRD_PLURAL, Resource, Source};
use crate::server::{Call, Server};
use crate::store::{Key, Range};
use crate::verbs::update::Part;
use crate::{crd, defaults, metadata};

/// Completes a new object.
pub(crate) fn prepare_create(
    server: &Server,
    call: &Call,
    object: &mut Value,
) -> Result<(), Failure> {
    let resource = &call.resource;
    if resource.namespaced {
        check_namespace(server, call, object)?;
    }
    let keeps_status = resource.is_core("nodes");
    if resource.status
        && !keeps_status
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    if resource.source == Source::Builtin {
        defaults::fill(&resource.group, &resource.plural, object);
        begin_status(server, resource, object);
    }
    Ok(())
}

/// The status a new object of a built-in kind has.
fn begin_status(server: &Server, resource: &Resource, object: &mut Value) {
    if resource.group == crate::resource::CRD_GROUP && resource.plural == CRD_PLURAL {
        crd::complete(server, object, None);
        return;
    }
    if !resource.group.is_empty() {
        return;
    }
    match resource.plural.as_str() {
        "pods" => {
            let class = defaults::quality_of_service(object);
            object["status"] = json!({"phase": "Pending", "qosClass": class});
        }
        "namespaces" => {
            let name = metadata::name(object).to_owned();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "persistentvolumeclaims" => {
            object["status"] = json!({"phase": "Pending"});
            add_finalizer(object, "kubernetes.io/pvc-protection");
        }
        "persistentvolumes" => {
            object["status"] = json!({"phase": "Available"});
            add_finalizer(object, "kubernetes.io/pv-protection");
        }
        "services" => object["status"] = json!({"loadBalancer": {}}),
        _ => {}
    }
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !metadata::finalizers(object).contains(&finalizer) {
        let mut all: Vec<String> = metadata::finalizers(object)
            .into_iter()
            .map(str::to_owned)
            .collect();
        all.push(finalizer.to_owned());
        metadata::of(object).insert("finalizers".to_owned(), all.into());
    }
}

/// Objects are created only in namespaces that are there and stay.
fn check_namespace(server: &Server, call: &Call, object: &Value) -> Result<(), Failure> {
    let name = metadata::namespace(object);
    let record = server.store.get(&Key::new("", "namespaces", "", name));
    let Some(record) = record else {
        return Err(Failure::not_found("", "namespaces", name));
    };
    let namespace: Value = serde_json::from_slice(&record.json).unwrap_or_default();
    if metadata::is_deleting(&namespace) {
        let why = format!(
            "unable to create new content in namespace {name} because it is being terminated"
        );
        let (group, plural) = (&call.resource.group, &call.resource.plural);
        return Err(Failure::terminating(
            group,
            plural,
            metadata::name(object),
            &why,
            name,
        ));
    }
    Ok(())
}

/// What admission adds to a new object that passed all checks: defaults that need to look around.
pub(crate) fn admit_create(
    server: &Server,
    call: &Call,
    object: &mut Value,
) -> Result<Vec<String>, Failure> {
    let resource = &call.resource;
    if resource.is_core("persistentvolumeclaims") {
        fill_storage_class(server, object);
    }
    if resource.is_core("services") {
        server.allocate_cluster_ip(object)?;
    }
    Ok(Vec::new())
}

fn fill_storage_class(server: &Server, claim: &mut Value) {
    if !claim["spec"]["storageClassName"].is_null() {
        return;
    }
    let prefix = Key::prefix("storage.k8s.io", "storageclasses", None);
    let classes = server
        .store
        .list(
            Range {
                prefix: &prefix,
                ..Range::default()
            },
            |_, _| true,
        )
        .unwrap_or_default();
    let default = classes.items.iter().find_map(|(_, record)| {
        let class: Value = serde_json::from_slice(&record.json).ok()?;
        let marked = class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
            == "true";
        marked.then(|| metadata::name(&class).to_owned())
    });
    if let Some(name) = default {
        claim["spec"]["storageClassName"] = name.into();
    }
}

/// Puts back the part that this write may not change.
pub(crate) fn keep_other_part(resource: &Resource, part: Part, live: &Value, object: &mut Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    match part {
        Part::Main | Part::Scale if resource.status => match live.get("status") {
            Some(status) => drop(map.insert("status".to_owned(), status.clone())),
            None => drop(map.remove("status")),
        },
        Part::Main | Part::Scale | Part::Binding | Part::Whole => {}
        Part::Status => {
            let status = map.remove("status");
            let managed = map
                .get("metadata")
                .and_then(|m| m.get("managedFields"))
                .cloned();
            let mut kept = live.as_object().cloned().unwrap_or_default();
            match status {
                Some(status) => drop(kept.insert("status".to_owned(), status)),
                None => drop(kept.remove("status")),
            }
            if let (Some(managed), Some(metadata)) = (managed, kept.get_mut("metadata")) {
                metadata["managedFields"] = managed;
            }
            // Built-in kinds let labels and annotations be written along with status.
            if resource.source == Source::Builtin
                && let (Some(sent), Some(metadata)) =
                    (map.get("metadata"), kept.get_mut("metadata"))
            {
                for field in ["labels", "annotations"] {
                    match sent.get(field) {
                        Some(value) => metadata[field] = value.clone(),
                        None => drop(metadata.as_object_mut().map(|m| m.remove(field))),
                    }
                }
                metadata["resourceVersion"] =
                    sent.get("resourceVersion").cloned().unwrap_or_default();
            }
            *map = kept;
        }
    }
}

/// Completes a changed object.
pub(crate) fn prepare_update(
    server: &Server,
    call: &Call,
    part: Part,
    live: &Value,
    object: &mut Value,
) -> Result<(), Failure> {
    let resource = &call.resource;
    if resource.source != Source::Builtin || part != Part::Main {
        return Ok(());
    }
    defaults::keep(&resource.group, &resource.plural, live, object);
    defaults::fill(&resource.group, &resource.plural, object);
    if resource.is_core("services") {
        server.allocate_cluster_ip(object)?;
    }
    if resource.group == crate::resource::CRD_GROUP && resource.plural == CRD_PLURAL {
        crd::complete(server, object, Some(live));
    }
    Ok(())
}

/// What is wrong with an object that only this kind knows.
pub(crate) fn check(
    server: &Server,
    resource: &Resource,
    object: &Value,
    _live: Option<&Value>,
) -> Vec<Cause> {
    if resource.group == crate::resource::CRD_GROUP && resource.plural == CRD_PLURAL {
        return crd::check(server, object);
    }
    Vec::new()
}

/// What may not change.
pub(crate) fn check_update(
    resource: &Resource,
    part: Part,
    live: &Value,
    object: &Value,
) -> Vec<Cause> {
    if resource.source != Source::Builtin || part != Part::Main {
        return Vec::new();
    }
    defaults::frozen(&resource.group, &resource.plural, live, object)
}

/// The failure that tells who owns what an apply wanted to change.
pub(crate) fn apply_conflict(conflicts: &[Conflict]) -> Failure {
    let lines: Vec<(String, String)> = conflicts
        .iter()
        .map(|conflict| {
            let Conflict {
                manager,
                applied,
                api_version,
                subresource,
                time,
                field,
            } = conflict;
            let mut who = format!("{manager:?}");
            if !subresource.is_empty() {
                let _ = write!(who, " with subresource {subresource:?}");
            }
            if !applied {
                let _ = write!(who, " using {api_version}");
                if let Some(time) = time {
                    let _ = write!(who, " at {time}");
                }
            }
            (who, field.clone())
        })
        .collect();
    Failure::apply_conflict(&lines)
}
