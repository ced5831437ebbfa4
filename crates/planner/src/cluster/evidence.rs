//! What says who a cluster and its nodes are, apart from the record itself.
//!
//! Reads: volume claims, ConfigMaps of nodes, Kafka's own answer, the last status. Decides nothing; see `identity.rs`.

use std::collections::BTreeMap;

use model::desired::{Roles, StoreKind};
use model::observed::identity::{
    FORMATTED, Identity, NodeIdentity, QUORUM_FORMED, parse_initial_controllers,
};
use model::observed::volume::Volume;
use model::runner::RunnerConfig;

use crate::cluster::record::Record;
use crate::cluster::view::View;

/// A source and what it says.
pub(crate) type Said = (String, String);

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// Cluster ids by source; sources that cannot be wrong without something being broken.
    pub(crate) cluster_ids: Vec<Said>,
    /// The cluster id of the last status, which a backup may have brought.
    pub(crate) status_cluster_id: Option<String>,
    /// Nodes that disks or configurations speak of.
    pub(crate) nodes: BTreeMap<i32, NodeIdentity>,
    /// Node ids that the status of each pool speaks of.
    pub(crate) status_ids: BTreeMap<String, Vec<i32>>,
    /// The first voters.
    pub(crate) initial_controllers: Option<BTreeMap<i32, String>>,
    /// A leader was seen.
    pub(crate) quorum_formed: bool,
    /// What kind of store left volumes behind.
    pub(crate) store: Option<StoreKind>,
    /// Its servers, and whether they ran on their volumes.
    pub(crate) store_formatted: BTreeMap<u32, bool>,
}

impl Evidence {
    /// Collects it.
    pub(crate) fn collect(view: &View<'_>) -> Self {
        let mut evidence = Self::default();
        for (name, volume) in view.volumes {
            if !view.is_going(&volume.meta) {
                evidence.add_volume(view, name, volume);
            }
        }
        if let Some(volumes) = view.world.store_volumes.value() {
            for (name, volume) in volumes {
                if !view.is_going(&volume.meta) {
                    evidence.add_store_volume(name, volume);
                }
            }
        }
        for (key, object) in view.objects {
            let pool = object.meta.labels.get("strimzi.io/pool-name");
            if let (true, Some(pool), Some(record)) =
                (key.kind == "ConfigMap", pool, Record::read(view, &key.name))
            {
                evidence.add_record(&key.name, pool, &record);
            }
        }
        if let Some(brokers) = view
            .world
            .brokers
            .value()
            .filter(|b| !b.cluster_id.is_empty())
        {
            evidence
                .cluster_ids
                .push(("Kafka".to_owned(), brokers.cluster_id.clone()));
        }
        evidence.quorum_formed |= view.leader().is_some();
        let status = &view.kafka().status;
        evidence.status_cluster_id = status
            .get("clusterId")
            .and_then(|id| id.as_str())
            .filter(|id| is_uuid(id))
            .map(str::to_owned);
        for (name, pool) in view.pools {
            let ids = pool.status.get("nodeIds").and_then(|ids| ids.as_array());
            let ids = ids.into_iter().flatten();
            let ids = ids.filter_map(|id| i32::try_from(id.as_i64()?).ok());
            evidence.status_ids.insert(name.clone(), ids.collect());
        }
        evidence.cluster_ids.sort();
        evidence.cluster_ids.dedup();
        evidence
    }

    /// What disagrees with a cluster id.
    pub(crate) fn against(&self, cluster_id: &str) -> Vec<Said> {
        let others = self.cluster_ids.iter().filter(|(_, id)| id != cluster_id);
        others.cloned().collect()
    }

    /// Whether nothing was ever made: no disk, no configuration.
    pub(crate) fn is_blank(&self) -> bool {
        self.cluster_ids.is_empty() && self.nodes.is_empty()
    }

    fn add_volume(&mut self, view: &View<'_>, name: &str, volume: &Volume) {
        let said = volume.identity();
        let Some(id) = said.node_id else { return };
        let Some(pool) = volume.meta.labels.get("strimzi.io/pool-name") else {
            return;
        };
        let pod = format!("{}-{pool}-{id}", view.kafka().name);
        let Some(volume_id) = volume_id(name, &pod) else {
            return;
        };
        if let Some(cluster_id) = said.cluster_id {
            self.cluster_ids.push((
                format!("PersistentVolumeClaim {name}"),
                cluster_id.to_owned(),
            ));
        }
        self.quorum_formed |= said.quorum_formed;
        if let Some(initial) = said.initial_controllers.and_then(parse_initial_controllers) {
            self.initial_controllers.get_or_insert(initial);
        }
        let roles = said
            .roles
            .and_then(roles_of)
            .or_else(|| desired_roles(view, pool));
        let Some(roles) = roles else { return };
        let node = self.node(id, pool, roles);
        node.formatted |= said.formatted;
        node.claims.insert(volume_id, name.to_owned());
        if let Some(directory) = said.directory_id {
            node.directories.insert(volume_id, directory.to_owned());
        }
    }

