//! Applying documents: server-side apply of each, in an order in which nothing has to wait for a later one.
//!
//! `kubectl apply` may take turns with it on the same files: what one of them brought and is no longer in the file goes
//! with the other as well.

mod last_applied;
mod ownership;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, anyhow};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Discovery, Scope};
use kube::{Api, Client};
use model::validate::Document;
use serde_json::Value;

use crate::output;

/// Field manager of what users apply through us.
const MANAGER: &str = "klamm-up";

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Applied {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A document that the API server does not accept as it is.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {message}{}", match .applied {
    0 => String::new(),
    1 => " (1 object was applied before it)".to_owned(),
    count => format!(" ({count} objects were applied before it)"),
})]
pub(crate) struct Refused {
    at: String,
    message: String,
    /// How many came before it.
    applied: usize,
}

/// Applies all documents; namespaces they name are created where absent.
///
/// Documents without a namespace go to `namespace`. Errors: the first refusal, with the document it concerns.
pub(crate) async fn apply(
    client: &Client,
    documents: &[Document],
    namespace: &str,
) -> Result<Vec<Applied>> {
    let discovery = Discovery::new(client.clone())
        .run()
        .await
        .context("asking the API server what it serves")?;
    let mut ordered: Vec<&Document> = documents.iter().collect();
    ordered.sort_by_key(|document| order(kind_of(&document.object)));
    ensure_namespaces(client, documents, namespace).await?;
    let mut applied = Vec::new();
    for document in ordered {
        let object = &document.object;
        let (kind, name) = (kind_of(object), text(object, "/metadata/name"));
        let at = || format!("{}: {kind} {name}", document.place);
        let gvk = gvk_of(object);
        let (resource, capabilities) = discovery.resolve_gvk(&gvk).ok_or_else(|| {
            anyhow!(
                "{}: the API server serves no {} {}",
                document.place,
                gvk.api_version(),
                gvk.kind
            )
        })?;
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
            Err(kube::Error::Api(answer)) if matches!(answer.code, 400 | 403 | 409 | 422) => {
                return Err(Refused {
                    at: at(),
                    message: answer.message.clone(),
                    applied: applied.len(),
                }
                .into());
            }
            Err(error) => return Err(error).with_context(at),
        }
        applied.push(Applied {
            kind: kind.to_owned(),
            namespace: own,
            name,
        });
    }
    Ok(applied)
}

async fn ensure_namespaces(client: &Client, documents: &[Document], default: &str) -> Result<()> {
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
        }
    }
    Ok(())
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
