//! What the server tells about itself: groups, versions, resources and verbs, in the old and the aggregated form.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{json_response, value_response};
use crate::failure::Failure;
use crate::resource::{Registry, Resource, Source, api_version};
use crate::server::Server;

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The same for custom resources, in the order a kube-apiserver tells them.
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// The Kubernetes release whose interface this is.
const MINOR: &str = "34";
const GIT_VERSION: &str = concat!("v1.34.0+klamm-", env!("CARGO_PKG_VERSION"));

/// `/version`
pub(crate) fn version() -> Response {
    let version = json!({
        "major": "1", "minor": MINOR, "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    value_response(StatusCode::OK, &version)
}

/// `/healthz` and its siblings: who can answer is healthy.
pub(crate) fn health() -> Response {
    let mut response = Response::new("ok".into());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// `/`
pub(crate) fn paths(server: &Server) -> Response {
    let registry = server.registry();
    let mut paths: Vec<String> = [
        "/api",
        "/api/v1",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ]
    .map(str::to_owned)
    .to_vec();
    for (group, versions) in registry
        .groups()
        .iter()
        .filter(|(group, _)| !group.is_empty())
    {
        paths.push(format!("/apis/{group}"));
        paths.extend(
            versions
                .iter()
                .map(|version| format!("/apis/{group}/{version}")),
        );
    }
    paths.sort();
    value_response(StatusCode::OK, &json!({"paths": paths}))
}

/// The version of aggregated discovery a client accepts, if any.
fn aggregated(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    accept.split(',').find_map(|range| {
        let has = |part: &str| range.split(';').any(|p| p.trim() == part);
        if !has("as=APIGroupDiscoveryList") || !has("g=apidiscovery.k8s.io") {
            return None;
        }
        ["v2", "v2beta1"]
            .into_iter()
            .find(|version| has(&format!("v={version}")))
    })
}

fn aggregated_response(version: &'static str, groups: &[Value]) -> Response {
    let api_version = format!("apidiscovery.k8s.io/{version}");
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": groups});
    let mut response = json_response(StatusCode::OK, list.to_string());
    let kind =
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// `/api`
pub(crate) fn core_versions(server: &Server, headers: &HeaderMap) -> Response {
    if let Some(version) = aggregated(headers) {
        let registry = server.registry();
        let core = registry
            .groups()
            .iter()
            .filter(|(group, _)| group.is_empty());
        let core: Vec<Value> = core
            .map(|(g, v)| aggregated_group(&registry, g, v))
            .collect();
        return aggregated_response(version, &core);
    }
    value_response(
        StatusCode::OK,
        &json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        }),
    )
}

/// `/apis`
pub(crate) fn groups(server: &Server, headers: &HeaderMap) -> Response {
    let registry = server.registry();
    let named = registry
        .groups()
        .iter()
        .filter(|(group, _)| !group.is_empty());
    if let Some(version) = aggregated(headers) {
        let named: Vec<Value> = named
            .map(|(g, v)| aggregated_group(&registry, g, v))
            .collect();
        return aggregated_response(version, &named);
    }
    let groups: Vec<Value> = named
        .map(|(group, versions)| group_value(group, versions))
        .collect();
    value_response(
        StatusCode::OK,
        &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
}

/// `/apis/{group}`
pub(crate) fn group(server: &Server, group: &str) -> Result<Response, Failure> {
    let registry = server.registry();
    let found = registry
        .groups()
        .iter()
        .find(|(name, _)| name == group && !group.is_empty());
    let (group, versions) = found.ok_or_else(Failure::no_such_path)?;
    let mut value = group_value(group, versions);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Ok(value_response(StatusCode::OK, &value))
}

fn group_value(group: &str, versions: &[String]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|v| json!({"groupVersion": format!("{group}/{v}"), "version": v}))
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// `/api/v1`, `/apis/{group}/{version}`
pub(crate) fn group_version(
    server: &Server,
    group: &str,
    version: &str,
) -> Result<Response, Failure> {
    let registry = server.registry();
    let mut resources = Vec::new();
    for resource in registry.of_version(group, version) {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": verbs(resource),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = resource.short_names.clone().into();
        }
        if !resource.categories.is_empty() {
            entry["categories"] = resource.categories.clone().into();
        }
        resources.push(entry);
        for sub in subresources(resource) {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": sub.kind, "verbs": sub.verbs,
            });
            if (sub.group, sub.version) != (&resource.group, &resource.version) {
                entry["group"] = sub.group.into();
                entry["version"] = sub.version.into();
            }
            resources.push(entry);
        }
    }
    if resources.is_empty() {
        return Err(Failure::no_such_path());
    }
    Ok(value_response(
        StatusCode::OK,
        &json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version(group, version),
            "resources": resources,
        }),
    ))
}

