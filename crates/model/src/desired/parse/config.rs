//! Kafka's own configuration: which keys a user may set, and what values look like as properties.

use std::collections::BTreeMap;

use resources::{AnyMap, words};
use serde_json::Value;

use super::report::{Report, Wrong};
use crate::desired::{KafkaKey, KafkaVersion, Listener, sensitive};
use crate::problem::{ProblemReason, WarningReason};

/// Beginnings of keys that belong to the operator, and what to use instead.
///
/// Source: Strimzi's `FORBIDDEN_PREFIXES` of a Kafka cluster.
const FORBIDDEN: [(&str, &str); 32] = [
    ("listeners", LISTENERS),
    ("advertised.", LISTENERS),
    (
        "broker.",
        "nothing: the operator sets it (for racks: spec.kafka.rack)",
    ),
    ("listener.", LISTENERS),
    ("host.name", LISTENERS),
    ("port", LISTENERS),
    ("inter.broker.listener.name", OPERATOR),
    ("sasl.", LISTENERS),
    ("ssl.", LISTENERS),
    ("security.", LISTENERS),
    ("password.", OPERATOR),
    ("log.dir", "spec.storage of the KafkaNodePool"),
    ("zookeeper.connect", ZOOKEEPER),
    ("zookeeper.set.acl", ZOOKEEPER),
    ("zookeeper.ssl", ZOOKEEPER),
    ("zookeeper.clientcnxnsocket", ZOOKEEPER),
    ("authorizer.", "spec.kafka.authorization"),
    ("super.user", "spec.kafka.authorization.superUsers"),
    ("cruise.control.metrics.topic", "spec.cruiseControl"),
    (
        "cruise.control.metrics.reporter.bootstrap.servers",
        "spec.cruiseControl",
    ),
    ("node.id", OPERATOR),
    ("process.roles", "spec.roles of the KafkaNodePool"),
    ("controller.", OPERATOR),
    (
        "metadata.log.dir",
        "kraftMetadata in spec.storage of the KafkaNodePool",
    ),
    ("zookeeper.metadata.migration.enable", ZOOKEEPER),
    ("client.quota.callback.static.kafka.admin.", QUOTAS),
    ("client.quota.callback.static.produce", QUOTAS),
    ("client.quota.callback.static.fetch", QUOTAS),
    (
        "client.quota.callback.static.storage.per.volume.limit.min.available.",
        QUOTAS,
    ),
    (
        "client.quota.callback.static.excluded.principal.name.list",
        QUOTAS,
    ),
    ("prometheus.metrics.reporter.", "spec.kafka.metricsConfig"),
    ("cordoned.log.dirs", OPERATOR),
];

const LISTENERS: &str = "spec.kafka.listeners";
const OPERATOR: &str = "nothing: the operator sets it";
const QUOTAS: &str = "spec.kafka.quotas";
const ZOOKEEPER: &str = "nothing: the operator sets it, where the annotation klamm.dev/metadata-store asks for ZooKeeper";

/// Keys that begin like forbidden ones and are allowed all the same.
///
/// Source: Strimzi's `FORBIDDEN_PREFIX_EXCEPTIONS` of a Kafka cluster.
const ALLOWED: [&str; 18] = [
    "zookeeper.connection.timeout.ms",
    "sasl.server.max.receive.size",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.secure.random.implementation",
    "cruise.control.metrics.topic.num.partitions",
    "cruise.control.metrics.topic.replication.factor",
    "cruise.control.metrics.topic.retention.ms",
    "cruise.control.metrics.topic.auto.create.retries",
    "cruise.control.metrics.topic.auto.create.timeout.ms",
    "cruise.control.metrics.topic.min.insync.replicas",
    "broker.session.timeout.ms",
    "broker.heartbeat.interval.ms",
    "controller.socket.timeout.ms",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
];

/// What may be set for a single listener, after `listener.name.<name>-<port>.`.
const ALLOWED_PER_LISTENER: [&str; 3] = [
    "connections.max.reauth.ms",
    "max.connections",
    "max.connection.creation.rate",
];

/// How many replicas a topic can have is bounded by the brokers there are.
const AT_MOST_BROKERS: [&str; 4] = [
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
];

/// A reference that only a provider in Strimzi's images resolves.
const STRIMZI_SECRETS: &str = "${strimzisecrets:";

const KEY: &str = "a key without space, `=`, `:` or `\\`, not beginning with `#` or `!`";

/// The user's configuration as properties.
pub(super) fn parse(
    config: Option<&AnyMap>,
    listeners: &[Listener],
    brokers: u32,
    version: KafkaVersion,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (key, value) in config.into_iter().flatten() {
        let field = format!("spec.kafka.config[\"{key}\"]");
        if !is_key(key) {
            report.invalid(&field, shown(key, value), KEY, "num.partitions");
        } else if let Some((_, instead)) = forbidden(key, listeners) {
            report.forbidden(&field, shown(key, value), instead, "");
        } else if let Some(text) = property(&field, key, value, report) {
            held_against_kafka(&field, key, &text, version, report);
            properties.insert(key.clone(), text);
        }
    }
    for key in AT_MOST_BROKERS {
        if let Some(text) = properties.get(key) {
            at_most_brokers(key, text, brokers, report);
        }
    }
    properties
}

