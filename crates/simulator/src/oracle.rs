//! What a world has come to: for transcripts, and for comparing an end with and without faults.

use std::collections::BTreeMap;

use model::observed::identity::{IDENTITY, Identity};
use serde_json::Value;

use crate::kubelet::RunState;
use crate::world::Sim;

/// The end of a run in a few lines: conditions, nodes, quorum, messages.
pub fn summary(sim: &Sim) -> Vec<String> {
    let mut lines = conditions(sim);
    let runs = sim.kubelet.pods.values();
    let mut ready: Vec<&str> = Vec::new();
    let mut resting: Vec<&str> = Vec::new();
    for run in runs {
        match &run.state {
            RunState::Running { ready: true, .. } => ready.push(&run.name),
            RunState::Running { .. } | RunState::Creating | RunState::Ended { .. } => {
                resting.push(&run.name);
            }
        }
    }
    ready.sort_unstable();
    resting.sort_unstable();
    if !ready.is_empty() {
        lines.push(format!("serve: {}", ready.join(" ")));
    }
    if !resting.is_empty() {
        lines.push(format!("rest: {}", resting.join(" ")));
    }
    if let Some(quorum) = &sim.kafka.quorum {
        let voters: Vec<String> = quorum.voters.keys().map(ToString::to_string).collect();
        let led = if quorum.leader.is_some() {
            "led"
        } else {
            "without a leader"
        };
        lines.push(format!("quorum: {led}, voters {}", voters.join(" ")));
    }
    lines
}

/// The conditions of the Kafka, one per line, without times.
pub fn conditions(sim: &Sim) -> Vec<String> {
    let Some(kafka) = sim.api.get("Kafka", &sim.cluster) else {
        return vec!["no Kafka".to_owned()];
    };
    let conditions = kafka["status"]["conditions"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = conditions.into_iter().flatten().map(|condition| {
        let head = format!(
            "{}={}",
            text(&condition["type"]),
            text(&condition["status"])
        );
        let reason = text(&condition["reason"]);
        let message = text(&condition["message"]);
        match (reason.is_empty(), message.is_empty()) {
            (true, _) => head,
            (false, true) => format!("{head} {reason}"),
            (false, false) => format!("{head} {reason}: {message}"),
        }
    });
    // The same is said by Ready and NotReady, for two dialects.
    let mut lines: Vec<String> = lines
        .filter(|line| !line.starts_with("NotReady="))
        .collect();
    let told = &kafka["status"]["observedGeneration"];
    let wanted = &kafka["metadata"]["generation"];
    if !told.is_null() && told != wanted {
        lines.push(format!("of generation {told}, not yet of {wanted}"));
    }
    lines
}

/// Who holds which disk.
pub fn disks(sim: &Sim) -> Vec<String> {
    let contents = sim.disks.0.values().map(|disk| match &disk.content {
        None => "empty".to_owned(),
        Some(content) => format!(
            "node {} {} log {}",
            content.node,
            content.directory,
            content.log > 0
        ),
    });
    let mut lines: Vec<String> = contents.collect();
    lines.sort();
    lines
}

/// Text without ids that were drawn.
fn without_ids(text: &str) -> String {
    const LENGTH: usize = 22;
    let drawn = |word: &str| {
        let id = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        id.len() == LENGTH && id.chars().skip(1).all(|c| c.is_ascii_digit())
    };
    let words = text
        .split(' ')
        .map(|word| if drawn(word) { "ID" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// What two runs must have in common at the end: objects, who serves, who votes, what is told; not ids, versions, times,
/// nor what was permitted on the way.
pub fn shape(sim: &Sim) -> BTreeMap<String, String> {
    let mut shape = BTreeMap::new();
    for (key, object) in sim.api.all() {
        let owner = object["metadata"]["ownerReferences"][0]["kind"]
            .as_str()
            .unwrap_or("nobody");
        shape.insert(format!("object {key}"), format!("owned by {owner}"));
    }
    for run in sim.kubelet.pods.values() {
        let ready = matches!(run.state, RunState::Running { ready: true, .. });
        shape.insert(format!("pod {}", run.name), format!("ready {ready}"));
    }
    let quorum = sim.kafka.quorum.as_ref();
    let voters: Vec<i32> = quorum
        .into_iter()
        .flat_map(|quorum| quorum.voters.keys().copied())
        .collect();
    let led = quorum.is_some_and(|quorum| quorum.leader.is_some());
    shape.insert("quorum".to_owned(), format!("voters {voters:?}, led {led}"));
    let kafka = sim.api.get("Kafka", &sim.cluster);
    let identity = kafka.and_then(|kafka| kafka["metadata"]["annotations"][IDENTITY].as_str());
    let identity: Identity = identity
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    shape.insert("formed".to_owned(), identity.quorum_formed.to_string());
    for (id, node) in &identity.nodes {
        let served = node.served;
        shape.insert(
            format!("node {id}"),
            format!("of {}, served {served}", node.pool),
        );
    }
    for (index, condition) in conditions(sim).into_iter().enumerate() {
        shape.insert(format!("condition {index}"), without_ids(&condition));
    }
    for (name, partition) in &sim.kafka.partitions {
        shape.insert(
            format!("partition {name}"),
            format!("{} in sync", partition.isr.len()),
        );
    }
    shape
}
