//! Our codec against Kafka's own: every message in every version.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use kafka_client::messages;
use kafka_client::wire::{Message, arbitrary, encode};

use crate::jars;

/// One line per version of a message: its name, the version, our bytes.
fn lines<M: Message>(entropy: &[u8], out: &mut String) {
    for version in M::VERSIONS {
        let mut message: M = arbitrary(entropy, version).unwrap();
        let bytes = encode(&mut message, version, Vec::new()).unwrap();
        writeln!(out, "{} {version} {}", M::NAME, hex(&bytes)).unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Bytes that look random and are the same in every run.
fn entropy(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..6000).map(next).collect()
}

#[test]
fn kafka_reads_what_we_write_and_writes_the_same_bytes_in_every_version() {
    let mut ours = String::new();
    for seed in [0x1234_5678, 0x9abc_def1, 77, 4_000_000_007, 5, 31_337] {
        let entropy = entropy(seed);
        macro_rules! both {
            ($api:ident $request:ident $response:ident) => {
                lines::<messages::$request>(&entropy, &mut ours);
                lines::<messages::$response>(&entropy, &mut ours);
            };
        }
        kafka_client::for_each_api!(both);
    }
    let echo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/Echo.java");
    let mut child = Command::new("java")
        .args([
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-cp",
            jars::class_path(),
        ])
        .arg(echo)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect(
            "java is needed (JDK 17 or newer, for instance `apt-get install default-jdk-headless`)",
        );
    let mut stdin = child.stdin.take().unwrap();
    let input = ours.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let mut theirs = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut theirs)
        .unwrap();
    feeder.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        ours.lines().count() > 6 * 250,
        "only {} messages",
        ours.lines().count()
    );
    assert_eq!(ours.lines().count(), theirs.lines().count());
    let different: Vec<String> = ours
        .lines()
        .zip(theirs.lines())
        .filter(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| format!("ours   {ours}\nkafka's {theirs}"))
        .collect();
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different[..different.len().min(8)].join("\n")
    );
}
