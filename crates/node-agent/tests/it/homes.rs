//! Two homes side by side, one home asked for twice, a home that meets another cluster.

use std::sync::Arc;

use node_agent::home::Home;
use node_agent::settings::Settings;
use tokio_util::sync::CancellationToken;

use super::rig::{Rig, harness, is_ready, registry};

#[tokio::test(flavor = "multi_thread")]
async fn two_homes_run_side_by_side() {
    let (one, two) = tokio::join!(Rig::start(), Rig::start());
    let mut addresses = Vec::new();
    for rig in [&one, &two] {
        // The same port on both: only apart if the addresses are.
        let container = serde_json::json!({
            "command": ["sh", "-c", "exec python3 -m http.server 8080 --bind $IP"],
            "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
        });
        rig.pod(
            "same-name",
            serde_json::json!({"terminationGracePeriodSeconds": 1}),
            container,
        )
        .await;
        addresses.push(rig.ready("same-name").await.status.unwrap().pod_ip.unwrap());
    }
    assert_ne!(addresses[0], addresses[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_in_use_is_refused() {
    let rig = Rig::start().await;
    let refused = Home::hold(rig.home.path(), &registry())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("is in use by klamm, pid"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_another_cluster_are_not_touched() {
    let mut rig =
        Rig::start_with(|settings| settings.on_stop = node_agent::settings::OnStop::LeaveRunning)
            .await;
    rig.shell("a", "exec sleep 1000").await;
    rig.ready("a").await;
    rig.stop_agent().await;
    let other = Rig::without_agent().await;
    let mut settings = Settings::new(rig.home.path(), harness());
    settings.held = Some(Arc::new(Home::hold(rig.home.path(), &registry()).unwrap()));
    let ended = node_agent::run(other.client.clone(), settings, CancellationToken::new()).await;
    assert!(
        ended
            .unwrap_err()
            .to_string()
            .contains("belong to another cluster")
    );
    assert_eq!(rig.home.processes().len(), 2);
    rig.start_agent(|_| {});
    rig.until("a", "ready", is_ready).await;
    rig.delete("a").await;
}
