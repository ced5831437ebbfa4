//! What the parts of a server share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::batch::Work;
use crate::etcd::Etcd;
use crate::keys::Keys;
use crate::mirror::Mirror;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::sync::Sync;

/// See the module.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) etcd: Etcd,
    pub(crate) keys: Keys,
    /// This run of this server.
    pub(crate) server: u64,
    mirror: RwLock<Mirror>,
    revision: watch::Sender<i64>,
    /// Requests for the next batch.
    pub(crate) queue: mpsc::UnboundedSender<Work>,
    /// Syncs for the next look at etcd.
    pub(crate) syncs: mpsc::UnboundedSender<Sync>,
    /// Whether what the mirror shows is fresh enough to be shown.
    serving: AtomicBool,
    /// The watch is silent although there is news.
    pub(crate) watch_again: Notify,
    pub(crate) started: Instant,
    pub(crate) stats: Arc<Stats>,
    next_line: AtomicU64,
    /// Requests of all connections that are not answered.
    pub(crate) outstanding: AtomicUsize,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        etcd: Etcd,
        queue: mpsc::UnboundedSender<Work>,
        syncs: mpsc::UnboundedSender<Sync>,
        stop: CancellationToken,
    ) -> Self {
        let server = rand::random();
        let stats = Arc::new(Stats::default());
        Self {
            keys: Keys::new(&settings.prefix),
            settings,
            etcd,
            server,
            mirror: RwLock::new(Mirror::new(server, Arc::clone(&stats))),
            revision: watch::Sender::new(0),
            queue,
            syncs,
            serving: AtomicBool::new(false),
            watch_again: Notify::new(),
            started: Instant::now(),
            stats,
            next_line: AtomicU64::new(1),
            outstanding: AtomicUsize::new(0),
            stop,
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Mirror> {
        self.mirror.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Mirror> {
        self.mirror.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mirror is now at this revision.
    pub(crate) fn reached(&self, revision: i64) {
        self.revision.send_replace(revision);
    }

    /// Waits until the mirror is at this revision or later; whether it was in time.
    pub(crate) async fn wait_for(&self, revision: i64, patience: Duration) -> bool {
        let mut at = self.revision.subscribe();
        let waited = tokio::time::timeout(patience, at.wait_for(|at| *at >= revision)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Returns once no other server holds this one up, or the server stops; `own` is the revision of our own hold.
    pub(crate) async fn let_pass(&self, own: Option<i64>) {
        let mut at = self.revision.subscribe();
        loop {
            let hold = self.read().hold;
            if hold == 0 || Some(hold) == own {
                return;
            }
            tokio::select! {
                _ = at.changed() => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// Clients are served, or disconnected, as ZooKeeper disconnects them from a server that has lost its leader.
    pub(crate) fn set_serving(&self, serving: bool) {
        if self.serving.swap(serving, Ordering::Relaxed) == serving {
            return;
        }
        if serving {
            tracing::info!("serving clients");
        } else {
            tracing::warn!("etcd was not heard of for too long; clients are disconnected");
            for line in self.read().lines.values() {
                line.cut.cancel();
            }
        }
    }

    /// Milliseconds since the server started.
    pub(crate) fn tick(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub(crate) fn next_line(&self) -> u64 {
        self.next_line.fetch_add(1, Ordering::Relaxed)
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
