//! `configuration` of a listener: what each type knows, and nothing else.

use std::collections::BTreeMap;

use resources::listener as given;

use super::report::Report;
use super::text;
use crate::desired::{
    BootstrapOverride, BrokerOverride, CertificateReference, ListenerConfiguration, ListenerKind,
    NodeId,
};

use ListenerKind::{ClusterIp, Ingress, Internal, LoadBalancer, NodePort, Route, TlsRoute};

const OUTSIDE: [ListenerKind; 6] = [ClusterIp, NodePort, LoadBalancer, Ingress, Route, TlsRoute];
const WITH_HOSTS: [ListenerKind; 3] = [Route, Ingress, TlsRoute];
const WITH_NODE_PORTS: [ListenerKind; 2] = [NodePort, LoadBalancer];

/// The configuration of a listener of type `kind`.
pub(super) fn parse(
    listener: &str,
    kind: ListenerKind,
    tls: bool,
    given: &given::ListenerConfiguration,
    report: &mut Report,
) -> ListenerConfiguration {
    let path = format!("{listener}.configuration");
    only_where_known(&path, kind, given, report);
    let given::ListenerConfiguration {
        broker_cert_chain_and_key,
        class,
        external_traffic_policy,
        load_balancer_source_ranges,
        bootstrap: bootstrap_given,
        brokers,
        ip_family_policy,
        ip_families,
        create_bootstrap_service,
        finalizers,
        use_service_dns_domain,
        max_connections,
        max_connection_creation_rate,
        preferred_node_port_address_type,
        publish_not_ready_addresses,
        per_broker_annotations_template,
        per_broker_labels_template,
        host_template,
        advertised_host_template,
        advertised_port_template,
        allocate_load_balancer_node_ports,
        parent_refs,
    } = given;
    if let Some(template) = advertised_port_template {
        port_template(&format!("{path}.advertisedPortTemplate"), template, report);
    }
    let node_port = bootstrap_given.as_ref().and_then(|given| given.node_port);
    port(&format!("{path}.bootstrap.nodePort"), node_port, report);
    ListenerConfiguration {
        certificate: broker_cert_chain_and_key
            .as_ref()
            .map(|given| certificate(&path, given, tls, report)),
        class: class.clone(),
        external_traffic_policy: external_traffic_policy.map(text),
        load_balancer_source_ranges: load_balancer_source_ranges.clone().unwrap_or_default(),
        bootstrap: bootstrap_given.as_ref().map(bootstrap).unwrap_or_default(),
        brokers: broker_overrides(&path, brokers.as_deref().unwrap_or_default(), report),
        ip_family_policy: ip_family_policy.map(text),
        ip_families: ip_families.iter().flatten().map(text).collect(),
        no_bootstrap_service: *create_bootstrap_service == Some(false),
        finalizers: finalizers.clone().unwrap_or_default(),
        use_service_dns_domain: use_service_dns_domain.unwrap_or(false),
        max_connections: *max_connections,
        max_connection_creation_rate: *max_connection_creation_rate,
        preferred_node_port_address_type: preferred_node_port_address_type.map(text),
        publish_not_ready_addresses: publish_not_ready_addresses.unwrap_or(false),
        per_broker_annotations: per_broker_annotations_template.clone().unwrap_or_default(),
        per_broker_labels: per_broker_labels_template.clone().unwrap_or_default(),
        host_template: host_template.clone(),
        advertised_host_template: advertised_host_template.clone(),
        advertised_port_template: advertised_port_template.clone(),
        no_load_balancer_node_ports: *allocate_load_balancer_node_ports == Some(false),
        parent_refs: parent_refs
            .iter()
            .flatten()
            .filter_map(|parent| serde_json::to_value(parent).ok())
            .collect(),
    }
}

/// A field, whether it is set, and the types that know it.
type Known = (&'static str, bool, &'static [ListenerKind]);

