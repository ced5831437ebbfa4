//! Kafka itself: a quorum that elects and remembers, brokers that replicate, and messages that must not be lost.
//!
//! Only what decisions depend on is simulated, and exactly that much: who votes under which directory id, who has which
//! part of the metadata log, which partition has which in-sync replicas. Everything that must never happen is noticed
//! here as a violation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::disk::Disks;
use crate::kubelet::Process;
use crate::store;

/// The state that Kafka's nodes share.
#[derive(Debug, Clone, Default)]
pub struct Kafka {
    /// The quorum, once one was formed.
    pub quorum: Option<Quorum>,
    /// Registered brokers.
    pub brokers: BTreeMap<i32, Broker>,
    /// Topics that are made as soon as there are enough brokers.
    pub topics: Vec<Topic>,
    /// Partitions by `topic-0`.
    pub partitions: BTreeMap<String, Partition>,
    /// `metadata.version`.
    pub metadata_version: Option<i16>,
    /// What was set for all brokers while they run.
    pub settings: BTreeMap<String, String>,
    /// Whether everything that ever went wrong may go wrong: the cluster was never meant to survive.
    pub ephemeral: bool,
    /// Whether a human accepted that messages are lost.
    pub loss_accepted: bool,
    formations: u64,
}

/// A quorum.
#[derive(Debug, Clone, Default)]
pub struct Quorum {
    /// The first quorum of the world is 1.
    pub formation: u64,
    /// Node id → directory id.
    pub voters: BTreeMap<i32, String>,
    /// Who leads.
    pub leader: Option<i32>,
    /// How often somebody was elected.
    pub epoch: i32,
    /// Length of the metadata log that a majority has.
    pub committed: u64,
    /// Who ever held a part of the log, under which directory: these must not come back without it.
    pub remembered: BTreeSet<(i32, String)>,
    /// Who follows: node, directory, when last.
    pub fetched: BTreeMap<(i32, String), Timestamp>,
}

/// A registered broker.
#[derive(Debug, Clone, Default)]
pub struct Broker {
    /// Whether it is fenced.
    pub fenced: bool,
    /// Since when it runs without a break.
    pub since: Option<Timestamp>,
    /// When it was last there.
    pub last: Option<Timestamp>,
}

/// A topic to make.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Replication factor.
    pub replicas: u32,
    /// `min.insync.replicas`.
    pub min_isr: u32,
}

/// A partition.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    /// Replicas.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Who leads.
    pub leader: Option<i32>,
    /// `min.insync.replicas`.
    pub min_isr: u32,
    /// Messages acknowledged with `acks=all`.
    pub acknowledged: u64,
}

/// How long a broker that is gone counts as there.
const SESSION: SignedDuration = SignedDuration::from_secs(2);
/// How long a broker that came back takes to catch up.
const CATCH_UP: SignedDuration = SignedDuration::from_secs(1);

impl Kafka {
    /// Lets Kafka go on to `now`; returns what must never happen and did.
    pub fn tick(
        &mut self,
        now: Timestamp,
        processes: &[Process],
        disks: &mut Disks,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        self.form(processes, disks, &mut wrong);
        self.elect(now, processes, disks, &mut wrong);
        self.register(now, processes);
        self.make_topics();
        self.replicate(processes, disks, &mut wrong);
        wrong
    }

    /// Who leads the quorum.
    pub fn leader(&self) -> Option<i32> {
        self.quorum.as_ref()?.leader
    }

    /// `AddRaftVoter`.
    pub fn add_voter(&mut self, node: i32, directory: &str) -> Result<(), String> {
        let quorum = self.led()?;
        if quorum.voters.contains_key(&node) {
            return Err(format!("node {node} votes already"));
        }
        if !quorum.fetched.contains_key(&(node, directory.to_owned())) {
            return Err(format!("node {node} does not follow"));
        }
        quorum.voters.insert(node, directory.to_owned());
        Ok(())
    }

    /// `RemoveRaftVoter`.
    pub fn remove_voter(&mut self, node: i32, directory: &str) -> Result<(), String> {
        let quorum = self.led()?;
        if quorum.voters.get(&node).map(String::as_str) != Some(directory) {
            return Err(format!("node {node} does not vote as {directory}"));
        }
        quorum.voters.remove(&node);
        if quorum.leader == Some(node) {
            quorum.leader = None;
        }
        Ok(())
    }

    fn led(&mut self) -> Result<&mut Quorum, String> {
        match &mut self.quorum {
            Some(quorum) if quorum.leader.is_some() => Ok(quorum),
            Some(_) | None => Err("no leader".to_owned()),
        }
    }

