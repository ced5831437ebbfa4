//! Where the metadata are when they are not in the nodes: a ZooKeeper ensemble, or servers of its protocol on etcd.
//!
//! Names, labels and ports of ZooKeeper are those that Strimzi gave it up to 0.45. Pods of an ensemble and of an etcd
//! have a volume each and come up through our runner; the servers on etcd hold nothing.
//!
//! Not here: what brokers are told of it (`broker_properties`), in which order Pods are made (crate `planner`).

use model::desired::{Cluster, ClusterName, Etcd, MetadataStore, StoreVolume};

use crate::facts::Input;
use crate::labels::Component;
use crate::names;

pub mod config_map;
mod objects;
mod pod;
mod volume_claim;

pub use objects::objects;
pub use pod::{GATEWAY, render as render_pod};
pub use volume_claim::render as render_claim;

/// Port for clients of ZooKeeper's protocol.
pub const CLIENT_PORT: u16 = 2181;
/// Port between the servers of an ensemble, where followers follow.
const CLUSTERING_PORT: u16 = 2888;
/// Port between the servers of an ensemble, where leaders are elected.
const ELECTION_PORT: u16 = 3888;
/// Port for clients of etcd.
const ETCD_CLIENT_PORT: u16 = 2379;
/// Port between members of an etcd.
const ETCD_PEER_PORT: u16 = 2380;

/// What a Pod of the store runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// A member of etcd.
    Etcd,
    /// A server of a ZooKeeper ensemble.
    ZooKeeper,
    /// Klamm's server of ZooKeeper's protocol.
    Gateway,
}

/// One server of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// What it runs.
    pub program: Program,
    /// Its number, from 0, among those that run the same.
    pub server: u32,
}

impl Program {
    /// `zookeeper` or `etcd`: what follows the cluster's name in the names of its objects.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ZooKeeper | Self::Gateway => "zookeeper",
        }
    }

    const fn component(self) -> Component {
        match self {
            Self::Etcd => Component::Etcd,
            Self::ZooKeeper | Self::Gateway => Component::ZooKeeper,
        }
    }
}

impl Member {
    /// `<cluster>-zookeeper-<server>` or `<cluster>-etcd-<server>`.
    pub fn pod_name(self, cluster: &str) -> String {
        format!("{cluster}-{}-{}", self.program.suffix(), self.server)
    }

    /// `data-<pod>`, where it has a volume.
    pub fn claim_name(self, cluster: &str) -> Option<String> {
        self.has_volume()
            .then(|| format!("data-{}", self.pod_name(cluster)))
    }

    /// Whether it keeps anything.
    pub const fn has_volume(self) -> bool {
        match self.program {
            Program::Etcd | Program::ZooKeeper => true,
            Program::Gateway => false,
        }
    }

    /// Its name in DNS.
    fn host(self, cluster: &Cluster) -> String {
        let service = nodes_service(&cluster.name, self.program);
        let service = names::service_host(&cluster.namespace, &service);
        format!("{}.{service}", self.pod_name(cluster.name.as_str()))
    }
}

/// All servers of the cluster's store: what others need comes first.
pub fn members(cluster: &Cluster) -> Vec<Member> {
    let of =
        |program: Program, count: u32| (0..count).map(move |server| Member { program, server });
    match &cluster.metadata_store {
        MetadataStore::KRaft => Vec::new(),
        MetadataStore::ZooKeeper { servers, volume: _ } => {
            of(Program::ZooKeeper, *servers).collect()
        }
        MetadataStore::Etcd { servers, etcd } => {
            let own = match etcd {
                Etcd::External(_) => 0,
                Etcd::Managed(_) => 1,
            };
            of(Program::Etcd, own)
                .chain(of(Program::Gateway, *servers))
                .collect()
        }
    }
}

/// The volume of each server that has one.
fn volume(cluster: &Cluster) -> Option<&StoreVolume> {
    match &cluster.metadata_store {
        MetadataStore::ZooKeeper { servers: _, volume }
        | MetadataStore::Etcd {
            servers: _,
            etcd: Etcd::Managed(volume),
        } => Some(volume),
        MetadataStore::KRaft
        | MetadataStore::Etcd {
            servers: _,
            etcd: Etcd::External(_),
        } => None,
    }
}

/// `host:port` of every server of ZooKeeper's protocol, as brokers are told them.
///
/// Pods and not the Service: clients choose among them and change over by themselves, and nothing stands between.
pub fn addresses(cluster: &Cluster) -> Vec<String> {
    members(cluster)
        .into_iter()
        .filter(|member| member.program != Program::Etcd)
        .map(|member| format!("{}:{CLIENT_PORT}", member.host(cluster)))
        .collect()
}

/// URLs of etcd.
fn etcd_urls(cluster: &Cluster) -> Vec<String> {
    match &cluster.metadata_store {
        MetadataStore::Etcd {
            servers: _,
            etcd: Etcd::External(etcd),
        } => {
            let scheme = if etcd.tls { "https" } else { "http" };
            let endpoints = etcd.endpoints.iter();
            endpoints
                .map(|endpoint| format!("{scheme}://{endpoint}"))
                .collect()
        }
        MetadataStore::KRaft | MetadataStore::ZooKeeper { .. } | MetadataStore::Etcd { .. } => {
            members(cluster)
                .into_iter()
                .filter(|member| member.program == Program::Etcd)
                .map(|member| format!("http://{}:{ETCD_CLIENT_PORT}", member.host(cluster)))
                .collect()
        }
    }
}

/// Secret with what etcd asks for.
fn etcd_secret(cluster: &Cluster) -> Option<&str> {
    match &cluster.metadata_store {
        MetadataStore::Etcd {
            servers: _,
            etcd: Etcd::External(etcd),
        } => etcd.secret.as_deref(),
        MetadataStore::KRaft | MetadataStore::ZooKeeper { .. } | MetadataStore::Etcd { .. } => None,
    }
}

/// Below which key the metadata of this cluster are in etcd: its id is in it, so that a cluster of the same name that
/// was made anew finds nothing of the old one. Beside what `klamm zookeeper` keeps below `/klamm` by default, not in it.
fn etcd_prefix(input: &Input<'_>) -> String {
    let Cluster {
        namespace, name, ..
    } = input.cluster;
    format!(
        "/klamm.dev/{namespace}/{name}/{}",
        input.facts.identity.cluster_id
    )
}

/// `<cluster>-zookeeper` or `<cluster>-etcd`: account, disruption budget, value of `strimzi.io/name`.
pub(crate) fn component_name(cluster: &ClusterName, program: Program) -> String {
    format!("{cluster}-{}", program.suffix())
}

/// `<cluster>-zookeeper-client`: the Service for users of the store.
pub fn client_service(cluster: &str) -> String {
    format!("{cluster}-zookeeper-client")
}

/// `<cluster>-zookeeper-nodes` or `<cluster>-etcd-nodes`: the headless Service, which gives each Pod a name.
fn nodes_service(cluster: &ClusterName, program: Program) -> String {
    format!("{cluster}-{}-nodes", program.suffix())
}

/// `<cluster>-network-policy-zookeeper` or `<cluster>-network-policy-etcd`.
fn network_policy(cluster: &ClusterName, program: Program) -> String {
    format!("{cluster}-network-policy-{}", program.suffix())
}
