//! In which order Pods end that are deleted together.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use super::rig::{Rig, content};

/// A Pod of a cluster. When asked to end it says so in a file of all Pods, after a while of `takes`.
async fn member(rig: &Rig, name: &str, cluster: &str, takes: &str, last: bool) {
    let said = rig.home.path().join("said");
    let hears = rig.home.path().join(format!("{name}-hears"));
    let script = format!(
        "trap 'sleep {takes}; echo {name} >> {}; exit 0' TERM; echo yes > {}; while :; do sleep 0.05; done",
        said.display(),
        hears.display()
    );
    let annotations = if last {
        json!({"klamm.dev/stop-last": "true"})
    } else {
        json!({})
    };
    let _: Pod = rig
        .create(json!({
            "metadata": {
                "name": name,
                "labels": {"strimzi.io/cluster": cluster, "go": "together"},
                "annotations": annotations,
            },
            "spec": {
                "terminationGracePeriodSeconds": 20,
                "containers": [{"name": "main", "image": "host:any", "command": ["sh", "-c", script]}],
            },
        }))
        .await;
    rig.ready(name).await;
    content(&hears).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_others_need_end_after_them_when_all_are_deleted_at_once() {
    let rig = Rig::start().await;
    // Its deletion comes first.
    member(&rig, "a-controller", "a", "0", true).await;
    member(&rig, "broker", "a", "2", false).await;
    // Nobody of its cluster ends beside it.
    member(&rig, "alone", "b", "0", true).await;
    rig.api::<Pod>()
        .delete_collection(
            &DeleteParams::default(),
            &ListParams::default().labels("go=together"),
        )
        .await
        .unwrap();
    for pod in ["alone", "broker", "a-controller"] {
        rig.gone(pod).await;
    }
    let said = content(&rig.home.path().join("said")).await;
    assert_eq!(said, "alone\nbroker\na-controller\n");
}
