//! Binding Pods that no scheduler has taken to this node, where it was asked to (`schedule`).
//!
//! There is one node to choose from: what a Pod requires of a node is honoured (node selector, required node
//! affinity), and so are a cordon and the number of Pods that a node takes; what it says about other Pods and about spreading is not, because a manifest written for many nodes must
//! run on one. An event says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Binding, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference, Pod,
    PodSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Status, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::context::{Context, pod_reference, standard_labels};
use crate::events::seconds;
use crate::node::PODS;

/// Pods that do not fit are remembered up to this many.
const REMEMBERED: usize = 1024;
/// Labels of a Node that its Pods have, too.
const PLACE: [&str; 2] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
/// After an error.
const RETRY: Duration = Duration::from_secs(1);

/// Binds Pods until the agent stops.
pub(crate) async fn serve(context: Arc<Context>) {
    let mut pods = context.cluster.pods.changes();
    let mut labels = standard_labels(&context.settings.node_name);
    labels.extend(context.settings.labels.clone());
    // What a Pod was told already; it is told again when that changes.
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    loop {
        pods.mark_unchanged();
        let all = context.cluster.pods.all();
        let waiting: Vec<_> = all.iter().filter(|pod| waits(pod)).collect();
        let cordon = if waiting.is_empty() {
            Cordon::Open
        } else {
            cordon(&context).await
        };
        // Whether the node is cordoned is looked at only while a Pod waits.
        let mut well = cordon == Cordon::Open;
        let mut here = all.iter().filter(|pod| is_here(pod, &context)).count();
        for pod in waiting {
            let misfit = match cordon {
                Cordon::Unknown => continue,
                Cordon::Closed => {
                    Some("1 node(s) were unschedulable (kubectl uncordon)".to_owned())
                }
                Cordon::Open if here >= PODS => {
                    Some(format!("1 Too many pods (at most {PODS} on a node)"))
                }
                Cordon::Open => misfit_of(pod, &labels, &context),
            };
            if let Some(why) = misfit {
                if told
                    .insert(pod.uid().unwrap_or_default(), why.clone())
                    .as_ref()
                    != Some(&why)
                {
                    let message = format!("0/1 nodes are available: {why}");
                    tell_unschedulable(&context, pod, &message).await;
                    context
                        .events
                        .warn(&pod_reference(pod), "FailedScheduling", message);
                }
            } else if bind(&context, pod).await {
                here += 1;
            } else {
                well = false;
            }
        }
        if told.len() > REMEMBERED {
            told.clear();
        }
        tokio::select! {
            changed = pods.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if !well => {}
        }
    }
}

/// Whether the node takes new Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cordon {
    Open,
    /// `kubectl cordon`, or `drain`.
    Closed,
    /// The API server did not say.
    Unknown,
}

async fn cordon(context: &Context) -> Cordon {
    let nodes: Api<Node> = Api::all(context.client.clone());
    match nodes.get_opt(&context.settings.node_name).await {
        Ok(node) => match node.and_then(|node| node.spec?.unschedulable) {
            Some(true) => Cordon::Closed,
            Some(false) | None => Cordon::Open,
        },
        Err(error) => {
            tracing::debug!(%error, "looking whether the node takes Pods");
            Cordon::Unknown
        }
    }
}

/// The Pod takes room on this node.
fn is_here(pod: &Pod, context: &Context) -> bool {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    node == Some(&context.settings.node_name) && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// The Pod waits for a scheduler, and for none in particular.
fn waits(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod.spec.as_ref().is_some_and(|spec| {
            spec.node_name.as_deref().unwrap_or_default().is_empty()
                && matches!(
                    spec.scheduler_name.as_deref(),
                    None | Some("" | "default-scheduler")
                )
                && spec.scheduling_gates.as_ref().is_none_or(Vec::is_empty)
        })
}

fn misfit_of(pod: &Pod, labels: &BTreeMap<String, String>, context: &Context) -> Option<String> {
    misfit(pod.spec.as_ref()?, labels, &context.settings.node_name)
}

/// Says in the Pod's status why no node takes it, as kube-scheduler does.
async fn tell_unschedulable(context: &Context, pod: &Pod, message: &str) {
    let api: Api<Pod> =
        Api::namespaced(context.client.clone(), &pod.namespace().unwrap_or_default());
    let condition = json!({
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": Time(seconds(Timestamp::now())),
    });
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [condition]}});
    let told = api
        .patch_status(
            &pod.name_any(),
            &PatchParams::default(),
            &Patch::Strategic(patch),
        )
        .await;
    if let Err(error) = told {
        // The event says it, too.
        tracing::debug!(pod = pod.name_any(), %error, "telling that it cannot be scheduled");
    }
}

