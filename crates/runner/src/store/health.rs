//! Whether the program serves, asked of itself: `srvr` of ZooKeeper, `/health` of etcd.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use model::runner::store::StoreProgram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Shared;

/// How long the program may take to say how it is.
const BOUND: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const MOST_BYTES: u64 = 16 * 1024;

/// Serves until the process ends.
pub(super) async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let live = Arc::clone(&shared);
    let router = axum::Router::new()
        .route("/livez", get(move || async move { livez(&live) }))
        .route("/readyz", get(move || async move { readyz(&shared).await }));
    crate::health::answer_http(listener, router).await;
}

/// The container lives as long as its program: when that ends, so does this process.
fn livez(shared: &Shared) -> (StatusCode, String) {
    let what = if shared.lives() { "ok" } else { "preparing" };
    (StatusCode::OK, format!("{what}\n"))
}

async fn readyz(shared: &Shared) -> (StatusCode, String) {
    if !shared.lives() {
        return (StatusCode::SERVICE_UNAVAILABLE, "preparing\n".to_owned());
    }
    let (port, question): (u16, &[u8]) = match &shared.config.program {
        StoreProgram::ZooKeeper { id: _, client_port } => (*client_port, b"srvr"),
        StoreProgram::Etcd { client_port, .. } => (*client_port, b"GET /health HTTP/1.0\r\n\r\n"),
    };
    let address = SocketAddr::new(shared.environment.pod_ip, port);
    match tokio::time::timeout(BOUND, ask(address, question)).await {
        Ok(Ok(answer)) => judge(&shared.config.program, &answer),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer\n".to_owned()),
    }
}

fn judge(program: &StoreProgram, answer: &str) -> (StatusCode, String) {
    let serves = match program {
        StoreProgram::ZooKeeper { .. } => {
            answer.lines().find_map(|line| line.strip_prefix("Mode: "))
        }
        StoreProgram::Etcd { .. } => answer.contains("\"health\":\"true\"").then_some("healthy"),
    };
    match serves {
        Some(mode) => (StatusCode::OK, format!("{mode}\n")),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", answer.lines().last().unwrap_or("it says nothing")),
        ),
    }
}

async fn ask(address: SocketAddr, question: &[u8]) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(question).await?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests;
