//! From what was typed to what is wanted, with *all* problems.
//!
//! What it does: turns a `Kafka` and its `KafkaNodePool`s into one [`Cluster`], filling in every default. Reads the
//! resources and the operator's [`Settings`], nothing else. Invariants: never stops at the first problem; each
//! problem names the field, what was given, what is allowed and an example; a field that is accepted but that
//! nothing acts on yet is a warning; the same resources give the same answer, in the same order.
//! What is not here: whether a document has the right shape (`resources::check`), and whether a change may be made
//! to a running cluster (`planner`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use resources::{Kafka, KafkaNodePool};
use serde::Serialize;
use serde_json::Value;

use crate::desired::{
    Cluster, ClusterName, KafkaVersion, LoggingDialect, MetadataStore, MetadataVersion, Namespace,
    NodeId, Pool, Probe, Roles,
};
use crate::node_ids::{self, PoolIds};
use crate::problem::{Problem, ProblemReason, Warning};
use report::{Report, Wrong};

pub(crate) mod annotations;
mod authorization;
mod certificate_authority;
mod config;
mod container_resources;
mod container_template;
mod doubts;
mod jvm;
mod listener;
mod listener_configuration;
mod logging;
mod metadata;
pub mod metadata_store;
mod metrics;
mod names;
pub mod not_acted_on;
mod pod_template;
mod pool;
mod probe;
mod quotas;
mod rack;
mod report;
mod settings;
mod storage;
mod template;
mod tiered_storage;

pub use pool::{NEXT_NODE_IDS, REMOVE_NODE_IDS};
pub use rack::RACK_THROUGH_NODE;
pub use settings::Settings;

/// Label of a `KafkaNodePool`: the `Kafka` it belongs to.
pub const CLUSTER_LABEL: &str = "strimzi.io/cluster";

/// What came of parsing.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What is wanted, or everything that is wrong with it.
    pub cluster: Result<Cluster, Vec<Problem>>,
    /// What a user should know in either case.
    pub warnings: Vec<Warning>,
}

/// What the users of this `Kafka` and these pools want; pools of other clusters are left aside.
pub fn parse_cluster(kafka: &Kafka, pools: &[KafkaNodePool], settings: &Settings) -> Parsed {
    let name = kafka.metadata.name.as_deref().unwrap_or_default();
    let mut pools: Vec<&KafkaNodePool> = pools
        .iter()
        .filter(|pool| cluster_of(pool) == Some(name))
        .collect();
    pools.sort_by_key(|pool| &pool.metadata.name);

    let mut report = Report::new("Kafka", name);
    let brokers = broker_ids(&pools);
    let template = template::parse_cluster(kafka.spec.kafka.template.as_ref(), &mut report);
    let jvm = kafka
        .spec
        .kafka
        .jvm_options
        .as_ref()
        .map(|options| jvm::parse("spec.kafka.jvmOptions", options, &mut report))
        .unwrap_or_default();
    let mut inherited = pool::Inherited {
        room: pool::MOST_NODES,
        jvm: &jvm,
        template: &template,
    };
    let store = metadata_store::parse(kafka, &mut report);
    let mut parsed_pools = Vec::new();
    let mut pool_reports = Vec::new();
    for pool in &pools {
        let mut report = Report::new(
            "KafkaNodePool",
            pool.metadata.name.as_deref().unwrap_or_default(),
        );
        let parsed = pool::parse(pool, &inherited, &mut report);
        inherited.room -= parsed.as_ref().map_or(0, |parsed| parsed.replicas);
        parsed_pools.extend(parsed);
        metadata_store::check_pool(&store, pool, &mut report);
        not_acted_on::warn("KafkaNodePool", *pool, &mut report);
        annotations::warn_of_pool(&pool.metadata, &mut report);
        pool_reports.push(report);
    }
    roles_are_filled(name, &pools, &store, &mut report);
    let all_understood = parsed_pools.len() == pools.len();

    let cluster = cluster(
        kafka,
        &brokers,
        Parts {
            pools: parsed_pools,
            template,
            store,
        },
        settings,
        &mut report,
    );
    not_acted_on::warn("Kafka", kafka, &mut report);
    annotations::warn_of_kafka(&kafka.metadata, &mut report);
    if let Some(cluster) = &cluster {
        names::check(cluster, &mut report, &mut pool_reports);
        // Nodes are counted there.
        if all_understood {
            doubts::check(cluster, &mut report);
        }
    }
    let mut problems = report.problems;
    let mut warnings = report.warnings;
    for report in pool_reports {
        problems.extend(report.problems);
        warnings.extend(report.warnings);
    }
    let cluster = match cluster {
        Some(cluster) if problems.is_empty() => Ok(cluster),
        Some(_) | None => Err(problems),
    };
    Parsed { cluster, warnings }
}

