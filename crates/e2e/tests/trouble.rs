//! What happens to brokers, and that no human is needed after it.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::Machine;
use crate::support::machine::LIMIT;
use crate::support::manifests::{Cluster, PERSISTENT};
use crate::support::witness::Witness;

fn all_ready(status: &Value, nodes: usize) -> bool {
    let list = status["nodes"].as_array().cloned().unwrap_or_default();
    status["ready"] == true && list.len() == nodes && list.iter().all(|node| node["ready"] == true)
}

fn sigkill(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Waits until the JVM of a Pod is another process than before, and every node is Ready.
fn wait_until_back(machine: &Machine, pod: &str, before: i32) {
    let begun = Instant::now();
    loop {
        let jvms = machine.jvms_of(pod);
        assert!(jvms.len() < 2, "two JVMs of {pod}: {jvms:?}");
        if jvms.iter().any(|jvm| *jvm != before) && all_ready(&machine.status("three"), 3) {
            return;
        }
        assert!(
            begun.elapsed() < LIMIT,
            "{pod} is not back: {:#}",
            machine.status("three")
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn brokers_come_back_by_themselves_and_nothing_acknowledged_is_lost() {
    let machine = Machine::new();
    machine.up(&Cluster::dual("three", 3, PERSISTENT).yaml());
    let before = machine.status("three");
    let witness = Witness::start(&machine.bootstrap("three", "plain"));

    // The JVM dies.
    let jvm = machine.jvm_of("three-dual-0");
    sigkill(jvm);
    wait_until_back(&machine, "three-dual-0", jvm);

    // The Pod is deleted.
    let jvm = machine.jvm_of("three-dual-1");
    machine.kube(async |client| {
        Api::<Pod>::default_namespaced(client)
            .delete("three-dual-1", &DeleteParams::default())
            .await
            .unwrap();
    });
    wait_until_back(&machine, "three-dual-1", jvm);

    // klamm itself dies; the brokers live on, and the next klamm adopts them.
    let serving = machine.pids("up --serve");
    assert_eq!(serving.len(), 1, "{:?}", machine.processes());
    let brokers = machine.pids(" kafka.Kafka ");
    sigkill(serving[0]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        machine.pids(" kafka.Kafka "),
        brokers,
        "brokers do not notice that klamm is gone"
    );
    machine.klamm_ok(&["up", "--detach"]);
    assert_eq!(
        machine.pids(" kafka.Kafka "),
        brokers,
        "the next klamm adopts them"
    );

    // run-broker dies; its JVM goes with it, and both come back.
    let jvm = machine.jvm_of("three-dual-2");
    let parent = parent_of(jvm);
    sigkill(parent);
    wait_until_back(&machine, "three-dual-2", jvm);

    let after = machine.status("three");
    assert_eq!(after["clusterId"], before["clusterId"]);
    let acknowledged = witness.verify();
    eprintln!("{acknowledged} messages acknowledged, all read back");
}

fn parent_of(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}
