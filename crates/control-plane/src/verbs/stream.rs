//! Logs, exec, attach: forwarded to the kubelet of the Pod's node.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use crate::failure::Failure;
use crate::server::{Call, Server};

/// Forward a request.
pub(crate) async fn connect(_server: &Arc<Server>, call: &Call, _request: Request) -> Result<Response, Failure> {
    Err(Failure::unavailable(format!("no node serves {}", call.name())))
}
