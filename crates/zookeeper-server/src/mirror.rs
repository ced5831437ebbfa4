//! Everything etcd holds, in memory, as of one revision; and who is told when it moves on.
//!
//! ```text
//!  etcd's watch ─► apply(revision) ─► tree, sessions
//!                                 ├─► watches fire, in the order of the changes
//!                                 └─► our own batch is answered, in the same order
//! ```
//!
//! Invariants: a revision is applied whole. A watch fires before any reply can show the change, since both go through the same
//! queue of a connection and nobody reads while a revision is applied. The revision never goes back.
//!
//! Not here: how changes arrive ([`crate::follow`]), what reads answer ([`crate::answer`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prost::Message as _;
use zookeeper_protocol::{
    ErrorCode, EventKind, Perms, Reply, ReplyHeader, Response, WatchEvent, parent_and_name, xid,
};

use crate::access;
use crate::batch::Done;
use crate::etcd::{Event, KeyValue};
use crate::evaluate::{Act, Outcome, settle};
use crate::keys::{Key, Keys};
use crate::line::{Line, framed};
use crate::record::{
    BatchRecord, ChangeRecord, ChildrenRecord, INDEX_BITS, NodeRecord, SessionRecord, SharedAcl,
    acl_from_record,
};
use crate::stats::Stats;
use crate::tree::Tree;
use crate::watches::{LineId, Tables};

/// A session with the revision of its key.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) record: SessionRecord,
    pub(crate) revision: i64,
}

/// A batch of ours that was sent and is not yet known to have happened.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) sequence: u64,
    pub(crate) done: Vec<Done>,
}

/// See the module.
pub(crate) struct Mirror {
    server: u64,
    stats: Arc<Stats>,
    pub(crate) tree: Tree,
    pub(crate) sessions: BTreeMap<i64, Session>,
    watches: Mutex<Tables>,
    pub(crate) lines: HashMap<LineId, Arc<Line>>,
    pub(crate) revision: i64,
    pub(crate) zxid: i64,
    /// The revision of the last batch of all; zero: there was none. Every change of the tree moves it.
    pub(crate) batch_revision: i64,
    /// The revision of the key with which a server holds up the others; zero: nobody does.
    pub(crate) hold: i64,
    pub(crate) own: Option<Own>,
    /// Requests of which only a part is done.
    pub(crate) again: Vec<Done>,
}

impl Mirror {
    pub(crate) fn new(server: u64, stats: Arc<Stats>) -> Self {
        Self {
            server,
            stats,
            tree: Tree::new(),
            sessions: BTreeMap::new(),
            watches: Mutex::new(Tables::default()),
            lines: HashMap::new(),
            revision: 0,
            zxid: 0,
            batch_revision: 0,
            hold: 0,
            own: None,
            again: Vec::new(),
        }
    }

    /// Starts over from everything there is at `revision`. Watches fire by comparison, since how it came about is not known.
    pub(crate) fn load(&mut self, kvs: Vec<KeyValue>, revision: i64, keys: &Keys) {
        let mut tree = Tree::new();
        let mut sessions = BTreeMap::new();
        let mut children = Vec::new();
        let mut zxid = self.zxid;
        let mut batch_revision = 0;
        let mut hold = 0;
        for kv in kvs {
            match keys.parse(&kv.key) {
                Some(Key::Node(path)) => match NodeRecord::decode(kv.value) {
                    Ok(record) => tree.put_node(&path, record, kv.mod_revision),
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Children(path)) => match ChildrenRecord::decode(kv.value) {
                    Ok(record) => children.push((path, record, kv.mod_revision)),
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Session(id)) => match SessionRecord::decode(kv.value) {
                    Ok(record) => {
                        let revision = kv.mod_revision;
                        sessions.insert(id, Session { record, revision });
                    }
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Batch) => match BatchRecord::decode(kv.value) {
                    Ok(record) => {
                        batch_revision = kv.mod_revision;
                        zxid = zxid.max((kv.mod_revision << INDEX_BITS) + record.count);
                    }
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Hold) => hold = kv.mod_revision,
                Some(Key::Fence) => {}
                None => tracing::warn!(
                    key = %String::from_utf8_lossy(&kv.key),
                    "a key below the prefix is none of ours"
                ),
            }
        }
        for (path, record, revision) in children {
            tree.put_children(&path, &record, revision);
        }
        let before = std::mem::replace(&mut self.tree, tree);
        let sessions_before = std::mem::replace(&mut self.sessions, sessions);
        self.zxid = zxid;
        self.batch_revision = batch_revision;
        self.hold = hold;
        self.revision = revision;
        self.fire_differences(&before);
        for id in sessions_before.into_keys() {
            self.cut_if_elsewhere(id);
        }
    }

