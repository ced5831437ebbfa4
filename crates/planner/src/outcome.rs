//! What came of the steps that ran.

use serde::{Deserialize, Serialize};

/// The results of one look's steps, in the order in which they were run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// One per step that was tried.
    pub results: Vec<StepResult>,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// [`crate::Step::id`].
    pub id: String,
    /// How it ended.
    pub end: StepEnd,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepEnd {
    /// The world answered that it is done.
    Done,
    /// A guard did not hold; the next look decides anew.
    Refused {
        /// Which guard, and what was found, for people.
        found: String,
    },
    /// It failed, or nobody knows whether it was done.
    Failed {
        /// Why, for people; never a secret.
        error: String,
    },
}
