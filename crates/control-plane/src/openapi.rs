//! OpenAPI documents: an index, one document per group version, and enough of version 2 for old clients.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::answer::value_response;
use crate::failure::Failure;
use crate::server::Server;

/// `/openapi/v3`
pub(crate) fn index(server: &Server) -> Response {
    let registry = server.registry();
    let mut paths = serde_json::Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let url = format!("/openapi/v3/{path}?hash=0");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    value_response(StatusCode::OK, &json!({"paths": paths}))
}

/// `/openapi/v3/apis/{group}/{version}`
pub(crate) fn document(_server: &Server, _path: &[&str], _request: &Request) -> Result<Response, Failure> {
    Ok(value_response(StatusCode::OK, &json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.0"}, "paths": {}})))
}

/// `/openapi/v2`
pub(crate) fn v2(_server: &Server, _headers: &HeaderMap) -> Result<Response, Failure> {
    let document: Value = json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.34.0"}, "paths": {}});
    Ok(value_response(StatusCode::OK, &document))
}
