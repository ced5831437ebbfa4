//! What changes while nodes run: certificates and properties, without a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use operator::certificates::inspect;
use operator::kinds;
use serde_json::json;

use super::manifests;
use super::world::World;

async fn uids(world: &World) -> BTreeMap<String, String> {
    let pods = world.list(kinds::POD).await;
    pods.iter()
        .map(|pod| (pod.name_any(), pod.uid().unwrap()))
        .collect()
}

async fn certificate(world: &World, secret: &str, entry: &str) -> Option<String> {
    let secret = world.get(kinds::SECRET, secret).await?;
    secret.data["data"][entry].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_deleted_or_renewed_is_served_without_a_restart() {
    let world = World::start().await;
    let (operator, writes) = world.counted_operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (pods, before) = (
        uids(&world).await,
        certificate(&world, "demo-dual-1", "demo-dual-1.crt").await,
    );

    world.delete(kinds::SECRET, "demo-dual-1").await;
    world
        .until("another certificate is served", || async {
            let now = certificate(&world, "demo-dual-1", "demo-dual-1.crt").await;
            now.is_some() && now != before && world.kubelet.serving_what_is_mounted() == 3
        })
        .await;

    let authority = certificate(&world, "demo-cluster-ca-cert", "ca.crt").await;
    let password = certificate(&world, "demo-cluster-ca-cert", "ca.password").await;
    let asked = json!({"metadata": {"annotations": {"strimzi.io/force-renew": "true"}}});
    let secrets = kinds::SECRET.within(&world.client, "default");
    secrets
        .patch(
            "demo-cluster-ca-cert",
            &PatchParams::default(),
            &Patch::Merge(&asked),
        )
        .await
        .unwrap();
    world
        .until("the authority is renewed", || async {
            certificate(&world, "demo-cluster-ca-cert", "ca.crt").await != authority
        })
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let secret = world
        .get(kinds::SECRET, "demo-cluster-ca-cert")
        .await
        .unwrap();
    assert_eq!(secret.annotations()["strimzi.io/ca-cert-generation"], "1");
    assert!(!secret.annotations().contains_key("strimzi.io/force-renew"));
    assert_eq!(
        certificate(&world, "demo-cluster-ca-cert", "ca.password").await,
        password
    );
    assert_eq!(world.kubelet.serving_what_is_mounted(), 3);
    assert!(world.is_ready("demo").await);
    assert_eq!(uids(&world).await, pods, "a Pod was replaced");
    let settled = writes.count();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(writes.count(), settled, "there was more to do");
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn properties_that_brokers_change_while_they_run_restart_nobody() {
    let world = World::start().await;
    let (operator, writes) = world.counted_operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let pods = uids(&world).await;
    let edit = |value: serde_json::Value| {
        let kafkas = kinds::KAFKA.within(&world.client, "default");
        async move {
            let patch = json!({"spec": {"kafka": {"config": {"log.cleaner.threads": value}}}});
            kafkas
                .patch("demo", &PatchParams::default(), &Patch::Merge(&patch))
                .await
                .unwrap();
        }
    };
    let in_force = || {
        let kafka = world.kubelet.kafka("demo");
        let state = kafka.state();
        let of_all = state.broker_configs.get(&None);
        of_all.and_then(|all| all.get("log.cleaner.threads").cloned())
    };
    // Who waits for the status of the change waits for the change.
    let told = || async {
        let kafka = world.get(kinds::KAFKA, "demo").await.unwrap();
        kafka.data["status"]["observedGeneration"].as_i64() == kafka.metadata.generation
    };
    edit(json!(3)).await;
    world.until("the change is told", told).await;
    assert_eq!(in_force().as_deref(), Some("3"));
    edit(serde_json::Value::Null).await;
    world.until("its end is told", told).await;
    assert_eq!(in_force(), None);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(world.is_ready("demo").await);
    assert_eq!(uids(&world).await, pods, "a Pod was replaced");
    let settled = writes.count();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(writes.count(), settled, "there was more to do");
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_pod_names_the_certificate_it_starts_with() {
    let world = World::start().await;
    let (_operator, _) = world.counted_operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    // Certificates are issued again as long as Services still get their addresses.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let before = uids(&world).await;
    world.delete(kinds::POD, "demo-dual-1").await;
    world
        .until("another Pod", || async {
            let now = uids(&world).await;
            now.get("demo-dual-1")
                .is_some_and(|uid| *uid != before["demo-dual-1"])
        })
        .await;
    let pod = world.get(kinds::POD, "demo-dual-1").await.unwrap();
    let encoded = certificate(&world, "demo-dual-1", "demo-dual-1.crt").await;
    let pem = base64::engine::general_purpose::STANDARD
        .decode(encoded.unwrap())
        .unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let facts = inspect::read_certificates("demo-dual-1.crt", &pem).unwrap();
    assert_eq!(
        pod.annotations()["strimzi.io/server-cert-hash"],
        facts[0].sha1
    );
}
