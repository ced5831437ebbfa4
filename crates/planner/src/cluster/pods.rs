//! The Pods of the nodes: created when everything they need is recorded, replaced when they are of no use any more.
//!
//! Invariants: a Pod is created from the recorded configuration, so one that is lost alone comes back as it was;
//! permission to format is given only where the disk is new, `initial` only before a leader was ever seen; a Pod that
//! serves is never deleted here.

use model::observed::identity::{FORMAT_GRANTED, Identity};
use model::observed::object::ObjectKey;
use model::observed::pod::{ContainerState, Pod};
use model::observed::runner::Refusal;
use model::runner::Format;

use crate::action::Action;
use crate::cluster::changes;
use crate::cluster::config::Configured;
use crate::cluster::disks::leader_wait;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::node::{Disk, NodeView};
use crate::cluster::record::Record;
use crate::cluster::render::{self, Renderer};
use crate::cluster::rest::Rest;
use crate::cluster::view::{PodSeen, View, unknown};
use crate::guard::Guard;
use crate::plan::{StepState, Verb};
use crate::problem::Problem;
use crate::reason::Reason;
use crate::wait::Wait;

/// What the Pods of all nodes are planned with.
pub(crate) struct Pods<'a, 'v> {
    pub(crate) view: &'v View<'a>,
    pub(crate) identity: &'v Identity,
    pub(crate) renderer: Option<&'v Renderer<'a>>,
    /// Nodes whose identity is being recorded in this look: nothing is done with them before it is seen.
    pub(crate) recording: &'v std::collections::BTreeSet<i32>,
    /// Whether Pods of a quorum that is given up are still there.
    pub(crate) old_quorum: bool,
    /// Whether the cluster may start in another configuration.
    pub(crate) rest: Rest,
    /// What brokers that never served wait for, where the metadata are in a store.
    pub(crate) store: Option<Wait>,
}

impl Pods<'_, '_> {
    /// Plans the Pod of one node.
    pub(crate) fn plan(&self, node: &NodeView<'_>, configured: &Configured, draft: &mut Draft) {
        if self.recording.contains(&node.id) {
            return push(
                node,
                draft,
                Verb::Create,
                Reason::VolumeLost,
                None,
                Vec::new(),
                StepState::Waiting(Wait::Record),
            );
        }
        match node.pod {
            PodSeen::Going => {
                let pod = node.pod_name.clone();
                let wait = StepState::Waiting(Wait::PodGoing { pod });
                push(
                    node,
                    draft,
                    Verb::Create,
                    reason_to_create(node),
                    None,
                    Vec::new(),
                    wait,
                );
            }
            PodSeen::Finished(pod) => delete(node, pod, Reason::PodFinished, draft),
            PodSeen::Present(pod) => self.plan_present(node, pod, configured, draft),
            PodSeen::Absent => self.plan_absent(node, configured, draft),
        }
    }

    fn plan_present(
        &self,
        node: &NodeView<'_>,
        pod: &Pod,
        configured: &Configured,
        draft: &mut Draft,
    ) {
        if !node.made_for_own_directory(pod) {
            let reason = if self.old_quorum {
                Reason::QuorumLost
            } else {
                Reason::VolumeLost
            };
            return delete(node, pod, reason, draft);
        }
        let outdated = node.record.as_ref().is_some_and(|record| {
            if node.in_use() {
                // It reads the rest of what changed when it starts.
                self.rest.now && changes::made_otherwise(&record.data, &pod.meta.annotations)
            } else {
                !record.made(&pod.meta)
            }
        });
        if outdated && *configured == Configured::Current {
            let paths = vec!["its configuration".to_owned()];
            return delete(node, pod, Reason::Differs { paths }, draft);
        }
        if let Some((refusal, text)) = &node.refusal {
            let may_format =
                pod.format.is_some() || pod.meta.annotations.contains_key(FORMAT_GRANTED);
            if *refusal == Refusal::EmptyVolume && !node.node.formatted && !may_format {
                return delete(node, pod, Reason::VolumeLost, draft);
            }
            if !matches!(node.disk, Disk::Lost(_)) {
                draft.problems.push(Problem::RunnerRefused {
                    pod: node.pod_name.clone(),
                    refusal: *refusal,
                    text: text.clone(),
                });
            }
            return push(
                node,
                draft,
                Verb::Start,
                Reason::Starting,
                None,
                Vec::new(),
                StepState::Blocked,
            );
        }
        if !serves(self.view, node) {
            let state = self.start_state(node, pod);
            push(
                node,
                draft,
                Verb::Start,
                Reason::Starting,
                None,
                Vec::new(),
                state,
            );
        }
    }

