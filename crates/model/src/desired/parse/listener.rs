//! `spec.kafka.listeners`: names, ports, and what goes with which type.
//!
//! Source of the rules: Strimzi's `ListenersValidator`.

use std::collections::{BTreeMap, BTreeSet};

use resources::listener::{self as given, ListenerAuthenticationType, ListenerType};

use super::listener_configuration;
use super::report::Report;
use super::{config, text};
use crate::desired::{
    Listener, ListenerAuthentication, ListenerConfiguration, ListenerKind, NodeId,
};
use crate::problem::WarningReason;

const PATH: &str = "spec.kafka.listeners";
/// Ports below belong to the system, the control plane (9090) and replication (9091).
const LOWEST_PORT: u16 = 9092;
/// Metrics and JMX.
const TAKEN_PORTS: [u16; 2] = [9404, 9999];
const PORTS: &str =
    "9092 to 65535 without 9404 (metrics) and 9999 (JMX), unique among the listeners";

/// The listeners that can be understood, in the user's order.
///
/// `brokers` are the node ids that brokers have or will get.
pub(super) fn parse(
    given: &[given::Listener],
    brokers: &BTreeSet<NodeId>,
    report: &mut Report,
) -> Vec<Listener> {
    if given.is_empty() {
        let example = "[{name: plain, port: 9092, type: internal, tls: false}]";
        report.missing(PATH, "at least one listener", example);
    }
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    let mut listeners = Vec::new();
    for (index, given) in given.iter().enumerate() {
        let path = format!("{PATH}[{index}]");
        if !names.insert(&given.name) {
            report.duplicate(
                &format!("{path}.name"),
                &given.name,
                "a name that no other listener has",
                "",
            );
        }
        if !ports.insert(given.port) {
            let free = free_port(&ports);
            report.duplicate(
                &format!("{path}.port"),
                given.port,
                PORTS,
                &free.to_string(),
            );
        }
        if let Some(listener) = listener(&path, given, brokers, report) {
            listeners.push(listener);
        }
    }
    listeners
}

fn free_port(taken: &BTreeSet<i32>) -> i32 {
    (i32::from(LOWEST_PORT)..=i32::from(u16::MAX))
        .find(|port| !taken.contains(port))
        .unwrap_or_default()
}

fn listener(
    path: &str,
    given: &given::Listener,
    brokers: &BTreeSet<NodeId>,
    report: &mut Report,
) -> Option<Listener> {
    let given::Listener {
        name,
        port,
        kind,
        tls,
        authentication: auth,
        configuration,
        network_policy_peers,
    } = given;
    let kind = listener_kind(*kind);
    let name = match name.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let error: crate::desired::NameError = error;
            report.invalid(&format!("{path}.name"), name, error.allowed, "plain");
            None
        }
    };
    let port = port_number(&format!("{path}.port"), *port, report);
    let tls_only = matches!(kind, ListenerKind::Route | ListenerKind::Ingress);
    if tls_only && !tls {
        let allowed = format!("`true`, because the type `{}` passes TLS on", kind.as_str());
        report.conflict(&format!("{path}.tls"), "false", &allowed, "true");
    }
    if kind == ListenerKind::Ingress {
        let message = "type `ingress` is deprecated: use `tlsroute`, `loadbalancer` or `nodeport`.";
        report.warn(
            WarningReason::DeprecatedObjects,
            &format!("{path}.type"),
            message,
        );
    }
    let authentication = authentication(path, auth.as_ref(), *tls, report);
    let configuration = match configuration {
        Some(configuration) => {
            listener_configuration::parse(path, kind, *tls, configuration, report)
        }
        None => ListenerConfiguration::default(),
    };
    hosts(path, kind, &configuration, brokers, report);
    Some(Listener {
        name: name?,
        port: port?,
        kind,
        tls: *tls,
        authentication,
        network_policy_peers: network_policy_peers.clone().unwrap_or_default(),
        configuration,
    })
}

fn listener_kind(given: ListenerType) -> ListenerKind {
    match given {
        ListenerType::Internal => ListenerKind::Internal,
        ListenerType::Route => ListenerKind::Route,
        ListenerType::TlsRoute => ListenerKind::TlsRoute,
        ListenerType::LoadBalancer => ListenerKind::LoadBalancer,
        ListenerType::NodePort => ListenerKind::NodePort,
        ListenerType::Ingress => ListenerKind::Ingress,
        ListenerType::ClusterIp => ListenerKind::ClusterIp,
    }
}

