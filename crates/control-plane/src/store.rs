//! The objects: one map in memory, a log of what changed, and a file that survives a kill.
//!
//! Reads: its own file. Objects are kept as the JSON that is served, never as trees, so that memory follows their size.
//!
//! Invariants: every commit gets its own revision and revisions only grow, over restarts too. A reader sees a commit
//! only once it is on disk (kinds in [`RELAXED`] excepted: heartbeats and events may be lost by a kill, their
//! revisions are not used again). A list at a revision is the list as it was then, or `Expired`.
//!
//! Not here: what an object means; HTTP; watches as streams ([`crate::watch`]).

mod disk;
mod history;
mod writer;

pub(crate) use history::Event;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use disk::Disk;
use history::History;
use writer::Writer;

/// Kinds whose writes are not waited for on disk: lost, they are written again within seconds, or are only told.
const RELAXED: [&str; 3] = [
    "/events/",
    "events.k8s.io/events/",
    "coordination.k8s.io/leases/",
];

/// Where an object is: `group/plural/namespace/name`; the core group and cluster scope are empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Box<str>);

impl Key {
    /// The key of one object.
    pub(crate) fn new(group: &str, plural: &str, namespace: &str, name: &str) -> Self {
        Self(format!("{group}/{plural}/{namespace}/{name}").into_boxed_str())
    }

    /// What all keys of a resource begin with; with a namespace, all keys in it.
    pub(crate) fn prefix(group: &str, plural: &str, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => format!("{group}/{plural}/{namespace}/"),
            None => format!("{group}/{plural}/"),
        }
    }

    /// The key as text, for continue tokens.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// `(group, plural, namespace, name)`.
    pub(crate) fn parts(&self) -> (&str, &str, &str, &str) {
        let mut parts = self.0.splitn(4, '/');
        let mut next = || parts.next().unwrap_or_default();
        (next(), next(), next(), next())
    }

    fn relaxed(&self) -> bool {
        RELAXED.iter().any(|prefix| self.0.starts_with(prefix))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One object as stored.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its resourceVersion.
    pub(crate) revision: u64,
    /// Its JSON, resourceVersion included.
    pub(crate) json: Bytes,
}

/// What a writer believes the object to be at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// There is none.
    Absent,
    /// It has this revision.
    At(u64),
}

/// What to do to an object.
#[derive(Debug)]
pub(crate) enum Change {
    /// Store this; the revision is filled in.
    Put(Value),
    /// Remove it; this is its last state, told to watchers.
    Remove(Value),
}

/// Why a commit was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// Expected none, there is one.
    #[error("the object exists already")]
    Exists,
    /// Expected a revision, it is another or there is none.
    #[error("the object has changed")]
    Changed,
    /// The disk refused; nothing was changed.
    #[error("cannot write the object to disk: {0}")]
    Disk(String),
}

/// Why a past state cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PastError {
    /// Older than what is kept; the oldest revision that still can be told.
    Expired(u64),
    /// Newer than the newest, which is this.
    Future(u64),
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The file cannot be created, opened or locked.
    #[error("cannot open the store {path}")]
    Open {
        /// The file.
        path: String,
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file cannot be read.
    #[error("cannot read the store {path}")]
    Read {
        /// The file.
        path: String,
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One page of a list.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The objects, in the order of their keys.
    pub(crate) items: Vec<(Key, Record)>,
    /// The revision this is the state of.
    pub(crate) revision: u64,
    /// The last key looked at, if there is more behind it.
    pub(crate) more_after: Option<Key>,
    /// How many objects lie behind it.
    pub(crate) remaining: usize,
}

/// Which page of which list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Range<'a> {
    /// What the keys begin with.
    pub(crate) prefix: &'a str,
    /// Only keys behind this one.
    pub(crate) after: Option<&'a str>,
    /// At most so many objects; 0 is all.
    pub(crate) limit: usize,
    /// As of this revision, not as of now.
    pub(crate) at: Option<u64>,
}

struct State {
    objects: BTreeMap<Key, Record>,
    history: History,
    revision: u64,
}

impl State {
    fn new(objects: BTreeMap<Key, Record>, revision: u64, history_bytes: usize) -> Self {
        Self {
            objects,
            history: History::starting_at(revision, history_bytes),
            revision,
        }
    }
}

