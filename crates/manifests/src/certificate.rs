//! What the certificate of a node must name, and how certificates are recognised in annotations.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::desired::{Listener, ListenerKind, Node};
use sha2::{Digest, Sha256};

use crate::address;
use crate::facts::Input;
use crate::names;

/// Organization of every certificate that Strimzi's operands present.
pub const ORGANIZATION: &str = "io.strimzi";
/// Common name of the operator's certificate.
pub const OPERATOR_COMMON_NAME: &str = "cluster-operator";

/// Names and addresses of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateNames {
    /// DNS names.
    pub dns: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<String>,
}

/// Everything under which a node may be dialled.
///
/// `pod_address` counts only where it is a loopback one: then the Pod runs on a process node, where it is what is
/// advertised. In Kubernetes Pod addresses come and go, and certificates must not.
pub fn names(input: &Input<'_>, node: &Node, pod_address: Option<&str>) -> CertificateNames {
    let cluster = input.cluster;
    let domain = &input.settings.dns_domain;
    let mut names = CertificateNames::default();
    let services = [
        names::bootstrap_service(&cluster.name),
        names::brokers_service(&cluster.name),
    ];
    for service in &services {
        names
            .dns
            .extend(names::service_hosts(&cluster.namespace, service, domain));
    }
    names.dns.insert(names::pod_host(cluster, node));
    names
        .dns
        .insert(names::pod_host_with_domain(cluster, node, domain));
    names.add(pod_address.filter(|address| is_loopback(address)));
    if node.roles.is_broker() {
        // Controllers are not reached by clients, so that a new external name need not concern them.
        let services = input.facts.service_addresses.iter().map(String::as_str);
        names.add(services.filter(|address| is_loopback(address)));
        for listener in cluster.listeners.iter().filter(|listener| listener.tls) {
            names.add_listener(input, listener, node);
        }
    }
    names
}

/// Common name of the nodes' certificates: `<cluster>-kafka`.
pub fn node_common_name(input: &Input<'_>) -> String {
    names::component(&input.cluster.name)
}

/// The first 8 hex digits of SHA-256: enough to see that something changed.
pub fn short_hash(text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    digest.chars().take(8).collect()
}

/// Whether it is an address that only this machine reaches.
fn is_loopback(address: &str) -> bool {
    address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

impl CertificateNames {
    fn add<'a>(&mut self, hosts: impl IntoIterator<Item = &'a str>) {
        for host in hosts {
            if host.parse::<IpAddr>().is_ok() {
                self.addresses.insert(host.to_owned());
            } else {
                self.dns.insert(host.to_owned());
            }
        }
    }

    fn add_listener(&mut self, input: &Input<'_>, listener: &Listener, node: &Node) {
        let cluster = input.cluster;
        let wish = &listener.configuration;
        self.add(wish.bootstrap.alternative_names.iter().map(String::as_str));
        self.add(address::fixed_host(input, listener, node).as_deref());
        if let Some(seen) = input.facts.addresses.get(&listener.name) {
            self.add(seen.bootstrap.iter().map(String::as_str));
            self.add(
                seen.brokers
                    .get(&node.id)
                    .and_then(|address| address.host.as_deref()),
            );
        }
        match listener.kind {
            ListenerKind::Internal | ListenerKind::NodePort | ListenerKind::LoadBalancer => {}
            ListenerKind::ClusterIp => {
                let domain = &input.settings.dns_domain;
                let bootstrap = names::listener_bootstrap_service(&cluster.name, listener);
                self.dns
                    .extend(names::service_hosts(&cluster.namespace, &bootstrap, domain));
                let own = names::listener_broker(&cluster.name, listener, node);
                self.dns
                    .insert(names::service_host(&cluster.namespace, &own));
                self.dns.insert(names::service_host_with_domain(
                    &cluster.namespace,
                    &own,
                    domain,
                ));
            }
            ListenerKind::Ingress | ListenerKind::Route | ListenerKind::TlsRoute => {
                self.add(wish.bootstrap.host.as_deref());
                self.add(address::exposure_host(input, listener, node).as_deref());
            }
        }
    }
}