fn port_number(field: &str, port: i32, report: &mut Report) -> Option<u16> {
    let number = u16::try_from(port)
        .ok()
        .filter(|port| *port >= LOWEST_PORT && !TAKEN_PORTS.contains(port));
    if number.is_none() {
        report.invalid(field, port, PORTS, "9092");
    }
    number
}

fn authentication(
    path: &str,
    given: Option<&given::ListenerAuthentication>,
    tls: bool,
    report: &mut Report,
) -> ListenerAuthentication {
    let Some(given::ListenerAuthentication {
        kind,
        sasl,
        listener_config,
    }) = given
    else {
        return ListenerAuthentication::None;
    };
    let path = format!("{path}.authentication");
    if *kind != ListenerAuthenticationType::Custom {
        for (name, set) in [
            ("sasl", sasl.is_some()),
            ("listenerConfig", listener_config.is_some()),
        ] {
            if set {
                report.meaningless(
                    &format!("{path}.{name}"),
                    &format!("the type is `{}`", text(kind)),
                );
            }
        }
    }
    match kind {
        ListenerAuthenticationType::Tls => {
            if !tls {
                let allowed = "`scram-sha-512` or `custom`, because the listener has `tls: false`";
                report.conflict(&format!("{path}.type"), "tls", allowed, "scram-sha-512");
            }
            ListenerAuthentication::Tls
        }
        ListenerAuthenticationType::ScramSha512 => ListenerAuthentication::ScramSha512,
        ListenerAuthenticationType::Custom => {
            let field = format!("{path}.listenerConfig");
            let listener_config: BTreeMap<String, String> =
                config::properties(&field, listener_config.as_ref(), report);
            for (key, value) in listener_config
                .iter()
                .filter(|(key, _)| key.to_lowercase().starts_with("ssl.keystore."))
            {
                let allowed = "brokerCertChainAndKey in the listener's configuration";
                report.forbidden(&format!("{field}[\"{key}\"]"), value, allowed, "");
            }
            ListenerAuthentication::Custom {
                sasl: sasl.unwrap_or(false),
                listener_config,
            }
        }
    }
}

/// Host names that Ingresses and `TLSRoutes` cannot do without, and settings for brokers that there are not.
fn hosts(
    path: &str,
    kind: ListenerKind,
    configuration: &ListenerConfiguration,
    brokers: &BTreeSet<NodeId>,
    report: &mut Report,
) {
    let path = format!("{path}.configuration");
    // Without any broker the pools are not at hand, or that is the problem.
    for id in configuration
        .brokers
        .keys()
        .filter(|id| !brokers.is_empty() && !brokers.contains(id))
    {
        let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
        let message = format!(
            "is about broker {id}, which there is not; the brokers are {}.",
            ids.join(", ")
        );
        report.warn(
            WarningReason::FieldNotActedOn,
            &format!("{path}.brokers"),
            message,
        );
    }
    if !matches!(kind, ListenerKind::Ingress | ListenerKind::TlsRoute) {
        return;
    }
    let because = format!("because the type is `{}`", kind.as_str());
    if kind == ListenerKind::TlsRoute && configuration.parent_refs.is_empty() {
        let allowed = format!("the Gateway that routes attach to, {because}");
        report.missing(
            &format!("{path}.parentRefs"),
            &allowed,
            "[{name: my-gateway, sectionName: kafka}]",
        );
    }
    if configuration.bootstrap.host.is_none() {
        let allowed = format!("a host name, {because}");
        report.missing(
            &format!("{path}.bootstrap.host"),
            &allowed,
            "bootstrap.example.com",
        );
    }
    if configuration.host_template.is_some() {
        return;
    }
    let without: Vec<String> = brokers
        .iter()
        .filter(|id| {
            configuration
                .brokers
                .get(id)
                .is_none_or(|broker| broker.host.is_none())
        })
        .map(ToString::to_string)
        .collect();
    if !without.is_empty() {
        let allowed = format!(
            "a host name for each broker, {because} (or one in `brokers` for each of {})",
            without.join(", ")
        );
        report.missing(
            &format!("{path}.hostTemplate"),
            &allowed,
            "broker-{nodeId}.example.com",
        );
    }
}
