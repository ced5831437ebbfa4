//! What the operator shows of itself: `/metrics`, `/healthz`, `/debug/looks`.
//!
//! `/debug/looks` is the flight recorder: it holds whole configurations, so it is served only where the address is a
//! loopback one; elsewhere it is not there.

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
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/metrics",
            get(move || async move { (text, metrics.render()) }),
        );
    let local = listener.local_addr();
    if local.is_ok_and(|address| address.ip().is_loopback()) {
        router = router.route(
            "/debug/looks",
            get(move || async move { (lines, recorder.dump()) }),
        );
    }
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::warn!(%error, "serving metrics ended");
    }
}
