//! Conditions, with times that move only when their status does.

use jiff::Timestamp;
use model::problem::Warning;
use resources::Condition;
use serde_json::Value;

use crate::Input;
use crate::outcome::{Outcome, StepEnd};
use crate::plan::{Plan, Purpose, Step, StepState, Verb};
use crate::problem::Problem;
use crate::reason::listed;

/// Type of the one condition on a Kafka of somebody else's.
pub(super) const FOREIGN: &str = "Klamm";

/// Longest message: longer ones are cut, as conditions are read in tables.
const MESSAGE_MAX: usize = 1_024;
/// Reason of a cluster that has not been Ready yet.
const CREATING: &str = "Creating";

/// The conditions of the Kafka, and the generation that they speak of.
///
/// A cluster that serves stays Ready while a change that disturbs nobody is under way. Until that is in force the
/// generation stays the one before, as it does with Strimzi: who waits for Ready (`kubectl wait`) waits for the change.
pub(super) fn of_kafka(input: &Input, plan: &Plan, outcome: &Outcome) -> (Vec<Condition>, i64) {
    let last = &input.observed.kafka.status;
    let now = input.now;
    let mut conditions = Vec::new();
    let mut add = |kind: &str, status: &str, reason: &str, message: &str| {
        conditions.push(condition(last, now, (kind, status), reason, message));
    };
    let mut generation = input.observed.kafka.generation;
    if plan.purpose == Purpose::Paused {
        add("ReconciliationPaused", "True", "", "");
        return (conditions, generation);
    }
    match verdict(input, plan, outcome) {
        Verdict::Ready { busy } => {
            add("Ready", "True", "", "");
            let failures = failures(plan, outcome);
            if let Some(message) = busy {
                add("Reconciling", "True", "Maintaining", &message);
                if failures.is_none() && !is_held(plan) {
                    generation = told_generation(input).unwrap_or(generation);
                }
            }
            // A cluster that serves is Ready, and all the same somebody has to see to this.
            if let Some(failures) = failures {
                add("Warning", "True", "StepFailed", &failures);
            }
        }
        Verdict::Progressing { reason, message } => {
            add("Ready", "False", &reason, &message);
            add("NotReady", "True", &reason, &message);
            add("Reconciling", "True", &reason, &message);
        }
        Verdict::Stalled { reason, message } => {
            add("Ready", "False", &reason, &message);
            add("NotReady", "True", &reason, &message);
            add("Stalled", "True", &reason, &message);
        }
    }
    for warning in warnings(input, "Kafka", &input.observed.kafka.name) {
        add(
            "Warning",
            "True",
            warning.reason.as_str(),
            &warning.to_string(),
        );
    }
    for note in &plan.notes {
        add("Warning", "True", &note.reason, &note.message);
    }
    (conditions, generation)
}

/// The conditions of a pool: what is doubtful in it. Whether it is ready is told by the Kafka.
pub(super) fn of_pool(input: &Input, name: &str, last: &Value) -> Vec<Condition> {
    let warnings = warnings(input, "KafkaNodePool", name);
    warnings
        .map(|warning| {
            let reason = warning.reason.as_str();
            condition(
                last,
                input.now,
                ("Warning", "True"),
                reason,
                &warning.to_string(),
            )
        })
        .collect()
}

/// The one condition on a Kafka whose Pods are somebody else's; none where another operator of ours claimed it.
pub(super) fn foreign(input: &Input, plan: &Plan) -> Option<Condition> {
    let problem = plan
        .problems
        .iter()
        .find(|problem| matches!(problem, Problem::ForeignOwner { .. }))?;
    let last = &input.observed.kafka.status;
    let told = (FOREIGN, "False");
    Some(condition(
        last,
        input.now,
        told,
        problem.word(),
        &problem.to_string(),
    ))
}

/// Whether these conditions say ready.
pub(super) fn is_ready(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| {
        condition.kind.as_deref() == Some("Ready") && condition.status.as_deref() == Some("True")
    })
}

enum Verdict {
    /// All nodes serve as wanted; `busy` says what is done on the side.
    Ready { busy: Option<String> },
    /// Not all do; it goes on by itself.
    Progressing { reason: String, message: String },
    /// Somebody has to do something.
    Stalled { reason: String, message: String },
}

fn verdict(input: &Input, plan: &Plan, outcome: &Outcome) -> Verdict {
    // What was said of the plan wrongly is told there; it does not make a cluster less ready.
    let problems = plan.problems.iter();
    let problems: Vec<&Problem> = problems
        .filter(|problem| !matches!(problem, Problem::Override { .. }))
        .collect();
    if let Some(first) = problems.first() {
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Verdict::Stalled {
            reason: first.word().to_owned(),
            message: messages.join("; "),
        };
    }
    let is_ready = plan.purpose == Purpose::Maintain && plan.steps().all(is_on_the_side);
    if is_ready && plan.steps().next().is_none() {
        return Verdict::Ready {
            busy: unseen_settings(input),
        };
    }
    // What cannot be seen for a moment is not thereby broken: the last verdict stands.
    if is_ready || (was_ready(input) && has_unknown(plan)) {
        return Verdict::Ready {
            busy: Some(summary(plan)),
        };
    }
    let message = failures(plan, outcome).unwrap_or_else(|| summary(plan));
    let reason = match plan.purpose {
        Purpose::Deploy => CREATING,
        // Until it is Ready for the first time there is nothing to recover.
        Purpose::Recover if was_creating(input) => CREATING,
        Purpose::Recover => "Recovering",
        Purpose::NotOurs
        | Purpose::Paused
        | Purpose::Deleting
        | Purpose::Refused
        | Purpose::Maintain => "Reconciling",
    };
    Verdict::Progressing {
        reason: reason.to_owned(),
        message,
    }
}

