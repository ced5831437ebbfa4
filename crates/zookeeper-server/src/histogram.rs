//! How long something takes, counted by how long: a histogram of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds: from an answer out of memory to an etcd that is in trouble.
const BOUNDS: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Counts that only rise.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// Those that took no longer than the bound, and longer than the one before.
    within: [AtomicU64; BOUNDS.len()],
    longer: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    /// One more.
    pub(crate) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let counter = BOUNDS
            .iter()
            .position(|bound| micros <= *bound)
            .and_then(|at| self.within.get(at))
            .unwrap_or(&self.longer);
        counter.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// As Prometheus reads it.
    pub(crate) fn write(&self, name: &str, help: &str, text: &mut String) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut count = 0;
        for (bound, counter) in BOUNDS.iter().zip(&self.within) {
            count += counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", seconds(*bound));
        }
        count += self.longer.load(Ordering::Relaxed);
        let sum = seconds(self.micros.load(Ordering::Relaxed));
        let _ = writeln!(
            text,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact below 285 years of microseconds"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests;
