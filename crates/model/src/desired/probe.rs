//! When a probe asks and how often it may fail.

use serde::{Deserialize, Serialize};

/// Times and counts of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Seconds from the container's start to the first question.
    pub initial_delay_seconds: i32,
    /// Seconds to wait for an answer.
    pub timeout_seconds: i32,
    /// Seconds between questions.
    pub period_seconds: i32,
    /// Good answers in a row that count as good.
    pub success_threshold: i32,
    /// Bad answers in a row that count as bad.
    pub failure_threshold: i32,
}

impl Probe {
    /// Readiness when the user says nothing: at once and every second; the start-up probe comes first anyway.
    pub const READINESS: Self = Self {
        initial_delay_seconds: 0,
        timeout_seconds: 5,
        period_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    };

    /// Liveness when the user says nothing.
    pub const LIVENESS: Self = Self {
        initial_delay_seconds: 0,
        timeout_seconds: 5,
        period_seconds: 10,
        success_threshold: 1,
        failure_threshold: 3,
    };
}
