//! What a change of wishes means for nodes that serve: which of them would have to restart.
//!
//! Reads: a node's recorded ConfigMap and the one rendered now, the annotations of its Pod. Result: words for people,
//! sorted; empty where no restart is needed. What counts is decided in `manifests::revision`.
//!
//! Left out on purpose: the runner's own image (its version is never a reason to restart), labels and annotations,
//! hashes and generations of certificates (reloaded in place), what only matters when a disk is formatted.

use std::collections::BTreeMap;

use manifests::config_map::{CLUSTER_ID, METADATA_VERSION, SERVER_CONFIG};
use manifests::revision::{self, Change};
use model::desired::sensitive;
use model::observed::identity::POD_RECORD;
use model::runner::RUNNER_CONFIG_KEY;
use serde_json::Value;

use crate::differ;

/// Paths in `runner.json` that need no restart.
const RUNNER_LATER: [&str; 4] = [
    "contract",
    "configurationHash",
    "initialControllers",
    "metadataVersion",
];

/// Changes between two renderings of a node's configuration that need a restart; `running` are the annotations of its
/// Pod, where it has one.
///
/// What users decided is compared, not what was rendered from it: an operator that renders otherwise than the one before
/// restarts nobody. Only of a Pod that does not say what it was made from is everything compared.
pub(crate) fn needing_restart(
    old: &Data,
    new: &Data,
    running: Option<&BTreeMap<String, String>>,
) -> Vec<String> {
    let recorded = annotations(old);
    let running = running.filter(|running| running.contains_key(revision::PARTS));
    let parts = revision::changes(running.unwrap_or(&recorded), &annotations(new));
    let mut changes = match parts {
        Some(parts) => {
            let needed = parts.into_iter().filter(Change::needs_restart);
            needed.flat_map(|change| words(&change, old, new)).collect()
        }
        None => rendered(old, new),
    };
    changes.sort();
    changes.dedup();
    changes
}

/// Whether a Pod with these annotations was made from a configuration that a running node would have to restart for to
/// have this one.
pub(crate) fn made_otherwise(recorded: &Data, running: &BTreeMap<String, String>) -> bool {
    let changes = revision::changes(running, &annotations(recorded));
    changes.is_some_and(|changes| changes.iter().any(Change::needs_restart))
}

/// Whether the new rendering is that of another release, or of another image.
pub(crate) fn another_release(old: &Data, new: &Data) -> bool {
    let (old, new) = (annotations(old), annotations(new));
    match revision::changes(&old, &new) {
        Some(changes) => changes
            .iter()
            .any(|change| matches!(change, Change::Version { .. } | Change::Image { .. })),
        None => old.get(revision::KAFKA_VERSION) != new.get(revision::KAFKA_VERSION),
    }
}

type Data = BTreeMap<String, String>;

/// Annotations of the recorded Pod.
fn annotations(data: &Data) -> BTreeMap<String, String> {
    let pod: Value = serde_json::from_str(text(data, POD_RECORD)).unwrap_or(Value::Null);
    let annotations = pod
        .pointer("/metadata/annotations")
        .and_then(Value::as_object);
    let annotations = annotations.into_iter().flatten();
    annotations
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A change in the users' words: properties with their values.
fn words(change: &Change, old: &Data, new: &Data) -> Vec<String> {
    match change {
        Change::Version { from, to } => vec![format!("Kafka {from} → {to}")],
        Change::Image { from, to } => vec![format!("image {from} → {to}")],
        Change::Resources => vec!["resources".to_owned()],
        Change::Pod { parts } => parts.iter().map(|part| format!("Pod {part}")).collect(),
        Change::Configuration { parts } => {
            let mut properties = Vec::new();
            self::properties(
                text(old, SERVER_CONFIG),
                text(new, SERVER_CONFIG),
                &mut properties,
            );
            let word = |part: &String| {
                let prefix = format!("{part} ");
                let found = properties.iter().find(|word| word.starts_with(&prefix));
                found.unwrap_or(part).clone()
            };
            parts.iter().map(word).collect()
        }
        Change::ClusterCaKey | Change::ClusterCaCertificate | Change::ClientsCaCertificate => {
            Vec::new()
        }
    }
}

/// Everything that was rendered otherwise and cannot change under a running node.
fn rendered(old: &Data, new: &Data) -> Vec<String> {
    let mut changes = Vec::new();
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (before, after) = (text(old, key), text(new, key));
        if before == after {
            continue;
        }
        match key.as_str() {
            SERVER_CONFIG => {
                properties(before, after, &mut changes);
                changes.retain(|change| {
                    let property = change.split(' ').next().unwrap_or_default();
                    !revision::is_dynamic(property)
                });
            }
            RUNNER_CONFIG_KEY => runner(before, after, &mut changes),
            POD_RECORD => pod(before, after, &mut changes),
            // Decided by the identity, not by wishes; changed in place when the last node is new enough. Kafka reads
            // its logging again by itself.
            CLUSTER_ID | METADATA_VERSION | manifests::logging::KEY => {}
            other => changes.push(other.to_owned()),
        }
    }
    changes
}

fn text<'a>(data: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    data.get(key).map_or("", String::as_str)
}

/// `log.retention.hours 168 → 24`.
fn properties(before: &str, after: &str, changes: &mut Vec<String>) {
    let (before, after) = (parse_properties(before), parse_properties(after));
    let keys: std::collections::BTreeSet<&&str> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (old, new) = (before.get(*key), after.get(*key));
        if old != new {
            let word = |value: Option<&&str>| {
                value
                    .map_or("unset", |value| sensitive::told(key, value))
                    .to_owned()
            };
            changes.push(format!("{key} {} → {}", word(old), word(new)));
        }
    }
}

pub(crate) fn parse_properties(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).collect()
}

fn runner(before: &str, after: &str, changes: &mut Vec<String>) {
    let (Ok(before), Ok(after)) = (
        serde_json::from_str::<Value>(before),
        serde_json::from_str::<Value>(after),
    ) else {
        changes.push(RUNNER_CONFIG_KEY.to_owned());
        return;
    };
    for path in differ::changed(&before, &after) {
        let later = RUNNER_LATER.contains(&path.as_str())
            || (path.starts_with("logDirs") && path.ends_with("directoryId"));
        if !later {
            changes.push(path);
        }
    }
}

fn pod(before: &str, after: &str, changes: &mut Vec<String>) {
    let (Ok(before), Ok(after)) = (
        serde_json::from_str::<Value>(before),
        serde_json::from_str::<Value>(after),
    ) else {
        changes.push("Pod".to_owned());
        return;
    };
    let image = |pod: &Value| {
        let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
        let kafka = containers.and_then(|all| all.iter().find(|c| c["name"] == "kafka"));
        kafka
            .and_then(|kafka| kafka["image"].as_str())
            .map(str::to_owned)
    };
    let null = Value::Null;
    let spec = |pod: &'_ Value| pod.get("spec").cloned().unwrap_or(Value::Null);
    for path in differ::changed(&spec(&before), &spec(&after)) {
        if path == "containers[kafka].image" {
            let word = |image: Option<String>| image.unwrap_or_else(|| null.to_string());
            changes.push(format!(
                "image {} → {}",
                word(image(&before)),
                word(image(&after))
            ));
        } else if path != "initContainers[klamm-init].image"
            && path != "initContainers[klamm-init].imagePullPolicy"
            && !path.contains("env[KLAMM_CONTRACT]")
        {
            changes.push(format!("Pod {path}"));
        }
    }
}

#[cfg(test)]
mod tests;