/// The problems and warnings of a pool by itself, where its `Kafka` is not at hand.
pub fn parse_pool(pool: &KafkaNodePool) -> (Vec<Problem>, Vec<Warning>) {
    let mut report = Report::new(
        "KafkaNodePool",
        pool.metadata.name.as_deref().unwrap_or_default(),
    );
    let inherited = pool::Inherited {
        room: pool::MOST_NODES,
        jvm: &crate::desired::JvmOptions::default(),
        template: &crate::desired::ClusterTemplate::default(),
    };
    let _ = pool::parse(pool, &inherited, &mut report);
    if cluster_of(pool).is_none() {
        let field = format!("metadata.labels[\"{CLUSTER_LABEL}\"]");
        report.missing(
            &field,
            "the name of the Kafka that the pool belongs to",
            "my-cluster",
        );
    }
    not_acted_on::warn("KafkaNodePool", pool, &mut report);
    annotations::warn_of_pool(&pool.metadata, &mut report);
    (report.problems, report.warnings)
}

/// The `Kafka` that a pool belongs to.
pub fn cluster_of(pool: &KafkaNodePool) -> Option<&str> {
    pool.metadata
        .labels
        .as_ref()?
        .get(CLUSTER_LABEL)
        .map(String::as_str)
}

/// What was parsed before the rest.
struct Parts {
    pools: Vec<Pool>,
    template: crate::desired::ClusterTemplate,
    store: MetadataStore,
}

/// All that the `Kafka` itself says.
fn cluster(
    kafka: &Kafka,
    brokers: &BTreeSet<NodeId>,
    parts: Parts,
    settings: &Settings,
    report: &mut Report,
) -> Option<Cluster> {
    let Parts {
        pools,
        template,
        store,
    } = parts;
    let spec = &kafka.spec.kafka;
    let name = cluster_name(&kafka.metadata, report);
    let namespace = namespace(&kafka.metadata, settings, report);
    let (version, metadata_version) = versions(
        spec.version.as_deref(),
        spec.metadata_version.as_deref(),
        &store,
        report,
    );
    let listeners = listener::parse(&spec.listeners, brokers, report);
    let broker_count = u32::try_from(brokers.len()).unwrap_or(u32::MAX);
    let mut config = config::parse(
        spec.config.as_ref(),
        &listeners,
        broker_count,
        version.unwrap_or_default(),
        report,
    );
    let quotas = quotas::parse(spec.quotas.as_ref(), &mut config, report);
    let annotation = |key: &str| {
        kafka
            .metadata
            .annotations
            .as_ref()
            .and_then(|map| map.get(key))
            .is_some_and(|value| value == "true")
    };
    Some(Cluster {
        labels: {
            metadata::check_own(&kafka.metadata, report);
            own_labels(&kafka.metadata, report)
        },
        listeners,
        config,
        authorization: authorization::parse(spec.authorization.as_ref(), report),
        cluster_ca: certificate_authority::parse(
            "spec.clusterCa",
            kafka.spec.cluster_ca.as_ref(),
            report,
        ),
        clients_ca: certificate_authority::parse(
            "spec.clientsCa",
            kafka.spec.clients_ca.as_ref(),
            report,
        ),
        rack: rack::parse(spec.rack.as_ref(), annotation(RACK_THROUGH_NODE), report),
        liveness: probe::parse_liveness(spec.liveness_probe.as_ref(), report),
        readiness: probe::parse(
            "spec.kafka.readinessProbe",
            spec.readiness_probe.as_ref(),
            Probe::READINESS,
            report,
        ),
        logging: logging::parse(
            "spec.kafka.logging",
            spec.logging.as_ref(),
            logging_dialect(&store),
            report,
        ),
        metrics: metrics::parse(spec.metrics_config.as_ref(), report),
        jmx: metrics::parse_jmx(spec.jmx_options.as_ref()),
        quotas,
        tiered_storage: tiered_storage::parse(spec.tiered_storage.as_ref(), report),
        template,
        maintenance_windows: certificate_authority::maintenance_windows(
            kafka.spec.maintenance_time_windows.as_ref(),
            report,
        ),
        paused: annotations::is_paused(&kafka.metadata),
        pools: pools
            .into_iter()
            .map(|pool| (pool.name.clone(), pool))
            .collect(),
        image: spec
            .image
            .clone()
            .unwrap_or_else(|| version.map_or_else(String::new, |version| settings.image(version))),
        namespace: namespace?,
        name: name?,
        version: version?,
        metadata_store: store,
        metadata_version: metadata_version?,
    })
}