    fn add_store_volume(&mut self, name: &str, volume: &Volume) {
        let said = volume.identity();
        let server = said.node_id.and_then(|id| u32::try_from(id).ok());
        let component = volume.meta.labels.get("strimzi.io/component-type");
        let (Some(cluster_id), Some(server), Some(component)) =
            (said.cluster_id, server, component)
        else {
            return;
        };
        self.store = Some(if component == "etcd" {
            StoreKind::ManagedEtcd
        } else {
            StoreKind::ZooKeeper
        });
        self.cluster_ids.push((
            format!("PersistentVolumeClaim {name}"),
            cluster_id.to_owned(),
        ));
        self.store_formatted.insert(server, said.formatted);
        // The metadata of the cluster are in it.
        self.quorum_formed |= said.formatted;
    }

    fn add_record(&mut self, name: &str, pool: &str, record: &Record<'_>) {
        let Some(runner) = &record.runner else { return };
        self.cluster_ids
            .push((format!("ConfigMap {name}"), runner.cluster_id.clone()));
        let metadata = metadata_volume(runner);
        let is = |key: &str| {
            record
                .meta
                .annotations
                .get(key)
                .is_some_and(|value| value == "true")
        };
        self.quorum_formed |= is(QUORUM_FORMED);
        let formatted = is(FORMATTED);
        if let Some(initial) = runner.initial_controllers.as_deref().map(first_voters) {
            self.initial_controllers.get_or_insert(initial);
        }
        let node = self.node(runner.node_id.0, pool, runner.roles);
        node.metadata = metadata;
        node.formatted |= formatted;
        for (volume, directory) in record.directories() {
            // A volume claim knows better: it is the disk.
            node.directories.entry(volume).or_insert(directory);
        }
    }

    fn node(&mut self, id: i32, pool: &str, roles: Roles) -> &mut NodeIdentity {
        self.nodes.entry(id).or_insert_with(|| NodeIdentity {
            pool: pool.to_owned(),
            roles,
            metadata: 0,
            directories: BTreeMap::new(),
            claims: BTreeMap::new(),
            formatted: false,
            served: false,
        })
    }
}

/// What disks say against a record: claims that name another node or another directory than recorded, where the
/// recorded one holds data.
pub(crate) fn against_nodes(view: &View<'_>, identity: &Identity) -> Vec<(String, Vec<Said>)> {
    let mut conflicts = Vec::new();
    for (id, node) in &identity.nodes {
        for (volume, claim) in &node.claims {
            let Some(seen) = view.volumes.get(claim).filter(|v| !view.is_going(&v.meta)) else {
                continue;
            };
            let said = seen.identity();
            let source = format!("PersistentVolumeClaim {claim}");
            if let Some(other) = said.node_id.filter(|other| other != id) {
                let evidence = vec![
                    ("the Kafka".to_owned(), id.to_string()),
                    (source.clone(), other.to_string()),
                ];
                conflicts.push((format!("which node {claim} belongs to"), evidence));
            }
            let recorded = node.directories.get(volume).map(String::as_str);
            let differs = said.directory_id.is_some() && said.directory_id != recorded;
            if differs && node.formatted {
                let evidence = vec![
                    (
                        "the Kafka".to_owned(),
                        recorded.unwrap_or("none").to_owned(),
                    ),
                    (source, said.directory_id.unwrap_or("none").to_owned()),
                ];
                conflicts.push((format!("the directory id of node {id}"), evidence));
            }
        }
    }
    conflicts
}

/// The number in `data-<number>-<pod>`, 0 for `data-<pod>`.
fn volume_id(claim: &str, pod: &str) -> Option<u32> {
    let volume = claim.strip_suffix(pod)?.strip_suffix('-')?;
    match volume.strip_prefix("data")? {
        "" => Some(0),
        number => number.strip_prefix('-')?.parse().ok(),
    }
}

fn roles_of(text: &str) -> Option<Roles> {
    [Roles::Controller, Roles::Broker, Roles::Combined]
        .into_iter()
        .find(|roles| roles.process_roles() == text)
}

fn desired_roles(view: &View<'_>, pool: &str) -> Option<Roles> {
    let pools = &view.desired()?.pools;
    pools
        .values()
        .find(|desired| desired.name.as_str() == pool)
        .map(|desired| desired.roles)
}

/// The first voters in the form that the runner is told: `0@host:9090:<directory>,…`.
fn first_voters(text: &str) -> BTreeMap<i32, String> {
    let entries = text.split(',').filter_map(|entry| {
        let (id, rest) = entry.split_once('@')?;
        let (_, directory) = rest.rsplit_once(':')?;
        Some((id.parse().ok()?, directory.to_owned()))
    });
    entries.collect()
}

fn metadata_volume(runner: &RunnerConfig) -> u32 {
    let dirs = runner.log_dirs.iter();
    dirs.filter(|dir| dir.path == runner.metadata_log_dir)
        .map(|dir| dir.volume.0)
        .next()
        .unwrap_or(0)
}

/// Whether it has the form of Kafka's ids: 22 characters of base64url.
fn is_uuid(text: &str) -> bool {
    const LENGTH: usize = 22;
    text.len() == LENGTH
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