/// A value that Kafka would refuse when it starts is refused here; a key it does not know may be a plug-in's.
fn held_against_kafka(
    field: &str,
    key: &str,
    value: &str,
    version: KafkaVersion,
    report: &mut Report,
) {
    let Some(known) = KafkaKey::find(key) else {
        if let Some(nearest) = resources::words::nearest_within(key, KafkaKey::names(), |_| 2) {
            let message = format!("is not a key of Kafka; did you mean {nearest}?");
            report.warn(WarningReason::UnknownFields, field, message);
        }
        return;
    };
    if !known.is_known_to(version) {
        let message = format!(
            "is not known to Kafka {version}, only to releases {}.",
            known.releases()
        );
        report.warn(WarningReason::UnknownFields, field, message);
    }
    // Bounds that the number of brokers sets are told below, together with those of Kafka.
    if !AT_MOST_BROKERS.contains(&key) && !known.takes(value) {
        let given = sensitive::told(key, value);
        let allowed = known.allowed_instead_of(value);
        report.invalid(field, given, &allowed, known.example());
    }
}

/// Why a key may not be set.
fn forbidden(key: &str, listeners: &[Listener]) -> Option<&'static (&'static str, &'static str)> {
    let per_listener = |listener: &Listener| {
        let prefix = format!("listener.name.{}.", listener.kafka_name().to_lowercase());
        key.strip_prefix(&prefix)
            .is_some_and(|rest| ALLOWED_PER_LISTENER.contains(&rest))
    };
    if ALLOWED.contains(&key) || listeners.iter().any(per_listener) {
        return None;
    }
    let key = key.to_lowercase();
    FORBIDDEN.iter().find(|(prefix, _)| key.starts_with(prefix))
}

/// A value as text; `None` for an explicit null, which means that nothing is set, and is told.
///
/// Newlines at the end come from YAML's block scalars and mean nothing; those inside are kept.
pub(super) fn property(
    field: &str,
    key: &str,
    value: &Value,
    report: &mut Report,
) -> Option<String> {
    const ALLOWED: &str = "text, a number, `true` or `false`";
    match value {
        Value::Null => {
            report.meaningless(
                field,
                "no value stands there (null); give it one, or leave the key out",
            );
            None
        }
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(words::of_number(number)),
        Value::String(text) if text.contains(STRIMZI_SECRETS) => {
            let allowed = "no reference to a Secret: mount it (template.pod.volumes) and read it with a provider of Kafka's";
            let reason = ProblemReason::Unsupported;
            report.wrong(
                field,
                &Wrong {
                    reason,
                    given: text,
                    allowed,
                    example: "${mine:/mnt/my-secret:password} with config.providers: mine",
                },
            );
            None
        }
        Value::String(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
        Value::Array(_) | Value::Object(_) => {
            report.invalid(field, shown(key, value), ALLOWED, "3");
            None
        }
    }
}

/// Whether a key stays one key in a properties file.
fn is_key(key: &str) -> bool {
    let ends_it = |char: char| char.is_whitespace() || char.is_control() || "=:\\".contains(char);
    !key.is_empty() && !key.contains(ends_it) && !key.starts_with(['#', '!'])
}

/// A map of values as properties.
pub(super) fn properties(
    field: &str,
    map: Option<&AnyMap>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (key, value) in map.into_iter().flatten() {
        let field = format!("{field}[\"{key}\"]");
        if !is_key(key) {
            report.invalid(&field, shown(key, value), KEY, "sasl.enabled.mechanisms");
        } else if let Some(text) = property(&field, key, value, report) {
            properties.insert(key.clone(), text);
        }
    }
    properties
}

fn at_most_brokers(key: &str, text: &str, brokers: u32, report: &mut Report) {
    let field = format!("spec.kafka.config[\"{key}\"]");
    let allowed = if brokers == 1 {
        "1, because the KafkaNodePools ask for 1 broker".to_owned()
    } else {
        format!(
            "a whole number from 1 to {brokers}, because the KafkaNodePools ask for {brokers} brokers"
        )
    };
    // No broker at all is reported where the pools are.
    if brokers > 0
        && !text
            .trim()
            .parse()
            .is_ok_and(|number: u32| (1..=brokers).contains(&number))
    {
        report.conflict(&field, text, &allowed, &brokers.to_string());
    }
}

fn shown(key: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => words::of_number(number),
        other => other.to_string(),
    };
    sensitive::told(key, &text).to_owned()
}
