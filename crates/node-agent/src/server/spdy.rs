//! SPDY/3.1, which API servers up to today speak to kubelets: the part of it that exec and port-forward need.
//!
//! No flow control (the clients have none), no compression of what we send.

pub(super) mod frame;
pub(super) mod headers;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

const PROTOCOLS: &str = "x-stream-protocol-version";

/// Whether a request asks for it.
pub(super) fn is_asked_for(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"SPDY/3.1"))
        && matches!(*request.method(), Method::POST | Method::GET)
}

/// Upgrades the connection if the client speaks `protocol`, and lets `serve` go on with it.
pub(super) fn upgrade<S, T>(mut request: Request, protocol: &'static str, serve: S) -> Response
where
    S: FnOnce(TokioIo<Upgraded>) -> T + Send + 'static,
    T: Future<Output = ()> + Send,
{
    if !speaks(request.headers(), protocol) {
        let text = format!("this node speaks {protocol} over SPDY");
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        let text = "this connection cannot be upgraded";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            serve(TokioIo::new(upgraded)).await;
        }
    });
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "SPDY/3.1")
        .header(PROTOCOLS, protocol)
        .body(Body::empty());
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn speaks(headers: &HeaderMap, protocol: &str) -> bool {
    headers
        .get_all(PROTOCOLS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == protocol)
}
