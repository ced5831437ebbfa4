//! One connection of a client: frames in, answers out, in order.
//!
//! Writes go to the committer, several at a time; a read waits until the writes before it are answered, and everything after it
//! waits for the read. What is sent goes through one queue, so that events and answers stay in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use zookeeper_protocol::{
    ConnectRequest, ConnectResponse, ErrorCode, FourLetter, Id, Malformed, Op, Request,
    RequestFrame, Response, put_frame, take_frame, xid,
};

use crate::access;
use crate::answer::answer;
use crate::batch::Work;
use crate::evaluate::Act;
use crate::four_letter;
use crate::line::{Line, NewLine};
use crate::sasl::Sasl;
use crate::session::{NoSession, attach};
use crate::shared::{Shared, wall};
use crate::stats::count;
use crate::sync::Sync;

/// How long a client may take to say what it wants.
const HELLO: Duration = Duration::from_secs(10);
/// How long what is queued may take when the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 16 * 1024;

/// Where a connection comes from.
pub(crate) struct Peer {
    pub(crate) address: std::net::SocketAddr,
    /// Who it is, as far as that is known from the connection itself.
    pub(crate) identities: Vec<Id>,
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(shared: Arc<Shared>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let mut buffer = BytesMut::new();
    let hello = tokio::time::timeout(
        HELLO,
        first_frame(&mut from, &mut buffer, shared.settings.max_frame_bytes),
    )
    .await;
    let hello = match hello {
        Ok(Some(Hello::Word(word))) => {
            let text = four_letter::answer(&shared, word);
            let _ = tokio::time::timeout(FAREWELL, async {
                to.write_all(text.as_bytes()).await?;
                to.shutdown().await
            })
            .await;
            return;
        }
        Ok(Some(Hello::Frame(frame))) => frame,
        Ok(None) | Err(_) => return,
    };
    let Ok(request) = ConnectRequest::decode(hello) else {
        tracing::debug!(peer = %peer.address, "the first message is no connect request");
        return;
    };
    if !shared.is_serving() {
        tracing::debug!(peer = %peer.address, "refused, since etcd was not heard of for too long");
        return;
    }
    let attached = match attach(&shared, &request).await {
        Ok(attached) => attached,
        Err(NoSession::Expired) => {
            let mut frame = BytesMut::new();
            put_frame(
                &mut frame,
                &ConnectResponse::expired(request.read_only).encode(),
            );
            let _ = tokio::time::timeout(FAREWELL, async {
                to.write_all(&frame).await?;
                to.shutdown().await
            })
            .await;
            return;
        }
        Err(error) => {
            tracing::info!(peer = %peer.address, %error, "a client gets no session here");
            return;
        }
    };
    let now = shared.tick();
    let (line, frames) = Line::new(NewLine {
        id: shared.next_line(),
        peer: peer.address,
        session: attached.session,
        claim: attached.claim,
        timeout: attached.timeout,
        identities: peer.identities,
        established: wall(),
        heard: now,
        stats: Arc::clone(&shared.stats),
    });
    {
        let mut mirror = shared.write();
        let there = mirror.sessions.get(&line.session);
        if there.is_none_or(|session| session.revision != line.claim) {
            // Moved on, or closed, while it was being taken over.
            return;
        }
        mirror.lines.insert(line.id, Arc::clone(&line));
    }
    let response = ConnectResponse {
        protocol_version: 0,
        timeout: attached.timeout,
        session_id: attached.session,
        password: attached.password,
        read_only: request.read_only.map(|_| false),
    };
    let mut frame = BytesMut::new();
    put_frame(&mut frame, &response.encode());
    line.send(frame.freeze());
    let writer = tokio::spawn(write_frames(to, frames, Arc::clone(&line)));
    let mut conversation = Conversation {
        shared: Arc::clone(&shared),
        line: Arc::clone(&line),
        waiting: VecDeque::new(),
        submitted: 0,
        alone: false,
        closing: false,
        sasl: Sasl::default(),
    };
    conversation.run(&mut from, &mut buffer).await;
    shared.write().remove_line(line.id);
    line.cut.cancel();
    let _ = writer.await;
    if conversation.closing && conversation.unanswered() == 0 {
        // The session's key is gone; its lease would be, in time.
        let _ = shared.etcd.revoke(line.session).await;
    }
}

enum Hello {
    Word(FourLetter),
    Frame(Bytes),
}

async fn first_frame(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    limit: usize,
) -> Option<Hello> {
    loop {
        if let Some(word) = buffer.first_chunk::<4>().and_then(FourLetter::recognise) {
            return Some(Hello::Word(word));
        }
        match take_frame(buffer, limit) {
            Ok(Some(frame)) => return Some(Hello::Frame(frame)),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "not a client of ZooKeeper");
                return None;
            }
        }
        if from.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Sends what is queued, until the connection is cut; then what is still queued, if it goes quickly.
async fn write_frames(
    mut to: impl AsyncWrite + Unpin,
    mut frames: mpsc::UnboundedReceiver<Bytes>,
    line: Arc<Line>,
) {
    let mut ready = Vec::new();
    loop {
        let ended = tokio::select! {
            biased;
            number = frames.recv_many(&mut ready, 64) => number == 0,
            () = line.cut.cancelled() => {
                frames.close();
                while let Ok(frame) = frames.try_recv() {
                    ready.push(frame);
                }
                let _ = tokio::time::timeout(FAREWELL, async {
                    send_all(&mut to, &mut ready, &line).await?;
                    to.shutdown().await
                })
                .await;
                return;
            }
        };
        if ended {
            return;
        }
        let sent = tokio::select! {
            sent = send_all(&mut to, &mut ready, &line) => sent.is_ok(),
            () = async {
                line.cut.cancelled().await;
                tokio::time::sleep(FAREWELL).await;
            } => false,
        };
        if !sent {
            line.cut.cancel();
            return;
        }
    }
}

async fn send_all(
    to: &mut (impl AsyncWrite + Unpin),
    ready: &mut Vec<Bytes>,
    line: &Line,
) -> std::io::Result<()> {
    let bytes = ready.iter().map(Bytes::len).sum();
    if let [only] = ready.as_slice() {
        to.write_all(only).await?;
    } else {
        let mut together = BytesMut::with_capacity(bytes);
        for frame in ready.iter() {
            together.extend_from_slice(frame);
        }
        while together.has_remaining() {
            to.write_buf(&mut together).await?;
        }
    }
    to.flush().await?;
    ready.clear();
    line.sent_bytes(bytes);
    Ok(())
}

/// A request that has not had its turn.
struct Waiting {
    xid: i32,
    request: Result<Request, Malformed>,
    born: Instant,
}

struct Conversation {
    shared: Arc<Shared>,
    line: Arc<Line>,
    waiting: VecDeque<Waiting>,
    /// Writes given to the committer.
    submitted: u64,
    /// What is being done lets nothing else be done beside it.
    alone: bool,
    /// The client said goodbye.
    closing: bool,
    sasl: Sasl,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.tell_outstanding(0);
    }
}

