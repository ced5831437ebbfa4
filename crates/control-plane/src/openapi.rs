//! OpenAPI documents: an index, one document per group version, and enough of version 2 for old clients.
//!
//! Written for what kubectl does with them: ask whether the server validates fields itself, explain fields, and find
//! which lists merge by which key. Made anew for each request, since each client asks once and keeps the answer by hash.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{json_response, value_response};
use crate::failure::Failure;
use crate::resource::{Registry, Resource, Source};
use crate::schema;
use crate::server::Server;

/// How it is answered: `@` may not be in a media type.
const PROTO_V2_ANSWER: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// How a version 2 document is asked for in protobuf, which is all that old clients understand.
const PROTO_V2: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// `/openapi/v3`
pub(crate) fn index(server: &Server) -> Response {
    let registry = server.registry();
    let mut paths = Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = if group.is_empty() {
                format!("api/{version}")
            } else {
                format!("apis/{group}/{version}")
            };
            let url = format!(
                "/openapi/v3/{path}?hash={}",
                hash(&registry, group, version)
            );
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    value_response(StatusCode::OK, &json!({"paths": paths}))
}

/// Changes whenever the document may.
fn hash(registry: &Registry, group: &str, version: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    for resource in registry.of_version(group, version) {
        digest.update(format!("{} {:?}\n", resource.qualified(), resource.source));
    }
    hex::encode_upper(digest.finalize())
}

/// `/openapi/v3/apis/{group}/{version}`
pub(crate) fn document(
    server: &Server,
    path: &[&str],
    request: &Request,
) -> Result<Response, Failure> {
    let (group, version) = match path {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return Err(Failure::no_such_path()),
    };
    let registry = server.registry();
    let resources: Vec<_> = registry.of_version(group, version).collect();
    if resources.is_empty() {
        return Err(Failure::no_such_path());
    }
    let tag = format!("\"{}\"", hash(&registry, group, version));
    if request
        .headers()
        .get(header::IF_NONE_MATCH)
        .is_some_and(|given| given == tag.as_str())
    {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let mut paths = Map::new();
    for resource in &resources {
        add_paths(resource, &mut paths);
    }
    let kinds: Vec<&str> = resources
        .iter()
        .filter(|r| r.source == Source::Builtin)
        .map(|r| r.kind.as_str())
        .collect();
    let mut schemas = Schemas::default();
    if kinds.is_empty() {
        let (object_meta, shared) = schema::openapi_object_meta();
        for (name, schema) in shared {
            schemas.add(&name, &schema.to_string());
        }
        for resource in &resources {
            if let Some(schema) = custom_schema(resource, &object_meta) {
                schemas.add(&component(resource), &schema);
            } else {
                tracing::error!(
                    resource = resource.qualified(),
                    "its definition cannot be published"
                );
            }
        }
    } else {
        for (name, schema) in schema::openapi(group, version, &kinds) {
            schemas.add(&name, &schema.to_string());
        }
    }
    let mut response = json_response(StatusCode::OK, schemas.document(&Value::Object(paths)));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// The text of `components.schemas`. Definitions can be large, so their text is copied, never taken apart.
#[derive(Default)]
struct Schemas {
    text: String,
}

impl Schemas {
    fn add(&mut self, name: &str, schema: &str) {
        let between = if self.text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{between}{}:{schema}", Value::from(name));
    }

    fn document(self, paths: &Value) -> String {
        let Self { text } = self;
        format!(
            r#"{{"openapi":"3.0.0","info":{{"title":"Kubernetes","version":"v1.34.0"}},"paths":{paths},"components":{{"schemas":{{{text}}}}}}}"#
        )
    }
}

/// A definition with its schemas as text.
#[derive(Deserialize)]
struct Definition<'a> {
    #[serde(borrow)]
    spec: DefinitionSpec<'a>,
}

#[derive(Deserialize)]
struct DefinitionSpec<'a> {
    #[serde(borrow)]
    versions: Vec<DefinitionVersion<'a>>,
}

#[derive(Deserialize)]
struct DefinitionVersion<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    schema: DefinitionSchema<'a>,
}

#[derive(Default, Deserialize)]
struct DefinitionSchema<'a> {
    #[serde(borrow, default, rename = "openAPIV3Schema")]
    root: BTreeMap<String, &'a RawValue>,
}

