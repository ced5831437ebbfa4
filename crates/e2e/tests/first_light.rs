//! From a manifest to a cluster that serves, and back.

use std::process::Command;

use crate::support::Machine;
use crate::support::machine::{repository, text};
use crate::support::manifests::{BOTH, Cluster, EPHEMERAL, PERSISTENT, Pool, TWO_DISKS};
use crate::support::witness::round_trip;

fn cluster_id(machine: &Machine, cluster: &str) -> String {
    machine.status(cluster)["clusterId"]
        .as_str()
        .expect("a running cluster has an id")
        .to_owned()
}

fn kcat(arguments: &[&str]) -> String {
    let output = Command::new("kcat")
        .args(arguments)
        .output()
        .expect("kcat is installed");
    assert!(
        output.status.success(),
        "kcat {arguments:?}: {}",
        text(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn tls_settings(machine: &Machine, cluster: &str) -> Vec<String> {
    let ca = machine
        .home()
        .join("connect/default")
        .join(cluster)
        .join("tls-ca.crt");
    vec![
        "security.protocol=SSL".to_owned(),
        format!("ssl.ca.location={}", ca.display()),
    ]
}

/// Runs what `klamm up` ended with, as it stands there, in a shell that knows nothing of klamm.
fn the_printed_lines_work(machine: &Machine, told: &str) {
    let after = |word: &str| -> Vec<&str> {
        let lines = told
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix(word));
        lines.map(str::trim).collect()
    };
    let shell = |line: &str, typed: &str| {
        use std::io::Write as _;
        let mut child = Command::new("sh")
            .args(["-c", line])
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env_remove("KLAMM_HOME")
            .current_dir(machine.home())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(typed.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let (produce, kcat) = (after("produce "), after("kcat "));
    assert_eq!((produce.len(), kcat.len()), (2, 2), "{told}");
    for (number, line) in produce.iter().enumerate() {
        shell(line, &format!("printed line {number}\n"));
    }
    for line in kcat {
        assert!(shell(line, "").contains("topic \"hello\""), "{line}");
        let consume = format!("{} -C -t hello -e -q", line.trim_end_matches(" -L"));
        let consumed = shell(&consume, "");
        for number in 0..produce.len() {
            let sent = format!("printed line {number}");
            assert!(consumed.contains(&sent), "{consume}: {consumed}");
        }
    }
}

#[test]
fn a_single_node_serves_plain_and_tls_and_is_itself_again_after_down_and_up() {
    let machine = Machine::new();
    // A rack, as manifests for a cloud have it.
    let cluster = Cluster {
        more: "    rack: {topologyKey: topology.kubernetes.io/zone}\n",
        ..Cluster::dual("one", 1, PERSISTENT)
    };
    let told = machine.up(&cluster.yaml());
    let zone = machine.kube(async |client| {
        let pods = kube::Api::<k8s_openapi::api::core::v1::Pod>::default_namespaced(client);
        let log = pods
            .logs("one-dual-0", &kube::api::LogParams::default())
            .await
            .unwrap();
        log.lines()
            .find_map(|line| line.trim().strip_prefix("broker.rack = "))
            .map(str::to_owned)
    });
    assert_eq!(zone.as_deref(), Some("local"));
    assert!(
        told.contains("Kafka one (namespace default) is Ready"),
        "{told}"
    );
    let plain = machine.bootstrap("one", "plain");
    the_printed_lines_work(&machine, &told);
    round_trip(&plain, "hello", &[]);
    round_trip(
        &machine.bootstrap("one", "tls"),
        "hello",
        &tls_settings(&machine, "one"),
    );
    assert!(kcat(&["-b", &plain, "-L"]).contains("topic \"hello\""));
    let id = cluster_id(&machine, "one");

    machine.klamm_ok(&["down"]);
    assert_eq!(machine.processes(), [], "nothing runs after `klamm down`");
    machine.klamm_ok(&["up", "--detach"]);
    assert_eq!(cluster_id(&machine, "one"), id);
    assert_eq!(machine.bootstrap("one", "plain"), plain);
    assert!(
        kcat(&["-b", &plain, "-L"]).contains("topic \"hello\""),
        "the topic outlived the restart"
    );
}

#[test]
fn controllers_and_brokers_in_two_pools_on_ephemeral_disks_come_up_twice() {
    let machine = Machine::new();
    let cluster = Cluster {
        pools: vec![
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
        ],
        ..Cluster::dual("pools", 3, EPHEMERAL)
    };
    machine.up(&cluster.yaml());
    let nodes = machine.status("pools")["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 6, "{nodes:?}");
    let id = cluster_id(&machine, "pools");
    round_trip(&machine.bootstrap("pools", "plain"), "hello", &[]);
    machine.klamm_ok(&["down"]);
    machine.klamm_ok(&["up", "--detach"]);
    assert_eq!(
        cluster_id(&machine, "pools"),
        id,
        "emptyDirs are kept with their Pods"
    );
    round_trip(&machine.bootstrap("pools", "plain"), "hello", &[]);
}

#[test]
fn two_disks_two_clusters_and_two_namespaces_live_side_by_side() {
    let machine = Machine::new();
    let first = Cluster {
        pools: vec![Pool {
            name: "dual",
            replicas: 1,
            roles: BOTH,
            storage: TWO_DISKS,
        }],
        ..Cluster::dual("one", 1, TWO_DISKS)
    };
    let second = Cluster {
        namespace: "elsewhere",
        ..Cluster::dual("one", 1, PERSISTENT)
    };
    machine.up(&format!("{}---\n{}", first.yaml(), second.yaml()));
    let (plain, here) = (
        machine.bootstrap("one", "plain"),
        cluster_id(&machine, "one"),
    );
    round_trip(&plain, "hello", &[]);
    let there = machine.klamm_ok(&["status", "one", "-n", "elsewhere", "-o", "json"]);
    let there: serde_json::Value = serde_json::from_str(&there).unwrap();
    assert_ne!(there["clusterId"].as_str().unwrap(), here);
    round_trip(
        there["listeners"][0]["bootstrapServers"].as_str().unwrap(),
        "hello",
        &[],
    );
    let properties = Command::new("find")
        .arg(machine.home())
        .args(["-name", "meta.properties"])
        .output()
        .unwrap();
    assert_eq!(
        text(&properties).lines().count(),
        3,
        "two disks of one node and one of the other: {}",
        text(&properties)
    );
}

#[test]
fn the_example_of_the_readme_passes_validation() {
    let machine = Machine::new();
    let example = repository().join("examples/kafka.yaml");
    machine.klamm_ok(&["validate", "-f", example.to_str().unwrap()]);
}
