//! Strimzi's own examples, applied as strictly as an API server can.

use std::path::{Path, PathBuf};

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::Value;

use crate::support::Machine;
use crate::support::machine::repository;

/// Examples that Strimzi's own definitions refuse as well, and what for.
const REFUSED: [(&str, &str); 2] = [
    ("metrics/kafka-connect-metrics.yaml", "spec.groupId"),
    (
        "metrics/strimzi-metrics-reporter/kafka-connect-metrics.yaml",
        "spec.groupId",
    ),
];

fn folder() -> Option<PathBuf> {
    let folder = repository().join("../shared/strimzi/examples");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("KLAMM_REQUIRE_SHARED").as_deref() != Ok("1"),
        "{} is absent, and KLAMM_REQUIRE_SHARED=1",
        folder.display()
    );
    eprintln!("SKIPPED examples: {} is absent", folder.display());
    None
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The documents of a file that Klamm is to accept: Strimzi's kinds and what they refer to.
fn documents(text: &str) -> Vec<Value> {
    let all = text.split("\n---").map(|document| {
        serde_saphyr::from_str::<Value>(document.trim_start_matches("---")).unwrap_or(Value::Null)
    });
    let documents: Vec<Value> = all.filter(Value::is_object).collect();
    let ours = |document: &Value| {
        document["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("kafka.strimzi.io/"))
    };
    if documents.iter().any(ours) {
        let plain =
            |document: &Value| matches!(document["kind"].as_str(), Some("ConfigMap" | "Secret"));
        documents
            .into_iter()
            .filter(|document| ours(document) || plain(document))
            .collect()
    } else {
        Vec::new()
    }
}

fn api(client: &Client, document: &Value) -> Api<DynamicObject> {
    let types = TypeMeta {
        api_version: document["apiVersion"].as_str().unwrap().to_owned(),
        kind: document["kind"].as_str().unwrap().to_owned(),
    };
    let kind = GroupVersionKind::try_from(&types).unwrap();
    let plural = match kind.kind.as_str() {
        "KafkaMirrorMaker2" => ApiResource::from_gvk_with_plural(&kind, "kafkamirrormaker2s"),
        _ => ApiResource::from_gvk(&kind),
    };
    Api::namespaced_with(client.clone(), "default", &plural)
}

/// Server-side apply, not kept: an operator at work would start each of these clusters.
async fn apply(client: &Client, document: &Value) -> Result<(), String> {
    let name = document["metadata"]["name"].as_str().unwrap();
    let mut parameters = PatchParams::apply("e2e").validation_strict();
    parameters.dry_run = true;
    let outcome = api(client, document)
        .patch(name, &parameters, &Patch::Apply(document))
        .await;
    outcome.map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_example_of_strimzi_is_accepted_strictly_and_an_unknown_field_is_not() {
    let machine = Machine::new();
    machine.klamm_ok(&["up", "--detach"]);
    machine.kube(async |client| {
        let mut topic = serde_json::json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "t"},
            "spec": {"partitions": 1, "repliicas": 1}
        });
        let told = apply(&client, &topic).await.unwrap_err();
        assert!(told.contains("spec.repliicas"), "{told}");
        topic["spec"] = serde_json::json!({"partitions": 1, "replicas": 1});
        apply(&client, &topic).await.unwrap();

        let Some(folder) = folder() else { return };
        let mut accepted = 0;
        for file in yaml_files(&folder) {
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
            let known = REFUSED.iter().find(|(refused, _)| *refused == name);
            let mut refusals = Vec::new();
            for document in documents(&std::fs::read_to_string(&file).unwrap()) {
                match apply(&client, &document).await {
                    Ok(()) => accepted += 1,
                    Err(told) => refusals.push(told),
                }
            }
            match known {
                None => assert!(refusals.is_empty(), "{name}: {refusals:?}"),
                Some((_, field)) => {
                    assert!(
                        refusals.iter().any(|told| told.contains(field)),
                        "{name}: {refusals:?}"
                    );
                }
            }
        }
        assert!(accepted > 50, "only {accepted} documents were found");
    });
}
