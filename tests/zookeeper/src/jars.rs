//! The newest Apache ZooKeeper, client and server, and Curator: fetched once by Maven's client and checked.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::repository;

/// The folder with the jars of `tests/zookeeper/clients/pom.xml`.
pub fn client_jars() -> Result<PathBuf> {
    let clients = repository().join("tests/zookeeper/clients");
    let cache = repository().join("target/cache/zookeeper-clients");
    std::fs::create_dir_all(&cache)?;
    // One test process at a time; the lock goes with the file.
    let lock = std::fs::File::create(cache.join("lock"))?;
    lock.lock()?;
    let libs = cache.join("libs");
    let verify = || {
        Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet"])
            .arg(clients.join("SHA256SUMS"))
            .current_dir(&libs)
            .output()
    };
    if libs.is_dir() && verify()?.status.success() {
        return Ok(libs);
    }
    if libs.is_dir() {
        std::fs::remove_dir_all(&libs)?;
    }
    let maven = Command::new("mvn")
        .args(["-B", "-q", "-f"])
        .arg(clients.join("pom.xml"))
        .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", libs.display()))
        .arg("-DincludeScope=runtime")
        .output()
        .context("running mvn")?;
    let checked = verify().context("checking what Maven brought")?;
    for output in [maven, checked] {
        if !output.status.success() {
            bail!(
                "the jars of ZooKeeper's clients: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    Ok(libs)
}
