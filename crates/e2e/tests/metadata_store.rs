//! Brokers whose metadata are behind ZooKeeper's protocol: in an ensemble, and in etcd.

use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::DeleteParams;

use crate::support::Machine;
use crate::support::machine::{LIMIT, repository, text};
use crate::support::witness::Witness;

/// The walk-through of the document that began it: one partition, three replicas, eight messages.
const TOPIC: &str = "metadata";
const MESSAGES: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];

/// The example, with access control lists on, and this store.
fn manifest(store: &str) -> String {
    let example = std::fs::read_to_string(repository().join("examples/kafka-on-etcd.yaml"))
        .unwrap()
        .replace(
            "metadata-store: etcd://\n",
            &format!("metadata-store: {store}\n"),
        )
        .replace("size: 10Gi", "size: 1Gi");
    assert!(
        example.contains(&format!("metadata-store: {store}\n")),
        "{example}"
    );
    format!(
        "{example}    authorization:\n      type: simple\n      superUsers: [\"User:ANONYMOUS\"]\n"
    )
}

/// One of Kafka 3.9's own tools.
fn tool(machine: &Machine, arguments: &[&str]) -> String {
    let mut all = vec!["kafka", "--version", "3.9.2"];
    all.extend(arguments);
    machine.klamm_ok(&all)
}

/// What ZooKeeper's own shell says, asked of one server: the last line that is not about its session, which is told
/// by another thread, at times after the answer. A server that is just coming back may lose the question.
fn ask(machine: &Machine, server: u32, command: &[&str]) -> Result<String, String> {
    let address = format!(
        "{}:2181",
        machine.pod_ip(&format!("my-cluster-zookeeper-{server}"))
    );
    let mut arguments = vec!["kafka", "--version", "3.9.2", "zookeeper-shell", &address];
    arguments.extend(command);
    let output = machine.klamm(&arguments);
    if !output.status.success() {
        return Err(text(&output));
    }
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("WATCHER::") && !line.starts_with("WatchedEvent ")
    });
    Ok(lines.next_back().unwrap_or_default().to_owned())
}

fn shell(machine: &Machine, server: u32, command: &[&str]) -> String {
    ask(machine, server, command).unwrap()
}

