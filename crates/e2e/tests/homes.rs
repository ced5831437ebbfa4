//! Homes on one machine, and what is left on them by every kind of death.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::Machine;
use crate::support::machine::{LIMIT, text};
use crate::support::manifests::{Cluster, EPHEMERAL, PERSISTENT};
use crate::support::witness::round_trip;

fn sigkill(pids: &[i32]) {
    for pid in pids {
        // One that died with the one before it is as dead.
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn klamm_killed_at_any_moment_leaves_nothing_that_down_does_not_stop() {
    let machine = Machine::new();
    let file = machine.write("manifest.yaml", &Cluster::dual("one", 1, PERSISTENT).yaml());

    // Killed while the cluster comes up: when its first process is there, and when Kafka is about to start.
    for sign in ["container-exec", " kafka.Kafka "] {
        let mut up = machine
            .command()
            .args(["up", "--detach", "-f", &file])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        until(sign, || !machine.pids(sign).is_empty());
        let serving = machine.pids("up --serve");
        assert_eq!(serving.len(), 1, "{:?}", machine.processes());
        sigkill(&serving);
        // Its caller notices, too.
        assert!(!up.wait().unwrap().success());
        machine.klamm_ok(&["down"]);
        assert_eq!(machine.processes(), [], "killed at {sign}");
    }
    // It comes up all the same.
    machine.klamm_ok(&["up", "--detach", "--timeout", "4m"]);
    let id = machine.status("one")["clusterId"].clone();

    // Killed beside a broker that serves: `down` finds the broker without it.
    sigkill(&machine.pids("up --serve"));
    machine.klamm_ok(&["down"]);
    assert_eq!(machine.processes(), [], "after SIGKILL of klamm");
    machine.klamm_ok(&["up", "--detach", "--timeout", "4m"]);

    // Everything is killed: Ready is what is so afterwards, not what was written down before.
    for order in ["up --serve", "run-broker", "container-exec monitor"] {
        sigkill(&machine.pids(order));
    }
    until("the broker dies with its monitor", || {
        machine.pids(" kafka.Kafka ").is_empty()
    });
    machine.klamm_ok(&["up", "--detach", "--timeout", "4m"]);
    assert_eq!(machine.status("one")["clusterId"], id);
    round_trip(&machine.bootstrap("one", "plain"), "hello", &[]);

    // Its watchers first, then itself.
    for order in ["container-exec monitor", "up --serve"] {
        sigkill(&machine.pids(order));
    }
    machine.klamm_ok(&["down"]);
    assert_eq!(
        machine.processes(),
        [],
        "after SIGKILL of monitor and klamm"
    );
}

#[test]
fn two_homes_run_side_by_side_and_ctrl_c_stops_one_of_them() {
    let machine = Machine::new();
    let yaml = Cluster::dual("one", 1, EPHEMERAL).yaml();
    let file = machine.write("manifest.yaml", &yaml);
    let other = machine.home().with_file_name("other");
    let on_other = |arguments: &[&str]| {
        let output = Machine::command_on(&other)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };

    // One in the foreground, as at a terminal; the other in the background.
    let log = std::fs::File::create(machine.home().with_file_name("foreground.log")).unwrap();
    let mut foreground = machine
        .command()
        .args(["up", "--timeout", "4m", "-f", &file])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    on_other(&["up", "--detach", "--timeout", "4m", "-f", &file]);
    let told = || std::fs::read_to_string(machine.home().with_file_name("foreground.log")).unwrap();
    until("the foreground is Ready", || {
        told().contains("Ctrl-C stops")
    });

    let here = machine.status("one");
    let there: Value = serde_json::from_str(&on_other(&["status", "one", "-o", "json"])).unwrap();
    assert_ne!(here["clusterId"], there["clusterId"]);
    let address = |status: &Value| {
        status["listeners"][0]["bootstrapServers"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_ne!(address(&here), address(&there));
    round_trip(&address(&here), "here", &[]);
    round_trip(&address(&there), "there", &[]);
    let topics = [
        "kafka",
        "topics",
        "--bootstrap-server",
        &address(&there),
        "--list",
    ];
    let topics = on_other(&topics);
    let topics: Vec<&str> = topics.lines().collect();
    assert!(
        topics.contains(&"there") && !topics.contains(&"here"),
        "{topics:?}"
    );

    kill(
        Pid::from_raw(i32::try_from(foreground.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    assert!(foreground.wait().unwrap().success(), "{}", told());
    let told = told();
    assert!(
        told.contains("stopping: brokers by controlled shutdown") && told.contains("stopped in"),
        "{told}"
    );
    assert!(
        !told.contains('\u{1b}'),
        "no colour codes in a file: {told}"
    );
    assert!(
        machine
            .pids(&machine.home().display().to_string())
            .is_empty()
    );
    round_trip(&address(&there), "still", &[]);
}
