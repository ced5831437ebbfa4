//! What time it is: the only place that reads a clock.

use jiff::{SignedDuration, Timestamp};

/// A source of time.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock.
    Wall,
    /// Starts at a moment and runs with tokio's clock, so that a paused runtime decides.
    Virtual {
        /// The moment of the start.
        origin: Timestamp,
        /// Tokio's time at the start.
        start: tokio::time::Instant,
    },
}

impl Clock {
    /// A clock that runs with tokio's and starts at this moment.
    pub fn starting_at(origin: Timestamp) -> Self {
        Self::Virtual {
            origin,
            start: tokio::time::Instant::now(),
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Wall => Timestamp::now(),
            Self::Virtual { origin, start } => {
                let elapsed =
                    SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::ZERO);
                origin.checked_add(elapsed).unwrap_or(*origin)
            }
        }
    }

    /// Now, as Kubernetes writes it: whole seconds, UTC.
    pub(crate) fn text(&self) -> String {
        seconds(self.now())
    }
}

/// `2026-11-20T10:00:00Z`
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
