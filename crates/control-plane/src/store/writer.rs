//! Writing: each change is checked against the state, made durable, and then shown to readers.
//!
//! On disk, one thread does it: what is queued meanwhile shares the next fsync. In memory, the caller does it.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::disk::Disk;
use super::{Change, CommitError, Event, Expect, Key, Record, State, read};

/// How many queued writes share one fsync.
const GROUP_LIMIT: usize = 256;

struct Job {
    key: Key,
    expect: Expect,
    change: Change,
    reply: oneshot::Sender<Result<Record, CommitError>>,
}

pub(super) struct Writer {
    way: Way,
}

enum Way {
    Memory {
        turn: Mutex<()>,
        state: Arc<RwLock<State>>,
        latest: watch::Sender<u64>,
    },
    Disk(Mutex<Option<DiskWriter>>),
}

struct DiskWriter {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(super) fn in_memory(state: &Arc<RwLock<State>>, latest: &watch::Sender<u64>) -> Self {
        let way = Way::Memory {
            turn: Mutex::new(()),
            state: Arc::clone(state),
            latest: latest.clone(),
        };
        Self { way }
    }

    pub(super) fn on_disk(
        mut disk: Disk,
        state: &Arc<RwLock<State>>,
        latest: &watch::Sender<u64>,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (state, latest) = (Arc::clone(state), latest.clone());
        let thread = std::thread::Builder::new()
            .name("klamm-store".to_owned())
            .spawn(move || {
                while let Ok(first) = queue.recv() {
                    let mut batch = VecDeque::from([first]);
                    batch.extend(queue.try_iter().take(GROUP_LIMIT - 1));
                    commit_batch(batch, &state, Some(&mut disk), &latest);
                }
                let revision = read(&state).revision;
                disk.close(revision);
            })?;
        Ok(Self {
            way: Way::Disk(Mutex::new(Some(DiskWriter { jobs, thread }))),
        })
    }

    /// Carry out one change; returns once it is safe.
    pub(super) async fn commit(
        &self,
        key: Key,
        expect: Expect,
        change: Change,
    ) -> Result<Record, CommitError> {
        let closed = || CommitError::Disk("the store is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key,
            expect,
            change,
            reply,
        };
        match &self.way {
            Way::Memory {
                turn,
                state,
                latest,
            } => {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                commit_batch(VecDeque::from([job]), state, None, latest);
            }
            Way::Disk(writer) => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer
                    .as_ref()
                    .ok_or_else(closed)?
                    .jobs
                    .send(job)
                    .map_err(|_| closed())?;
            }
        }
        answer.await.map_err(|_| closed())?
    }

    /// Waits until the last commit is on disk and the file is free again; nothing can be written afterwards.
    pub(super) fn close(&self) {
        let Way::Disk(writer) = &self.way else { return };
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