/// Whether a step takes nothing away from a cluster that serves: applying a Service, issuing a certificate.
fn is_on_the_side(step: &Step) -> bool {
    match step.verb {
        Verb::Apply | Verb::Issue | Verb::Record | Verb::Raise | Verb::Alter | Verb::Reload => true,
        Verb::Claim
        | Verb::Create
        | Verb::Delete
        | Verb::Start
        | Verb::RemoveVoter
        | Verb::AddVoter
        | Verb::Await => false,
    }
}

/// What brokers have in force must have been seen once for a generation to be in force.
pub(crate) fn unseen_settings(input: &Input) -> Option<String> {
    let told = was_ready(input) && told_generation(input) == Some(input.observed.kafka.generation);
    let mut answers = input.observed.settings.values();
    (!told && !answers.any(|answer| answer.value().is_some()))
        .then(|| "until the brokers say which properties they have in force".to_owned())
}

/// Whether users hold all that is left.
fn is_held(plan: &Plan) -> bool {
    plan.steps().next().is_some() && plan.steps().all(|step| step.state == StepState::Held)
}

/// The generation that the last status speaks of.
fn told_generation(input: &Input) -> Option<i64> {
    input
        .observed
        .kafka
        .status
        .get("observedGeneration")?
        .as_i64()
}

fn was_ready(input: &Input) -> bool {
    last_ready(input).is_some_and(|ready| ready["status"] == "True")
}

fn was_creating(input: &Input) -> bool {
    last_ready(input).is_some_and(|ready| ready["reason"] == CREATING)
}

/// The condition `Ready` of the last status.
fn last_ready(input: &Input) -> Option<&Value> {
    let conditions = input.observed.kafka.status.get("conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")
}

/// Whether the look itself could not see enough to plan.
fn has_unknown(plan: &Plan) -> bool {
    plan.waits()
        .iter()
        .any(|wait| matches!(wait, crate::Wait::Unknown { .. }))
        && plan.purpose == Purpose::Maintain
}

fn failures(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let failed = outcome
        .results
        .iter()
        .filter_map(|result| match &result.end {
            StepEnd::Failed { error } => {
                let step = plan.steps().find(|step| step.id == result.id)?;
                Some(format!("{} {}: {error}", step.verb.as_str(), step.subject))
            }
            StepEnd::Done | StepEnd::Refused { found: _ } => None,
        });
    let failed: Vec<String> = failed.collect();
    (!failed.is_empty()).then(|| listed(&failed, 3))
}

/// What is under way, in words that stay the same while it is: no numbers that count.
fn summary(plan: &Plan) -> String {
    if is_held(plan) {
        return "what is left to do is paused by a user".to_owned();
    }
    let waits: Vec<String> = plan.waits().iter().map(ToString::to_string).collect();
    let mut parts = Vec::new();
    for verb in [Verb::Create, Verb::Start] {
        let nodes = plan.steps().filter(|step| step.verb == verb);
        let nodes = nodes.filter(|step| !matches!(step.state, StepState::Waiting(_)));
        let nodes: Vec<String> = nodes
            .filter(|step| step.subject.chars().all(|c| c.is_ascii_digit()))
            .map(|step| step.subject.clone())
            .collect();
        if !nodes.is_empty() {
            let word = if verb == Verb::Create {
                "to be created"
            } else {
                "starting"
            };
            parts.push(format!("{word}: {}", listed(&nodes, 9)));
        }
    }
    let changes = plan.steps().filter(|step| step.verb == Verb::Alter);
    parts.extend(changes.map(|step| step.reason.to_string()));
    if parts.is_empty() && waits.is_empty() {
        let phase = plan.phases.iter().find(|phase| !phase.steps.is_empty());
        parts.extend(phase.map(|phase| format!("phase {}", phase.name.as_str())));
    }
    parts.extend(waits);
    listed(&parts, 4)
}

fn warnings<'a>(
    input: &'a Input,
    kind: &'a str,
    name: &'a str,
) -> impl Iterator<Item = &'a Warning> {
    let warnings = input.warnings.iter();
    warnings.filter(move |warning| warning.subject.kind == kind && warning.subject.name == name)
}

/// A condition; its time is the last one's while the status is the same.
fn condition(
    last: &Value,
    now: Timestamp,
    (kind, status): (&str, &str),
    reason: &str,
    message: &str,
) -> Condition {
    let message = cut(message);
    let before = last
        .get("conditions")
        .and_then(Value::as_array)
        .and_then(|all| {
            all.iter().find(|other| {
                // There are several warnings; each is known by what it says.
                let same =
                    kind != "Warning" || (other["reason"] == reason && other["message"] == message);
                other["type"] == kind && other["status"] == status && same
            })
        });
    let since = before
        .and_then(|before| before.get("lastTransitionTime"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Condition {
        kind: some(kind),
        status: some(status),
        last_transition_time: Some(since.unwrap_or_else(|| seconds(now))),
        reason: some(reason),
        message: some(&message),
    }
}

/// The form that Kubernetes' own conditions have: `2026-11-21T09:00:00Z`.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn cut(message: &str) -> String {
    if message.chars().count() <= MESSAGE_MAX {
        return message.to_owned();
    }
    let kept: String = message.chars().take(MESSAGE_MAX - 1).collect();
    format!("{kept}…")
}
