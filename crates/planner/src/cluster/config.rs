//! The configuration of a node: when its ConfigMap is written, and what of a change is refused.
//!
//! Invariants: the ConfigMap is written only after the claims of the node were seen (so that it proves they were
//! there); a change that a running node would have to restart for is refused as a whole, never half-done, since rolling
//! restarts are not planned yet. A cluster at rest takes it (`rest.rs`), but for another release, which the metadata on
//! its disks may not fit. Other changes are recorded at once, beside a refused one too, and take effect while a node runs, or
//! with its next start.

use std::collections::BTreeMap;

use model::observed::identity::{FORMATTED, Identity, MADE_FROM, QUORUM_FORMED, SETTINGS};
use model::observed::object::ObjectKey;
use serde_json::Value;

use crate::action::Action;
use crate::cluster::changes;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::dynamic::{self, Removal};
use crate::cluster::node::{Disk, NodeView};
use crate::cluster::record::{Record, data_of};
use crate::cluster::render::{self, Renderer};
use crate::cluster::rest::Rest;
use crate::cluster::view::{PodSeen, View};
use crate::guard::Guard;
use crate::plan::{StepState, Verb};
use crate::reason::Reason;
use crate::wait::Wait;

use Configured::NotYet;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Configured {
    /// It is as it should be; a Pod may be made from it.
    Current,
    /// A step was added, or it must wait for something.
    NotYet(Wait),
}

/// A change that was refused for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedChange {
    pub(crate) node: i32,
    pub(crate) changes: Vec<String>,
    /// Whether not even a start of the whole cluster brings it.
    pub(crate) stays: bool,
    pub(crate) cause: Cause,
}

/// Where a change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Users edited the Kafka or a pool.
    Edit,
    /// It is recorded already, as while a cluster starts whose configuration was changed at rest; the Pod is older.
    Recorded,
    /// Only the operator renders differently, or something referred to changed: that travels with the next restart.
    Rendering,
}

/// Plans the ConfigMap of one node.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: Option<&Renderer<'_>>,
    (identity, node, rest): (&Identity, &NodeView<'_>, Rest),
    draft: &mut Draft,
    refused: &mut Vec<RefusedChange>,
) -> Configured {
    let key = ObjectKey::new("ConfigMap", &node.pod_name);
    let going = view
        .objects
        .get(&key)
        .is_some_and(|object| view.is_going(&object.meta));
    if going {
        return NotYet(Wait::Objects {
            missing: vec![format!("a new {key}")],
        });
    }
    let fresh = renderer.and_then(|renderer| renderer.config_map(view, node));
    let Some((wanted, reason)) = wanted(view, (identity, node, rest), fresh, refused) else {
        return match &node.record {
            Some(_) => Configured::Current,
            None => NotYet(Wait::Objects {
                missing: vec![key.to_string()],
            }),
        };
    };
    if let Some(claim) = missing_claim(view, node) {
        return NotYet(Wait::Objects {
            missing: vec![format!("PersistentVolumeClaim/{claim}")],
        });
    }
    let guard = match &node.record {
        None => absent("ConfigMap", &node.pod_name),
        Some(record) => Guard::Is {
            object: key.clone(),
            uid: record.meta.uid.clone(),
        },
    };
    draft.push(NewStep {
        phase: node.phase(),
        verb: Verb::Apply,
        subject: key.to_string(),
        reason,
        action: Some(Action::Apply { object: wanted }),
        guards: vec![guard],
        state: StepState::Ready,
    });
    NotYet(Wait::Objects {
        missing: vec![key.to_string()],
    })
}

