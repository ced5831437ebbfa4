//! Wishes that are not carried out yet: each is refused as a whole, in words, and nothing running is touched.
//!
//! Not here: changes of a node's configuration (`config.rs`) and of its volumes (`volumes.rs`).

use std::collections::{BTreeMap, BTreeSet};

use model::desired::{Logging, Metrics};

use crate::cluster::config::{Cause, RefusedChange};
use crate::cluster::node::NodeView;
use crate::cluster::record::data_of;
use crate::cluster::render::Renderer;
use crate::cluster::view::{PodSeen, View};
use crate::note::Note;
use crate::problem::{Problem, nodes_of};
use crate::reason::listed;

/// Pools that came, went or changed under running nodes.
pub(crate) fn pools(renderer: &Renderer<'_>, nodes: &[NodeView<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut have: BTreeMap<&str, Vec<&NodeView<'_>>> = BTreeMap::new();
    for node in nodes {
        have.entry(node.node.pool.as_str()).or_default().push(node);
    }
    for pool in renderer.cluster.pools.values() {
        let own = have.remove(pool.name.as_str()).unwrap_or_default();
        let wanted = usize::try_from(pool.replicas).unwrap_or(usize::MAX);
        if own.len() != wanted {
            problems.push(Problem::Scaling {
                pool: pool.name.to_string(),
                from: own.len(),
                to: wanted,
            });
        }
        if own.iter().any(|node| node.node.roles != pool.roles) {
            problems.push(Problem::RolesChanged {
                pool: pool.name.to_string(),
            });
        }
    }
    problems
}

/// Pools that are gone while their nodes are still there: nobody dies of that.
pub(crate) fn gone_pools(view: &View<'_>, nodes: &[NodeView<'_>]) -> Vec<Problem> {
    let mut gone: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for node in nodes {
        let pool = node.node.pool.as_str();
        if !view.pools.contains_key(pool) {
            gone.entry(pool).or_default().push(node.id);
        }
    }
    let problems = gone.into_iter().map(|(pool, nodes)| Problem::PoolGone {
        pool: pool.to_owned(),
        nodes,
    });
    problems.collect()
}

/// Things that the Kafka refers to and that are not there.
pub(crate) fn references(view: &View<'_>, renderer: &Renderer<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut need = |name: &str, key: &str, field: &str| {
        let object = view.object("ConfigMap", name);
        let missing = match object {
            None => Some(format!("ConfigMap/{name}")),
            Some(object) if !data_of(&object.body).contains_key(key) => {
                Some(format!("key {key} of ConfigMap/{name}"))
            }
            Some(_) => None,
        };
        problems.extend(missing.map(|object| Problem::ReferenceMissing {
            object,
            field: field.to_owned(),
        }));
    };
    if let Logging::External(reference) = &renderer.cluster.logging {
        need(
            &reference.name,
            &reference.key,
            "spec.kafka.logging.valueFrom.configMapKeyRef",
        );
    }
    if let Metrics::JmxExporter(reference) = &renderer.cluster.metrics {
        need(
            &reference.name,
            &reference.key,
            "spec.kafka.metricsConfig.valueFrom.configMapKeyRef",
        );
    }
    for (index, listener) in renderer.cluster.listeners.iter().enumerate() {
        let Some(own) = &listener.configuration.certificate else {
            continue;
        };
        let secret = view.secret(&own.secret);
        let missing = match secret {
            None => Some(format!("Secret/{}", own.secret)),
            Some(secret) => [&own.certificate, &own.key]
                .into_iter()
                .find(|key| !secret.keys.contains_key(*key))
                .map(|key| format!("key {key} of Secret/{}", own.secret)),
        };
        problems.extend(missing.map(|object| Problem::ReferenceMissing {
            object,
            field: format!("spec.kafka.listeners[{index}].configuration.brokerCertChainAndKey"),
        }));
    }
    problems
}

