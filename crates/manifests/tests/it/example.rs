//! Clusters to render, built by hand so that these tests stand on nothing but the types.

use std::collections::BTreeMap;

use manifests::{Facts, Generations, Input, Settings};
use model::desired::{
    Authorization, CaSettings, Cluster, ClusterTemplate, Jmx, JvmOptions, KafkaVersion, Listener,
    ListenerAuthentication, ListenerConfiguration, ListenerKind, Logging, Metrics, Node, NodeId,
    PersistentClaim, Pool, PoolTemplate, Probe, Quotas, Roles, Storage, VolumeId, VolumeKind,
};
use model::observed::identity::{Identity, NodeIdentity};
use model::runner::QuorumKind;

/// A cluster with everything its objects depend on.
pub(crate) struct Example {
    pub(crate) cluster: Cluster,
    pub(crate) facts: Facts,
    pub(crate) settings: Settings,
}

impl Example {
    pub(crate) fn input(&self) -> Input<'_> {
        Input {
            cluster: &self.cluster,
            facts: &self.facts,
            settings: &self.settings,
        }
    }

    pub(crate) fn node(&self, id: i32) -> (&Pool, &Node) {
        let node = &self.facts.nodes[&NodeId(id)];
        (&self.cluster.pools[&node.pool], node)
    }

    /// Changes the cluster of an example.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        change(&mut self.cluster);
        self
    }
}

/// `my-cluster` in `namespace` with plain and TLS listeners and these pools: name, roles, replicas, storage.
pub(crate) fn cluster(namespace: &str, pools: &[(&str, Roles, u32, Storage)]) -> Example {
    let pools: Vec<_> = pools
        .iter()
        .map(|(name, roles, replicas, storage)| pool(name, *roles, *replicas, storage.clone()))
        .collect();
    let brokers: u32 = pools
        .iter()
        .filter(|pool| pool.roles.is_broker())
        .map(|pool| pool.replicas)
        .sum();
    let cluster = Cluster {
        namespace: namespace.parse().unwrap(),
        name: "my-cluster".parse().unwrap(),
        labels: BTreeMap::new(),
        version: KafkaVersion::DEFAULT,
        metadata_version: KafkaVersion::DEFAULT.newest_metadata(),
        metadata_store: model::desired::MetadataStore::KRaft,
        image: format!("apache/kafka:{}", KafkaVersion::DEFAULT),
        pools: pools
            .into_iter()
            .map(|pool| (pool.name.clone(), pool))
            .collect(),
        listeners: vec![listener("plain", 9092, false), listener("tls", 9093, true)],
        config: replication(brokers.min(3)),
        authorization: Authorization::None,
        cluster_ca: CaSettings::default(),
        clients_ca: CaSettings::default(),
        rack: None,
        liveness: Probe::LIVENESS,
        readiness: Probe::READINESS,
        logging: Logging::Default,
        metrics: Metrics::None,
        jmx: Jmx::Closed,
        quotas: Quotas::None,
        tiered_storage: None,
        template: ClusterTemplate::default(),
        maintenance_windows: Vec::new(),
        paused: false,
    };
    let facts = facts(&cluster);
    Example {
        cluster,
        facts,
        settings: Settings {
            klamm_image: "klamm:test".to_owned(),
            ..Settings::default()
        },
    }
}

fn replication(brokers: u32) -> BTreeMap<String, String> {
    let in_sync = (brokers - 1).max(1).to_string();
    let all = brokers.to_string();
    [
        ("default.replication.factor", &all),
        ("min.insync.replicas", &in_sync),
        ("offsets.topic.replication.factor", &all),
        ("transaction.state.log.min.isr", &in_sync),
        ("transaction.state.log.replication.factor", &all),
    ]
    .map(|(key, value)| (key.to_owned(), value.clone()))
    .into()
}

/// Nodes are numbered through the pools in the order of their names, as a first deployment does.
pub(crate) fn facts(cluster: &Cluster) -> Facts {
    let mut nodes = BTreeMap::new();
    let mut identity = Identity {
        cluster_id: "9jKPI-77RHuI6ytG_I-dPQ".to_owned(),
        ..Identity::default()
    };
    for pool in cluster.pools.values() {
        for _ in 0..pool.replicas {
            let id = i32::try_from(nodes.len()).unwrap();
            nodes.insert(
                NodeId(id),
                Node {
                    id: NodeId(id),
                    pool: pool.name.clone(),
                    roles: pool.roles,
                },
            );
            let directories: BTreeMap<u32, String> = pool
                .storage
                .volumes()
                .iter()
                .map(|volume| (volume.id.0, directory(id, volume.id)))
                .collect();
            if pool.roles.is_controller() {
                identity
                    .initial_controllers
                    .insert(id, directories.values().next().unwrap().clone());
            }
            // Through JSON, so that the planner may record more without this test.
            let own = serde_json::json!({ "pool": pool.name, "roles": pool.roles, "directories": directories });
            let own: NodeIdentity = serde_json::from_value(own).unwrap();
            identity.nodes.insert(id, own);
        }
    }
    Facts {
        owner_uid: "11111111-2222-3333-4444-555555555555".to_owned(),
        identity,
        nodes,
        quorum: QuorumKind::Dynamic,
        generations: Generations::default(),
        addresses: BTreeMap::new(),
        service_addresses: std::collections::BTreeSet::default(),
        logging: None,
        metrics: None,
    }
}

fn directory(node: i32, volume: VolumeId) -> String {
    format!("Directory-{node:06}-{:05}", volume.0)
}

fn pool(name: &str, roles: Roles, replicas: u32, storage: Storage) -> Pool {
    Pool {
        name: name.parse().unwrap(),
        labels: BTreeMap::new(),
        roles,
        replicas,
        storage,
        resources: k8s_openapi::api::core::v1::ResourceRequirements::default(),
        jvm: JvmOptions::default(),
        template: PoolTemplate::default(),
        next_node_ids: Vec::new(),
        remove_node_ids: Vec::new(),
    }
}

pub(crate) fn listener(name: &str, port: u16, tls: bool) -> Listener {
    Listener {
        name: name.parse().unwrap(),
        port,
        kind: ListenerKind::Internal,
        tls,
        authentication: ListenerAuthentication::None,
        network_policy_peers: Vec::new(),
        configuration: ListenerConfiguration::default(),
    }
}

pub(crate) fn claim() -> VolumeKind {
    VolumeKind::PersistentClaim(PersistentClaim {
        size: "100Gi".parse().unwrap(),
        class: None,
        selector: BTreeMap::new(),
        delete_claim: false,
        attributes_class: None,
    })
}

pub(crate) fn disks(count: u32) -> Storage {
    Storage::Jbod {
        volumes: (0..count).map(|id| (VolumeId(id), claim())).collect(),
        metadata: VolumeId(0),
    }
}

pub(crate) fn scratch() -> Storage {
    let volume = VolumeKind::Ephemeral { size_limit: None };
    Storage::Jbod {
        volumes: BTreeMap::from([(VolumeId(0), volume)]),
        metadata: VolumeId(0),
    }
}

/// Three brokers and three controllers.
pub(crate) fn two_pools(namespace: &str, brokers: Storage, controllers: Storage) -> Example {
    cluster(
        namespace,
        &[
            ("broker", Roles::Broker, 3, brokers),
            ("controller", Roles::Controller, 3, controllers),
        ],
    )
}

/// One node that does everything.
pub(crate) fn single() -> Example {
    cluster(
        "kafka-single-node",
        &[("dual-role", Roles::Combined, 1, disks(1))],
    )
}
