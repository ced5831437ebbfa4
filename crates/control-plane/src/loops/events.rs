//! Old events: told long enough ago, they go.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Concern, objects};
use crate::failure::Failure;
use crate::server::Server;
use crate::store::{Change, CommitError, Event, Expect, Key};

/// How often old events are looked for.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// When to look next.
pub(super) struct OldEvents {
    next: tokio::time::Instant,
}

impl Concern for OldEvents {
    const NAME: &'static str = "old events";

    fn begin(_server: &Server) -> Self {
        Self {
            next: tokio::time::Instant::now(),
        }
    }

    fn note(&mut self, _event: &Event) {}

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        let now = tokio::time::Instant::now();
        if now < self.next {
            return Ok(Some(self.next - now));
        }
        self.next = now + LOOK_EVERY;
        for (key, event) in objects(server, &Key::prefix("", "events", None)) {
            let age = last_told(&event).map(|told| server.clock.now().duration_since(told));
            if !age.is_some_and(|age| {
                age.is_positive() && age.unsigned_abs() > server.settings.event_ttl
            }) {
                continue;
            }
            let Some(revision) = crate::metadata::revision(&event) else {
                continue;
            };
            match server
                .commit(key, Expect::At(revision), Change::Remove(event))
                .await
            {
                Ok(_) | Err(CommitError::Exists | CommitError::Changed) => {}
                Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
            }
        }
        Ok(Some(LOOK_EVERY))
    }
}

fn last_told(event: &Value) -> Option<Timestamp> {
    let times = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ];
    times
        .iter()
        .filter_map(|time| time.as_str()?.parse().ok())
        .max()
}
