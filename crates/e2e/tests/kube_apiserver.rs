//! The same stories on a real kube-apiserver, etcd and kube-controller-manager, with node agent and operator attached.

use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Secret};
use kube::api::{AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::disks::{directory_id, disk, kill_runner};
use crate::support::Kubernetes;
use crate::support::kubernetes::{Write, resource, wait};
use crate::support::machine::{repository, text};
use crate::support::manifests::{Cluster, PERSISTENT, Pool, TWO_DISKS};
use crate::support::witness::{Witness, round_trip};

/// Heartbeats of operator and node agent after which a cluster that is Ready has settled.
const SETTLED: usize = 5;
/// Heartbeats that are watched for anything else.
const WATCHED: usize = 12;
/// Looks that are provoked meanwhile.
const PROVOKED: u64 = 20;

fn all_ready(status: Option<&Value>, nodes: usize) -> bool {
    let Some(status) = status else {
        return false;
    };
    let list = status["nodes"].as_array().cloned().unwrap_or_default();
    status["ready"] == true && list.len() == nodes && list.iter().all(|node| node["ready"] == true)
}

fn wait_until_ready(kubernetes: &Kubernetes, cluster: &str, nodes: usize) {
    wait("the cluster is Ready", || {
        all_ready(kubernetes.status(cluster).as_ref(), nodes)
    });
}

/// Waits until the JVM of a Pod is another process than before, and every node is Ready.
fn wait_until_back(kubernetes: &Kubernetes, pod: &str, before: i32) {
    wait(&format!("{pod} is back"), || {
        let jvms = kubernetes.machine.jvms_of(pod);
        assert!(jvms.len() < 2, "two JVMs of {pod}: {jvms:?}");
        jvms.iter().any(|jvm| *jvm != before) && all_ready(kubernetes.status("three").as_ref(), 3)
    });
}

fn sigkill(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

fn is_heartbeat(write: &Write) -> bool {
    write.object.starts_with("leases/")
}

fn heartbeats(writes: &[Write]) -> usize {
    writes.iter().filter(|write| is_heartbeat(write)).count()
}

/// Counts writes over a number of heartbeats while looks are provoked: there must be none but heartbeats.
fn steady_state_writes_nothing(kubernetes: &Kubernetes, cluster: &str) {
    let wait_for_heartbeats = |count: usize| {
        let begun = heartbeats(&kubernetes.writes());
        wait("heartbeats", || {
            heartbeats(&kubernetes.writes()) >= begun + count
        });
    };
    wait_for_heartbeats(SETTLED);
    let settled = kubernetes.writes().len();
    let looks = kubernetes.looks();
    for number in 0..PROVOKED {
        let before = kubernetes.looks();
        kubernetes.kube(async |client| {
            let api: Api<kube::core::DynamicObject> = Api::default_namespaced_with(
                client,
                &resource("kafka.strimzi.io/v1", "Kafka", "kafkas"),
            );
            let patch =
                json!({"metadata": {"annotations": {"example.com/looked-at": number.to_string()}}});
            api.patch(cluster, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .unwrap();
        });
        wait("a look", || kubernetes.looks() > before);
    }
    assert!(kubernetes.looks() >= looks + PROVOKED);
    wait_for_heartbeats(WATCHED);
    let writes = kubernetes.writes();
    let since = writes.get(settled..).unwrap();
    assert!(heartbeats(since) >= WATCHED, "{since:?}");
    let others: Vec<&Write> = since.iter().filter(|write| !is_heartbeat(write)).collect();
    assert!(others.is_empty(), "steady state writes: {others:#?}");
}

fn logs(kubernetes: &Kubernetes, pod: &str) -> String {
    kubernetes.kube(async |client| {
        let params = LogParams {
            container: Some("kafka".to_owned()),
            ..LogParams::default()
        };
        Api::<Pod>::default_namespaced(client)
            .logs(pod, &params)
            .await
            .unwrap()
    })
}

/// Runs a command in a Pod; its standard output, and how it ended.
fn exec(kubernetes: &Kubernetes, pod: &str, command: &[&str]) -> (String, Value) {
    kubernetes.kube(async |client| {
        let params = AttachParams::default().container("kafka").stderr(false);
        let mut attached = Api::<Pod>::default_namespaced(client)
            .exec(pod, command.iter().copied(), &params)
            .await
            .unwrap();
        let mut output = String::new();
        attached
            .stdout()
            .unwrap()
            .read_to_string(&mut output)
            .await
            .unwrap();
        let status = attached.take_status().unwrap().await;
        (output, serde_json::to_value(status).unwrap())
    })
}

/// Names of the objects that a cluster leaves, by kind.
fn left(kubernetes: &Kubernetes) -> (Vec<String>, Vec<String>, Vec<String>) {
    kubernetes.kube(async |client| {
        async fn names<K>(client: &kube::Client) -> Vec<String>
        where
            K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
                + Clone
                + std::fmt::Debug
                + serde::de::DeserializeOwned,
        {
            let api: Api<K> = Api::default_namespaced(client.clone());
            let list = api.list(&ListParams::default()).await.unwrap();
            list.iter().map(ResourceExt::name_any).collect()
        }
        (
            names::<Pod>(&client).await,
            names::<Secret>(&client).await,
            names::<PersistentVolumeClaim>(&client).await,
        )
    })
}

#[test]
fn a_single_node_serves_and_is_collected_and_steady_state_writes_nothing() {
    let Some(kubernetes) = Kubernetes::start("kube_apiserver: a single node") else {
        return;
    };
    kubernetes.apply(&Cluster::dual("one", 1, PERSISTENT).yaml());
    wait_until_ready(&kubernetes, "one", 1);

    // Only addresses that answer: a process node has no proxy for the Services of this Kubernetes.
    let plain = kubernetes.bootstrap("one", "plain");
    assert!(
        plain.split(',').all(|address| address.starts_with("127.")),
        "{plain}"
    );
    round_trip(&plain, "hello", &[]);

    let log = logs(&kubernetes, "one-dual-0");
    assert!(log.contains("Kafka Server started"), "{log}");
    let (output, status) = exec(
        &kubernetes,
        "one-dual-0",
        &["/bin/sh", "-c", "echo $POD_NAME; exit 3"],
    );
    assert_eq!(output, "one-dual-0\n");
    assert_eq!(status["status"], "Failure", "{status}");
    assert_eq!(
        status["details"]["causes"][0]["message"], "3",
        "the exit code arrives: {status}"
    );

    // Names of Services lead to the Pods, too: no proxy of this Kubernetes knows Pods that are processes.
    let list = "kafka-topics.sh --bootstrap-server one-kafka-bootstrap:9092 --list";
    let (topics, status) = exec(&kubernetes, "one-dual-0", &["/bin/sh", "-c", list]);
    assert_eq!(status["status"], "Success", "{status}");
    assert!(topics.lines().any(|topic| topic == "hello"), "{topics}");

    kubernetes.kube(async |client| {
        let node = Api::<Node>::all(client).get("klamm").await.unwrap();
        let conditions = node.status.unwrap().conditions.unwrap();
        let ready = conditions
            .iter()
            .find(|condition| condition.type_ == "Ready");
        assert_eq!(ready.unwrap().status, "True");
    });
    steady_state_writes_nothing(&kubernetes, "one");

    // Deleted: everything goes but the claims, which hold the data, and what comes next finds them.
    let id = kubernetes.status("one").unwrap()["clusterId"].clone();
    delete_kafka(&kubernetes, "one");
    wait("everything is collected", || {
        let (pods, secrets, _) = left(&kubernetes);
        pods.is_empty() && secrets.is_empty()
    });
    assert_eq!(left(&kubernetes).2, ["data-0-one-dual-0"]);
    assert_eq!(kubernetes.machine.pids(" kafka.Kafka "), [] as [i32; 0]);
    kubernetes.apply(&Cluster::dual("one", 1, PERSISTENT).yaml());
    wait_until_ready(&kubernetes, "one", 1);
    assert_eq!(kubernetes.status("one").unwrap()["clusterId"], id);
    round_trip(&kubernetes.bootstrap("one", "plain"), "hello", &[]);
}

fn delete_kafka(kubernetes: &Kubernetes, cluster: &str) {
    kubernetes.kube(async |client| {
        let api: Api<kube::core::DynamicObject> = Api::default_namespaced_with(
            client,
            &resource("kafka.strimzi.io/v1", "Kafka", "kafkas"),
        );
        api.delete(cluster, &DeleteParams::default()).await.unwrap();
    });
}

fn delete_pod(kubernetes: &Kubernetes, pod: &str) {
    kubernetes.kube(async |client| {
        Api::<Pod>::default_namespaced(client)
            .delete(pod, &DeleteParams::default())
            .await
            .unwrap();
    });
}

#[test]
fn brokers_operator_and_agent_come_back_and_nothing_acknowledged_is_lost() {
    let Some(mut kubernetes) = Kubernetes::start("kube_apiserver: three nodes") else {
        return;
    };
    kubernetes.apply(&Cluster::dual("three", 3, PERSISTENT).yaml());
    wait_until_ready(&kubernetes, "three", 3);
    let before = kubernetes.status("three").unwrap();
    let witness = Witness::start(&kubernetes.bootstrap("three", "plain"));

    // The JVM dies.
    let jvm = kubernetes.machine.jvm_of("three-dual-0");
    sigkill(jvm);
    wait_until_back(&kubernetes, "three-dual-0", jvm);

    // The Pod is deleted.
    let jvm = kubernetes.machine.jvm_of("three-dual-1");
    delete_pod(&kubernetes, "three-dual-1");
    wait_until_back(&kubernetes, "three-dual-1", jvm);

    // The operator dies, and a Pod is deleted while nobody looks.
    let jvm = kubernetes.machine.jvm_of("three-dual-2");
    kubernetes.kill_operator();
    delete_pod(&kubernetes, "three-dual-2");
    wait("the Pod is gone", || {
        !left(&kubernetes).0.contains(&"three-dual-2".to_owned())
    });
    kubernetes.start_operator();
    wait_until_back(&kubernetes, "three-dual-2", jvm);

    // The node agent dies; the brokers live on, and the next agent adopts them.
    let brokers = kubernetes.machine.pids(" kafka.Kafka ");
    kubernetes.kill_agent();
    assert_eq!(kubernetes.machine.pids(" kafka.Kafka "), brokers);
    let heard = heartbeats(&kubernetes.writes());
    kubernetes.start_agent();
    wait("the agent beats again", || {
        let writes = kubernetes.writes();
        let new = writes.iter().filter(|write| is_heartbeat(write));
        new.skip(heard)
            .any(|write| write.agent == "klamm-node-agent")
    });
    wait_until_ready(&kubernetes, "three", 3);
    assert_eq!(
        kubernetes.machine.pids(" kafka.Kafka "),
        brokers,
        "the next agent adopts them"
    );
    assert!(logs(&kubernetes, "three-dual-0").contains("Kafka Server started"));

    let after = kubernetes.status("three").unwrap();
    assert_eq!(after["clusterId"], before["clusterId"]);
    steady_state_writes_nothing(&kubernetes, "three");
    let acknowledged = witness.verify();
    eprintln!("{acknowledged} messages acknowledged, all read back");
}

#[test]
fn pools_with_two_disks_serve_and_a_wiped_controller_comes_back_as_a_new_voter() {
    let Some(kubernetes) = Kubernetes::start("kube_apiserver: pools and disks") else {
        return;
    };
    let machine = &kubernetes.machine;
    let pool = |name, replicas, roles, storage| Pool {
        name,
        replicas,
        roles,
        storage,
    };
    let cluster = Cluster {
        pools: vec![
            pool("controller", 3, &["controller"], PERSISTENT),
            pool("broker", 1, &["broker"], TWO_DISKS),
        ],
        ..Cluster::dual("pools", 1, PERSISTENT)
    };
    kubernetes.apply(&cluster.yaml());
    wait_until_ready(&kubernetes, "pools", 4);
    let plain = kubernetes.bootstrap("pools", "plain");
    round_trip(&plain, "hello", &[]);
    let status = kubernetes.status("pools").unwrap();
    let pods: Vec<&str> = status["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["pod"].as_str().unwrap())
        .collect();
    let broker = pods.iter().find(|pod| pod.contains("broker")).unwrap();
    let mut claims = left(&kubernetes).2;
    claims.retain(|claim| claim.ends_with(broker));
    assert_eq!(claims.len(), 2, "{claims:?}");

    // A controller's disk is wiped while its Pod is down: no voter without memory.
    let pod = pods.iter().find(|pod| pod.contains("controller")).unwrap();
    let id = pod.rsplit('-').next().unwrap();
    let wiped = disk(machine, pod).join(format!("kafka-log{id}"));
    let old = directory_id(&wiped);
    let elsewhere = machine.home().with_file_name("wiped");
    std::fs::rename(&wiped, &elsewhere).unwrap();
    kill_runner(machine, pod);
    wait("a new disk", || {
        wiped.join("meta.properties").exists() && all_ready(kubernetes.status("pools").as_ref(), 4)
    });
    let new = directory_id(&wiped);
    assert_ne!(old, new, "an empty disk never takes the old one's vote");
    let describe = ["kafka", "metadata-quorum", "--bootstrap-server", &plain];
    let quorum = machine.klamm_ok(&[&describe[..], &["describe", "--status"]].concat());
    let voters = quorum
        .lines()
        .find(|line| line.starts_with("CurrentVoters"));
    let voters = voters.unwrap();
    assert!(voters.contains(&new) && !voters.contains(&old), "{quorum}");
    round_trip(&plain, "again", &[]);

    // The pool of the broker is deleted by mistake: it serves on.
    let jvm = machine.jvm_of(broker);
    kubernetes.kube(async |client| {
        let kind = resource("kafka.strimzi.io/v1", "KafkaNodePool", "kafkanodepools");
        let api: Api<kube::core::DynamicObject> = Api::default_namespaced_with(client, &kind);
        api.delete("broker", &DeleteParams::default())
            .await
            .unwrap();
    });
    wait("the missing pool is told", || {
        let status = kubernetes.status("pools").unwrap();
        status["reason"]
            .as_str()
            .unwrap_or_default()
            .starts_with("PoolGone: pool broker is gone")
    });
    kubernetes.apply(&cluster.yaml());
    wait_until_ready(&kubernetes, "pools", 4);
    assert_eq!(
        machine.jvm_of(broker),
        jvm,
        "a deleted pool kills no broker"
    );
}

/// What ZooKeeper's own shell says at one of these servers.
fn zookeeper_shell(kubernetes: &Kubernetes, server: &str, command: &[&str]) -> String {
    let output = kubernetes
        .command()
        .args(["kafka", "--version", "3.9.2", "zookeeper-shell", server])
        .args(command)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn zookeepers_protocol_is_served_by_a_deployment_beside_an_etcd() {
    let Some(kubernetes) = Kubernetes::start("ZooKeeper's protocol from a Deployment") else {
        return;
    };
    let example = repository().join("examples/zookeeper-on-etcd.yaml");
    let example = std::fs::read_to_string(example).unwrap();
    let there = "http://etcd-0.etcd:2379,http://etcd-1.etcd:2379,http://etcd-2.etcd:2379";
    assert!(example.contains(there), "{example}");
    kubernetes.apply(&example.replace(there, kubernetes.etcd_url()));
    let servers = || {
        kubernetes.kube(async |client| {
            let labels = ListParams::default().labels("app.kubernetes.io/name=zookeeper");
            let pods = Api::<Pod>::default_namespaced(client).list(&labels).await;
            let ready = pods.unwrap().items.into_iter().filter_map(|pod| {
                let status = pod.status.clone()?;
                let mut conditions = status.conditions.iter().flatten();
                let is_ready = conditions.any(|c| c.type_ == "Ready" && c.status == "True");
                (is_ready && pod.metadata.deletion_timestamp.is_none())
                    .then_some((pod.name_any(), format!("{}:2181", status.pod_ip?)))
            });
            ready.collect::<Vec<_>>()
        })
    };
    wait("three servers are ready", || servers().len() == 3);
    let [first, second, third] = servers().try_into().unwrap();
    zookeeper_shell(&kubernetes, &first.1, &["create", "/a", "told"]);
    let told = zookeeper_shell(&kubernetes, &second.1, &["get", "/a"]);
    assert!(told.lines().any(|line| line == "told"), "{told}");

    // Any of them may be replaced: the new one knows all.
    kubernetes.kube(async |client| {
        let pods = Api::<Pod>::default_namespaced(client);
        let params = DeleteParams::default();
        pods.delete(&third.0, &params).await.unwrap();
    });
    let is_new = |server: &(String, String)| ![&first.0, &second.0, &third.0].contains(&&server.0);
    wait("another server is ready", || servers().iter().any(is_new));
    let new = servers().into_iter().find(is_new).unwrap();
    let told = zookeeper_shell(&kubernetes, &new.1, &["get", "/a"]);
    assert!(told.lines().any(|line| line == "told"), "{told}");
}
