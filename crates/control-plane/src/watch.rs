//! Watches: what is there, then what changes, one JSON line each, until the client or the clock ends it.
//!
//! Reads the store's history. Invariants: no change is skipped (who falls behind the history is told `Expired` and
//! lists again); a bookmark is never ahead of what was sent. Not here: which formats there are ([`crate::answer`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Shape};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::metadata;
use crate::resource::Resource;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::{Event, Key, PastError, Range, Record, Store};
use crate::table;

/// How often an idle watcher that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(30);
/// How long a watch lasts if the client does not say; then clients reconnect by themselves.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);

/// Which objects a list or watch is about.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// What their keys begin with.
    pub(crate) prefix: String,
    /// Only this name.
    pub(crate) name: Option<String>,
    /// Only with these labels.
    pub(crate) labels: LabelSelector,
    /// Only with these fields.
    pub(crate) fields: FieldSelector,
}

impl Filter {
    /// Whether an object is among them.
    pub(crate) fn accepts(&self, resource: &Resource, key: &Key, record: &Record) -> bool {
        if self
            .name
            .as_deref()
            .is_some_and(|name| key.parts().3 != name)
        {
            return false;
        }
        if self.labels.is_empty() && self.fields.is_empty() {
            return true;
        }
        if self.fields.needs_only_metadata() {
            return metadata::outline(&record.json).is_some_and(|object| {
                self.labels.accepts_object(&object) && self.fields.accepts(&object)
            });
        }
        let Ok(object) = answer::at_version(resource, record) else {
            return false;
        };
        self.labels.accepts_object(&object) && self.fields.accepts(&object)
    }

    /// Whether only some objects of the prefix are meant.
    pub(crate) fn is_selective(&self) -> bool {
        self.name.is_some() || !self.labels.is_empty() || !self.fields.is_empty()
    }
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With all that is there, as additions.
    State,
    /// With all that is there, and a bookmark that says so.
    InitialEvents,
    /// Behind this revision.
    After(u64),
}

/// What a watcher asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) resource: Arc<Resource>,
    pub(crate) shape: Shape,
    pub(crate) filter: Filter,
    pub(crate) start: Start,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<Duration>,
}

