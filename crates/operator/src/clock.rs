//! The one clock of the operator: time is read here and handed on as a value.
//!
//! Not here: waiting. Waits use tokio's time, which tests pause; [`Clock::Tokio`] follows that paused time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Where the time comes from.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Tokio's clock, counted from a given time: stands still when a test pauses it.
    Tokio {
        /// What time it was …
        origin: Timestamp,
        /// … at this instant.
        start: Instant,
    },
}

impl Clock {
    /// A clock that shows `origin` now and follows tokio's time.
    pub fn following_tokio(origin: Timestamp) -> Self {
        Self::Tokio {
            origin,
            start: Instant::now(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Tokio { origin, start } => later(*origin, start.elapsed()),
        }
    }
}

/// `at` plus `duration`, at most the last representable time.
pub fn later(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` until `then`; nothing if that has passed.
pub fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}
