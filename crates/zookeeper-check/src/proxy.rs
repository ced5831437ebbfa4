//! Stands between clients and two servers: sends every request to both, answers with what the subject says.
//!
//! Sessions end at one moment on both servers: while a client is away or silent the proxy keeps its session alive, and
//! closes it on both once the timeout that was granted has passed. Two servers left to themselves would expire it at
//! two moments, and everything read in between would differ for no fault of theirs.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, DEFAULT_MAX_FRAME, ErrorCode, FourLetter, Reply, ReplyHeader,
    Request, RequestFrame, WatchEvent, put_frame, take_frame, xid,
};

use crate::compare::Ending;
use crate::mapping::Both;
use crate::pair::{Difference, Order, Pair, Shared, goes_alone};

/// How much of what a client sent at once is passed on at once.
const BATCH: usize = 64;

/// How much was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Events.
    pub events: u64,
    /// Requests by operation.
    pub operations: BTreeMap<String, u64>,
}

/// A running proxy; stops when dropped.
pub struct Proxy {
    state: Arc<State>,
    differences: mpsc::UnboundedReceiver<Difference>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Serves `listener`.
    pub fn start(listener: TcpListener, addresses: Both<String>) -> Self {
        let (shared, differences) = Shared::new(addresses.clone());
        let state = Arc::new(State {
            order: Arc::new(Mutex::new(shared)),
            subject: addresses.subject,
            sessions: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            state,
            differences,
            task,
        }
    }

    /// The next difference. Cancelling loses nothing.
    pub async fn next_difference(&mut self) -> Option<Difference> {
        self.differences.recv().await
    }

    /// What was compared so far.
    pub async fn counts(&self) -> Counts {
        let shared = self.state.order.lock().await;
        Counts {
            requests: shared.requests,
            events: shared.events,
            operations: shared.operations.clone(),
        }
    }
}

struct State {
    order: Order,
    subject: String,
    /// By the subject's number.
    sessions: Mutex<BTreeMap<i64, Held>>,
}

/// A session that some task of ours holds connections for.
struct Held {
    identity: Both<(i64, Bytes)>,
    /// Asks the task to give it up; answered when its connections are closed.
    give_up: mpsc::Sender<oneshot::Sender<()>>,
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, peer.to_string(), &state).await {
                        tracing::debug!(%peer, %error, "a client has gone");
                    }
                });
            }
            // Too many open files, usually: pause, so that some are closed.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a client");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn serve(mut stream: TcpStream, name: String, state: &Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    let content = loop {
        if let Some(head) = buffer.first_chunk::<4>()
            && FourLetter::recognise(head).is_some()
        {
            return pass_word(stream, &buffer, &state.subject).await;
        }
        match take_frame(&mut buffer, DEFAULT_MAX_FRAME).map_err(io::Error::other)? {
            Some(content) => break content,
            None if stream.read_buf(&mut buffer).await? == 0 => return Ok(()),
            None => {}
        }
    };
    let request = ConnectRequest::decode(content).map_err(io::Error::other)?;
    let mut pair = Pair::new(&name);
    if request.session_id != 0 {
        pair.resume(take_over(state, &request).await);
    }
    let answer = {
        let mut shared = state.order.lock().await;
        pair.connect(
            &mut shared,
            request.timeout,
            request.last_zxid_seen,
            request.read_only,
        )
        .await
        .map_err(io::Error::other)?
    };
    let Some(answer) = answer else {
        return Ok(());
    };
    let mut out = BytesMut::new();
    put_frame(&mut out, &answer.encode());
    stream.write_all(&out).await?;
    if !pair.is_connected() {
        return Ok(());
    }
    hold(stream, buffer, pair, &answer, state).await;
    Ok(())
}

/// A four-letter word is for the subject alone: its answer is about the server, not about the data.
async fn pass_word(mut client: TcpStream, word: &[u8], subject: &str) -> io::Result<()> {
    let mut server = TcpStream::connect(subject).await?;
    server.write_all(word).await?;
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}

/// The session a client comes back with; whoever holds it closes its connections first.
async fn take_over(state: &State, request: &ConnectRequest) -> Both<(i64, Bytes)> {
    let id = request.session_id;
    let held = state.sessions.lock().await.remove(&id);
    let mut identity = Both {
        subject: (id, request.password.clone()),
        reference: (id, request.password.clone()),
    };
    if let Some(held) = held {
        let (done, closed) = oneshot::channel();
        if held.give_up.send(done).await.is_ok() {
            // A task that ended meanwhile has closed them too.
            let _ = closed.await;
        }
        identity.reference = held.identity.reference;
        if request.password != held.identity.subject.1 {
            // A wrong password must be wrong on both.
            identity.reference.1 = request.password.clone();
        }
    }
    identity
}

/// Serves a client until it goes, and then its session until that is taken over or its time is up.
async fn hold(
    stream: TcpStream,
    buffer: BytesMut,
    pair: Pair,
    answer: &ConnectResponse,
    state: &Arc<State>,
) {
    let (give_up, asked) = mpsc::channel(1);
    let id = answer.session_id;
    let held = Held {
        identity: pair.identity(),
        give_up,
    };
    state.sessions.lock().await.insert(id, held);
    let mut client = Client {
        stream: Some(stream),
        buffer,
        pair,
        heard: Instant::now(),
        timeout: Duration::from_millis(u64::try_from(answer.timeout).unwrap_or(0)),
    };
    if !client.run(state, asked).await {
        state.sessions.lock().await.remove(&id);
    }
}

