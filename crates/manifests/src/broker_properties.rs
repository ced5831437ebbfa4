//! Kafka's properties of a node, as a template for the runner: `server.config`.
//!
//! Order and content are Strimzi's; what differs: key material by file instead of by value, so that nothing secret is in
//! the `ConfigMap` and certificates can be reloaded; a dynamic quorum; placeholders for what only the runner knows.
//! Paths are those of the container, written behind the placeholder for the root.

use std::fmt::Display;

use model::desired::{Authorization, Cluster, Metrics, Node, Pool, Quotas, Rack, TieredStorage};
use model::runner::{QuorumKind, placeholder};

use crate::facts::Input;
use crate::names::{
    self, CONTROL_PLANE_LISTENER, CONTROL_PLANE_PORT, REPLICATION_LISTENER, REPLICATION_PORT,
};

mod listeners;
mod metadata_store;

pub(crate) use listeners::{CLIENTS_CA_PEM, CLUSTER_CA_PEM, NODE_PEM, listener_pem};
use listeners::{key_store, trust_store};

/// Where the runner puts what it assembles.
pub const RUN_DIRECTORY: &str = "/var/run/klamm";

/// What file providers may read. It must exist, else Kafka does not start; the configuration is mounted below it.
const PROVIDER_PATH: &str = "/opt/kafka";

/// Providers that users' values may refer to, by Strimzi's names, with their classes. Only the first is on controllers.
const PROVIDERS: [(&str, &str); 3] = [
    ("strimzienv", "EnvVarConfigProvider"),
    ("strimzifile", "FileConfigProvider"),
    ("strimzidir", "DirectoryConfigProvider"),
];

/// The properties of one node.
pub fn render(input: &Input<'_>, pool: &Pool, node: &Node) -> String {
    let mut properties = Properties::default();
    if input.cluster.metadata_store.speaks_zookeeper() {
        metadata_store::render(input, node, &mut properties);
        rack(input.cluster, node, &mut properties);
    } else {
        properties.section("Node ID", [line("node.id", node.id)]);
        rack(input.cluster, node, &mut properties);
        quorum(input, node, &mut properties);
        metadata_directory(pool, node, &mut properties);
    }
    directories(pool, node, &mut properties);
    listeners::render(input, node, &mut properties);
    authorization(input.cluster, &mut properties);
    if let Some(tiered) = &input.cluster.tiered_storage {
        tiered_storage(input, node, tiered, &mut properties);
    }
    quotas(input, node, &mut properties);
    users(input.cluster, node, &mut properties);
    properties.text
}

/// Text in sections, each with a title.
#[derive(Default)]
struct Properties {
    text: String,
}

