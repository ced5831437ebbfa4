//! Defaults of built-in kinds that a kube-apiserver fills in, what an update may leave out, and what it may not change.
//! Pure. Pod specs are in [`pod`], the rest here; CRDs bring their own defaults.

mod pod;
mod service;

use serde_json::{Value, json};

use crate::failure::Cause;

pub(crate) use pod::quality_of_service;

/// Sets a field that is missing or null.
fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut()
        && map.get(field).is_none_or(Value::is_null)
    {
        map.insert(field.to_owned(), value.into());
    }
}

/// An object field, made if it is missing.
fn inner<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    set(object, field, json!({}));
    &mut object[field]
}

/// The items of a list field; nothing where there is none.
pub(crate) fn each<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// What admission adds to a Pod.
pub(crate) fn admit_pod(pod: &mut Value) {
    pod::admit(inner(pod, "spec"));
}

/// Fills in what is missing.
pub(crate) fn fill(group: &str, plural: &str, object: &mut Value) {
    match (group, plural) {
        ("", "pods") => pod::fill_spec(inner(object, "spec"), true),
        ("", "services") => service::fill(object),
        ("", "secrets") => fill_secret(object),
        ("", "persistentvolumeclaims") => set(inner(object, "spec"), "volumeMode", "Filesystem"),
        ("", "persistentvolumes") => {
            set(inner(object, "spec"), "volumeMode", "Filesystem");
            set(
                &mut object["spec"],
                "persistentVolumeReclaimPolicy",
                "Retain",
            );
        }
        ("apps", "deployments") => fill_deployment(object),
        ("apps", "replicasets") | ("", "replicationcontrollers") => {
            set(inner(object, "spec"), "replicas", 1);
            fill_template(&mut object["spec"]);
        }
        ("apps", "statefulsets") => fill_stateful_set(object),
        ("apps", "daemonsets") => {
            let spec = inner(object, "spec");
            set(spec, "revisionHistoryLimit", 10);
            set(
                spec,
                "updateStrategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}),
            );
            fill_template(spec);
        }
        ("batch", "jobs") => fill_job(inner(object, "spec")),
        ("batch", "cronjobs") => {
            let spec = inner(object, "spec");
            for (field, value) in [
                ("concurrencyPolicy", json!("Allow")),
                ("suspend", json!(false)),
                ("successfulJobsHistoryLimit", json!(3)),
                ("failedJobsHistoryLimit", json!(1)),
            ] {
                set(spec, field, value);
            }
            let template = inner(spec, "jobTemplate");
            fill_job(inner(template, "spec"));
        }
        ("storage.k8s.io", "storageclasses") => {
            set(object, "reclaimPolicy", "Delete");
            set(object, "volumeBindingMode", "Immediate");
        }
        ("networking.k8s.io", "networkpolicies") => fill_network_policy(inner(object, "spec")),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            fill_binding(object);
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            set(object, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            set(
                inner(object, "spec"),
                "conversion",
                json!({"strategy": "None"}),
            );
        }
        _ => {}
    }
}

fn fill_secret(object: &mut Value) {
    use base64::Engine;
    set(object, "type", "Opaque");
    let Some(map) = object.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(texts)) = map.remove("stringData") {
        let data = inner(object, "data");
        for (key, text) in texts {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
            data[key] = encoded.into();
        }
    }
}

fn fill_template(spec: &mut Value) {
    let template = inner(spec, "template");
    pod::fill_spec(inner(template, "spec"), false);
}

fn fill_deployment(object: &mut Value) {
    let spec = inner(object, "spec");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
    set(spec, "strategy", json!({}));
    set(&mut spec["strategy"], "type", "RollingUpdate");
    if spec["strategy"]["type"] == "RollingUpdate" {
        let rolling = inner(&mut spec["strategy"], "rollingUpdate");
        set(rolling, "maxUnavailable", "25%");
        set(rolling, "maxSurge", "25%");
    }
    fill_template(spec);
}

fn fill_stateful_set(object: &mut Value) {
    let spec = inner(object, "spec");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "podManagementPolicy", "OrderedReady");
    set(
        spec,
        "updateStrategy",
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
    );
    set(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
    );
    fill_template(spec);
    for claim in each(spec, "volumeClaimTemplates") {
        set(claim, "apiVersion", "v1");
        set(claim, "kind", "PersistentVolumeClaim");
        set(inner(claim, "spec"), "volumeMode", "Filesystem");
        set(claim, "status", json!({"phase": "Pending"}));
    }
}

fn fill_job(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        set(spec, "completions", 1);
    }
    for (field, value) in [
        ("parallelism", json!(1)),
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
    ] {
        set(spec, field, value);
    }
    fill_template(spec);
}

