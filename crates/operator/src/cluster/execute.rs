//! Carries out the steps of a plan: checks each guard afresh, acts once, reports.
//!
//! It makes no choice: what to do, in which order and whether at all is in the plan. What it reads: the objects that
//! guards and actions name. Invariants: no step without the permit; a guard that can travel with the write does, so
//! that the API server decides; a key that exists is never overwritten; nothing secret is in an outcome.
//!
//! Not here: what follows from a step (the next look).

mod claim;
mod draw;
mod guards;
mod kafka;
mod renewal;
mod secrets;
mod settings;

use std::time::Duration;

use futures::StreamExt;
use planner::{Action, Outcome, Plan, Step, StepEnd, StepResult};
use serde_json::Value;

use super::Subject;
use crate::apply::{self, Expected, Written};
use crate::error::{Chain, Error};
use crate::kinds::Kind;

/// Runs every step that may run now.
///
/// Any subset of them in any order is safe, so they go side by side, at most `parallel_steps` at once.
pub(crate) async fn execute(subject: &Subject<'_>, plan: &Plan) -> Outcome {
    let runs: Vec<_> = plan.ready().map(|step| run(subject, step)).collect();
    let at_once = subject.hands.settings.parallel_steps.max(1);
    let results = futures::stream::iter(runs)
        .buffered(at_once)
        .collect()
        .await;
    Outcome { results }
}

async fn run(subject: &Subject<'_>, step: &Step) -> StepResult {
    let bound = Duration::from_secs(step.bound_seconds.into());
    let end = match tokio::time::timeout(bound, attempt(subject, step)).await {
        // Whether it was done is not known: the next look sees.
        Err(_) => StepEnd::Failed {
            error: format!("no answer within {} s", step.bound_seconds),
        },
        Ok(Ok(end)) => end,
        // The API server is asked again at once by the next look; what was found there is for people.
        Ok(Err(error)) if error.is_conflict() => StepEnd::Refused {
            found: Chain(&error).to_string(),
        },
        Ok(Err(error)) => StepEnd::Failed {
            error: Chain(&error).to_string(),
        },
    };
    match &end {
        StepEnd::Done => tracing::info!(step = %step.id, reason = step.reason.word(), "done"),
        StepEnd::Refused { found } => tracing::info!(step = %step.id, found, "refused"),
        StepEnd::Failed { error } => tracing::warn!(step = %step.id, error, "failed"),
    }
    StepResult {
        id: step.id.clone(),
        end,
    }
}

async fn attempt(subject: &Subject<'_>, step: &Step) -> Result<StepEnd, Error> {
    let Some(action) = &step.action else {
        return Ok(StepEnd::Refused {
            found: "there is nothing to do but wait".to_owned(),
        });
    };
    if !subject.hands.permit.held() {
        return Ok(StepEnd::Refused {
            found: "the permit to act ran out".to_owned(),
        });
    }
    if let Some(found) = guards::check(subject, step).await? {
        return Ok(StepEnd::Refused { found });
    }
    if is_disruptive(action)
        && let Some(found) = claim::claim(subject, step).await?
    {
        return Ok(StepEnd::Refused { found });
    }
    // A guard may have taken its time.
    if !subject.hands.permit.held() {
        return Ok(StepEnd::Refused {
            found: "the permit to act ran out".to_owned(),
        });
    }
    act(subject, step, action).await
}

async fn act(subject: &Subject<'_>, step: &Step, action: &Action) -> Result<StepEnd, Error> {
    match action {
        Action::Claim { by } => claim::write_claim(subject, step, by).await,
        Action::RecordIdentity { identity, draw } => {
            draw::record_identity(subject, step, identity, draw).await
        }
        Action::IssueAuthority(request) => secrets::issue_authority(subject, request).await,
        Action::RenewAuthority(renewal) => renewal::renew(subject, step, renewal).await,
        Action::IssueCertificate(request) => {
            secrets::issue_certificate(subject, step, request).await
        }
        Action::DrawSecret {
            secret,
            fixed,
            drawn,
        } => secrets::draw_secret(subject, secret, fixed, drawn).await,
        Action::Apply { object } => {
            let (kind, name) = identify(object)?;
            let expected = guards::expected(&step.guards, kind, &name);
            apply::apply(
                &subject.hands.client,
                kind,
                subject.namespace(),
                object,
                &expected,
            )
            .await
            .map(end_of)
        }
        Action::Create { object } => {
            let (kind, _) = identify(object)?;
            apply::create(&subject.hands.client, kind, subject.namespace(), object)
                .await
                .map(end_of)
        }
        Action::Delete { kind, name } => {
            let kind = known(kind)?;
            let expected = guards::expected(&step.guards, kind, name);
            apply::delete(
                &subject.hands.client,
                kind,
                subject.namespace(),
                name,
                &expected,
            )
            .await
            .map(end_of)
        }
        Action::RemoveVoter { node, directory } => {
            kafka::remove_voter(subject, *node, directory).await
        }
        Action::AddVoter {
            node,
            directory,
            endpoints,
        } => kafka::add_voter(subject, *node, directory, endpoints).await,
        Action::RaiseMetadataVersion { level, version: _ } => {
            kafka::raise_metadata_version(subject, *level).await
        }
        Action::AlterSettings { set, delete } => settings::alter(subject, set, delete).await,
        Action::ReloadCertificates {
            node,
            pod,
            listeners,
        } => settings::reload(subject, *node, pod, listeners).await,
    }
}

/// Whether a step takes something away that runs: such a step is claimed by a conditional write first.
fn is_disruptive(action: &Action) -> bool {
    match action {
        Action::Delete { .. } | Action::RemoveVoter { .. } => true,
        Action::Claim { .. }
        | Action::RecordIdentity { .. }
        | Action::IssueAuthority(_)
        | Action::RenewAuthority(_)
        | Action::IssueCertificate(_)
        | Action::DrawSecret { .. }
        | Action::Apply { .. }
        | Action::Create { .. }
        | Action::AddVoter { .. }
        | Action::RaiseMetadataVersion { .. }
        | Action::AlterSettings { .. }
        | Action::ReloadCertificates { .. } => false,
    }
}

/// How a write ended a step.
pub(super) fn end_of(written: Written) -> StepEnd {
    match written {
        Written::Yes(_) | Written::Unchanged => StepEnd::Done,
        Written::Refused(found) => StepEnd::Refused { found },
    }
}

/// Kind and name of a rendered object.
pub(super) fn identify(object: &Value) -> Result<(Kind, String), Error> {
    let kind = known(object["kind"].as_str().unwrap_or_default())?;
    Ok((
        kind,
        object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    ))
}

fn known(kind: &str) -> Result<Kind, Error> {
    Kind::named(kind).ok_or_else(|| Error::UnknownKind {
        kind: kind.to_owned(),
    })
}

/// What the step expects of the object it writes.
pub(super) fn expected_of(step: &Step, kind: Kind, name: &str) -> Expected {
    guards::expected(&step.guards, kind, name)
}
