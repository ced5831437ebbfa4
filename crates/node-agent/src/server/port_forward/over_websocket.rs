//! Over WebSocket: port number `n` of the request has the channels `2n` (data) and `2n + 1` (error).
//!
//! Every binary message begins with its channel; the first one on each channel holds the port, little-endian.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Outlet, PIECES, Piece, carry};

pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";

pub(super) fn answer(upgrade: WebSocketUpgrade, address: IpAddr, ports: Vec<u16>) -> Response {
    upgrade
        .protocols([PROTOCOL])
        .on_upgrade(move |socket| serve(socket, address, ports))
}

async fn serve(socket: WebSocket, address: IpAddr, ports: Vec<u16>) {
    let (mut sink, mut source) = socket.split();
    let (messages, mut to_send) = mpsc::channel::<Vec<u8>>(PIECES);
    let mut connections = JoinSet::new();
    let mut inputs: Vec<mpsc::Sender<Bytes>> = Vec::new();
    let channels = ports.into_iter().zip((0_u8..=254).step_by(2));
    for (port, channel) in channels {
        let [low, high] = port.to_le_bytes();
        for channel in [channel, channel + 1] {
            if sink
                .send(Message::Binary(vec![channel, low, high].into()))
                .await
                .is_err()
            {
                return;
            }
        }
        let (input, from_client) = mpsc::channel(PIECES);
        inputs.push(input);
        let wrap = move |piece| {
            let (channel, content) = match piece {
                Piece::Data(bytes) => (channel, bytes),
                Piece::Error(text) => (channel + 1, Bytes::from(text)),
                // There is no word for the end of one channel.
                Piece::End => return Vec::new(),
            };
            vec![[&[channel], content.as_ref()].concat()]
        };
        let outlet = Outlet {
            messages: messages.clone(),
            wrap,
        };
        connections.spawn(carry(SocketAddr::new(address, port), from_client, outlet));
    }
    drop(messages);
    let reading = async {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(message) => {
                    if let Some((channel, _)) = message.split_first()
                        && channel % 2 == 0
                        && let Some(input) = inputs.get(usize::from(channel / 2))
                    {
                        // A connection that has ended takes nothing more; the others do.
                        let _ = input.send(message.slice(1..)).await;
                    }
                }
                Message::Close(_) => return,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    };
    let writing = async {
        while let Some(message) = to_send.recv().await {
            if sink.send(Message::Binary(message.into())).await.is_err() {
                return;
            }
        }
        let _ = sink.send(Message::Close(None)).await;
    };
    // It ends when the client goes, or when the last connection has ended and all was sent.
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
}