/// Where the node is, of its labels.
fn place(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let of_place = |key: &&String| PLACE.contains(&key.as_str());
    labels
        .iter()
        .filter(|(key, _)| of_place(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

async fn bind(context: &Context, pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let reference = pod_reference(pod);
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let binding = Binding {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace.clone()),
            uid: pod.uid(),
            // As Kubernetes' own admission does from 1.35 on: the downward API knows Pods, not Nodes.
            labels: Some(place(&context.settings.labels)).filter(|place| !place.is_empty()),
            ..ObjectMeta::default()
        },
        target: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(context.settings.node_name.clone()),
            ..ObjectReference::default()
        },
    };
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let bound: Result<Status, _> = api
        .create_subresource("binding", &name, &PostParams::default(), &binding)
        .await;
    match bound {
        Ok(_) => {
            let message = format!(
                "Successfully assigned {namespace}/{name} to {}",
                context.settings.node_name
            );
            context.events.normal(&reference, "Scheduled", message);
            if let Some(ignored) = ignored(spec) {
                context.events.normal(
                    &reference,
                    "PlacementIgnored",
                    format!("{ignored} cannot be honoured by a single node"),
                );
            }
            true
        }
        // Bound by somebody else, or gone.
        Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => true,
        Err(error) => {
            tracing::debug!(pod = name, %error, "binding");
            false
        }
    }
}

/// Why a Pod cannot be on a node with these labels.
fn misfit(spec: &PodSpec, labels: &BTreeMap<String, String>, node: &str) -> Option<String> {
    for (key, value) in spec.node_selector.iter().flatten() {
        if labels.get(key) != Some(value) {
            return Some(format!(
                "1 node(s) didn't match Pod's node selector {key}={value}"
            ));
        }
    }
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        })?;
    (!selected(required, labels, node)).then(|| {
        let keys: Vec<&str> = required
            .node_selector_terms
            .iter()
            .flat_map(|term| term.match_expressions.iter().flatten())
            .map(|expression| expression.key.as_str())
            .collect();
        format!("1 node(s) didn't match Pod's required node affinity ({}); give the node such a label to let it run here (--label KEY=VALUE)", keys.join(", "))
    })
}

/// One of the terms matches.
pub(crate) fn selected(
    selector: &NodeSelector,
    labels: &BTreeMap<String, String>,
    node: &str,
) -> bool {
    selector.node_selector_terms.iter().any(
        |NodeSelectorTerm {
             match_expressions,
             match_fields,
         }| {
            let expressions = match_expressions.iter().flatten();
            let fields = match_fields.iter().flatten();
            let named = BTreeMap::from([("metadata.name".to_owned(), node.to_owned())]);
            let some = match_expressions
                .as_ref()
                .is_some_and(|list| !list.is_empty())
                || match_fields.as_ref().is_some_and(|list| !list.is_empty());
            some && expressions
                .clone()
                .all(|expression| holds(expression, labels))
                && fields.clone().all(|field| holds(field, &named))
        },
    )
}

fn holds(
    NodeSelectorRequirement {
        key,
        operator,
        values,
    }: &NodeSelectorRequirement,
    labels: &BTreeMap<String, String>,
) -> bool {
    let value = labels.get(key);
    let values = values.as_deref().unwrap_or_default();
    let number = |text: &String| text.parse::<i64>().ok();
    let compared = |good: &dyn Fn(i64, i64) -> bool| {
        value
            .and_then(number)
            .zip(values.first().and_then(number))
            .is_some_and(|(label, wanted)| good(label, wanted))
    };
    match operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared(&|label, wanted| label > wanted),
        "Lt" => compared(&|label, wanted| label < wanted),
        _ => false,
    }
}

/// What a Pod requires that one node cannot give.
fn ignored(spec: &PodSpec) -> Option<&'static str> {
    let affinity = spec.affinity.as_ref();
    let apart = affinity
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref())
        .and_then(|affinity| {
            affinity
                .required_during_scheduling_ignored_during_execution
                .as_ref()
        })
        .is_some_and(|terms| !terms.is_empty());
    let spread = spec
        .topology_spread_constraints
        .iter()
        .flatten()
        .any(|constraint| constraint.when_unsatisfiable == "DoNotSchedule");
    match (apart, spread) {
        (true, _) => Some("Required Pod anti-affinity"),
        (false, true) => Some("Topology spread"),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests;
