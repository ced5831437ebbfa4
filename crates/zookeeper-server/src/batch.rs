//! Many requests, of all sessions of a server, as one transaction of etcd.
//!
//! ```text
//!  queue of requests ─► evaluated one after the other on a view ─► net effect per key + guards ─► one transaction
//! ```
//!
//! Guards: the revision of every key that was looked at, every session's key, the server's fence. A request is taken whole or
//! not at all; when the next one would not fit into etcd's limits, the batch ends before it. One that does not fit by itself goes
//! alone, guarded by the key of the last batch, which every change writes, and with its writes packed ([`crate::pack`]). No batch
//! happens while another server holds the key for such a request ([`crate::hold`]).
//!
//! Not here: sending it and finding out what became of it ([`crate::commit`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use prost::Message as _;
use zookeeper_protocol::{ErrorCode, Id, Op, Request, Response};

use crate::etcd::{TxnRequest, delete, get, put, unchanged};
use crate::evaluate::{Act, Caller, Outcome, evaluate, failed};
use crate::keys::Keys;
use crate::line::Line;
use crate::mirror::Mirror;
use crate::pack::{pack, packed_most};
use crate::record::{BatchRecord, ChangeRecord, FenceRecord, INDEX_BITS, SharedAcl, acl_to_record};
use crate::tree::{Part, Tree};
use crate::view::{ChangeKind, Mark, Slot, View};

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

impl Work {
    /// What no client asked for.
    pub(crate) fn of_server(act: Act) -> Self {
        Self {
            act,
            line: None,
            session: 0,
            claim: 0,
            identities: Arc::from([]),
            xid: 0,
            born: std::time::Instant::now(),
        }
    }
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
/// Bytes a change takes in the list of changes besides its path.
const PER_CHANGE: usize = 16;

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) server: u64,
    /// The number this batch will have.
    pub(crate) sequence: u64,
    /// The revision of the server's fence.
    pub(crate) fence: i64,
    /// The revision of the key with which it holds up others; zero: it does not.
    pub(crate) hold: i64,
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
    /// Whether it is one request that goes alone, which every change of others overtakes.
    pub(crate) alone: bool,
}

/// Operations of a transaction in which a session ends, besides those for its nodes: its key, fence, batch, and some to spare.
const OTHER_OPS: usize = 8;
/// Ephemeral nodes that may go in one transaction when a session ends.
const MOST_ENDS: usize = 1000;

#[derive(Debug, Clone)]
struct Cost {
    conditions: usize,
    writes: usize,
    /// Of keys and values that are written, and of the list of changes.
    written_bytes: usize,
    guard_bytes: usize,
}

impl Cost {
    /// The fence is looked at and written, a hold is looked at and ended, the list of changes is written.
    const NOTHING: Self = Self {
        conditions: 2,
        writes: 3,
        written_bytes: 0,
        guard_bytes: 0,
    };

    /// Together with others, every key with a guard of its own.
    fn fits(&self, limits: Limits) -> bool {
        self.conditions.max(self.writes) <= limits.ops
            && self.guard_bytes + self.written_bytes <= limits.bytes.saturating_sub(SPARE_BYTES)
    }

    /// Alone, with one guard for everything.
    fn fits_alone(&self, limits: Limits) -> bool {
        self.writes <= packed_most(limits.ops)
            && self.written_bytes <= limits.bytes.saturating_sub(SPARE_BYTES)
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
    let mut alone = false;
    let mut total = Cost::NOTHING;
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
        let mut caller = Caller {
            session: work.session,
            identities: Arc::clone(&work.identities),
            now: author.now,
            ends_at_once: MOST_ENDS,
        };
        let mut outcome = evaluate(&mut view, &caller, &work.act);
        let new_session = session.filter(|(id, _)| !sessions.contains_key(id));
        let mut cost = cost(&total, &view, mark, new_session.is_some());
        let fits = cost.fits(limits);
        if !fits && !done.is_empty() {
            view.forget(mark);
            view.index -= 1;
            queue.push_front(work);
            break;
        }
        if !fits && !cost.fits_alone(limits) && ends_session(&work.act) {
            view.forget(mark);
            caller.ends_at_once = limits.ops.saturating_sub(OTHER_OPS).max(2) / 2;
            outcome = evaluate(&mut view, &caller, &work.act);
            cost = self::cost(&total, &view, mark, new_session.is_some());
        }
        if !fits && !cost.fits_alone(limits) {
            // It can never be done.
            view.forget(mark);
            outcome = too_large(&work.act);
        }
        total = cost;
        sessions.extend(new_session);
        let index = view.index;
        done.push(Done {
            work,
            index,
            outcome,
        });
        if !fits {
            alone = true;
            break;
        }
    }
    let changes = !view.changes().is_empty()
        || !view.closed().is_empty()
        || view.slots().values().any(|slot| slot.node || slot.children);
    let mut txn = transaction(&view, &sessions, keys, author, changes);
    if alone {
        let guards = view.guards().iter();
        let guards: BTreeSet<Vec<u8>> = guards
            .map(|(part, path)| key_of(keys, *part, path))
            .collect();
        txn.compare.retain(|compare| !guards.contains(&compare.key));
        txn.compare
            .push(unchanged(keys.batch(), mirror.batch_revision));
        txn.success = pack(std::mem::take(&mut txn.success), limits.ops);
    }
    Prepared {
        txn,
        done,
        lost,
        changes,
        alone,
    }
}

