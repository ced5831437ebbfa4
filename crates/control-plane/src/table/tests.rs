use expect_test::{Expect, expect};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{find, human_duration};
use super::render;
use crate::answer::RowObject;
use crate::resource::Registry;
use crate::store::Store;

#[test]
fn durations_read_as_kubectl_writes_them() {
    let cases = [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (700, "11m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (30_000, "8h"),
        (180_000, "2d2h"),
        (800_000, "9d"),
        (-5, "<invalid>"),
    ];
    for (seconds, wanted) in cases {
        assert_eq!(human_duration(seconds), wanted);
    }
}

#[test]
fn printer_columns_find_their_values() {
    let object = json!({
        "metadata": {"annotations": {"a.b/c": "x"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Warning", "status": "False"}]},
        "spec": {"roles": ["controller", "broker"]},
    });
    let texts = |path: &str| -> Vec<String> {
        find(&object, path)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        texts(".status.conditions[?(@.type==\"Ready\")].status"),
        ["\"True\""]
    );
    assert_eq!(
        texts(".status.conditions[?(@.type=='Nothing')].status"),
        Vec::<String>::new()
    );
    assert_eq!(texts(".spec.roles"), ["[\"controller\",\"broker\"]"]);
    assert_eq!(texts(".spec.roles[*]"), ["\"controller\"", "\"broker\""]);
    assert_eq!(texts(".spec.roles[-1]"), ["\"broker\""]);
    assert_eq!(texts(".metadata.annotations.a\\.b/c"), ["\"x\""]);
    assert_eq!(texts(".metadata.annotations['a.b/c']"), ["\"x\""]);
}

/// The columns and the row of an object, wide ones in parentheses.
fn check(group: &str, version: &str, plural: &str, object: Value, expect: &Expect) {
    let registry = Registry::load(&Store::in_memory(1 << 20), None);
    let resource = registry.find(group, version, plural).unwrap();
    let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    let table = render(
        &resource,
        vec![object],
        RowObject::Nothing,
        &json!({}),
        true,
        now,
    );
    let columns = table["columnDefinitions"].as_array().unwrap();
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(columns.len(), cells.len());
    let lines: Vec<String> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| {
            let name = column["name"].as_str().unwrap();
            let wide = if column["priority"] == 1 { "wide " } else { "" };
            format!(
                "{wide}{name}: {}\n",
                cell.as_str()
                    .map_or_else(|| cell.to_string(), str::to_owned)
            )
        })
        .collect();
    expect.assert_eq(&lines.concat());
}

#[test]
fn a_running_pod() {
    let pod = json!({
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:55:00Z"},
        "spec": {"nodeName": "n", "containers": [{"name": "a"}, {"name": "b"}]},
        "status": {"phase": "Running", "podIP": "127.1.2.3", "containerStatuses": [
            {"name": "a", "ready": true, "restartCount": 2, "state": {"running": {}},
             "lastState": {"terminated": {"finishedAt": "2026-01-01T00:59:00Z"}}},
            {"name": "b", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ]},
    });
    check(
        "",
        "v1",
        "pods",
        pod,
        &expect![[r#"
        Name: p
        Ready: 1/2
        Status: CrashLoopBackOff
        Restarts: 2 (60s ago)
        Age: 5m
        wide IP: 127.1.2.3
        wide Node: n
        wide Nominated Node: <none>
        wide Readiness Gates: <none>
    "#]],
    );
}

#[test]
fn pods_say_what_they_are_doing() {
    let status_of = |pod: Value| {
        let registry = Registry::load(&Store::in_memory(1 << 20), None);
        let resource = registry.find("", "v1", "pods").unwrap();
        let table = render(
            &resource,
            vec![pod],
            RowObject::Nothing,
            &json!({}),
            false,
            Timestamp::UNIX_EPOCH,
        );
        table["rows"][0]["cells"][2].as_str().unwrap().to_owned()
    };
    let init = |state: Value| {
        json!({
            "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "c"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": state}],
                       "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}]},
        })
    };
    assert_eq!(
        status_of(init(json!({"waiting": {"reason": "PodInitializing"}}))),
        "Init:0/1"
    );
    assert_eq!(
        status_of(init(
            json!({"terminated": {"exitCode": 2, "reason": "Error"}})
        )),
        "Init:Error"
    );
    assert_eq!(
        status_of(init(json!({"terminated": {"exitCode": 0}}))),
        "PodInitializing"
    );
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
    assert_eq!(status_of(going), "Terminating");
    let done = json!({"status": {"phase": "Succeeded", "containerStatuses": [
        {"name": "c", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}});
    assert_eq!(status_of(done), "Completed");
}

#[test]
fn services_and_claims() {
    let service = json!({
        "metadata": {"name": "s", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"type": "NodePort", "clusterIP": "127.96.0.1", "selector": {"a": "b"},
                 "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]},
    });
    check(
        "",
        "v1",
        "services",
        service,
        &expect![[r#"
        Name: s
        Type: NodePort
        Cluster-IP: 127.96.0.1
        External-IP: <none>
        Port(s): 80:30080/TCP
        Age: 60m
        wide Selector: a=b
    "#]],
    );
    let claim = json!({
        "metadata": {"name": "c", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"volumeName": "v", "storageClassName": "klamm-local", "volumeMode": "Filesystem"},
        "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}},
    });
    check(
        "",
        "v1",
        "persistentvolumeclaims",
        claim,
        &expect![[r#"
        Name: c
        Status: Bound
        Volume: v
        Capacity: 1Gi
        Access Modes: RWO
        StorageClass: klamm-local
        VolumeAttributesClass: <unset>
        Age: 60m
        wide VolumeMode: Filesystem
    "#]],
    );
}

#[test]
fn events_look_the_same_in_both_groups() {
    let wanted = expect![[r#"
        Last Seen: 10m
        Type: Warning
        Reason: Bad
        Object: pod/p
        wide Subobject: 
        wide Source: agent
        Message: it is bad
        wide First Seen: 60m
        wide Count: 3
        wide Name: e
    "#]];
    let event = json!({
        "metadata": {"name": "e"}, "type": "Warning", "reason": "Bad", "message": "it is bad", "count": 3,
        "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "agent"},
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:50:00Z",
    });
    check(
        "events.k8s.io",
        "v1",
        "events",
        crate::resource::events::from_core(event.clone()),
        &wanted,
    );
    check("", "v1", "events", event, &wanted);
}
