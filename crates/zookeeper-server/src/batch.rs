//! Many requests, of all sessions of a server, as one transaction of etcd.
//!
//! ```text
//!  queue of requests ─► evaluated one after the other on a view ─► net effect per key + guards ─► one transaction
//! ```
//!
//! Guards: the revision of every key that was looked at, every session's key, the server's fence. A request is taken whole or
//! not at all; when the next one would not fit into etcd's limits, the batch ends before it.
//!
//! Not here: sending it and finding out what became of it ([`crate::commit`]).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use prost::Message as _;
use zookeeper_protocol::{ErrorCode, Id, Op, Request, Response};

use crate::etcd::{TxnRequest, delete, get, put, unchanged};
use crate::evaluate::{Act, Caller, Outcome, evaluate, failed};
use crate::keys::Keys;
use crate::line::Line;
use crate::mirror::Mirror;
use crate::record::{BatchRecord, ChangeRecord, FenceRecord, INDEX_BITS, acl_to_record};
use crate::tree::Meta;
use crate::view::{ChangeKind, Part, Slot, View};

/// A request on its way to etcd.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) act: Act,
    /// The connection it came on; `None` for what the server does by itself.
    pub(crate) line: Option<Arc<Line>>,
    pub(crate) session: i64,
    /// The revision of the session's key when the connection took it over.
    pub(crate) claim: i64,
    pub(crate) identities: Arc<[Id]>,
    pub(crate) xid: i32,
    pub(crate) born: std::time::Instant,
}

/// A request with what it comes to if the transaction succeeds.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) work: Work,
    pub(crate) index: i64,
    pub(crate) outcome: Outcome,
}

/// What one transaction may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Conditions, and likewise changes: etcd's `--max-txn-ops`.
    pub(crate) ops: usize,
    /// etcd's `--max-request-bytes`.
    pub(crate) bytes: usize,
    /// Requests.
    pub(crate) requests: usize,
}

/// Bytes left for what is not counted: framing, the request's head.
const SPARE_BYTES: usize = 16 * 1024;
/// Bytes a key, a revision and their framing take besides the path.
const PER_KEY: usize = 64;

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) server: u64,
    /// The number this batch will have.
    pub(crate) sequence: u64,
    /// The revision of the server's fence.
    pub(crate) fence: i64,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

/// A transaction and what follows from it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) txn: TxnRequest,
    pub(crate) done: Vec<Done>,
    /// Requests of sessions that are elsewhere or nowhere.
    pub(crate) lost: Vec<Work>,
    /// Whether it changes anything. If not, it only makes sure that the errors are true.
    pub(crate) changes: bool,
}

/// Operations of a transaction in which a session ends, besides those for its nodes: its key, fence, batch, and some to spare.
const OTHER_OPS: usize = 8;

struct Cost {
    ops: usize,
    bytes: usize,
}

impl Cost {
    fn fits(&self, limits: Limits) -> bool {
        self.ops <= limits.ops && self.bytes <= limits.bytes.saturating_sub(SPARE_BYTES)
    }
}

/// Takes requests from the front of the queue, as many as fit.
pub(crate) fn prepare(
    mirror: &Mirror,
    queue: &mut VecDeque<Work>,
    keys: &Keys,
    author: Author,
    limits: Limits,
) -> Prepared {
    let mut view = View::new(&mirror.tree);
    let mut sessions: BTreeMap<i64, i64> = BTreeMap::new();
    let mut done = Vec::new();
    let mut lost = Vec::new();
    while let Some(work) = queue.pop_front() {
        if done.len() >= limits.requests || view.index >= (1 << INDEX_BITS) - 1 {
            queue.push_front(work);
            break;
        }
        let session = match &work.act {
            Act::Client(_) => Some((work.session, work.claim)),
            Act::Expire(session) => Some((*session, 0)),
            Act::Reap(_) => None,
        };
        if let Some((id, claim)) = session {
            let there = mirror
                .sessions
                .get(&id)
                .map_or(0, |session| session.revision);
            if there != claim || view.closed().contains(&id) {
                lost.push(work);
                continue;
            }
        }
        let mark = view.mark();
        view.index += 1;
        let caller = Caller {
            session: work.session,
            identities: Arc::clone(&work.identities),
            now: author.now,
            ends_at_once: limits.ops.saturating_sub(OTHER_OPS).max(2) / 2,
        };
        let mut outcome = evaluate(&mut view, &caller, &work.act);
        let new_session = session.filter(|(id, _)| !sessions.contains_key(id));
        let cost = cost(&view, sessions.len() + usize::from(new_session.is_some()));
        if !cost.fits(limits) {
            view.forget(mark);
            if !done.is_empty() {
                view.index -= 1;
                queue.push_front(work);
                break;
            }
            // Alone, and still too large: it can never be done.
            outcome = too_large(&work.act);
        }
        sessions.extend(new_session);
        let index = view.index;
        // The rest must not overtake what comes after it in the queue; it is the session's last act anyway.
        done.push(Done {
            work,
            index,
            outcome,
        });
        if !cost.fits(limits) {
            break;
        }
    }
    let changes = !view.changes().is_empty()
        || !view.closed().is_empty()
        || view.slots().values().any(|slot| slot.node || slot.children);
    Prepared {
        txn: transaction(&view, &sessions, keys, author, changes),
        done,
        lost,
        changes,
    }
}

