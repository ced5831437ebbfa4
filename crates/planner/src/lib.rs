//! Decides what is done to a cluster: (desired, observed, now) → plan; and what is told about it: → status.
//!
//! Reads: [`Input`], nothing else. Pure, total, deterministic: the same input gives a byte-equal plan. What cannot be
//! planned is a [`Problem`], what must wait is a [`Wait`], what was not seen delays and never destroys.
//!
//! Not here: seeing and doing (operator, simulator), the shape of objects (manifests).

use jiff::Timestamp;
use model::desired::Cluster;
use model::observed::World;
use serde::{Deserialize, Serialize};

pub mod action;
mod cluster;
mod differ;
pub mod display;
pub mod guard;
mod kafka_plan;
mod namespace;
pub mod note;
pub mod outcome;
mod permit;
pub mod plan;
pub mod problem;
pub mod reason;
mod settings;
mod status;
pub mod wait;

use cluster::draft::Draft;

pub use action::Action;
pub use cluster::reload::stale as stale_listeners;
pub use cluster::safety::majority_without;
pub use guard::Guard;
pub use note::Note;
pub use outcome::{Outcome, StepEnd, StepResult};
pub use plan::{NextLook, Phase, PhaseName, Plan, Purpose, State, Step, StepState, Strategy, Verb};
pub use problem::Problem;
pub use reason::Reason;
pub use settings::Settings;
pub use status::{Status, status};
pub use wait::Wait;

/// Everything a plan is made from: one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// What users want, or all that is wrong with it.
    pub desired: Result<Cluster, Vec<model::problem::Problem>>,
    /// What is doubtful in it.
    pub warnings: Vec<model::problem::Warning>,
    /// What was seen.
    pub observed: World,
    /// The time of the look.
    pub now: Timestamp,
    /// The operator's own settings.
    pub settings: Settings,
}

/// Plans what is to be done; total: whatever is wrong or unknown is in the plan.
pub fn plan(input: &Input) -> Plan {
    let held = cluster::store::held(input);
    let input = held.as_ref().unwrap_or(input);
    let mut draft = Draft::new(input);
    let purpose = cluster::plan_cluster(input, &mut draft);
    if purpose != Purpose::NotOurs {
        kafka_plan::obey(input, &mut draft);
        namespace::hold_creations(input, &mut draft);
        permit::hold_without(input, &mut draft);
    }
    draft.finish(input, purpose)
}