    /// A quorum forms when a majority of some set of first voters runs that belongs to no quorum yet.
    fn form(&mut self, processes: &[Process], disks: &Disks, wrong: &mut Vec<String>) {
        let mut sets: BTreeMap<BTreeMap<i32, String>, usize> = BTreeMap::new();
        for process in processes.iter().filter(|process| process.controller) {
            let Some(content) = disks.content(&process.metadata_disk) else {
                continue;
            };
            if let (Some(initial), 0) = (&content.initial, content.formation)
                && initial.get(&process.node) == Some(&content.directory)
            {
                *sets.entry(initial.clone()).or_default() += 1;
            }
        }
        for (voters, running) in sets {
            let current = self.quorum.as_ref().is_some_and(|quorum| {
                // Late first voters of the quorum that is: they follow it.
                voters
                    .iter()
                    .any(|(id, directory)| quorum.remembered.contains(&(*id, directory.clone())))
            });
            if current || running <= voters.len() / 2 {
                continue;
            }
            if let Some(old) = &self.quorum {
                let survivors = survivors(old, disks);
                if survivors > old.voters.len() / 2 {
                    wrong.push("a second quorum was formed beside the first".to_owned());
                } else if !self.ephemeral && survivors > 0 {
                    wrong.push("a cluster with persistent disks was formed anew".to_owned());
                }
                self.partitions.clear();
                self.brokers.clear();
            }
            self.formations += 1;
            self.quorum = Some(Quorum {
                formation: self.formations,
                voters,
                ..Quorum::default()
            });
            self.metadata_version = (!store::has_store(self)).then_some(0);
        }
    }

    fn elect(
        &mut self,
        now: Timestamp,
        processes: &[Process],
        disks: &mut Disks,
        wrong: &mut Vec<String>,
    ) {
        let of_store = store::has_store(self);
        let Some(quorum) = &mut self.quorum else {
            return;
        };
        let mut logs: BTreeMap<i32, u64> = BTreeMap::new();
        for process in processes.iter().filter(|process| process.controller) {
            let Some(content) = disks.content(&process.metadata_disk) else {
                continue;
            };
            let votes = quorum.voters.get(&process.node) == Some(&content.directory);
            if !votes || (content.formation != 0 && content.formation != quorum.formation) {
                continue;
            }
            if content.initial.is_none() && content.log == 0 && of_store {
                // It follows a leader before it votes.
                continue;
            }
            let remembered = quorum
                .remembered
                .contains(&(process.node, content.directory.clone()));
            if remembered && content.log == 0 {
                wrong.push(format!("node {} votes without memory", process.node));
            }
            logs.insert(process.node, content.log);
        }
        if logs.len() <= quorum.voters.len() / 2 {
            quorum.leader = None;
            return;
        }
        if !quorum
            .leader
            .is_some_and(|leader| logs.contains_key(&leader))
        {
            let best = logs.iter().max_by_key(|(id, log)| (**log, -**id));
            quorum.leader = best.map(|(id, _)| *id);
            quorum.epoch += 1;
        }
        let leaders = quorum
            .leader
            .and_then(|leader| logs.get(&leader))
            .copied()
            .unwrap_or_default();
        if leaders < quorum.committed {
            wrong.push(format!(
                "metadata was lost: {} of {} records",
                quorum.committed - leaders,
                quorum.committed
            ));
            quorum.committed = leaders;
        }
        quorum.committed += 1;
        for process in processes {
            let Some(content) = disks.content_mut(&process.metadata_disk) else {
                continue;
            };
            if content.formation == 0 || content.formation == quorum.formation {
                content.formation = quorum.formation;
                content.log = quorum.committed;
                let key = (process.node, content.directory.clone());
                if process.controller {
                    quorum.remembered.insert(key.clone());
                }
                quorum.fetched.insert(key, now);
            }
        }
        let running: Vec<(i32, String)> = processes
            .iter()
            .filter_map(|process| {
                Some((
                    process.node,
                    disks.content(&process.metadata_disk)?.directory.clone(),
                ))
            })
            .collect();
        quorum
            .fetched
            .retain(|key, _| running.contains(key) || quorum.voters.get(&key.0) == Some(&key.1));
    }

