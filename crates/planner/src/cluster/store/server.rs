//! The servers of the store, as far as they can be seen.

use std::collections::BTreeMap;

use manifests::store::{Member, Program};
use model::observed::identity::{CONFIGURATION, Identity};
use model::observed::pod::Pod;
use model::observed::runner::Refusal;
use model::observed::volume::Volume;

use super::record::StoreRecord;
use crate::cluster::render::Renderer;
use crate::cluster::safety;
use crate::cluster::view::View;
use crate::wait::Wait;

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreState {
    /// What brokers that never served wait for; nothing where it serves.
    pub(crate) wait: Option<Wait>,
    /// Whether every server of it serves.
    pub(crate) complete: bool,
}

impl StoreState {
    /// There is none.
    pub(super) const NONE: Self = Self {
        wait: None,
        complete: true,
    };
}

/// One server, as far as it can be seen.
pub(super) struct Server<'a> {
    pub(super) member: Member,
    pub(super) pod_name: String,
    pub(super) claim: Option<String>,
    pub(super) pod: Option<&'a Pod>,
    pub(super) going: bool,
    pub(super) volume: Option<&'a Volume>,
    pub(super) record: Option<StoreRecord>,
    /// Whether it was seen running on its volume.
    pub(super) formatted: bool,
}

impl Server<'_> {
    /// It runs on another configuration than is recorded.
    pub(super) fn is_outdated(&self) -> bool {
        let made_for = self
            .pod
            .and_then(|pod| pod.meta.annotations.get(CONFIGURATION));
        let record = self.record.as_ref();
        record.is_some_and(|record| made_for.is_some_and(|hash| *hash != record.hash()))
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.going && self.pod.is_some_and(|pod| pod.ready && !pod.finished())
    }

    /// Its volume is gone, and it held something.
    pub(super) fn is_lost(&self) -> bool {
        self.formatted && self.member.has_volume() && self.volume.is_none_or(|volume| volume.lost)
    }
}

/// The servers that are wanted; where that cannot be understood just now, those that were.
pub(super) fn members(view: &View<'_>, renderer: Option<&Renderer<'_>>) -> Vec<Member> {
    if let Some(renderer) = renderer {
        return manifests::store::members(renderer.cluster);
    }
    let mut members: Vec<Member> = view
        .objects
        .keys()
        .filter(|key| key.kind == "ConfigMap")
        .filter_map(|key| StoreRecord::read(view, &key.name)?.member(&view.kafka().name, &key.name))
        .collect();
    members.sort();
    members
}

pub(super) fn server<'a>(
    view: &View<'a>,
    identity: &Identity,
    member: Member,
    pods: &'a BTreeMap<String, Pod>,
    claims: &'a BTreeMap<String, Volume>,
) -> Server<'a> {
    let cluster = &view.kafka().name;
    let pod_name = member.pod_name(cluster);
    let claim = member.claim_name(cluster);
    let pod = pods.get(&pod_name);
    let volume = claim.as_ref().and_then(|claim| claims.get(claim));
    Server {
        member,
        going: pod.is_some_and(|pod| view.is_going(&pod.meta)),
        record: StoreRecord::read(view, &pod_name),
        pod_name,
        claim,
        pod,
        volume,
        formatted: member.has_volume()
            && identity.store.formatted.get(&member.server) == Some(&true),
    }
}

/// What keeps the data, and what serves it.
pub(super) fn state(servers: &[Server<'_>]) -> StoreState {
    let ready = |program: Program| {
        let all = servers.iter().filter(move |s| s.member.program == program);
        (all.clone().filter(|s| s.is_ready()).count(), all.count())
    };
    let (members, of_members) = ready(Program::ZooKeeper);
    let (gateways, of_gateways) = ready(Program::Gateway);
    let serves = if of_members > 0 {
        members >= safety::majority(of_members)
    } else {
        gateways > 0
    };
    let servers_there = members + gateways;
    StoreState {
        wait: (!serves).then_some(Wait::Store {
            serving: servers_there,
            servers: of_members + of_gateways,
        }),
        complete: servers.iter().all(Server::is_ready),
    }
}

pub(super) fn refusal(pod: &Pod) -> Option<(Refusal, String)> {
    let terminated = pod.ended()?;
    let (refusal, _, text) = Refusal::parse(&terminated.message)?;
    Some((refusal, text.to_owned()))
}
