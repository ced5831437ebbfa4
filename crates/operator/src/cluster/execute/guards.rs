//! Guards: read afresh, or handed to the API server with the write.

use model::observed::identity::{IDENTITY, Identity};
use model::observed::object::ObjectKey;
use planner::{Action, Guard, Step};

use super::super::Subject;
use super::kafka;
use crate::apply::Expected;
use crate::error::Error;
use crate::kinds::{self, Kind};

/// The first guard that does not hold, as text; `None` when all hold as far as a read can tell.
pub(super) async fn check(subject: &Subject<'_>, step: &Step) -> Result<Option<String>, Error> {
    for guard in &step.guards {
        let found = match guard {
            Guard::KafkaIs { uid } => kafka_is(subject, uid, None).await?,
            Guard::KafkaUnchanged {
                uid,
                resource_version,
            } => kafka_is(subject, uid, Some(resource_version)).await?,
            Guard::Recorded {
                cluster_id,
                node,
                directories,
            } => {
                let found = recorded(subject).await?;
                found.and_then(|identity| {
                    let own = identity.nodes.get(node).map(|node| &node.directories);
                    (identity.cluster_id != *cluster_id || own != Some(directories))
                        .then(|| format!("the recorded identity of node {node} changed"))
                })
            }
            Guard::QuorumNotFormed => recorded(subject).await?.and_then(|identity| {
                identity
                    .quorum_formed
                    .then(|| "the quorum was formed in the meantime".to_owned())
            }),
            // The write itself finds out.
            Guard::Absent { object } if writes(step, object) => None,
            Guard::Absent { object } => absent(subject, object).await?,
            // A step that writes something else cannot carry it along.
            Guard::Is { object, uid } if !travels(step) => is_still(subject, object, uid).await?,
            // These two travel with the write: the API server compares them at the moment that counts.
            Guard::Is { object: _, uid: _ }
            | Guard::Unchanged {
                object: _,
                uid: _,
                resource_version: _,
            } => None,
            Guard::MajorityWithout { node } => kafka::majority_without(subject, step, *node).await,
            Guard::IsVoter { node, directory } => kafka::is_voter(subject, *node, directory).await,
            Guard::IsObserver { node, directory } => {
                kafka::is_observer(subject, *node, directory).await
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Whether a guard about an existing object goes to the API server with the write: then the step writes that object.
fn travels(step: &Step) -> bool {
    !matches!(
        &step.action,
        Some(
            Action::Create { .. }
                | Action::RecordIdentity { .. }
                | Action::ReloadCertificates { .. }
        )
    )
}

async fn is_still(
    subject: &Subject<'_>,
    object: &ObjectKey,
    uid: &str,
) -> Result<Option<String>, Error> {
    let kind = super::known(&object.kind)?;
    let api = kind.within(&subject.hands.client, subject.namespace());
    match api.get_metadata_opt(&object.name).await {
        Ok(found) => {
            let same = found.is_some_and(|found| found.metadata.uid.as_deref() == Some(uid));
            Ok((!same).then(|| format!("{object} is gone or another one")))
        }
        Err(source) => Err(Error::kubernetes("read", &object.to_string(), source)),
    }
}

/// Whether the step writes this object.
fn writes(step: &Step, object: &ObjectKey) -> bool {
    match &step.action {
        Some(Action::Apply { object: written } | Action::Create { object: written }) => {
            written["kind"] == object.kind.as_str()
                && written["metadata"]["name"] == object.name.as_str()
        }
        Some(_) | None => false,
    }
}

/// What the guards say about the object that is written.
pub(super) fn expected(guards: &[Guard], kind: Kind, name: &str) -> Expected {
    let is_it = |object: &ObjectKey| object.kind == kind.kind && object.name == name;
    for guard in guards {
        match guard {
            Guard::Absent { object } if is_it(object) => return Expected::Absent,
            Guard::Is { object, uid } if is_it(object) => return Expected::Uid(uid.clone()),
            Guard::Unchanged {
                object,
                uid,
                resource_version,
            } if is_it(object) => {
                return Expected::Version {
                    uid: uid.clone(),
                    resource_version: resource_version.clone(),
                };
            }
            Guard::Absent { .. }
            | Guard::Is { .. }
            | Guard::Unchanged { .. }
            | Guard::KafkaIs { .. }
            | Guard::KafkaUnchanged { .. }
            | Guard::Recorded { .. }
            | Guard::QuorumNotFormed
            | Guard::MajorityWithout { .. }
            | Guard::IsVoter { .. }
            | Guard::IsObserver { .. } => {}
        }
    }
    Expected::Any
}

async fn kafka_is(
    subject: &Subject<'_>,
    uid: &str,
    version: Option<&str>,
) -> Result<Option<String>, Error> {
    let Some(metadata) = kafka_metadata(subject).await? else {
        return Ok(Some("the Kafka is gone".to_owned()));
    };
    Ok(if metadata.uid.as_deref() != Some(uid) {
        Some("the Kafka was replaced by another of the same name".to_owned())
    } else if metadata.deletion_timestamp.is_some() {
        Some("the Kafka is being deleted".to_owned())
    } else if version.is_some_and(|version| metadata.resource_version.as_deref() != Some(version)) {
        Some("the Kafka changed".to_owned())
    } else {
        None
    })
}

/// The recorded identity; an empty one where nothing is recorded, `None` where the Kafka is gone.
async fn recorded(subject: &Subject<'_>) -> Result<Option<Identity>, Error> {
    let metadata = kafka_metadata(subject).await?;
    Ok(metadata.map(|metadata| {
        let annotations = metadata.annotations.unwrap_or_default();
        let record = annotations.get(IDENTITY);
        record
            .and_then(|record| serde_json::from_str(record).ok())
            .unwrap_or_default()
    }))
}

async fn kafka_metadata(subject: &Subject<'_>) -> Result<Option<kube::api::ObjectMeta>, Error> {
    let api = kinds::KAFKA.within(&subject.hands.client, subject.namespace());
    match api.get_metadata_opt(subject.name()).await {
        Ok(found) => Ok(found.map(|kafka| kafka.metadata)),
        Err(source) => Err(Error::kubernetes(
            "read",
            &format!("Kafka {}", subject.name()),
            source,
        )),
    }
}

async fn absent(subject: &Subject<'_>, object: &ObjectKey) -> Result<Option<String>, Error> {
    let kind = super::known(&object.kind)?;
    let api = kind.within(&subject.hands.client, subject.namespace());
    match api.get_metadata_opt(&object.name).await {
        Ok(None) => Ok(None),
        Ok(Some(_)) => Ok(Some(format!(
            "{} {} exists already",
            object.kind, object.name
        ))),
        Err(source) => Err(Error::kubernetes(
            "read",
            &format!("{} {}", object.kind, object.name),
            source,
        )),
    }
}
