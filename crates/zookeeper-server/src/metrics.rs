//! Health and metrics over HTTP.
//!
//! `/healthz` the process runs · `/readyz` clients are served · `/metrics` for Prometheus · `/commands/<word>` the four-letter
//! words, where ZooKeeper's admin server has them.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use zookeeper_protocol::FourLetter;

use crate::four_letter;
use crate::shared::Shared;

/// Serves until the server stops.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "no connection for metrics");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = shared.stop.cancelled() => return,
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let response = respond(&shared, request.uri().path());
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn respond(shared: &Shared, path: &str) -> Response<Full<Bytes>> {
    let (status, text) = match path {
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        "/readyz" if shared.is_serving() => (StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "etcd was not heard of for too long\n".to_owned(),
        ),
        "/metrics" => (StatusCode::OK, metrics(shared)),
        _ => {
            let word = path
                .strip_prefix("/commands/")
                .and_then(|word| <[u8; 4]>::try_from(word.as_bytes()).ok())
                .and_then(|word| FourLetter::recognise(&word))
                // These change something, and a look must not.
                .filter(|word| !matches!(word, FourLetter::Srst | FourLetter::Crst));
            match word {
                Some(word) => (StatusCode::OK, four_letter::answer(shared, word)),
                None => (
                    StatusCode::NOT_FOUND,
                    "there are /metrics, /healthz, /readyz and /commands/<word>\n".to_owned(),
                ),
            }
        }
    };
    // Prometheus takes no figures whose form is not said.
    let form = if path == "/metrics" {
        "text/plain; version=0.0.4; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(form));
    *response.status_mut() = status;
    response
}

fn metrics(shared: &Shared) -> String {
    let mut text = String::new();
    for (name, value) in four_letter::figures(shared) {
        let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
    }
    let stats = &shared.stats;
    let own = [
        ("batches", "transactions sent to etcd", &stats.batches),
        ("batched_requests", "requests in them", &stats.batched),
        (
            "conflicts",
            "transactions that were computed again because something else was faster",
            &stats.conflicts,
        ),
        (
            "refused",
            "transactions that etcd refused, for instance because its space is used up",
            &stats.refused,
        ),
        (
            "watch_restarts",
            "times the watch on etcd was set again",
            &stats.watch_restarts,
        ),
        (
            "reloads",
            "times everything was read from etcd",
            &stats.reloads,
        ),
    ];
    for (name, help, counter) in own {
        let _ = writeln!(
            text,
            "# HELP klamm_zookeeper_{name}_total {help}\n# TYPE klamm_zookeeper_{name}_total counter\n\
             klamm_zookeeper_{name}_total {}",
            counter.load(Ordering::Relaxed)
        );
    }
    for (name, help, histogram) in [
        (
            "read_duration_seconds",
            "from the arrival of a request that reads to its answer",
            &stats.reads,
        ),
        (
            "write_duration_seconds",
            "from the arrival of a request that writes to its answer",
            &stats.writes,
        ),
        (
            "etcd_transaction_duration_seconds",
            "how long etcd takes for a transaction, failures and calls without an answer among them",
            &stats.transactions,
        ),
    ] {
        histogram.write(&format!("klamm_zookeeper_{name}"), help, &mut text);
    }
    let _ = writeln!(
        text,
        "# HELP klamm_zookeeper_serving whether clients are served\n# TYPE klamm_zookeeper_serving gauge\n\
         klamm_zookeeper_serving {}",
        u8::from(shared.is_serving())
    );
    text
}
