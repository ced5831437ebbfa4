//! What the operator shows of itself: `/metrics`, `/healthz`, `/debug/looks`.
//!
//! `/debug/looks` is the flight recorder: it names every object of the clusters, so it belongs on a loopback address or
//! behind one; nothing in it is secret.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::recorder::Recorder;

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    recorder: Recorder,
    stop: CancellationToken,
) {
    let text = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    let lines = [(header::CONTENT_TYPE, "application/x-ndjson")];
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/metrics",
            get(move || async move { (text, metrics.render()) }),
        )
        .route(
            "/debug/looks",
            get(move || async move { (lines, recorder.dump()) }),
        );
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::warn!(%error, "serving metrics ended");
    }
}