/// Fields that only some types know are refused for the others, as Strimzi refuses them.
fn only_where_known(
    path: &str,
    kind: ListenerKind,
    given: &given::ListenerConfiguration,
    report: &mut Report,
) {
    let mut refuse = |prefix: &str, fields: &[Known]| {
        for (name, _, known) in fields
            .iter()
            .filter(|(_, set, known)| *set && !known.contains(&kind))
        {
            let known: Vec<String> = known
                .iter()
                .map(|kind| format!("`{}`", kind.as_str()))
                .collect();
            let allowed = format!("this field only with type {}", known.join(", "));
            let given = format!("a listener of type `{}`", kind.as_str());
            report.conflict(&format!("{path}.{prefix}{name}"), given, &allowed, "");
        }
    };
    refuse("", &known_fields(given));
    if let Some(bootstrap) = &given.bootstrap {
        refuse("bootstrap.", &known_bootstrap_fields(bootstrap));
    }
    for (index, broker) in given.brokers.iter().flatten().enumerate() {
        refuse(&format!("brokers[{index}]."), &known_broker_fields(broker));
    }
}

fn known_fields(given: &given::ListenerConfiguration) -> [Known; 15] {
    [
        (
            "useServiceDnsDomain",
            given.use_service_dns_domain.is_some(),
            &[Internal, ClusterIp],
        ),
        ("ipFamilyPolicy", given.ip_family_policy.is_some(), &OUTSIDE),
        ("ipFamilies", given.ip_families.is_some(), &OUTSIDE),
        ("class", given.class.is_some(), &[Ingress, LoadBalancer]),
        (
            "externalTrafficPolicy",
            given.external_traffic_policy.is_some(),
            &WITH_NODE_PORTS,
        ),
        (
            "loadBalancerSourceRanges",
            filled(given.load_balancer_source_ranges.as_ref()),
            &[LoadBalancer],
        ),
        (
            "allocateLoadBalancerNodePorts",
            given.allocate_load_balancer_node_ports.is_some(),
            &[LoadBalancer],
        ),
        (
            "finalizers",
            filled(given.finalizers.as_ref()),
            &[LoadBalancer],
        ),
        (
            "preferredNodePortAddressType",
            given.preferred_node_port_address_type.is_some(),
            &[NodePort],
        ),
        (
            "publishNotReadyAddresses",
            given.publish_not_ready_addresses.is_some(),
            &OUTSIDE,
        ),
        (
            "createBootstrapService",
            given.create_bootstrap_service == Some(false),
            &[LoadBalancer],
        ),
        ("hostTemplate", given.host_template.is_some(), &WITH_HOSTS),
        (
            "perBrokerLabelsTemplate",
            any(given.per_broker_labels_template.as_ref()),
            &OUTSIDE,
        ),
        (
            "perBrokerAnnotationsTemplate",
            any(given.per_broker_annotations_template.as_ref()),
            &OUTSIDE,
        ),
        ("parentRefs", given.parent_refs.is_some(), &[TlsRoute]),
    ]
}

fn known_bootstrap_fields(given: &given::ListenerBootstrap) -> [Known; 6] {
    [
        ("host", given.host.is_some(), &WITH_HOSTS),
        (
            "loadBalancerIP",
            given.load_balancer_ip.is_some(),
            &[LoadBalancer],
        ),
        ("nodePort", given.node_port.is_some(), &WITH_NODE_PORTS),
        ("externalIPs", given.external_ips.is_some(), &[NodePort]),
        ("labels", any(given.labels.as_ref()), &OUTSIDE),
        ("annotations", any(given.annotations.as_ref()), &OUTSIDE),
    ]
}

fn known_broker_fields(given: &given::ListenerBroker) -> [Known; 6] {
    [
        ("host", given.host.is_some(), &WITH_HOSTS),
        (
            "loadBalancerIP",
            given.load_balancer_ip.is_some(),
            &[LoadBalancer],
        ),
        ("nodePort", given.node_port.is_some(), &WITH_NODE_PORTS),
        ("externalIPs", given.external_ips.is_some(), &[NodePort]),
        ("labels", any(given.labels.as_ref()), &OUTSIDE),
        ("annotations", any(given.annotations.as_ref()), &OUTSIDE),
    ]
}

