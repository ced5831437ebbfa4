//! The metadata store, where that is not a quorum of nodes: its volumes, configurations and Pods; and what brokers wait
//! for.
//!
//! Reads: a [`View`], the identity, the Pods and claims of the store. Invariants: a server begins with an empty volume as
//! a first one only before any server ever held anything; one that lost its volume joins the others, and only while a
//! majority of them serves; what was lost with the last copy is asked about; at most one server that serves is replaced
//! at a time; the store of a cluster never changes its kind.

use std::collections::BTreeMap;

use manifests::store::{Member, Program};
use model::desired::StoreKind;
use model::desired::parse::metadata_store::METADATA_STORE_REPLICAS;
use model::observed::identity::{CONFIGURATION, FORMAT_GRANTED, Identity};
use model::observed::object::ObjectKey;
use model::observed::pod::Pod;
use model::observed::runner::Refusal;
use model::runner::Format;
use serde_json::Value;

use crate::action::Action;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::record::data_of;
use crate::cluster::render::{Renderer, annotate};
use crate::cluster::view::{View, unknown};
use crate::cluster::{pods, safety, volumes};
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::problem::Problem;
use crate::reason::{Reason, listed};
use crate::wait::Wait;

mod held;
mod record;
mod server;

pub(crate) use held::held;
use record::StoreRecord;
pub(crate) use server::StoreState;
use server::{Server, members, refusal, server, state};

/// Plans the store, and says how it is.
pub(crate) fn plan(
    view: &View<'_>,
    identity: &Identity,
    renderer: Option<&Renderer<'_>>,
    draft: &mut Draft,
) -> StoreState {
    if !identity.speaks_zookeeper() {
        return StoreState::NONE;
    }
    draft.has_store = true;
    let world = view.world;
    let (Some(pods), Some(claims)) = (world.store_pods.value(), world.store_volumes.value()) else {
        let wait = unknown("the Pods of the metadata store", &world.store_pods)
            .or_else(|| unknown("its volume claims", &world.store_volumes))
            .unwrap_or(Wait::Record);
        draft.wait(PhaseName::Store, "store", Reason::Starting, wait.clone());
        return StoreState {
            wait: Some(wait),
            complete: false,
        };
    };
    let servers: Vec<Server<'_>> = members(view, renderer)
        .into_iter()
        .map(|member| server(view, identity, member, pods, claims))
        .collect();
    surplus(view, &servers, pods, draft);
    let redraws = replace_lost(view, identity, &servers, draft);
    for index in 0..servers.len() {
        let store = Store {
            view,
            identity,
            renderer,
            servers: &servers,
            redraws,
        };
        store.plan(&servers[index], draft);
    }
    state(&servers)
}