fn verbs(resource: &Resource) -> &'static [&'static str] {
    match resource.source {
        _ if !resource.stored => &["create"],
        Source::Custom(_) => &CUSTOM_VERBS,
        Source::Builtin if resource.is_core("namespaces") => &[
            "create", "delete", "get", "list", "patch", "update", "watch",
        ],
        Source::Builtin => &VERBS,
    }
}

struct Subresource<'a> {
    name: &'a str,
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    verbs: &'static [&'static str],
}

fn subresources(resource: &Resource) -> Vec<Subresource<'_>> {
    let (group, version, kind) = (
        resource.group.as_str(),
        resource.version.as_str(),
        resource.kind.as_str(),
    );
    let mut list: Vec<Subresource<'_>> = resource
        .subresources
        .iter()
        .map(|&name| {
            let (group, version, kind, verbs): (_, _, _, &'static [&'static str]) = match name {
                "binding" => (group, version, "Binding", &["create"]),
                "eviction" => ("policy", "v1", "Eviction", &["create"]),
                "attach" => (group, version, "PodAttachOptions", &["create", "get"]),
                "exec" => (group, version, "PodExecOptions", &["create", "get"]),
                "portforward" => (group, version, "PodPortForwardOptions", &["create", "get"]),
                "token" => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
                "finalize" => (group, version, kind, &["update"]),
                _ => (group, version, kind, &["get"]),
            };
            Subresource {
                name,
                group,
                version,
                kind,
                verbs,
            }
        })
        .collect();
    let write: &'static [&'static str] = &["get", "patch", "update"];
    if resource.scale.is_some() {
        list.push(Subresource {
            name: "scale",
            group: "autoscaling",
            version: "v1",
            kind: "Scale",
            verbs: write,
        });
    }
    if resource.status {
        list.push(Subresource {
            name: "status",
            group,
            version,
            kind,
            verbs: write,
        });
    }
    list.sort_by(|a, b| a.name.cmp(b.name));
    list
}

fn aggregated_group(registry: &Registry, group: &str, versions: &[String]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            let resources: Vec<Value> = registry
                .of_version(group, version)
                .map(|r| aggregated_resource(r))
                .collect();
            json!({"version": version, "resources": resources, "freshness": "Current"})
        })
        .collect();
    let metadata = if group.is_empty() {
        json!({})
    } else {
        json!({"name": group})
    };
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(resource: &Resource) -> Value {
    // Built-in resources leave out what is the same as their own, as a kube-apiserver does.
    let kind = |group: &str, version: &str, kind: &str| {
        let own = resource.source == Source::Builtin
            && (group, version) == (&resource.group, &resource.version);
        let (group, version) = if own { ("", "") } else { (group, version) };
        json!({"group": group, "version": version, "kind": kind})
    };
    let mut value = json!({
        "resource": resource.plural,
        "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": verbs(resource),
    });
    if !resource.short_names.is_empty() {
        value["shortNames"] = resource.short_names.clone().into();
    }
    if !resource.categories.is_empty() {
        value["categories"] = resource.categories.clone().into();
    }
    let subresources: Vec<Value> = subresources(resource)
        .into_iter()
        .map(|sub| {
            json!({
                "subresource": sub.name, "responseKind": kind(sub.group, sub.version, sub.kind), "verbs": sub.verbs,
            })
        })
        .collect();
    if !subresources.is_empty() {
        value["subresources"] = subresources.into();
    }
    value
}
