//! Where Kafka comes from: fetched, checked, broken, healed, without a network, in more than one version.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Machine;
use crate::support::machine::text;
use crate::support::manifests::{Cluster, EPHEMERAL};
use crate::support::witness::round_trip;

/// A folder that is the whole `PATH`: these programs, and no others.
fn path_with(machine: &Machine, name: &str, programs: &[(&str, &Path)]) -> PathBuf {
    let folder = machine.home().with_file_name(name);
    std::fs::create_dir(&folder).unwrap();
    for (program, target) in programs {
        std::os::unix::fs::symlink(target, folder.join(program)).unwrap();
    }
    folder
}

fn which(program: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{program} is not on PATH"))
}

/// A `mvn` that does what the real one does, and then what `after` says, with the folder of the jars as `$libs`.
fn strange_maven(machine: &Machine, name: &str, after: &str) -> PathBuf {
    let folder = path_with(machine, name, &[]);
    let script = format!(
        "#!/bin/sh\nfor word in \"$@\"; do case \"$word\" in -DoutputDirectory=*) libs=${{word#-DoutputDirectory=}};; esac; done\n\
         {} \"$@\" || exit 1\n{after}\n",
        which("mvn").display()
    );
    let path = folder.join("mvn");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Prepares a runtime in a cache of its own, with `folders` before the rest of `PATH`, or alone.
fn prepare(cache: &Path, path: &std::ffi::OsStr) -> Output {
    Command::new(Machine::program())
        .args(["runtime", "prepare", "4.3.1"])
        .env("KLAMM_CACHE", cache)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn before_others(folder: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap();
    let others = std::env::split_paths(&path);
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(others)).unwrap()
}

fn refused(output: &Output, expected: &[&str]) {
    let told = text(output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for word in expected {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[test]
fn broken_and_half_downloads_are_noticed_and_a_warm_cache_needs_no_maven() {
    let machine = Machine::new();
    let cache = machine.home().with_file_name("cache");
    let home = cache.join("runtimes/kafka-4.3.1");
    let jar = home.join("libs/kafka-clients-4.3.1.jar");

    // A jar that came wrong, and one that came by halves: named, and nothing is left under the final name.
    let wrong = strange_maven(
        &machine,
        "wrong",
        "printf x >> \"$libs/kafka-clients-4.3.1.jar\"",
    );
    let output = prepare(&cache, &before_others(&wrong));
    refused(
        &output,
        &["kafka-clients-4.3.1.jar", "expected SHA-256", "~/.m2"],
    );
    assert!(!home.exists());
    let half = strange_maven(
        &machine,
        "half",
        "truncate -s 100000 \"$libs/kafka_2.13-4.3.1.jar\"; printf '\\n[ERROR] the connection broke\\n'; exit 1",
    );
    let output = prepare(&cache, &before_others(&half));
    refused(&output, &["Maven could not bring", "the connection broke"]);
    assert!(!home.exists());

    // The real one heals it; then neither Maven nor a network is needed.
    succeeded(&prepare(&cache, &std::env::var_os("PATH").unwrap()));
    let offline = path_with(&machine, "offline", &[("java", &which("java"))]);
    succeeded(&prepare(&cache, offline.as_os_str()));

    // A jar that rots in the cache is noticed; without Maven that is said, with it the jar is fetched again.
    let good = std::fs::read(&jar).unwrap();
    std::fs::write(&jar, &good[..good.len() / 2]).unwrap();
    let output = prepare(&cache, offline.as_os_str());
    refused(&output, &["`mvn` is not on PATH", "--kafka-home"]);
    succeeded(&prepare(&cache, &std::env::var_os("PATH").unwrap()));
    assert!(
        std::fs::read(&jar).unwrap() == good,
        "the jar is whole again"
    );
}

#[test]
fn older_kafkas_run_side_by_side_without_a_network() {
    let machine = Machine::new();
    let versions = [("old", "4.1.2", "4.1-IV1"), ("newer", "4.2.1", "4.2-IV1")];
    for (_, version, _) in versions {
        machine.klamm_ok(&["runtime", "prepare", version]);
    }
    let offline = path_with(&machine, "offline", &[("java", &which("java"))]);
    let manifests: Vec<String> = versions
        .iter()
        .map(|(name, version, metadata)| {
            Cluster::dual(name, 1, EPHEMERAL)
                .yaml()
                .replace("version: 4.3.1", &format!("version: {version}"))
                .replace("4.3-IV0", metadata)
                .replace("name: dual", &format!("name: {name}-pool"))
        })
        .collect();
    let file = machine.write("manifest.yaml", &manifests.join("---\n"));
    let output = machine
        .command()
        .args([
            "up",
            "--detach",
            "--timeout",
            "4m",
            "-o",
            "json",
            "-f",
            &file,
        ])
        .env("PATH", &offline)
        .output()
        .unwrap();
    succeeded(&output);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ready"], true, "{told}");
    for (name, version, metadata) in versions {
        let status = machine.status(name);
        assert_eq!(status["kafkaVersion"], version);
        assert_eq!(status["metadataVersion"], metadata);
        let plain = machine.bootstrap(name, "plain");
        round_trip(&plain, "hello", &[]);
        let list = ["topics", "--bootstrap-server", &plain, "--list"];
        let with = [&["kafka", "--version", version], &list[..]].concat();
        assert!(machine.klamm_ok(&with).contains("hello"));
    }
}