/// The lines of a watch.
pub(crate) fn lines(
    store: Store,
    wish: Wish,
    clock: Clock,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static {
    let mut watcher = Watcher::new(store, wish, clock, stop);
    watcher.begin();
    futures::stream::unfold(watcher, |mut watcher| async move {
        let line = watcher.next().await?;
        Some((Ok(line), watcher))
    })
}

struct Watcher {
    store: Store,
    wish: Wish,
    clock: Clock,
    stop: CancellationToken,
    changed: tokio::sync::watch::Receiver<u64>,
    cursor: u64,
    pending: VecDeque<Bytes>,
    ended: bool,
    bookmarks: tokio::time::Interval,
    deadline: Instant,
    told_columns: bool,
}

impl Watcher {
    fn new(store: Store, wish: Wish, clock: Clock, stop: CancellationToken) -> Self {
        let changed = store.subscribe();
        let start = Instant::now() + BOOKMARK_EVERY;
        let mut bookmarks = tokio::time::interval_at(start, BOOKMARK_EVERY);
        bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = Instant::now() + wish.timeout.unwrap_or(DEFAULT_TIMEOUT);
        Self {
            store,
            wish,
            clock,
            stop,
            changed,
            cursor: 0,
            pending: VecDeque::new(),
            ended: false,
            bookmarks,
            deadline,
            told_columns: false,
        }
    }

    fn begin(&mut self) {
        if let Start::After(revision) = self.wish.start {
            self.cursor = revision;
            return;
        }
        let filter = self.wish.filter.clone();
        let resource = Arc::clone(&self.wish.resource);
        let range = Range {
            prefix: &filter.prefix,
            ..Range::default()
        };
        let page = self
            .store
            .list(range, |key, record| filter.accepts(&resource, key, record))
            .unwrap_or_default();
        self.cursor = page.revision;
        for (_, record) in &page.items {
            self.tell("ADDED", record);
        }
        if self.wish.start == Start::InitialEvents {
            self.bookmark(true);
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.ended || self.stop.is_cancelled() {
                return None;
            }
            self.changed.mark_unchanged();
            self.catch_up();
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => if changed.is_err() { return None },
                () = tokio::time::sleep_until(self.deadline) => {
                    self.ended = true;
                    if self.wish.bookmarks {
                        self.bookmark(false);
                    }
                }
                () = self.stop.cancelled() => return None,
                _ = self.bookmarks.tick() => if self.wish.bookmarks { self.bookmark(false) },
            }
        }
    }

    fn catch_up(&mut self) {
        match self
            .store
            .events_after(self.cursor, &self.wish.filter.prefix)
        {
            Ok((events, upto)) => {
                self.cursor = upto;
                for event in events {
                    self.tell_event(&event);
                }
            }
            Err(PastError::Expired(floor)) => {
                let message = format!("too old resource version: {} ({floor})", self.cursor);
                self.fail(&Failure::expired(message));
            }
            Err(PastError::Future(newest)) => {
                let message = format!("resource version {} is ahead of {newest}", self.cursor);
                self.fail(&Failure::expired(message));
            }
        }
    }

    fn tell_event(&mut self, event: &Event) {
        let Wish {
            filter, resource, ..
        } = &self.wish;
        let accepts = |record: &Option<Record>| {
            record
                .as_ref()
                .filter(|r| filter.accepts(resource, &event.key, r))
                .cloned()
        };
        let (was, is) = (accepts(&event.old), accepts(&event.new));
        match (was, is) {
            (None, Some(new)) => self.tell("ADDED", &new),
            (Some(_), Some(new)) => self.tell("MODIFIED", &new),
            (Some(old), None) => {
                let last = event
                    .gone
                    .clone()
                    .unwrap_or_else(|| at_revision(&old, event.revision));
                self.tell("DELETED", &last);
            }
            (None, None) => {}
        }
    }

    fn tell(&mut self, kind: &str, record: &Record) {
        let Wish {
            resource, shape, ..
        } = &self.wish;
        let told = match shape {
            Shape::Table(rows) => answer::at_version(resource, record).map(|object| {
                let columns = !std::mem::replace(&mut self.told_columns, true);
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let table = table::render(
                    resource,
                    vec![object],
                    *rows,
                    &metadata,
                    columns,
                    self.clock.now(),
                );
                Bytes::from(table.to_string())
            }),
            Shape::Whole | Shape::Metadata => {
                answer::object(resource, *shape, record, self.clock.now())
            }
        };
        match told {
            Ok(object) => self.pending.push_back(answer::event(kind, &object)),
            Err(failure) => self.fail(&failure),
        }
    }

    fn bookmark(&mut self, initial: bool) {
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let Wish {
            resource, shape, ..
        } = &self.wish;
        let object = match shape {
            Shape::Whole => {
                json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata})
            }
            Shape::Metadata => answer::metadata_only(json!({"metadata": metadata})),
            Shape::Table(_) => {
                let list = json!({"resourceVersion": self.cursor.to_string()});
                let mut table = table::empty(&list);
                table["rows"] = json!([{"cells": [], "object": answer::metadata_only(json!({"metadata": metadata}))}]);
                table
            }
        };
        self.pending
            .push_back(answer::event("BOOKMARK", object.to_string().as_bytes()));
    }

    fn fail(&mut self, failure: &Failure) {
        self.ended = true;
        self.pending.push_back(answer::event(
            "ERROR",
            failure.status().to_string().as_bytes(),
        ));
    }
}

/// An object that left a selection, at the revision at which it did.
fn at_revision(record: &Record, revision: u64) -> Record {
    let Ok(mut object) = serde_json::from_slice::<Value>(&record.json) else {
        return record.clone();
    };
    object["metadata"]["resourceVersion"] = revision.to_string().into();
    Record {
        revision,
        json: Bytes::from(object.to_string()),
    }
}
