//! `runner.json`: what the runner is told beside Kafka's properties.

use model::desired::{Jmx, Metrics, Node, Pool, Rack, RackThrough, Storage};
use model::runner::store::StoreAddress;
use model::runner::{
    CONTRACT, Format, HeapConfig, JmxConfig, ListenerConfig, LogDir, MetricsConfig, PemFile,
    QuorumKind, RackSource, RunnerConfig, env,
};

use crate::broker_properties::{
    CLIENTS_CA_PEM, CLUSTER_CA_PEM, NODE_PEM, listener_pem, log_directory,
};
use crate::facts::{Input, NodeFacts};
use crate::logging;
use crate::metrics;
use crate::names;
use crate::secret;
use crate::store;

/// Where certificates are mounted.
pub const CERTIFICATES: &str = "/opt/klamm-certs";
/// Where the `ConfigMap` is mounted.
pub const CONFIGURATION: &str = "/opt/kafka/custom-config";
/// Where the token is mounted, for the one right that users may ask for.
pub const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Options that unlock others must come before them.
const UNLOCKING: [&str; 2] = ["UnlockDiagnosticVMOptions", "UnlockExperimentalVMOptions"];

/// The configuration of one node's runner.
pub fn render(
    input: &Input<'_>,
    pool: &Pool,
    node: &Node,
    facts: &NodeFacts,
    configuration_hash: String,
) -> RunnerConfig {
    let cluster = input.cluster;
    let log_dirs = log_directories(input, pool, node);
    let metadata_log_dir = metadata_log_directory(&pool.storage, node);
    let heap = model::desired::jvm::heap(&pool.jvm, &pool.resources);
    RunnerConfig {
        contract: CONTRACT,
        cluster: cluster.name.to_string(),
        cluster_id: input.facts.identity.cluster_id.clone(),
        node_id: node.id,
        roles: node.roles,
        kafka_version: cluster.version,
        metadata_version: cluster.metadata_version,
        log_dirs,
        metadata_log_dir,
        initial_controllers: initial_controllers(input, facts),
        quorum: input.facts.quorum,
        heap: HeapConfig {
            initial: heap.initial,
            maximum: heap.maximum,
        },
        jvm_options: jvm_options(pool),
        system_properties: pool.jvm.system_properties.clone(),
        class_path: Vec::new(),
        gc_logging: pool.jvm.gc_logging,
        metrics: metrics_config(&cluster.metrics),
        jmx: jmx_config(cluster.jmx),
        listeners: listeners(input, node),
        pem_files: pem_files(input, node),
        rack: rack(cluster.rack.as_ref()).filter(|_| node.roles.is_broker()),
        store: cluster
            .metadata_store
            .speaks_zookeeper()
            .then(|| StoreAddress {
                servers: store::addresses(cluster),
            }),
        health_port: names::RUNNER_PORT,
        state_log: logging::STATE_LOG.to_owned(),
        configuration_hash,
    }
}

fn log_directories(input: &Input<'_>, pool: &Pool, node: &Node) -> Vec<LogDir> {
    let known = input.facts.identity.nodes.get(&node.id.0);
    let volumes = pool.storage.volumes();
    let directories = volumes.iter().map(|volume| LogDir {
        volume: volume.id,
        mount: volume.mount_path(),
        path: log_directory(&volume.mount_path(), node),
        directory_id: known
            .and_then(|known| known.directories.get(&volume.id.0))
            .cloned(),
    });
    directories.collect()
}

fn metadata_log_directory(storage: &Storage, node: &Node) -> String {
    let volumes = storage.volumes();
    let metadata = volumes.iter().find(|volume| volume.metadata);
    metadata
        .map(|volume| log_directory(&volume.mount_path(), node))
        .unwrap_or_default()
}

/// `<id>@<host>:<port>:<directory>,…` of the first controllers, where formatting as one of them is permitted.
fn initial_controllers(input: &Input<'_>, facts: &NodeFacts) -> Option<String> {
    match (facts.format, input.facts.quorum) {
        (Some(Format::Initial), QuorumKind::Dynamic) => Some(voters(input)),
        (Some(Format::Initial | Format::Join) | None, QuorumKind::Static)
        | (Some(Format::Join) | None, QuorumKind::Dynamic) => None,
    }
}

fn voters(input: &Input<'_>) -> String {
    let first = &input.facts.identity.initial_controllers;
    let voters = input.controllers().filter_map(|node| {
        let directory = first.get(&node.id.0)?;
        let host = names::pod_host(input.cluster, node);
        Some(format!(
            "{}@{host}:{}:{directory}",
            node.id,
            names::CONTROL_PLANE_PORT
        ))
    });
    voters.collect::<Vec<_>>().join(",")
}

