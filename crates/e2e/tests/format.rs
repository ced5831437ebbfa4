//! What the runner writes on a new node's disks, compared with Kafka's own storage tool, release by release.

use std::path::Path;

use model::desired::{KafkaVersion, MetadataVersion};
use runner::first_files;

use crate::support::Machine;

const DIRECTORY_ID: &str = "Pmnc9-3WwvFLxldc2lNptw";

/// The newest patch of each minor release.
const RELEASES: [&str; 3] = ["4.1.2", "4.2.1", "4.3.1"];

/// Runs the release's own tool on an empty directory and returns `bootstrap.checkpoint` and the first snapshot.
fn by_the_tool(machine: &Machine, release: &str, metadata: MetadataVersion) -> (Vec<u8>, Vec<u8>) {
    let name = format!("{release}-{metadata}");
    let log_dir = machine.home().with_file_name(&name).join("kafka-log0");
    std::fs::create_dir_all(log_dir.parent().unwrap()).unwrap();
    let properties = machine.write(
        &format!("{name}.properties"),
        &format!(
            "process.roles=controller\nnode.id=0\nlog.dirs={0}\nmetadata.log.dir={0}\n\
             controller.listener.names=CONTROLPLANE-9090\nlisteners=CONTROLPLANE-9090://127.0.0.1:9090\n\
             listener.security.protocol.map=CONTROLPLANE-9090:PLAINTEXT\n\
             controller.quorum.bootstrap.servers=127.0.0.1:9090\n",
            log_dir.display()
        ),
    );
    machine.klamm_ok(&[
        "kafka",
        "--version",
        release,
        "storage",
        "format",
        "-t",
        "a2xhbW0tdHJhaW5pbmctMQ",
        "--release-version",
        &metadata.to_string(),
        "--initial-controllers",
        &format!("0@broker-0.example:9090:{DIRECTORY_ID}"),
        "-c",
        &properties,
    ]);
    let read = |path: &Path| std::fs::read(path).unwrap();
    (
        read(&log_dir.join("bootstrap.checkpoint")),
        read(&log_dir.join("__cluster_metadata-0/00000000000000000000-0000000000.checkpoint")),
    )
}

/// A file without what differs from one moment to the next: checksums, and the times of batches and header.
fn timeless(mut file: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while at < file.len() {
        let length = u32::from_be_bytes(file[at + 8..at + 12].try_into().unwrap());
        file[at + 17..at + 21].fill(0);
        file[at + 27..at + 43].fill(0);
        at += 12 + usize::try_from(length).unwrap();
    }
    // The first record is the header; its value begins with the two bytes of its version.
    let header = 73;
    file[header..header + 8].fill(0);
    file
}

#[test]
fn the_first_files_are_those_of_kafkas_own_tool() {
    let machine = Machine::new();
    let voters =
        first_files::Voter::parse_all(&format!("0@broker-0.example:9090:{DIRECTORY_ID}")).unwrap();
    let snapshot = first_files::first_snapshot(&voters, "CONTROLPLANE-9090", 1);
    let every_version = std::env::var_os("KLAMM_CAMPAIGN").is_some();
    let mut compared = 0;
    for release in RELEASES {
        let kafka: KafkaVersion = release.parse().unwrap();
        let newest = kafka.newest_metadata();
        let oldest = "3.9-IV0".parse().unwrap();
        let versions = MetadataVersion::all()
            .filter(|metadata| (oldest..=newest).contains(metadata))
            .filter(|metadata| every_version || *metadata == newest || *metadata == oldest);
        for metadata in versions {
            let ours = first_files::bootstrap(metadata, 1)
                .unwrap_or_else(|| panic!("what {metadata} brings is not known"));
            let (bootstrap, first_snapshot) = by_the_tool(&machine, release, metadata);
            assert_eq!(timeless(ours), timeless(bootstrap), "{release} {metadata}");
            assert_eq!(
                timeless(snapshot.clone()),
                timeless(first_snapshot),
                "{release} {metadata}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 2 * RELEASES.len(), "{compared}");
}
