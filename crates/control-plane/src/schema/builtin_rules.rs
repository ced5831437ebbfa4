//! Rules on values that no schema states: what built-in kinds demand of their fields.
//!
//! Reads the schema's identity, the new object and the old one. A choice of a kube-apiserver's rules, in its words and
//! its order: those that a person with a wrong manifest meets. A rule that an object broke before an update is not
//! held against the update.
//! Not here: `metadata` and what may not change (the verbs).

mod pod;
mod service;

use serde_json::Value;

use super::{Schema, format, text};
use crate::failure::Cause;

/// The kind and version of a custom resource are those of its endpoint.
pub(crate) fn type_meta(schema: &Schema, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, wanted) in [
        ("kind", schema.kind().to_owned()),
        ("apiVersion", schema.api_version()),
    ] {
        let given = new.get(key).and_then(Value::as_str).unwrap_or("");
        if given != wanted {
            causes.push(invalid(key, given, &format!("must be {wanted}")));
        }
    }
    causes
}

/// Mistakes of a built-in kind.
pub(crate) fn check(schema: &Schema, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = broken(schema, new);
    if let Some(old) = old.filter(|_| !causes.is_empty()) {
        let before = broken(schema, old);
        causes.retain(|cause| !before.contains(cause));
    }
    causes
}

fn broken(schema: &Schema, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (schema.group.as_str(), schema.kind()) {
        ("", "Pod") => pod::spec(&object["spec"], "spec", &mut causes),
        ("", "Service") => service::check(object, &mut causes),
        ("", "ConfigMap") => config_map(object, &mut causes),
        ("", "Secret") => secret(object, &mut causes),
        ("", "PersistentVolumeClaim") => claim(object, &mut causes),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => {
            workload(object, &mut causes);
        }
        ("policy", "PodDisruptionBudget") => budget(object, &mut causes),
        ("coordination.k8s.io", "Lease") => lease(object, &mut causes),
        ("storage.k8s.io", "StorageClass") => {
            required(object, "provisioner", "provisioner", &mut causes);
        }
        _ => {}
    }
    causes
}

