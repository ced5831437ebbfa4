//! What of a node needs a restart when it changes, and how to see that it changed.
//!
//! A revision is made of *parts*: each names one thing the user (or the planner) decided and holds its value, or a hash
//! of it. Parts are taken from what was asked for, never from what this version happens to render: an operator that
//! renders a Pod differently than its predecessor must not restart a healthy cluster, and neither must a new runner.
//!
//! Invariants: a part that has its default is absent, so that a part invented later is absent from older Pods, too; the
//! encoding of a part never changes (the golden test pins it); permission to format, the identity of disks, addresses of
//! other nodes, log levels and dynamic Kafka properties are no parts; certificates have annotations of their own.

use std::collections::{BTreeMap, BTreeSet};

use model::desired::{
    Authorization, Jmx, JvmOptions, Listener, Logging, Metrics, Node, Pool, Probe, Quotas, Storage,
    VolumeKind,
};
use model::runner::QuorumKind;
use serde::Serialize;
use serde_json::{Value, json};

use crate::address;
use crate::certificate::short_hash;
use crate::facts::Input;
use crate::labels::Map;
use crate::names;
use crate::secret;
use crate::template;

/// Annotation with the hash of the parts below `config/`.
pub const CONFIGURATION_HASH: &str = "strimzi.io/configuration-hash";
/// Annotation with the release of Kafka.
pub const KAFKA_VERSION: &str = "strimzi.io/kafka-version";
/// Annotation with the hash of the parts below `pod/`.
pub const REVISION: &str = "strimzi.io/revision";
/// Annotation with the hash of memory and CPU.
pub const RESOURCE_REVISION: &str = "strimzi.io/resource-revision";
/// Annotation with the hash of the node's certificate.
pub const SERVER_CERTIFICATE_HASH: &str = "strimzi.io/server-cert-hash";
/// Annotation with the hashes of the certificates that users brought.
pub const LISTENER_CERTIFICATES: &str = "strimzi.io/custom-listener-cert-thumbprints";
/// Annotation with all parts, as JSON: what the hashes are made of.
pub const PARTS: &str = "klamm.dev/parts";

/// Part with the release of Kafka, in plain text.
pub const PART_VERSION: &str = "version";
/// Part with the image, in plain text.
pub const PART_IMAGE: &str = "pod/image";
/// Part with memory and CPU.
pub const PART_RESOURCES: &str = "resources";

/// Kafka properties that brokers of every supported release change while they run.
///
/// Source: `DynamicBrokerConfig` of 4.1.0, 4.2.0 and 4.3.1; what all three have, without what the operator owns.
const DYNAMIC: [&str; 66] = [
    "background.threads",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    "min.insync.replicas",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "producer.id.expiration.ms",
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.reader.threads",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.protocol",
    "transaction.partition.verification.enable",
    "unclean.leader.election.enable",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal.to.local.rules",
    "sasl.kerberos.service.name",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
];

/// Whether brokers change this property while they run.
pub fn is_dynamic(property: &str) -> bool {
    DYNAMIC.contains(&property)
}

/// All parts of a node, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revision(BTreeMap<String, String>);

impl Revision {
    /// Hash of everything in the configuration that needs a restart.
    pub fn configuration_hash(&self) -> String {
        self.hash_below("config/")
    }

    /// Hash of everything in the Pod that needs a new one.
    pub fn pod_hash(&self) -> String {
        self.hash_below("pod/")
    }

    fn hash_below(&self, prefix: &str) -> String {
        let parts = self.0.iter().filter(|(name, _)| name.starts_with(prefix));
        short_hash(
            &parts
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect::<String>(),
        )
    }

    /// The annotations in which a Pod carries it.
    pub(crate) fn annotations(&self) -> Map {
        let get = |part: &str| self.0.get(part).cloned().unwrap_or_default();
        let parts = serde_json::to_string(&self.0).expect("a map of strings is JSON");
        crate::labels::map([
            (CONFIGURATION_HASH, self.configuration_hash()),
            (KAFKA_VERSION, get(PART_VERSION)),
            (REVISION, self.pod_hash()),
            (RESOURCE_REVISION, short_hash(&get(PART_RESOURCES))),
            (PARTS, parts),
        ])
    }

    fn plain(&mut self, part: &str, value: &str) {
        self.0.insert(part.to_owned(), value.to_owned());
    }

    /// Adds the hash of a value, unless it is empty, false, null or absent.
    fn hashed(&mut self, part: &str, value: &impl Serialize) {
        let value = pruned(serde_json::to_value(value).expect("what is desired can be serialised"));
        if let Some(value) = value {
            self.0
                .insert(part.to_owned(), short_hash(&value.to_string()));
        }
    }
}

