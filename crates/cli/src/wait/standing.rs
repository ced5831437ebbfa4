//! How a cluster stands, by what its resources say of it.
//!
//! Reads: status and generation of the Kafka, its pools, its plan. A status counts for the generation that it speaks of;
//! that stays the former one until a change is in force, as the operator writes it.

use std::fmt;

use kube::ResourceExt as _;
use resources::plan::PlanStatus;
use resources::{Kafka, KafkaNodePool, KafkaPlan};

use super::with_message;

/// How a cluster stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It serves, as it is asked to.
    Settled,
    /// It serves, and something is being changed.
    UnderWay(String),
    /// It serves, and a change that it is asked for does not come into force by itself.
    HeldUp(String),
    /// It does not serve, or not as it is asked to.
    NotReady(String),
}

impl Standing {
    pub(crate) fn of(kafka: &Kafka, plan: Option<&KafkaPlan>) -> Self {
        let Some(status) = &kafka.status else {
            return Self::NotReady("no status yet".to_owned());
        };
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let is = |kind: &str| {
            conditions
                .iter()
                .find(|c| c.kind.as_deref() == Some(kind) && c.status.as_deref() == Some("True"))
        };
        let is_told = status.observed_generation == kafka.metadata.generation;
        let doing = is("Reconciling").map(|doing| doing.message.clone().unwrap_or_default());
        match (is("Ready").is_some(), doing) {
            (true, None) if is_told => return Self::Settled,
            (true, Some(_)) if is_told && is_held_up(kafka, plan) => {
                let why = plan.and_then(|plan| plan.status.as_ref()?.message.clone());
                return Self::HeldUp(why.unwrap_or_default());
            }
            (true, Some(doing)) => return Self::UnderWay(doing),
            (true, None) => {
                return Self::UnderWay(UNSEEN.to_owned());
            }
            (false, _) if !is_told => {
                return Self::NotReady(UNSEEN.to_owned());
            }
            (false, _) => {}
        }
        if is("ReconciliationPaused").is_some() {
            return Self::NotReady(
                "paused by annotation strimzi.io/pause-reconciliation: nothing is looked after until it is taken off"
                    .to_owned(),
            );
        }
        let why = is("NotReady").or_else(|| {
            conditions
                .iter()
                .find(|c| c.kind.as_deref() == Some("Ready"))
        });
        Self::NotReady(why.map_or_else(
            || "not Ready yet".to_owned(),
            |condition| {
                let reason = condition.reason.as_deref().unwrap_or("NotReady");
                with_message(reason, condition.message.as_deref())
            },
        ))
    }
}

const UNSEEN: &str = "its latest change has not been looked at yet";

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("Ready"),
            Self::UnderWay(what) => write!(f, "Ready; under way: {what}"),
            Self::HeldUp(why) => write!(f, "Ready; held up: {why}"),
            Self::NotReady(reason) => f.write_str(reason),
        }
    }
}

/// Whether its plan, which must be of this generation, goes on only when something else happens first.
fn is_held_up(kafka: &Kafka, plan: Option<&KafkaPlan>) -> bool {
    let Some(status) = plan.and_then(|plan| plan.status.as_ref()) else {
        return false;
    };
    status.cluster_generation == kafka.metadata.generation
        && match status.status {
            Some(PlanStatus::Waiting | PlanStatus::Delayed | PlanStatus::Error) => true,
            Some(
                PlanStatus::Pending
                | PlanStatus::Starting
                | PlanStatus::InProgress
                | PlanStatus::Complete,
            )
            | None => false,
        }
}

/// Whether its status, which must be of its latest change, says that it does not become Ready by itself.
pub(super) fn is_stalled(kafka: &Kafka) -> bool {
    kafka.status.as_ref().is_some_and(|status| {
        status.observed_generation == kafka.metadata.generation
            && status.conditions.iter().flatten().any(|c| {
                c.kind.as_deref() == Some("Stalled") && c.status.as_deref() == Some("True")
            })
    })
}

/// Says that the latest change of a pool has not been looked at, of the first such pool.
pub(super) fn unseen_pool(pools: &[KafkaNodePool]) -> Option<String> {
    let unseen = pools.iter().find(|pool| {
        let told = pool
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
        pool.metadata.deletion_timestamp.is_none() && told != pool.metadata.generation
    })?;
    Some(format!(
        "the latest change of KafkaNodePool {} has not been looked at yet",
        unseen.name_any()
    ))
}

#[cfg(test)]
mod tests;
