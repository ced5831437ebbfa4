//! The arrows between crates, as ARCHITECTURE.md draws them, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom, outside of tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("resources", &[]),
    ("model", &["resources"]),
    ("manifests", &["model", "resources"]),
    ("planner", &["manifests", "model", "resources"]),
    ("simulator", &["planner", "manifests", "model", "resources"]),
    ("kafka-client", &[]),
    (
        "operator",
        &["planner", "manifests", "model", "resources", "kafka-client"],
    ),
    ("runner", &["model", "zookeeper-protocol"]),
    ("control-plane", &[]),
    ("node-agent", &[]),
    ("zookeeper-protocol", &[]),
    ("zookeeper-server", &["zookeeper-protocol"]),
    ("zookeeper-check", &["zookeeper-protocol"]),
    (
        "klamm",
        &[
            "operator",
            "runner",
            "control-plane",
            "node-agent",
            "kafka-client",
            "zookeeper-server",
            "zookeeper-check",
            "resources",
            "model",
            "manifests",
            "planner",
        ],
    ),
    ("e2e", &[]),
    ("reference-apiserver", &[]),
    ("reference-zookeeper", &[]),
    ("xtask", &[]),
];

/// Crates that must not see a clock, a network or another thread, and what would give them one.
const PURE: &[&str] = &[
    "resources",
    "model",
    "manifests",
    "planner",
    "simulator",
    "zookeeper-protocol",
];
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "reqwest",
    "rand",
    "rustix",
    "nix",
    "async-std",
    "ureq",
    "redb",
];

struct Package {
    normal: BTreeSet<String>,
}

fn workspace() -> BTreeMap<String, Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .collect();
            (
                package["name"].as_str().unwrap().to_owned(),
                Package { normal },
            )
        })
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_along_the_arrows() {
    let workspace = workspace();
    let rules: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let known: BTreeSet<_> = rules.keys().map(ToString::to_string).collect();
    let present: BTreeSet<_> = workspace.keys().cloned().collect();
    assert_eq!(
        present, known,
        "every crate has its line in ARROWS, and every line its crate"
    );
    for (name, package) in &workspace {
        let allowed: BTreeSet<&str> = rules[name.as_str()].iter().copied().collect();
        let wrong: Vec<_> = package
            .normal
            .iter()
            .filter(|dependency| {
                known.contains(*dependency) && !allowed.contains(dependency.as_str())
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{name} must not depend on {wrong:?}; see ARCHITECTURE.md"
        );
    }
}

#[test]
fn crates_that_decide_name_nothing_that_acts() {
    let workspace = workspace();
    for name in PURE {
        let wrong: Vec<_> = workspace[*name]
            .normal
            .iter()
            .filter(|dependency| IMPURE.contains(&dependency.as_str()))
            .collect();
        assert!(
            wrong.is_empty(),
            "{name} decides and must not depend on {wrong:?}"
        );
    }
}
