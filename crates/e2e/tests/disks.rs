//! Disks and other trouble: what is wrong is said, nothing else is touched, and what can heal heals by itself.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::Machine;
use crate::support::machine::{LIMIT, text};
use crate::support::manifests::{Cluster, PERSISTENT};
use crate::support::witness::{Witness, round_trip};

/// The one disk of a Pod, `…/volumes/default/data-0-<pod>-<uid>`.
pub(crate) fn disk(machine: &Machine, pod: &str) -> PathBuf {
    let folder = machine.home().join("node/volumes/default");
    let beginning = format!("data-0-{pod}-");
    std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&beginning)
        })
        .unwrap()
}

pub(crate) fn directory_id(log_dir: &Path) -> String {
    let meta = std::fs::read_to_string(log_dir.join("meta.properties")).unwrap();
    let mut lines = meta.lines();
    lines
        .find_map(|line| line.strip_prefix("directory.id="))
        .unwrap()
        .to_owned()
}

/// Kills a Pod's `run-broker`, and with it its JVM; returns when both are gone.
pub(crate) fn kill_runner(machine: &Machine, pod: &str) {
    let jvm = machine.jvm_of(pod);
    let status = std::fs::read_to_string(format!("/proc/{jvm}/status")).unwrap();
    let runner = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .unwrap();
    kill(
        Pid::from_raw(runner.trim().parse().unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
    let begun = Instant::now();
    while machine.jvms_of(pod).contains(&jvm) {
        assert!(
            begun.elapsed() < LIMIT,
            "the JVM does not die with its runner"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait(machine: &Machine, cluster: &str, what: &str, until: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let status = machine.status(cluster);
        if until(&status) {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "waiting for {what}: {status:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn all_ready(status: &Value) -> bool {
    let nodes = status["nodes"].as_array().unwrap();
    status["ready"] == true && nodes.iter().all(|node| node["ready"] == true)
}

fn reason(status: &Value) -> &str {
    status["reason"].as_str().unwrap_or_default()
}

/// Waits until a Pod's container ended with a message that says `expected`, and the Kafka's condition says it too.
fn wait_for_refusal(machine: &Machine, pod: &str, expected: &str) {
    wait(machine, "three", expected, |status| {
        reason(status).contains(expected)
    });
    let seen = machine.kube(async |client| {
        Api::<Pod>::default_namespaced(client)
            .get(pod)
            .await
            .unwrap()
    });
    let container = seen.status.unwrap().container_statuses.unwrap().remove(0);
    let ended = container.last_state.and_then(|state| state.terminated);
    let ended = ended.or_else(|| container.state.and_then(|state| state.terminated));
    let message = ended.and_then(|ended| ended.message).unwrap_or_default();
    assert!(message.contains(expected), "{pod} says {message:?}");
}

fn custom(client: kube::Client, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind));
    Api::default_namespaced_with(client, &kind)
}

fn delete(machine: &Machine, kind: &str, name: &str) {
    machine.kube(async |client| {
        custom(client, kind)
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    });
}

#[test]
fn lost_foreign_and_damaged_disks_are_told_and_healed_and_a_deleted_pool_harms_nobody() {
    let machine = Machine::new();
    let cluster = Cluster::dual("three", 3, PERSISTENT);
    machine.up(&cluster.yaml());
    let witness = Witness::start(&machine.bootstrap("three", "plain"));
    let jvms = || machine.pids(" kafka.Kafka ");

    // A pool is deleted by mistake: no broker dies.
    let before = jvms();
    delete(&machine, "KafkaNodePool", "dual");
    wait(&machine, "three", "PoolGone", |status| {
        reason(status).starts_with("PoolGone: pool dual is gone")
    });
    machine.up(&cluster.yaml());
    assert_eq!(jvms(), before, "a deleted pool kills no broker");

    // A controller's disk is wiped while its Pod is down: it comes back as a new voter.
    let wiped = disk(&machine, "three-dual-0").join("kafka-log0");
    let old = directory_id(&wiped);
    let elsewhere = machine.home().with_file_name("wiped");
    std::fs::rename(&wiped, &elsewhere).unwrap();
    kill_runner(&machine, "three-dual-0");
    std::fs::remove_dir_all(&elsewhere).unwrap();
    wait(&machine, "three", "a new disk", |status| {
        all_ready(status) && wiped.join("meta.properties").exists()
    });
    let new = directory_id(&wiped);
    assert_ne!(old, new, "an empty disk never takes the old one's vote");
    let bootstrap = machine.bootstrap("three", "plain");
    let quorum = machine.klamm_ok(&[
        "kafka",
        "metadata-quorum",
        "--bootstrap-server",
        &bootstrap,
        "describe",
        "--status",
    ]);
    let voters = quorum
        .lines()
        .find(|line| line.starts_with("CurrentVoters"))
        .unwrap();
    assert!(voters.contains(&new) && !voters.contains(&old), "{quorum}");
    for id in 0..3 {
        assert!(voters.contains(&format!("\"id\": {id}")), "{quorum}");
    }

    // A damaged meta.properties: that node alone stays down, and comes back when the file does.
    let others = [
        machine.jvm_of("three-dual-0"),
        machine.jvm_of("three-dual-2"),
    ];
    let meta = disk(&machine, "three-dual-1").join("kafka-log1/meta.properties");
    let good = std::fs::read(&meta).unwrap();
    std::fs::write(&meta, "version=1\n\u{fffd}").unwrap();
    kill_runner(&machine, "three-dual-1");
    wait_for_refusal(&machine, "three-dual-1", "meta.properties is damaged");
    std::fs::write(&meta, good).unwrap();
    wait(&machine, "three", "node 1", all_ready);

    // Another broker's disk is no empty one.
    let (own, other) = (
        disk(&machine, "three-dual-1"),
        disk(&machine, "three-dual-2"),
    );
    let aside = machine.home().with_file_name("aside");
    std::fs::rename(own.join("kafka-log1"), &aside).unwrap();
    std::fs::create_dir(own.join("kafka-log2")).unwrap();
    std::fs::copy(
        other.join("kafka-log2/meta.properties"),
        own.join("kafka-log2/meta.properties"),
    )
    .unwrap();
    kill_runner(&machine, "three-dual-1");
    wait_for_refusal(&machine, "three-dual-1", "kafka-log2 of node 2 of cluster");
    assert!(!own.join("kafka-log1").exists(), "nothing was formatted");
    std::fs::remove_dir_all(own.join("kafka-log2")).unwrap();
    std::fs::rename(&aside, own.join("kafka-log1")).unwrap();
    wait(&machine, "three", "node 1", all_ready);
    assert_eq!(
        others,
        [
            machine.jvm_of("three-dual-0"),
            machine.jvm_of("three-dual-2")
        ],
        "the others were not touched"
    );
    let acknowledged = witness.verify();
    eprintln!("{acknowledged} messages acknowledged, all read back");
}

#[test]
fn a_kafka_deleted_and_applied_again_comes_up_at_once_with_its_data() {
    let machine = Machine::new();
    let yaml = Cluster::dual("one", 1, PERSISTENT).yaml();
    let file = machine.write("manifest.yaml", &yaml);
    // While it is still coming up …
    machine.klamm(&["up", "--detach", "--timeout", "2s", "-f", &file]);
    delete(&machine, "Kafka", "one");
    machine.up(&yaml);
    let id = machine.status("one")["clusterId"].clone();
    round_trip(&machine.bootstrap("one", "plain"), "hello", &[]);
    // … and after it was Ready.
    delete(&machine, "Kafka", "one");
    machine.up(&yaml);
    let status = machine.status("one");
    assert_eq!(status["clusterId"], id);
    assert_eq!(
        machine.jvms_of("one-dual-0").len(),
        1,
        "{:?}",
        machine.processes()
    );
    let plain = machine.bootstrap("one", "plain");
    let topics = machine.klamm_ok(&["kafka", "topics", "--bootstrap-server", &plain, "--list"]);
    assert!(topics.contains("hello"), "{topics}");

    // A port that is taken is named, and no matter once it is free.
    let ip = machine.pod_ip("one-dual-0");
    machine.klamm_ok(&["down"]);
    let taken = TcpListener::bind(format!("{ip}:9092")).unwrap();
    let output = machine.klamm(&["up", "--detach", "--timeout", "40s"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("Address already in use"),
        "{}",
        text(&output)
    );
    assert!(
        text(&output).contains(&format!("{ip}:9092")),
        "{}",
        text(&output)
    );
    drop(taken);
    machine.klamm_ok(&["up", "--detach", "--timeout", "4m"]);
}

/// A file system of its own for the volumes, small enough to be filled. Its end does not wait for those who use it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, said by name, where this user may not mount.
    fn mount(at: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let options = format!("size={size},mode=700");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "klamm-e2e"])
            .arg(&at)
            .output()
            .unwrap();
        if output.status.success() {
            return Some(Self(at));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "CI may mount: {}",
            text(&output)
        );
        eprintln!("SKIPPED disks: a full disk: {}", text(&output));
        None
    }

    /// Writes until nothing fits any more.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let piece = vec![0; 64 * 1024];
        let error = loop {
            if let Err(error) = file.write_all(&piece) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_is_named_and_its_broker_comes_back_when_there_is_room() {
    let machine = Machine::new();
    // It must be a home before a disk is put into it: what klamm did not make is in its way.
    machine.klamm_ok(&["up", "--detach"]);
    machine.klamm_ok(&["down"]);
    let Some(small) = SmallDisk::mount(machine.home().join("node/volumes"), "64m") else {
        return;
    };
    machine.up(&Cluster::dual("one", 1, PERSISTENT).yaml());
    let plain = machine.bootstrap("one", "plain");
    round_trip(&plain, "kept", &[]);
    let filler = small.fill();
    // More than the page that the last segment had left.
    let output = Command::new("kcat")
        .args([
            "-b",
            &plain,
            "-P",
            "-t",
            "kept",
            "-X",
            "message.timeout.ms=20000",
            "-l",
        ])
        .arg(machine.write("lines", &"a line that needs room\n".repeat(20_000)))
        .output()
        .unwrap();
    assert!(!output.status.success(), "{}", text(&output));
    wait(&machine, "one", "the full disk", |status| {
        reason(status).contains("no space left on device: volume 0")
    });
    std::fs::remove_file(filler).unwrap();
    wait(&machine, "one", "the broker", all_ready);
    round_trip(&machine.bootstrap("one", "plain"), "kept", &[]);
    machine.klamm_ok(&["down"]);
    drop(small);
}
