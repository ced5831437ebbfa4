//! `kubectl exec`, over WebSocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`.
//!
//! Every binary message begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the result, 4 the terminal's size;
//! in version 5 the message `255 0` says that stdin has ended.

use std::fs::File;
use std::io;
use std::process::Stdio;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal};
use rustix::termios::Winsize;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::{Place, find};
use crate::context::Context;
use crate::pod::enter::enter;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const RESULT: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// What is asked for, in the kubelet's words and in the API's.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the switches of the request, each by itself"
)]
struct Asked {
    command: Vec<String>,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

pub(super) async fn answer(
    State(context): State<Arc<Context>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let asked = parse(query.as_deref().unwrap_or_default());
    let place = match find(&context, &namespace, &pod, &container) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    if asked.command.is_empty() {
        return (
            StatusCode::BAD_REQUEST,
            "you must specify at least 1 command for the container",
        )
            .into_response();
    }
    let Ok(upgrade) = upgrade else {
        return (
            StatusCode::BAD_REQUEST,
            "exec is served over WebSocket (v5.channel.k8s.io, v4.channel.k8s.io)",
        )
            .into_response();
    };
    let command = match prepare(&context, &place, &asked) {
        Ok(command) => command,
        Err(problem) => return (StatusCode::BAD_REQUEST, problem).into_response(),
    };
    upgrade
        .protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"])
        .on_upgrade(move |socket| serve(socket, command, asked))
}

fn prepare(context: &Context, place: &Place, asked: &Asked) -> Result<Command, String> {
    let name = &place.container.name;
    let attempt = place.dir.latest().map(|latest| place.dir.attempt(latest));
    let running = attempt
        .filter(|attempt| attempt.exit().is_none())
        .and_then(|attempt| attempt.running());
    let running = running
        .filter(|running| running.process.alive())
        .ok_or_else(|| format!("container not found ({name:?} does not run)"))?;
    enter(
        &context.settings,
        &place.container,
        &place.dir.root(),
        &running,
        &asked.command,
        asked.tty,
    )
    .map_err(|error| error.to_string())
}

/// Reads the query; `command` comes as often as it has words.
fn parse(query: &str) -> Asked {
    let mut asked = Asked::default();
    for (key, value) in form(query) {
        let on = matches!(value.as_str(), "1" | "true");
        match key.as_str() {
            "command" => asked.command.push(value),
            "input" | "stdin" => asked.stdin = on,
            "output" | "stdout" => asked.stdout = on,
            "error" | "stderr" => asked.stderr = on,
            "tty" => asked.tty = on,
            _ => {}
        }
    }
    asked
}

/// Pairs of a query string, percent signs and plus signs decoded.
fn form(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            let hexadecimal = tail
                .get(..2)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match (first, hexadecimal) {
                (b'%', Some(byte)) => {
                    bytes.push(byte);
                    rest = tail.get(2..).unwrap_or_default();
                }
                (b'+', _) => bytes.push(b' '),
                (byte, _) => bytes.push(*byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// A process that ends with its whole session when nobody listens any more.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        // Still there: `id` is only known until the end has been seen.
        if let Some(pid) = self
            .0
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).unwrap_or(0)))
        {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// The ends of a process that we hold.
struct Streams {
    session: Session,
    stdin: Option<Writer>,
    outputs: Vec<(u8, Reader)>,
    terminal: Option<File>,
}

fn start(mut command: Command, asked: &Asked) -> io::Result<Streams> {
    if asked.tty {
        let pty = nix::pty::openpty(None, None)?;
        let (master, slave) = (File::from(pty.master), File::from(pty.slave));
        command
            .stdin(slave.try_clone()?)
            .stdout(slave.try_clone()?)
            .stderr(slave);
        let session = Session(command.spawn()?);
        // The command holds the terminal's other end too; ours must go for its end to show.
        drop(command);
        let stdin: Option<Writer> = asked
            .stdin
            .then(|| master.try_clone())
            .transpose()?
            .map(|file| Box::new(tokio::fs::File::from_std(file)) as Writer);
        let output: Reader = Box::new(tokio::fs::File::from_std(master.try_clone()?));
        return Ok(Streams {
            session,
            stdin,
            outputs: vec![(STDOUT, output)],
            terminal: Some(master),
        });
    }
    let pipe = |wanted: bool| {
        if wanted {
            Stdio::piped()
        } else {
            Stdio::null()
        }
    };
    command
        .stdin(pipe(asked.stdin))
        .stdout(pipe(asked.stdout))
        .stderr(pipe(asked.stderr));
    let mut child = command.spawn()?;
    let stdin = child.stdin.take().map(|stdin| Box::new(stdin) as Writer);
    let mut outputs: Vec<(u8, Reader)> = Vec::new();
    outputs.extend(
        child
            .stdout
            .take()
            .map(|stdout| (STDOUT, Box::new(stdout) as Reader)),
    );
    outputs.extend(
        child
            .stderr
            .take()
            .map(|stderr| (STDERR, Box::new(stderr) as Reader)),
    );
    Ok(Streams {
        session: Session(child),
        stdin,
        outputs,
        terminal: None,
    })
}

async fn serve(socket: WebSocket, command: Command, asked: Asked) {
    let (mut sink, mut source) = socket.split();
    let streams = start(command, &asked);
    let (messages, mut queue) = mpsc::channel::<Message>(16);
    let sending = tokio::spawn(async move {
        while let Some(message) = queue.recv().await {
            if sink.send(message).await.is_err() {
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
    let status = match streams {
        Err(error) => {
            json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": error.to_string(), "code": 500})
        }
        Ok(Streams {
            mut session,
            mut stdin,
            outputs,
            terminal,
        }) => {
            let mut copies: Vec<_> = outputs
                .into_iter()
                .map(|(channel, reader)| tokio::spawn(copy(channel, reader, messages.clone())))
                .collect();
            let ended = loop {
                tokio::select! {
                    ended = session.0.wait() => break ended,
                    message = source.next() => match message {
                        Some(Ok(Message::Binary(message))) => received(&message, &mut stdin, terminal.as_ref()).await,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => {
                            // Nobody listens any more: the process ends with its session.
                            copies.iter().for_each(tokio::task::JoinHandle::abort);
                            return;
                        }
                        Some(Ok(_)) => {}
                    },
                }
            };
            drop((stdin, terminal));
            // What it said last is still in the pipes; a background process may hold them open for ever.
            let rest = futures::future::join_all(copies.iter_mut());
            if tokio::time::timeout(std::time::Duration::from_secs(5), rest)
                .await
                .is_err()
            {
                copies.iter().for_each(tokio::task::JoinHandle::abort);
            }
            result(&ended)
        }
    };
    let mut message = vec![RESULT];
    message.extend(status.to_string().into_bytes());
    let _ = messages.send(Message::Binary(message.into())).await;
    drop(messages);
    let _ = sending.await;
}

async fn copy(channel: u8, mut reader: Reader, messages: mpsc::Sender<Message>) {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        // A terminal whose last user has gone answers with an error.
        let Ok(length @ 1..) = reader.read(&mut buffer).await else {
            return;
        };
        let mut message = Vec::with_capacity(length + 1);
        message.push(channel);
        message.extend_from_slice(buffer.get(..length).unwrap_or_default());
        if messages
            .send(Message::Binary(message.into()))
            .await
            .is_err()
        {
            return;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

async fn received(message: &Bytes, stdin: &mut Option<Writer>, terminal: Option<&File>) {
    let Some((channel, content)) = message.split_first() else {
        return;
    };
    match *channel {
        STDIN => {
            if let Some(writer) = stdin
                && (writer.write_all(content).await.is_err() || writer.flush().await.is_err())
            {
                *stdin = None;
            }
        }
        CLOSE if content == [STDIN] => *stdin = None,
        RESIZE => {
            if let (Some(terminal), Ok(Size { width, height })) =
                (terminal, serde_json::from_slice(content))
            {
                let size = Winsize {
                    ws_row: height,
                    ws_col: width,
                    ws_xpixel: 0,
                    ws_ypixel: 0,
                };
                let _ = rustix::termios::tcsetwinsize(terminal, size);
            }
        }
        _ => {}
    }
}

/// The Status that ends an exec.
fn result(ended: &io::Result<std::process::ExitStatus>) -> serde_json::Value {
    use std::os::unix::process::ExitStatusExt as _;
    match ended {
        Ok(status) if status.success() => json!({"metadata": {}, "status": "Success"}),
        Ok(status) => {
            let code = status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
            json!({
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                "message": format!("command terminated with non-zero exit code: exit status {code}"),
                "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}
            })
        }
        Err(error) => {
            json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": error.to_string(), "code": 500})
        }
    }
}

#[cfg(test)]
mod tests;
