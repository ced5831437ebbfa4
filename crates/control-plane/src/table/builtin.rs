//! Columns of built-in kinds, as kubectl's users know them.

mod apps;
mod cluster;
mod config;
mod pods;
mod services;
mod volumes;

use jiff::Timestamp;
use serde_json::Value;

use super::cells::age;

/// A column's heading.
pub(super) struct Heading {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) priority: i64,
}

impl Heading {
    /// The display hint of names.
    pub(super) fn format(&self) -> &'static str {
        if self.name == "Name" { "name" } else { "" }
    }
}

/// How a kind is shown: one cell per column.
pub(super) struct View {
    pub(super) columns: &'static [Heading],
    pub(super) cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// Shown always.
const fn text(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "string",
        priority: 0,
    }
}

/// Shown always, a number.
const fn number(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "integer",
        priority: 0,
    }
}

/// Shown in wide output.
const fn wide(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "string",
        priority: 1,
    }
}

const NAME: Heading = text("Name");
const AGE: Heading = text("Age");

/// The view of a kind.
pub(super) fn view(group: &str, plural: &str) -> View {
    match (group, plural) {
        ("", "pods") => pods::PODS,
        ("", "services") => services::SERVICES,
        ("", "endpoints") => services::ENDPOINTS,
        ("discovery.k8s.io", "endpointslices") => services::SLICES,
        ("networking.k8s.io", "ingresses") => services::INGRESSES,
        ("networking.k8s.io", "networkpolicies") => services::POLICIES,
        ("", "nodes") => cluster::NODES,
        ("", "namespaces") => cluster::NAMESPACES,
        ("" | "events.k8s.io", "events") => cluster::EVENTS,
        ("coordination.k8s.io", "leases") => cluster::LEASES,
        ("scheduling.k8s.io", "priorityclasses") => cluster::PRIORITIES,
        ("apiextensions.k8s.io", "customresourcedefinitions")
        | ("rbac.authorization.k8s.io", "roles" | "clusterroles") => cluster::CREATED,
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => cluster::BINDINGS,
        ("", "configmaps") => config::MAPS,
        ("", "secrets") => config::SECRETS,
        ("", "serviceaccounts") => config::ACCOUNTS,
        ("policy", "poddisruptionbudgets") => config::BUDGETS,
        ("", "persistentvolumeclaims") => volumes::CLAIMS,
        ("", "persistentvolumes") => volumes::VOLUMES,
        ("storage.k8s.io", "storageclasses") => volumes::CLASSES,
        ("apps", "deployments") => apps::DEPLOYMENTS,
        ("apps", "statefulsets") => apps::STATEFUL_SETS,
        ("apps", "replicasets") | ("", "replicationcontrollers") => apps::REPLICA_SETS,
        ("apps", "daemonsets") => apps::DAEMON_SETS,
        ("batch", "jobs") => apps::JOBS,
        ("batch", "cronjobs") => apps::CRON_JOBS,
        _ => View {
            columns: &[NAME, AGE],
            cells: |object, now| vec![name(object), created(object, now)],
        },
    }
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

fn created(object: &Value, now: Timestamp) -> Value {
    age(&object["metadata"]["creationTimestamp"], now)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Text, or `<none>`.
fn or_none(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if !text.is_empty() => text.into(),
        _ => "<none>".into(),
    }
}

fn joined(texts: &[String], between: &str) -> Value {
    if texts.is_empty() {
        "<none>".into()
    } else {
        texts.join(between).into()
    }
}

fn strings(value: &Value) -> Vec<String> {
    items(value)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn map_text(value: &Value) -> Value {
    let pairs = value.as_object().into_iter().flatten();
    let texts: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    joined(&texts, ",")
}

fn selector_text(value: &Value) -> Value {
    let text = crate::selector::LabelSelector::of_object(value).text();
    if text.is_empty() {
        "<none>".into()
    } else {
        text.into()
    }
}

/// Names and images of a template's containers.
fn containers(spec: &Value) -> [Value; 2] {
    let field = |field: &str| -> Vec<String> {
        items(&spec["containers"])
            .filter_map(|c| c[field].as_str())
            .map(str::to_owned)
            .collect()
    };
    [
        field("name").join(",").into(),
        field("image").join(",").into(),
    ]
}