    fn fire_differences(&mut self, before: &Tree) {
        let zxid = self.zxid;
        let mut fire = Vec::new();
        for (path, old) in before.paths() {
            match self.tree.get(path) {
                None => fire.push((
                    EventKind::NodeDeleted,
                    path.to_owned(),
                    old.meta.acl.clone(),
                )),
                Some(new) if new.meta.mzxid != old.meta.mzxid => fire.push((
                    EventKind::NodeDataChanged,
                    path.to_owned(),
                    new.meta.acl.clone(),
                )),
                Some(_) => {}
            }
            if let Some(new) = self.tree.get(path)
                && new.meta.pzxid != old.meta.pzxid
            {
                fire.push((
                    EventKind::NodeChildrenChanged,
                    path.to_owned(),
                    new.meta.acl.clone(),
                ));
            }
        }
        for (path, new) in self.tree.paths() {
            if before.get(path).is_none() {
                fire.push((
                    EventKind::NodeCreated,
                    path.to_owned(),
                    new.meta.acl.clone(),
                ));
            }
        }
        for (kind, path, acl) in fire {
            match kind {
                EventKind::NodeChildrenChanged => self.tell_children(kind, &path, zxid, &acl, &[]),
                EventKind::NodeDeleted => {
                    let told = self.tell_data(kind, &path, zxid, &acl);
                    self.tell_children(kind, &path, zxid, &acl, &told);
                }
                _ => {
                    self.tell_data(kind, &path, zxid, &acl);
                }
            }
        }
    }

    /// Applies everything that happened in one revision. Returns the sessions whose keys vanished, with the server that last had
    /// them.
    pub(crate) fn apply(
        &mut self,
        revision: i64,
        events: Vec<Event>,
        keys: &Keys,
    ) -> Vec<(i64, u64)> {
        let mut vanished = Vec::new();
        let mut puts = Vec::new();
        let mut deletes = Vec::new();
        let mut children = Vec::new();
        let mut batch = None;
        for event in events {
            let Some(kv) = event.kv else { continue };
            let deleted = event.kind == 1;
            match keys.parse(&kv.key) {
                Some(Key::Node(path)) if deleted => deletes.push(path),
                Some(Key::Node(path)) => match NodeRecord::decode(kv.value) {
                    Ok(record) => puts.push((path, record)),
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Children(path)) if deleted => children.push((path, None)),
                Some(Key::Children(path)) => match ChildrenRecord::decode(kv.value) {
                    Ok(record) => children.push((path, Some(record))),
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Session(id)) if deleted => {
                    if let Some(session) = self.sessions.remove(&id) {
                        vanished.push((id, session.record.server));
                    }
                }
                Some(Key::Session(id)) => match SessionRecord::decode(kv.value) {
                    Ok(record) => {
                        self.sessions.insert(id, Session { record, revision });
                        self.cut_if_elsewhere(id);
                    }
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Batch) if !deleted => match BatchRecord::decode(kv.value) {
                    Ok(record) => batch = Some(record),
                    Err(error) => unreadable(&kv.key, &error),
                },
                Some(Key::Hold) => self.hold = if deleted { 0 } else { revision },
                Some(Key::Fence | Key::Batch) | None => {}
            }
        }
        // Children before their parents when they go, after them when they come.
        deletes.sort_unstable_by(|a, b| b.cmp(a));
        puts.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for path in &deletes {
            self.tree.delete_node(path);
        }
        for (path, record) in puts {
            self.tree.put_node(&path, record, revision);
        }
        for (path, record) in children {
            match record {
                Some(record) => self.tree.put_children(&path, &record, revision),
                None => self.tree.delete_children(&path),
            }
        }
        self.revision = revision;
        if let Some(batch) = batch {
            self.apply_batch(batch, revision);
        }
        for (id, _) in &vanished {
            self.cut_if_elsewhere(*id);
        }
        vanished
    }

    fn apply_batch(&mut self, batch: BatchRecord, revision: i64) {
        let base = revision << INDEX_BITS;
        self.zxid = base + batch.count;
        self.batch_revision = revision;
        let ours = batch.server == self.server
            && self
                .own
                .as_ref()
                .is_some_and(|own| own.sequence == batch.sequence);
        let done = if ours {
            self.own.take().map(|own| own.done).unwrap_or_default()
        } else {
            Vec::new()
        };
        let mut changes = batch.changes.into_iter().peekable();
        for done in done {
            while let Some(change) = changes.next_if(|change| change.index <= done.index) {
                self.fire(change, base);
            }
            self.finish(done, revision);
        }
        for change in changes {
            self.fire(change, base);
        }
    }

