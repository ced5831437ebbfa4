//! Applying documents: server-side apply of each, in an order in which nothing has to wait for a later one.
//!
//! `kubectl apply` may take turns with it on the same files: what one of them brought and is no longer in the file goes
//! with the other as well.

mod kinds;
mod last_applied;
mod ownership;
mod refused;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::Scope;
use kube::{Api, Client};
use model::desired::parse::CLUSTER_LABEL;
use model::validate::Document;
use serde_json::Value;

use crate::output;
use kinds::Kinds;

pub(crate) use refused::Refused;

/// Field manager of what users apply through us.
const MANAGER: &str = "klamm-up";

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Applied {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The Kafka that it is, or that its label says it belongs to.
    pub(crate) cluster: Option<String>,
}

/// Applies all documents; namespaces they name are created where absent.
///
/// Documents without a namespace go to `namespace`. Errors: what is refused of the first document of which anything is.
pub(crate) async fn apply(
    client: &Client,
    documents: &[Document],
    namespace: &str,
) -> Result<Vec<Applied>> {
    let mut kinds = Kinds::ask(client).await?;
    let problems = kinds.problems(documents);
    if !problems.is_empty() {
        let lines = problems.iter().map(refused::line).collect();
        return Err(Refused { lines, applied: 0 }.into());
    }
    let mut ordered: Vec<&Document> = documents.iter().collect();
    ordered.sort_by_key(|document| order(kind_of(&document.object)));
    let namespaces = ensure_namespaces(client, documents, namespace).await?;
    let mut applied = Vec::new();
    for document in ordered {
        let object = &document.object;
        let (kind, name) = (kind_of(object), text(object, "/metadata/name"));
        let at = || format!("{}: {kind} {name}", document.place);
        let (resource, capabilities) = kinds.find(&gvk_of(object)).await.with_context(at)?;
        let mut own = text(object, "/metadata/namespace");
        if own.is_empty() {
            namespace.clone_into(&mut own);
        }
        let api: Api<DynamicObject> = if capabilities.scope == Scope::Namespaced {
            Api::namespaced_with(client.clone(), &own, &resource)
        } else {
            own.clear();
            Api::all_with(client.clone(), &resource)
        };
        let params = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply(MANAGER).force()
        };
        let scope = (!own.is_empty()).then_some(own.as_str());
        // Values of Secrets belong nowhere else; kubectl says once that the annotation is missing, and brings it.
        let object = if kind == "Secret" {
            object.clone()
        } else {
            last_applied::annotated(object, scope)
        };
        ownership::take_over(&api, &name, MANAGER)
            .await
            .with_context(at)?;
        match api.patch(&name, &params, &Patch::Apply(&object)).await {
            Ok(_) => {}
            Err(kube::Error::Api(answer)) => match refused::lines(document, &answer) {
                Some(lines) => {
                    let applied = namespaces + applied.len();
                    return Err(Refused { lines, applied }.into());
                }
                None => return Err(kube::Error::Api(answer)).with_context(at),
            },
            Err(error) => return Err(error).with_context(at),
        }
        applied.push(Applied {
            kind: kind.to_owned(),
            namespace: own,
            cluster: cluster_of(kind, &name, &document.object),
            name,
        });
    }
    Ok(applied)
}

fn cluster_of(kind: &str, name: &str, object: &Value) -> Option<String> {
    if kind == "Kafka" {
        return Some(name.to_owned());
    }
    let labels = object.pointer("/metadata/labels")?;
    Some(labels.get(CLUSTER_LABEL)?.as_str()?.to_owned())
}

/// Makes the namespaces that documents are in and none of them describes; returns how many.
async fn ensure_namespaces(
    client: &Client,
    documents: &[Document],
    default: &str,
) -> Result<usize> {
    let mut created = 0;
    let mut wanted: BTreeSet<String> = documents
        .iter()
        .map(|document| text(&document.object, "/metadata/namespace"))
        .collect();
    wanted.insert(default.to_owned());
    wanted.remove("");
    let given: BTreeSet<String> = documents
        .iter()
        .filter(|document| kind_of(&document.object) == "Namespace")
        .map(|document| text(&document.object, "/metadata/name"))
        .collect();
    let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    for name in wanted.difference(&given) {
        if api
            .get_opt(name)
            .await
            .context("looking for the namespace")?
            .is_none()
        {
            let object =
                serde_json::from_value(serde_json::json!({ "metadata": { "name": name } }))?;
            api.create(&PostParams::default(), &object)
                .await
                .with_context(|| format!("creating namespace {name}"))?;
            output::progress(&format!("namespace {name} created"));
            created += 1;
        }
    }
    Ok(created)
}

/// Namespaces first, then what others refer to, then our resources: pools before the Kafka that needs them.
fn order(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        "Secret" | "ConfigMap" | "ServiceAccount" => 2,
        "KafkaNodePool" => 4,
        "Kafka" => 5,
        "KafkaTopic" | "KafkaUser" | "KafkaConnect" | "KafkaConnector" | "KafkaMirrorMaker2"
        | "KafkaBridge" | "KafkaRebalance" => 6,
        _ => 3,
    }
}

fn kind_of(object: &Value) -> &str {
    object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn text(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn gvk_of(object: &Value) -> GroupVersionKind {
    let version = text(object, "/apiVersion");
    let (group, version) = version.rsplit_once('/').unwrap_or(("", &version));
    GroupVersionKind::gvk(group, version, kind_of(object))
}
