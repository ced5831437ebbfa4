//! Parts of objects with their own path: status, scale, binding, eviction, tokens, finalize.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::body;
use crate::failure::Failure;
use crate::server::{Call, Server};
use crate::verbs::create::Tracking;
use crate::verbs::update::{self, Part, Proposal};
use crate::verbs::{eviction, read, review, scale};
use crate::{answer, metadata};

/// Answer a request to a subresource.
pub(crate) async fn answer(
    server: &Server,
    method: &Method,
    call: &Call,
    sub: &str,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let resource = &call.resource;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match sub {
        "status" if resource.status && reads => read::get(server, call),
        "status" if resource.status && method == Method::PUT => {
            update::update(server, call, bytes, Part::Status).await
        }
        "status" if resource.status && method == Method::PATCH => {
            update::patch(server, call, bytes, Part::Status).await
        }
        "scale" if resource.scale.is_some() => scale::answer(server, method, call, bytes).await,
        "binding" if resource.is_core("pods") && method == Method::POST => {
            bind(server, call, bytes).await
        }
        "eviction" if resource.is_core("pods") && method == Method::POST => {
            eviction::evict(server, call, bytes).await
        }
        "token" if resource.is_core("serviceaccounts") && method == Method::POST => {
            review::request_token(server, call, bytes)
        }
        "finalize" if resource.is_core("namespaces") && method == Method::PUT => {
            finalize(server, call, bytes).await
        }
        "status" | "scale" | "binding" | "eviction" | "token" | "finalize" if known(call, sub) => {
            Err(Failure::method_not_allowed())
        }
        _ => Err(Failure::no_such_path()),
    }
}

fn known(call: &Call, sub: &str) -> bool {
    let resource = &call.resource;
    match sub {
        "status" => resource.status,
        "scale" => resource.scale.is_some(),
        _ => resource.subresources.contains(&sub),
    }
}

/// What a binding says about a Pod: annotations replace the Pod's, labels (of the node's place) only join them.
fn copy_metadata(binding: &Value, pod: &mut Value, part: &str, overwrite: bool) {
    let Some(given) = binding["metadata"][part].as_object() else {
        return;
    };
    for (key, value) in given {
        if overwrite || pod["metadata"][part][key].is_null() {
            pod["metadata"][part][key] = value.clone();
        }
    }
}

/// Puts a Pod on a node, once.
async fn bind(server: &Server, call: &Call, bytes: &[u8]) -> Result<Response, Failure> {
    let binding = body::parse(&call.content_type, bytes)?.value;
    let node = binding["target"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if node.is_empty() {
        return Err(Failure::bad_request(
            "Binding is invalid: target.name: Required value",
        ));
    }
    let now = server.clock.text();
    let propose = |live: &Value| {
        let mut pod = live.clone();
        let why = if metadata::is_deleting(live) {
            Some(format!(
                "pod {} is being deleted, cannot be assigned to a host",
                call.name()
            ))
        } else {
            live["spec"]["nodeName"]
                .as_str()
                .filter(|n| !n.is_empty())
                .map(|at| format!("pod {} is already assigned to node \"{at}\"", call.name()))
        };
        if let Some(why) = why {
            return Err(Failure::conflict("", "pods/binding", call.name(), &why));
        }
        pod["spec"]["nodeName"] = node.clone().into();
        for (part, overwrite) in [("annotations", true), ("labels", false)] {
            copy_metadata(&binding, &mut pod, part, overwrite);
        }
        set_condition(&mut pod, "PodScheduled", &now);
        Ok(Proposal {
            object: pod,
            tracking: Tracking::Applied,
            warnings: Vec::new(),
        })
    };
    update::store(server, call, Part::Binding, &propose).await?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer::value_response(StatusCode::CREATED, &status))
}

fn set_condition(pod: &mut Value, kind: &str, now: &str) {
    let mut conditions = pod["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions.retain(|c| c["type"] != kind);
    conditions.push(
        json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": now}),
    );
    pod["status"]["conditions"] = conditions.into();
}

/// Writes the finalizers of a namespace's spec; without any, a namespace that is being deleted goes.
async fn finalize(server: &Server, call: &Call, bytes: &[u8]) -> Result<Response, Failure> {
    let sent = body::parse(&call.content_type, bytes)?.value;
    let finalizers = sent["spec"]["finalizers"].clone();
    let propose = |live: &Value| {
        let mut namespace = live.clone();
        if finalizers.as_array().is_none_or(Vec::is_empty) {
            namespace["spec"] = json!({});
        } else {
            namespace["spec"]["finalizers"] = finalizers.clone();
        }
        Ok(Proposal {
            object: namespace,
            tracking: Tracking::Applied,
            warnings: Vec::new(),
        })
    };
    update::change(server, call, Part::Whole, &propose).await
}
