//! What Kafka's TLS listeners serve, against what stands in the files that it was given.
//!
//! A certificate that is served is seen by dialling the listener; that a listener read its trusted certificates again is
//! told by Kafka's state log. Files that changed are not served before the operator tells Kafka to reload.
//! Invariants: nothing is dialled while all is as it should be; nothing is said of a listener that did not answer.
//! The files and the listeners themselves are looked at by other processes (see [`crate::task`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::health::Shared;
use crate::task::{self, Task};
use files::{Given, Own};

pub(crate) mod dial;
pub(crate) mod files;

/// Pauses between rounds of dialling while a listener serves something else than it should.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is known of the listeners.
#[derive(Debug)]
pub(crate) struct Served {
    /// What stands in the files.
    pub(crate) given: Given,
    /// Hash of the certificate that each listener served when it was last dialled.
    pub(crate) certificates: BTreeMap<String, String>,
    /// Hash of the trusted certificates that Kafka read, by listener.
    trusted: BTreeMap<String, String>,
    /// The certificate that Kafka started with.
    started_with: Option<Own>,
    /// The reload that was taken in last, in milliseconds of Unix time.
    seen_read: Option<i64>,
    due: Instant,
    pause: Duration,
    dialling: bool,
}

impl Default for Served {
    fn default() -> Self {
        Self::at_start(Given::default())
    }
}

impl Served {
    /// For a JVM that is about to start: it reads the files as they are now.
    pub(crate) fn at_start(given: Given) -> Self {
        let trusted = given.trusted.iter();
        Self {
            trusted: trusted
                .map(|(listener, file)| (listener.clone(), file.hash.clone()))
                .collect(),
            started_with: given.own.clone(),
            given,
            certificates: BTreeMap::new(),
            seen_read: None,
            due: Instant::now(),
            pause: FIRST_PAUSE,
            dialling: false,
        }
    }

    /// Listeners whose trusted certificates changed since Kafka read them.
    pub(crate) fn stale_trust(&self) -> BTreeSet<String> {
        let given = self.given.trusted.iter();
        let stale =
            given.filter(|(listener, file)| self.trusted.get(*listener) != Some(&file.hash));
        stale.map(|(listener, _)| listener.clone()).collect()
    }

    /// When the certificate ends that Kafka started with, where another one is assembled by now.
    pub(crate) fn started_certificate_ends(&self) -> Option<jiff::Timestamp> {
        let (started, now) = (self.started_with.as_ref()?, self.given.own.as_ref()?);
        (now.hash != started.hash).then(|| jiff::Timestamp::from_second(started.ends).ok())?
    }

    /// Files changed: what is served will differ.
    pub(crate) fn expect_change(&mut self) {
        self.pause = FIRST_PAUSE;
        self.due = Instant::now();
    }

    /// Takes in that a listener read its files at this time; files written later than that were not read.
    fn take_read(&mut self, read: Option<i64>) {
        let Some(at) = read.filter(|_| read != self.seen_read) else {
            return;
        };
        self.seen_read = read;
        for (listener, file) in &self.given.trusted {
            if file.written <= at {
                self.trusted.insert(listener.clone(), file.hash.clone());
            }
        }
        self.expect_change();
    }

    fn is_due(&self) -> bool {
        !self.dialling && Instant::now() >= self.due && self.certificates != self.given.certificates
    }
}

/// Dials the listeners if that could tell something new; returns at once.
pub(crate) fn look(shared: &Arc<Shared>) {
    {
        let mut live = shared.live();
        let (up, read) = (live.state.started, live.state.certificates_read);
        live.served.take_read(read);
        if !up || !live.served.is_due() {
            return;
        }
        live.served.dialling = true;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let found = task::run(&Task::Look, &shared.config, |_| {}).await;
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(
                error = crate::chain(&error),
                "what the listeners serve cannot be seen"
            );
            None
        });
        let mut live = shared.live();
        let served = &mut live.served;
        // What was seen last counts until something else is.
        if let Some(found) = found {
            served.certificates = found;
        }
        served.dialling = false;
        served.due = Instant::now() + served.pause;
        served.pause = (served.pause * 2).min(LONGEST_PAUSE);
    });
}

#[cfg(test)]
mod tests;
