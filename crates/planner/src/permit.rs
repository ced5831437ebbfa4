//! The permit to act: without it a plan is made and shown, and nothing of it runs.

use crate::Input;
use crate::cluster::draft::Draft;
use crate::plan::StepState;
use crate::wait::Wait;

/// Turns every step that could run into one that waits, unless the permit is ours now.
pub(crate) fn hold_without(input: &Input, draft: &mut Draft) {
    let permit = input.observed.permit.value();
    if permit.is_some_and(|permit| permit.held && permit.until > input.now) {
        return;
    }
    let holder = permit
        .filter(|permit| !permit.held)
        .map(|permit| permit.holder.clone());
    for step in draft.steps_mut() {
        if step.state == StepState::Ready {
            let holder = holder.clone().unwrap_or_default();
            step.state = StepState::Waiting(Wait::Permit { holder });
        }
    }
}
