//! Counts of what the server does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::Histogram;

/// Counters; all only rise until they are reset, but those of latency.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) rejected: AtomicU64,
    /// Requests that read, from their arrival to their answer.
    pub(crate) reads: Histogram,
    /// Requests that write.
    pub(crate) writes: Histogram,
    /// Transactions of etcd that a batch became.
    pub(crate) transactions: Histogram,
    latency_count: AtomicU64,
    latency_micros: AtomicU64,
    latency_max_micros: AtomicU64,
    /// Zero: none yet; else one more than the shortest.
    latency_min_micros: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) batched: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) watch_restarts: AtomicU64,
    pub(crate) reloads: AtomicU64,
    pub(crate) sessions_expired: AtomicU64,
    pub(crate) revalidations: AtomicU64,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    pub(crate) min: u64,
    pub(crate) average: f64,
    pub(crate) max: u64,
}

impl Stats {
    /// A request that changes nothing was answered.
    pub(crate) fn read(&self, took: Duration) {
        self.reads.took(took);
        self.answered(took);
    }

    /// A request that may change something was answered.
    pub(crate) fn wrote(&self, took: Duration) {
        self.writes.took(took);
        self.answered(took);
    }

    fn answered(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency_count.fetch_add(1, Ordering::Relaxed);
        self.latency_micros.fetch_add(micros, Ordering::Relaxed);
        self.latency_max_micros.fetch_max(micros, Ordering::Relaxed);
        let _ =
            self.latency_min_micros
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |least| {
                    (least == 0 || micros < least - 1).then_some(micros + 1)
                });
    }

    pub(crate) fn latency(&self) -> Latency {
        let count = self.latency_count.load(Ordering::Relaxed);
        let sum = self.latency_micros.load(Ordering::Relaxed);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a mean is shown with few digits"
        )]
        let average = if count == 0 {
            0.0
        } else {
            sum as f64 / count as f64 / 1000.0
        };
        Latency {
            min: self
                .latency_min_micros
                .load(Ordering::Relaxed)
                .saturating_sub(1)
                / 1000,
            average,
            max: self.latency_max_micros.load(Ordering::Relaxed) / 1000,
        }
    }

    /// As if the server had just started.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.received,
            &self.sent,
            &self.latency_count,
            &self.latency_micros,
            &self.latency_max_micros,
            &self.latency_min_micros,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
