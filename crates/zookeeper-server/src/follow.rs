//! Follows etcd: reads everything once, then applies what one watch tells, for ever.
//!
//! When the watch ends it is set again from where it was; when etcd has compacted that away, everything is read once more.

use std::sync::Arc;
use std::time::Duration;

use crate::etcd::{Etcd, EtcdError, Event, KeyValue, RangeRequest};
use crate::evaluate::Act;
use crate::expire;
use crate::keys::Keys;
use crate::shared::Shared;
use crate::stats::count;

/// Keys of one page.
const PAGE: i64 = 500;
/// How long to wait before the watch is set again.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Never returns, but when the server stops.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let mut loaded = false;
    let mut pause = PAUSE;
    let mut told = String::new();
    while !shared.stop.is_cancelled() {
        if !loaded {
            match load(&shared).await {
                Ok(()) => {
                    loaded = true;
                    pause = PAUSE;
                    told.clear();
                    count(&shared.stats.reloads);
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != told {
                        tracing::warn!(error, "the tree cannot be read from etcd");
                        told = error;
                    }
                    shared.etcd.turn();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            }
        }
        match watch(&shared).await {
            Ended::Compacted => {
                tracing::info!(
                    "etcd has compacted what was not yet seen; everything is read again"
                );
                loaded = false;
            }
            Ended::Renewed | Ended::Stopped => {}
            Ended::Lost(why) => {
                // While etcd is away it fails in the same way each time.
                if why != told {
                    tracing::info!(why, "the watch ended; it is set again");
                    told = why;
                }
                shared.etcd.turn();
                count(&shared.stats.watch_restarts);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn load(shared: &Shared) -> Result<(), EtcdError> {
    let (kvs, revision) = read_all(&shared.etcd, &shared.keys).await?;
    let mut mirror = shared.write();
    let keys = kvs.len();
    mirror.load(kvs, revision, &shared.keys);
    drop(mirror);
    tracing::info!(keys, revision, "the tree was read from etcd");
    shared.reached(revision);
    Ok(())
}

async fn read_all(etcd: &Etcd, keys: &Keys) -> Result<(Vec<KeyValue>, i64), EtcdError> {
    let (mut from, to) = keys.all();
    let mut all = Vec::new();
    let mut revision = 0;
    loop {
        let page = etcd
            .range(RangeRequest {
                key: from,
                range_end: to.clone(),
                limit: PAGE,
                revision,
                keys_only: false,
            })
            .await?;
        if revision == 0 {
            revision = page.header.map_or(0, |header| header.revision);
        }
        let last = page.kvs.last().map(|kv| kv.key.to_vec());
        all.extend(page.kvs);
        match last {
            Some(mut last) if page.more => {
                last.push(0);
                from = last;
            }
            _ => return Ok((all, revision)),
        }
    }
}

enum Ended {
    Compacted,
    /// There are other certificates, or another user.
    Renewed,
    Stopped,
    Lost(String),
}

async fn watch(shared: &Arc<Shared>) -> Ended {
    let (from, to) = shared.keys.all();
    let start = shared.read().revision + 1;
    let renewed = shared.etcd.renewed();
    tokio::pin!(renewed);
    let mut stream = match shared.etcd.watch(from, to, start).await {
        Ok(stream) => stream,
        Err(error) => return Ended::Lost(error.to_string()),
    };
    loop {
        let answer = tokio::select! {
            answer = stream.next() => answer,
            () = shared.watch_again.notified() => return Ended::Lost("it is silent although there is news".to_owned()),
            () = &mut renewed => return Ended::Renewed,
            () = shared.stop.cancelled() => return Ended::Stopped,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Ended::Lost(why),
        };
        if answer.compact_revision != 0 {
            return Ended::Compacted;
        }
        if answer.canceled {
            // Perhaps for a token that has run out, which is not said in so many words.
            shared.etcd.log_in_again();
            return Ended::Lost(answer.cancel_reason);
        }
        apply(shared, answer.events);
    }
}

fn apply(shared: &Arc<Shared>, events: Vec<Event>) {
    let mut events = events.into_iter().peekable();
    while let Some(first) = events.next() {
        let revision_of = |event: &Event| event.kv.as_ref().map_or(0, |kv| kv.mod_revision);
        let revision = revision_of(&first);
        let mut together = vec![first];
        while let Some(event) = events.next_if(|event| revision_of(event) == revision) {
            together.push(event);
        }
        let mut mirror = shared.write();
        if revision <= mirror.revision {
            continue;
        }
        let vanished = mirror.apply(revision, together, &shared.keys);
        let orphaned: Vec<i64> = vanished
            .iter()
            .filter(|(id, server)| {
                *server == shared.server && mirror.tree.ephemerals(*id).next().is_some()
            })
            .map(|(id, _)| *id)
            .collect();
        drop(mirror);
        shared.reached(revision);
        for session in orphaned {
            count(&shared.stats.sessions_expired);
            expire::submit(shared, Act::Expire(session));
        }
    }
}