fn filled(list: Option<&Vec<String>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn any(map: Option<&BTreeMap<String, String>>) -> bool {
    map.is_some_and(|map| !map.is_empty())
}

fn certificate(
    path: &str,
    given: &given::CertificateAndKey,
    tls: bool,
    report: &mut Report,
) -> CertificateReference {
    let path = format!("{path}.brokerCertChainAndKey");
    let given::CertificateAndKey {
        secret_name,
        certificate,
        key,
    } = given;
    if !tls {
        report.conflict(
            &path,
            secret_name,
            "no certificate, because the listener has `tls: false`",
            "",
        );
    }
    for (name, value, example) in [
        ("secretName", secret_name, "my-secret"),
        ("certificate", certificate, "tls.crt"),
        ("key", key, "tls.key"),
    ] {
        if value.is_empty() {
            report.invalid(
                &format!("{path}.{name}"),
                value,
                "text that is not empty",
                example,
            );
        }
    }
    CertificateReference {
        secret: secret_name.clone(),
        certificate: certificate.clone(),
        key: key.clone(),
    }
}

fn bootstrap(given: &given::ListenerBootstrap) -> BootstrapOverride {
    let given::ListenerBootstrap {
        alternative_names,
        host,
        node_port,
        load_balancer_ip,
        annotations,
        labels,
        external_ips,
    } = given.clone();
    BootstrapOverride {
        alternative_names: alternative_names.unwrap_or_default(),
        host,
        node_port,
        load_balancer_ip,
        annotations: annotations.unwrap_or_default(),
        labels: labels.unwrap_or_default(),
        external_ips: external_ips.unwrap_or_default(),
    }
}

fn broker_overrides(
    path: &str,
    given: &[given::ListenerBroker],
    report: &mut Report,
) -> BTreeMap<NodeId, BrokerOverride> {
    let mut brokers = BTreeMap::new();
    for (index, broker) in given.iter().enumerate() {
        let given::ListenerBroker {
            broker,
            advertised_host,
            advertised_port,
            host,
            node_port,
            load_balancer_ip,
            annotations,
            labels,
            external_ips,
        } = broker.clone();
        let at = format!("{path}.brokers[{index}]");
        port(&format!("{at}.advertisedPort"), advertised_port, report);
        port(&format!("{at}.nodePort"), node_port, report);
        let settings = BrokerOverride {
            advertised_host,
            advertised_port,
            host,
            node_port,
            load_balancer_ip,
            annotations: annotations.unwrap_or_default(),
            labels: labels.unwrap_or_default(),
            external_ips: external_ips.unwrap_or_default(),
        };
        if brokers.insert(NodeId(broker), settings).is_some() {
            report.duplicate(
                &format!("{path}.brokers[{index}].broker"),
                broker,
                "each broker once",
                "",
            );
        }
    }
    brokers
}

/// Sums, differences and products of numbers and `{nodeId}`.
fn port_template(field: &str, template: &str, report: &mut Report) {
    let terms = template.replace("{nodeId}", "0");
    let sound = terms.split(['+', '-', '*']).all(|term| {
        !term.trim().is_empty() && term.trim().chars().all(|char| char.is_ascii_digit())
    });
    if !sound {
        report.invalid(
            field,
            template,
            "numbers and `{nodeId}`, joined by `+`, `-` or `*`",
            "9000 + {nodeId}",
        );
    }
}

/// A port that there can be.
fn port(field: &str, given: Option<i32>, report: &mut Report) {
    if let Some(given) = given.filter(|given| !(1..=65_535).contains(given)) {
        report.invalid(field, given, "a port from 1 to 65535", "32100");
    }
}