/// The value without what is empty, so that fields that come later do not show as long as nobody sets them.
fn pruned(value: Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Object(map) => {
            let map: serde_json::Map<_, _> = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, pruned(value)?)))
                .collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Array(list) => {
            let list: Vec<_> = list
                .into_iter()
                .map(|value| pruned(value).unwrap_or(Value::Null))
                .collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::String(text) => (!text.is_empty()).then_some(Value::String(text)),
        Value::Bool(true) | Value::Number(_) => Some(value),
    }
}

/// The parts of one node as it should be.
pub fn of(input: &Input<'_>, pool: &Pool, node: &Node) -> Revision {
    let mut revision = Revision::default();
    revision.plain(PART_VERSION, &input.cluster.version.to_string());
    revision.hashed(PART_RESOURCES, &pool.resources);
    configuration(input, pool, node, &mut revision);
    pod(input, pool, node, &mut revision);
    revision
}

fn configuration(input: &Input<'_>, pool: &Pool, node: &Node, revision: &mut Revision) {
    let cluster = input.cluster;
    revision.hashed("config/roles", &node.roles);
    for (key, value) in cluster.config.iter().filter(|(key, _)| !is_dynamic(key)) {
        revision.hashed(&format!("config/{key}"), value);
    }
    if input.facts.quorum == QuorumKind::Static {
        let voters: Vec<_> = input.controllers().map(|node| node.id).collect();
        revision.hashed("config/voters", &voters);
    }
    storage_layout(&pool.storage, revision);
    jvm(&pool.jvm, revision);
    match &cluster.authorization {
        Authorization::None => {}
        Authorization::Simple { super_users } => {
            revision.hashed("config/authorization", &json!(["simple", super_users]))
        }
        Authorization::Custom {
            class,
            super_users,
            supports_admin_api: _,
        } => {
            revision.hashed("config/authorization", &json!([class, super_users]));
        }
    }
    match &cluster.quotas {
        Quotas::None | Quotas::Kafka { .. } => {}
        plugin @ Quotas::Strimzi { .. } => revision.hashed("config/quotas", plugin),
    }
    match &cluster.metrics {
        Metrics::None => {}
        Metrics::JmxExporter(_) => {
            revision.hashed(
                "config/metrics",
                &json!(["jmxExporter", input.facts.metrics]),
            );
        }
        Metrics::StrimziReporter { allow_list } => {
            revision.hashed("config/metrics", &json!(["strimziReporter", allow_list]))
        }
    }
    match cluster.jmx {
        Jmx::Closed => {}
        open @ (Jmx::Open | Jmx::Password) => revision.hashed("config/jmx", &open),
    }
    revision.hashed("config/tieredStorage", &cluster.tiered_storage);
    if node.roles.is_broker() {
        revision.hashed("config/rack", &cluster.rack);
        for listener in &cluster.listeners {
            self::listener(input, listener, node, revision);
        }
    }
    match &cluster.logging {
        // Levels and appenders change while Kafka runs.
        Logging::Default | Logging::Inline { loggers: _ } | Logging::External(_) => {}
    }
}

fn listener(input: &Input<'_>, listener: &Listener, node: &Node, revision: &mut Revision) {
    let Listener {
        name,
        port,
        kind: _,
        tls,
        authentication,
        network_policy_peers: _,
        configuration: _,
    } = listener;
    revision.hashed(
        &format!("config/listener.{name}"),
        &json!({ "port": port, "tls": tls, "authentication": authentication }),
    );
    let advertised = address::advertised(input, listener, node);
    // The address of the machine is nobody's decision: a Pod learns it where it runs.
    let of_machine = listener.kind == model::desired::ListenerKind::NodePort
        && address::fixed_host(input, listener, node).is_none();
    let advertised = if of_machine {
        advertised
            .rsplit_once("}}:")
            .map_or("", |(_, port)| port)
            .to_owned()
    } else {
        advertised
    };
    revision.hashed(&format!("config/advertised.{name}"), &advertised);
}

fn storage_layout(storage: &Storage, revision: &mut Revision) {
    let volumes = storage.volumes();
    let paths: Vec<_> = volumes
        .iter()
        .map(|volume| (volume.mount_path(), volume.metadata))
        .collect();
    revision.hashed("config/directories", &paths);
}

fn jvm(options: &JvmOptions, revision: &mut Revision) {
    let JvmOptions {
        initial_heap,
        maximum_heap,
        xx,
        gc_logging,
        system_properties,
    } = options;
    revision.hashed(
        "config/jvm.heap",
        &json!({ "initial": initial_heap, "maximum": maximum_heap }),
    );
    revision.hashed("config/jvm.xx", xx);
    revision.hashed("config/jvm.gcLogging", gc_logging);
    revision.hashed("config/jvm.systemProperties", system_properties);
}