    fn register(&mut self, now: Timestamp, processes: &[Process]) {
        if self.leader().is_none() {
            return;
        }
        for process in processes.iter().filter(|process| process.broker) {
            let broker = self.brokers.entry(process.node).or_insert_with(|| Broker {
                fenced: true,
                ..Broker::default()
            });
            let since = *broker.since.get_or_insert(now);
            broker.last = Some(now);
            broker.fenced = now < since + CATCH_UP;
        }
        for (id, broker) in &mut self.brokers {
            if !processes
                .iter()
                .any(|process| process.broker && process.node == *id)
            {
                broker.since = None;
                broker.fenced |= broker.last.is_none_or(|last| now >= last + SESSION);
            }
        }
    }

    fn make_topics(&mut self) {
        let brokers: Vec<i32> = self
            .brokers
            .iter()
            .filter(|(_, broker)| !broker.fenced)
            .map(|(id, _)| *id)
            .collect();
        for topic in &self.topics {
            let replicas = usize::try_from(topic.replicas).unwrap_or(1);
            if brokers.len() < replicas || self.leader().is_none() {
                continue;
            }
            for index in 0..topic.partitions {
                let name = format!("{}-{index}", topic.name);
                let offset = usize::try_from(index).unwrap_or(0);
                self.partitions.entry(name).or_insert_with(|| {
                    let chosen = brokers.iter().cycle().skip(offset).take(replicas);
                    let chosen: Vec<i32> = chosen.copied().collect();
                    Partition {
                        leader: chosen.first().copied(),
                        isr: chosen.clone(),
                        replicas: chosen,
                        min_isr: topic.min_isr,
                        acknowledged: 0,
                    }
                });
            }
        }
    }

    fn replicate(&mut self, processes: &[Process], disks: &mut Disks, wrong: &mut Vec<String>) {
        if self.leader().is_none() {
            return;
        }
        let brokers = &self.brokers;
        let alive = |id: i32| -> Option<String> {
            let unfenced = brokers.get(&id).is_some_and(|broker| !broker.fenced);
            let process = processes
                .iter()
                .find(|process| process.broker && process.node == id)?;
            unfenced.then(|| process.data_disk.clone())
        };
        for (name, partition) in &mut self.partitions {
            // A broker that comes back with less than it had is not in sync any more (KIP-966); the last one stays.
            let forgot: Vec<i32> = partition
                .isr
                .iter()
                .copied()
                .filter(|id| {
                    let disk = alive(*id);
                    let has =
                        disk.and_then(|disk| disks.content(&disk)?.partitions.get(name).copied());
                    alive(*id).is_some() && has.unwrap_or_default() < partition.acknowledged
                })
                .collect();
            if forgot.len() < partition.isr.len() {
                partition.isr.retain(|id| !forgot.contains(id));
            }
            let in_sync = partition
                .isr
                .iter()
                .copied()
                .filter(|id| alive(*id).is_some());
            let in_sync: Vec<i32> = in_sync.collect();
            if !in_sync.is_empty() {
                partition.isr.clone_from(&in_sync);
            }
            if !partition
                .leader
                .is_some_and(|leader| in_sync.contains(&leader))
            {
                partition.leader = in_sync.first().copied();
            }
            let Some(leader_disk) = partition.leader.and_then(alive) else {
                continue;
            };
            let has = disks
                .content(&leader_disk)
                .and_then(|c| c.partitions.get(name))
                .copied();
            let has = has.unwrap_or_default();
            if has < partition.acknowledged {
                if !self.loss_accepted {
                    let lost = partition.acknowledged - has;
                    wrong.push(format!("{name} lost {lost} acknowledged messages"));
                }
                partition.acknowledged = has;
            }
            for id in partition.replicas.clone() {
                if alive(id).is_some() && !partition.isr.contains(&id) {
                    partition.isr.push(id);
                    partition.isr.sort_unstable();
                }
            }
            let enough = usize::try_from(partition.min_isr).unwrap_or(1);
            let count = if partition.isr.len() >= enough {
                partition.acknowledged += 1;
                partition.acknowledged
            } else {
                has
            };
            for disk in partition.isr.iter().filter_map(|id| alive(*id)) {
                if let Some(content) = disks.content_mut(&disk) {
                    content.partitions.insert(name.clone(), count);
                }
            }
        }
    }
}

/// Voters of a quorum whose disks still hold its log.
fn survivors(quorum: &Quorum, disks: &Disks) -> usize {
    let contents = disks.0.values().filter_map(|disk| disk.content.as_ref());
    let held: BTreeSet<i32> = contents
        .filter(|content| content.formation == quorum.formation && content.log > 0)
        .filter(|content| quorum.voters.get(&content.node) == Some(&content.directory))
        .map(|content| content.node)
        .collect();
    held.len()
}
