//! Over SPDY: each connection is a pair of streams with one `requestid`, first `error`, then `data`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::{Outlet, PIECES, Piece, carry};
use crate::server::spdy::frame::{self, Frame};
use crate::server::spdy::headers::HeaderReader;
use crate::server::spdy::upgrade;

const PROTOCOL: &str = "portforward.k8s.io";
/// As many connections at a time; a browser has a few dozen.
const MAX_CONNECTIONS: usize = 1_000;

pub(super) fn answer(request: Request, address: IpAddr) -> Response {
    upgrade(request, PROTOCOL, move |stream| async move {
        let (reader, writer) = tokio::io::split(stream);
        serve(reader, writer, address).await;
    })
}

/// A connection under way.
struct Connection {
    /// `None` when the client has ended its half.
    input: Option<mpsc::Sender<Bytes>>,
    task: AbortHandle,
}

pub(super) async fn serve<R, W>(reader: R, mut writer: W, address: IpAddr)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (frames, mut to_send) = mpsc::channel::<Vec<u8>>(PIECES);
    let reading = read(BufReader::new(reader), frames, address);
    let writing = async {
        while let Some(bytes) = to_send.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
    let _ = writer.shutdown().await;
}

/// What the headers of a new stream say.
struct Opening {
    is_error: bool,
    port: Option<u16>,
    request: String,
}

impl Opening {
    fn of(headers: &[(String, String)]) -> Option<Self> {
        let value = |wanted: &str| {
            headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.as_str())
        };
        Some(Self {
            is_error: match value("streamtype")? {
                "error" => true,
                "data" => false,
                _ => return None,
            },
            port: value("port").and_then(|port| port.parse().ok()),
            request: value("requestid").unwrap_or_default().to_owned(),
        })
    }
}

/// Reads frames until the client goes; connections end with it.
async fn read<R: AsyncRead + Unpin>(mut reader: R, frames: mpsc::Sender<Vec<u8>>, address: IpAddr) {
    let mut headers = HeaderReader::new();
    // Error streams that wait for their data stream, by request.
    let mut errors: BTreeMap<String, u32> = BTreeMap::new();
    let mut connections: BTreeMap<u32, Connection> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    while let Ok(frame) = frame::read(&mut reader).await {
        while tasks.try_join_next().is_some() {}
        let going = match frame {
            Frame::OpenStream {
                stream,
                headers: block,
            } => {
                // A block that cannot be read spoils all that follow.
                let Some(block) = headers.read(&block) else {
                    return;
                };
                let full = tasks.len() >= MAX_CONNECTIONS || errors.len() >= MAX_CONNECTIONS;
                match Opening::of(&block).filter(|_| !full) {
                    None => frames.send(frame::reset(stream)).await.is_ok(),
                    Some(Opening {
                        is_error,
                        port,
                        request,
                    }) => {
                        // The answer goes first: whatever the Pod says must not overtake it.
                        let reply = frame::reply(stream, headers.empty_block());
                        let going = frames.send(reply).await.is_ok();
                        if is_error {
                            errors.insert(request, stream);
                        } else if let (Some(error), Some(port)) = (errors.remove(&request), port) {
                            connections.retain(|_, connection| !connection.task.is_finished());
                            let (input, inputs) = mpsc::channel(PIECES);
                            let outlet = Outlet {
                                messages: frames.clone(),
                                wrap: move |piece| wrap(error, stream, piece),
                            };
                            let pod = SocketAddr::new(address, port);
                            let task = tasks.spawn(carry(pod, inputs, outlet));
                            let input = Some(input);
                            connections.insert(stream, Connection { input, task });
                        }
                        going
                    }
                }
            }
            Frame::Data {
                stream,
                content,
                last,
            } => {
                if let Some(connection) = connections.get_mut(&stream) {
                    if let Some(input) = connection.input.as_ref().filter(|_| !content.is_empty()) {
                        let _ = input.send(content).await;
                    }
                    if last {
                        connection.input = None;
                    }
                }
                true
            }
            Frame::Reset { stream } => {
                if let Some(connection) = connections.remove(&stream) {
                    connection.task.abort();
                }
                true
            }
            Frame::Ping(id) => frames.send(frame::ping(id)).await.is_ok(),
            Frame::GoAway => false,
            Frame::Other => true,
        };
        if !going {
            return;
        }
    }
}

/// What comes out of a connection, as frames of its two streams.
fn wrap(error: u32, data: u32, piece: Piece) -> Vec<Vec<u8>> {
    match piece {
        Piece::Data(bytes) => vec![frame::data(data, &bytes, false)],
        Piece::Error(text) => vec![frame::data(error, text.as_bytes(), false)],
        Piece::End => vec![frame::data(error, &[], true), frame::data(data, &[], true)],
    }
}
