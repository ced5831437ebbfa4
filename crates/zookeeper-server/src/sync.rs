//! How fresh the mirror is: a linearizable look at etcd tells the revision of the last batch of all, and the mirror must reach it.
//!
//! All syncs that wait share one look. The same look, once a second, decides whether clients may go on being served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use zookeeper_protocol::{ErrorCode, Response};

use crate::etcd::{EtcdError, one};
use crate::line::Line;
use crate::shared::Shared;

/// A client's sync.
#[derive(Debug)]
pub(crate) struct Sync {
    pub(crate) line: Arc<Line>,
    pub(crate) xid: i32,
    pub(crate) path: String,
}

/// How often to look when nobody asks.
const LOOK: Duration = Duration::from_millis(500);
/// How long the mirror may take to arrive where etcd is.
const ARRIVE: Duration = Duration::from_secs(1);

/// Where the mirror must be to have everything that was committed before now.
async fn newest(shared: &Shared) -> Result<i64, EtcdError> {
    let mut request = one(shared.keys.batch());
    request.keys_only = true;
    let answer = shared.etcd.range(request).await?;
    Ok(answer.kvs.first().map_or(0, |kv| kv.mod_revision))
}

/// Answers syncs, and watches over freshness.
pub(crate) async fn sync(shared: Arc<Shared>, mut asked: mpsc::UnboundedReceiver<Sync>) {
    let mut fresh = Instant::now();
    let mut waiting: Vec<Sync> = Vec::new();
    let mut first = true;
    loop {
        if waiting.is_empty() && !std::mem::take(&mut first) {
            tokio::select! {
                first = asked.recv() => match first {
                    Some(first) => waiting.push(first),
                    None => return,
                },
                () = tokio::time::sleep(LOOK) => {}
                () = shared.stop.cancelled() => return,
            }
        }
        while let Ok(next) = asked.try_recv() {
            waiting.push(next);
        }
        let began = Instant::now();
        match newest(&shared).await {
            Ok(revision) => {
                // Before the first load the mirror is nowhere.
                if shared.wait_for(revision.max(1), ARRIVE).await {
                    fresh = began;
                    shared.set_serving(true);
                    let zxid = shared.read().zxid;
                    for Sync { line, xid, path } in waiting.drain(..) {
                        line.answer(xid, zxid, ErrorCode::OK, Response::Synced { path });
                        line.wrote();
                    }
                } else {
                    shared.watch_again.notify_one();
                }
            }
            Err(error) => {
                tracing::debug!(%error, "etcd does not say where it is");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        if fresh.elapsed() > shared.settings.stale_after {
            shared.set_serving(false);
            waiting.clear();
        }
    }
}
