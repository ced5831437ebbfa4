//! The clients that people use, unmodified: kazoo's recipes in Python, Apache ZooKeeper's own client and Curator's recipes
//! in Java, the shell.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use reference_zookeeper::{Rig, ZooKeeper, ZooKeeperOptions, python, repository};
use tokio::net::TcpListener;
use zookeeper_check::Both;
use zookeeper_check::proxy::{Counts, Proxy};
use zookeeper_protocol::{ConnectRequest, put_frame};

pub(crate) fn clients() -> PathBuf {
    repository().join("tests/zookeeper/clients")
}

pub(crate) fn succeeded(what: &str, output: &Output) -> Result<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{what}: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(text)
}

/// Runs the Python program on `hosts`; it says what it did.
pub(crate) fn kazoo(hosts: &str) -> Result<()> {
    let output = Command::new(python()?)
        .arg(clients().join("recipes.py"))
        .arg(hosts)
        .output()?;
    let text = succeeded("recipes.py", &output)?;
    assert!(text.trim_end().ends_with("all recipes hold"), "{text}");
    Ok(())
}

/// Runs `work` on a proxy that compares two servers, and returns how much was compared.
pub(crate) fn compared(
    subject: &str,
    reference: &str,
    work: impl FnOnce(&str) -> Result<()>,
) -> Result<Counts> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let addresses = Both {
        subject: subject.to_owned(),
        reference: reference.to_owned(),
    };
    let (mut proxy, address) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        anyhow::Ok((Proxy::start(listener, addresses), address))
    })?;
    let outcome = work(&address.to_string());
    let (differences, counts) = runtime.block_on(async {
        let mut differences = Vec::new();
        while let Ok(Some(difference)) =
            tokio::time::timeout(Duration::from_millis(200), proxy.next_difference()).await
        {
            differences.push(difference.to_string());
        }
        (differences, proxy.counts().await)
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    outcome?;
    Ok(counts)
}

/// The check itself: through the proxy, two equal servers do not differ and clients notice nothing.
#[test]
fn the_proxy_between_two_apache_zookeepers_is_not_noticed() -> Result<()> {
    let rig = Rig::new()?;
    let options = ZooKeeperOptions::default();
    let one = ZooKeeper::start(&rig, "one", &options)?;
    let other = ZooKeeper::start(&rig, "other", &options)?;
    let counts = compared(&one.address, &other.address, |proxy| {
        // Whoever sends what cannot be read is dropped, and only he.
        let mut broken = session(proxy)?;
        broken.write_all(&i32::MAX.to_be_bytes())?;
        assert_eq!(broken.read(&mut [0])?, 0, "the connection is closed");
        kazoo(proxy)
    })?;
    assert!(counts.requests > 100 && counts.events > 10, "{counts:?}");
    Ok(())
}

/// A connection with a session.
fn session(server: &str) -> Result<TcpStream> {
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout: 6000,
        session_id: 0,
        password: Bytes::from_static(&[0; 16]),
        read_only: Some(false),
    };
    let mut frame = BytesMut::new();
    put_frame(&mut frame, &request.encode());
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length))?];
    stream.read_exact(&mut answer)?;
    Ok(stream)
}
