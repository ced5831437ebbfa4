//! `kubectl exec`: a command inside a container, its streams carried over WebSocket or SPDY.
//!
//! Not here: how the streams travel (`websocket`, `spdy`), how a process gets into a container (`pod::enter`).

mod spdy;
mod websocket;

use std::fs::File;
use std::io;
use std::process::Stdio;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
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

/// Pieces under way in each direction.
const PIECES: usize = 16;

/// What comes from the person at the other end.
#[derive(Debug)]
enum Input {
    /// For the command's stdin.
    Bytes(Bytes),
    /// There will be no more of them.
    End,
    /// The terminal's size, as the client writes it.
    Size(Bytes),
}

/// What goes to the person at the other end.
#[derive(Debug)]
enum Output {
    Stdout(Bytes),
    Stderr(Bytes),
    /// How it ended; the last one.
    Result(Bytes),
}

/// The other end. It has gone when `inputs` ends.
struct Remote {
    inputs: mpsc::Receiver<Input>,
    outputs: mpsc::Sender<Output>,
}

/// What is asked for, in the kubelet's words and in the API's.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the switches of the request, each by itself"
)]
pub(super) struct Asked {
    pub(super) command: Vec<String>,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

pub(super) async fn answer(
    State(context): State<Arc<Context>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
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
    let command = match prepare(&context, &place, &asked) {
        Ok(command) => command,
        Err(problem) => return (StatusCode::BAD_REQUEST, problem).into_response(),
    };
    if super::spdy::is_asked_for(&request) {
        return spdy::answer(request, command, asked);
    }
    let (mut parts, _) = request.into_parts();
    if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        return websocket::answer(upgrade, command, asked);
    }
    let text = "exec is served over WebSocket (v5.channel.k8s.io, v4.channel.k8s.io) and SPDY/3.1";
    (StatusCode::BAD_REQUEST, text).into_response()
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
pub(super) fn parse(query: &str) -> Asked {
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
pub(super) fn form(query: &str) -> Vec<(String, String)> {
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
/// Says which stream bytes came from.
type Wrap = fn(Bytes) -> Output;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// The ends of a process that we hold.
struct Streams {
    session: Session,
    stdin: Option<Writer>,
    outputs: Vec<(Wrap, Reader)>,
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
            outputs: vec![(Output::Stdout, output)],
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
    let mut outputs: Vec<(Wrap, Reader)> = Vec::new();
    outputs.extend(
        child
            .stdout
            .take()
            .map(|stdout| (Output::Stdout as Wrap, Box::new(stdout) as Reader)),
    );
    outputs.extend(child.stderr.take().map(|stderr| {
        (
            Output::Stderr as fn(Bytes) -> Output,
            Box::new(stderr) as Reader,
        )
    }));
    Ok(Streams {
        session: Session(child),
        stdin,
        outputs,
        terminal: None,
    })
}

/// Runs the command for the other end, until it ends or nobody is there any more.
async fn run(command: Command, asked: Asked, remote: Remote) {
    let Remote {
        mut inputs,
        outputs,
    } = remote;
    let Streams {
        mut session,
        mut stdin,
        outputs: readers,
        terminal,
    } = match start(command, &asked) {
        Ok(streams) => streams,
        Err(error) => {
            let _ = outputs.send(Output::Result(result(&Err(error)))).await;
            return;
        }
    };
    let mut copies: Vec<_> = readers
        .into_iter()
        .map(|(wrap, reader)| tokio::spawn(copy(wrap, reader, outputs.clone())))
        .collect();
    let ended = loop {
        tokio::select! {
            ended = session.0.wait() => break ended,
            input = inputs.recv() => match input {
                Some(Input::Bytes(bytes)) => {
                    if let Some(writer) = &mut stdin
                        && (writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err())
                    {
                        stdin = None;
                    }
                }
                Some(Input::End) => stdin = None,
                Some(Input::Size(text)) => resize(terminal.as_ref(), &text),
                None => {
                    // Nobody listens any more: the process ends with its session.
                    copies.iter().for_each(tokio::task::JoinHandle::abort);
                    return;
                }
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
    let _ = outputs.send(Output::Result(result(&ended))).await;
}

async fn copy(wrap: Wrap, mut reader: Reader, outputs: mpsc::Sender<Output>) {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        // A terminal whose last user has gone answers with an error.
        let Ok(length @ 1..) = reader.read(&mut buffer).await else {
            return;
        };
        let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
        if outputs.send(wrap(bytes)).await.is_err() {
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

fn resize(terminal: Option<&File>, text: &[u8]) {
    if let (Some(terminal), Ok(Size { width, height })) = (terminal, serde_json::from_slice(text)) {
        let size = Winsize {
            ws_row: height,
            ws_col: width,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let _ = rustix::termios::tcsetwinsize(terminal, size);
    }
}

/// The Status that ends an exec.
fn result(ended: &io::Result<std::process::ExitStatus>) -> Bytes {
    use std::os::unix::process::ExitStatusExt as _;
    let status = match ended {
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
    };
    Bytes::from(status.to_string())
}

#[cfg(test)]
mod tests;
