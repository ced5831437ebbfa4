//! What a plan is made of.
//!
//! A [`Plan`] is phases of steps, derived afresh at each look. It holds every step that is still needed; those in state
//! [`StepState::Ready`] may run now, and any subset of them in any order is safe. What follows from them waits for the
//! next look.
//!
//! Not here: what a step does (`action.rs`), why (`reason.rs`), what must still be true (`guard.rs`), how it is shown
//! (`display.rs`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::guard::Guard;
use crate::note::Note;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::reason::Reason;
use crate::wait::Wait;

/// What is still to be done for one cluster, and why it is not done at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an unread plan is not actionable"]
pub struct Plan {
    /// Name of the Kafka.
    pub cluster: String,
    /// What it is about, as a whole.
    pub purpose: Purpose,
    /// Generation of the Kafka that was looked at.
    pub generation: i64,
    /// When was looked.
    pub looked_at: Timestamp,
    /// The phases in order; those without steps are complete.
    pub phases: Vec<Phase>,
    /// What stops the plan, or a part of it, until somebody changes something.
    pub problems: Vec<Problem>,
    /// What should be known although nothing is done about it.
    pub notes: Vec<Note>,
    /// When to look again if nothing happens before.
    pub next_look: NextLook,
}

/// What a plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Nothing is planned, because this Kafka is not ours to act on.
    NotOurs,
    /// Nothing is planned, because a user paused it.
    Paused,
    /// Nothing is planned, because the resource goes.
    Deleting,
    /// Nothing is planned, because what is wanted has problems.
    Refused,
    /// The cluster comes up for the first time, or again after its Kafka was deleted.
    Deploy,
    /// Something that was there is gone or broken.
    Recover,
    /// Everything is there; what is left disturbs nobody.
    Maintain,
}

/// A group of steps that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Which one.
    pub name: PhaseName,
    /// How its steps go.
    pub strategy: Strategy,
    /// Whether it could be planned: otherwise what it needs is decided after earlier phases.
    pub planned: bool,
    /// Steps still needed, in order.
    pub steps: Vec<Step>,
}

/// The phases there are, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PhaseName {
    /// May we act, and is what we see consistent?
    Check,
    /// Cluster id, node ids, directory ids: recorded before anything uses them.
    Identity,
    /// Authorities and what they sign.
    Certificates,
    /// Services, policies, accounts: what the nodes share.
    Shared,
    /// Volume claims.
    Volumes,
    /// Where the metadata are, where that is not in the nodes.
    Store,
    /// Nodes that vote on metadata (combined ones too).
    Controllers,
    /// Nodes that only hold partitions.
    Brokers,
    /// What is left when all nodes serve.
    Finish,
}

impl PhaseName {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Check,
        Self::Identity,
        Self::Certificates,
        Self::Shared,
        Self::Volumes,
        Self::Store,
        Self::Controllers,
        Self::Brokers,
        Self::Finish,
    ];

    /// The word in plans and in a KafkaPlan.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Identity => "identity",
            Self::Certificates => "certificates",
            Self::Shared => "shared",
            Self::Volumes => "volumes",
            Self::Store => "store",
            Self::Controllers => "controllers",
            Self::Brokers => "brokers",
            Self::Finish => "finish",
        }
    }
}

/// How the steps of a phase go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// One after the other.
    Serial,
    /// All that are safe together.
    Parallel,
}

/// One thing to do, or to wait for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `<phase>/<verb>/<subject>`, the same at every look.
    pub id: String,
    /// What it does; a step that only waits for others (a broker that starts) has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The verb it is shown by: `create`, `apply`, `start`, ….
    pub verb: Verb,
    /// What it is about: a node id, or `Kind/name`.
    pub subject: String,
    /// Why it is needed.
    pub reason: Reason,
    /// What must still be true when it runs, read afresh.
    #[serde(default)]
    pub guards: Vec<Guard>,
    /// How long it may take before it counts as failed, in seconds.
    pub bound_seconds: u32,
    /// Whether it may run.
    pub state: StepState,
}

/// What a step does, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Claims the Kafka.
    Claim,
    /// Draws or writes down identity.
    Record,
    /// Makes a certificate authority or certificate.
    Issue,
    /// Brings an object to the rendered shape.
    Apply,
    /// Creates an object.
    Create,
    /// Deletes an object.
    Delete,
    /// Waits until a node serves.
    Start,
    /// Removes a voter from the quorum.
    RemoveVoter,
    /// Adds a voter to the quorum.
    AddVoter,
    /// Changes a feature level.
    Raise,
    /// Changes the configuration of brokers while they run.
    Alter,
    /// Makes a node read its certificates again.
    Reload,
    /// Waits for something that is no node.
    Await,
}

