//! One node, as far as it can be seen: its Pod, its configuration, its disks, its place in Kafka.
//!
//! Reads: a [`View`] and the identity. Judges the disks; decides nothing (see `disks.rs`, `pods.rs`, `quorum.rs`).

use model::desired::{Node, NodeId, PoolName};
use model::observed::identity::{DIRECTORY_ID, Identity, NodeIdentity};
use model::observed::kafka::QuorumNode;
use model::observed::pod::{ContainerState, Pod};
use model::observed::runner::Refusal;

use crate::cluster::record::Record;
use crate::cluster::view::{PodSeen, View};
use crate::plan::PhaseName;

/// One node.
#[derive(Debug)]
pub(crate) struct NodeView<'a> {
    pub(crate) id: i32,
    pub(crate) node: &'a NodeIdentity,
    pub(crate) pod_name: String,
    pub(crate) pod: PodSeen<'a>,
    pub(crate) record: Option<Record<'a>>,
    pub(crate) disk: Disk,
    /// Directory ids under which it votes by Kafka's account; empty where unknown.
    pub(crate) votes_as: Vec<String>,
    /// Its entry among the observers, with the recorded directory.
    pub(crate) observer: Option<&'a QuorumNode>,
    /// Why its runner does not start Kafka, if it says so.
    pub(crate) refusal: Option<(Refusal, String)>,
}

/// The disks of a node, taken together; the worst counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disk {
    /// They are there and hold what they should.
    Intact,
    /// They never held anything, or are chosen afresh after a loss: they may be formatted.
    New,
    /// Nobody can tell yet whether they held something that counts.
    Unsure,
    /// The claim, or the Pod that an ephemeral disk lives with, is being deleted and not gone.
    Going(String),
    /// They held data (or votes) and are gone or empty: (volume, claim or nothing) of each.
    Lost(Vec<(u32, Option<String>)>),
}

impl<'a> NodeView<'a> {
    /// Looks at all nodes of the identity, by id.
    pub(crate) fn all(view: &View<'a>, identity: &'a Identity) -> Vec<Self> {
        let nodes = identity.nodes.iter();
        nodes
            .map(|(id, node)| Self::look(view, identity, *id, node))
            .collect()
    }

    fn look(view: &View<'a>, identity: &Identity, id: i32, node: &'a NodeIdentity) -> Self {
        let pod_name = view.pod_name(&node.pool, id);
        let pod = view.pod(&pod_name);
        let record = Record::read(view, &pod_name);
        let quorum = view
            .world
            .quorum
            .value()
            .filter(|quorum| quorum.leader.is_some());
        let votes_as: Vec<String> = quorum
            .into_iter()
            .flat_map(|quorum| &quorum.voters)
            .filter(|voter| voter.id == id)
            .map(|voter| voter.directory.clone().unwrap_or_default())
            .collect();
        let observer = quorum.and_then(|quorum| {
            quorum.observers.iter().find(|observer| {
                observer.id == id && observer.directory.as_deref() == node.metadata_directory()
            })
        });
        let mut seen = Self {
            id,
            node,
            pod_name,
            pod,
            record,
            disk: Disk::Intact,
            votes_as,
            observer,
            refusal: None,
        };
        seen.refusal = seen
            .refusal()
            .map(|(refusal, text)| (refusal, text.to_owned()));
        seen.disk = seen.judge_disk(view, identity);
        seen
    }

    /// The node in the words of what users want.
    pub(crate) fn desired(&self) -> Option<Node> {
        Some(Node {
            id: NodeId(self.id),
            pool: self.node.pool.parse::<PoolName>().ok()?,
            roles: self.node.roles,
        })
    }

    pub(crate) fn phase(&self) -> PhaseName {
        if self.node.roles.is_controller() {
            PhaseName::Controllers
        } else {
            PhaseName::Brokers
        }
    }

    /// Whether Kafka counts it as a voter with the recorded directory (or with none, in a static quorum).
    pub(crate) fn votes(&self) -> bool {
        let own = self.node.metadata_directory();
        self.votes_as
            .iter()
            .any(|directory| directory.is_empty() || Some(directory.as_str()) == own)
    }

    /// Directories it is still counted under, though they are no longer its own.
    pub(crate) fn stale_votes(&self) -> impl Iterator<Item = &str> {
        let own = self.node.metadata_directory();
        let votes = self.votes_as.iter().map(String::as_str);
        votes.filter(move |directory| !directory.is_empty() && Some(*directory) != own)
    }

    /// Whether its Pod was made for the recorded directory.
    pub(crate) fn made_for_own_directory(&self, pod: &Pod) -> bool {
        let made_for = pod.meta.annotations.get(DIRECTORY_ID).map(String::as_str);
        made_for.is_none() || made_for == self.node.metadata_directory()
    }

    /// Whether it serves or did: its configuration then changes by a plan only, and its Pod is not replaced for it.
    pub(crate) fn in_use(&self) -> bool {
        self.node.served || matches!(self.pod, PodSeen::Present(pod) if pod.ready)
    }

    /// Whether its disks carry data of this cluster as far as is known: what counts for a majority.
    pub(crate) fn remembers(&self) -> bool {
        self.node.formatted && self.disk == Disk::Intact
    }