/// Leader and in-sync replicas (sorted) of the partition, as they stand in the metadata store.
fn state(machine: &Machine) -> Result<(i64, Vec<i64>), String> {
    let path = format!("/brokers/topics/{TOPIC}/partitions/0/state");
    let text = ask(machine, 0, &["get", &path])?;
    let state: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
    let mut isr: Vec<i64> = state["isr"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(serde_json::Value::as_i64)
        .collect();
    isr.sort_unstable();
    Ok((state["leader"].as_i64().unwrap(), isr))
}

fn in_sync(machine: &Machine) -> Result<Vec<i64>, String> {
    state(machine).map(|(_, isr)| isr)
}

fn eventually<T: PartialEq + std::fmt::Debug>(expected: &T, ask: impl Fn() -> T) {
    let started = Instant::now();
    loop {
        let found = ask();
        if found == *expected {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{found:?} is not {expected:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn delete_pod(machine: &Machine, pod: &str) {
    machine.kube(async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        pods.delete(pod, &DeleteParams::default()).await.unwrap();
    });
}

/// The uid of a Pod that is there and ready.
fn ready(machine: &Machine, pod: &str) -> Option<String> {
    machine.kube(async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        let pod = pods.get_opt(pod).await.unwrap()?;
        let status = pod.status?;
        let ready = status
            .conditions?
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        (ready && pod.metadata.deletion_timestamp.is_none()).then_some(pod.metadata.uid?)
    })
}

/// Replaces Pods and waits until new ones of these names are ready.
fn replace(machine: &Machine, pods: &[&str]) {
    let before: Vec<_> = pods.iter().map(|pod| ready(machine, pod)).collect();
    for pod in pods {
        delete_pod(machine, pod);
    }
    for (pod, old) in pods.iter().zip(before) {
        eventually(&true, || {
            let now = ready(machine, pod);
            now.is_some() && now != old
        });
    }
}

fn cluster_id(machine: &Machine) -> String {
    machine.status("my-cluster")["clusterId"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn plain(machine: &Machine) -> String {
    machine.bootstrap("my-cluster", "plain")
}

fn read_all(machine: &Machine) -> Vec<String> {
    let bootstrap = plain(machine);
    let output = Command::new("kcat")
        .args([
            "-b",
            &bootstrap,
            "-t",
            TOPIC,
            "-C",
            "-o",
            "beginning",
            "-e",
            "-q",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn write_all(machine: &Machine) {
    let file = machine.write("messages", &(MESSAGES.join("\n") + "\n"));
    let output = Command::new("kcat")
        .args([
            "-b",
            &plain(machine),
            "-t",
            TOPIC,
            "-P",
            "-X",
            "acks=all",
            "-l",
            &file,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// A topic with three replicas, led by broker 0, and eight messages in it; a user may read it.
fn begin(machine: &Machine) {
    let bootstrap = plain(machine);
    let create = [
        "--create",
        "--topic",
        TOPIC,
        "--replica-assignment",
        "0:1:2",
    ];
    let mut arguments = vec!["topics", "--bootstrap-server", bootstrap.as_str()];
    arguments.extend(create);
    tool(machine, &arguments);
    write_all(machine);
    let mut arguments = vec!["acls", "--bootstrap-server", bootstrap.as_str()];
    arguments.extend(["--add", "--allow-principal", "User:CN=alice"]);
    arguments.extend(["--operation", "Read", "--topic", TOPIC]);
    tool(machine, &arguments);
    eventually(&Ok((0, vec![0, 1, 2])), || state(machine));
}

fn acls(machine: &Machine) -> String {
    let bootstrap = plain(machine);
    tool(
        machine,
        &[
            "acls",
            "--bootstrap-server",
            &bootstrap,
            "--list",
            "--topic",
            TOPIC,
        ],
    )
}

/// Broker 0 goes and comes back: the store says who leads meanwhile, and that all are in sync again.
fn lose_and_regain_broker_0(machine: &Machine) {
    let jvm = nix::unistd::Pid::from_raw(machine.jvm_of("my-cluster-brokers-0"));
    // Hung, not dead: nobody closes its session but time.
    nix::sys::signal::kill(jvm, nix::sys::signal::Signal::SIGSTOP).unwrap();
    eventually(&Ok((1, vec![1, 2])), || state(machine));
    delete_pod(machine, "my-cluster-brokers-0");
    nix::sys::signal::kill(jvm, nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually(&Ok(vec![0, 1, 2]), || in_sync(machine));
    assert_eq!(read_all(machine), MESSAGES);
    assert!(acls(machine).contains("principal=User:CN=alice"));
}

/// How often the containers of a Pod ended.
fn restarts(machine: &Machine, pod: &str) -> i32 {
    machine.kube(async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        let status = pods.get(pod).await.unwrap().status.unwrap();
        let containers = status.container_statuses.unwrap_or_default();
        containers
            .iter()
            .map(|container| container.restart_count)
            .sum()
    })
}

/// Broker 1 dies at once, and starts at once: it waits for its old session instead of failing until that has ended.
fn kill_broker_1(machine: &Machine) {
    let pod = "my-cluster-brokers-1";
    let before = restarts(machine, pod);
    let jvm = nix::unistd::Pid::from_raw(machine.jvm_of(pod));
    nix::sys::signal::kill(jvm, nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually(&true, || {
        let status = machine.klamm_ok(&["status", "my-cluster"]);
        status.contains("waiting for its old session to end")
    });
    eventually(&Ok(vec![0, 1, 2]), || in_sync(machine));
    eventually(&true, || ready(machine, pod).is_some());
    assert_eq!(restarts(machine, pod), before + 1, "no start was in vain");
}

fn down_and_up(machine: &Machine) {
    let id = cluster_id(machine);
    machine.klamm_ok(&["down"]);
    assert_eq!(machine.processes(), [], "nothing runs after `klamm down`");
    machine.klamm_ok(&["up", "--detach"]);
    assert_eq!(cluster_id(machine), id);
    assert_eq!(read_all(machine), MESSAGES);
    assert!(acls(machine).contains("principal=User:CN=alice"));
}

#[test]
fn a_zookeeper_whose_pod_is_replaced_keeps_its_data_and_brokers_reconnect() {
    let machine = Machine::new();
    machine.up(&manifest("zookeeper"));
    begin(&machine);
    let id = cluster_id(&machine);
    assert!(shell(&machine, 2, &["get", "/cluster/id"]).contains(&id));

    let witness = Witness::start(&plain(&machine));
    let all = [
        "my-cluster-zookeeper-0",
        "my-cluster-zookeeper-1",
        "my-cluster-zookeeper-2",
    ];
    replace(&machine, &all[..1]);
    // All at once: nobody is left to copy from.
    replace(&machine, &all);
    lose_and_regain_broker_0(&machine);
    // With its disk as well: it follows the others before it votes.
    machine.kube(async |client| {
        let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client);
        let name = "data-my-cluster-zookeeper-2";
        claims.delete(name, &DeleteParams::default()).await.unwrap();
    });
    replace(&machine, &all[2..]);
    assert!(shell(&machine, 2, &["get", "/cluster/id"]).contains(&id));
    witness.verify();
    down_and_up(&machine);
}

#[test]
fn the_walk_through_of_kafka_on_etcd_replays_with_access_control_lists_on() {
    let machine = Machine::new();
    machine.up(&manifest("etcd://"));
    begin(&machine);
    let id = cluster_id(&machine);
    for server in 0..3 {
        assert!(shell(&machine, server, &["get", "/cluster/id"]).contains(&id));
    }
    lose_and_regain_broker_0(&machine);
    kill_broker_1(&machine);

    let witness = Witness::start(&plain(&machine));
    // One of three servers of the protocol, then the etcd below all of them: brokers change over, and wait.
    replace(&machine, &["my-cluster-zookeeper-1"]);
    replace(&machine, &["my-cluster-etcd-0"]);
    eventually(&Ok(vec![0, 1, 2]), || in_sync(&machine));
    witness.verify();
    down_and_up(&machine);
}
