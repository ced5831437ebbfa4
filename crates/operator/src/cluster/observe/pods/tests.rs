use kube::api::DynamicObject;
use model::observed::pod::ContainerState;
use serde_json::{Value, json};

use super::*;

fn pod(name: &str, owner: Option<(&str, &str)>, spec_and_status: Value) -> DynamicObject {
    let mut pod = spec_and_status;
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"] = json!({"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7"});
    if let Some((kind, owner)) = owner {
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "x/v1", "kind": kind, "name": owner, "uid": "o", "controller": true}]);
    }
    serde_json::from_value(pod).unwrap()
}

fn ours_of(object: &DynamicObject) -> Pod {
    ours(split("demo", object)).expect("the Kafka owns it").1
}

#[test]
fn a_pod_of_a_pod_set_or_of_nobody_is_foreign() {
    let pods = vec![
        split(
            "demo",
            &pod("demo-dual-0", Some(("Kafka", "demo")), json!({})),
        ),
        split(
            "demo",
            &pod(
                "demo-dual-1",
                Some(("StrimziPodSet", "demo-dual")),
                json!({}),
            ),
        ),
        split("demo", &pod("demo-dual-2", None, json!({}))),
    ];
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let found = foreign(
        [&Known::At(at, pods), &Known::At(at, Vec::new())],
        &Known::At(at, Vec::new()),
    );
    let names: Vec<&str> = found
        .value()
        .unwrap()
        .iter()
        .map(|foreign| foreign.name.as_str())
        .collect();
    assert_eq!(names, ["demo-dual-1", "demo-dual-2"]);
}

#[test]
fn whose_pods_they_are_is_unknown_when_pod_sets_cannot_be_read() {
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let refused = Known::Unknown(Why::Refused {
        text: "reading strimzipodsets: forbidden".to_owned(),
    });
    assert!(
        foreign(
            [&Known::At(at, Vec::new()), &Known::At(at, Vec::new())],
            &refused
        )
        .why()
        .is_some()
    );
}

#[test]
fn a_pod_that_nobody_has_seen_yet_is_pending() {
    let pod = ours_of(&pod(
        "demo-dual-0",
        Some(("Kafka", "demo")),
        json!({"spec": {"containers": []}}),
    ));
    assert_eq!(pod.phase, PodPhase::Pending);
    assert!(!pod.ready && !pod.runs() && pod.pod_ip.is_none());
}

#[test]
fn what_a_container_said_at_its_end_and_what_it_may_format_are_seen() {
    let pod = ours_of(&pod(
        "demo-dual-0",
        Some(("Kafka", "demo")),
        json!({
            "spec": {"containers": [{"name": "kafka", "env": [{"name": "KLAMM_FORMAT", "value": "join"}]}]},
            "status": {"phase": "Running", "podIP": "127.10.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "kafka", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 78, "message": "EmptyVolume 0: no"}}}]},
        }),
    ));
    assert_eq!(pod.format, Some(Format::Join));
    assert!(pod.ready);
    let kafka = pod.kafka().unwrap();
    assert_eq!(kafka.restarts, 3);
    assert!(
        matches!(&kafka.state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff")
    );
    assert_eq!(kafka.last.as_ref().unwrap().message, "EmptyVolume 0: no");
}
