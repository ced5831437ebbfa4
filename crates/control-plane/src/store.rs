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

pub(crate) use history::Event;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use disk::Disk;
use history::History;

/// Kinds whose writes are not waited for on disk: lost, they are written again within seconds, or are only told.
const RELAXED: [&str; 3] = [
    "/events/",
    "events.k8s.io/events/",
    "coordination.k8s.io/leases/",
];

/// How many queued writes share one fsync.
const GROUP_LIMIT: usize = 256;

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

struct Job {
    key: Key,
    expect: Expect,
    change: Change,
    reply: oneshot::Sender<Result<Record, CommitError>>,
}

enum Writer {
    Memory(Mutex<()>),
    Disk(Mutex<Option<DiskWriter>>),
}

struct DiskWriter {
    jobs: std::sync::mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Waits until the last commit is on disk and the file is free again; nothing can be written afterwards.
    fn close(&self) {
        let Self::Disk(writer) = self else { return };
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(DiskWriter { jobs, thread }) = writer else {
            return;
        };
        drop(jobs);
        if thread.join().is_err() {
            tracing::error!("the store's writer has panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
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
        let state = State {
            objects: BTreeMap::new(),
            history: History::starting_at(1, history_bytes),
            revision: 1,
        };
        let inner = Inner {
            state: Arc::new(RwLock::new(state)),
            writer: Writer::Memory(Mutex::new(())),
            latest: watch::Sender::new(1),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Open or create the store in `file`.
    pub(crate) fn open(file: &Path, history_bytes: usize) -> Result<Self, OpenStoreError> {
        let (mut disk, objects, revision) = Disk::open(file)?;
        let state = Arc::new(RwLock::new(State {
            objects,
            history: History::starting_at(revision, history_bytes),
            revision,
        }));
        let latest = watch::Sender::new(revision);
        let (jobs, queue) = std::sync::mpsc::channel::<Job>();
        let (shared, told) = (Arc::clone(&state), latest.clone());
        let thread = std::thread::Builder::new()
            .name("klamm-store".to_owned())
            .spawn(move || {
                while let Ok(first) = queue.recv() {
                    let mut batch = VecDeque::from([first]);
                    batch.extend(queue.try_iter().take(GROUP_LIMIT - 1));
                    commit_batch(batch, &shared, Some(&mut disk), &told);
                }
                let revision = read(&shared).revision;
                disk.close(revision);
            })
            .map_err(|e| OpenStoreError::Open {
                path: file.display().to_string(),
                source: Box::new(e),
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                state,
                writer: Writer::Disk(Mutex::new(Some(DiskWriter { jobs, thread }))),
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
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key,
            expect,
            change,
            reply,
        };
        match &self.inner.writer {
            Writer::Memory(turn) => {
                let _turn: MutexGuard<'_, ()> = turn.lock().unwrap_or_else(PoisonError::into_inner);
                commit_batch(
                    VecDeque::from([job]),
                    &self.inner.state,
                    None,
                    &self.inner.latest,
                );
            }
            Writer::Disk(writer) => {
                let closed = || CommitError::Disk("the store is closed".to_owned());
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer
                    .as_ref()
                    .ok_or_else(closed)?
                    .jobs
                    .send(job)
                    .map_err(|_| closed())?;
            }
        }
        answer
            .await
            .map_err(|_| CommitError::Disk("the store is closed".to_owned()))?
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

/// Checks each job against the state as left by the jobs before it, writes all to disk at once, then shows them.
fn commit_batch(
    batch: VecDeque<Job>,
    shared: &RwLock<State>,
    disk: Option<&mut Disk>,
    latest: &watch::Sender<u64>,
) {
    let mut staged: Vec<Event> = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    {
        let state = read(shared);
        let mut revision = state.revision;
        for Job {
            key,
            expect,
            change,
            reply,
        } in batch
        {
            let current = match staged.iter().rev().find(|event| event.key == key) {
                Some(event) => event.new.clone(),
                None => state.objects.get(&key).cloned(),
            };
            match stage(key, expect, change, current, revision + 1) {
                Ok(event) => {
                    revision += 1;
                    replies.push((reply, event.last().clone()));
                    staged.push(event);
                }
                Err(error) => drop(reply.send(Err(error))),
            }
        }
    }
    if staged.is_empty() {
        return;
    }
    if let Some(disk) = disk
        && let Err(error) = disk.write(&staged)
    {
        tracing::error!(%error, "the store cannot write to disk");
        for (reply, _) in replies {
            drop(reply.send(Err(CommitError::Disk(error.to_string()))));
        }
        return;
    }
    let revision = {
        let mut state = shared.write().unwrap_or_else(PoisonError::into_inner);
        for event in staged {
            state.revision = event.revision;
            match &event.new {
                Some(record) => drop(state.objects.insert(event.key.clone(), record.clone())),
                None => drop(state.objects.remove(&event.key)),
            }
            state.history.push(event);
        }
        state.revision
    };
    latest.send_replace(revision);
    for (reply, record) in replies {
        drop(reply.send(Ok(record)));
    }
}

fn stage(
    key: Key,
    expect: Expect,
    change: Change,
    current: Option<Record>,
    revision: u64,
) -> Result<Event, CommitError> {
    match (expect, &current) {
        (Expect::Absent, Some(_)) => return Err(CommitError::Exists),
        (Expect::At(_), None) => return Err(CommitError::Changed),
        (Expect::At(expected), Some(record)) if record.revision != expected => {
            return Err(CommitError::Changed);
        }
        (Expect::Absent, None) | (Expect::At(_), Some(_)) => {}
    }
    let (mut object, removed) = match change {
        Change::Put(object) => (object, false),
        Change::Remove(object) => (object, true),
    };
    object["metadata"]["resourceVersion"] = Value::String(revision.to_string());
    let json = to_json(object).map_err(|e| CommitError::Disk(e.to_string()))?;
    let record = Record {
        revision,
        json: Bytes::from(json),
    };
    Ok(if removed {
        Event {
            revision,
            key,
            old: current,
            new: None,
            gone: Some(record),
        }
    } else {
        Event {
            revision,
            key,
            old: current,
            new: Some(record),
            gone: None,
        }
    })
}

/// JSON that begins with `apiVersion` and `kind`, so that lists can leave them out without reading the rest.
fn to_json(mut object: Value) -> Result<Vec<u8>, serde_json::Error> {
    let types = object
        .as_object_mut()
        .and_then(|map| Some((map.remove("apiVersion")?, map.remove("kind")?)));
    let Some((api_version, kind)) = types else {
        return serde_json::to_vec(&object);
    };
    let mut json = format!("{{\"apiVersion\":{api_version},\"kind\":{kind},").into_bytes();
    let start = json.len();
    serde_json::to_writer(&mut json, &object)?;
    // The second brace opens what the first has opened.
    json.remove(start);
    Ok(json)
}

#[cfg(test)]
mod tests;
