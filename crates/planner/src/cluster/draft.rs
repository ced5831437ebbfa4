//! A plan in the making.

use std::collections::BTreeMap;

use model::observed::object::ObjectKey;

use crate::Input;
use crate::action::Action;
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{NextLook, Phase, PhaseName, Plan, Purpose, Step, StepState, Strategy, Verb};
use crate::problem::Problem;
use crate::reason::Reason;
use crate::status;
use crate::wait::Wait;

/// Longest time a write to the API server may take.
const WRITE_SECONDS: u32 = 30;
/// Longest time a change of the quorum may take: Kafka waits for a new voter to catch up.
const VOTER_SECONDS: u32 = 60;
/// Longest time a node may take to serve, before it counts as stuck: 10 min, as log recovery can be long.
const START_SECONDS: u32 = 600;

/// Steps, problems and notes as they are found.
#[derive(Debug)]
pub(crate) struct Draft {
    kafka_uid: String,
    steps: BTreeMap<PhaseName, Vec<Step>>,
    planned_until: Option<PhaseName>,
    /// Whether the metadata are in a store of their own, and not in controllers.
    pub(crate) has_store: bool,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
}

/// A step before it has its place.
pub(crate) struct NewStep {
    pub(crate) phase: PhaseName,
    pub(crate) verb: Verb,
    pub(crate) subject: String,
    pub(crate) reason: Reason,
    pub(crate) action: Option<Action>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) state: StepState,
}

impl Draft {
    pub(crate) fn new(input: &Input) -> Self {
        Self {
            kafka_uid: input.observed.kafka.meta.uid.clone(),
            steps: BTreeMap::new(),
            planned_until: Some(PhaseName::Finish),
            has_store: false,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a step. Every action is guarded by the uid of the Kafka, so that no step outlives the resource it was
    /// planned for.
    pub(crate) fn push(&mut self, new: NewStep) {
        let NewStep {
            phase,
            verb,
            subject,
            reason,
            action,
            mut guards,
            state,
        } = new;
        let named = guards
            .iter()
            .any(|guard| matches!(guard, Guard::KafkaUnchanged { .. }));
        if action.is_some() && !named {
            guards.insert(
                0,
                Guard::KafkaIs {
                    uid: self.kafka_uid.clone(),
                },
            );
        }
        let bound_seconds = match verb {
            Verb::Claim
            | Verb::Record
            | Verb::Issue
            | Verb::Apply
            | Verb::Create
            | Verb::Delete
            | Verb::Raise
            | Verb::Alter
            | Verb::Reload => WRITE_SECONDS,
            Verb::RemoveVoter | Verb::AddVoter => VOTER_SECONDS,
            Verb::Start | Verb::Await => START_SECONDS,
        };
        let id = format!(
            "{}/{}/{subject}",
            phase.as_str(),
            verb.as_str().replace(' ', "-")
        );
        self.steps.entry(phase).or_default().push(Step {
            id,
            action,
            verb,
            subject,
            reason,
            guards,
            bound_seconds,
            state,
        });
    }

    /// Says that the phases after this one cannot be planned yet; `None`: no phase at all.
    pub(crate) fn plan_until(&mut self, phase: impl Into<Option<PhaseName>>) {
        self.planned_until = phase.into();
    }

    /// Adds a step that only waits.
    pub(crate) fn wait(&mut self, phase: PhaseName, subject: &str, reason: Reason, wait: Wait) {
        self.push(NewStep {
            phase,
            verb: Verb::Await,
            subject: subject.to_owned(),
            reason,
            action: None,
            guards: Vec::new(),
            state: StepState::Waiting(wait),
        });
    }

    pub(crate) fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.steps.values_mut().flatten()
    }

    /// The plan, with all phases in order.
    pub(crate) fn finish(mut self, input: &Input, purpose: Purpose) -> Plan {
        self.problems.sort();
        self.problems.dedup();
        self.notes.sort();
        self.notes.dedup();
        let left_out = if self.has_store {
            PhaseName::Controllers
        } else {
            PhaseName::Store
        };
        let phases = PhaseName::ALL
            .into_iter()
            .filter(|name| *name != left_out)
            .map(|name| Phase {
                name,
                strategy: strategy(name),
                planned: Some(name) <= self.planned_until,
                steps: self.steps.remove(&name).unwrap_or_default(),
            })
            .collect();
        let mut plan = Plan {
            cluster: input.observed.kafka.name.clone(),
            purpose,
            generation: input.observed.kafka.generation,
            looked_at: input.now,
            phases,
            problems: self.problems,
            notes: self.notes,
            next_look: NextLook { after_ms: 0 },
        };
        let asks = purpose == Purpose::Maintain && status::unseen_settings(input).is_some();
        plan.next_look = next_look(&plan, asks);
        plan
    }
}

const fn strategy(phase: PhaseName) -> Strategy {
    match phase {
        PhaseName::Check | PhaseName::Identity | PhaseName::Finish => Strategy::Serial,
        PhaseName::Certificates
        | PhaseName::Shared
        | PhaseName::Volumes
        | PhaseName::Store
        | PhaseName::Controllers
        | PhaseName::Brokers => Strategy::Parallel,
    }
}

/// When to look again without an event: soon after acting, each half second while Kafka has to be asked how far it is
/// (`asks`: what it has in force), else rarely (events tell).
fn next_look(plan: &Plan, asks: bool) -> NextLook {
    /// Our own writes come back as events; this is for those that do not (a change of the quorum).
    const AFTER_ACTING_MS: u64 = 200;
    /// Kafka sends no events: brokers that come up are asked.
    const WHILE_WAITING_MS: u64 = 500;
    /// A problem that somebody has to solve shows as an event.
    const WITH_PROBLEM_MS: u64 = 10_000;
    /// Certificates age and brokers fall behind without an event.
    const QUIET_MS: u64 = 30_000;
    let after_ms = if plan.ready().next().is_some() {
        AFTER_ACTING_MS
    } else if asks || plan.steps().next().is_some() {
        WHILE_WAITING_MS
    } else if plan.problems.is_empty() {
        QUIET_MS
    } else {
        WITH_PROBLEM_MS
    };
    NextLook { after_ms }
}

/// The guard that an object is not there.
pub(crate) fn absent(kind: &str, name: &str) -> Guard {
    Guard::Absent {
        object: ObjectKey::new(kind, name),
    }
}
