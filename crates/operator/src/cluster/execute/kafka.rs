//! Steps that Kafka carries out, and guards that Kafka answers.
//!
//! A guard asks afresh: what the look saw may be minutes old.

use kafka_client::cluster::{FeatureChange, VoterEndpoint};
use kafka_client::id::parse_kafka_id;
use kafka_client::{Cluster, ErrorCode};
use model::observed::kafka::Quorum;
use planner::action::Endpoint;
use planner::{Action, Step, StepEnd};

use super::super::Subject;
use super::super::observe::kafka::quorum_of;
use crate::error::Error;

pub(super) async fn remove_voter(
    subject: &Subject<'_>,
    node: i32,
    directory: &str,
) -> Result<StepEnd, Error> {
    let (kafka, Some(id)) = (controllers(subject), parse_kafka_id(directory)) else {
        return Ok(StepEnd::Refused {
            found: format!("{directory} is no directory id"),
        });
    };
    let Some(kafka) = kafka else {
        return Ok(nobody());
    };
    match kafka.remove_voter(cluster_id(subject), node, id).await {
        Ok(()) => Ok(StepEnd::Done),
        // A reply may have been lost before: what is asked for is so.
        Err(error) if error.code() == Some(ErrorCode::VoterNotFound) => Ok(StepEnd::Done),
        Err(error) => Err(Box::new(error).into()),
    }
}

pub(super) async fn add_voter(
    subject: &Subject<'_>,
    node: i32,
    directory: &str,
    endpoints: &[Endpoint],
) -> Result<StepEnd, Error> {
    let (kafka, Some(id)) = (controllers(subject), parse_kafka_id(directory)) else {
        return Ok(StepEnd::Refused {
            found: format!("{directory} is no directory id"),
        });
    };
    let Some(kafka) = kafka else {
        return Ok(nobody());
    };
    let listeners: Vec<VoterEndpoint> = endpoints
        .iter()
        .map(
            |Endpoint {
                 listener,
                 host,
                 port,
             }| VoterEndpoint {
                name: listener.clone(),
                host: host.clone(),
                port: *port,
            },
        )
        .collect();
    match kafka
        .add_voter(cluster_id(subject), node, id, &listeners)
        .await
    {
        Ok(()) => Ok(StepEnd::Done),
        Err(error) if error.code() == Some(ErrorCode::DuplicateVoter) => Ok(StepEnd::Done),
        Err(error) => Err(Box::new(error).into()),
    }
}

pub(super) async fn raise_metadata_version(
    subject: &Subject<'_>,
    level: i16,
) -> Result<StepEnd, Error> {
    let Some(kafka) = subject
        .kafka
        .brokers
        .as_ref()
        .or(subject.kafka.controllers.as_ref())
    else {
        return Ok(nobody());
    };
    let change = FeatureChange {
        name: "metadata.version".to_owned(),
        level,
        may_downgrade: false,
    };
    match kafka.update_features(&[change], false).await {
        Ok(()) => Ok(StepEnd::Done),
        Err(error) => Err(Box::new(error).into()),
    }
}

/// Whether the quorum as it is now can spare this node, by the rule that planned it; the text says why not.
pub(super) async fn majority_without(
    subject: &Subject<'_>,
    step: &Step,
    node: i32,
) -> Option<String> {
    let removed = matches!(step.action, Some(Action::RemoveVoter { .. }));
    match quorum(subject).await {
        Ok(quorum) => (!planner::majority_without(&quorum, node, removed))
            .then(|| format!("without node {node} the controllers would lose their majority")),
        Err(found) => Some(found),
    }
}

/// Whether the quorum has this voter.
pub(super) async fn is_voter(subject: &Subject<'_>, node: i32, directory: &str) -> Option<String> {
    match quorum(subject).await {
        Ok(quorum) => (!quorum
            .voters
            .iter()
            .any(|voter| is_it(voter, node, directory)))
        .then(|| format!("node {node} with directory {directory} is no voter")),
        Err(found) => Some(found),
    }
}

/// Whether the quorum has this observer and no voter of its node id.
pub(super) async fn is_observer(
    subject: &Subject<'_>,
    node: i32,
    directory: &str,
) -> Option<String> {
    let quorum = match quorum(subject).await {
        Ok(quorum) => quorum,
        Err(found) => return Some(found),
    };
    if quorum.voters.iter().any(|voter| voter.id == node) {
        return Some(format!("node {node} is a voter already"));
    }
    (!quorum
        .observers
        .iter()
        .any(|observer| is_it(observer, node, directory)))
    .then(|| format!("node {node} with directory {directory} does not follow the metadata log"))
}

fn is_it(found: &model::observed::kafka::QuorumNode, node: i32, directory: &str) -> bool {
    found.id == node && found.directory.as_deref() == Some(directory)
}

async fn quorum(subject: &Subject<'_>) -> Result<Quorum, String> {
    let Some(kafka) = controllers(subject) else {
        return Err("no controller can be asked".to_owned());
    };
    kafka
        .describe_quorum()
        .await
        .map(|quorum| quorum_of(&quorum))
        .map_err(|error| error.report())
}

fn controllers<'a>(subject: &Subject<'a>) -> Option<&'a Cluster> {
    subject
        .kafka
        .controllers
        .as_ref()
        .or(subject.kafka.brokers.as_ref())
}

fn cluster_id<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    subject.cluster_id
}

pub(super) fn nobody() -> StepEnd {
    StepEnd::Refused {
        found: "no node of Kafka can be asked".to_owned(),
    }
}