fn fill_network_policy(spec: &mut Value) {
    if spec["policyTypes"].is_null() {
        let mut types = vec!["Ingress"];
        if spec["egress"].as_array().is_some_and(|e| !e.is_empty()) {
            types.push("Egress");
        }
        spec["policyTypes"] = json!(types);
    }
    for direction in ["ingress", "egress"] {
        for rule in each(spec, direction) {
            for port in each(rule, "ports") {
                set(port, "protocol", "TCP");
            }
        }
    }
}

fn fill_binding(object: &mut Value) {
    if object["roleRef"].is_object() {
        set(
            &mut object["roleRef"],
            "apiGroup",
            "rbac.authorization.k8s.io",
        );
    }
    for subject in each(object, "subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            set(subject, "apiGroup", "rbac.authorization.k8s.io");
        }
    }
}

/// Takes over from the live object what an update may leave out.
pub(crate) fn keep(group: &str, plural: &str, live: &Value, object: &mut Value) {
    match (group, plural) {
        ("", "services") => service::keep(live, object),
        ("", "persistentvolumeclaims") => {
            for field in ["volumeName", "storageClassName", "volumeMode"] {
                if let Some(value) = live["spec"].get(field) {
                    set(inner(object, "spec"), field, value.clone());
                }
            }
        }
        ("", "namespaces") => {
            object["spec"] = live["spec"].clone();
            let name = crate::metadata::name(live).to_owned();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
        }
        ("", "pods") => {
            for field in [
                "nodeName",
                "serviceAccountName",
                "priority",
                "preemptionPolicy",
            ] {
                if let Some(value) = live["spec"].get(field) {
                    set(inner(object, "spec"), field, value.clone());
                }
            }
        }
        _ => {}
    }
}

/// What an update changes and may not.
pub(crate) fn frozen(group: &str, plural: &str, live: &Value, object: &Value) -> Vec<Cause> {
    const RULE: &str = "field is immutable";
    let immutable = |path: &str, rule: &str| {
        let pointer = format!("/{}", path.replace('.', "/"));
        let (old, new) = (live.pointer(&pointer), object.pointer(&pointer));
        let changed = old.unwrap_or(&Value::Null) != new.unwrap_or(&Value::Null);
        changed.then(|| Cause::invalid(path, new.unwrap_or(&Value::Null), rule))
    };
    match (group, plural) {
        ("", "pods") => pod::frozen(live, object),
        ("", "services") => service::frozen(live, object),
        ("", "secrets" | "configmaps") => frozen_contents(plural, live, object),
        ("", "persistentvolumeclaims") => frozen_claim(live, object),
        ("apps", "deployments" | "replicasets" | "daemonsets") => {
            immutable("spec.selector", RULE).into_iter().collect()
        }
        ("apps", "statefulsets") => frozen_stateful_set(live, object),
        ("batch", "jobs") => ["spec.selector", "spec.completions"]
            .iter()
            .filter_map(|path| immutable(path, RULE))
            .collect(),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            immutable("roleRef", "cannot change roleRef")
                .into_iter()
                .collect()
        }
        ("storage.k8s.io", "storageclasses") => [
            "provisioner",
            "parameters",
            "reclaimPolicy",
            "volumeBindingMode",
        ]
        .iter()
        .filter_map(|path| immutable(path, RULE))
        .collect(),
        _ => Vec::new(),
    }
}

fn frozen_contents(plural: &str, live: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if plural == "secrets" && live["type"] != object["type"] {
        causes.push(Cause::invalid(
            "type",
            &object["type"],
            "field is immutable",
        ));
    }
    if live["immutable"] == true {
        const RULE: &str = "field is immutable when `immutable` is set";
        if object["immutable"] != true {
            causes.push(Cause::forbidden("immutable", RULE));
        }
        for field in ["data", "binaryData"] {
            if live.get(field) != object.get(field) {
                causes.push(Cause::forbidden(field, RULE));
            }
        }
    }
    causes
}

fn frozen_claim(live: &Value, object: &Value) -> Vec<Cause> {
    const RULE: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    let bound = live["status"]["phase"] == "Bound";
    let fixed = |claim: &Value| {
        let mut spec = claim["spec"].as_object().cloned().unwrap_or_default();
        spec.remove("volumeAttributesClassName");
        if live["spec"]["volumeName"].is_null() {
            spec.remove("volumeName");
        }
        if let Some(Value::Object(requests)) = spec
            .get_mut("resources")
            .and_then(|r| r.get_mut("requests"))
            && bound
        {
            requests.remove("storage");
        }
        spec
    };
    if fixed(live) == fixed(object) {
        return Vec::new();
    }
    vec![Cause::forbidden("spec", RULE)]
}

fn frozen_stateful_set(live: &Value, object: &Value) -> Vec<Cause> {
    const RULE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let fixed = |set: &Value| {
        let mut spec = set["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|field, _| !FREE.contains(&field.as_str()));
        spec
    };
    if fixed(live) == fixed(object) {
        return Vec::new();
    }
    vec![Cause::forbidden("spec", RULE)]
}

#[cfg(test)]
mod tests;
