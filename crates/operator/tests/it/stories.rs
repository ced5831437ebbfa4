//! Stories without faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::ResourceExt;
use operator::faults::{Fault, Faults};
use operator::kinds;
use serde_json::json;
use tokio::sync::Notify;

use super::manifests;
use super::world::World;

#[tokio::test(start_paused = true)]
async fn one_plain_node_comes_up() {
    let world = World::start().await;
    let operator = world.operator();
    world.apply(&manifests::single("demo", "ephemeral")).await;
    world.until_ready("demo").await;
    assert_eq!(world.names(kinds::POD).await, ["demo-dual-0"]);
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn three_dual_role_nodes_come_up_with_their_secrets_and_services() {
    let world = World::start().await;
    let operator = world.operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let secrets = world.names(kinds::SECRET).await;
    for name in [
        "demo-cluster-ca",
        "demo-cluster-ca-cert",
        "demo-clients-ca",
        "demo-clients-ca-cert",
        "demo-trustbundle",
        "demo-cluster-operator-certs",
        "demo-dual-0",
        "demo-dual-1",
        "demo-dual-2",
    ] {
        assert!(
            secrets.iter().any(|secret| secret == name),
            "{name} is missing in {secrets:?}"
        );
    }
    assert_eq!(
        world.names(kinds::POD).await,
        ["demo-dual-0", "demo-dual-1", "demo-dual-2"]
    );
    for pod in world.list(kinds::POD).await {
        assert_eq!(pod.owner_references()[0].kind, "Kafka");
    }
    let status = world.get(kinds::KAFKA, "demo").await.unwrap().data["status"].clone();
    assert_eq!(
        status["clusterId"],
        json!(world.kubelet.kafka("demo").state().cluster_id)
    );
    assert_eq!(status["observedGeneration"], 1);
    let told: Vec<String> = world.events("demo").await;
    for pod in ["demo-dual-0", "demo-dual-1", "demo-dual-2"] {
        let about = told
            .iter()
            .filter(|note| note.contains(&format!("create Pod {pod}")))
            .count();
        assert_eq!(about, 1, "{pod} in {told:?}");
    }
    let plan = world.get(kinds::KAFKA_PLAN, "demo").await.unwrap();
    assert_eq!(plan.data["status"]["status"], "COMPLETE");
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn separate_controllers_and_brokers_come_up() {
    let world = World::start().await;
    let operator = world.operator();
    let resources = [
        manifests::kafka("demo"),
        manifests::pool("demo", "controller", &["controller"], 3, "persistent-claim"),
        manifests::pool("demo", "broker", &["broker"], 3, "persistent-claim"),
    ];
    world.apply(&resources).await;
    world.until_ready("demo").await;
    assert_eq!(world.names(kinds::POD).await.len(), 6);
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_looks_in_steady_state_write_nothing() {
    let world = World::start().await;
    let (operator, writes) = world.counted_operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    // What follows from being ready (events, the last status) is written by now.
    tokio::time::sleep(Duration::from_mins(2)).await;
    let before = writes.count();
    assert!(
        before > 20,
        "the deployment itself was not counted: {before}"
    );
    let looked = writes.looks();
    while writes.looks() < looked + 1000 {
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
    assert_eq!(writes.count(), before);
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_pod_comes_back_with_the_same_id_and_disk() {
    let world = World::start().await;
    let operator = world.operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let formats = world.kubelet.formats();
    let uids = |pods: Vec<kube::api::DynamicObject>| -> BTreeMap<String, String> {
        pods.iter()
            .map(|pod| (pod.name_any(), pod.uid().unwrap()))
            .collect()
    };
    let before = uids(world.list(kinds::POD).await);
    world.delete(kinds::POD, "demo-dual-1").await;
    world
        .until("another Pod runs in its place", || async {
            let now = uids(world.list(kinds::POD).await);
            now.len() == 3
                && now["demo-dual-1"] != before["demo-dual-1"]
                && world.is_ready("demo").await
        })
        .await;
    let after = uids(world.list(kinds::POD).await);
    assert_eq!(after["demo-dual-0"], before["demo-dual-0"]);
    assert_eq!(after["demo-dual-2"], before["demo-dual-2"]);
    assert_eq!(
        world.kubelet.formats(),
        formats,
        "a disk was formatted again"
    );
    operator.stop().await;
}

/// How long a cluster may take that is applied again: longer than a Pod takes to go, far shorter than any look period.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Deletes the Kafka when the operator is at its n-th write, applies it again at once, and waits until it is up.
async fn delete_at_write(number: u64) {
    let world = World::start().await;
    let (count, told) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let strikes = Arc::clone(&told);
    let faults = Faults::judged_by(move |call| {
        let counts = call.is_write() && !call.is_heartbeat();
        if counts && count.fetch_add(1, Ordering::SeqCst) + 1 == number {
            strikes.notify_one();
        }
        Fault::None
    });
    let operator = world.operator_with(faults, "a");
    world.apply(&manifests::three_dual("demo")).await;
    told.notified().await;
    world.delete(kinds::KAFKA, "demo").await;
    world
        .until("the Kafka is gone", || async {
            world.get(kinds::KAFKA, "demo").await.is_none()
        })
        .await;
    let begun = tokio::time::Instant::now();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let took = begun.elapsed();
    assert!(
        took < AT_ONCE,
        "deleted at write {number}: up after {took:?}"
    );
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_deleted_at_any_moment_and_applied_again_comes_up_at_once() {
    let world = World::start().await;
    let (operator, writes) = world.counted_operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    operator.stop().await;
    let writes = writes.count();
    assert!(writes > 20, "the deployment was not counted: {writes}");
    // Every third: claims, records, authorities, certificates, volumes, Pods and statuses are among them.
    for number in (1..=writes).step_by(3) {
        delete_at_write(number).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_applied_again_after_its_kafka_went_keeps_its_identity() {
    let world = World::start().await;
    let operator = world.operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let identity = |kafka: kube::api::DynamicObject| kafka.data["status"]["clusterId"].clone();
    let before = identity(world.get(kinds::KAFKA, "demo").await.unwrap());
    let formats = world.kubelet.formats();
    world.delete(kinds::KAFKA, "demo").await;
    world
        .until("its Pods are gone", || async {
            world.list(kinds::POD).await.is_empty()
        })
        .await;
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    assert_eq!(
        identity(world.get(kinds::KAFKA, "demo").await.unwrap()),
        before
    );
    assert_eq!(
        world.kubelet.formats(),
        formats,
        "a disk was formatted again"
    );
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_somebody_else_is_never_touched() {
    let world = World::start().await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "demo-dual-0", "namespace": "default",
            "labels": {"strimzi.io/cluster": "demo", "strimzi.io/kind": "Kafka", "strimzi.io/name": "demo-kafka",
                "app.kubernetes.io/managed-by": "strimzi-cluster-operator"},
            "ownerReferences": [{"apiVersion": "core.strimzi.io/v1", "kind": "StrimziPodSet", "name": "demo-dual",
                "uid": "11111111-2222-3333-4444-555555555555", "controller": true}]},
        "spec": {"containers": [{"name": "kafka", "image": "quay.io/strimzi/kafka:1.2.0-kafka-4.3.1"}]},
    });
    world.kubelet.hold("demo-dual-0", true);
    let (operator, writes) = world.counted_operator();
    let mut settings = manifests::three_dual("demo");
    settings.insert(0, pod);
    // The Pod's owner is unknown here, so garbage collection must be kept from it: the StrimziPodSet's kind is not served.
    world.apply(&settings).await;
    world
        .until("the condition is there", || async {
            world.condition("demo", "Klamm").await.is_some()
        })
        .await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(world.names(kinds::POD).await, ["demo-dual-0"]);
    assert!(world.names(kinds::SECRET).await.is_empty());
    assert!(
        writes.count() <= 3,
        "only the condition is written: {}",
        writes.count()
    );
    operator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_one_acts() {
    let world = World::start().await;
    let first = world.operator_with(Faults::default(), "a");
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    let writes = super::world::Writes::default();
    let counted = writes.clone();
    let faults = Faults::judged_by(move |call| {
        counted.add(call);
        Fault::None
    });
    let second = world.operator_with(faults, "b");
    world.delete(kinds::POD, "demo-dual-1").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(world.is_ready("demo").await);
    assert_eq!(writes.count(), 0);
    first.crash().await;
    world.delete(kinds::POD, "demo-dual-2").await;
    world
        .until("the second one acts", || async { writes.count() > 0 })
        .await;
    world
        .until("all three run", || async {
            world.list(kinds::POD).await.len() == 3 && world.is_ready("demo").await
        })
        .await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wiped_controller_is_healed_without_becoming_a_voter_without_memory() {
    let world = World::start().await;
    let operator = world.operator();
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let claims = world.list(kinds::PERSISTENT_VOLUME_CLAIM).await;
    let claim = claims
        .iter()
        .find(|claim| claim.name_any().ends_with("demo-dual-1"))
        .unwrap();
    world.kubelet.hold("demo-dual-1", true);
    world.delete(kinds::POD, "demo-dual-1").await;
    world
        .until("node 1 is down", || async {
            !world.kubelet.kafka("demo").state().nodes[&1].is_up
        })
        .await;
    world.kubelet.wipe(&claim.uid().unwrap());
    let old = world.kubelet.kafka("demo").state().voters[&1].directory_id;
    world.kubelet.hold("demo-dual-1", false);
    world
        .until("node 1 votes again, with another directory", || async {
            let state_is_whole = {
                let kafka = world.kubelet.kafka("demo");
                let state = kafka.state();
                state.voters.len() == 3
                    && state
                        .voters
                        .get(&1)
                        .is_some_and(|voter| voter.directory_id != old)
            };
            state_is_whole && world.is_ready("demo").await
        })
        .await;
    assert_eq!(world.kubelet.formats(), 4);
    operator.stop().await;
}