/// Kafka with ZooKeeper's protocol is one from before log4j2.
fn logging_dialect(store: &MetadataStore) -> LoggingDialect {
    if store.speaks_zookeeper() {
        LoggingDialect::Reload4j
    } else {
        LoggingDialect::Log4j2
    }
}

fn cluster_name(metadata: &ObjectMeta, report: &mut Report) -> Option<ClusterName> {
    let name = metadata.name.as_deref().unwrap_or_default();
    let parsed = name.parse().ok();
    if parsed.is_none() {
        report.invalid("metadata.name", name, ClusterName::ALLOWED, "my-cluster");
    }
    parsed
}

fn namespace(metadata: &ObjectMeta, settings: &Settings, report: &mut Report) -> Option<Namespace> {
    let name = metadata.namespace.as_deref().unwrap_or(&settings.namespace);
    let parsed = name.parse().ok();
    if parsed.is_none() {
        report.invalid("metadata.namespace", name, Namespace::ALLOWED, "default");
    }
    parsed
}

fn versions(
    version: Option<&str>,
    metadata: Option<&str>,
    store: &MetadataStore,
    report: &mut Report,
) -> (Option<KafkaVersion>, Option<MetadataVersion>) {
    let default = if store.speaks_zookeeper() {
        KafkaVersion::DEFAULT_WITH_ZOOKEEPER
    } else {
        KafkaVersion::DEFAULT
    };
    let unsupported =
        |report: &mut Report, field: &str, given: &str, allowed: &str, example: &str| {
            let reason = ProblemReason::UnsupportedVersion;
            report.wrong(
                field,
                &Wrong {
                    reason,
                    given,
                    allowed,
                    example,
                },
            );
        };
    let version = match version.map(str::parse::<KafkaVersion>) {
        None => Some(default),
        Some(Ok(version)) => {
            metadata_store::check_version(store, version, report);
            Some(version)
        }
        Some(Err(error)) => {
            let example = default.to_string();
            // Those of the other kind would be refused next.
            let allowed = if store.speaks_zookeeper() {
                format!("one of {}", KafkaVersion::with_zookeeper())
            } else {
                format!(
                    "one of {}; with the annotation {} one of {}",
                    KafkaVersion::with_kraft(),
                    metadata_store::METADATA_STORE,
                    KafkaVersion::with_zookeeper()
                )
            };
            unsupported(
                report,
                "spec.kafka.version",
                &error.given,
                &allowed,
                &example,
            );
            None
        }
    };
    let newest = version.unwrap_or(default).newest_metadata();
    if store.speaks_zookeeper() {
        if metadata.is_some() {
            let why = "the metadata are not in KRaft";
            report.meaningless("spec.kafka.metadataVersion", why);
        }
        return (version, Some(newest));
    }
    let metadata = match metadata.map(str::parse::<MetadataVersion>) {
        None => Some(newest),
        Some(Ok(metadata)) if metadata <= newest => Some(metadata),
        Some(Ok(metadata)) => {
            let version = version.unwrap_or_default();
            let allowed = format!("at most {newest}, because Kafka {version} knows no newer one");
            unsupported(
                report,
                "spec.kafka.metadataVersion",
                &metadata.to_string(),
                &allowed,
                &newest.to_string(),
            );
            None
        }
        Some(Err(error)) => {
            let allowed = format!("one of {}", error.allowed);
            unsupported(
                report,
                "spec.kafka.metadataVersion",
                &error.given,
                &allowed,
                &newest.to_string(),
            );
            None
        }
    };
    (version, metadata)
}

