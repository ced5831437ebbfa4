//! Addresses from outside: which nodes must wait for them, and where listeners are reached.

use manifests::address;
use model::desired::{Listener, ListenerKind};
use resources::cluster::{ListenerAddress, ListenerStatus};

use crate::cluster::node::NodeView;
use crate::cluster::render::{Renderer, load_balancer, node_port};
use crate::cluster::view::{PodSeen, View};
use crate::note::Note;

/// The object whose address a node must announce and does not know yet.
///
/// On process nodes nothing outside gives addresses, and brokers announce their own: there nobody waits.
pub(crate) fn missing_address(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    node: &NodeView<'_>,
) -> Option<String> {
    if is_local(view) {
        return None;
    }
    let desired = node.desired()?;
    let input = renderer.input();
    let listener = address::missing(&input, &desired).into_iter().next()?;
    let kind = match listener.kind {
        ListenerKind::Internal
        | ListenerKind::ClusterIp
        | ListenerKind::NodePort
        | ListenerKind::LoadBalancer => "Service",
        ListenerKind::Ingress => "Ingress",
        ListenerKind::Route => "Route",
        ListenerKind::TlsRoute => "TLSRoute",
    };
    let name = manifests::names::listener_broker(&renderer.cluster.name, listener, &desired);
    Some(format!("{kind}/{name}"))
}

/// Whether this is one machine without Kubernetes: Services or Pods have loopback addresses.
pub(crate) fn is_local(view: &View<'_>) -> bool {
    let services = view.world.services.value();
    let services = services.into_iter().flat_map(|services| services.values());
    let mut addresses = services.filter_map(|service| service.cluster_ip.as_deref());
    addresses.any(|address| address.starts_with("127."))
        || view
            .pods
            .values()
            .any(model::observed::pod::Pod::on_process_node)
}

/// What cannot be reached where this cluster runs.
pub(crate) fn notes(view: &View<'_>, renderer: &Renderer<'_>) -> Vec<Note> {
    if !is_local(view) {
        return Vec::new();
    }
    let listeners = renderer.cluster.listeners.iter().enumerate();
    let unreachable = listeners.filter(|(_, listener)| match listener.kind {
        ListenerKind::Internal | ListenerKind::ClusterIp => false,
        ListenerKind::NodePort
        | ListenerKind::LoadBalancer
        | ListenerKind::Ingress
        | ListenerKind::Route
        | ListenerKind::TlsRoute => true,
    });
    unreachable
        .map(|(index, listener)| Note {
            reason: model::problem::WarningReason::ListenerNotReachable
                .as_str()
                .to_owned(),
            message: format!(
                "spec.kafka.listeners[{index}]: on one machine nothing outside reaches a listener of type {}; \
                 listener {} is reached from this machine, at the addresses in status.listeners",
                listener.kind.as_str(),
                listener.name
            ),
        })
        .collect()
}

/// `status.listeners`: where each listener is reached now. One that is reached nowhere is left out.
pub(crate) fn status(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
) -> Vec<ListenerStatus> {
    let listeners = renderer.cluster.listeners.iter();
    let listeners = listeners.filter_map(|listener| {
        let addresses = addresses(view, renderer, nodes, listener);
        let pairs: Vec<String> = addresses
            .iter()
            .filter_map(|address| Some(format!("{}:{}", address.host.as_ref()?, address.port?)))
            .collect();
        let certificates = listener.tls.then(|| certificates(view, renderer, listener));
        (!addresses.is_empty()).then(|| ListenerStatus {
            name: Some(listener.name.to_string()),
            addresses: Some(addresses),
            bootstrap_servers: Some(pairs.join(",")),
            certificates: certificates.filter(|all| !all.is_empty()),
        })
    });
    listeners.collect()
}

fn addresses(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    listener: &Listener,
) -> Vec<ListenerAddress> {
    if is_local(view) {
        return local_addresses(view, renderer, nodes, listener);
    }
    let at = |host: String, port: u16| ListenerAddress {
        host: Some(host),
        port: Some(i32::from(port)),
    };
    let service = manifests::names::listener_bootstrap_service(&renderer.cluster.name, listener);
    match listener.kind {
        ListenerKind::Internal | ListenerKind::ClusterIp => {
            vec![at(
                address::bootstrap_host(&renderer.input(), listener),
                listener.port,
            )]
        }
        ListenerKind::LoadBalancer => {
            let hosts = if listener.configuration.no_bootstrap_service {
                brokers(renderer, listener)
            } else {
                load_balancer(view, &service)
            };
            hosts
                .into_iter()
                .map(|host| at(host, listener.port))
                .collect()
        }
        ListenerKind::NodePort => {
            let Some(port) = node_port(view, &service, &manifests::names::port_name(listener))
            else {
                return Vec::new();
            };
            let mut hosts = node_hosts(view, nodes, listener);
            hosts.sort();
            hosts.dedup();
            hosts.into_iter().map(|host| at(host, port)).collect()
        }
        ListenerKind::Ingress => exposed(renderer, listener, address::INGRESS_PORT),
        ListenerKind::Route | ListenerKind::TlsRoute => {
            exposed(renderer, listener, address::ROUTE_PORT)
        }
    }
}

