//! Commits batches: one transaction is under way at a time, and what arrives meanwhile becomes the next one.
//!
//! A transaction that was not answered is decided, never guessed: it carries the server's fence, a key that nobody else writes, with
//! the number of the batch. The fence is read; if it does not have the number, the transaction is sent again, and either finds its own
//! number there, or the fence as it was. Before a batch is given
//! up of which a copy may still be on its way, the fence is moved, so that the copy can no longer happen.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message as _;
use tokio::sync::mpsc;
use tonic::Code;

use crate::batch::{Author, Done, Limits, Prepared, Work, prepare, too_large};
use crate::etcd::{EtcdError, KeyValue, TxnRequest, TxnResponse, get, one, put, unchanged};
use crate::hold::{self, Hold};
use crate::mirror::Own;
use crate::record::FenceRecord;
use crate::shared::{Shared, wall};
use crate::stats::count;

/// How long the mirror is waited for before looking again whether the server stops.
const ARRIVE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What became of a transaction.
enum Fate {
    /// It happened in this revision.
    Happened(i64),
    /// It changes nothing, and what it was decided on is so.
    True,
    /// Something it was decided on is no longer so, or another server holds this one up.
    Overtaken(Newest),
    /// etcd will not have it.
    Refused(Code, String),
}

/// How things are where a transaction did not happen.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    /// The revision of the newest batch.
    batch: i64,
    /// The revision of the key with which a server holds up others; zero: none does.
    hold: i64,
}

/// How often a request that goes alone is overtaken before the others are held up for it.
const OVERTAKEN: u32 = 2;

struct Committer {
    shared: Arc<Shared>,
    sequence: u64,
    fence: i64,
    limits: Limits,
    hold: Option<Hold>,
    /// How often the request in front, one that goes alone, was overtaken.
    overtaken: u32,
}

