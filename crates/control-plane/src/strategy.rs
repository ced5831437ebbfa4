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

/// Fills in the plain defaults of a new object; its status is the server's.
pub(crate) fn default_new(resource: &Resource, object: &mut Value) {
    let keeps_status = resource.is_core("nodes");
    if resource.status
        && !keeps_status
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    if resource.source == Source::Builtin {
        defaults::fill(&resource.group, &resource.plural, object);
    }
}

/// The status a new object of a built-in kind has.
pub(crate) fn begin_status(server: &Server, resource: &Resource, object: &mut Value) {
    if resource.source != Source::Builtin {
        return;
    }
    if resource.group == crate::resource::CRD_GROUP && resource.plural == CRD_PLURAL {
        crd::complete(server, object, None);
        return;
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apps", "deployments") | ("batch", "jobs" | "cronjobs") | ("", "resourcequotas") => {
            object["status"] = json!({});
        }
        ("apps", "replicasets") | ("", "replicationcontrollers") => {
            object["status"] = json!({"replicas": 0});
        }
        ("apps", "statefulsets") => {
            object["status"] = json!({"replicas": 0, "availableReplicas": 0});
        }
        ("apps", "daemonsets") => {
            object["status"] = json!({
                "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
            });
        }
        ("policy", "poddisruptionbudgets") => {
            object["status"] = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
        }
        ("autoscaling", "horizontalpodautoscalers") => {
            object["status"] = json!({"currentMetrics": null, "desiredReplicas": 0});
        }
        ("", "pods") => {
            let class = defaults::quality_of_service(object);
            object["status"] = json!({"phase": "Pending", "qosClass": class});
        }
        ("", "namespaces") => {
            let name = metadata::name(object).to_owned();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            let mut finalizers = object["spec"]["finalizers"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            if !finalizers.iter().any(|f| f == "kubernetes") {
                finalizers.push("kubernetes".into());
            }
            object["spec"] = json!({"finalizers": finalizers});
            object["status"] = json!({"phase": "Active"});
        }
        ("", "persistentvolumeclaims") => {
            object["status"] = json!({"phase": "Pending"});
            add_finalizer(object, "kubernetes.io/pvc-protection");
        }
        ("", "persistentvolumes") => {
            object["status"] = json!({"phase": "Available"});
            add_finalizer(object, "kubernetes.io/pv-protection");
        }
        ("", "services") | ("networking.k8s.io", "ingresses") => {
            object["status"] = json!({"loadBalancer": {}});
        }
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
pub(crate) fn check_namespace(
    server: &Server,
    resource: &Resource,
    object: &Value,
) -> Result<(), Failure> {
    if !resource.namespaced {
        return Ok(());
    }
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
        let (group, plural) = (&resource.group, &resource.plural);
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

/// What admission adds to a new object: defaults that need to look around.
pub(crate) fn admit(server: &Server, resource: &Resource, object: &mut Value) {
    if resource.is_core("pods") {
        defaults::admit_pod(object);
    }
    if resource.is_core("persistentvolumeclaims") {
        fill_storage_class(server, object);
    }
}

/// What is given out to an object that passed all checks.
pub(crate) fn allocate(
    server: &Server,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), Failure> {
    if resource.is_core("services") {
        server.allocate_cluster_ip(object)?;
    }
    Ok(())
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
            // Built-in kinds let labels and annotations be written along with status. Custom ones do not, but who
            // tried is an owner of them: a kube-apiserver tells owners before it drops what they may not write.
            if let (Some(sent), Some(metadata)) = (map.get("metadata"), kept.get_mut("metadata")) {
                copy_labels(sent, metadata);
                metadata["resourceVersion"] =
                    sent.get("resourceVersion").cloned().unwrap_or_default();
            }
            *map = kept;
        }
    }
}

/// Labels and annotations of one object's metadata into another's.
fn copy_labels(from: &Value, to: &mut Value) {
    for field in ["labels", "annotations"] {
        match from.get(field) {
            Some(value) => to[field] = value.clone(),
            None => drop(to.as_object_mut().map(|m| m.remove(field))),
        }
    }
}

/// Puts back labels and annotations.
pub(crate) fn keep_labels(live: &Value, object: &mut Value) {
    copy_labels(&live["metadata"], &mut object["metadata"]);
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
    if resource.is_core("pods") && part == Part::Status {
        fill_pod_ips(object);
    }
    if resource.source != Source::Builtin || part != Part::Main {
        return Ok(());
    }
    defaults::keep(&resource.group, &resource.plural, live, object);
    defaults::fill(&resource.group, &resource.plural, object);
    if resource.is_core("pods") {
        defaults::admit_pod(object);
    }
    allocate(server, resource, object)?;
    if resource.group == crate::resource::CRD_GROUP && resource.plural == CRD_PLURAL {
        crd::complete(server, object, Some(live));
    }
    Ok(())
}

/// The address of a Pod is also the first of its addresses.
fn fill_pod_ips(pod: &mut Value) {
    let Some(ip) = pod["status"]["podIP"]
        .as_str()
        .filter(|ip| !ip.is_empty())
        .map(str::to_owned)
    else {
        return;
    };
    if pod["status"]["podIPs"][0]["ip"] != ip.as_str() {
        pod["status"]["podIPs"] = json!([{"ip": ip}]);
    }
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
                time: _,
                field,
            } = conflict;
            let mut who = format!("{manager:?}");
            if !subresource.is_empty() {
                let _ = write!(who, " with subresource {subresource:?}");
            }
            if !applied {
                let _ = write!(who, " using {api_version}");
            }
            (who, field.clone())
        })
        .collect();
    Failure::apply_conflict(&lines)
}