impl Verb {
    /// The word in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Record => "record",
            Self::Issue => "issue",
            Self::Apply => "apply",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Start => "start",
            Self::RemoveVoter => "remove voter",
            Self::AddVoter => "add voter",
            Self::Raise => "raise",
            Self::Alter => "alter",
            Self::Reload => "reload",
            Self::Await => "await",
        }
    }
}

/// Whether a step may run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// It may run now, together with all others that are ready.
    Ready,
    /// Its turn comes after other steps of this plan.
    Pending,
    /// It is under way in the world; `progress` says how far (may be empty).
    Running {
        /// For people: `log recovery, 12 logs left`.
        progress: String,
    },
    /// It must not run yet.
    Waiting(Wait),
    /// A user held it (`pause`).
    Held,
    /// It cannot be done until somebody acts; the plan has the problem.
    Blocked,
}

/// The words of a plan, after DC/OS Commons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Stopped by a problem.
    Error,
    /// Held back by something outside the plan, or by a user.
    Waiting,
    /// Its turn has not come.
    Pending,
    /// Under way, not yet visible.
    Starting,
    /// Under way.
    InProgress,
    /// Failed and tried again later.
    Delayed,
    /// Nothing is left to do.
    Complete,
}

impl State {
    /// The word in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Waiting => "WAITING",
            Self::Pending => "PENDING",
            Self::Starting => "STARTING",
            Self::InProgress => "IN_PROGRESS",
            Self::Delayed => "DELAYED",
            Self::Complete => "COMPLETE",
        }
    }
}

/// When to look again if nothing happens before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextLook {
    /// After so many milliseconds.
    pub after_ms: u64,
}

impl Plan {
    /// The steps that may run now, in order. Any subset of them in any order is safe.
    pub fn ready(&self) -> impl Iterator<Item = &Step> {
        self.steps().filter(|step| step.state == StepState::Ready)
    }

    /// All steps still needed.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }

    /// What the plan waits for, in order, each once.
    pub fn waits(&self) -> Vec<&Wait> {
        let mut waits: Vec<&Wait> = self
            .steps()
            .filter_map(|step| match &step.state {
                StepState::Waiting(wait) => Some(wait),
                StepState::Ready
                | StepState::Pending
                | StepState::Running { progress: _ }
                | StepState::Held
                | StepState::Blocked => None,
            })
            .collect();
        waits.sort();
        waits.dedup();
        waits
    }

    /// Whether nothing is left to do and nothing is wrong. A plan that stands back is not complete.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.state() == State::Complete
    }

    /// The state of the whole, before its steps are tried.
    pub fn state(&self) -> State {
        self.state_after(&Outcome::default())
    }

    /// The state of the whole, from its phases.
    pub fn state_after(&self, outcome: &Outcome) -> State {
        let phases = self.phases.iter();
        aggregate(phases.map(|phase| self.phase_state(phase, outcome)))
    }

    /// The state of a phase, from its steps and from the problems that hold it up.
    pub fn phase_state(&self, phase: &Phase, outcome: &Outcome) -> State {
        let problems = self.problems_of(phase.name).map(|(_, state)| state);
        let steps = phase.steps.iter().map(|step| outcome.state_of(step));
        let parts: Vec<State> = problems.chain(steps).collect();
        if !phase.planned && parts.is_empty() {
            return State::Pending;
        }
        aggregate(parts.into_iter())
    }

    /// The problems that hold a phase up.
    pub(crate) fn problems_of(&self, name: PhaseName) -> impl Iterator<Item = (&Problem, State)> {
        let problems = self.problems.iter();
        problems.filter_map(move |problem| {
            let (phase, state) = problem.holds_up()?;
            (phase == name).then_some((problem, state))
        })
    }
}

impl StepState {
    /// The word for it.
    pub const fn state(&self) -> State {
        match self {
            Self::Ready => State::Starting,
            Self::Pending => State::Pending,
            Self::Running { progress: _ } => State::InProgress,
            Self::Waiting(_) | Self::Held => State::Waiting,
            Self::Blocked => State::Error,
        }
    }
}

/// The state of a whole from the states of its parts (DC/OS Commons): an error shows first; all complete is complete;
/// work under way shows before waiting; a whole that only waits is waiting.
pub(crate) fn aggregate(parts: impl Iterator<Item = State>) -> State {
    let parts: Vec<State> = parts.collect();
    let any = |state| parts.contains(&state);
    if any(State::Error) {
        State::Error
    } else if parts.iter().all(|state| *state == State::Complete) {
        State::Complete
    } else if any(State::InProgress) || any(State::Starting) {
        State::InProgress
    } else if any(State::Delayed) {
        State::Delayed
    } else if any(State::Waiting) {
        State::Waiting
    } else if any(State::Complete) {
        State::InProgress
    } else {
        State::Pending
    }
}