impl Conversation {
    async fn run(&mut self, from: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) {
        let line = Arc::clone(&self.line);
        let mut open = true;
        loop {
            while !self.closing && !self.is_full() {
                match take_frame(buffer, self.shared.settings.max_frame_bytes) {
                    Ok(Some(frame)) => {
                        if !self.take(frame) {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(peer = %line.peer, %error, "connection closed");
                        return;
                    }
                }
            }
            if !self.proceed() {
                return;
            }
            let full = self.is_full();
            self.tell_outstanding(self.outstanding());
            if !open && self.waiting.is_empty() && self.unanswered() == 0 {
                return;
            }
            tokio::select! {
                () = line.cut.cancelled() => return,
                () = line.progress.notified() => {}
                read = read_some(from, buffer), if open && !full && !self.closing => match read {
                    // Requests that were read are still done: the client may have gone without waiting.
                    Ok(0) | Err(_) => open = false,
                    Ok(_) => {}
                },
            }
        }
    }

    /// Requests of this connection that are not answered.
    fn outstanding(&self) -> usize {
        let unanswered = usize::try_from(self.unanswered()).unwrap_or(usize::MAX);
        self.waiting.len().saturating_add(unanswered)
    }

    /// Whether so much waits, here and elsewhere, that nothing more is read. Whoever has nothing waiting is always read.
    fn is_full(&self) -> bool {
        let own = self.outstanding();
        let told = self.line.waiting.load(Ordering::Relaxed);
        let others = self.shared.outstanding.load(Ordering::Relaxed);
        own > 0 && others.saturating_sub(told) + own >= self.shared.settings.max_outstanding
    }

    /// Lets other connections know how many wait here.
    fn tell_outstanding(&self, now: usize) {
        let before = self.line.waiting.swap(now, Ordering::Relaxed);
        if now > before {
            let more = now - before;
            self.shared.outstanding.fetch_add(more, Ordering::Relaxed);
        } else {
            let fewer = before - now;
            self.shared.outstanding.fetch_sub(fewer, Ordering::Relaxed);
        }
    }

    fn unanswered(&self) -> u64 {
        self.submitted - self.line.answered.load(Ordering::Acquire)
    }

    /// Takes a frame; false if the connection must end.
    fn take(&mut self, frame: Bytes) -> bool {
        let line = &self.line;
        line.heard.store(self.shared.tick(), Ordering::Relaxed);
        line.received.fetch_add(1, Ordering::Relaxed);
        count(&self.shared.stats.received);
        let Ok((number, op, mut body)) = RequestFrame::decode_header(frame) else {
            return false;
        };
        let request = Request::decode(op, &mut body);
        match request {
            Ok(Request::Auth {
                kind: _,
                scheme,
                auth,
            }) => return self.authenticate(number, &scheme, auth.as_deref().unwrap_or_default()),
            Ok(Request::Sasl { token }) => {
                return self.sasl(number, token.as_deref().unwrap_or_default());
            }
            request => self.waiting.push_back(Waiting {
                xid: if op == Op::Ping { xid::PING } else { number },
                request,
                born: Instant::now(),
            }),
        }
        true
    }

    fn authenticate(&mut self, number: i32, scheme: &str, auth: &[u8]) -> bool {
        let zxid = self.shared.read().zxid;
        let done = match scheme {
            "digest" => {
                let text = String::from_utf8_lossy(auth);
                let identity = access::digest_identity(&text);
                if self.shared.settings.super_digest.as_ref() == Some(&identity.id) {
                    self.line.add_identity(access::super_identity());
                }
                self.line.add_identity(identity);
                true
            }
            // The address is known anyway.
            "ip" => true,
            _ => false,
        };
        let error = if done {
            ErrorCode::OK
        } else {
            ErrorCode::AUTH_FAILED
        };
        self.line.answer(number, zxid, error, Response::Empty);
        done
    }

    fn sasl(&mut self, number: i32, token: &[u8]) -> bool {
        let zxid = self.shared.read().zxid;
        match self.sasl.step(&self.shared.settings.sasl_users, token) {
            Ok((answer, user)) => {
                if let Some(user) = user {
                    self.line.add_identity(Id {
                        scheme: "sasl".to_owned(),
                        id: user,
                    });
                }
                let token = Some(Bytes::from(answer));
                self.line
                    .answer(number, zxid, ErrorCode::OK, Response::Sasl { token });
                true
            }
            Err(why) => {
                tracing::info!(peer = %self.line.peer, %why, "SASL failed");
                let refused = Response::Sasl { token: None };
                self.line
                    .answer(number, zxid, ErrorCode::AUTH_FAILED, refused);
                false
            }
        }
    }

    /// Does what has its turn; false if the connection must end.
    fn proceed(&mut self) -> bool {
        let unanswered = self.unanswered();
        if self.alone && unanswered > 0 {
            return true;
        }
        if self.closing && self.waiting.is_empty() && unanswered == 0 {
            return false;
        }
        self.alone = false;
        while let Some(next) = self.waiting.front() {
            let busy = self.unanswered() > 0;
            let turn = turn(&next.request);
            if busy && turn != Turn::Write {
                return true;
            }
            let Some(Waiting { xid, request, born }) = self.waiting.pop_front() else {
                return true;
            };
            match (turn, request) {
                (Turn::Write, Ok(request)) => self.submit(xid, request, born),
                (Turn::Sync, Ok(Request::Sync { path })) => {
                    self.submitted += 1;
                    self.alone = true;
                    let line = Arc::clone(&self.line);
                    let _ = self.shared.syncs.send(Sync { line, xid, path });
                    return true;
                }
                // A check stands in multis only.
                (_, Ok(Request::Unknown { .. } | Request::Check { .. })) => {
                    let zxid = self.shared.read().zxid;
                    self.line
                        .answer(xid, zxid, ErrorCode::UNIMPLEMENTED, Response::Empty);
                    return false;
                }
                (_, Ok(request)) => self.read(xid, request, born),
                (_, Err(error)) => {
                    tracing::debug!(peer = %self.line.peer, %error, "a request cannot be read");
                    let zxid = self.shared.read().zxid;
                    self.line
                        .answer(xid, zxid, ErrorCode::MARSHALLING_ERROR, Response::Empty);
                }
            }
        }
        true
    }

    fn submit(&mut self, xid: i32, request: Request, born: Instant) {
        self.submitted += 1;
        if matches!(request, Request::CloseSession) {
            self.closing = true;
        }
        // Nobody takes it when the server stops.
        let _ = self.shared.queue.send(Work {
            act: Act::Client(request),
            line: Some(Arc::clone(&self.line)),
            session: self.line.session,
            claim: self.line.claim,
            identities: self.line.identities(),
            xid,
            born,
        });
    }

    fn read(&mut self, xid: i32, request: Request, born: Instant) {
        // The reply to setWatches has the number that its request has by custom.
        let mirror = self.shared.read();
        let result = answer(&mirror, &self.line, request);
        let (error, response) = match result {
            Ok(response) => (ErrorCode::OK, response),
            Err(code) => (code, Response::Empty),
        };
        let zxid = mirror.zxid;
        self.line.answer(xid, zxid, error, response);
        drop(mirror);
        self.shared.stats.read(born.elapsed());
    }
}

async fn read_some(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> std::io::Result<usize> {
    buffer.reserve(READ_BYTES);
    from.read_buf(buffer).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Beside other writes.
    Write,
    /// Alone, and asks etcd.
    Sync,
    /// When all before it are answered.
    Read,
}

fn turn(request: &Result<Request, Malformed>) -> Turn {
    let Ok(request) = request else {
        return Turn::Read;
    };
    match request.op() {
        Op::Create
        | Op::Create2
        | Op::CreateContainer
        | Op::CreateTtl
        | Op::Delete
        | Op::SetData
        | Op::SetAcl
        | Op::Multi
        | Op::Reconfig
        | Op::CloseSession => Turn::Write,
        Op::Sync => Turn::Sync,
        _ => Turn::Read,
    }
}