/// Tells which servers are more than are asked for: brokers may be connected to them, so they are not taken away by
/// themselves, and nobody brings them back.
fn surplus(
    view: &View<'_>,
    servers: &[Server<'_>],
    pods: &BTreeMap<String, Pod>,
    draft: &mut Draft,
) {
    let name = &view.kafka().name;
    let wanted: Vec<String> = servers
        .iter()
        .map(|server| server.member.pod_name(name))
        .collect();
    let surplus: Vec<String> = pods
        .keys()
        .filter(|pod| !wanted.contains(pod))
        .cloned()
        .collect();
    if !surplus.is_empty() && !servers.is_empty() {
        draft.notes.push(Note {
            reason: "SurplusServers".to_owned(),
            message: format!(
                "more servers than {METADATA_STORE_REPLICAS} asks for: {}; they serve on, since brokers may be \
                 connected to them, until each is deleted with kubectl delete pod, once all brokers were restarted",
                listed(&surplus, 9)
            ),
        });
    }
}

/// Adds the servers that were seen running on their volumes to what is recorded.
pub(crate) fn learn(view: &View<'_>, identity: &mut Identity) {
    let Some(pods) = view.world.store_pods.value() else {
        return;
    };
    let name = &view.kafka().name;
    let program = match identity.store.kind {
        StoreKind::ManagedEtcd => Program::Etcd,
        StoreKind::ZooKeeper => Program::ZooKeeper,
        StoreKind::KRaft | StoreKind::Etcd => return,
    };
    for (server, formatted) in &mut identity.store.formatted {
        let member = Member {
            program,
            server: *server,
        };
        let pod = pods.get(&member.pod_name(name));
        *formatted |= pod.is_some_and(|pod| pod.ready && !view.is_going(&pod.meta));
    }
}

/// Volumes that are gone for good: forgotten where the other servers remember everything, else asked about.
fn replace_lost(
    view: &View<'_>,
    identity: &Identity,
    servers: &[Server<'_>],
    draft: &mut Draft,
) -> bool {
    let lost: Vec<&Server<'_>> = servers.iter().filter(|server| server.is_lost()).collect();
    if lost.is_empty() {
        return false;
    }
    let keepers = servers.iter().filter(|server| server.member.has_volume());
    let remember = keepers
        .clone()
        .filter(|server| !server.is_lost() && server.is_ready())
        .count();
    if remember < safety::majority(keepers.count()) {
        let gone = servers
            .iter()
            .filter(|s| s.member.has_volume() && !s.is_lost());
        // Those that only do not serve just now may come back and remember.
        if remember + gone.filter(|server| !server.is_ready()).count()
            < safety::majority(servers.iter().filter(|s| s.member.has_volume()).count())
        {
            draft.problems.push(Problem::StoreLost {
                claims: lost
                    .iter()
                    .filter_map(|server| server.claim.clone())
                    .collect(),
            });
        }
        return true;
    }
    let mut identity = identity.clone();
    for server in &lost {
        identity.store.formatted.insert(server.member.server, false);
    }
    let mut guards: Vec<Guard> = lost
        .iter()
        .filter_map(|server| server.claim.as_ref())
        .map(|claim| absent("PersistentVolumeClaim", claim))
        .collect();
    guards.sort();
    crate::cluster::identity::push_record(
        view,
        draft,
        identity,
        crate::action::Draw::default(),
        Reason::VolumeLost,
        guards,
    );
    true
}

/// What the servers are planned with.
struct Store<'a, 'v> {
    view: &'v View<'a>,
    identity: &'v Identity,
    renderer: Option<&'v Renderer<'a>>,
    servers: &'v [Server<'a>],
    /// Whether lost volumes are being dealt with: until that is recorded, nothing of those servers is made.
    redraws: bool,
}

impl Store<'_, '_> {
    fn plan(&self, server: &Server<'_>, draft: &mut Draft) {
        let held = self.redraws && server.is_lost();
        let volume_there = self.plan_volume(server, held, draft);
        let configured = volume_there && self.plan_config(server, draft);
        match server.pod {
            _ if held => push(
                server,
                draft,
                Verb::Create,
                Reason::VolumeLost,
                None,
                StepState::Waiting(Wait::Record),
            ),
            Some(_) if server.going => push(
                server,
                draft,
                Verb::Create,
                Reason::PodLost,
                None,
                StepState::Waiting(Wait::PodGoing {
                    pod: server.pod_name.clone(),
                }),
            ),
            Some(pod) if pod.finished() => delete(server, pod, Reason::PodFinished, draft),
            Some(pod) => self.plan_present(server, pod, draft),
            None => self.plan_absent(server, configured, draft),
        }
    }

    /// The claim; whether it is there.
    fn plan_volume(&self, server: &Server<'_>, held: bool, draft: &mut Draft) -> bool {
        let Some(claim) = &server.claim else {
            return true;
        };
        let key = ObjectKey::new("PersistentVolumeClaim", claim);
        let rendered = self.renderer.and_then(|renderer| {
            let claim = manifests::store::render_claim(&renderer.input(), server.member)?;
            Some(manifests::to_value(&claim))
        });
        match (server.volume, rendered) {
            (Some(volume), _) if self.view.is_going(&volume.meta) => {
                if server.pod.is_none() {
                    let wait = Wait::VolumeGoing {
                        claim: claim.clone(),
                    };
                    draft.wait(PhaseName::Volumes, &key.to_string(), Reason::Missing, wait);
                }
                false
            }
            (Some(volume), Some(rendered)) if !held => {
                let wanted = volumes::metadata_only(&rendered);
                let paths = volumes::differing(&wanted, volume);
                if !paths.is_empty() {
                    draft.push(NewStep {
                        phase: PhaseName::Volumes,
                        verb: Verb::Apply,
                        subject: key.to_string(),
                        reason: Reason::Differs { paths },
                        action: Some(Action::Apply { object: wanted }),
                        guards: vec![Guard::Is {
                            object: key,
                            uid: volume.meta.uid.clone(),
                        }],
                        state: StepState::Ready,
                    });
                }
                true
            }
            (Some(_), _) => true,
            (None, Some(object)) if !held => {
                draft.push(NewStep {
                    phase: PhaseName::Volumes,
                    verb: Verb::Create,
                    subject: key.to_string(),
                    reason: Reason::Missing,
                    action: Some(Action::Create { object }),
                    guards: vec![absent("PersistentVolumeClaim", claim)],
                    state: StepState::Ready,
                });
                false
            }
            (None, _) => false,
        }
    }

    /// The configuration; whether it is as it should be.
    fn plan_config(&self, server: &Server<'_>, draft: &mut Draft) -> bool {
        let key = ObjectKey::new("ConfigMap", &server.pod_name);
        let Some(renderer) = self.renderer else {
            return server.record.is_some();
        };
        let object = record::render(renderer, server.member);
        let (reason, guard) = match &server.record {
            None => (Reason::Missing, absent("ConfigMap", &server.pod_name)),
            Some(record) if record.data == data_of(&object) => return true,
            Some(record) => (
                Reason::Differs {
                    paths: record.differing(&object),
                },
                Guard::Is {
                    object: key.clone(),
                    uid: record.uid.clone(),
                },
            ),
        };
        draft.push(NewStep {
            phase: PhaseName::Store,
            verb: Verb::Apply,
            subject: key.to_string(),
            reason,
            action: Some(Action::Apply { object }),
            guards: vec![guard],
            state: StepState::Ready,
        });
        false
    }

    fn plan_present(&self, server: &Server<'_>, pod: &Pod, draft: &mut Draft) {
        if server.is_outdated() {
            // Whoever is away already holds back the others.
            let others: Vec<&Server<'_>> = self
                .servers
                .iter()
                .filter(|other| other.pod_name != server.pod_name && !other.is_ready())
                .collect();
            let first = self.first_outdated();
            let paths = vec!["its configuration".to_owned()];
            return match others.first() {
                None if first == Some(server.pod_name.as_str()) => {
                    delete(server, pod, Reason::Differs { paths }, draft);
                }
                _ if !server.is_ready() => {
                    delete(server, pod, Reason::Differs { paths }, draft);
                }
                other => {
                    let pod = other.map_or(first.unwrap_or_default(), |o| o.pod_name.as_str());
                    let missing = vec![format!("a ready Pod {pod}")];
                    let wait = StepState::Waiting(Wait::Objects { missing });
                    push(
                        server,
                        draft,
                        Verb::Delete,
                        Reason::Differs { paths },
                        None,
                        wait,
                    );
                }
            };
        }
        if let Some((refusal, text)) = refusal(pod) {
            let granted = pod.format.is_some() || pod.meta.annotations.contains_key(FORMAT_GRANTED);
            if refusal == Refusal::EmptyVolume && !server.formatted && !granted {
                return delete(server, pod, Reason::VolumeLost, draft);
            }
            draft.problems.push(Problem::RunnerRefused {
                pod: server.pod_name.clone(),
                refusal,
                text,
            });
            return push(
                server,
                draft,
                Verb::Start,
                Reason::Starting,
                None,
                StepState::Blocked,
            );
        }
        if !server.is_ready() {
            let state = pods::stuck(&server.pod_name, pod).unwrap_or_else(|| StepState::Running {
                progress: if pod.runs_anything() {
                    "not ready yet".to_owned()
                } else {
                    "container starting".to_owned()
                },
            });
            push(server, draft, Verb::Start, Reason::Starting, None, state);
        }
    }

    /// The first server that runs on another configuration than is recorded.
    fn first_outdated(&self) -> Option<&str> {
        self.servers
            .iter()
            .find(|server| server.is_outdated())
            .map(|server| server.pod_name.as_str())
    }

    fn plan_absent(&self, server: &Server<'_>, configured: bool, draft: &mut Draft) {
        let reason = if server.formatted {
            Reason::PodLost
        } else {
            Reason::Missing
        };
        let state = match self.create_wait(server, configured) {
            Some(wait) => StepState::Waiting(wait),
            None => StepState::Ready,
        };
        let grant = self.grant(server);
        let object = match &state {
            StepState::Ready => server
                .record
                .as_ref()
                .and_then(|record| pod_object(self.view, record, grant)),
            _ => None,
        };
        let mut guards = vec![absent("Pod", &server.pod_name)];
        if grant == Some(Format::Initial) {
            guards.push(Guard::QuorumNotFormed);
        }
        if let (Some(claim), Some(volume)) = (&server.claim, server.volume) {
            guards.push(Guard::Is {
                object: ObjectKey::new("PersistentVolumeClaim", claim),
                uid: volume.meta.uid.clone(),
            });
        }
        draft.push(NewStep {
            phase: PhaseName::Store,
            verb: Verb::Create,
            subject: server.pod_name.clone(),
            reason,
            action: object.map(|object| Action::Create { object }),
            guards,
            state,
        });
    }

    fn create_wait(&self, server: &Server<'_>, configured: bool) -> Option<Wait> {
        let missing = |what: String| {
            Some(Wait::Objects {
                missing: vec![what],
            })
        };
        if let (Some(claim), None) = (&server.claim, server.volume) {
            return missing(format!("PersistentVolumeClaim/{claim}"));
        }
        if !configured || server.record.is_none() {
            return missing(format!("ConfigMap/{}", server.pod_name));
        }
        let record = server.record.as_ref()?;
        let account = record.account();
        if let Some(account) =
            account.filter(|name| self.view.object("ServiceAccount", name).is_none())
        {
            return missing(format!("ServiceAccount/{account}"));
        }
        let etcd = self
            .servers
            .iter()
            .find(|other| other.member.program == Program::Etcd && !other.is_ready());
        match (server.member.program, etcd) {
            (Program::Gateway, Some(etcd)) => missing(format!("a ready Pod {}", etcd.pod_name)),
            _ => None,
        }
    }

    /// With what permission a server begins, where its volume is new.
    fn grant(&self, server: &Server<'_>) -> Option<Format> {
        if !server.member.has_volume() || server.formatted {
            return None;
        }
        let anybody = self
            .identity
            .store
            .formatted
            .values()
            .any(|formatted| *formatted);
        Some(if anybody || self.identity.quorum_formed {
            Format::Join
        } else {
            Format::Initial
        })
    }
}

fn delete(server: &Server<'_>, pod: &Pod, reason: Reason, draft: &mut Draft) {
    draft.push(NewStep {
        phase: PhaseName::Store,
        verb: Verb::Delete,
        subject: server.pod_name.clone(),
        reason,
        action: Some(Action::Delete {
            kind: "Pod".to_owned(),
            name: server.pod_name.clone(),
        }),
        guards: vec![Guard::Is {
            object: ObjectKey::new("Pod", &server.pod_name),
            uid: pod.meta.uid.clone(),
        }],
        state: StepState::Ready,
    });
}

/// The Pod from its record, with a permission to begin or without.
fn pod_object(view: &View<'_>, record: &StoreRecord, grant: Option<Format>) -> Option<Value> {
    let mut pod = record.pod()?;
    crate::cluster::render::own(view, &mut pod)?;
    annotate(&mut pod, CONFIGURATION, record.hash());
    if let Some(format) = grant {
        crate::cluster::render::permit(&mut pod, format)?;
    }
    Some(pod)
}

fn push(
    server: &Server<'_>,
    draft: &mut Draft,
    verb: Verb,
    reason: Reason,
    action: Option<Action>,
    state: StepState,
) {
    draft.push(NewStep {
        phase: PhaseName::Store,
        verb,
        subject: server.pod_name.clone(),
        reason,
        action,
        guards: Vec::new(),
        state,
    });
}