fn pod(input: &Input<'_>, pool: &Pool, node: &Node, revision: &mut Revision) {
    let cluster = input.cluster;
    let templates = template::node_templates(cluster, Some(pool));
    revision.plain(PART_IMAGE, &cluster.image);
    revision.hashed("pod/template", templates.pod);
    revision.hashed("pod/kafkaContainer", templates.kafka_container);
    revision.hashed("pod/initContainer", templates.init_container);
    let volumes = pool.storage.volumes();
    let kinds: Vec<_> = volumes
        .iter()
        .map(|volume| match volume.kind {
            VolumeKind::Ephemeral { size_limit } => json!([volume.name(), size_limit]),
            VolumeKind::PersistentClaim(_) => json!([volume.name(), "claim"]),
        })
        .collect();
    revision.hashed("pod/volumes", &kinds);
    if cluster.liveness != Probe::LIVENESS {
        revision.hashed("pod/liveness", &cluster.liveness);
    }
    if cluster.readiness != Probe::READINESS {
        revision.hashed("pod/readiness", &cluster.readiness);
    }
    revision.hashed("pod/labels", &pool.labels);
    if node.roles.is_broker() {
        let mounted = cluster.listeners.iter().filter(|listener| listener.tls);
        let mounted: BTreeMap<_, _> = mounted
            .filter_map(|listener| {
                Some((
                    names::listener_certificate_volume(&listener.name),
                    listener.configuration.certificate.as_ref()?,
                ))
            })
            .collect();
        revision.hashed("pod/listenerCertificates", &mounted);
    }
}

/// One thing that differs between a running Pod and the desired one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The release of Kafka.
    Version {
        /// What runs.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// The image.
    Image {
        /// What runs.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// Kafka's or the JVM's configuration.
    Configuration {
        /// Names of the parts, without their prefix: property names, `listener.<name>`, `jvm.heap`, ….
        parts: BTreeSet<String>,
    },
    /// The Pod.
    Pod {
        /// Names of the parts, without their prefix.
        parts: BTreeSet<String>,
    },
    /// Memory or CPU.
    Resources,
    /// The key of the cluster CA.
    ClusterCaKey,
    /// The certificate of the cluster CA.
    ClusterCaCertificate,
    /// The certificate of the clients CA.
    ClientsCaCertificate,
    /// The node's own certificate.
    ServerCertificate,
    /// A certificate that a user brought.
    ListenerCertificate,
}

impl Change {
    /// Whether it takes a new Pod. Certificates of listeners can be reloaded by a running broker.
    pub const fn needs_restart(&self) -> bool {
        match self {
            Self::Version { from: _, to: _ }
            | Self::Image { from: _, to: _ }
            | Self::Configuration { parts: _ }
            | Self::Pod { parts: _ }
            | Self::Resources => true,
            Self::ClusterCaKey
            | Self::ClusterCaCertificate
            | Self::ClientsCaCertificate
            | Self::ServerCertificate
            | Self::ListenerCertificate => false,
        }
    }
}

/// How a running Pod differs from the desired one, by their annotations; in the order of [`Change`].
///
/// Nothing can be said of a Pod without [`PARTS`], one that somebody else made.
pub fn changes(running: &Map, desired: &Map) -> Option<Vec<Change>> {
    let read = |annotations: &Map| {
        serde_json::from_str::<BTreeMap<String, String>>(annotations.get(PARTS)?).ok()
    };
    let (old, new) = (read(running)?, read(desired)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    let value =
        |parts: &BTreeMap<String, String>, name: &str| parts.get(name).cloned().unwrap_or_default();
    let mut changes = BTreeSet::new();
    let (mut configuration, mut pod) = (BTreeSet::new(), BTreeSet::new());
    for name in differ {
        let (from, to) = (value(&old, name), value(&new, name));
        match (name.as_str(), name.split_once('/')) {
            (PART_VERSION, _) => drop(changes.insert(Change::Version { from, to })),
            (PART_IMAGE, _) => drop(changes.insert(Change::Image { from, to })),
            (PART_RESOURCES, _) => drop(changes.insert(Change::Resources)),
            (_, Some(("config", part))) => drop(configuration.insert(part.to_owned())),
            (_, Some((_, part))) => drop(pod.insert(part.to_owned())),
            (part, None) => drop(pod.insert(part.to_owned())),
        }
    }
    if !configuration.is_empty() {
        changes.insert(Change::Configuration {
            parts: configuration,
        });
    }
    if !pod.is_empty() {
        changes.insert(Change::Pod { parts: pod });
    }
    for (annotation, change) in [
        (secret::CLUSTER_CA_KEY_GENERATION, Change::ClusterCaKey),
        (
            secret::CLUSTER_CA_CERTIFICATE_GENERATION,
            Change::ClusterCaCertificate,
        ),
        (
            secret::CLIENTS_CA_CERTIFICATE_GENERATION,
            Change::ClientsCaCertificate,
        ),
        (SERVER_CERTIFICATE_HASH, Change::ServerCertificate),
        (LISTENER_CERTIFICATES, Change::ListenerCertificate),
    ] {
        if running.get(annotation) != desired.get(annotation) {
            changes.insert(change);
        }
    }
    Some(changes.into_iter().collect())
}

#[cfg(test)]
mod tests;
