//! Nodes, namespaces, events and other things of the whole cluster.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    AGE, Heading, NAME, View, created, int, items, joined, name, number, or_none, text, wide,
};
use crate::table::cells::age;

pub(super) const NODES: View = View {
    columns: &[
        NAME,
        text("Status"),
        text("Roles"),
        AGE,
        text("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ],
    cells: |node, now| {
        let info = &node["status"]["nodeInfo"];
        let unknown = |value: &Value| match value.as_str() {
            Some(text) if !text.is_empty() => Value::from(text),
            _ => Value::from("<unknown>"),
        };
        vec![
            name(node),
            node_status(node),
            roles(node),
            created(node, now),
            info["kubeletVersion"].clone(),
            address(node, "InternalIP"),
            address(node, "ExternalIP"),
            unknown(&info["osImage"]),
            unknown(&info["kernelVersion"]),
            unknown(&info["containerRuntimeVersion"]),
        ]
    },
};

fn node_status(node: &Value) -> Value {
    let ready = items(&node["status"]["conditions"]).find(|c| c["type"] == "Ready");
    let mut word = match ready.map(|c| &c["status"]) {
        Some(status) if status == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        word.push_str(",SchedulingDisabled");
    }
    word.into()
}

fn roles(node: &Value) -> Value {
    const PREFIX: &str = "node-role.kubernetes.io/";
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<String> = labels
        .filter_map(|(key, _)| key.strip_prefix(PREFIX))
        .filter(|r| !r.is_empty())
        .map(str::to_owned)
        .collect();
    joined(&roles, ",")
}

fn address(node: &Value, kind: &str) -> Value {
    let found = items(&node["status"]["addresses"]).find(|a| a["type"] == kind);
    or_none(found.map_or(&Value::Null, |a| &a["address"]))
}

pub(super) const NAMESPACES: View = View {
    columns: &[NAME, text("Status"), AGE],
    cells: |namespace, now| {
        vec![
            name(namespace),
            namespace["status"]["phase"].clone(),
            created(namespace, now),
        ]
    },
};

pub(super) const EVENTS: View = View {
    columns: &[
        text("Last Seen"),
        text("Type"),
        text("Reason"),
        text("Object"),
        wide("Subobject"),
        wide("Source"),
        text("Message"),
        wide("First Seen"),
        wide("Count"),
        Heading {
            name: "Name",
            kind: "string",
            priority: 1,
        },
    ],
    cells: event_cells,
};

fn event_cells(event: &Value, now: Timestamp) -> Vec<Value> {
    // The same cells for core/v1 and events.k8s.io/v1.
    let first = |names: [&str; 2]| {
        names
            .into_iter()
            .map(|n| &event[n])
            .find(|v| !v.is_null())
            .unwrap_or(&Value::Null)
    };
    let about = first(["involvedObject", "regarding"]);
    let told = |times: [&Value; 3]| {
        let time = times
            .into_iter()
            .find(|t| t.is_string())
            .unwrap_or(&event["metadata"]["creationTimestamp"]);
        age(time, now)
    };
    let lower = about["kind"].as_str().unwrap_or_default().to_lowercase();
    let object = format!("{lower}/{}", about["name"].as_str().unwrap_or_default());
    let source = first(["source", "deprecatedSource"]);
    let component = first(["reportingComponent", "reportingController"]);
    let component = component
        .as_str()
        .filter(|c| !c.is_empty())
        .or(source["component"].as_str())
        .unwrap_or_default();
    let host = source["host"]
        .as_str()
        .map(|h| format!(", {h}"))
        .unwrap_or_default();
    let count = int(&event["series"]["count"])
        .max(int(first(["count", "deprecatedCount"])))
        .max(1);
    vec![
        told([
            &event["series"]["lastObservedTime"],
            first(["lastTimestamp", "deprecatedLastTimestamp"]),
            &event["eventTime"],
        ]),
        event["type"].clone(),
        event["reason"].clone(),
        object.into(),
        about["fieldPath"].as_str().unwrap_or_default().into(),
        format!("{component}{host}").into(),
        first(["message", "note"])
            .as_str()
            .unwrap_or_default()
            .trim()
            .into(),
        told([
            first(["firstTimestamp", "deprecatedFirstTimestamp"]),
            &event["eventTime"],
            &Value::Null,
        ]),
        count.to_string().into(),
        name(event),
    ]
}

pub(super) const LEASES: View = View {
    columns: &[NAME, text("Holder"), AGE],
    cells: |lease, now| {
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        vec![name(lease), holder.into(), created(lease, now)]
    },
};

pub(super) const PRIORITIES: View = View {
    columns: &[
        NAME,
        number("Value"),
        text("Global-Default"),
        AGE,
        text("PreemptionPolicy"),
    ],
    cells: |class, now| {
        let default = class["globalDefault"].as_bool().unwrap_or(false);
        vec![
            name(class),
            int(&class["value"]).into(),
            default.to_string().into(),
            created(class, now),
            class["preemptionPolicy"].clone(),
        ]
    },
};

pub(super) const CREATED: View = View {
    columns: &[
        NAME,
        Heading {
            name: "Created At",
            kind: "date",
            priority: 0,
        },
    ],
    cells: |object, _| {
        vec![
            name(object),
            object["metadata"]["creationTimestamp"].clone(),
        ]
    },
};

pub(super) const BINDINGS: View = View {
    columns: &[
        NAME,
        text("Role"),
        AGE,
        wide("Users"),
        wide("Groups"),
        wide("ServiceAccounts"),
    ],
    cells: |binding, now| {
        let role = &binding["roleRef"];
        let subjects = |kind: &str| {
            let found = items(&binding["subjects"]).filter(|s| s["kind"] == kind);
            let texts: Vec<String> = found
                .map(|s| {
                    let name = s["name"].as_str().unwrap_or_default();
                    match s["namespace"].as_str() {
                        Some(namespace) => format!("{namespace}/{name}"),
                        None => name.to_owned(),
                    }
                })
                .collect();
            Value::from(texts.join(", "))
        };
        let word = |field: &str| role[field].as_str().unwrap_or_default();
        vec![
            name(binding),
            format!("{}/{}", word("kind"), word("name")).into(),
            created(binding, now),
            subjects("User"),
            subjects("Group"),
            subjects("ServiceAccount"),
        ]
    },
};