    fn plan_absent(&self, node: &NodeView<'_>, configured: &Configured, draft: &mut Draft) {
        let reason = reason_to_create(node);
        let wait = match self.may_create(node, configured) {
            Ok(grant) => {
                let record = node.record.as_ref();
                let object = record.and_then(|record| render::pod(self.view, node, record, grant));
                match object {
                    Some(object) => {
                        let action = Some(Action::Create { object });
                        let guards = self.guards(node, grant);
                        return push(
                            node,
                            draft,
                            Verb::Create,
                            reason,
                            action,
                            guards,
                            StepState::Ready,
                        );
                    }
                    None => Wait::Objects {
                        missing: vec![format!("a readable ConfigMap/{}", node.pod_name)],
                    },
                }
            }
            Err(wait) => wait,
        };
        push(
            node,
            draft,
            Verb::Create,
            reason,
            None,
            Vec::new(),
            StepState::Waiting(wait),
        );
    }

    /// With what permission to format the Pod may be created; or what it must wait for.
    fn may_create(
        &self,
        node: &NodeView<'_>,
        configured: &Configured,
    ) -> Result<Option<Format>, Wait> {
        if let Configured::NotYet(wait) = configured {
            return Err(wait.clone());
        }
        if self.old_quorum {
            let pod = node.pod_name.clone();
            return Err(Wait::PodGoing { pod });
        }
        if let (Some(wait), false) = (&self.store, node.node.served) {
            return Err(wait.clone());
        }
        for claim in node.node.claims.values() {
            let seen = self.view.volumes.get(claim);
            let seen = seen.filter(|volume| !self.view.is_going(&volume.meta));
            if seen.is_none() {
                let missing = vec![format!("PersistentVolumeClaim/{claim}")];
                return Err(Wait::Objects { missing });
            }
        }
        self.needed_objects(node)?;
        match &node.disk {
            Disk::Intact => Ok(None),
            Disk::New => self.grant(node),
            Disk::Unsure => Err(unknown("the controller quorum", &self.view.world.quorum)
                .unwrap_or_else(|| leader_wait(self.view, self.identity))),
            Disk::Going(claim) => Err(Wait::VolumeGoing {
                claim: claim.clone(),
            }),
            Disk::Lost(_) => Err(Wait::Record),
        }
    }

    /// The permission for a new disk.
    fn grant(&self, node: &NodeView<'_>) -> Result<Option<Format>, Wait> {
        let first = self
            .identity
            .initial_controllers
            .get(&node.id)
            .map(String::as_str);
        let is_first = first.is_some() && first == node.node.metadata_directory();
        if !node.node.roles.is_controller() {
            // Where the metadata are in a store, the first brokers write there which cluster they are.
            let first = self.identity.speaks_zookeeper() && !self.identity.quorum_formed;
            return Ok(Some(if first { Format::Initial } else { Format::Join }));
        }
        if !self.identity.quorum_formed {
            return Ok(Some(if is_first {
                Format::Initial
            } else {
                Format::Join
            }));
        }
        // A disk that outlives Pods and was never seen in use is still the one that was chosen: joining with it adds
        // no vote that could be given twice. An ephemeral one must not be counted any more.
        let metadata_is_ephemeral = !node.node.claims.contains_key(&node.node.metadata);
        if !metadata_is_ephemeral {
            return Ok(Some(Format::Join));
        }
        match unknown("the controller quorum", &self.view.world.quorum) {
            Some(wait) => Err(wait),
            None if self.view.leader().is_none() => Err(leader_wait(self.view, self.identity)),
            None if node.votes() => Err(Wait::Record),
            None => Ok(Some(Format::Join)),
        }
    }

    /// Objects without which the API server refuses a Pod, and addresses that it must announce.
    fn needed_objects(&self, node: &NodeView<'_>) -> Result<(), Wait> {
        let record = node.record.as_ref().and_then(Record::pod);
        let account = record
            .as_ref()
            .and_then(|pod| pod.pointer("/spec/serviceAccountName"));
        let account = account.and_then(serde_json::Value::as_str);
        let missing = account.filter(|name| self.view.object("ServiceAccount", name).is_none());
        if let Some(account) = missing {
            let missing = vec![format!("ServiceAccount/{account}")];
            return Err(Wait::Objects { missing });
        }
        // A node that served has its addresses in its configuration.
        if node.node.served {
            return Ok(());
        }
        match self.renderer.and_then(|renderer| {
            crate::cluster::listeners::missing_address(self.view, renderer, node)
        }) {
            Some(object) => Err(Wait::Address { object }),
            None => Ok(()),
        }
    }

    fn guards(&self, node: &NodeView<'_>, grant: Option<Format>) -> Vec<Guard> {
        let mut guards = vec![absent("Pod", &node.pod_name)];
        guards.push(Guard::Recorded {
            cluster_id: self.identity.cluster_id.clone(),
            node: node.id,
            directories: node.node.directories.clone(),
        });
        if grant == Some(Format::Initial) {
            guards.push(Guard::QuorumNotFormed);
        }
        for claim in node.node.claims.values() {
            if let Some(volume) = self.view.volumes.get(claim) {
                guards.push(Guard::Is {
                    object: ObjectKey::new("PersistentVolumeClaim", claim),
                    uid: volume.meta.uid.clone(),
                });
            }
        }
        guards
    }

    /// How far a node is that does not serve yet.
    fn start_state(&self, node: &NodeView<'_>, pod: &Pod) -> StepState {
        stuck(&node.pod_name, pod).unwrap_or_else(|| StepState::Running {
            progress: self.progress(node, pod),
        })
    }

