//! Claims: of a Kafka as a whole, and of one disruptive step.

use model::observed::identity::LAST_DISRUPTION;
use planner::{Guard, Step, StepEnd};
use serde_json::json;

use super::super::Subject;
use super::end_of;
use crate::apply::{self, Written};
use crate::error::Error;
use crate::kinds;

/// Writes `klamm.dev/claimed-by`.
pub(super) async fn write_claim(
    subject: &Subject<'_>,
    step: &Step,
    by: &str,
) -> Result<StepEnd, Error> {
    annotate(subject, step, model::observed::identity::CLAIMED_BY, by).await
}

/// Writes one annotation of the Kafka under the guard of the step.
pub(super) async fn annotate(
    subject: &Subject<'_>,
    step: &Step,
    key: &str,
    value: &str,
) -> Result<StepEnd, Error> {
    let mut metadata = json!({ "annotations": { key: value }, "uid": subject.uid });
    for guard in &step.guards {
        if let Guard::KafkaUnchanged {
            uid,
            resource_version,
        } = guard
        {
            metadata["uid"] = json!(uid);
            metadata["resourceVersion"] = json!(resource_version);
        }
    }
    let target = (subject.namespace(), subject.name());
    let patch = json!({ "metadata": metadata });
    apply::merge(&subject.hands.client, kinds::KAFKA, target, None, &patch)
        .await
        .map(end_of)
}

/// Claims a disruptive step; tells what was found when somebody else was faster.
///
/// The annotation is written before such a step with the resourceVersion of the look that planned it. Of two operators that
/// think they lead, only one can write it, so only one of them disrupts.
pub(super) async fn claim(subject: &Subject<'_>, step: &Step) -> Result<Option<String>, Error> {
    let hands = subject.hands;
    let value = format!(
        "{} by {} at {}",
        step.id,
        hands.settings.lease.identity,
        hands.clock.now()
    );
    let patch = json!({ "metadata": {
        "uid": subject.uid,
        "resourceVersion": subject.resource_version,
        "annotations": { LAST_DISRUPTION: value },
    }});
    let target = (subject.namespace(), subject.name());
    match apply::merge(&hands.client, kinds::KAFKA, target, None, &patch).await? {
        Written::Yes(_) | Written::Unchanged => Ok(None),
        Written::Refused(found) => Ok(Some(found)),
    }
}