/// The name of a custom resource's schema, e.g. `io.strimzi.kafka.v1.Kafka`.
fn component(resource: &Resource) -> String {
    let reversed: Vec<&str> = resource.group.split('.').rev().collect();
    format!(
        "{}.{}.{}",
        reversed.join("."),
        resource.version,
        resource.kind
    )
}

/// The schema of a custom resource as its definition has it, with what every object has.
fn custom_schema(resource: &Resource, object_meta: &str) -> Option<String> {
    let json = &resource.definition.as_ref()?.json;
    let definition: Definition<'_> = serde_json::from_slice(json).ok()?;
    let version = definition
        .spec
        .versions
        .into_iter()
        .find(|v| v.name == resource.version)?;
    let mut root = version.schema.root;
    let mut properties: BTreeMap<String, &RawValue> = match root.remove("properties") {
        Some(text) => serde_json::from_str(text.get()).ok()?,
        None => BTreeMap::new(),
    };
    let raw = |value: Value| to_raw_value(&value).ok();
    let text = |description: &str| raw(json!({"type": "string", "description": description}));
    let api_version = text("The versioned schema of this representation of an object.")?;
    let kind = text("The REST resource this object represents.")?;
    let metadata = raw(json!({
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": format!("#/components/schemas/{object_meta}")}],
    }))?;
    properties.insert("apiVersion".to_owned(), &api_version);
    properties.insert("kind".to_owned(), &kind);
    properties.insert("metadata".to_owned(), &metadata);
    let properties = to_raw_value(&properties).ok()?;
    let gvk = raw(
        json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]),
    )?;
    root.insert("properties".to_owned(), &properties);
    root.insert("x-kubernetes-group-version-kind".to_owned(), &gvk);
    serde_json::to_string(&root).ok()
}

fn add_paths(resource: &Resource, paths: &mut Map<String, Value>) {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    let inside = if resource.namespaced {
        format!("{root}/namespaces/{{namespace}}")
    } else {
        root
    };
    let all = format!("{inside}/{}", resource.plural);
    let one = format!("{all}/{{name}}");
    let verbs = |list: &[(&str, &str)]| -> Value {
        let operations: BTreeMap<&str, Value> = list
            .iter()
            .map(|(method, action)| (*method, operation(resource, method, action)))
            .collect();
        json!(operations)
    };
    if !resource.stored {
        paths.insert(all, verbs(&[("post", "post")]));
        return;
    }
    paths.insert(
        all,
        verbs(&[
            ("get", "list"),
            ("post", "post"),
            ("delete", "deletecollection"),
        ]),
    );
    let writes = [
        ("get", "get"),
        ("put", "put"),
        ("patch", "patch"),
        ("delete", "delete"),
    ];
    paths.insert(one.clone(), verbs(&writes));
    if resource.status {
        paths.insert(format!("{one}/status"), verbs(&writes[..3]));
    }
}

fn operation(resource: &Resource, method: &str, action: &str) -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let names: &[&str] = match method {
        "post" | "put" => &["dryRun", "fieldManager", "fieldValidation"],
        "patch" => &["dryRun", "fieldManager", "fieldValidation", "force"],
        "delete" => &["dryRun", "gracePeriodSeconds", "propagationPolicy"],
        _ if action == "list" => &[
            "continue",
            "fieldSelector",
            "labelSelector",
            "limit",
            "resourceVersion",
            "watch",
        ],
        _ => &[],
    };
    json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group, "version": resource.version, "kind": resource.kind,
        },
        "parameters": names.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
        "responses": {"200": {"description": "OK"}},
    })
}

/// `/openapi/v2`: no definitions, since all clients in use read version 3.
pub(crate) fn v2(headers: &HeaderMap) -> Response {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if accepts.contains(PROTO_V2) && !accepts.contains("application/json") {
        // An empty document is a valid message with no fields set.
        let mut response = Response::new(axum::body::Body::empty());
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(PROTO_V2_ANSWER),
        );
        return response;
    }
    let document = json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.34.0"}, "paths": {}, "definitions": {},
    });
    value_response(StatusCode::OK, &document)
}
