//! The plan as the KafkaPlan resource shows it, and what users say to it there.

use model::observed::resource::PlanResource;
use resources::plan::{
    PlanAction, PlanOverride, PlanPhase, PlanProblem, PlanStatus, PlanStep, PlanStrategy,
};
use resources::{KafkaPlanSpec, KafkaPlanStatus};
use serde_json::Value;

use crate::Input;
use crate::cluster::draft::Draft;
use crate::display::{self, title};
use crate::outcome::{Outcome, StepEnd};
use crate::plan::{Phase, PhaseName, Plan, State, Step, StepState, Strategy};
use crate::problem::Problem;
use crate::status::seconds;

/// Applies what users asked of the plan: steps that were paused are held.
///
/// An override speaks of the whole plan, of a phase, or of a step (by [`Step::id`], or by what it is shown as); the
/// last that speaks of a step counts.
pub(crate) fn obey(input: &Input, draft: &mut Draft) {
    let overrides = match overrides(found(input)) {
        Ok(overrides) => overrides,
        Err(error) => {
            draft.problems.push(Problem::PlanUnreadable {
                text: error.to_string(),
            });
            return hold(draft, |_| true);
        }
    };
    for (index, one) in overrides.iter().enumerate() {
        let field = format!("KafkaPlan spec.overrides[{index}]");
        if let Some(phase) = one
            .phase
            .as_deref()
            .filter(|phase| phase_of(phase).is_none())
        {
            let names: Vec<&str> = PhaseName::ALL.iter().map(|phase| phase.as_str()).collect();
            draft.problems.push(Problem::Override {
                field: format!("{field}.phase"),
                text: format!("there is no phase {phase:?}; allowed: {}", names.join(", ")),
            });
        }
        match one.action {
            PlanAction::Pause | PlanAction::Resume => {}
            PlanAction::Restart | PlanAction::Force => draft.problems.push(Problem::Override {
                field: format!("{field}.action"),
                text: "restart and force come with rolling changes; this version knows pause and resume".to_owned(),
            }),
        }
    }
    hold(draft, |step| is_paused(&overrides, step));
}

fn hold(draft: &mut Draft, paused: impl Fn(&Step) -> bool) {
    for step in draft.steps_mut() {
        let may_begin = matches!(step.state, StepState::Ready | StepState::Pending);
        if may_begin && step.action.is_some() && paused(step) {
            step.state = StepState::Held;
        }
    }
}

/// The KafkaPlan, where there is one.
fn found(input: &Input) -> Option<&PlanResource> {
    input.observed.plan.value().and_then(Option::as_ref)
}

fn is_paused(overrides: &[PlanOverride], step: &Step) -> bool {
    let phase = step.id.split('/').next().unwrap_or_default();
    let mut paused = false;
    for one in overrides {
        let of_phase = one.phase.as_deref().is_none_or(|name| name == phase);
        let of_step = one
            .step
            .as_deref()
            .is_none_or(|name| name == step.id || name == shown_name(step));
        if of_phase && of_step {
            match one.action {
                PlanAction::Pause => paused = true,
                PlanAction::Resume => paused = false,
                PlanAction::Restart | PlanAction::Force => {}
            }
        }
    }
    paused
}

fn phase_of(name: &str) -> Option<PhaseName> {
    PhaseName::ALL
        .into_iter()
        .find(|phase| phase.as_str() == name)
}

fn overrides(plan: Option<&PlanResource>) -> serde_json::Result<Vec<PlanOverride>> {
    let Some(plan) = plan.filter(|plan| !plan.spec.is_null()) else {
        return Ok(Vec::new());
    };
    let spec: KafkaPlanSpec = serde_json::from_value(plan.spec.clone())?;
    Ok(spec.overrides.unwrap_or_default())
}

