//! `kubectl port-forward`: connections to the ports of a Pod, carried over SPDY or WebSocket.
//!
//! Not here: how the pieces travel (`over_spdy`, `over_websocket`).
//! Source: `portforward.k8s.io`, and `v4.channel.k8s.io` as kubelets speak it for port-forward.

mod over_spdy;
mod over_websocket;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::exec::form;
use super::spdy;
use crate::context::Context;

/// Pieces under way in each direction of a connection.
const PIECES: usize = 16;
/// As much is read at once.
const PIECE_BYTES: usize = 32 * 1024;

/// What comes out of a connection.
#[derive(Debug)]
enum Piece {
    Data(Bytes),
    /// It was not made, and why.
    Error(String),
    /// The last one.
    End,
}

pub(super) async fn answer(
    State(context): State<Arc<Context>>,
    Path((namespace, pod)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let address = context
        .cluster
        .pods
        .get(&namespace, &pod)
        .filter(|object| context.is_ours(object))
        .and_then(|object| object.status.as_ref()?.pod_ip.as_ref()?.parse().ok());
    let Some(address) = address else {
        let text = format!("pod {pod:?} does not run on this node");
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    if spdy::is_asked_for(&request) {
        return over_spdy::answer(request, address);
    }
    let (mut parts, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        let text = "port-forward is served over SPDY/3.1 (portforward.k8s.io) and WebSocket (v4.channel.k8s.io)";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let offers = parts.headers.get_all("sec-websocket-protocol").iter();
    if !offers
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(over_websocket::PROTOCOL))
    {
        // `kubectl` asks for SPDY inside a WebSocket first, and for plain SPDY when that is refused.
        let text = format!(
            "this node speaks {} over WebSocket",
            over_websocket::PROTOCOL
        );
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    match ports(query.as_deref().unwrap_or_default()) {
        Ok(ports) => over_websocket::answer(upgrade, address, ports),
        Err(refusal) => (StatusCode::BAD_REQUEST, refusal).into_response(),
    }
}

/// The ports of a query: `ports` as clients write it, `port` as API servers do; several with commas between.
fn ports(query: &str) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for (_, value) in form(query)
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "port" | "ports"))
    {
        for text in value.split(',') {
            match text.parse() {
                Ok(port @ 1..) => ports.push(port),
                _ => return Err(format!("port {text:?} is not a number from 1 to 65535")),
            }
        }
    }
    if ports.is_empty() {
        return Err("the query names no port; expected for instance port=9092".to_owned());
    }
    Ok(ports)
}

/// Where what comes out of a connection goes, and in which messages.
struct Outlet<W> {
    messages: mpsc::Sender<Vec<u8>>,
    wrap: W,
}

impl<W: Fn(Piece) -> Vec<Vec<u8>>> Outlet<W> {
    /// `false` when nobody listens any more.
    async fn send(&self, piece: Piece) -> bool {
        for message in (self.wrap)(piece) {
            if self.messages.send(message).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// Connects to a port of the Pod and carries pieces both ways until the Pod closes, or nobody listens any more.
async fn carry<W: Fn(Piece) -> Vec<Vec<u8>>>(
    pod: SocketAddr,
    mut inputs: mpsc::Receiver<Bytes>,
    outlet: Outlet<W>,
) {
    let stream = match TcpStream::connect(pod).await {
        Ok(stream) => stream,
        Err(error) => {
            let port = pod.port();
            let text = format!("error forwarding port {port}: nothing answers there: {error}");
            let _ = outlet.send(Piece::Error(text)).await;
            let _ = outlet.send(Piece::End).await;
            return;
        }
    };
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    let to_pod = async {
        while let Some(bytes) = inputs.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                break;
            }
        }
        let _ = writer.shutdown().await;
        // The Pod may still have something to say.
        std::future::pending::<()>().await;
    };
    let from_pod = async {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            if !outlet.send(Piece::Data(bytes)).await {
                return;
            }
        }
    };
    tokio::select! {
        () = to_pod => {}
        () = from_pod => {}
    }
    let _ = outlet.send(Piece::End).await;
}

#[cfg(test)]
mod tests;