    /// Answers a request whose batch has happened; keeps it if only a part of it is done.
    pub(crate) fn finish(&mut self, done: Done, revision: i64) {
        if done.outcome == Outcome::Again {
            self.again.push(done);
            return;
        }
        let zxid = (revision << INDEX_BITS) + done.index;
        self.reply(done, |response| settle(response, revision), zxid);
    }

    /// Answers a request that changed nothing.
    pub(crate) fn finish_unchanged(&self, done: Done) {
        self.reply(done, |response| settle(response, self.revision), self.zxid);
    }

    fn reply(&self, done: Done, settle: impl FnOnce(Response) -> Response, zxid: i64) {
        let Done {
            work,
            index: _,
            outcome,
        } = done;
        let Some(line) = &work.line else { return };
        match outcome {
            Outcome::Answer(response) => {
                line.answer(work.xid, zxid, ErrorCode::OK, settle(response));
            }
            Outcome::Error(code) => line.answer(work.xid, zxid, code, Response::Empty),
            Outcome::Again => {}
        }
        self.stats.wrote(work.born.elapsed());
        line.wrote();
        debug_assert!(
            matches!(work.act, Act::Client(_)),
            "only clients have lines"
        );
    }

    fn fire(&mut self, change: ChangeRecord, base: i64) {
        let ChangeRecord {
            index,
            kind,
            path,
            acl,
        } = change;
        let zxid = base + index;
        let acl = acl_from_record(acl);
        let kind = match kind {
            1 => EventKind::NodeCreated,
            2 => EventKind::NodeDeleted,
            _ => EventKind::NodeDataChanged,
        };
        let told = self.tell_data(kind, &path, zxid, &acl);
        if kind == EventKind::NodeDeleted {
            self.tell_children(kind, &path, zxid, &acl, &told);
        }
        if kind != EventKind::NodeDataChanged
            && let Some((parent, _)) = parent_and_name(&path)
        {
            let acl = self
                .tree
                .get(parent)
                .and_then(|parent| parent.meta.acl.clone());
            self.tell_children(EventKind::NodeChildrenChanged, parent, zxid, &acl, &[]);
        }
    }

    fn tell_data(
        &mut self,
        kind: EventKind,
        path: &str,
        zxid: i64,
        acl: &SharedAcl,
    ) -> Vec<LineId> {
        let told = self.tables().data.trigger(path);
        self.tell(&told, kind, path, zxid, acl, &[]);
        told
    }

    fn tell_children(
        &mut self,
        kind: EventKind,
        path: &str,
        zxid: i64,
        acl: &SharedAcl,
        except: &[LineId],
    ) {
        let told = self.tables().children.trigger(path);
        self.tell(&told, kind, path, zxid, acl, except);
    }

    fn tell(
        &self,
        told: &[LineId],
        kind: EventKind,
        path: &str,
        zxid: i64,
        acl: &SharedAcl,
        except: &[LineId],
    ) {
        if told.is_empty() {
            return;
        }
        // Encoded once, however many watch.
        let frame = event_frame(kind, path, zxid);
        for id in told {
            if except.contains(id) {
                continue;
            }
            if let Some(line) = self.lines.get(id)
                && access::check(acl, Perms::READ, &line.identities()).is_ok()
            {
                line.send(frame.clone());
            }
        }
    }

    /// Ends connections that had a session which is now elsewhere or nowhere.
    fn cut_if_elsewhere(&self, session: i64) {
        let there = self
            .sessions
            .get(&session)
            .map_or(0, |there| there.revision);
        for line in self.lines.values() {
            // A connection that is just taking the session over has a later claim.
            if line.session == session && (line.claim < there || there == 0) {
                line.cut.cancel();
            }
        }
    }

    /// Who watches what. For reads, which set watches while they hold the mirror still.
    pub(crate) fn watches(&self) -> MutexGuard<'_, Tables> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables(&mut self) -> &mut Tables {
        self.watches
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection is gone.
    pub(crate) fn remove_line(&mut self, id: LineId) {
        self.lines.remove(&id);
        let mut tables = self.watches();
        tables.data.remove_line(id);
        tables.children.remove_line(id);
    }
}

/// The frame that tells of an event.
pub(crate) fn event_frame(kind: EventKind, path: &str, zxid: i64) -> Bytes {
    framed(&Reply::Event(
        ReplyHeader {
            xid: xid::EVENT,
            zxid,
            error: ErrorCode::OK,
        },
        WatchEvent {
            kind,
            state: WatchEvent::CONNECTED,
            path: path.to_owned(),
        },
    ))
}

fn unreadable(key: &[u8], error: &prost::DecodeError) {
    tracing::error!(key = %String::from_utf8_lossy(key), %error, "a key in etcd cannot be read; it is left out");
}
