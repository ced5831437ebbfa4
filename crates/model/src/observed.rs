//! What was seen: one serialisable value per look at a cluster.
//!
//! Decides: nothing. The operator fills it and never fails: what could not be read is [`Known::Unknown`]. The planner
//! reads it, the flight recorder keeps it, the simulator makes it up.
//!
//! Invariants: no secret is in it (certificates are public, keys are hashes); every map is sorted; an empty map inside
//! `Known::At` means "there is none", which is not the same as not knowing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runner::BrokerState;

pub mod claim;
pub mod identity;
pub mod kafka;
mod known;
pub mod object;
pub mod pod;
pub mod resource;
pub mod runner;
pub mod secret;
pub mod volume;

pub use known::{Known, Why};

/// Everything seen of one Kafka cluster.
///
/// Names are inside the namespace of the Kafka resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    /// The Kafka resource.
    pub kafka: resource::Resource,
    /// Its KafkaNodePools (label `strimzi.io/cluster`), by name.
    pub pools: Known<BTreeMap<String, resource::Resource>>,
    /// The KafkaPlan of this cluster, if somebody made one.
    pub plan: Known<Option<resource::PlanResource>>,
    /// All Pods with the labels `strimzi.io/cluster` and `strimzi.io/name: <cluster>-kafka`, by name, except those in `foreign`.
    pub pods: Known<BTreeMap<String, pod::Pod>>,
    /// All volume claims with the same labels, by name.
    pub volumes: Known<BTreeMap<String, volume::Volume>>,
    /// Pods of the metadata store (`strimzi.io/name: <cluster>-zookeeper` and `-etcd`), by name; empty where there is none.
    #[serde(default = "nothing")]
    pub store_pods: Known<BTreeMap<String, pod::Pod>>,
    /// Volume claims of the metadata store, by name.
    #[serde(default = "nothing")]
    pub store_volumes: Known<BTreeMap<String, volume::Volume>>,
    /// Secrets of the cluster, and those it refers to, by name; one that does not exist is absent.
    pub secrets: Known<BTreeMap<String, secret::Secret>>,
    /// All other objects that we render: Services, ConfigMaps, NetworkPolicies, …; and ConfigMaps that the cluster refers to.
    pub objects: Known<BTreeMap<object::ObjectKey, object::Object>>,
    /// Addresses of the Services of the cluster, by name.
    pub services: Known<BTreeMap<String, resource::ServiceAddresses>>,
    /// Kubernetes nodes on which our Pods run (needed for node ports only), by name.
    pub nodes: Known<BTreeMap<String, resource::Node>>,
    /// Registered brokers.
    pub brokers: Known<kafka::Brokers>,
    /// The controller quorum.
    pub quorum: Known<kafka::Quorum>,
    /// Finalised features.
    pub features: Known<kafka::Features>,
    /// Partitions, summed up.
    pub partitions: Known<kafka::Partitions>,
    /// What may change while brokers run: broker → property → its layers. A broker that was not asked is absent.
    #[serde(default)]
    pub settings: BTreeMap<i32, Known<BTreeMap<String, kafka::Setting>>>,
    /// Whether the namespace is being deleted; unknown where it may not be read.
    #[serde(default = "nothing")]
    pub namespace_going: Known<bool>,
    /// What the runner of each node says, by node id; a node without a running Pod is absent.
    pub runners: BTreeMap<i32, Known<BrokerState>>,
    /// What carries this cluster's labels and belongs to somebody else.
    pub foreign: Known<Vec<claim::Foreign>>,
    /// Our permission to act.
    pub permit: Known<claim::Permit>,
}

impl World {
    /// A world of which nothing is known but the resource itself: where an observer starts from.
    pub fn unseen(kafka: resource::Resource) -> Self {
        Self {
            kafka,
            pools: Known::Unknown(Why::NotAsked),
            plan: Known::Unknown(Why::NotAsked),
            pods: Known::Unknown(Why::NotAsked),
            volumes: Known::Unknown(Why::NotAsked),
            store_pods: Known::Unknown(Why::NotAsked),
            store_volumes: Known::Unknown(Why::NotAsked),
            secrets: Known::Unknown(Why::NotAsked),
            objects: Known::Unknown(Why::NotAsked),
            services: Known::Unknown(Why::NotAsked),
            nodes: Known::Unknown(Why::NotAsked),
            brokers: Known::Unknown(Why::NotAsked),
            quorum: Known::Unknown(Why::NotAsked),
            features: Known::Unknown(Why::NotAsked),
            partitions: Known::Unknown(Why::NotAsked),
            settings: BTreeMap::new(),
            namespace_going: nothing(),
            runners: BTreeMap::new(),
            foreign: Known::Unknown(Why::NotAsked),
            permit: Known::Unknown(Why::NotAsked),
        }
    }
}

/// What older records of looks do not have.
fn nothing<T>() -> Known<T> {
    Known::Unknown(Why::NotAsked)
}

/// The time of an observation that is seen now: a shorthand for observers.
pub fn seen<T>(at: Timestamp, value: T) -> Known<T> {
    Known::At(at, value)
}