/// Never returns, but when the server stops.
pub(crate) async fn commit(shared: Arc<Shared>, mut incoming: mpsc::UnboundedReceiver<Work>) {
    let whole = Limits {
        ops: shared.settings.etcd_max_txn_ops,
        bytes: shared.settings.etcd_max_request_bytes,
        requests: usize::MAX,
    };
    let mut committer = Committer {
        shared,
        sequence: 0,
        fence: 0,
        limits: whole,
        hold: None,
        overtaken: 0,
    };
    let mut queue = VecDeque::new();
    let mut pause = SHORTEST_PAUSE;
    loop {
        if queue.is_empty() {
            tokio::select! {
                first = incoming.recv() => match first {
                    Some(first) => queue.push_back(first),
                    None => return,
                },
                () = committer.shared.stop.cancelled() => return,
            }
        }
        let own = committer.hold.map(|hold| hold.revision);
        committer.shared.let_pass(own).await;
        if committer.shared.stop.is_cancelled() {
            return;
        }
        while let Ok(next) = incoming.try_recv() {
            queue.push_back(next);
        }
        if committer.batch(&mut queue).await {
            pause = SHORTEST_PAUSE;
            committer.limits = whole;
            committer.overtaken = 0;
            if let Some(hold) = committer.hold.take() {
                hold::release(&committer.shared, hold);
            }
        } else {
            count(&committer.shared.stats.conflicts);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = committer.shared.stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Committer {
    /// One batch; false if its requests are in the queue again.
    async fn batch(&mut self, queue: &mut VecDeque<Work>) -> bool {
        let Some((txn, changes, alone)) = self.prepare(queue) else {
            return true;
        };
        let fate = self.decide(txn, changes).await;
        match fate {
            Fate::Happened(revision) => {
                self.fence = revision;
                while !self.shared.wait_for(revision, ARRIVE).await {
                    if self.shared.stop.is_cancelled() {
                        return true;
                    }
                }
                let mut mirror = self.shared.write();
                // Still there when everything was read again instead of followed.
                for done in mirror.own.take().map(|own| own.done).unwrap_or_default() {
                    mirror.finish(done, revision);
                }
                let again = std::mem::take(&mut mirror.again);
                drop(mirror);
                for done in again.into_iter().rev() {
                    queue.push_front(done.work);
                }
                true
            }
            Fate::True => {
                let done = self.take_own();
                let mirror = self.shared.read();
                for done in done {
                    mirror.finish_unchanged(done);
                }
                true
            }
            Fate::Overtaken(newest) => {
                self.back(queue);
                let newest_seen = newest.batch.max(newest.hold);
                let follows = self.shared.wait_for(newest_seen, ARRIVE).await;
                // Under a hold only its end can have let somebody pass: it serves no more.
                if let Some(hold) = self.hold.take() {
                    hold::release(&self.shared, hold);
                }
                if alone {
                    self.overtaken += 1;
                    // Whoever does not see what happened cannot use a hold, and must not stop the others with one.
                    if self.overtaken >= OVERTAKEN && follows && newest.hold == 0 {
                        self.hold_others().await;
                    }
                }
                false
            }
            Fate::Refused(code, message) => self.refused(queue, code, &message),
        }
    }

    /// Holds up the others until the next batch, if what happened until then is seen soon enough for that.
    async fn hold_others(&mut self) {
        let Some(hold) = hold::take(&self.shared).await else {
            return;
        };
        if self.shared.wait_for(hold.revision, ARRIVE).await {
            self.hold = Some(hold);
        } else {
            hold::release(&self.shared, hold);
        }
    }

    /// Takes requests from the queue; what they come to waits in the mirror, to be answered when it happens.
    fn prepare(&mut self, queue: &mut VecDeque<Work>) -> Option<(TxnRequest, bool, bool)> {
        self.sequence += 1;
        let author = Author {
            server: self.shared.server,
            sequence: self.sequence,
            fence: self.fence,
            hold: self.hold.map_or(0, |hold| hold.revision),
            now: wall(),
        };
        let mut mirror = self.shared.write();
        let Prepared {
            txn,
            done,
            lost,
            changes,
            alone,
        } = prepare(&mirror, queue, &self.shared.keys, author, self.limits);
        for work in lost {
            if let Some(line) = work.line {
                line.cut.cancel();
            }
        }
        if done.is_empty() {
            return None;
        }
        count(&self.shared.stats.batches);
        self.shared
            .stats
            .batched
            .fetch_add(done.len() as u64, std::sync::atomic::Ordering::Relaxed);
        mirror.own = Some(Own {
            sequence: self.sequence,
            done,
        });
        Some((txn, changes, alone))
    }

    fn take_own(&self) -> Vec<Done> {
        self.shared
            .write()
            .own
            .take()
            .map(|own| own.done)
            .unwrap_or_default()
    }

    fn back(&self, queue: &mut VecDeque<Work>) {
        for done in self.take_own().into_iter().rev() {
            queue.push_front(done.work);
        }
    }

    /// Sends a transaction until it is known what became of it.
    async fn decide(&mut self, txn: TxnRequest, changes: bool) -> Fate {
        let mut copies = false;
        loop {
            let begun = Instant::now();
            let answer = self.shared.etcd.txn(txn.clone()).await;
            self.shared.stats.transactions.took(begun.elapsed());
            match answer {
                Ok(answer) if answer.succeeded && changes => {
                    return Fate::Happened(revision_of(&answer));
                }
                Ok(answer) if answer.succeeded => return Fate::True,
                Ok(answer) => {
                    let (fence, newest) = looked_up(&answer);
                    if let Some((revision, sequence)) = fence
                        && changes
                        && sequence == self.sequence
                    {
                        return Fate::Happened(revision);
                    }
                    if copies
                        && changes
                        && let Some(revision) = self.move_fence().await
                    {
                        return Fate::Happened(revision);
                    }
                    if fence.is_none() && self.fence != 0 {
                        // Somebody took it for that of a server that is no more. A new one begins.
                        self.fence = 0;
                    }
                    return Fate::Overtaken(newest);
                }
                Err(EtcdError::Refused {
                    call: _,
                    code,
                    message,
                }) => {
                    if code == Code::ResourceExhausted && message.contains("too many requests") {
                        tokio::time::sleep(LONGEST_PAUSE).await;
                        continue;
                    }
                    if copies
                        && changes
                        && let Some(revision) = self.move_fence().await
                    {
                        return Fate::Happened(revision);
                    }
                    return Fate::Refused(code, message);
                }
                Err(error @ EtcdError::Unanswered { .. }) => {
                    tracing::debug!(%error, "sent again");
                    copies = true;
                    match self.found().await {
                        Some((revision, sequence)) if changes && sequence == self.sequence => {
                            return Fate::Happened(revision);
                        }
                        _ if self.shared.stop.is_cancelled() => {
                            return Fate::Refused(Code::Cancelled, "the server stops".to_owned());
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// The fence (revision, number), read linearizably; asked for until it is answered, or the server stops.
    ///
    /// Where etcd is slow, such a read is usually answered only after what it had accepted before, so that copies of a
    /// transaction do not pile up. Safety does not rest on that: a copy that comes late finds the fence moved.
    async fn found(&self) -> Option<(i64, u64)> {
        let mut pause = SHORTEST_PAUSE;
        let mut told = false;
        while !self.shared.stop.is_cancelled() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let fence = self.shared.keys.fence(self.shared.server);
            match self.shared.etcd.range(one(fence)).await {
                Ok(answer) => return answer.kvs.first().and_then(fence_of),
                Err(error @ EtcdError::Refused { .. }) if !told => {
                    told = true;
                    tracing::warn!(%error, "etcd does not let us read what became of a transaction; asked until it does");
                }
                Err(error) => {
                    tracing::debug!(%error, "what became of a transaction is not known yet");
                }
            }
        }
        None
    }

    /// Moves the fence, so that copies of the last transaction which are still on their way cannot happen any more. Returns the
    /// revision of the transaction if one of them already did.
    async fn move_fence(&mut self) -> Option<i64> {
        let sent = self.sequence;
        self.sequence += 1;
        let key = self.shared.keys.fence(self.shared.server);
        let fence = FenceRecord {
            sequence: self.sequence,
            time: wall(),
        };
        let txn = TxnRequest {
            compare: vec![unchanged(key.clone(), self.fence)],
            success: vec![put(key.clone(), fence.encode_to_vec(), 0)],
            failure: vec![get(key)],
        };
        loop {
            match self.shared.etcd.txn(txn.clone()).await {
                Ok(answer) if answer.succeeded => {
                    self.fence = revision_of(&answer);
                    return None;
                }
                Ok(answer) => {
                    let (fence, _) = looked_up(&answer);
                    match fence {
                        Some((revision, sequence)) if sequence == sent => return Some(revision),
                        Some((revision, _)) => {
                            self.fence = revision;
                            return None;
                        }
                        None => {
                            self.fence = 0;
                            return None;
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the fence is not moved yet");
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    if self.shared.stop.is_cancelled() {
                        return None;
                    }
                }
            }
        }
    }

    /// etcd will not have the transaction: tries its requests one by one, or gives up on a single one.
    fn refused(&mut self, queue: &mut VecDeque<Work>, code: Code, message: &str) -> bool {
        let done = self.take_own();
        if code == Code::InvalidArgument {
            if done.len() > 1 {
                self.limits.requests = 1;
                for done in done.into_iter().rev() {
                    queue.push_front(done.work);
                }
                return false;
            }
            tracing::warn!(message, "etcd finds a single request too large");
            let mirror = self.shared.read();
            for mut done in done {
                done.outcome = too_large(&done.work.act);
                mirror.finish_unchanged(done);
            }
            return true;
        }
        count(&self.shared.stats.refused);
        // As a ZooKeeper whose disk is full: it cannot say whether, so it says nothing.
        tracing::error!(%code, message, "etcd takes no writes; the clients that wrote are disconnected");
        for done in done {
            if let Some(line) = done.work.line {
                line.cut.cancel();
            }
        }
        true
    }
}

fn revision_of(answer: &TxnResponse) -> i64 {
    answer.header.as_ref().map_or(0, |header| header.revision)
}

/// Revision and number of a fence.
fn fence_of(kv: &KeyValue) -> Option<(i64, u64)> {
    let record = FenceRecord::decode(kv.value.clone()).ok()?;
    Some((kv.mod_revision, record.sequence))
}

/// The fence and how things are, from the answer to a transaction that did not happen.
fn looked_up(answer: &TxnResponse) -> (Option<(i64, u64)>, Newest) {
    let mut found = answer
        .responses
        .iter()
        .map(|response| response.range.as_ref().and_then(|range| range.kvs.first()));
    let fence = found.next().flatten().and_then(fence_of);
    let mut newest = || found.next().flatten().map_or(0, |kv| kv.mod_revision);
    let (batch, hold) = (newest(), newest());
    (fence, Newest { batch, hold })
}
