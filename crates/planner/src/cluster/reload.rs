//! Certificates that changed under a running node: read again in place, so that nobody has to restart for them.
//!
//! Reads: what each runner says its listeners serve, and what stands in their files. Kafka's client towards the
//! controllers keeps the certificate it started with (it cannot reload): when that one is about to end, it is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::cluster::draft::{Draft, NewStep};
use crate::cluster::node::NodeView;
use crate::cluster::render::Renderer;
use crate::cluster::view::{PodSeen, View};
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{StepState, Verb};
use crate::problem::nodes_of;
use crate::reason::Reason;
use model::observed::object::ObjectKey;
use model::runner::BrokerState;

/// Plans a reload of every node that serves other certificates than it should.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let mut ending = Vec::new();
    let mut kept: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for node in nodes {
        let (PodSeen::Present(pod), Some(runner)) = (
            node.pod,
            view.world
                .runners
                .get(&node.id)
                .and_then(|runner| runner.value()),
        ) else {
            continue;
        };
        let days = i64::from(renderer.cluster.cluster_ca.renewal_days);
        ending.extend(
            runner
                .started_certificate_ends
                .filter(|ends| ends.as_second() - view.now().as_second() < days * 24 * 60 * 60)
                .map(|ends| (ends, node.id)),
        );
        if let Some(why) = &runner.files_kept_because {
            kept.entry(why).or_default().push(node.id);
        }
        let listeners = stale(runner);
        if listeners.is_empty() || !pod.ready {
            continue;
        }
        draft.push(NewStep {
            phase: node.phase(),
            verb: Verb::Reload,
            subject: node.id.to_string(),
            reason: Reason::NotServed {
                listeners: listeners.iter().cloned().collect(),
            },
            action: Some(Action::ReloadCertificates {
                node: node.id,
                pod: node.pod_name.clone(),
                listeners,
            }),
            guards: vec![Guard::Is {
                object: ObjectKey::new("Pod", &node.pod_name),
                uid: pod.meta.uid.clone(),
            }],
            state: StepState::Ready,
        });
    }
    for (why, nodes) in kept {
        draft.notes.push(Note {
            reason: "CertificatesKept".to_owned(),
            message: format!(
                "{}: certificates that changed are not taken, those from before are served on: {why}",
                nodes_of(&nodes)
            ),
        });
    }
    if let Some((first, _)) = ending.iter().min() {
        let nodes: Vec<i32> = ending.iter().map(|(_, id)| *id).collect();
        draft.notes.push(Note {
            reason: "RestartNeededForCertificate".to_owned(),
            message: format!(
                "{}: the certificate of the last start is still presented towards the controllers, and ends on {}; delete \
                 the Pods before that day, one at a time (this version does not restart nodes by itself yet)",
                nodes_of(&nodes),
                first.strftime("%Y-%m-%d")
            ),
        });
    }
}

/// Listeners that serve another certificate than the one in their file, or trust others than those in their file.
pub fn stale(runner: &BrokerState) -> BTreeSet<String> {
    let assembled = runner.assembled_hash.iter();
    let served = assembled.filter(|(listener, hash)| {
        let served = runner.certificate_hash.get(*listener);
        served.is_some_and(|served| served != *hash)
    });
    let served = served.map(|(listener, _)| listener.clone());
    served.chain(runner.stale_trust.iter().cloned()).collect()
}
