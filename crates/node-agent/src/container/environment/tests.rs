use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

struct Objects;

impl Lookup for Objects {
    fn config_map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        (name == "settings").then(|| [("level".to_owned(), "info".to_owned())].into())
    }
    fn secret(&self, name: &str) -> Option<BTreeMap<String, String>> {
        (name == "user").then(|| [("password".to_owned(), "s3cret".to_owned())].into())
    }
}

fn check(container: &serde_json::Value, expected: &Expect) {
    let mut container = container.clone();
    container["name"] = json!("main");
    let container: Container = serde_json::from_value(container).unwrap();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "1", "b": "2"}, "annotations": {"k/x": "y"}},
        "spec": {"containers": []}
    }))
    .unwrap();
    let facts = Facts {
        pod_ip: "127.9.1.1".to_owned(),
        host_ip: "127.9.0.1".to_owned(),
        node_name: "here".to_owned(),
        allocatable: [
            ("cpu".to_owned(), "4".to_owned()),
            ("memory".to_owned(), "8Gi".to_owned()),
        ]
        .into(),
    };
    let text = match variables(&container, &pod, &facts, &Objects) {
        Ok(variables) => variables.iter().fold(String::new(), |text, (name, value)| {
            format!("{text}{name}={value:?}\n")
        }),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn values_and_references() {
    check(
        &json!({"env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['b']"}}},
            {"name": "LABELS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}},
            {"name": "NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['k/x']"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "requests.memory"}}},
            {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "user", "key": "password"}}},
            {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": true}}},
            {"name": "ADDRESS", "value": "$(POD_NAME).svc:$(PORT) $$(POD_NAME) $POD_NAME $"},
            {"name": "EMPTY"}
        ], "resources": {"requests": {"memory": "1Gi"}}}),
        &expect![[r#"
            ADDRESS="p.svc:$(PORT) $(POD_NAME) $POD_NAME $"
            CPU="4000"
            EMPTY=""
            LABEL="2"
            LABELS="a=\"1\"\nb=\"2\""
            LEVEL="info"
            MEMORY="1073741824"
            NODE_NAME="here"
            NOTE="y"
            PASSWORD="s3cret"
            POD_IP="127.9.1.1"
            POD_NAME="p"
        "#]],
    );
}

#[test]
fn whole_objects_with_a_prefix() {
    check(
        &json!({"envFrom": [
            {"prefix": "S_", "configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "none", "optional": true}}
        ], "env": [{"name": "COPY", "value": "$(S_level)"}]}),
        &expect![[r#"
            COPY="info"
            S_level="info"
        "#]],
    );
}

#[test]
fn what_is_missing_is_named() {
    check(
        &json!({"envFrom": [{"secretRef": {"name": "none"}}]}),
        &expect![[r#"secret "none" not found"#]],
    );
    check(
        &json!({"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "k"}}}]}),
        &expect![[r#"couldn't find key k in configmap settings"#]],
    );
    check(
        &json!({"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.color"}}}]}),
        &expect![[r#"unsupported fieldPath: spec.color"#]],
    );
}
