//! Eviction: a Pod is deleted if its disruption budget has room, and the room is taken before it is deleted.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::selector::LabelSelector;
use crate::server::{Call, Server};
use crate::store::{Change, CommitError, Expect, Key, Range, Record};
use crate::verbs::delete::{self, Options};
use crate::{answer, body, metadata};

const BUDGETS: (&str, &str) = ("policy", "poddisruptionbudgets");
const ATTEMPTS: usize = 32;

/// Evict a Pod.
pub(crate) async fn evict(server: &Server, call: &Call, bytes: &[u8]) -> Result<Response, Failure> {
    let eviction = body::parse(&call.content_type, bytes)?.value;
    let options = Options::of(call, &eviction["deleteOptions"])?;
    let record = server
        .store
        .get(&call.key())
        .ok_or_else(|| call.not_found())?;
    let pod = answer::at_version(&call.resource, &record)?;
    let ended = matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed" | "Pending")
    );
    if !ended && !metadata::is_deleting(&pod) {
        take_room(server, call, &pod, options.dry_run).await?;
    }
    delete::delete_one(server, call, &options).await?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer::value_response(StatusCode::CREATED, &status))
}

/// The budgets that protect a Pod.
fn budgets_of(server: &Server, pod: &Value) -> Vec<(Key, Record, Value)> {
    let prefix = Key::prefix(BUDGETS.0, BUDGETS.1, Some(metadata::namespace(pod)));
    let page = server
        .store
        .list(
            Range {
                prefix: &prefix,
                ..Range::default()
            },
            |_, _| true,
        )
        .unwrap_or_default();
    page.items
        .into_iter()
        .filter_map(|(key, record)| {
            let budget: Value = serde_json::from_slice(&record.json).ok()?;
            let selector = LabelSelector::of_object(&budget["spec"]["selector"]);
            selector
                .accepts_object(pod)
                .then_some((key, record, budget))
        })
        .collect()
}

async fn take_room(
    server: &Server,
    call: &Call,
    pod: &Value,
    dry_run: bool,
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let budgets = budgets_of(server, pod);
        let (key, record, mut budget) = match <[_; 1]>::try_from(budgets) {
            Ok([only]) => only,
            Err(none) if none.is_empty() => return Ok(()),
            Err(_) => {
                let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                return Err(Failure::internal(message));
            }
        };
        if !is_ready(pod) && unready_may_go(&budget) {
            return Ok(());
        }
        refuse_without_room(&budget)?;
        if dry_run {
            return Ok(());
        }
        let left = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) - 1;
        budget["status"]["disruptionsAllowed"] = left.into();
        budget["status"]["disruptedPods"][call.name()] = server.clock.text().into();
        match server
            .commit(key, Expect::At(record.revision), Change::Put(budget))
            .await
        {
            Ok(_) => return Ok(()),
            Err(CommitError::Exists | CommitError::Changed) => {}
            Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
        }
    }
    Err(Failure::eviction_refused(
        "Cannot evict pod as others are being evicted. Try again later.",
        "busy",
    ))
}

/// Whether a Pod counts as healthy.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .filter(|c| c["type"] == "Ready")
        .any(|c| c["status"] == "True")
}

fn unready_may_go(budget: &Value) -> bool {
    if budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" {
        return true;
    }
    let number = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
    number("currentHealthy") >= number("desiredHealthy") && number("desiredHealthy") > 0
}

fn refuse_without_room(budget: &Value) -> Result<(), Failure> {
    const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
    let name = metadata::name(budget);
    let seen = budget["status"]["observedGeneration"].as_i64().unwrap_or(0);
    if seen < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        let cause = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Failure::eviction_refused(REFUSED, &cause));
    }
    if budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) <= 0 {
        let number = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
        let cause = format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            number("desiredHealthy"),
            number("currentHealthy")
        );
        return Err(Failure::eviction_refused(REFUSED, &cause));
    }
    Ok(())
}
