//! What changed lately: for watches that go on where they stopped, and lists as of a moment ago.
//!
//! Bounded by bytes; the oldest is forgotten first. Events share their JSON with the map, so what counts is what
//! the map no longer holds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Key, PastError, Record};

/// One commit.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its revision.
    pub(crate) revision: u64,
    /// Of which object.
    pub(crate) key: Key,
    /// The object before, if there was one.
    pub(crate) old: Option<Record>,
    /// The object after, unless it was removed.
    pub(crate) new: Option<Record>,
    /// The last state of a removed object, at the revision of its removal.
    pub(crate) gone: Option<Record>,
}

impl Event {
    /// The object after, or its last state.
    pub(crate) fn last(&self) -> &Record {
        self.new
            .as_ref()
            .or(self.gone.as_ref())
            .expect("an event has a new or a last state")
    }

    fn size(&self) -> usize {
        self.last().json.len() + self.key.as_str().len() + size_of::<Self>()
    }
}

pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    /// Everything after this revision is known.
    floor: u64,
    newest: u64,
    bytes: usize,
    limit: usize,
}

impl History {
    pub(super) fn starting_at(revision: u64, limit: usize) -> Self {
        Self {
            events: VecDeque::new(),
            floor: revision,
            newest: revision,
            bytes: 0,
            limit,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.bytes += event.size();
        self.newest = event.revision;
        self.events.push_back(Arc::new(event));
        while self.bytes > self.limit
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= oldest.size();
            self.floor = oldest.revision;
        }
    }

    pub(super) fn after(&self, revision: u64, prefix: &str) -> Result<Vec<Arc<Event>>, PastError> {
        self.check(revision)?;
        let start = self
            .events
            .partition_point(|event| event.revision <= revision);
        Ok(self
            .events
            .range(start..)
            .filter(|event| event.key.as_str().starts_with(prefix))
            .cloned()
            .collect())
    }

    /// What the keys that changed since were at `revision`.
    pub(super) fn undo_to(
        &self,
        revision: u64,
        prefix: &str,
    ) -> Result<BTreeMap<Key, Option<Record>>, PastError> {
        let mut past = BTreeMap::new();
        for event in self.after(revision, prefix)? {
            past.entry(event.key.clone())
                .or_insert_with(|| event.old.clone());
        }
        Ok(past)
    }

    fn check(&self, revision: u64) -> Result<(), PastError> {
        if revision < self.floor {
            return Err(PastError::Expired(self.floor));
        }
        if revision > self.newest {
            return Err(PastError::Future(self.newest));
        }
        Ok(())
    }
}
