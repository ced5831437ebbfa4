use serde_json::json;

use super::*;

fn pod(container: &serde_json::Value) -> Pod {
    serde_json::from_value(json!({
        "status": {"podIP": "127.9.1.1", "containerStatuses": [container]}
    }))
    .unwrap()
}

fn ended(message: &str) -> serde_json::Value {
    json!({"terminated": {"exitCode": 1, "reason": "Error", "message": message}})
}

fn container(
    restarts: i32,
    state: &serde_json::Value,
    last: &serde_json::Value,
) -> serde_json::Value {
    json!({
        "name": "kafka", "image": "kafka", "imageID": "", "ready": false, "restartCount": restarts,
        "state": state, "lastState": last,
    })
}

#[test]
fn what_it_ended_of_is_told_while_it_is_tried_again() {
    let running = json!({"running": {}});
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}});
    let last = ended("Address already in use");
    for (container, told) in [
        (container(0, &running, &json!({})), "starting at 127.9.1.1"),
        (
            container(1, &running, &last),
            "starting again at 127.9.1.1; ended once: Address already in use",
        ),
        (
            container(1, &waiting, &last),
            "ended 2 times: Address already in use; it is tried again",
        ),
        (
            container(2, &last, &json!({})),
            "ended 3 times: Address already in use",
        ),
    ] {
        assert_eq!(describe(&pod(&container)), told);
    }
}

#[test]
fn a_refusal_is_a_word_here() {
    let text = "CorruptedMetadata 0: volume /v0: kafka-log0/meta.properties is damaged";
    let pod = pod(&container(0, &ended(text), &json!({})));
    assert_eq!(describe(&pod), "refuses to start: CorruptedMetadata");
}
