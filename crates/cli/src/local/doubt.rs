//! What is stored as true when a home is started, and may have ended with the klamm that served it before.
//!
//! Whoever reads a status must not take it for that of now: what was Ready is Unknown until the part that owns the status
//! has looked. Once per start, before anybody is served; what was not Ready is left as it is.

use std::fmt::Debug;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt as _};
use model::observed::identity::CLAIMED_BY;
use resources::{Condition, Kafka};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Nobody has looked at the Pods since the last node agent ended: none counts as ready until this one has.
///
/// As Kubernetes' node lifecycle does for a node that is not heard of. An agent that died told nobody that its Pods did.
pub(super) async fn pods(client: &Client) -> Result<()> {
    doubt(client, |pod: &Pod| {
        let mut conditions = pod.status.as_ref()?.conditions.clone()?;
        let ready = conditions
            .iter_mut()
            .find(|condition| condition.type_ == "Ready" && condition.status == "True")?;
        "Unknown".clone_into(&mut ready.status);
        ready.reason = Some("NodeStatusUnknown".to_owned());
        Some(conditions)
    })
    .await
}

/// Nor has an operator looked at the Kafkas. Those of somebody else's keep what that one says.
pub(super) async fn kafkas(client: &Client, ours: &str) -> Result<()> {
    Box::pin(doubt(client, |kafka: &Kafka| {
        let claimed = kafka.annotations().get(CLAIMED_BY)?;
        let conditions = kafka.status.as_ref()?.conditions.clone()?;
        (claimed == ours).then(|| doubted(conditions, Timestamp::now()))?
    }))
    .await
}

/// Writes the conditions that `doubted` has for an object, where it has any.
async fn doubt<K, C>(client: &Client, doubted: impl Fn(&K) -> Option<Vec<C>>) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
    C: Serialize,
{
    let kind = K::kind(&());
    let all: Api<K> = Api::all(client.clone());
    let objects = all.list(&ListParams::default()).await;
    for object in objects.with_context(|| format!("listing {kind}s"))? {
        let Some(conditions) = doubted(&object) else {
            continue;
        };
        let body = serde_json::json!({ "status": { "conditions": conditions } });
        let namespace = object.namespace().unwrap_or_default();
        Api::<K>::namespaced(client.clone(), &namespace)
            .patch_status(
                &object.name_any(),
                &PatchParams::default(),
                &Patch::Merge(body),
            )
            .await
            .with_context(|| format!("doubting {kind} {}", object.name_any()))?;
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