/// The store; clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    state: Arc<RwLock<State>>,
    writer: Writer,
    latest: watch::Sender<u64>,
}

impl Store {
    /// A store that forgets everything when it is dropped.
    pub(crate) fn in_memory(history_bytes: usize) -> Self {
        let latest = watch::Sender::new(1);
        let state = Arc::new(RwLock::new(State::new(BTreeMap::new(), 1, history_bytes)));
        let writer = Writer::in_memory(&state, &latest);
        Self {
            inner: Arc::new(Inner {
                state,
                writer,
                latest,
            }),
        }
    }

    /// Open or create the store in `file`.
    pub(crate) fn open(file: &Path, history_bytes: usize) -> Result<Self, OpenStoreError> {
        let (disk, objects, revision) = Disk::open(file)?;
        let latest = watch::Sender::new(revision);
        let state = Arc::new(RwLock::new(State::new(objects, revision, history_bytes)));
        let writer = Writer::on_disk(disk, &state, &latest).map_err(|e| OpenStoreError::Open {
            path: file.display().to_string(),
            source: Box::new(e),
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                state,
                writer,
                latest,
            }),
        })
    }

    /// Carry out one change if the object is as expected; returns once it is safe.
    pub(crate) async fn commit(
        &self,
        key: Key,
        expect: Expect,
        change: Change,
    ) -> Result<Record, CommitError> {
        self.inner.writer.commit(key, expect, change).await
    }

    /// Waits until everything is on disk and lets go of the file; what is in memory can still be read.
    pub(crate) async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        if tokio::task::spawn_blocking(move || inner.writer.close())
            .await
            .is_err()
        {
            tracing::error!("the store could not be closed");
        }
    }

    /// One object as it is now.
    pub(crate) fn get(&self, key: &Key) -> Option<Record> {
        read(&self.inner.state).objects.get(key).cloned()
    }

    /// The newest revision.
    pub(crate) fn revision(&self) -> u64 {
        read(&self.inner.state).revision
    }

    /// A page of the objects that `wanted` accepts.
    pub(crate) fn list(
        &self,
        range: Range<'_>,
        mut wanted: impl FnMut(&Key, &Record) -> bool,
    ) -> Result<Page, PastError> {
        let state = read(&self.inner.state);
        let mut page = Page {
            revision: range.at.unwrap_or(state.revision),
            ..Page::default()
        };
        let past = match range.at {
            Some(at) if at != state.revision => state.history.undo_to(at, range.prefix)?,
            _ => BTreeMap::new(),
        };
        let start = match range.after {
            Some(after) => Bound::Excluded(Key(after.into())),
            None => Bound::Included(Key(range.prefix.into())),
        };
        let present = state
            .objects
            .range((start.clone(), Bound::Unbounded))
            .take_while(|(key, _)| key.0.starts_with(range.prefix))
            .filter(|(key, _)| !past.contains_key(*key));
        let changed = past
            .range((start, Bound::Unbounded))
            .filter_map(|(key, record)| record.as_ref().map(|record| (key, record)));
        let mut last: Option<Key> = None;
        for (key, record) in merge_sorted(present, changed) {
            if range.limit > 0 && page.items.len() == range.limit {
                page.remaining += 1;
                page.more_after.clone_from(&last);
                continue;
            }
            last = Some(key.clone());
            if wanted(key, record) {
                page.items.push((key.clone(), record.clone()));
            }
        }
        Ok(page)
    }

    /// Everything that happened after `revision` to keys with this prefix, and up to which revision that is all.
    pub(crate) fn events_after(
        &self,
        revision: u64,
        prefix: &str,
    ) -> Result<(Vec<Arc<Event>>, u64), PastError> {
        let state = read(&self.inner.state);
        Ok((state.history.after(revision, prefix)?, state.revision))
    }

    /// Told whenever the revision grows.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.latest.subscribe()
    }
}

fn read(state: &RwLock<State>) -> RwLockReadGuard<'_, State> {
    state.read().unwrap_or_else(PoisonError::into_inner)
}

fn merge_sorted<'a>(
    left: impl Iterator<Item = (&'a Key, &'a Record)>,
    right: impl Iterator<Item = (&'a Key, &'a Record)>,
) -> impl Iterator<Item = (&'a Key, &'a Record)> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some((l, _)), Some((r, _))) if r < l => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}

#[cfg(test)]
mod tests;
