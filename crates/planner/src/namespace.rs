//! A namespace that is being deleted: nothing new is made in it, as the API server would refuse it anyway.

use crate::Input;
use crate::cluster::draft::Draft;
use crate::guard::Guard;
use crate::plan::StepState;
use crate::wait::Wait;

/// Turns every step that creates something into one that waits, where the namespace is known to go.
pub(crate) fn hold_creations(input: &Input, draft: &mut Draft) {
    if input.observed.namespace_going.value() != Some(&true) {
        return;
    }
    for step in draft.steps_mut() {
        let creates = step
            .guards
            .iter()
            .any(|guard| matches!(guard, Guard::Absent { object: _ }));
        if creates && step.state == StepState::Ready {
            step.state = StepState::Waiting(Wait::NamespaceGoing);
        }
    }
}