fn config_map(object: &Value, causes: &mut Vec<Cause>) {
    let binary = object["binaryData"].as_object();
    for key in object["data"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
    {
        config_key("data", key, causes);
        if binary.is_some_and(|binary| binary.contains_key(key)) {
            let rule = "duplicate of key present in binaryData";
            causes.push(invalid(&format!("data[{key}]"), key, rule));
        }
    }
    for key in binary.into_iter().flat_map(|map| map.keys()) {
        config_key("binaryData", key, causes);
    }
}

fn secret(object: &Value, causes: &mut Vec<Cause>) {
    for key in object["data"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
    {
        config_key("data", key, causes);
    }
    let needed: &[&str] = match object["type"].as_str().unwrap_or("") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        _ => &[],
    };
    for key in needed {
        if object["data"].get(key).is_none() {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    }
}

fn config_key(field: &str, key: &str, causes: &mut Vec<Cause>) {
    let at = format!("{field}[{key}]");
    if key.len() > 253 {
        causes.push(invalid(&at, key, "must be no more than 253 bytes"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if key.is_empty() || !key.chars().all(fits) {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                    'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        causes.push(invalid(&at, key, rule));
    } else if key == "." || key == ".." {
        causes.push(invalid(&at, key, &format!("must not be '{key}'")));
    } else if key.starts_with("..") {
        causes.push(invalid(&at, key, "must not start with '..'"));
    }
}

fn claim(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        let rule = "at least 1 access mode is required";
        causes.push(Cause::required("spec.accessModes", rule));
    }
    let supported = [
        "ReadOnlyMany",
        "ReadWriteMany",
        "ReadWriteOnce",
        "ReadWriteOncePod",
    ];
    for mode in spec["accessModes"].as_array().into_iter().flatten() {
        one_of(mode, "spec.accessModes", &supported, causes);
    }
    if spec["resources"]["requests"].get("storage").is_none() {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
    if !spec["volumeMode"].is_null() {
        one_of(
            &spec["volumeMode"],
            "spec.volumeMode",
            &["Block", "Filesystem"],
            causes,
        );
    }
}

fn workload(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let field = "spec.replicas".to_owned();
        causes.push(Cause {
            reason: "FieldValueInvalid",
            field,
            message,
        });
    }
    let labels = &spec["template"]["metadata"]["labels"];
    match &spec["selector"] {
        Value::Null => causes.push(Cause::required("spec.selector", "")),
        selector if !selects(selector, labels) => {
            let shown = if labels.is_null() {
                "null".to_owned()
            } else {
                labels.to_string()
            };
            causes.push(Cause {
                reason: "FieldValueInvalid",
                field: "spec.template.metadata.labels".to_owned(),
                message: format!(
                    "Invalid value: {shown}: `selector` does not match template `labels`"
                ),
            });
        }
        _ => {}
    }
    pod::spec(&spec["template"]["spec"], "spec.template.spec", causes);
}

/// Whether a label selector holds; expressions are left to those who select.
fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object();
    wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn budget(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let given = |field: &str| !spec[field].is_null();
    if given("minAvailable") && given("maxUnavailable") {
        // The value is printed as Go prints the struct.
        let shown = |field: &str| spec[field].to_string();
        let (least, most) = (shown("minAvailable"), shown("maxUnavailable"));
        let (selector, policy) = (shown("selector"), shown("unhealthyPodEvictionPolicy"));
        let value = format!(
            "{{\"MinAvailable\":{least},\"Selector\":{selector},\"MaxUnavailable\":{most},\"UnhealthyPodEvictionPolicy\":{policy}}}"
        );
        causes.push(Cause {
            reason: "FieldValueInvalid",
            field: "spec".to_owned(),
            message: format!(
                "Invalid value: {value}: minAvailable and maxUnavailable cannot be both set"
            ),
        });
    }
}

fn lease(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    if let Some(seconds) = spec["leaseDurationSeconds"]
        .as_i64()
        .filter(|seconds| *seconds <= 0)
    {
        causes.push(out_of_range(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
    if let Some(count) = spec["leaseTransitions"].as_i64().filter(|count| *count < 0) {
        let rule = "must be greater than or equal to 0";
        causes.push(out_of_range("spec.leaseTransitions", count, rule));
    }
}

fn invalid(field: &str, value: &str, rule: &str) -> Cause {
    let message = format!("Invalid value: {}: {rule}", text::quote(value));
    Cause {
        reason: "FieldValueInvalid",
        field: field.to_owned(),
        message,
    }
}

fn out_of_range(field: &str, value: i64, rule: &str) -> Cause {
    let message = format!("Invalid value: {value}: {rule}");
    Cause {
        reason: "FieldValueInvalid",
        field: field.to_owned(),
        message,
    }
}

fn duplicate(field: &str, value: &str) -> Cause {
    let message = format!("Duplicate value: {}", text::quote(value));
    Cause {
        reason: "FieldValueDuplicate",
        field: field.to_owned(),
        message,
    }
}

fn required(object: &Value, key: &str, at: &str, causes: &mut Vec<Cause>) -> bool {
    let given = object.get(key).and_then(Value::as_str).unwrap_or("");
    if given.is_empty() {
        causes.push(Cause::required(at, ""));
    }
    !given.is_empty()
}

fn one_of(value: &Value, at: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    if !value
        .as_str()
        .is_some_and(|given| supported.contains(&given))
    {
        causes.push(Cause::unsupported(at, value, supported));
    }
}

fn port_range(value: i64, at: &str, causes: &mut Vec<Cause>) {
    if !(1..=65535).contains(&value) {
        causes.push(out_of_range(
            at,
            value,
            "must be between 1 and 65535, inclusive",
        ));
    }
}

/// A name that is one DNS label.
fn label(given: &str, at: &str, causes: &mut Vec<Cause>) {
    const RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
                        validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    if given.len() > 63 {
        causes.push(invalid(at, given, "must be no more than 63 bytes"));
    } else if !format::holds("k8s-short-name", given) {
        causes.push(invalid(at, given, RULE));
    }
}

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
