//! The plan of one Kafka cluster: the order of concerns.
//!
//! Read [`plan_cluster`] from top to bottom: may we act · who is it · what was lost · what is missing · what is left.
//! Each concern has its file and adds its own steps, problems and notes.

use std::collections::BTreeSet;

use model::observed::identity::{CLAIMED_BY, Identity, PAUSE_RECONCILIATION};

use crate::Input;
use crate::action::{Action, Draw};
use crate::guard::Guard;
use crate::plan::{PhaseName, Purpose, StepState, Verb};
use crate::problem::Problem;
use crate::reason::Reason;
use crate::wait::Wait;

mod authority;
mod certificates;
mod changes;
mod config;
mod disks;
pub(crate) mod draft;
mod dynamic;
mod evidence;
mod finish;
pub(crate) mod identity;
pub(crate) mod listeners;
pub(crate) mod node;
pub(crate) mod pods;
mod quorum;
pub(crate) mod record;
pub(crate) mod reload;
pub(crate) mod render;
mod rest;
pub(crate) mod safety;
mod shared;
pub(crate) mod store;
pub(crate) mod view;
mod volumes;
mod wishes;

use config::{Configured, RefusedChange};
use draft::{Draft, NewStep};
use identity::{Settled, push_record, settle};
use node::NodeView;
use pods::{Pods, old_quorum, serves};
use render::Renderer;
use view::View;

/// Plans everything, and says what the plan is about.
pub(crate) fn plan_cluster(input: &Input, draft: &mut Draft) -> Purpose {
    if let Some(purpose) = stands_back(input, draft) {
        draft.plan_until(None);
        return purpose;
    }
    let view = match View::open(input) {
        Ok(view) => view,
        Err(waits) => {
            draft.plan_until(PhaseName::Check);
            for wait in waits {
                draft.wait(PhaseName::Check, &subject_of(&wait), Reason::Starting, wait);
            }
            return Purpose::Maintain;
        }
    };
    if let Some(foreign) = view
        .world
        .foreign
        .value()
        .filter(|foreign| !foreign.is_empty())
    {
        let mut objects = foreign.clone();
        objects.sort();
        draft.problems.push(Problem::ForeignOwner { objects });
        draft.plan_until(None);
        return Purpose::NotOurs;
    }
    let refused = match &input.desired {
        Ok(_) => false,
        Err(problems) => {
            draft
                .problems
                .extend(problems.iter().cloned().map(Problem::Desired));
            true
        }
    };
    if !input
        .observed
        .kafka
        .meta
        .annotations
        .contains_key(CLAIMED_BY)
    {
        draft.plan_until(PhaseName::Check);
        if !refused {
            push_claim(&view, draft);
        }
        return if refused {
            Purpose::Refused
        } else {
            Purpose::Deploy
        };
    }
    let purpose = match settle(&view, draft) {
        Settled::Stopped => {
            draft.plan_until(PhaseName::Check);
            Purpose::Refused
        }
        Settled::Recording => {
            draft.plan_until(PhaseName::Certificates);
            // What needs no identity is made in the meantime.
            if let Some(desired) = view.desired() {
                let renderer = Renderer::new(&view, &Identity::default(), desired);
                certificates::plan(&view, &renderer, &[], draft);
            }
            Purpose::Deploy
        }
        Settled::Known { identity, learnt } => plan_nodes(&view, &identity, learnt, draft),
    };
    if refused { Purpose::Refused } else { purpose }
}

/// Reasons to do nothing at all.
fn stands_back(input: &Input, draft: &mut Draft) -> Option<Purpose> {
    let meta = &input.observed.kafka.meta;
    if meta.deleting {
        return Some(Purpose::Deleting);
    }
    match meta.annotations.get(CLAIMED_BY) {
        Some(by) if *by != input.settings.claim => {
            draft
                .problems
                .push(Problem::ClaimedByOther { by: by.clone() });
            return Some(Purpose::NotOurs);
        }
        Some(_) | None => {}
    }
    let paused = meta
        .annotations
        .get(PAUSE_RECONCILIATION)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    paused.then_some(Purpose::Paused)
}

fn subject_of(wait: &Wait) -> String {
    match wait {
        Wait::Unknown { what, why: _ } => what.clone(),
        other => other.word().to_owned(),
    }
}