/// A client, or what is left of it: a session.
struct Client {
    stream: Option<TcpStream>,
    buffer: BytesMut,
    pair: Pair,
    /// When the client last sent something.
    heard: Instant,
    timeout: Duration,
}

/// What a client's task woke up for.
enum Woken {
    GiveUp(Option<oneshot::Sender<()>>),
    Sent,
    Gone,
    Event(Option<WatchEvent>),
    Time,
}

impl Client {
    /// Returns whether somebody else has the session now; else it has ended.
    async fn run(&mut self, state: &State, mut asked: mpsc::Receiver<oneshot::Sender<()>>) -> bool {
        while self.pair.is_connected() {
            match self.wake(&mut asked).await {
                Woken::GiveUp(done) => {
                    self.pair.disconnect();
                    if let Some(done) = done {
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    return true;
                }
                Woken::Sent => {
                    self.heard = Instant::now();
                    if self.pass_on(state).await.is_err() {
                        self.lose();
                    }
                }
                Woken::Gone => self.lose(),
                Woken::Event(Some(event)) => {
                    if self.tell(&[fired(event)]).await.is_err() {
                        self.lose();
                    }
                }
                Woken::Event(None) => {
                    // The subject closed it: the next request finds out what the reference did.
                    let mut shared = state.order.lock().await;
                    self.pair
                        .exchange(&mut shared, &[(xid::PING, Request::Ping)])
                        .await;
                }
                Woken::Time => {
                    let mut shared = state.order.lock().await;
                    let request = if self.heard.elapsed() >= self.timeout {
                        Request::CloseSession
                    } else {
                        Request::Ping
                    };
                    self.pair
                        .exchange(&mut shared, &[(xid::PING, request)])
                        .await;
                }
            }
        }
        false
    }

    /// The client has gone, or sent what nobody can read: nothing of it is waited for any more.
    fn lose(&mut self) {
        self.stream = None;
        self.buffer.clear();
    }

    async fn wake(&mut self, asked: &mut mpsc::Receiver<oneshot::Sender<()>>) -> Woken {
        let limit = DEFAULT_MAX_FRAME;
        if has_frame(&self.buffer, limit) {
            return Woken::Sent;
        }
        let left = self.timeout.saturating_sub(self.heard.elapsed());
        let pause = (self.timeout / 3).min(left.max(Duration::from_millis(1)));
        let read = async {
            match &mut self.stream {
                Some(stream) => stream.read_buf(&mut self.buffer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = asked.recv() => Woken::GiveUp(done),
            event = self.pair.next_event() => Woken::Event(event),
            read = read => match read {
                Ok(0) | Err(_) => Woken::Gone,
                Ok(_) => Woken::Sent,
            },
            () = tokio::time::sleep(pause) => Woken::Time,
        }
    }

    /// Everything that has arrived whole, to both servers, and the answers to the client.
    async fn pass_on(&mut self, state: &State) -> io::Result<()> {
        let mut batch: Vec<(i32, Request)> = Vec::new();
        while batch.len() < BATCH {
            let content = take_frame(&mut self.buffer, DEFAULT_MAX_FRAME);
            let Some(content) = content.map_err(io::Error::other)? else {
                break;
            };
            let frame = RequestFrame::decode(content).map_err(io::Error::other)?;
            let alone = goes_alone(frame.request.op());
            if alone {
                self.exchange(state, &std::mem::take(&mut batch)).await?;
            }
            batch.push((frame.xid, frame.request));
            if alone {
                break;
            }
        }
        self.exchange(state, &batch).await
    }

    async fn exchange(&mut self, state: &State, batch: &[(i32, Request)]) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let segments = {
            let mut shared = state.order.lock().await;
            let told = self.pair.told();
            (told, self.pair.exchange(&mut shared, batch).await)
        };
        let (mut told, segments) = segments;
        let mut replies = Vec::new();
        for segment in segments {
            // Those that came while nothing was asked have been passed on already.
            for event in segment.events.into_iter().skip(std::mem::take(&mut told)) {
                replies.push(fired(event));
            }
            if let Ending::Answer(header, response) = segment.ending {
                replies.push(Reply::Answer(header, response));
            }
        }
        self.tell(&replies).await
    }

    async fn tell(&mut self, replies: &[Reply]) -> io::Result<()> {
        let mut out = BytesMut::new();
        for reply in replies {
            put_frame(&mut out, &reply.encode());
        }
        match &mut self.stream {
            Some(stream) => stream.write_all(&out).await,
            None => Ok(()),
        }
    }
}

fn fired(event: WatchEvent) -> Reply {
    let header = ReplyHeader {
        xid: xid::EVENT,
        zxid: -1,
        error: ErrorCode::OK,
    };
    Reply::Event(header, event)
}

/// Whether a frame has arrived whole, or one that cannot be.
fn has_frame(buffer: &BytesMut, limit: usize) -> bool {
    let Some(head) = buffer.first_chunk::<4>() else {
        return false;
    };
    match usize::try_from(i32::from_be_bytes(*head)) {
        Ok(length) => length > limit || buffer.len() >= length.saturating_add(4),
        Err(_) => true,
    }
}