/// The answer to one request that does not fit into a transaction of etcd.
pub(crate) fn too_large(act: &Act) -> Outcome {
    match act {
        Act::Client(Request::Multi(ops)) => Outcome::Answer(Response::Multi(failed(
            0,
            ErrorCode::BAD_ARGUMENTS,
            ops.len(),
        ))),
        Act::Client(request) => {
            tracing::warn!(op = ?request.op() as Op, "a request is too large for one transaction of etcd");
            Outcome::Error(ErrorCode::BAD_ARGUMENTS)
        }
        Act::Expire(_) | Act::Reap(_) => Outcome::Error(ErrorCode::SYSTEM_ERROR),
    }
}

fn cost(view: &View<'_>, sessions: usize) -> Cost {
    let conditions = view.guards().len() + sessions + 1;
    let mut bytes: usize = view
        .guards()
        .iter()
        .map(|(_, path)| path.len() + PER_KEY)
        .sum();
    let mut writes = 2 + view.closed().len();
    for (path, slot) in view.slots() {
        writes += usize::from(slot.node) + usize::from(slot.children);
        bytes += 2 * (path.len() + PER_KEY);
        if slot.node
            && let Some(meta) = &slot.meta
        {
            bytes += meta.data.as_ref().map_or(0, bytes::Bytes::len)
                + meta.acl.as_ref().map_or(0, |acl| {
                    acl.iter()
                        .map(|entry| entry.id.scheme.len() + entry.id.id.len() + 16)
                        .sum::<usize>()
                });
        }
    }
    for change in view.changes() {
        bytes += change.path.len() + PER_KEY;
    }
    Cost {
        ops: conditions.max(writes),
        bytes,
    }
}

fn transaction(
    view: &View<'_>,
    sessions: &BTreeMap<i64, i64>,
    keys: &Keys,
    author: Author,
    changes: bool,
) -> TxnRequest {
    let tree = view.tree();
    let revision = |part: Part, path: &str| {
        tree.get(path).map_or(0, |node| match part {
            Part::Node => node.own_revision,
            Part::Children => node.children_revision,
        })
    };
    let mut txn = TxnRequest::default();
    for (id, claim) in sessions {
        txn.compare.push(unchanged(keys.session(*id), *claim));
    }
    for (part, path) in view.guards() {
        let key = match part {
            Part::Node => keys.node(path),
            Part::Children => keys.children(path),
        };
        txn.compare.push(unchanged(key, revision(*part, path)));
    }
    txn.failure.push(get(keys.fence(author.server)));
    txn.failure.push(get(keys.batch()));
    if !changes {
        return txn;
    }
    txn.compare
        .push(unchanged(keys.fence(author.server), author.fence));
    for (path, slot) in view.slots() {
        let Slot {
            meta,
            node,
            children,
        } = slot;
        if *node {
            match meta {
                Some(meta) => {
                    let value = meta.node_record().encode_to_vec();
                    txn.success.push(put(keys.node(path), value, 0));
                }
                None if revision(Part::Node, path) != 0 => {
                    txn.success.push(delete(keys.node(path)));
                }
                None => {}
            }
        }
        if *children {
            match meta.as_ref().and_then(Meta::children_record) {
                Some(record) => {
                    txn.success
                        .push(put(keys.children(path), record.encode_to_vec(), 0));
                }
                None if revision(Part::Children, path) != 0 => {
                    txn.success.push(delete(keys.children(path)));
                }
                None => {}
            }
        }
    }
    for session in view.closed() {
        txn.success.push(delete(keys.session(*session)));
    }
    let fence = FenceRecord {
        sequence: author.sequence,
        time: author.now,
    };
    txn.success
        .push(put(keys.fence(author.server), fence.encode_to_vec(), 0));
    let record = BatchRecord {
        server: author.server,
        sequence: author.sequence,
        count: view.index,
        changes: view
            .changes()
            .iter()
            .map(|change| ChangeRecord {
                index: change.index,
                kind: match change.kind {
                    ChangeKind::Created => 1,
                    ChangeKind::Deleted => 2,
                    ChangeKind::DataSet => 3,
                },
                path: change.path.clone(),
                acl: acl_to_record(&change.acl),
            })
            .collect(),
    };
    txn.success
        .push(put(keys.batch(), record.encode_to_vec(), 0));
    txn
}
