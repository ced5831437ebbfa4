//! `klamm zookeeper` itself: as Apache ZooKeeper answers, under the clients that people use.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use reference_zookeeper::{
    Etcd, Gateway, Rig, Runtime, Version, ZooKeeper, ZooKeeperOptions, client_jars,
};

use crate::clients::{clients, compared, kazoo, succeeded};
use crate::random::{campaign, explain, play, setting, tick};

/// The point of it all.
#[test]
fn klamm_zookeeper_answers_as_apache_zookeeper_does() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let gateway = Gateway::start(
        &rig,
        &etcd,
        &["--min-session-timeout", "1s", "--reap-every", "24h"],
    )?;
    let reference = ZooKeeper::start(&rig, "reference", &tick())?;
    let requests = setting("KLAMM_CHECK_REQUESTS", 20_000);
    let campaign = campaign(&gateway.address, &reference.address, requests);
    let verdict = play(&campaign)?;
    assert!(
        verdict.differences.is_empty(),
        "{}\n{}",
        explain(&campaign, &verdict),
        gateway.process.log()
    );
    assert!(
        verdict.requests >= requests && verdict.events > 0,
        "{verdict:?}"
    );
    Ok(())
}

/// Compiles and runs the Java program on `hosts`.
fn java(rig: &Rig, hosts: &str) -> Result<()> {
    let class_path = format!("{}/*", client_jars()?.display());
    let classes = rig.sub("classes")?;
    let compiled = Command::new("javac")
        .args(["-cp", &class_path, "-d"])
        .arg(&classes)
        .arg(clients().join("Recipes.java"))
        .output()
        .context("running javac")?;
    succeeded("javac", &compiled)?;
    let output = Command::new("java")
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
        .arg(format!("{}:{class_path}", classes.display()))
        .args(["Recipes", hosts])
        .output()?;
    let text = succeeded("Recipes.java", &output)?;
    assert!(text.trim_end().ends_with("all recipes hold"), "{text}");
    Ok(())
}

fn shell(script: &Path, server: &str, commands: &[&str]) -> Result<String> {
    let mut all = String::new();
    for command in commands {
        let output = Command::new(script)
            .arg(server)
            .args(command.split(' '))
            .output()?;
        all += &succeeded(command, &output)?;
    }
    Ok(all)
}

#[test]
fn kazoo_s_recipes_hold_on_two_servers_and_show_no_difference() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Installed)?;
    let one = Gateway::start(&rig, &etcd, &[])?;
    let other = Gateway::start(&rig, &etcd, &[])?;
    kazoo(&format!("{},{}", one.address, other.address))?;

    let fresh = Gateway::start(&rig, &etcd, &["--prefix", "/fresh"])?;
    let reference = ZooKeeper::start(&rig, "reference", &ZooKeeperOptions::default())?;
    let counts = compared(&fresh.address, &reference.address, kazoo)?;
    assert!(counts.requests > 100 && counts.events > 10, "{counts:?}");
    Ok(())
}

#[test]
fn the_java_client_curator_and_the_shell_hold() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let one = Gateway::start(&rig, &etcd, &[])?;
    let other = Gateway::start(&rig, &etcd, &[])?;
    java(&rig, &format!("{},{}", one.address, other.address))?;

    let script = Runtime::find()?.home.join("bin/zookeeper-shell.sh");
    let told = shell(
        &script,
        &one.address,
        &[
            "create /shell hello",
            "get -s /shell",
            "setAcl /shell world:anyone:cdrwa",
            "deleteall /shell",
        ],
    )?;
    assert!(
        told.contains("hello") && told.contains("dataLength = 5"),
        "{told}"
    );
    Ok(())
}