/// The ConfigMap to write, if it must be written.
fn wanted(
    view: &View<'_>,
    (identity, node, rest): (&Identity, &NodeView<'_>, Rest),
    fresh: Option<Value>,
    refused: &mut Vec<RefusedChange>,
) -> Option<(Value, Reason)> {
    let Some(record) = &node.record else {
        return fresh.map(|mut fresh| {
            let data = data_of(&fresh);
            dynamic::bring_up_to_date((view, identity), &mut fresh, None, &data, &Removal::Done);
            (marked(identity, node, fresh), Reason::Missing)
        });
    };
    let recorded = || render::recorded_config_map(view, node, record);
    let wanted = match fresh {
        // Nothing to compare with: what is recorded stays, told about new directories.
        None => recorded(),
        Some(fresh) => {
            let data = data_of(&fresh);
            let running = match node.pod {
                PodSeen::Present(pod) => Some(&pod.meta.annotations),
                PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => None,
            };
            let mut changes = changes::needing_restart(&record.data, &data, running);
            let removal = dynamic::removal(view, node, record, &data);
            if let Removal::Restart(words) = &removal {
                changes.extend(words.iter().cloned());
            }
            let release = changes::another_release(&record.data, &data);
            let takes_it = !node.in_use() || (rest.now && !release);
            let object = if takes_it || changes.is_empty() {
                Some(fresh)
            } else {
                refused.push(RefusedChange {
                    node: node.id,
                    changes,
                    stays: release || !rest.would_help,
                    cause: cause(view, node, record, &data),
                });
                recorded()
            };
            // What changes without a restart does not wait for one.
            object.map(|mut object| {
                dynamic::bring_up_to_date(
                    (view, identity),
                    &mut object,
                    Some(record),
                    &data,
                    &removal,
                );
                object
            })
        }
    }?;
    let wanted = marked(identity, node, wanted);
    let paths = differing(&wanted, record);
    (!paths.is_empty()).then_some((wanted, Reason::Differs { paths }))
}

/// A node whose votes live on an ephemeral disk has no claim to write its identity on: its ConfigMap says what a claim
/// would, so that a record that got lost is not rebuilt as that of a cluster that never formed.
fn marked(identity: &Identity, node: &NodeView<'_>, mut object: Value) -> Value {
    let on_claim = node.node.claims.contains_key(&node.node.metadata);
    if node.node.roles.is_controller() && !on_claim {
        render::annotate(
            &mut object,
            QUORUM_FORMED,
            identity.quorum_formed.to_string(),
        );
        render::annotate(&mut object, FORMATTED, node.node.formatted.to_string());
    }
    object
}

/// Keys of `data` that differ, and the annotation that says what it was made from.
fn differing(wanted: &Value, record: &Record<'_>) -> Vec<String> {
    let data = data_of(wanted);
    let keys: std::collections::BTreeSet<&String> = data.keys().chain(record.data.keys()).collect();
    let mut paths: Vec<String> = keys
        .into_iter()
        .filter(|key| data.get(*key) != record.data.get(*key))
        .cloned()
        .collect();
    let annotations = wanted.pointer("/metadata/annotations");
    let wanted = |key: &str| {
        let annotations = annotations.and_then(|all| all.get(key));
        annotations.and_then(Value::as_str)
    };
    let recorded = |key: &str| record.meta.annotations.get(key).map(String::as_str);
    for key in [MADE_FROM, QUORUM_FORMED, FORMATTED] {
        if wanted(key).is_some() && wanted(key) != recorded(key) {
            paths.push(key.to_owned());
        }
    }
    if wanted(SETTINGS) != recorded(SETTINGS) {
        paths.push(SETTINGS.to_owned());
    }
    paths
}

/// Where a change that a running node does not have comes from.
fn cause(
    view: &View<'_>,
    node: &NodeView<'_>,
    record: &Record<'_>,
    fresh: &BTreeMap<String, String>,
) -> Cause {
    if record.meta.annotations.get(MADE_FROM) != Some(&view.generations(&node.node.pool)) {
        Cause::Edit
    } else if changes::needing_restart(&record.data, fresh, None).is_empty() {
        Cause::Recorded
    } else {
        Cause::Rendering
    }
}

/// A claim of the node that is not there, or whose disk is being replaced.
fn missing_claim<'a>(view: &View<'_>, node: &'a NodeView<'_>) -> Option<&'a str> {
    let claims = node.node.claims.values().map(String::as_str);
    let mut claims = claims.filter(|claim| {
        let seen = view.volumes.get(*claim);
        seen.is_none_or(|volume| view.is_going(&volume.meta))
    });
    claims.next().or(match &node.disk {
        Disk::Lost(which) => which.first().and_then(|(_, claim)| claim.as_deref()),
        Disk::Intact | Disk::New | Disk::Unsure | Disk::Going(_) => None,
    })
}
