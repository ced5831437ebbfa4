//! `KafkaPlan`: what Klamm is about to do to a cluster, and what a user says to that.
//!
//! The operator keeps one plan for each cluster, under the cluster's own name. Its status is the tree of
//! phases and steps; its specification holds what users asked for, so that it outlives restarts of the operator.
//! A plan with `spec.preview` is never carried out: its status answers what would be done.
//! What is not here: how a plan is made (`planner`).

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{AnyMap, condition::Condition};

/// What users say to a plan.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "klamm.dev",
    version = "v1alpha1",
    kind = "KafkaPlan",
    plural = "kafkaplans",
    namespaced,
    schema = "disabled",
    category = "klamm",
    shortname = "kplan",
    derive = "PartialEq",
    status = "KafkaPlanStatus",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = ".spec.cluster",
        description = "The cluster that the plan is for"
    ),
    printcolumn(
        name = "Title",
        type_ = "string",
        json_path = ".status.title",
        description = "What the plan is about"
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.status",
        description = "How far it has got"
    ),
    printcolumn(
        name = "Done",
        type_ = "string",
        json_path = ".status.done",
        description = "Steps done, of all steps"
    ),
    printcolumn(
        name = "Since",
        type_ = "date",
        json_path = ".status.since",
        description = "How long it has been so"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = 1,
        description = "What holds it up"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaPlanSpec {
    /// The Kafka that the plan is for, in the same namespace.
    pub cluster: String,
    /// Present: the plan is only worked out, never carried out.
    pub preview: Option<PlanPreview>,
    /// What users asked for, in order; where two speak of the same step, the later one counts.
    pub overrides: Option<Vec<PlanOverride>>,
}

/// What to work out a plan for.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanPreview {
    /// Manifests to take instead of those in the cluster. Absent: the cluster's own.
    pub resources: Option<Vec<AnyMap>>,
}

/// What a user asks of a plan, of a phase (with `phase`), or of a step (with `phase` and `step`).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanOverride {
    /// What is asked.
    pub action: PlanAction,
    /// The phase, by name. Absent: the whole plan.
    pub phase: Option<String>,
    /// The step, by name. Absent: the whole phase.
    pub step: Option<String>,
    /// Any text; a new one asks again for what happens once (`restart`, `force`).
    pub id: Option<String>,
}

/// What can be asked of a plan.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum PlanAction {
    /// Begin nothing more here.
    Pause,
    /// Go on.
    Resume,
    /// Do it again.
    Restart,
    /// Do it although its guard says to wait.
    Force,
}

/// What is known about a plan.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaPlanStatus {
    /// How the plan is.
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the plan's specification that this status speaks of.
    pub observed_generation: Option<i64>,
    /// The generation of the Kafka that the plan leads to.
    pub cluster_generation: Option<i64>,
    /// What it is about, such as `upgrade 4.2.1 → 4.3.1`.
    pub title: Option<String>,
    /// How far it has got, over all phases.
    pub status: Option<PlanStatus>,
    /// Steps done, of all steps, such as `2/9`.
    pub done: Option<String>,
    /// What holds it up.
    pub message: Option<String>,
    /// When the status last changed, UTC.
    pub since: Option<String>,
    /// About how many seconds are left.
    pub seconds_left: Option<i64>,
    /// The phases, in order.
    pub phases: Option<Vec<PlanPhase>>,
    /// Why nothing can be planned, or not everything.
    pub problems: Option<Vec<PlanProblem>>,
    /// The ids of overrides that were obeyed once and are done with.
    pub obeyed: Option<Vec<String>>,
}

/// A part of a plan whose steps belong together.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanPhase {
    /// Its name, unique in the plan.
    pub name: String,
    /// In what order its steps are done.
    pub strategy: PlanStrategy,
    /// How far it has got, over all its steps.
    pub status: PlanStatus,
    /// What there is to say about it.
    pub message: Option<String>,
    /// The steps.
    pub steps: Option<Vec<PlanStep>>,
}

/// One thing to do.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// Its name, unique in the phase, such as `restart 0`.
    pub name: String,
    /// How far it has got.
    pub status: PlanStatus,
    /// Why it is to be done, in one CamelCase word.
    pub reason: Option<String>,
    /// Why it is to be done, or what it waits for, in a sentence.
    pub message: Option<String>,
    /// When its status last changed, UTC.
    pub since: Option<String>,
}

/// Why something cannot be planned.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanProblem {
    /// Why, in one CamelCase word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// The field to change.
    pub path: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How far a step, a phase or a plan has got.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStatus {
    /// Not begun.
    Pending,
    /// Asked for, but not yet seen to happen.
    Starting,
    /// Happening.
    InProgress,
    /// Held back: by a guard, or by a user.
    Waiting,
    /// Failed, to be tried again later.
    Delayed,
    /// Done.
    Complete,
    /// Cannot go on without a human.
    Error,
}

/// In what order the steps of a phase are done.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum PlanStrategy {
    /// One after another.
    Serial,
    /// As many at once as is safe.
    Parallel,
    /// One first; then, if it does well, the others.
    Canary,
}