fn push_claim(view: &View<'_>, draft: &mut Draft) {
    let meta = &view.kafka().meta;
    draft.push(NewStep {
        phase: PhaseName::Check,
        verb: Verb::Claim,
        subject: format!("Kafka/{}", view.kafka().name),
        reason: Reason::NotClaimed,
        action: Some(Action::Claim {
            by: view.input.settings.claim.clone(),
        }),
        guards: vec![Guard::KafkaUnchanged {
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
        }],
        state: StepState::Ready,
    });
}

/// Everything once it is known who the cluster is.
fn plan_nodes(
    view: &View<'_>,
    identity: &Identity,
    learnt: Option<Reason>,
    draft: &mut Draft,
) -> Purpose {
    let nodes = NodeView::all(view, identity);
    let renderer = view
        .desired()
        .map(|desired| Renderer::new(view, identity, desired));
    let redraw = disks::plan(view, identity, &nodes, draft);
    let recording: BTreeSet<i32> = redraw
        .iter()
        .flat_map(|redraw| redraw.draw.directories.keys().copied())
        .collect();
    match redraw {
        Some(redraw) => {
            push_record(
                view,
                draft,
                redraw.identity,
                redraw.draw,
                redraw.reason,
                redraw.guards,
            );
        }
        None => {
            if let Some(reason) = learnt {
                push_record(
                    view,
                    draft,
                    identity.clone(),
                    Draw::default(),
                    reason,
                    Vec::new(),
                );
            }
        }
    }
    let store = store::plan(view, identity, renderer.as_ref(), draft);
    if let Some(renderer) = &renderer {
        certificates::plan(view, renderer, &nodes, draft);
        shared::plan(view, renderer, draft);
        for node in &nodes {
            volumes::plan(view, renderer, node, recording.contains(&node.id), draft);
        }
        draft.problems.extend(wishes::pools(renderer, &nodes));
        draft
            .problems
            .extend(volumes::refused(view, renderer, &nodes));
        draft.problems.extend(wishes::references(view, renderer));
        draft.notes.extend(listeners::notes(view, renderer));
        draft.notes.extend(wishes::unheard(&nodes));
        draft.notes.extend(wishes::levels(renderer));
    }
    draft.problems.extend(wishes::gone_pools(view, &nodes));
    draft.notes.extend(volumes::going(view, &nodes));
    let pods = Pods {
        view,
        identity,
        renderer: renderer.as_ref(),
        recording: &recording,
        old_quorum: old_quorum(identity, &nodes),
        rest: rest::look(view, &nodes, &draft.problems),
        store: store.wait,
    };
    plan_configured(view, &pods, &nodes, draft);
    if let Some(renderer) = &renderer {
        dynamic::plan(view, renderer, &nodes, draft);
        reload::plan(view, renderer, &nodes, draft);
    }
    quorum::plan(view, identity, &nodes, draft);
    if let Some(renderer) = &renderer {
        finish::plan(view, renderer, &nodes, draft);
    }
    match purpose_of(view, identity, &nodes) {
        Purpose::Maintain if !store.complete => Purpose::Recover,
        other => other,
    }
}

/// Configurations, then Pods, of all nodes.
fn plan_configured(
    view: &View<'_>,
    pods: &Pods<'_, '_>,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let configuring = pods
        .renderer
        .filter(|renderer| wishes::can_configure(view, renderer));
    let mut refused: Vec<RefusedChange> = Vec::new();
    for node in nodes {
        let configured = if pods.recording.contains(&node.id) {
            Configured::NotYet(Wait::Record)
        } else {
            config::plan(
                view,
                configuring,
                (pods.identity, node, pods.rest),
                draft,
                &mut refused,
            )
        };
        pods.plan(node, &configured, draft);
    }
    let (problem, notes) = wishes::restarts(&refused);
    draft.problems.extend(problem);
    draft.notes.extend(notes);
}

fn purpose_of(view: &View<'_>, identity: &Identity, nodes: &[NodeView<'_>]) -> Purpose {
    if !identity.quorum_formed || nodes.iter().any(|node| !node.node.served) {
        Purpose::Deploy
    } else if nodes.iter().all(|node| serves(view, node)) {
        Purpose::Maintain
    } else {
        Purpose::Recover
    }
}
