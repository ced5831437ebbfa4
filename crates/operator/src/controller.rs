//! Which clusters there are, and one task for each.
//!
//! What it does: while the permit is held, keeps one loop running per Kafka; a look at one never waits for another. What
//! it reads: [`News`] of the watches. Invariants: a Kafka that is replaced by another of the same name gets a new loop,
//! the old one is cancelled first; a lost permit cancels all loops.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster;
use crate::hands::Hands;
use crate::metrics::ClusterName;
use crate::watch::{self, News};

struct Loop {
    uid: String,
    news: Arc<Notify>,
    stop: CancellationToken,
}

/// Looks after all clusters of the scope until `stop`, or until the permit is lost.
pub(crate) async fn lead(hands: &Hands, stop: &CancellationToken) {
    let stop = stop.child_token();
    let mut watching = watch::start(&hands.client, &hands.settings);
    let mut loops = Loops {
        hands,
        stop: stop.clone(),
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let mut permit = hands.permit.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = permit.lost() => {
                tracing::warn!("the permit to act was lost");
                break;
            }
            Some(ended) = loops.tasks.join_next() => loops.ended(ended),
            news = watching.next() => match news {
                Some(news) => loops.heed(news),
                None => break,
            },
        }
    }
    stop.cancel();
    loops.tasks.join_all().await;
}

struct Loops<'a> {
    hands: &'a Hands,
    stop: CancellationToken,
    running: BTreeMap<ClusterName, Loop>,
    tasks: JoinSet<(ClusterName, String)>,
}

impl Loops<'_> {
    fn heed(&mut self, news: News) {
        match news {
            News::Present(cluster, uid) => self.present(cluster, uid),
            News::Absent(cluster) => self.absent(&cluster),
            News::Changed(cluster) => {
                if let Some(running) = self.running.get(&cluster) {
                    running.news.notify_one();
                }
            }
            News::Listed { namespace, present } => {
                let in_scope = |cluster: &ClusterName| {
                    namespace
                        .as_ref()
                        .is_none_or(|namespace| *namespace == cluster.0)
                };
                let gone: Vec<ClusterName> = self
                    .running
                    .keys()
                    .filter(|cluster| in_scope(cluster) && !present.contains_key(*cluster))
                    .cloned()
                    .collect();
                for cluster in gone {
                    self.absent(&cluster);
                }
                for (cluster, uid) in present {
                    self.present(cluster, uid);
                }
            }
        }
    }

    fn present(&mut self, cluster: ClusterName, uid: String) {
        match self.running.get(&cluster) {
            Some(running) if running.uid == uid => {
                running.news.notify_one();
                return;
            }
            // Deleted and applied again: the old look must not go on for the new one.
            Some(replaced) => replaced.stop.cancel(),
            None => {}
        }
        let news = Arc::new(Notify::new());
        let stop = self.stop.child_token();
        // The first look needs no news.
        news.notify_one();
        self.running.insert(
            cluster.clone(),
            Loop {
                uid: uid.clone(),
                news: Arc::clone(&news),
                stop: stop.clone(),
            },
        );
        let hands = self.hands.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(cluster::look_after(&hands, &cluster, &uid, &news))
                .await;
            (cluster, uid)
        });
    }

    fn absent(&mut self, cluster: &ClusterName) {
        if let Some(running) = self.running.remove(cluster) {
            running.stop.cancel();
            self.hands.metrics.gone(cluster);
        }
    }

    /// A loop ends when it is cancelled or when its Kafka is gone; one that panicked must be heard of.
    fn ended(&mut self, ended: Result<(ClusterName, String), tokio::task::JoinError>) {
        match ended {
            // A Kafka of the same name may have a loop by now.
            Ok((cluster, uid)) => {
                if self
                    .running
                    .get(&cluster)
                    .is_some_and(|running| running.uid == uid)
                {
                    self.running.remove(&cluster);
                }
            }
            Err(error) if error.is_panic() => tracing::error!(%error, "a loop ended unexpectedly"),
            Err(_) => {}
        }
    }
}
