//! What users want, from the objects as they were read.
//!
//! Shape first (the API server checks it too, but an old object may predate its definition), then meaning
//! (`model::desired::parse`). Every problem becomes part of the plan; nothing here decides.

use kube::api::DynamicObject;
use model::desired::Cluster;
use model::desired::parse::{Parsed, Settings, parse_cluster};
use model::problem::{Problem, ProblemReason, Subject, Warning};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wanted, or everything that is wrong with it; and what is doubtful.
pub(crate) struct Desired {
    pub(crate) cluster: Result<Cluster, Vec<Problem>>,
    pub(crate) warnings: Vec<Warning>,
}

/// Understands a Kafka and its pools.
pub(crate) fn desire(
    kafka: &DynamicObject,
    pools: &[DynamicObject],
    settings: &Settings,
) -> Desired {
    let kafka = typed::<resources::Kafka>(kafka);
    let pools: Vec<_> = pools
        .iter()
        .map(typed::<resources::KafkaNodePool>)
        .collect();
    let mut problems: Vec<Problem> = pools
        .iter()
        .filter_map(|pool| pool.as_ref().err())
        .flatten()
        .cloned()
        .collect();
    let kafka = match kafka {
        Ok(kafka) => kafka,
        Err(found) => {
            problems.extend(found);
            problems.sort();
            return Desired {
                cluster: Err(problems),
                warnings: Vec::new(),
            };
        }
    };
    let pools: Vec<resources::KafkaNodePool> = pools.into_iter().filter_map(Result::ok).collect();
    let Parsed { cluster, warnings } = parse_cluster(&kafka, &pools, settings);
    if problems.is_empty() {
        return Desired { cluster, warnings };
    }
    problems.extend(cluster.err().into_iter().flatten());
    problems.sort();
    Desired {
        cluster: Err(problems),
        warnings,
    }
}

fn typed<K: DeserializeOwned>(object: &DynamicObject) -> Result<K, Vec<Problem>> {
    let document = serde_json::to_value(object).unwrap_or(Value::Null);
    serde_json::from_value(document).map_err(|error| {
        let kind = object
            .types
            .as_ref()
            .map(|types| types.kind.clone())
            .unwrap_or_default();
        vec![Problem {
            subject: Subject::new(
                kind.clone(),
                object.metadata.name.clone().unwrap_or_default(),
            ),
            reason: ProblemReason::InvalidValue,
            field: "spec".to_owned(),
            given: "its value".to_owned(),
            // The definitions refuse such objects; `klamm validate` names the field.
            allowed: format!("what the definition of {kind} describes ({error})"),
            example: String::new(),
        }]
    })
}
