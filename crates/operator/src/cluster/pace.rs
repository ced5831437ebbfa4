//! How fast looks follow each other.
//!
//! A look follows news at once (after gathering what else comes), but a stream of news must not become a stream of looks:
//! looks in quick succession are paid from a small budget that refills with time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

/// How many looks may follow each other without a pause: a first deployment takes about ten.
const BUDGET: f64 = 30.0;
/// How many looks a second the budget gains.
const REFILL: f64 = 2.0;
/// The first and the longest pause after a look that could not see, or in which something failed.
const FAILED: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

pub(super) struct Pace {
    debounce: Duration,
    budget: f64,
    at: Instant,
    failed: Duration,
    /// Whether the pause was shortened since a look went well.
    hurried: bool,
}

impl Pace {
    pub(super) fn new(debounce: Duration) -> Self {
        Self {
            debounce,
            budget: BUDGET,
            at: Instant::now(),
            failed: FAILED.0,
            hurried: false,
        }
    }

    /// How long to wait before the look that is due.
    pub(super) fn before_look(&mut self) -> Duration {
        let now = Instant::now();
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * REFILL;
        self.at = now;
        self.budget = (self.budget + gained).min(BUDGET);
        // A look that is not covered waits until it is.
        self.budget -= 1.0;
        let short = Duration::from_secs_f64((-self.budget).max(0.0) / REFILL);
        self.debounce.max(short)
    }

    /// A look saw everything it must, and nothing failed.
    pub(super) fn went_well(&mut self) {
        self.failed = FAILED.0;
        self.hurried = false;
    }

    /// How long to wait after a look that could not see, or in which something failed. Where something else was done
    /// (`acted`), soon: what came of that is not told before the next look. Once, since something may be done in each look.
    pub(super) fn failed(&mut self, acted: bool) -> Duration {
        if acted && !self.hurried {
            self.failed = FAILED.0;
            self.hurried = true;
        }
        let pause = self.failed;
        self.failed = (pause * 2).min(FAILED.1);
        pause
    }
}
