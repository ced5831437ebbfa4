//! What the machine or the API server does not give: a Pod waits and says so, and nothing hangs for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::rig::{Rig, eventually, harness, main_status, registry};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_directory_cannot_be_made_says_so_can_be_deleted_and_comes_up_later() {
    let mut rig = Rig::without_agent().await;
    let pods = rig.home.path().join("pods");
    // No directory can be made here, whoever asks.
    std::fs::write(&pods, "").unwrap();
    rig.start_agent(|_| {});
    for name in ["a", "b"] {
        rig.shell(name, "exec sleep 1000").await;
        let waiting = rig
            .until(name, "waiting", |pod| {
                main_status(pod)["state"]["waiting"]["reason"] == "CreatePodSandboxError"
            })
            .await;
        let message = main_status(&waiting)["state"]["waiting"]["message"].clone();
        let message = message.as_str().unwrap();
        assert!(
            message.contains("cannot write in the Pod's directory")
                && message.contains("Not a directory"),
            "{message}"
        );
        rig.event(name, "FailedCreatePodSandBox").await;
    }
    rig.delete("b").await;
    std::fs::remove_file(&pods).unwrap();
    rig.ready("a").await;
    rig.delete("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_falls_silent_does_not_keep_the_agent_from_stopping() {
    let rig = Rig::without_agent().await;
    let silent = Arc::new(AtomicBool::new(false));
    let client = {
        let (client, silent) = (rig.client.clone(), Arc::clone(&silent));
        let service = tower::service_fn(move |request| {
            let (client, silent) = (client.clone(), Arc::clone(&silent));
            async move {
                if silent.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                client.send(request).await
            }
        });
        kube::Client::new(service, "default")
    };
    let mut settings = node_agent::settings::Settings::new(rig.home.path(), harness());
    settings.held = Some(Arc::new(
        node_agent::home::Home::hold(rig.home.path(), &registry()).unwrap(),
    ));
    settings.allow_host_images = true;
    settings.cgroups = false;
    let stop = CancellationToken::new();
    let agent = tokio::spawn(node_agent::run(client, settings, stop.clone()));
    rig.pod(
        "a",
        json!({"terminationGracePeriodSeconds": 1}),
        json!({"command": ["sleep", "1000"]}),
    )
    .await;
    rig.ready("a").await;
    silent.store(true, Ordering::SeqCst);
    // The watch still tells of it, and asking afresh gets no answer.
    let force = kube::api::DeleteParams {
        grace_period_seconds: Some(0),
        ..kube::api::DeleteParams::default()
    };
    rig.api::<k8s_openapi::api::core::v1::Pod>()
        .delete("a", &force)
        .await
        .unwrap();
    rig.gone("a").await;
    stop.cancel();
    tokio::time::timeout(super::rig::PATIENCE, agent)
        .await
        .expect("the agent stops")
        .unwrap()
        .unwrap();
    eventually("nothing is left", async || {
        rig.home.processes().is_empty().then_some(())
    })
    .await;
}