fn ends_session(act: &Act) -> bool {
    matches!(act, Act::Client(Request::CloseSession) | Act::Expire(_))
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

/// What a batch costs with the request that was evaluated since `mark`, when it cost `before` without it. Only what that
/// request touched is looked at, so that a batch costs as much as its requests.
fn cost(before: &Cost, view: &View<'_>, mark: Mark, new_session: bool) -> Cost {
    let tree = view.tree();
    let mut cost = before.clone();
    let guards = view.guards_since(mark);
    cost.conditions += guards.len() + usize::from(new_session);
    cost.guard_bytes += guards
        .iter()
        .map(|(_, path)| path.len() + PER_KEY)
        .sum::<usize>();
    cost.writes += view.closed_since(mark).len();
    for (path, slot) in view.touched_since(mark) {
        if let Some(after) = view.slots().get(path) {
            let (writes, bytes) = slot_cost(tree, path, after);
            cost.writes += writes;
            cost.written_bytes += bytes;
        }
        // What it was counted with; never more than all.
        let (writes, bytes) = slot.map_or((0, 0), |slot| slot_cost(tree, path, slot));
        cost.writes -= writes;
        cost.written_bytes -= bytes;
    }
    for change in view.changes_since(mark) {
        cost.written_bytes += change.path.len() + PER_CHANGE + acl_bytes(&change.acl);
    }
    cost
}

/// Operations that write a node, and their bytes.
fn slot_cost(tree: &Tree, path: &str, slot: &Slot) -> (usize, usize) {
    let writes =
        usize::from(slot.writes_node(tree, path)) + usize::from(slot.writes_children(tree, path));
    let mut bytes = writes * (path.len() + PER_KEY);
    if slot.node
        && let Some(meta) = &slot.meta
    {
        bytes += meta.data.as_ref().map_or(0, bytes::Bytes::len) + acl_bytes(&meta.acl);
    }
    (writes, bytes)
}

fn acl_bytes(acl: &SharedAcl) -> usize {
    acl.as_ref().map_or(0, |acl| {
        acl.iter()
            .map(|entry| entry.id.scheme.len() + entry.id.id.len() + 16)
            .sum()
    })
}

fn key_of(keys: &Keys, part: Part, path: &str) -> Vec<u8> {
    match part {
        Part::Node => keys.node(path),
        Part::Children => keys.children(path),
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
    let mut txn = TxnRequest::default();
    for (id, claim) in sessions {
        txn.compare.push(unchanged(keys.session(*id), *claim));
    }
    for (part, path) in view.guards() {
        let revision = tree.revision(*part, path);
        txn.compare
            .push(unchanged(key_of(keys, *part, path), revision));
    }
    txn.failure.push(get(keys.fence(author.server)));
    txn.failure.push(get(keys.batch()));
    txn.failure.push(get(keys.hold()));
    if !changes {
        return txn;
    }
    txn.compare
        .push(unchanged(keys.fence(author.server), author.fence));
    txn.compare.push(unchanged(keys.hold(), author.hold));
    if author.hold != 0 {
        txn.success.push(delete(keys.hold()));
    }
    for (path, slot) in view.slots() {
        if slot.writes_node(tree, path) {
            let key = keys.node(path);
            txn.success.push(match &slot.meta {
                Some(meta) => put(key, meta.node_record().encode_to_vec(), 0),
                None => delete(key),
            });
        }
        if slot.writes_children(tree, path) {
            let key = keys.children(path);
            txn.success.push(match slot.children_record() {
                Some(record) => put(key, record.encode_to_vec(), 0),
                None => delete(key),
            });
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
