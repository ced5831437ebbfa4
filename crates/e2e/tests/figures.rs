//! Measurements on a real kube-apiserver: `make bench` runs them with the release build (`KLAMM_PROGRAM`) and prints
//! what they find. They assert nothing about time: what is asserted is that there was something to measure.

use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, WatchEvent, WatchParams};
use serde_json::Value;

use crate::support::Kubernetes;
use crate::support::kubernetes::{resource, wait};
use crate::support::manifests::{BOTH, Cluster, EPHEMERAL, PERSISTENT, Pool};

const ROUNDS: usize = 5;
/// Clusters beside which the operator's memory is stated.
const CLUSTERS: [usize; 3] = [1, 20, 100];
/// After the last write, so that start-up's garbage is returned.
const SETTLE: Duration = Duration::from_secs(20);

fn three_and_three(name: &'static str) -> Cluster {
    let mut cluster = Cluster::dual(name, 3, EPHEMERAL);
    cluster.pools = vec![
        Pool {
            name: "controller",
            replicas: 3,
            roles: &["controller"],
            storage: EPHEMERAL,
        },
        Pool {
            name: "broker",
            replicas: 3,
            roles: &["broker"],
            storage: EPHEMERAL,
        },
    ];
    cluster
}

fn seconds(values: &mut [Duration]) -> String {
    values.sort();
    let all: Vec<String> = values
        .iter()
        .map(|value| format!("{:.2}", value.as_secs_f64()))
        .collect();
    let median = values.get(values.len() / 2).expect("a round was measured");
    format!(
        "median {:.2} s of [{}]",
        median.as_secs_f64(),
        all.join(", ")
    )
}

/// From the first answer to an apply until this many Pods were seen by a watch.
fn time_to_pods(kubernetes: &Kubernetes, manifest: &str, count: usize) -> Duration {
    // Begun before, so that the watch is open when the first Pod appears.
    let version = kubernetes.kube(async |client| {
        let pods = Api::<Pod>::default_namespaced(client);
        pods.list(&ListParams::default())
            .await
            .unwrap()
            .metadata
            .resource_version
            .unwrap()
    });
    let begun = Instant::now();
    kubernetes.apply(manifest);
    kubernetes.kube(async |client| {
        let pods = Api::<Pod>::default_namespaced(client);
        let mut events = Box::pin(pods.watch(&WatchParams::default(), &version).await.unwrap());
        let mut seen = 0;
        while seen < count {
            match events.try_next().await.unwrap().expect("the watch goes on") {
                WatchEvent::Added(_) => seen += 1,
                WatchEvent::Modified(_) | WatchEvent::Bookmark(_) => {}
                WatchEvent::Deleted(_) | WatchEvent::Error(_) => panic!("a Pod went"),
            }
        }
    });
    begun.elapsed()
}

fn is_ready(kubernetes: &Kubernetes, cluster: &str) -> bool {
    let status = kubernetes.status(cluster);
    status.is_some_and(|status| status["ready"] == Value::Bool(true))
}

fn delete(kubernetes: &Kubernetes, cluster: &str) {
    kubernetes.kube(async |client| {
        for (kind, plural) in [("Kafka", "kafkas"), ("KafkaNodePool", "kafkanodepools")] {
            let api: Api<kube::core::DynamicObject> = Api::default_namespaced_with(
                client.clone(),
                &resource("kafka.strimzi.io/v1", kind, plural),
            );
            for object in api.list(&ListParams::default()).await.unwrap() {
                let name = object.metadata.name.unwrap();
                if kind == "KafkaNodePool" || name == cluster {
                    api.delete(&name, &DeleteParams::default()).await.unwrap();
                }
            }
        }
    });
    wait("everything of the cluster is gone", || {
        kubernetes.kube(async |client| {
            let pods = Api::<Pod>::default_namespaced(client);
            pods.list(&ListParams::default())
                .await
                .unwrap()
                .items
                .is_empty()
        })
    });
}

#[test]
#[ignore = "a measurement: make bench"]
fn from_apply_to_pods_and_to_ready() {
    let Some(mut kubernetes) = Kubernetes::start("figures: apply") else {
        return;
    };
    kubernetes.kill_agent();
    let mut pods = Vec::new();
    for _ in 0..ROUNDS {
        pods.push(time_to_pods(&kubernetes, &three_and_three("six").yaml(), 6));
        delete(&kubernetes, "six");
    }
    eprintln!(
        "apply of 3 controllers + 3 brokers to six Pods on a real kube-apiserver: {}",
        seconds(&mut pods)
    );
    kubernetes.start_agent();
    let mut ready = Vec::new();
    for round in 0..ROUNDS {
        let begun = Instant::now();
        kubernetes.apply(&Cluster::dual("three", 3, PERSISTENT).yaml());
        while !is_ready(&kubernetes, "three") {
            std::thread::sleep(Duration::from_millis(50));
        }
        // The first one also prepares the runtime's class-data archive.
        if round > 0 {
            ready.push(begun.elapsed());
        }
        delete(&kubernetes, "three");
        kubernetes.kube(async |client| {
            let claims =
                Api::<k8s_openapi::api::core::v1::PersistentVolumeClaim>::default_namespaced(
                    client,
                );
            claims
                .delete_collection(&DeleteParams::default(), &ListParams::default())
                .await
                .unwrap();
        });
    }
    eprintln!(
        "apply of 3 dual-role nodes to Ready on a process node of a real kube-apiserver: {}",
        seconds(&mut ready)
    );
}

#[test]
#[ignore = "a measurement: make bench"]
fn memory_of_an_operator_with_many_clusters() {
    let Some(mut kubernetes) = Kubernetes::start("figures: memory") else {
        return;
    };
    kubernetes.kill_agent();
    let mut applied = 0;
    for clusters in CLUSTERS {
        while applied < clusters {
            let namespace: &'static str = format!("ns{applied}").leak();
            kubernetes.kube(async |client| {
                let api = Api::<k8s_openapi::api::core::v1::Namespace>::all(client);
                let object =
                    serde_json::from_value(serde_json::json!({"metadata": {"name": namespace}}));
                api.create(&kube::api::PostParams::default(), &object.unwrap())
                    .await
                    .unwrap();
            });
            let mut cluster = Cluster::dual("three", 3, PERSISTENT);
            cluster.namespace = namespace;
            cluster.pools[0].roles = BOTH;
            kubernetes.apply(&cluster.yaml());
            applied += 1;
        }
        wait("the Pods of every cluster", || {
            kubernetes.kube(async |client| {
                let pods = Api::<Pod>::all(client);
                let list = pods.list_metadata(&ListParams::default()).await.unwrap();
                list.items.len() == 3 * clusters
            })
        });
        std::thread::sleep(SETTLE);
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", kubernetes.operator_pid())).unwrap();
        let line = |key: &str| {
            let found = status.lines().find(|line| line.starts_with(key)).unwrap();
            let kib: f64 = found.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024.0
        };
        eprintln!(
            "operator with {clusters} clusters (Pods pending): {:.1} MB resident ({:.1} anonymous)",
            line("VmRSS:"),
            line("RssAnon:")
        );
    }
}