/// A cluster needs a broker and, where it has a quorum, a controller; pools without nodes do not count.
fn roles_are_filled(
    name: &str,
    pools: &[&KafkaNodePool],
    store: &MetadataStore,
    report: &mut Report,
) {
    use resources::node_pool::NodeRole;
    for (role, word) in [
        (NodeRole::Controller, "controller"),
        (NodeRole::Broker, "broker"),
    ] {
        let filled = (role == NodeRole::Controller && store.speaks_zookeeper())
            || pools
                .iter()
                .any(|pool| pool.spec.replicas > 0 && pool.spec.roles.contains(&role));
        if !filled {
            let given = if pools.is_empty() {
                "no KafkaNodePool".to_owned()
            } else {
                let names: Vec<&str> = pools
                    .iter()
                    .filter_map(|pool| pool.metadata.name.as_deref())
                    .collect();
                format!(
                    "none with this role and a node among the KafkaNodePools {}",
                    names.join(", ")
                )
            };
            let allowed = format!(
                "at least one KafkaNodePool in this namespace with the label {CLUSTER_LABEL}: {name}, the role `{word}` and a node"
            );
            let example = format!(
                "kind: KafkaNodePool, metadata: {{labels: {{{CLUSTER_LABEL}: {name}}}}}, spec: {{replicas: 3, roles: [{word}]}}"
            );
            let reason = ProblemReason::MissingReference;
            report.wrong(
                &format!("role {word}"),
                &Wrong {
                    reason,
                    given: &given,
                    allowed: &allowed,
                    example: &example,
                },
            );
        }
    }
}

/// The ids that brokers have, or will get.
fn broker_ids(pools: &[&KafkaNodePool]) -> BTreeSet<NodeId> {
    let inputs: Vec<PoolIds> = pools
        .iter()
        .filter_map(|pool| {
            let annotation = |key: &str| {
                let text = pool.metadata.annotations.as_ref()?.get(key)?;
                node_ids::parse_ranges(text)
            };
            let ids = pool
                .status
                .as_ref()
                .and_then(|status| status.node_ids.as_ref());
            Some(PoolIds {
                pool: pool.metadata.name.as_deref()?.parse().ok()?,
                replicas: u32::try_from(pool.spec.replicas)
                    .ok()?
                    .min(pool::MOST_NODES),
                current: ids.into_iter().flatten().copied().map(NodeId).collect(),
                next: annotation(NEXT_NODE_IDS).unwrap_or_default(),
                remove: annotation(REMOVE_NODE_IDS).unwrap_or_default(),
            })
        })
        .collect();
    let is_broker = |name: &str| {
        pools.iter().any(|pool| {
            pool.metadata.name.as_deref() == Some(name)
                && pool
                    .spec
                    .roles
                    .contains(&resources::node_pool::NodeRole::Broker)
        })
    };
    node_ids::assign(&inputs, &BTreeSet::new())
        .into_iter()
        .filter(|(pool, _)| is_broker(pool.as_str()))
        .flat_map(|(_, assignment)| assignment.desired)
        .collect()
}

/// Labels of a resource that go onto its objects: not those of the operator, nor those of deployment tools.
fn own_labels(metadata: &ObjectMeta, report: &mut Report) -> BTreeMap<String, String> {
    let tools = |key: &str| {
        (key.starts_with("app.kubernetes.io/") && !key.starts_with("app.kubernetes.io/part-of"))
            || key.starts_with("kustomize.toolkit.fluxcd.io")
    };
    let mut own = BTreeMap::new();
    for (key, value) in metadata.labels.iter().flatten() {
        if key != CLUSTER_LABEL {
            metadata::forbid_own(&format!("metadata.labels[\"{key}\"]"), key, value, report);
        }
        if key != CLUSTER_LABEL && !tools(key) {
            own.insert(key.clone(), value.clone());
        }
    }
    own
}

/// An enum of the resources as it is written.
fn text(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// How many nodes do this.
fn count(cluster: &Cluster, role: fn(Roles) -> bool) -> u32 {
    cluster
        .pools
        .values()
        .filter(|pool| role(pool.roles))
        .map(|pool| pool.replicas)
        .sum()
}

#[cfg(test)]
mod tests;
