//! Streams over WebSocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`.
//!
//! Every binary message begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the result, 4 the terminal's size;
//! in version 5 the message `255 0` says that stdin has ended.

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{Asked, Input, Output, PIECES, Remote, run};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const RESULT: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

pub(super) fn answer(upgrade: WebSocketUpgrade, command: Command, asked: Asked) -> Response {
    upgrade
        .protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"])
        .on_upgrade(move |socket| serve(socket, command, asked))
}

async fn serve(socket: WebSocket, command: Command, asked: Asked) {
    let (mut sink, mut source) = socket.split();
    let (to_command, inputs) = mpsc::channel(PIECES);
    let (outputs, mut from_command) = mpsc::channel(PIECES);
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = source.next().await {
            let input = match message {
                Message::Binary(message) => received(&message),
                Message::Close(_) => return,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) => None,
            };
            if let Some(input) = input
                && to_command.send(input).await.is_err()
            {
                return;
            }
        }
    });
    let writing = tokio::spawn(async move {
        while let Some(output) = from_command.recv().await {
            let (channel, bytes) = match output {
                Output::Stdout(bytes) => (STDOUT, bytes),
                Output::Stderr(bytes) => (STDERR, bytes),
                Output::Result(bytes) => (RESULT, bytes),
            };
            let mut message = Vec::with_capacity(bytes.len() + 1);
            message.push(channel);
            message.extend_from_slice(&bytes);
            if sink.send(Message::Binary(message.into())).await.is_err() {
                return;
            }
        }
        let _ = sink
            .send(Message::Close(Some(CloseFrame {
                code: 1000,
                reason: "".into(),
            })))
            .await;
    });
    run(command, asked, Remote { inputs, outputs }).await;
    let _ = writing.await;
    reading.abort();
}

fn received(message: &Bytes) -> Option<Input> {
    let channel = message.first()?;
    let content = message.slice(1..);
    match *channel {
        STDIN => Some(Input::Bytes(content)),
        RESIZE => Some(Input::Size(content)),
        CLOSE if content.as_ref() == [STDIN] => Some(Input::End),
        _ => None,
    }
}
