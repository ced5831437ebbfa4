//! A witness: produces numbered messages with `acks=all` throughout, and afterwards reads back every one it was
//! promised, once and in order. An independent client (librdkafka through Python), so that our own proves nothing.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::machine::{repository, text};

/// A producer that runs beside the story.
pub(crate) struct Witness {
    child: Child,
    bootstrap: String,
}

fn python() -> PathBuf {
    let python = repository().join(".cache/venv/bin/python");
    assert!(
        python.is_file(),
        "{} is missing; run `scripts/setup.sh test` first",
        python.display()
    );
    python
}

fn script() -> PathBuf {
    repository().join("crates/e2e/tests/support/witness.py")
}

impl Witness {
    /// Starts to produce; the first message is acknowledged when this returns.
    pub(crate) fn start(bootstrap: &str) -> Self {
        let mut child = Command::new(python())
            .arg(script())
            .args(["produce", bootstrap])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut ready)
            .unwrap();
        assert_eq!(&ready, b"ready\n");
        Self {
            child,
            bootstrap: bootstrap.to_owned(),
        }
    }

    /// Stops producing and reads all back; returns how many messages were acknowledged.
    pub(crate) fn verify(mut self) -> u64 {
        drop(self.child.stdin.take());
        let mut acknowledged = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut acknowledged)
            .unwrap();
        assert!(
            self.child.wait().unwrap().success(),
            "the witness could not deliver: {acknowledged}"
        );
        let count: u64 = acknowledged.trim().parse().unwrap();
        assert!(count > 0, "the witness produced nothing");
        let output = Command::new(python())
            .arg(script())
            .args(["verify", &self.bootstrap, &count.to_string()])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "acknowledged messages are missing: {}",
            text(&output)
        );
        count
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Produces one message and reads it back with librdkafka, with the given client settings (`key=value`).
pub(crate) fn round_trip(bootstrap: &str, topic: &str, settings: &[String]) {
    let output = Command::new(python())
        .arg(script())
        .args(["round-trip", bootstrap, topic])
        .args(settings)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{bootstrap} {topic}: {}",
        text(&output)
    );
}