    fn refusal(&self) -> Option<(Refusal, &'a str)> {
        let PodSeen::Present(pod) = self.pod else {
            return None;
        };
        let kafka = pod.kafka()?;
        let terminated = match &kafka.state {
            ContainerState::Running => return None,
            ContainerState::Terminated(terminated) => Some(terminated),
            ContainerState::Waiting { .. } => kafka.last.as_ref(),
        }?;
        let (refusal, _, text) = Refusal::parse(&terminated.message)?;
        Some((refusal, text))
    }

    /// Volumes that the runner found empty without permission to format them.
    fn found_empty(&self) -> Vec<u32> {
        let PodSeen::Present(pod) = self.pod else {
            return Vec::new();
        };
        let Some(kafka) = pod.kafka() else {
            return Vec::new();
        };
        let message = match &kafka.state {
            ContainerState::Running => None,
            ContainerState::Terminated(terminated) => Some(&terminated.message),
            ContainerState::Waiting { .. } => kafka.last.as_ref().map(|last| &last.message),
        };
        match message.and_then(|message| Refusal::parse(message)) {
            Some((Refusal::EmptyVolume, volumes, _)) if volumes.is_empty() => {
                self.node.directories.keys().copied().collect()
            }
            Some((Refusal::EmptyVolume, volumes, _)) => volumes.into_iter().collect(),
            Some(_) | None => Vec::new(),
        }
    }

    fn judge_disk(&self, view: &View<'a>, identity: &Identity) -> Disk {
        let mut lost = Vec::new();
        let mut worst = Disk::Intact;
        let found_empty = self.found_empty();
        // A runner's complaint counts where the disk was formatted, or the permission to do so was used up. And only where the Pod was made for the present directories: the old Pod of a disk
        // that is already being replaced keeps complaining.
        let complaint = match self.pod {
            PodSeen::Present(pod) => {
                let used = self.node.formatted || pod.format.is_some();
                used && self.made_for_own_directory(pod)
            }
            PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => false,
        };
        for volume in self.node.directories.keys() {
            let judged = match self.node.claims.get(volume) {
                Some(claim) => self.judge_claim(view, *volume, claim),
                None => self.judge_ephemeral(view, identity, *volume),
            };
            match judged {
                Disk::Lost(which) => lost.extend(which),
                _ if complaint && found_empty.contains(volume) => {
                    lost.push((*volume, self.node.claims.get(volume).cloned()));
                }
                other => worst = worst.max(other),
            }
        }
        if lost.is_empty() {
            worst
        } else {
            Disk::Lost(lost)
        }
    }

    /// A disk that outlives Pods. The configuration is written only after the claim was seen, so one that names the
    /// directory proves that the claim was there.
    fn judge_claim(&self, view: &View<'a>, volume: u32, claim: &str) -> Disk {
        let directory = self.node.directories.get(&volume);
        match view.volumes.get(claim) {
            Some(seen) if view.is_going(&seen.meta) => match self.pod {
                // The disk goes only after the Pod that uses it.
                PodSeen::Present(_) => Disk::Intact,
                PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => {
                    Disk::Going(claim.to_owned())
                }
            },
            Some(seen) if seen.lost => Disk::Lost(vec![(volume, Some(claim.to_owned()))]),
            Some(_) if self.node.formatted => Disk::Intact,
            Some(_) => Disk::New,
            None => {
                let used = self.record.as_ref().is_some_and(|record| {
                    record
                        .directories()
                        .get(&volume)
                        .is_some_and(|known| Some(known) == directory)
                });
                if used || self.node.formatted {
                    Disk::Lost(vec![(volume, Some(claim.to_owned()))])
                } else {
                    Disk::New
                }
            }
        }
    }

    /// A disk that lives as long as its Pod.
    ///
    /// It matters only for votes: a broker without memory is one that catches up. Before a leader was ever seen, a
    /// controller may take part with an empty disk unless somebody could have elected one unseen.
    fn judge_ephemeral(&self, view: &View<'a>, identity: &Identity, volume: u32) -> Disk {
        let there = match self.pod {
            PodSeen::Present(pod) => self.made_for_own_directory(pod),
            // It may still vote while it goes.
            PodSeen::Going => return Disk::Going(self.pod_name.clone()),
            PodSeen::Absent | PodSeen::Finished(_) => false,
        };
        if there {
            return if self.node.formatted {
                Disk::Intact
            } else {
                Disk::New
            };
        }
        if !self.node.roles.is_controller() || volume != self.node.metadata {
            return Disk::New;
        }
        if identity.quorum_formed {
            let leader_known = view.leader().is_some();
            return match (self.node.formatted, leader_known) {
                (_, true) if self.votes() => Disk::Lost(vec![(volume, None)]),
                (true, false) => Disk::Lost(vec![(volume, None)]),
                // Never seen voting, or no longer counted: nothing is lost with it.
                (_, true) => Disk::New,
                (false, false) => Disk::Unsure,
            };
        }
        let others_run = identity.controllers().any(|(other, node)| {
            let pod = format!("{}-{}-{other}", view.kafka().name, node.pool);
            other != self.id && matches!(view.pod(&pod), PodSeen::Present(pod) if pod.runs())
        });
        let used = self
            .record
            .as_ref()
            .is_some_and(|record| record.directories() == self.node.directories);
        if used && others_run && view.world.quorum.value().is_none() {
            Disk::Unsure
        } else {
            Disk::New
        }
    }
}
