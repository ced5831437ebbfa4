//! Steps that are refused again and again.
//!
//! One refusal is a race that the next look settles. The same refusal look after look is something that only a person
//! can end, such as an object of our name that is somebody else's: it is told, and tried more rarely, as a failure is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use planner::{Outcome, StepEnd};

/// The same refusal in so many looks in a row is no race any more.
const TIMES: u32 = 3;

/// What was refused in the last look, by step, and in how many looks in a row.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    last: BTreeMap<String, (String, u32)>,
}

impl Refusals {
    /// Turns refusals that repeat into failures.
    pub(super) fn settle(&mut self, outcome: &mut Outcome) {
        let last = std::mem::take(&mut self.last);
        // Where something is done, what is refused beside it has lost a race against that, and gets its turn.
        if outcome
            .results
            .iter()
            .any(|result| matches!(result.end, StepEnd::Done))
        {
            return;
        }
        for result in &mut outcome.results {
            let StepEnd::Refused { found } = &result.end else {
                continue;
            };
            let before = last.get(&result.id).filter(|(text, _)| text == found);
            let times = before.map_or(0, |(_, times)| *times).saturating_add(1);
            self.last.insert(result.id.clone(), (found.clone(), times));
            if times >= TIMES {
                result.end = StepEnd::Failed {
                    error: found.clone(),
                };
            }
        }
    }
}