/// Levels in a log configuration of the user's own that are none: the library takes others in their place, silently.
pub(crate) fn levels(renderer: &Renderer<'_>) -> Option<Note> {
    let Logging::External(reference) = &renderer.cluster.logging else {
        return None;
    };
    let text = renderer.facts.logging.as_deref()?;
    let wrong = manifests::logging::wrong_levels(renderer.cluster, text);
    let wrong: Vec<String> = wrong
        .into_iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    (!wrong.is_empty()).then(|| Note {
        reason: model::problem::WarningReason::InvalidLogLevel
            .as_str()
            .to_owned(),
        message: format!(
            "key {} of ConfigMap/{} (spec.kafka.logging.valueFrom.configMapKeyRef): {}: not a level; allowed: {}",
            reference.key,
            reference.name,
            listed(&wrong, 5),
            manifests::logging::dialect(renderer.cluster).allowed(),
        ),
    })
}

/// Whether the configuration of nodes can be rendered: what it is made from is there.
pub(crate) fn can_configure(view: &View<'_>, renderer: &Renderer<'_>) -> bool {
    let problems = references(view, renderer);
    !problems.iter().any(|problem| match problem {
        Problem::ReferenceMissing { object, field: _ } => object.contains("ConfigMap/"),
        _ => false,
    })
}

/// Annotations of Strimzi's by which users ask for something that is not done yet.
const ASKED_OF_PODS: [(&str, &str); 2] = [
    (
        "strimzi.io/manual-rolling-update",
        "to restart the node, delete its Pod",
    ),
    (
        "strimzi.io/delete-pod-and-pvc",
        "to replace the node's disk, delete the volume claim and the Pod",
    ),
];

/// What users ask of nodes by annotations that nothing acts on yet.
pub(crate) fn unheard(nodes: &[NodeView<'_>]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (annotation, instead) in ASKED_OF_PODS {
        let asked = nodes.iter().filter(|node| match node.pod {
            PodSeen::Present(pod) => pod
                .meta
                .annotations
                .get(annotation)
                .is_some_and(|value| value == "true"),
            PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => false,
        });
        let names: Vec<String> = asked.map(|node| node.pod_name.clone()).collect();
        if !names.is_empty() {
            notes.push(Note {
                reason: model::problem::WarningReason::FieldNotActedOn
                    .as_str()
                    .to_owned(),
                message: format!(
                    "annotation {annotation} of {} is not acted on yet: {instead}",
                    listed(&names, 5)
                ),
            });
        }
    }
    notes
}

/// Refused changes of configuration, as one problem, and as notes.
pub(crate) fn restarts(refused: &[RefusedChange]) -> (Option<Problem>, Vec<Note>) {
    let of = |cause: Cause| {
        let refused = refused.iter().filter(move |change| change.cause == cause);
        let nodes: Vec<i32> = refused.clone().map(|change| change.node).collect();
        let changes: BTreeSet<String> = refused.flat_map(|change| change.changes.clone()).collect();
        let changes: Vec<String> = changes.into_iter().collect();
        (nodes, changes)
    };
    let (nodes, changes) = of(Cause::Edit);
    let problem = (!nodes.is_empty()).then(|| Problem::RestartNeeded {
        nodes,
        stays: refused.iter().any(|change| change.stays),
        changes,
    });
    let note = |message: String| Note {
        reason: "TravelsWithNextRestart".to_owned(),
        message,
    };
    let mut notes = Vec::new();
    let (nodes, changes) = of(Cause::Recorded);
    if !changes.is_empty() {
        notes.push(note(format!(
            "recorded, and comes with the next Pod of {}: {}",
            nodes_of(&nodes),
            listed(&changes, 5)
        )));
    }
    let (_, changes) = of(Cause::Rendering);
    if !changes.is_empty() {
        notes.push(note(format!(
            "not asked for by an edit of the spec, so not worth a restart; comes with the next one: {}",
            listed(&changes, 5)
        )));
    }
    (problem, notes)
}