impl Properties {
    fn section(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let gap = if self.text.is_empty() { HEADER } else { "\n" };
        self.text.push_str(gap);
        self.text.push_str("##########\n# ");
        self.text.push_str(title);
        self.text.push_str("\n##########\n");
        for line in lines {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }
}

const HEADER: &str = "\
# Written by the operator. Change the Kafka and KafkaNodePool resources instead: changes made here are lost.
# The runner fills in what stands in double braces when it starts Kafka.

";

fn rack(cluster: &Cluster, node: &Node, properties: &mut Properties) {
    let title = match &cluster.rack {
        Some(Rack::TopologyLabel { key: _, through: _ }) => "Rack ID (Topology label)",
        Some(Rack::EnvironmentVariable { name: _ }) => "Rack ID (Environment variable)",
        None => return,
    };
    if node.roles.is_broker() {
        properties.section(title, [line("broker.rack", placeholder::RACK)]);
    }
}

fn quorum(input: &Input<'_>, node: &Node, properties: &mut Properties) {
    let hosts = input.controllers().map(|controller| {
        let host = names::pod_host(input.cluster, controller);
        (controller.id, format!("{host}:{CONTROL_PLANE_PORT}"))
    });
    let quorum = match input.facts.quorum {
        QuorumKind::Dynamic => {
            let hosts: Vec<_> = hosts.map(|(_, host)| host).collect();
            line("controller.quorum.bootstrap.servers", hosts.join(","))
        }
        QuorumKind::Static => {
            let voters: Vec<_> = hosts.map(|(id, host)| format!("{id}@{host}")).collect();
            line("controller.quorum.voters", voters.join(","))
        }
    };
    properties.section(
        "KRaft configuration",
        [
            line("process.roles", node.roles.process_roles()),
            line("controller.listener.names", CONTROL_PLANE_LISTENER),
            quorum,
        ],
    );
}

fn metadata_directory(pool: &Pool, node: &Node, properties: &mut Properties) {
    let volumes = pool.storage.volumes();
    let path = |mount: String| in_root(&log_directory(&mount, node));
    let metadata = volumes.iter().find(|volume| volume.metadata);
    properties.section(
        "KRaft metadata log dir configuration",
        metadata.map(|volume| line("metadata.log.dir", path(volume.mount_path()))),
    );
}

fn directories(pool: &Pool, node: &Node, properties: &mut Properties) {
    let volumes = pool.storage.volumes();
    let path = |mount: String| in_root(&log_directory(&mount, node));
    let all: Vec<_> = volumes
        .iter()
        .map(|volume| path(volume.mount_path()))
        .collect();
    properties.section(
        "Kafka message logs configuration",
        [line("log.dirs", all.join(","))],
    );
}

/// The directory for logs in a volume: `<mount>/kafka-log<id>`.
pub(crate) fn log_directory(mount: &str, node: &Node) -> String {
    format!("{mount}/kafka-log{}", node.id)
}

/// Principals of the cluster's own components, which may do everything.
fn own_principals(cluster: &Cluster) -> Vec<String> {
    let own = [
        "kafka",
        "entity-topic-operator",
        "entity-user-operator",
        "kafka-exporter",
        "cruise-control",
    ];
    let mut principals: Vec<_> = own
        .iter()
        .map(|component| format!("User:CN={}-{component},O=io.strimzi", cluster.name))
        .collect();
    principals.push("User:CN=cluster-operator,O=io.strimzi".to_owned());
    principals
}

fn authorization(cluster: &Cluster, properties: &mut Properties) {
    let (class, users) = match &cluster.authorization {
        Authorization::None => return,
        Authorization::Simple { super_users } => {
            let class = if cluster.metadata_store.speaks_zookeeper() {
                metadata_store::AUTHORIZER
            } else {
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            };
            (class, super_users)
        }
        Authorization::Custom {
            class,
            super_users,
            supports_admin_api: _,
        } => (class.as_str(), super_users),
    };
    let mut principals = own_principals(cluster);
    principals.extend(
        users
            .iter()
            .map(|user| format!("User:{}", user.strip_prefix("User:").unwrap_or(user))),
    );
    properties.section(
        "Authorization",
        [
            line("authorizer.class.name", class),
            line("super.users", principals.join(";")),
        ],
    );
}

/// How a broker reaches its own cluster: at its own listener, which needs no Service and no DNS.
fn own_cluster(input: &Input<'_>, node: &Node, prefix: &str) -> Vec<String> {
    let host = placeholder::advertised(&names::pod_host(input.cluster, node));
    let mut lines = vec![
        line(
            &format!("{prefix}bootstrap.servers"),
            format!("{host}:{REPLICATION_PORT}"),
        ),
        line(&format!("{prefix}security.protocol"), "SSL"),
    ];
    lines.extend(key_store(prefix, NODE_PEM));
    lines.extend(trust_store(prefix, CLUSTER_CA_PEM));
    lines
}

fn tiered_storage(
    input: &Input<'_>,
    node: &Node,
    tiered: &TieredStorage,
    properties: &mut Properties,
) {
    let TieredStorage {
        class_name,
        class_path,
        config,
    } = tiered;
    let mut lines = vec![
        line("remote.log.storage.system.enable", "true"),
        line("remote.log.metadata.manager.impl.prefix", "rlmm.config."),
        line(
            "remote.log.metadata.manager.class.name",
            "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        ),
        line(
            "remote.log.metadata.manager.listener.name",
            REPLICATION_LISTENER,
        ),
    ];
    lines.extend(own_cluster(
        input,
        node,
        "rlmm.config.remote.log.metadata.common.client.",
    ));
    lines.extend([
        line("remote.log.storage.manager.class.name", class_name),
        line(
            "remote.log.storage.manager.class.path",
            class_path_in_root(class_path),
        ),
        line("remote.log.storage.manager.impl.prefix", "rsm.config."),
    ]);
    lines.extend(
        config
            .iter()
            .map(|(key, value)| line(&format!("rsm.config.{key}"), value)),
    );
    properties.section("Kafka tiered storage configuration", lines);
}

/// A class path whose mounted entries are below the root; what is in the image stays.
fn class_path_in_root(class_path: &str) -> String {
    let entries = class_path
        .split(':')
        .map(|entry| match entry.strip_prefix("/mnt") {
            Some(_) => in_root(entry),
            None => entry.to_owned(),
        });
    entries.collect::<Vec<_>>().join(":")
}

fn quotas(input: &Input<'_>, node: &Node, properties: &mut Properties) {
    let Quotas::Strimzi {
        producer_byte_rate,
        consumer_byte_rate,
        min_available_bytes_per_volume,
        min_available_ratio_per_volume,
        excluded_principals,
    } = &input.cluster.quotas
    else {
        return;
    };
    let prefix = "client.quota.callback.static.";
    let property = |key: &str, value: String| line(&format!("{prefix}{key}"), value);
    let volume = "storage.per.volume.limit.min.available";
    let mut lines = vec![line(
        "client.quota.callback.class",
        "io.strimzi.kafka.quotas.StaticQuotaCallback",
    )];
    lines.extend(own_cluster(input, node, &format!("{prefix}kafka.admin.")));
    lines.extend(producer_byte_rate.map(|rate| property("produce", rate.to_string())));
    lines.extend(consumer_byte_rate.map(|rate| property("fetch", rate.to_string())));
    lines.extend(
        min_available_bytes_per_volume
            .map(|bytes| property(&format!("{volume}.bytes"), bytes.to_string())),
    );
    lines.extend(
        min_available_ratio_per_volume
            .map(|ratio| property(&format!("{volume}.ratio"), ratio.to_string())),
    );
    let name = &input.cluster.name;
    let mut excluded: Vec<_> = ["kafka", "cruise-control"]
        .iter()
        .map(|own| format!("User:CN={name}-{own},O=io.strimzi"))
        .collect();
    excluded.extend(excluded_principals.iter().cloned());
    lines.push(property("excluded.principal.name.list", excluded.join(";")));
    properties.section("Quotas configuration", lines);
}

/// Configuration providers, reporters and the user's own properties: all that may be in both hands.
fn users(cluster: &Cluster, node: &Node, properties: &mut Properties) {
    let mut own = cluster.config.clone();
    if let Metrics::StrimziReporter { allow_list } = &cluster.metrics {
        let listener = format!("http://{}:{}", placeholder::BIND, names::METRICS_PORT);
        let prefix = "prometheus.metrics.reporter.";
        properties.section(
            "Strimzi Metrics Reporter configuration",
            [
                line(&format!("{prefix}listener.enable"), "true"),
                line(&format!("{prefix}listener"), listener),
                line(&format!("{prefix}allowlist"), allow_list.join(",")),
            ],
        );
    }
    providers(own.remove("config.providers"), node, properties);
    let (reporter, yammer) = match &cluster.metrics {
        Metrics::None => (None, None),
        Metrics::JmxExporter(_) => (Some("org.apache.kafka.common.metrics.JmxReporter"), None),
        Metrics::StrimziReporter { allow_list: _ } => (
            Some("io.strimzi.kafka.metrics.KafkaPrometheusMetricsReporter"),
            Some("io.strimzi.kafka.metrics.YammerPrometheusMetricsReporter"),
        ),
    };
    for (key, class) in [
        ("metric.reporters", reporter),
        ("kafka.metrics.reporters", yammer),
    ] {
        if let Some(class) = class {
            let users = own.remove(key);
            properties.section(
                &format!("{key} configuration"),
                [line(key, joined(users, class))],
            );
        }
    }
    if !own.is_empty() {
        properties.section(
            "User provided configuration",
            own.iter().map(|(key, value)| line(key, value)),
        );
    }
}

/// The user's list with one more entry, unless it is there already.
fn joined(users: Option<String>, entry: &str) -> String {
    match users {
        Some(list) if list.split(',').any(|own| own.trim() == entry) => list,
        Some(list) if !list.trim().is_empty() => format!("{list},{entry}"),
        _ => entry.to_owned(),
    }
}

fn providers(users: Option<String>, node: &Node, properties: &mut Properties) {
    // Controllers have no users' files.
    let own = if node.roles.is_broker() {
        &PROVIDERS[..]
    } else {
        &PROVIDERS[..1]
    };
    let names = own
        .iter()
        .fold(users, |list, (name, _)| Some(joined(list, name)));
    let mut lines = vec![line("config.providers", names.unwrap_or_default())];
    for (index, (name, class)) in own.iter().enumerate() {
        let prefix = format!("config.providers.{name}.");
        lines.push(line(
            &format!("{prefix}class"),
            format!("org.apache.kafka.common.config.provider.{class}"),
        ));
        lines.push(if index == 0 {
            line(&format!("{prefix}param.allowlist.pattern"), ".*")
        } else {
            line(
                &format!("{prefix}param.allowed.paths"),
                in_root(PROVIDER_PATH),
            )
        });
    }
    properties.section("Config providers", lines);
}

/// A container path as it is written in a template.
pub(crate) fn in_root(path: &str) -> String {
    format!("{}{path}", placeholder::ROOT)
}

/// One property. A value cannot end its line early or swallow the next one.
fn line(key: &str, value: impl Display) -> String {
    let mut value = value.to_string().replace('\r', "\\r").replace('\n', "\\n");
    let backslashes = value.chars().rev().take_while(|c| *c == '\\').count();
    if !backslashes.is_multiple_of(2) {
        value.push('\\');
    }
    let key = key.replace('\r', "\\r").replace('\n', "\\n");
    format!("{key}={value}")
}
