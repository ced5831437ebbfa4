//! A Kafka cluster as its user wants it, complete.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::authorization::Authorization;
use super::ca::CaSettings;
use super::listener::Listener;
use super::logging::Logging;
use super::metadata_store::MetadataStore;
use super::metrics::{Jmx, Metrics};
use super::name::{ClusterName, Namespace, PoolName};
use super::pool::Pool;
use super::probe::Probe;
use super::quotas::Quotas;
use super::rack::Rack;
use super::template::ClusterTemplate;
use super::tiered_storage::TieredStorage;
use super::version::{KafkaVersion, MetadataVersion};

/// A `Kafka` with its node pools.
///
/// An `Option` here means that absence is itself a wish, never that a default is still to be found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Where it lives.
    pub namespace: Namespace,
    /// Its name.
    pub name: ClusterName,
    /// Its own labels that go onto its objects (without those of deployment tools).
    pub labels: BTreeMap<String, String>,
    /// Release of Apache Kafka.
    pub version: KafkaVersion,
    /// Metadata version the cluster shall end up with.
    pub metadata_version: MetadataVersion,
    /// Where the metadata are.
    #[serde(default, skip_serializing_if = "MetadataStore::is_kraft")]
    pub metadata_store: MetadataStore,
    /// Image of the container `kafka`: the user's, else the operator's for this release.
    pub image: String,
    /// Node pools by name.
    pub pools: BTreeMap<PoolName, Pool>,
    /// Client listeners, in the user's order.
    pub listeners: Vec<Listener>,
    /// Kafka properties of the user's, without those that the operator owns.
    pub config: BTreeMap<String, String>,
    /// Who may do what.
    pub authorization: Authorization,
    /// The CA of brokers and operators.
    pub cluster_ca: CaSettings,
    /// The CA of clients.
    pub clients_ca: CaSettings,
    /// Where brokers learn their rack; they have none when absent.
    pub rack: Option<Rack>,
    /// Liveness probe.
    pub liveness: Probe,
    /// Readiness probe.
    pub readiness: Probe,
    /// Kafka's log.
    pub logging: Logging,
    /// Prometheus metrics.
    pub metrics: Metrics,
    /// JMX for other Pods.
    pub jmx: Jmx,
    /// Limits for clients.
    pub quotas: Quotas,
    /// Remote storage for segments; none when absent.
    pub tiered_storage: Option<TieredStorage>,
    /// What is different about the objects.
    pub template: ClusterTemplate,
    /// Quartz expressions of the times when certificates may be renewed; any time when empty.
    pub maintenance_windows: Vec<String>,
    /// Whether `strimzi.io/pause-reconciliation` asks to leave everything as it is.
    pub paused: bool,
}
