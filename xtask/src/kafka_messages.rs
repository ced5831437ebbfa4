//! Writes `crates/kafka-client/src/messages/*` and `error_code.rs` from Kafka's own definitions.
//!
//! Reads: the JSON definitions and the error table inside the `kafka-clients` jar, fetched by Maven's
//! own client and printed by `Dump.java`. Invariants: the same jar gives the same bytes; one Rust file
//! per message; one function per struct both reads and writes it. Not here: the codec those functions
//! call, which is `kafka_client::wire`.

mod definition;
mod render;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use definition::Definition;

const KAFKA_VERSION: &str = "4.3.1";

/// The APIs we speak, by Kafka's name.
const APIS: [&str; 52] = [
    "AddRaftVoter",
    "AlterClientQuotas",
    "AlterPartitionReassignments",
    "AlterReplicaLogDirs",
    "AlterUserScramCredentials",
    "ApiVersions",
    "AssignReplicasToDirs",
    "ConsumerGroupDescribe",
    "CreateAcls",
    "CreatePartitions",
    "CreateTopics",
    "DeleteAcls",
    "DeleteGroups",
    "DeleteRecords",
    "DeleteTopics",
    "DescribeAcls",
    "DescribeClientQuotas",
    "DescribeCluster",
    "DescribeConfigs",
    "DescribeGroups",
    "DescribeLogDirs",
    "DescribeProducers",
    "DescribeQuorum",
    "DescribeShareGroupOffsets",
    "DescribeTopicPartitions",
    "DescribeTransactions",
    "DescribeUserScramCredentials",
    "ElectLeaders",
    "Fetch",
    "FindCoordinator",
    "IncrementalAlterConfigs",
    "InitProducerId",
    "ListConfigResources",
    "ListGroups",
    "ListOffsets",
    "ListPartitionReassignments",
    "ListTransactions",
    "Metadata",
    "OffsetCommit",
    "OffsetDelete",
    "OffsetFetch",
    "OffsetForLeaderEpoch",
    "Produce",
    "RemoveRaftVoter",
    "SaslAuthenticate",
    "SaslHandshake",
    "ShareGroupDescribe",
    "StreamsGroupDescribe",
    "UnregisterBroker",
    "UpdateFeatures",
    "UpdateRaftVoter",
    "WriteTxnMarkers",
];

pub(crate) fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the workspace root")?;
    let sections = dump(root)?;
    let files = generate(&sections)?;
    let source = root.join("crates/kafka-client/src");
    let formatted = files
        .into_iter()
        .map(|(name, text)| {
            Ok((
                name.clone(),
                rustfmt(&text).with_context(|| format!("format {name}"))?,
            ))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    if check {
        compare(&source, &formatted)
    } else {
        write(&source, &formatted)
    }
}

/// The sections `Dump.java` prints, by name.
fn dump(root: &Path) -> Result<BTreeMap<String, String>> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let jars = target.join("kafka-messages");
    let jar = jars.join(format!("kafka-clients-{KAFKA_VERSION}.jar"));
    let slf4j = jars.join("slf4j-api-1.7.36.jar");
    for (file, artifact) in [
        (
            &jar,
            format!("org.apache.kafka:kafka-clients:{KAFKA_VERSION}"),
        ),
        (&slf4j, "org.slf4j:slf4j-api:1.7.36".to_owned()),
    ] {
        if file.is_file() {
            continue;
        }
        let status = Command::new("mvn")
            .args(["-B", "-q", "dependency:copy"])
            .arg(format!("-Dartifact={artifact}"))
            .arg(format!("-DoutputDirectory={}", jars.display()))
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .status()
            .context("run mvn (install Maven and a JDK 17 or newer, for instance `apt-get install maven`)")?;
        ensure!(status.success(), "mvn could not fetch {artifact}");
    }
    let names = APIS
        .iter()
        .flat_map(|api| [format!("{api}Request"), format!("{api}Response")]);
    let output = Command::new("java")
        .arg("-cp")
        .arg(format!("{}:{}", jar.display(), slf4j.display()))
        .arg(root.join("xtask/src/kafka_messages/Dump.java"))
        .args(names)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run java (a JDK 17 or newer is needed)")?;
    ensure!(output.status.success(), "Dump.java failed");
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split("=== ")
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, body)| (name.to_owned(), body.to_owned()))
        .collect())
}

fn generate(sections: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut pairs = Vec::new();
    for api in APIS {
        let mut both = Vec::new();
        for side in ["Request", "Response"] {
            let name = format!("{api}{side}");
            let text = sections
                .get(&name)
                .with_context(|| format!("{name} was not printed"))?;
            let definition =
                Definition::parse(text).with_context(|| format!("definition of {name}"))?;
            ensure!(
                definition.name == name,
                "{name} calls itself {}",
                definition.name
            );
            let file = format!("messages/{}.rs", definition::snake(&name));
            files.insert(
                file,
                render::message(&definition, KAFKA_VERSION)
                    .with_context(|| format!("render {name}"))?,
            );
            both.push(definition);
        }
        let [request, response] =
            <[Definition; 2]>::try_from(both).map_err(|_| anyhow::anyhow!("two sides"))?;
        ensure!(
            request.api_key == response.api_key && request.versions == response.versions,
            "{api}: request and response disagree"
        );
        pairs.push((api, request));
    }
    files.insert(
        "messages.rs".to_owned(),
        render::index(&pairs, KAFKA_VERSION),
    );
    let errors = sections
        .get("errors")
        .context("the error codes were not printed")?;
    files.insert(
        "error_code.rs".to_owned(),
        render::error_codes(errors, KAFKA_VERSION)?,
    );
    Ok(files)
}

fn rustfmt(text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("run rustfmt")?;
    let mut stdin = child.stdin.take().context("rustfmt's input")?;
    let input = text.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    feeder
        .join()
        .map_err(|_| anyhow::anyhow!("feeding rustfmt"))??;
    ensure!(output.status.success(), "rustfmt refused:\n{text}");
    Ok(String::from_utf8(output.stdout)?)
}

/// The committed files the generator answers for: its own list plus whatever else lies in `messages/`.
fn committed(source: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let folder = source.join("messages");
    let mut paths: Vec<PathBuf> = vec![source.join("messages.rs"), source.join("error_code.rs")];
    if folder.is_dir() {
        for entry in fs::read_dir(&folder)? {
            paths.push(entry?.path());
        }
    }
    for path in paths {
        if path.is_file() {
            let name = path.strip_prefix(source)?.to_string_lossy().into_owned();
            found.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}

fn compare(source: &Path, generated: &BTreeMap<String, String>) -> Result<()> {
    let committed = committed(source)?;
    let names: std::collections::BTreeSet<&String> =
        committed.keys().chain(generated.keys()).collect();
    let different: Vec<&&String> = names
        .iter()
        .filter(|name| committed.get(**name) != generated.get(**name))
        .collect();
    if different.is_empty() {
        return Ok(());
    }
    bail!(
        "generated Kafka messages differ from the committed ones, run `cargo xtask kafka-messages`: {different:?}"
    )
}

fn write(source: &Path, generated: &BTreeMap<String, String>) -> Result<()> {
    fs::create_dir_all(source.join("messages"))?;
    for stale in committed(source)?
        .keys()
        .filter(|name| !generated.contains_key(*name))
    {
        fs::remove_file(source.join(stale))?;
    }
    for (name, text) in generated {
        fs::write(source.join(name), text).with_context(|| format!("write {name}"))?;
    }
    Ok(())
}