/// On process nodes: the bootstrap Service's loopback address, then the brokers' own.
///
/// A Kubernetes with process nodes gives Services addresses that nothing on such a node answers: they are left out.
fn local_addresses(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    listener: &Listener,
) -> Vec<ListenerAddress> {
    let mut hosts = Vec::new();
    for node in nodes.iter().filter(|node| node.node.roles.is_broker()) {
        if let PodSeen::Present(pod) = node.pod {
            hosts.extend(pod.pod_ip.clone());
        }
    }
    let service = manifests::names::listener_bootstrap_service(&renderer.cluster.name, listener);
    let services = view.world.services.value();
    let service = services.and_then(|services| services.get(&service));
    let reachable = service
        .and_then(|service| service.cluster_ip.clone())
        .filter(|address| address.starts_with("127."));
    if let (Some(ip), false) = (reachable, hosts.is_empty()) {
        hosts.insert(0, ip);
    }
    hosts
        .into_iter()
        .map(|host| ListenerAddress {
            host: Some(host),
            port: Some(i32::from(listener.port)),
        })
        .collect()
}

/// Hosts of the Kubernetes nodes on which brokers run.
fn node_hosts(view: &View<'_>, nodes: &[NodeView<'_>], listener: &Listener) -> Vec<String> {
    /// The order in which Strimzi tries the kinds of addresses.
    const KINDS: [&str; 5] = [
        "ExternalDNS",
        "ExternalIP",
        "InternalDNS",
        "InternalIP",
        "Hostname",
    ];
    let preferred = listener
        .configuration
        .preferred_node_port_address_type
        .as_deref();
    let machines = view.world.nodes.value();
    let mut hosts = Vec::new();
    for node in nodes.iter().filter(|node| node.node.roles.is_broker()) {
        let PodSeen::Present(pod) = node.pod else {
            continue;
        };
        let machine = pod.node_name.as_ref();
        let machine = machine.and_then(|name| machines.and_then(|machines| machines.get(name)));
        let mut kinds = preferred.into_iter().chain(KINDS);
        let address =
            machine.and_then(|machine| kinds.find_map(|kind| machine.addresses.get(kind)).cloned());
        hosts.extend(address.or_else(|| pod.host_ip.clone()));
    }
    hosts
}

fn exposed(renderer: &Renderer<'_>, listener: &Listener, port: u16) -> Vec<ListenerAddress> {
    let seen = renderer.facts.addresses.get(&listener.name);
    let mut hosts: Vec<String> = seen
        .into_iter()
        .flat_map(|seen| seen.bootstrap.iter().cloned())
        .collect();
    if hosts.is_empty() {
        hosts.extend(listener.configuration.bootstrap.host.clone());
    }
    hosts
        .into_iter()
        .map(|host| ListenerAddress {
            host: Some(host),
            port: Some(i32::from(port)),
        })
        .collect()
}

fn brokers(renderer: &Renderer<'_>, listener: &Listener) -> Vec<String> {
    let seen = renderer.facts.addresses.get(&listener.name);
    let brokers = seen.into_iter().flat_map(|seen| seen.brokers.values());
    brokers.filter_map(|address| address.host.clone()).collect()
}

/// Certificates to trust: the user's own for the listener, else the cluster CA's.
fn certificates(view: &View<'_>, renderer: &Renderer<'_>, listener: &Listener) -> Vec<String> {
    if let Some(own) = &listener.configuration.certificate {
        let secret = view.secret(&own.secret);
        let certificate = secret.and_then(|secret| secret.certificates.get(&own.certificate));
        return certificate
            .map(|certificate| certificate.pem.clone())
            .into_iter()
            .collect();
    }
    let name = format!("{}-cluster-ca-cert", renderer.cluster.name);
    let secret = view.secret(&name);
    let certificates = secret
        .into_iter()
        .flat_map(|secret| secret.certificates.values());
    certificates
        .map(|certificate| certificate.pem.clone())
        .collect()
}
