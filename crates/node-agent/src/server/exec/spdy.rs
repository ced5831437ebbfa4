//! Streams over SPDY.
//!
//! The client opens a stream per purpose (`streamtype`: error, stdin, stdout, stderr, resize); once all are there the
//! command runs.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{Asked, Input, Output, PIECES, Remote, run};
use crate::server::spdy::frame::{self, Frame};
use crate::server::spdy::headers::HeaderReader;
use crate::server::spdy::upgrade;

const PROTOCOL: &str = "v4.channel.k8s.io";
/// As the kubelet: how long the client may take to open its streams.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the client may take to close after the result.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn answer(request: Request, command: Command, asked: Asked) -> Response {
    upgrade(request, PROTOCOL, move |stream| async move {
        let (reader, writer) = tokio::io::split(stream);
        serve(reader, writer, command, asked).await;
    })
}

/// What a stream of the client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Error,
    Stdin,
    Stdout,
    Stderr,
    Resize,
}

impl Purpose {
    fn of(headers: &[(String, String)]) -> Option<Self> {
        let (_, value) = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("streamtype"))?;
        match value.as_str() {
            "error" => Some(Self::Error),
            "stdin" => Some(Self::Stdin),
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "resize" => Some(Self::Resize),
            _ => None,
        }
    }

    fn wanted(asked: &Asked) -> Vec<Self> {
        let mut wanted = vec![Self::Error];
        wanted.extend(asked.stdin.then_some(Self::Stdin));
        wanted.extend(asked.stdout.then_some(Self::Stdout));
        wanted.extend((asked.stderr && !asked.tty).then_some(Self::Stderr));
        wanted.extend(asked.tty.then_some(Self::Resize));
        wanted
    }
}

async fn serve<R, W>(reader: R, mut writer: W, command: Command, asked: Asked)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (to_command, inputs) = mpsc::channel(PIECES);
    let (outputs, mut from_command) = mpsc::channel(PIECES);
    let (opened_sender, mut opened) = mpsc::channel(PIECES);
    let (answers, mut to_send) = mpsc::channel::<Vec<u8>>(PIECES);
    let replies = answers.clone();
    let mut reading = tokio::spawn(read(
        BufReader::new(reader),
        to_command,
        opened_sender,
        replies,
    ));
    let writing = tokio::spawn(async move {
        while let Some(bytes) = to_send.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    });

    let wanted = Purpose::wanted(&asked);
    let mut streams = BTreeMap::new();
    let all_open = tokio::time::timeout(OPEN_TIMEOUT, async {
        while !wanted.iter().all(|purpose| streams.contains_key(purpose)) {
            let Some((purpose, stream)) = opened.recv().await else {
                return false;
            };
            streams.insert(purpose, stream);
        }
        true
    });
    if all_open.await.unwrap_or(false) {
        let sending = {
            let (answers, streams) = (answers.clone(), streams.clone());
            tokio::spawn(async move {
                while let Some(output) = from_command.recv().await {
                    let (purpose, bytes, last) = match output {
                        Output::Stdout(bytes) => (Purpose::Stdout, bytes, false),
                        Output::Stderr(bytes) => (Purpose::Stderr, bytes, false),
                        Output::Result(bytes) => (Purpose::Error, bytes, true),
                    };
                    if let Some(stream) = streams.get(&purpose)
                        && answers
                            .send(frame::data(*stream, &bytes, last))
                            .await
                            .is_err()
                    {
                        return;
                    }
                }
            })
        };
        run(command, asked, Remote { inputs, outputs }).await;
        let _ = sending.await;
        for purpose in [Purpose::Stdout, Purpose::Stderr] {
            if let Some(stream) = streams.get(&purpose) {
                let _ = answers.send(frame::data(*stream, &[], true)).await;
            }
        }
        // The client closes when it has read the result; closing first might cut it off.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, &mut reading).await;
    }
    reading.abort();
    drop(answers);
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, writing).await;
}

/// Reads frames until the client goes, answering what must be answered.
async fn read<R: AsyncRead + Unpin>(
    mut reader: R,
    to_command: mpsc::Sender<Input>,
    opened: mpsc::Sender<(Purpose, u32)>,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let mut headers = HeaderReader::new();
    let mut purposes: BTreeMap<u32, Purpose> = BTreeMap::new();
    while let Ok(frame) = frame::read(&mut reader).await {
        let going = match frame {
            Frame::OpenStream {
                stream,
                headers: block,
            } => {
                // A block that cannot be read spoils all that follow.
                let Some(block) = headers.read(&block) else {
                    return;
                };
                match Purpose::of(&block) {
                    Some(purpose) => {
                        purposes.insert(stream, purpose);
                        answers
                            .send(frame::reply(stream, headers.empty_block()))
                            .await
                            .is_ok()
                            && opened.send((purpose, stream)).await.is_ok()
                    }
                    None => answers.send(frame::reset(stream)).await.is_ok(),
                }
            }
            Frame::Data {
                stream,
                content,
                last,
            } => {
                let purpose = purposes.get(&stream).copied();
                let input = match purpose {
                    Some(Purpose::Stdin) => {
                        Some(Input::Bytes(content)).filter(|input| !is_empty(input))
                    }
                    Some(Purpose::Resize) => {
                        Some(Input::Size(content)).filter(|input| !is_empty(input))
                    }
                    _ => None,
                };
                let sent = match input {
                    Some(input) => to_command.send(input).await.is_ok(),
                    None => true,
                };
                // After the command has ended nobody takes input any more; the client still has to close.
                let ended = last && purpose == Some(Purpose::Stdin);
                if sent && ended {
                    let _ = to_command.send(Input::End).await;
                }
                true
            }
            Frame::Ping(id) => answers.send(frame::ping(id)).await.is_ok(),
            Frame::Reset { stream } => {
                if purposes.get(&stream) == Some(&Purpose::Stdin) {
                    let _ = to_command.send(Input::End).await;
                }
                true
            }
            Frame::GoAway => false,
            Frame::Other => true,
        };
        if !going {
            return;
        }
    }
}

fn is_empty(input: &Input) -> bool {
    match input {
        Input::Bytes(bytes) | Input::Size(bytes) => bytes.is_empty(),
        Input::End => false,
    }
}

#[cfg(test)]
mod tests;
