//! Steps that change the configuration of running nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use kafka_client::cluster::{Cluster, ConfigChange, ConfigResource};
use kafka_client::error_code::ErrorCode;
use planner::StepEnd;

use super::super::Subject;
use super::super::observe::runners;
use super::kafka::nobody;
use crate::error::Error;
use crate::kinds;

/// How long a node may take to serve certificates that it was told to read; it takes well below a second.
const RELOAD_BOUND: Duration = Duration::from_secs(15);
/// How often its runner is asked.
const RELOAD_PAUSE: Duration = Duration::from_millis(250);

/// Changes properties of all brokers.
pub(super) async fn alter(
    subject: &Subject<'_>,
    set: &BTreeMap<String, String>,
    delete: &BTreeSet<String>,
) -> Result<StepEnd, Error> {
    let Some(kafka) = &subject.kafka.brokers else {
        return Ok(nobody());
    };
    let set = set
        .iter()
        .map(|(key, value)| (key.clone(), ConfigChange::Set(value.clone())));
    let delete = delete.iter().map(|key| (key.clone(), ConfigChange::Delete));
    let changes: BTreeMap<String, ConfigChange> = set.chain(delete).collect();
    let all = kafka
        .alter_configs(&ConfigResource::AllBrokers, &changes, false)
        .await;
    match all {
        Ok(()) => Ok(StepEnd::Done),
        Err(error) if is_of_a_value(&error) => one_by_one(kafka, changes).await,
        Err(error) => Err(Box::new(error).into()),
    }
}

/// Whether Kafka, or a policy of the user's in it, refuses a value, and might take others.
fn is_of_a_value(error: &kafka_client::Error) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::InvalidConfig | ErrorCode::InvalidRequest | ErrorCode::PolicyViolation)
    )
}

/// A value that Kafka refuses keeps back no other: those that it takes are set, those that it does not are told.
async fn one_by_one(
    kafka: &Cluster,
    changes: BTreeMap<String, ConfigChange>,
) -> Result<StepEnd, Error> {
    let mut refused = Vec::new();
    for (key, change) in changes {
        let told = match &change {
            ConfigChange::Set(value) => format!("{key}={value}"),
            ConfigChange::Delete | ConfigChange::Append(_) | ConfigChange::Subtract(_) => {
                key.clone()
            }
        };
        let one = BTreeMap::from([(key, change)]);
        let altered = kafka
            .alter_configs(&ConfigResource::AllBrokers, &one, false)
            .await;
        match altered {
            Ok(()) => {}
            Err(error) if is_of_a_value(&error) => {
                refused.push(format!("Kafka refuses {told}: {}", error.cause));
            }
            // What was refused until now is told by the next look.
            Err(error) => return Err(Box::new(error).into()),
        }
    }
    if refused.is_empty() {
        return Ok(StepEnd::Done);
    }
    Ok(StepEnd::Failed {
        error: refused.join("; "),
    })
}

/// Makes a node read its certificates again.
///
/// Kafka looks at its files whenever the configuration of a node is altered, even where nothing changes by it: deleting a
/// property that is not set leaves nothing behind (tried on 4.3.1, on brokers and on nodes that are controllers only).
pub(super) async fn reload(
    subject: &Subject<'_>,
    node: i32,
    pod: &str,
    listeners: &BTreeSet<String>,
) -> Result<StepEnd, Error> {
    let Some(address) = address_of(subject, pod).await? else {
        return Ok(StepEnd::Refused {
            found: format!("Pod {pod} has no address"),
        });
    };
    let Some(listener) = listeners.first() else {
        return Ok(StepEnd::Done);
    };
    // A node that is both is asked as a broker: one change reaches both halves.
    let (brokers, controllers) = (&subject.kafka.brokers, &subject.kafka.controllers);
    let property = format!(
        "listener.name.{}.ssl.keystore.location",
        listener.to_lowercase()
    );
    let changes = BTreeMap::from([(property, ConfigChange::Delete)]);
    let resource = ConfigResource::Broker(node);
    let mut outcome = None;
    for kafka in [brokers, controllers].into_iter().flatten() {
        let altered = kafka.alter_configs(&resource, &changes, false).await;
        let done = altered.is_ok();
        outcome = Some(altered);
        if done {
            break;
        }
    }
    match outcome {
        None => return Ok(nobody()),
        Some(Err(error)) => return Err(Box::new(error).into()),
        Some(Ok(())) => {}
    }
    let served = async {
        loop {
            let state = runners::ask_at(subject.hands, pod, address).await;
            if let Some(state) = state.value()
                && planner::stale_listeners(state).is_empty()
            {
                return;
            }
            tokio::time::sleep(RELOAD_PAUSE).await;
        }
    };
    match tokio::time::timeout(RELOAD_BOUND, served).await {
        Ok(()) => Ok(StepEnd::Done),
        Err(_) => Ok(StepEnd::Failed {
            error: format!(
                "node {node} was told to read its certificates again and still does not serve them: its log says why; once its Pod is deleted it starts with them"
            ),
        }),
    }
}

async fn address_of(subject: &Subject<'_>, pod: &str) -> Result<Option<IpAddr>, Error> {
    let api = kinds::POD.within(&subject.hands.client, subject.namespace());
    let found = api
        .get_opt(pod)
        .await
        .map_err(|source| Error::kubernetes("read", &format!("Pod {pod}"), source))?;
    Ok(found.and_then(|found| found.data["status"]["podIP"].as_str()?.parse().ok()))
}