fn jvm_options(pool: &Pool) -> Vec<String> {
    let options = |first: bool| {
        let chosen = pool
            .jvm
            .xx
            .iter()
            .filter(move |(name, _)| UNLOCKING.contains(&name.as_str()) == first);
        chosen.map(|(name, value)| match value.to_lowercase().as_str() {
            "true" => format!("-XX:+{name}"),
            "false" => format!("-XX:-{name}"),
            _ => format!("-XX:{name}={value}"),
        })
    };
    options(true).chain(options(false)).collect()
}

fn metrics_config(metrics: &Metrics) -> MetricsConfig {
    match metrics {
        Metrics::None => MetricsConfig::None,
        Metrics::JmxExporter(_) => MetricsConfig::JmxExporter {
            port: names::METRICS_PORT,
            config_file: format!("{CONFIGURATION}/{}", metrics::KEY),
        },
        Metrics::StrimziReporter { allow_list: _ } => MetricsConfig::StrimziReporter {
            port: names::METRICS_PORT,
        },
    }
}

fn jmx_config(jmx: Jmx) -> JmxConfig {
    let port = names::JMX_PORT;
    match jmx {
        Jmx::Closed => JmxConfig::Closed,
        Jmx::Open => JmxConfig::Open { port },
        Jmx::Password => JmxConfig::Password {
            port,
            username_file: format!("{CERTIFICATES}/jmx/{}", secret::JMX_USERNAME),
            password_file: format!("{CERTIFICATES}/jmx/{}", secret::JMX_PASSWORD),
        },
    }
}

fn listeners(input: &Input<'_>, node: &Node) -> Vec<ListenerConfig> {
    let internal = |name: &str, port| ListenerConfig {
        name: name.to_owned(),
        port,
        tls: true,
    };
    let mut listeners = Vec::new();
    if node.roles.is_controller() || input.cluster.metadata_store.speaks_zookeeper() {
        listeners.push(internal(
            names::CONTROL_PLANE_LISTENER,
            names::CONTROL_PLANE_PORT,
        ));
    }
    if node.roles.is_broker() {
        listeners.push(internal(
            names::REPLICATION_LISTENER,
            names::REPLICATION_PORT,
        ));
        listeners.extend(
            input
                .cluster
                .listeners
                .iter()
                .map(|listener| ListenerConfig {
                    name: listener.kafka_name(),
                    port: listener.port,
                    tls: listener.tls,
                }),
        );
    }
    listeners
}

fn pem_files(input: &Input<'_>, node: &Node) -> Vec<PemFile> {
    let pod = node.pod_name(&input.cluster.name);
    let file = |path: &str, from: Vec<String>, names_pod_address| PemFile {
        path: path.to_owned(),
        from,
        names_pod_address,
    };
    let own = ["key", "crt"].map(|kind| format!("{CERTIFICATES}/node/{pod}.{kind}"));
    let mut files = vec![
        file(NODE_PEM, own.to_vec(), true),
        file(
            CLUSTER_CA_PEM,
            vec![format!("{CERTIFICATES}/trust/{}", secret::TRUST_CLUSTER)],
            false,
        ),
    ];
    if node.roles.is_broker() {
        files.push(file(
            CLIENTS_CA_PEM,
            vec![format!("{CERTIFICATES}/trust/{}", secret::TRUST_CLIENTS)],
            false,
        ));
        for listener in &input.cluster.listeners {
            if let (true, Some(certificate)) = (listener.tls, &listener.configuration.certificate) {
                let directory = format!(
                    "{CERTIFICATES}/{}",
                    names::listener_certificate_volume(&listener.name)
                );
                let from = [&certificate.key, &certificate.certificate]
                    .map(|key| format!("{directory}/{key}"));
                files.push(file(&listener_pem(listener), from.to_vec(), false));
            }
        }
    }
    files
}

fn rack(rack: Option<&Rack>) -> Option<RackSource> {
    Some(match rack? {
        Rack::TopologyLabel {
            key: _,
            through: RackThrough::PodLabel,
        } => RackSource::Environment {
            name: env::RACK.to_owned(),
        },
        Rack::TopologyLabel {
            key,
            through: RackThrough::NodeToken,
        } => RackSource::NodeLabel {
            key: key.clone(),
            credentials: TOKEN.to_owned(),
        },
        Rack::EnvironmentVariable { name } => RackSource::Environment { name: name.clone() },
    })
}