    fn progress(&self, node: &NodeView<'_>, pod: &Pod) -> String {
        if pod.node_name.is_none() {
            return "no machine chosen yet".to_owned();
        }
        if !pod.runs() {
            return "container starting".to_owned();
        }
        let runner = self
            .view
            .world
            .runners
            .get(&node.id)
            .and_then(|runner| runner.value());
        if let Some(doing) = runner.and_then(|runner| runner.doing.clone()) {
            return doing;
        }
        if let Some(recovery) = runner.and_then(|runner| runner.recovery_state) {
            return format!(
                "log recovery, {} logs and {} segments left",
                recovery.remaining_logs_to_recover, recovery.remaining_segments_to_recover
            );
        }
        if node.node.roles.is_controller() && self.view.leader().is_none() {
            return "no leader yet".to_owned();
        }
        if node.node.roles.is_controller() && !node.votes() {
            return "not voting yet".to_owned();
        }
        let brokers = self.view.world.brokers.value();
        match brokers.and_then(|brokers| brokers.brokers.get(&node.id)) {
            Some(broker) if broker.fenced => "registered, catching up".to_owned(),
            Some(_) => "serving, not ready yet".to_owned(),
            None => "starting".to_owned(),
        }
    }
}

/// What keeps a Pod from starting, where that is not just time.
pub(crate) fn stuck(name: &str, pod: &Pod) -> Option<StepState> {
    if let Some(text) = &pod.unschedulable {
        return Some(StepState::Waiting(Wait::Unschedulable {
            pod: name.to_owned(),
            text: text.clone(),
        }));
    }
    let (reason, text) = pod
        .containers
        .iter()
        .find_map(|container| match &container.state {
            ContainerState::Waiting { reason, message } if !is_ordinary(reason) => {
                let text = match (&container.last, message.is_empty()) {
                    (Some(last), _) if !last.message.is_empty() => last.message.clone(),
                    (Some(last), true) => format!("exit code {}", last.exit_code),
                    (Some(_) | None, _) => message.clone(),
                };
                Some((reason.clone(), text))
            }
            ContainerState::Waiting { .. }
            | ContainerState::Running
            | ContainerState::Terminated(_) => None,
        })?;
    Some(StepState::Waiting(Wait::Container {
        pod: name.to_owned(),
        reason,
        text,
    }))
}

/// A node that served lost its Pod; another never had one.
fn reason_to_create(node: &NodeView<'_>) -> Reason {
    if node.record.is_some() && node.node.served {
        Reason::PodLost
    } else {
        Reason::Missing
    }
}

/// Reasons with which every Pod begins.
fn is_ordinary(reason: &str) -> bool {
    matches!(reason, "" | "ContainerCreating" | "PodInitializing")
}

/// Whether a node does all it is for: ready, unfenced as a broker, counted as a voter.
///
/// Where Kafka cannot be asked just now, a ready node that once served is taken to serve still.
pub(crate) fn serves(view: &View<'_>, node: &NodeView<'_>) -> bool {
    let PodSeen::Present(pod) = node.pod else {
        return false;
    };
    let broker = match view.world.brokers.value() {
        _ if !node.node.roles.is_broker() => true,
        Some(brokers) => brokers
            .brokers
            .get(&node.id)
            .is_some_and(|broker| !broker.fenced),
        None => node.node.served,
    };
    let voter = match view.leader() {
        _ if !node.node.roles.is_controller() => true,
        Some(_) => node.votes(),
        None => node.node.served && view.world.quorum.value().is_none(),
    };
    pod.ready && broker && voter && node.made_for_own_directory(pod)
}

/// Whether Pods are there that were made for other directories than recorded, while the quorum is to form anew.
pub(crate) fn old_quorum(identity: &Identity, nodes: &[NodeView<'_>]) -> bool {
    !identity.quorum_formed
        && nodes.iter().any(|node| match node.pod {
            PodSeen::Present(pod) | PodSeen::Finished(pod) => !node.made_for_own_directory(pod),
            PodSeen::Going => node.node.served,
            PodSeen::Absent => false,
        })
}

fn delete(node: &NodeView<'_>, pod: &Pod, reason: Reason, draft: &mut Draft) {
    let action = Action::Delete {
        kind: "Pod".to_owned(),
        name: node.pod_name.clone(),
    };
    // Unchanged: one that has become ready since is not deleted.
    let guard = Guard::Unchanged {
        object: ObjectKey::new("Pod", &node.pod_name),
        uid: pod.meta.uid.clone(),
        resource_version: pod.meta.resource_version.clone(),
    };
    push(
        node,
        draft,
        Verb::Delete,
        reason,
        Some(action),
        vec![guard],
        StepState::Ready,
    );
}

fn push(
    node: &NodeView<'_>,
    draft: &mut Draft,
    verb: Verb,
    reason: Reason,
    action: Option<Action>,
    guards: Vec<Guard>,
    state: StepState,
) {
    draft.push(NewStep {
        phase: node.phase(),
        verb,
        subject: node.id.to_string(),
        reason,
        action,
        guards,
        state,
    });
}
