//! What the server does by itself: ephemeral nodes of sessions that are no more, containers that are empty, nodes that have
//! outlived their time.
//!
//! Every server looks; a guarded transaction lets one of them do it. The server that had a session goes first, at once; the
//! others look after a while, at different times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message as _;

use crate::batch::Work;
use crate::etcd::{EtcdError, RangeRequest, TxnRequest, delete, unchanged};
use crate::evaluate::{Act, is_due};
use crate::record::FenceRecord;
use crate::shared::{Shared, wall};

/// How often sessions are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long somebody else may take, before it is done here.
const PATIENCE: Duration = Duration::from_millis(500);

/// Queues something that no client asked for.
pub(crate) fn submit(shared: &Shared, act: Act) {
    // Nobody takes it when the server stops.
    let _ = shared.queue.send(Work::of_server(act));
}

/// Ends sessions whose keys vanished.
pub(crate) async fn expire(shared: Arc<Shared>) {
    let mut seen: BTreeMap<i64, Instant> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shared.stop.cancelled() => return,
        }
        let orphaned: Vec<i64> = {
            let mirror = shared.read();
            mirror
                .tree
                .owners()
                .filter(|id| !mirror.sessions.contains_key(id))
                .collect()
        };
        seen.retain(|id, _| orphaned.contains(id));
        for id in orphaned {
            let spread = Duration::from_millis(u64::from(rand::random::<u8>()) * 2);
            match seen.get_mut(&id) {
                None => {
                    seen.insert(id, Instant::now() + PATIENCE + spread);
                }
                Some(due) if *due <= Instant::now() => {
                    *due = Instant::now() + 4 * PATIENCE + spread;
                    submit(&shared, Act::Expire(id));
                }
                Some(_) => {}
            }
        }
    }
}

/// Fences of servers that are no more stay behind; after this long nothing of them can be on its way.
const OLD_FENCE: i64 = 24 * 3600 * 1000;
const SWEEP: Duration = Duration::from_hours(6);

/// Deletes the fences of servers that were killed. One that only slept makes itself a new one.
pub(crate) async fn sweep(shared: Arc<Shared>) {
    loop {
        if let Err(error) = sweep_once(&shared).await {
            tracing::debug!(%error, "old fences stay");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

async fn sweep_once(shared: &Shared) -> Result<(), EtcdError> {
    let (key, range_end) = shared.keys.fences();
    let answer = shared
        .etcd
        .range(RangeRequest {
            key,
            range_end,
            limit: 1000,
            ..RangeRequest::default()
        })
        .await?;
    for kv in answer.kvs {
        let old = FenceRecord::decode(kv.value)
            .is_ok_and(|fence| fence.time < wall().saturating_sub(OLD_FENCE));
        if old {
            let key = kv.key.to_vec();
            let txn = TxnRequest {
                compare: vec![unchanged(key.clone(), kv.mod_revision)],
                success: vec![delete(key)],
                failure: Vec::new(),
            };
            shared.etcd.txn(txn).await?;
        }
    }
    Ok(())
}

/// Deletes containers and nodes with a time to live when they are due.
pub(crate) async fn reap(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.settings.reap_every) => {}
            () = shared.stop.cancelled() => return,
        }
        let now = wall();
        let due: Vec<String> = {
            let mirror = shared.read();
            mirror
                .tree
                .mortal()
                .filter(|path| {
                    mirror
                        .tree
                        .get(path)
                        .is_some_and(|node| is_due(&node.meta, now))
                })
                .map(ToOwned::to_owned)
                .collect()
        };
        for path in due {
            submit(&shared, Act::Reap(path));
        }
    }
}