/// The status of the KafkaPlan. Times are those of the last status while it says the same.
pub(crate) fn status(input: &Input, plan: &Plan, outcome: &Outcome) -> Value {
    let plan_found = found(input);
    let found = plan_found.map_or(&Value::Null, |plan| &plan.status);
    let last: KafkaPlanStatus = serde_json::from_value(found.clone()).unwrap_or_default();
    let now = seconds(input.now);
    let state = plan_status(plan.state_after(outcome));
    let same = last.status == Some(state);
    let status = KafkaPlanStatus {
        conditions: None,
        observed_generation: plan_found.map(|plan| plan.generation),
        cluster_generation: Some(plan.generation),
        title: Some(title(plan)),
        status: Some(state),
        done: Some(display::done(plan)),
        message: message(plan, outcome),
        since: last.since.clone().filter(|_| same).or(Some(now.clone())),
        seconds_left: None,
        phases: Some(
            plan.phases
                .iter()
                .map(|phase| shown_phase(plan, phase, outcome, (&last, &now)))
                .collect(),
        ),
        problems: (!plan.problems.is_empty())
            .then(|| plan.problems.iter().map(shown_problem).collect()),
        obeyed: None,
    };
    serde_json::to_value(status).unwrap_or_else(|_| found.clone())
}

/// What holds the plan up: problems, failures, waits, the first of each.
fn message(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let problems = plan.problems.iter().map(ToString::to_string);
    let failures = outcome
        .results
        .iter()
        .filter_map(|result| match &result.end {
            StepEnd::Failed { error } => Some(error.clone()),
            StepEnd::Done | StepEnd::Refused { found: _ } => None,
        });
    let waits = plan.waits().into_iter().map(ToString::to_string);
    problems.chain(failures).chain(waits).next()
}

fn shown_phase(
    plan: &Plan,
    phase: &Phase,
    outcome: &Outcome,
    (last, now): (&KafkaPlanStatus, &str),
) -> PlanPhase {
    let name = phase.name.as_str();
    let last = last.phases.iter().flatten().find(|last| last.name == name);
    let steps: Vec<PlanStep> = phase
        .steps
        .iter()
        .map(|step| {
            let name = shown_name(step);
            let last =
                last.and_then(|last| last.steps.iter().flatten().find(|last| last.name == name));
            shown_step(step, outcome, last, now)
        })
        .collect();
    PlanPhase {
        name: name.to_owned(),
        strategy: match phase.strategy {
            Strategy::Serial => PlanStrategy::Serial,
            Strategy::Parallel => PlanStrategy::Parallel,
        },
        status: plan_status(plan.phase_state(phase, outcome)),
        message: display::held_up(plan, phase),
        steps: (!steps.is_empty()).then_some(steps),
    }
}

fn shown_step(step: &Step, outcome: &Outcome, last: Option<&PlanStep>, now: &str) -> PlanStep {
    let failed = outcome.failure_of(step).map(str::to_owned);
    let status = plan_status(outcome.state_of(step));
    let since = last
        .filter(|last| last.status == status)
        .and_then(|last| last.since.clone());
    let detail = display::detail(step);
    let message = match (failed, detail.is_empty()) {
        (Some(error), _) => error,
        (None, false) => format!("{}; {detail}", step.reason),
        (None, true) => step.reason.to_string(),
    };
    PlanStep {
        name: shown_name(step),
        status,
        reason: Some(step.reason.word().to_owned()),
        message: Some(message),
        since: since.or_else(|| Some(now.to_owned())),
    }
}

/// `create 0`, `apply Service/x`.
fn shown_name(step: &Step) -> String {
    format!("{} {}", step.verb.as_str(), step.subject)
}

fn shown_problem(problem: &Problem) -> PlanProblem {
    let (path, hint) = match problem {
        Problem::Desired(desired) if !desired.example.is_empty() => {
            let mut bare = desired.clone();
            let hint = format!("for example: {}", std::mem::take(&mut bare.example));
            return PlanProblem {
                reason: problem.word().to_owned(),
                message: Problem::Desired(bare).to_string(),
                path: Some(desired.field.clone()),
                hint: Some(hint),
            };
        }
        Problem::Desired(problem) => (Some(problem.field.clone()), None),
        Problem::ReferenceMissing { object: _, field } | Problem::Override { field, text: _ } => {
            (Some(field.clone()), None)
        }
        _ => (None, None),
    };
    PlanProblem {
        reason: problem.word().to_owned(),
        message: problem.to_string(),
        path,
        hint,
    }
}

const fn plan_status(state: State) -> PlanStatus {
    match state {
        State::Error => PlanStatus::Error,
        State::Waiting => PlanStatus::Waiting,
        State::Pending => PlanStatus::Pending,
        State::Starting => PlanStatus::Starting,
        State::InProgress => PlanStatus::InProgress,
        State::Delayed => PlanStatus::Delayed,
        State::Complete => PlanStatus::Complete,
    }
}
