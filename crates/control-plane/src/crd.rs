//! `CustomResourceDefinition`s: what is completed in them, what is refused, and their status.
//!
//! A definition that passes the checks is served at once, so `NamesAccepted` and `Established` are true from the start.

use serde_json::{Value, json};

use crate::failure::Cause;
use crate::metadata;
use crate::resource::Source;
use crate::schema::Schema;
use crate::server::Server;

/// Holds a definition until its objects are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Completes names and writes the status.
pub(crate) fn complete(server: &Server, object: &mut Value, live: Option<&Value>) {
    let names = &mut object["spec"]["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    let accepted = names.clone();
    let mut stored: Vec<Value> = live
        .and_then(|l| l["status"]["storedVersions"].as_array())
        .cloned()
        .unwrap_or_default();
    for version in object["spec"]["versions"].as_array().into_iter().flatten() {
        if version["storage"] == true && !stored.contains(&version["name"]) {
            stored.push(version["name"].clone());
        }
    }
    let now = server.clock.text();
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now});
    let kept = live
        .and_then(|l| l["status"]["conditions"].as_array())
        .filter(|c| !c.is_empty())
        .cloned();
    let conditions = kept.unwrap_or_else(|| {
        vec![
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition(
                "Established",
                "InitialNamesAccepted",
                "the initial names have been accepted",
            ),
        ]
    });
    object["status"] =
        json!({"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored});
}

/// What is wrong with a definition.
pub(crate) fn check(server: &Server, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let wanted = format!("{plural}.{group}");
    if metadata::name(object) != wanted {
        let rule = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid(
            "metadata.name",
            &object["metadata"]["name"],
            rule,
        ));
    }
    for (field, value) in [
        ("spec.group", &group),
        ("spec.names.plural", &plural),
        ("spec.names.kind", &text(&spec["names"]["kind"])),
    ] {
        if value.is_empty() {
            causes.push(Cause::required(field, ""));
        }
    }
    if !matches!(spec["scope"].as_str(), Some("Cluster" | "Namespaced")) {
        causes.push(Cause::unsupported(
            "spec.scope",
            &spec["scope"],
            &["Cluster", "Namespaced"],
        ));
    }
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let rule = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], rule));
    }
    if spec["conversion"]["strategy"] == "Webhook" {
        let supported = ["None"];
        causes.push(Cause::unsupported(
            "spec.conversion.strategy",
            &json!("Webhook"),
            &supported,
        ));
    }
    causes.extend(names_taken(server, object, &group));
    causes.extend(Schema::check_crd(object));
    causes
}

/// Names in the group that another definition, or a built-in resource, has already.
fn names_taken(server: &Server, object: &Value, group: &str) -> Vec<Cause> {
    let registry = server.registry();
    let names = &object["spec"]["names"];
    let own = metadata::name(object);
    let mut causes = Vec::new();
    let others: Vec<_> = registry
        .stored()
        .filter(|r| r.group == group && r.qualified() != own)
        .collect();
    if others.iter().any(|r| r.source == Source::Builtin) {
        causes.push(Cause::invalid(
            "spec.group",
            &object["spec"]["group"],
            "the group is built in",
        ));
    }
    let kind = names["kind"].as_str().unwrap_or_default();
    if others.iter().any(|r| r.kind == kind || r.list_kind == kind) {
        let rule = format!("\"{kind}\" is already in use");
        causes.push(Cause::invalid("spec.names.kind", &names["kind"], &rule));
    }
    causes
}
