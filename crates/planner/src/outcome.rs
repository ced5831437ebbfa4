//! What came of the steps that ran.

use serde::{Deserialize, Serialize};

use crate::plan::{State, Step};

/// The results of one look's steps, in the order in which they were run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// One per step that was tried.
    pub results: Vec<StepResult>,
}

impl Outcome {
    /// Why a step failed, if it did.
    pub fn failure_of(&self, step: &Step) -> Option<&str> {
        self.results.iter().find_map(|result| match &result.end {
            StepEnd::Failed { error } if result.id == step.id => Some(error.as_str()),
            StepEnd::Failed { error: _ } | StepEnd::Done | StepEnd::Refused { found: _ } => None,
        })
    }

    /// The state of a step: one that failed is tried again later.
    pub fn state_of(&self, step: &Step) -> State {
        match self.failure_of(step) {
            Some(_) => State::Delayed,
            None => step.state.state(),
        }
    }
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
