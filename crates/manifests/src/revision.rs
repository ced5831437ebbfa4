//! What of a node needs a restart when it changes, and how to see that it changed.
//!
//! A revision is made of *parts*: each names one thing the user (or the planner) decided and holds its value, or a hash
//! of it. Parts are taken from what was asked for, never from what this version happens to render: an operator that
//! renders a Pod differently than its predecessor must not restart a healthy cluster, and neither must a new runner.
//!
//! Invariants: a part that has its default is absent, so that a part invented later is absent from older Pods, too; the
//! encoding of a part never changes (the golden test pins it); permission to format, the identity of disks, addresses of
//! other nodes, log levels and dynamic Kafka properties are no parts; certificates have annotations of their own.

use std::collections::BTreeMap;

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
use crate::template;

mod change;
mod dynamic;

pub use change::{Change, changes};
pub use dynamic::{dynamic_properties, is_dynamic};

/// Annotation with the hash of the parts below `config/`.
pub const CONFIGURATION_HASH: &str = "strimzi.io/configuration-hash";
/// Annotation with the release of Kafka.
pub const KAFKA_VERSION: &str = "strimzi.io/kafka-version";
/// Annotation with the hash of the parts below `pod/`.
pub const REVISION: &str = "strimzi.io/revision";
/// Annotation with the hash of memory and CPU.
pub const RESOURCE_REVISION: &str = "strimzi.io/resource-revision";
/// Annotation with the SHA-1 (hex) of the node's certificate when the Pod was made. What it serves by now is what its
/// runner says: certificates are read again in place.
pub const SERVER_CERTIFICATE_HASH: &str = "strimzi.io/server-cert-hash";
/// Annotation with all parts, as JSON: what the hashes are made of.
pub const PARTS: &str = "klamm.dev/parts";

/// Part with the release of Kafka, in plain text.
pub const PART_VERSION: &str = "version";
/// Part with the image, in plain text.
pub const PART_IMAGE: &str = "pod/image";
/// Part with memory and CPU.
pub const PART_RESOURCES: &str = "resources";

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
        let lines: Vec<_> = parts
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        short_hash(&lines.concat())
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
    if cluster.metadata_store.speaks_zookeeper() {
        revision.hashed("config/store", &crate::store::addresses(cluster));
    }
    storage_layout(&pool.storage, revision);
    jvm(&pool.jvm, revision);
    match &cluster.authorization {
        Authorization::None => {}
        Authorization::Simple { super_users } => {
            revision.hashed("config/authorization", &json!(["simple", super_users]));
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
            revision.hashed("config/metrics", &json!(["strimziReporter", allow_list]));
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

#[cfg(test)]
mod tests;
