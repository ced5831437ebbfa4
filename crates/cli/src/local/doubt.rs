//! What is stored as true when a home is started, and may have ended with the klamm that served it before.
//!
//! Whoever reads a status must not take it for that of now: what was Ready is Unknown until the part that owns the status
//! has looked. Once per start, before anybody is served; what was not Ready is left as it is.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use model::observed::identity::CLAIMED_BY;
use resources::{Condition, Kafka};

/// Nobody has looked at the Pods since the last node agent ended: none counts as ready until this one has.
///
/// As Kubernetes' node lifecycle does for a node that is not heard of. An agent that died told nobody that its Pods did.
pub(super) async fn pods(client: &Client) -> Result<()> {
    let pods: Api<Pod> = Api::all(client.clone());
    for pod in pods
        .list(&ListParams::default())
        .await
        .context("listing Pods")?
    {
        let mut conditions = pod
            .status
            .as_ref()
            .and_then(|status| status.conditions.clone())
            .unwrap_or_default();
        let ready = conditions
            .iter_mut()
            .find(|condition| condition.type_ == "Ready" && condition.status == "True");
        let Some(ready) = ready else { continue };
        "Unknown".clone_into(&mut ready.status);
        ready.reason = Some("NodeStatusUnknown".to_owned());
        let body = serde_json::json!({ "status": { "conditions": conditions } });
        let namespace = pod.namespace().unwrap_or_default();
        Api::<Pod>::namespaced(client.clone(), &namespace)
            .patch_status(
                &pod.name_any(),
                &PatchParams::default(),
                &Patch::Merge(body),
            )
            .await
            .with_context(|| format!("doubting Pod {}", pod.name_any()))?;
    }
    Ok(())
}

/// Nor has an operator looked at the Kafkas. Those of somebody else's keep what that one says.
pub(super) async fn kafkas(client: &Client, ours: &str) -> Result<()> {
    let kafkas: Api<Kafka> = Api::all(client.clone());
    for kafka in kafkas
        .list(&ListParams::default())
        .await
        .context("listing Kafkas")?
    {
        if kafka.annotations().get(CLAIMED_BY).map(String::as_str) != Some(ours) {
            continue;
        }
        let conditions = kafka
            .status
            .as_ref()
            .and_then(|status| status.conditions.clone());
        let Some(conditions) = doubted(conditions.unwrap_or_default(), Timestamp::now()) else {
            continue;
        };
        let body = serde_json::json!({ "status": { "conditions": conditions } });
        let namespace = kafka.namespace().unwrap_or_default();
        Api::<Kafka>::namespaced(client.clone(), &namespace)
            .patch_status(
                &kafka.name_any(),
                &PatchParams::default(),
                &Patch::Merge(body),
            )
            .await
            .with_context(|| format!("doubting Kafka {}", kafka.name_any()))?;
    }
    Ok(())
}

/// The conditions with a doubt in the place of `Ready`; `None` where they do not say Ready.
fn doubted(mut conditions: Vec<Condition>, now: Timestamp) -> Option<Vec<Condition>> {
    let ready = conditions.iter_mut().find(|condition| {
        condition.kind.as_deref() == Some("Ready") && condition.status.as_deref() == Some("True")
    })?;
    *ready = Condition {
        kind: ready.kind.clone(),
        status: Some("Unknown".to_owned()),
        last_transition_time: Some(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        reason: Some("NotLookedAt".to_owned()),
        message: Some("klamm has just started and has not looked at it yet".to_owned()),
    };
    Some(conditions)
}

#[cfg(test)]
mod tests;
