//! Listeners: where a node binds, what it announces, whom it believes.

use std::fmt::Display;

use model::desired::{Listener, ListenerAuthentication, Node};
use model::runner::placeholder;

use super::{Properties, RUN_DIRECTORY, in_root, line};
use crate::address;
use crate::facts::Input;
use crate::names::{
    self, CONTROL_PLANE_LISTENER, CONTROL_PLANE_PORT, REPLICATION_LISTENER, REPLICATION_PORT,
};

pub(super) fn render(input: &Input<'_>, node: &Node, properties: &mut Properties) {
    let mut protocols = vec![format!("{CONTROL_PLANE_LISTENER}:SSL")];
    let mut binds = Vec::new();
    let mut advertised = Vec::new();
    let own_host = placeholder::advertised(&names::pod_host(input.cluster, node));
    properties.section(
        "Control Plane listener",
        between_nodes(CONTROL_PLANE_LISTENER),
    );
    // Where one of the brokers is the controller, it reaches the others there: ahead of the queues of clients.
    let elected = input.cluster.metadata_store.speaks_zookeeper();
    if node.roles.is_controller() || elected {
        binds.push(bind(CONTROL_PLANE_LISTENER, CONTROL_PLANE_PORT));
        advertised.push(format!(
            "{CONTROL_PLANE_LISTENER}://{own_host}:{CONTROL_PLANE_PORT}"
        ));
    }
    if node.roles.is_broker() {
        protocols.push(format!("{REPLICATION_LISTENER}:SSL"));
        binds.push(bind(REPLICATION_LISTENER, REPLICATION_PORT));
        advertised.push(format!(
            "{REPLICATION_LISTENER}://{own_host}:{REPLICATION_PORT}"
        ));
        properties.section("Replication listener", between_nodes(REPLICATION_LISTENER));
        for listener in &input.cluster.listeners {
            let name = listener.kafka_name();
            protocols.push(format!("{name}:{}", protocol(listener)));
            binds.push(bind(&name, listener.port));
            advertised.push(format!(
                "{name}://{}",
                address::advertised(input, listener, node)
            ));
            properties.section(
                &format!("Listener configuration: {name}"),
                for_clients(listener, &name),
            );
        }
    }
    let mut common = vec![
        line("listener.security.protocol.map", protocols.join(",")),
        line("listeners", binds.join(",")),
    ];
    if elected {
        common.push(line("control.plane.listener.name", CONTROL_PLANE_LISTENER));
    }
    if node.roles.is_broker() {
        common.push(line("inter.broker.listener.name", REPLICATION_LISTENER));
    }
    common.extend([
        line("advertised.listeners", advertised.join(",")),
        line("sasl.enabled.mechanisms", ""),
        line("ssl.endpoint.identification.algorithm", "HTTPS"),
    ]);
    properties.section("Common listener configuration", common);
}

fn bind(name: &str, port: u16) -> String {
    format!("{name}://{}:{port}", placeholder::BIND)
}

const fn protocol(listener: &Listener) -> &'static str {
    match (listener.tls, listener.authentication.is_sasl()) {
        (false, false) => "PLAINTEXT",
        (true, false) => "SSL",
        (false, true) => "SASL_PLAINTEXT",
        (true, true) => "SASL_SSL",
    }
}

/// A listener on which nodes and operators meet, each with a certificate of the cluster CA.
fn between_nodes(listener: &str) -> Vec<String> {
    let prefix = listener_prefix(listener);
    let mut lines = key_store(&prefix, NODE_PEM);
    lines.extend(trust_store(&prefix, CLUSTER_CA_PEM));
    lines.push(line(&format!("{prefix}ssl.client.auth"), "required"));
    lines
}

fn for_clients(listener: &Listener, name: &str) -> Vec<String> {
    let prefix = listener_prefix(name);
    let property = |key: &str, value: &dyn Display| line(&format!("{prefix}{key}"), value);
    let mut lines = Vec::new();
    match &listener.authentication {
        ListenerAuthentication::None => {}
        ListenerAuthentication::Tls => {
            lines.push(property("ssl.client.auth", &"required"));
            lines.extend(trust_store(&prefix, CLIENTS_CA_PEM));
        }
        ListenerAuthentication::ScramSha512 => {
            let module = "org.apache.kafka.common.security.scram.ScramLoginModule required ;";
            lines.push(property("scram-sha-512.sasl.jaas.config", &module));
            lines.push(property("sasl.enabled.mechanisms", &"SCRAM-SHA-512"));
        }
        ListenerAuthentication::Custom {
            sasl: _,
            listener_config,
        } => {
            lines.extend(
                listener_config
                    .iter()
                    .map(|(key, value)| property(key, value)),
            );
        }
    }
    let wish = &listener.configuration;
    lines.extend(
        wish.max_connections
            .map(|limit| property("max.connections", &limit)),
    );
    lines.extend(
        wish.max_connection_creation_rate
            .map(|limit| property("max.connection.creation.rate", &limit)),
    );
    if listener.tls {
        let own = wish.certificate.as_ref().map(|_| listener_pem(listener));
        lines.extend(key_store(&prefix, own.as_deref().unwrap_or(NODE_PEM)));
    }
    lines
}

/// The file with the node's key and certificate.
pub(crate) const NODE_PEM: &str = "/var/run/klamm/node.pem";
/// The file with the certificates of the cluster CA.
pub(crate) const CLUSTER_CA_PEM: &str = "/var/run/klamm/cluster-ca.pem";
/// The file with the certificates of the clients CA.
pub(crate) const CLIENTS_CA_PEM: &str = "/var/run/klamm/clients-ca.pem";

/// The file with the key and certificate that a user brought for a listener.
pub(crate) fn listener_pem(listener: &Listener) -> String {
    format!("{RUN_DIRECTORY}/listener-{}.pem", listener.name)
}

fn listener_prefix(listener: &str) -> String {
    format!("listener.name.{}.", listener.to_lowercase())
}

pub(super) fn key_store(prefix: &str, file: &str) -> Vec<String> {
    store(prefix, "keystore", file)
}

pub(super) fn trust_store(prefix: &str, file: &str) -> Vec<String> {
    store(prefix, "truststore", file)
}

fn store(prefix: &str, store: &str, file: &str) -> Vec<String> {
    vec![
        line(&format!("{prefix}ssl.{store}.location"), in_root(file)),
        line(&format!("{prefix}ssl.{store}.type"), "PEM"),
    ]
}
