//! A client's connection, as the rest of the server sees it: where frames for it go, who it is, how it is doing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use zookeeper_protocol::{ErrorCode, Id, Reply, ReplyHeader, Response, put_frame};

use crate::stats::{Stats, count};
use crate::watches::LineId;

/// Bytes that may wait for a client that does not read; then its connection is closed.
const MOST_QUEUED_BYTES: usize = 64 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: LineId,
    pub(crate) peer: SocketAddr,
    pub(crate) session: i64,
    /// The revision of the session's key when this connection took it over.
    pub(crate) claim: i64,
    /// Milliseconds.
    pub(crate) timeout: i32,
    outbox: mpsc::UnboundedSender<Bytes>,
    queued: AtomicUsize,
    identities: RwLock<Arc<[Id]>>,
    /// Ends the connection at once; what is queued is lost.
    pub(crate) cut: CancellationToken,
    /// Writes answered since the connection was made.
    pub(crate) answered: AtomicU64,
    /// Told whenever a write was answered.
    pub(crate) progress: Notify,
    /// When the client was last heard, milliseconds of the server's clock.
    pub(crate) heard: AtomicI64,
    /// When that was last passed on to etcd.
    pub(crate) passed_on: AtomicI64,
    /// Milliseconds since 1970.
    pub(crate) established: i64,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) waiting: AtomicUsize,
    stats: Arc<Stats>,
    pub(crate) last_xid: AtomicI32,
    pub(crate) last_zxid: AtomicI64,
}

/// What a connection is made of.
pub(crate) struct NewLine {
    pub(crate) id: LineId,
    pub(crate) peer: SocketAddr,
    pub(crate) session: i64,
    pub(crate) claim: i64,
    pub(crate) timeout: i32,
    pub(crate) identities: Vec<Id>,
    pub(crate) established: i64,
    pub(crate) heard: i64,
    pub(crate) stats: Arc<Stats>,
}

impl Line {
    /// The connection, and the end at which its frames come out.
    pub(crate) fn new(new: NewLine) -> (Arc<Self>, mpsc::UnboundedReceiver<Bytes>) {
        let (outbox, frames) = mpsc::unbounded_channel();
        let NewLine {
            id,
            peer,
            session,
            claim,
            timeout,
            identities,
            established,
            heard,
            stats,
        } = new;
        let line = Self {
            id,
            peer,
            session,
            claim,
            timeout,
            outbox,
            queued: AtomicUsize::new(0),
            identities: RwLock::new(identities.into()),
            cut: CancellationToken::new(),
            answered: AtomicU64::new(0),
            progress: Notify::new(),
            heard: AtomicI64::new(heard),
            passed_on: AtomicI64::new(heard),
            established,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            stats,
            last_xid: AtomicI32::new(0),
            last_zxid: AtomicI64::new(0),
        };
        (Arc::new(line), frames)
    }

    /// Who it is.
    pub(crate) fn identities(&self) -> Arc<[Id]> {
        Arc::clone(
            &self
                .identities
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// It proved to be somebody as well.
    pub(crate) fn add_identity(&self, id: Id) {
        let mut identities = self
            .identities
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if !identities.contains(&id) {
            *identities = identities.iter().cloned().chain([id]).collect();
        }
    }

    /// Queues a frame.
    pub(crate) fn send(&self, frame: Bytes) {
        let queued = self.queued.fetch_add(frame.len(), Ordering::Relaxed);
        if queued > MOST_QUEUED_BYTES {
            tracing::warn!(peer = %self.peer, "a client does not read what it is sent; its connection is closed");
            self.cut.cancel();
            return;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        count(&self.stats.sent);
        // When nobody takes it, the connection has ended.
        let _ = self.outbox.send(frame);
    }

    /// Frames of this many bytes went out.
    pub(crate) fn sent_bytes(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Queues an answer.
    pub(crate) fn answer(&self, xid: i32, zxid: i64, error: ErrorCode, response: Response) {
        if xid >= 0 {
            self.last_xid.store(xid, Ordering::Relaxed);
        }
        self.last_zxid.store(zxid, Ordering::Relaxed);
        self.send(framed(&Reply::Answer(
            ReplyHeader { xid, zxid, error },
            response,
        )));
    }

    /// A write was answered: what waits behind it may go on.
    pub(crate) fn wrote(&self) {
        self.answered.fetch_add(1, Ordering::Release);
        self.progress.notify_one();
    }
}

/// A reply with its length before it.
pub(crate) fn framed(reply: &Reply) -> Bytes {
    let content = reply.encode();
    let mut frame = BytesMut::with_capacity(content.len() + 4);
    put_frame(&mut frame, &content);
    frame.freeze()
}
