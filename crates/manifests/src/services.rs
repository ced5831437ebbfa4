//! Services: for first contact, for the names of Pods, and one per broker where a listener needs it.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use model::desired::{Jmx, Listener, ListenerAuthentication, ListenerKind, MetadataTemplate, Node};

use crate::facts::Input;
use crate::labels::{self, Component, Map};
use crate::names;
use crate::template;

/// Label and annotation by which clients find bootstrap Services.
const DISCOVERY: &str = "strimzi.io/discovery";

/// All Services of a cluster, sorted by purpose, listener, node.
pub fn render(input: &Input<'_>) -> Vec<Service> {
    let mut services = vec![bootstrap(input), brokers(input)];
    for listener in &input.cluster.listeners {
        if listener.kind == ListenerKind::Internal {
            continue;
        }
        if !listener.configuration.no_bootstrap_service {
            services.push(listener_bootstrap(input, listener));
        }
        services.extend(
            input
                .brokers()
                .map(|node| listener_broker(input, listener, node)),
        );
    }
    services
}

/// `<cluster>-kafka-bootstrap`.
fn bootstrap(input: &Input<'_>) -> Service {
    let cluster = input.cluster;
    let template = &cluster.template.bootstrap_service;
    let mut labels = labels::with_template(
        labels::cluster_labels(cluster, Component::Kafka),
        &template.metadata,
    );
    labels.insert(DISCOVERY.to_owned(), "true".to_owned());
    let discovery = labels::map([(DISCOVERY, discovery(&cluster.listeners))]);
    let annotations = labels::merged([&discovery, &template.metadata.annotations]);
    let mut ports = vec![port(names::REPLICATION_PORT_NAME, names::REPLICATION_PORT)];
    ports.extend(internal_ports(input));
    Service {
        metadata: labels::metadata(
            input,
            names::bootstrap_service(&cluster.name),
            labels,
            annotations,
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(labels::broker_selector(cluster)),
            ports: Some(ports),
            ip_family_policy: template.ip_family_policy.clone(),
            ip_families: template.ip_families.clone(),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// `<cluster>-kafka-brokers`.
fn brokers(input: &Input<'_>) -> Service {
    let cluster = input.cluster;
    let template = &cluster.template.brokers_service;
    let labels = labels::with_template(
        labels::cluster_labels(cluster, Component::Kafka),
        &template.metadata,
    );
    let mut ports = vec![
        port(names::CONTROL_PLANE_PORT_NAME, names::CONTROL_PLANE_PORT),
        port(names::REPLICATION_PORT_NAME, names::REPLICATION_PORT),
        port(names::RUNNER_PORT_NAME, names::RUNNER_PORT),
    ];
    ports.extend(internal_ports(input));
    match cluster.jmx {
        Jmx::Closed => {}
        Jmx::Open | Jmx::Password => ports.push(port(names::JMX_PORT_NAME, names::JMX_PORT)),
    }
    let annotations = template.metadata.annotations.clone();
    Service {
        metadata: labels::metadata(
            input,
            names::brokers_service(&cluster.name),
            labels,
            annotations,
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            selector: Some(labels::selector(cluster)),
            ports: Some(ports),
            // Nodes must find each other before any of them is ready.
            publish_not_ready_addresses: Some(true),
            ip_family_policy: template.ip_family_policy.clone(),
            ip_families: template.ip_families.clone(),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// The Service for first contact through an external listener.
fn listener_bootstrap(input: &Input<'_>, listener: &Listener) -> Service {
    let cluster = input.cluster;
    let wish = &listener.configuration.bootstrap;
    let outside = Outside {
        listener,
        name: names::listener_bootstrap_service(&cluster.name, listener),
        labels: labels::cluster_labels(cluster, Component::Kafka),
        selector: labels::broker_selector(cluster),
        template: &cluster.template.external_bootstrap_service,
        own_labels: wish.labels.clone(),
        own_annotations: wish.annotations.clone(),
        node_port: wish.node_port,
        load_balancer_ip: wish.load_balancer_ip.clone(),
        external_ips: wish.external_ips.clone(),
    };
    external(input, outside)
}

/// The Service of one broker for an external listener.
fn listener_broker(input: &Input<'_>, listener: &Listener, node: &Node) -> Service {
    let cluster = input.cluster;
    let pool = input.pool(node);
    let wish = listener.broker(node.id).cloned().unwrap_or_default();
    let outside = Outside {
        listener,
        name: names::listener_broker(&cluster.name, listener, node),
        labels: labels::node_labels(cluster, pool, node),
        selector: labels::node_selector(cluster, node),
        template: template::node_templates(cluster, pool).per_pod_service,
        own_labels: broker_labels(input, listener, node),
        own_annotations: broker_annotations(input, listener, node),
        node_port: wish.node_port,
        load_balancer_ip: wish.load_balancer_ip,
        external_ips: wish.external_ips,
    };
    external(input, outside)
}

/// What differs between the Services of an external listener.
struct Outside<'a> {
    listener: &'a Listener,
    name: String,
    labels: Map,
    selector: Map,
    template: &'a MetadataTemplate,
    own_labels: Map,
    own_annotations: Map,
    node_port: Option<i32>,
    load_balancer_ip: Option<String>,
    external_ips: Vec<String>,
}

fn external(input: &Input<'_>, outside: Outside<'_>) -> Service {
    let listener = outside.listener;
    let wish = &listener.configuration;
    let name = names::port_name(listener);
    let labels = labels::with_labels(
        outside.labels,
        &labels::merged([&outside.own_labels, &outside.template.labels]),
    );
    let annotations = labels::merged([&outside.own_annotations, &outside.template.annotations]);
    let mut metadata = labels::metadata(input, outside.name, labels, annotations);
    let load_balancer = listener.kind == ListenerKind::LoadBalancer;
    let from_outside = load_balancer || listener.kind == ListenerKind::NodePort;
    if load_balancer && !wish.finalizers.is_empty() {
        metadata.finalizers = Some(wish.finalizers.clone());
    }
    let spec = ServiceSpec {
        type_: Some(service_type(listener.kind).to_owned()),
        selector: Some(outside.selector),
        ports: Some(vec![ServicePort {
            node_port: outside.node_port,
            ..port(&name, listener.port)
        }]),
        ip_family_policy: wish.ip_family_policy.clone(),
        ip_families: some(&wish.ip_families),
        publish_not_ready_addresses: wish.publish_not_ready_addresses.then_some(true),
        load_balancer_ip: outside.load_balancer_ip.filter(|_| load_balancer),
        load_balancer_source_ranges: some(&wish.load_balancer_source_ranges)
            .filter(|_| load_balancer),
        load_balancer_class: wish.class.clone().filter(|_| load_balancer),
        allocate_load_balancer_node_ports: (load_balancer && wish.no_load_balancer_node_ports)
            .then_some(false),
        external_ips: some(&outside.external_ips)
            .filter(|_| listener.kind == ListenerKind::NodePort),
        external_traffic_policy: from_outside.then(|| {
            wish.external_traffic_policy
                .clone()
                .unwrap_or_else(|| "Cluster".to_owned())
        }),
        ..ServiceSpec::default()
    };
    Service {
        metadata,
        spec: Some(spec),
        status: None,
    }
}

/// Labels of a broker's own objects for a listener: the user's for this broker, else the user's for all.
pub(crate) fn broker_labels(input: &Input<'_>, listener: &Listener, node: &Node) -> Map {
    let own = listener
        .broker(node.id)
        .map(|broker| broker.labels.clone())
        .unwrap_or_default();
    if own.is_empty() {
        template::fill_map(
            &listener.configuration.per_broker_labels,
            input.cluster,
            node,
        )
    } else {
        own
    }
}

/// Annotations of a broker's own objects for a listener, by the same rule.
pub(crate) fn broker_annotations(input: &Input<'_>, listener: &Listener, node: &Node) -> Map {
    let own = listener
        .broker(node.id)
        .map(|broker| broker.annotations.clone())
        .unwrap_or_default();
    if own.is_empty() {
        template::fill_map(
            &listener.configuration.per_broker_annotations,
            input.cluster,
            node,
        )
    } else {
        own
    }
}

const fn service_type(kind: ListenerKind) -> &'static str {
    match kind {
        ListenerKind::NodePort => "NodePort",
        ListenerKind::LoadBalancer => "LoadBalancer",
        ListenerKind::Internal
        | ListenerKind::ClusterIp
        | ListenerKind::Ingress
        | ListenerKind::Route
        | ListenerKind::TlsRoute => "ClusterIP",
    }
}

fn internal_ports(input: &Input<'_>) -> impl Iterator<Item = ServicePort> {
    let listeners = input.cluster.listeners.iter();
    listeners
        .filter(|listener| listener.kind == ListenerKind::Internal)
        .map(|listener| port(&names::port_name(listener), listener.port))
}

fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(number),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// The listeners as JSON, byte for byte as Strimzi writes it.
fn discovery(listeners: &[Listener]) -> String {
    let entries: Vec<String> = listeners.iter().map(discovery_entry).collect();
    format!("[ {} ]", entries.join(", "))
}

fn discovery_entry(listener: &Listener) -> String {
    let auth = match &listener.authentication {
        ListenerAuthentication::None => "none",
        ListenerAuthentication::Tls => "tls",
        ListenerAuthentication::ScramSha512 => "scram-sha-512",
        ListenerAuthentication::Custom {
            sasl: _,
            listener_config: _,
        } => "custom",
    };
    let Listener { port, tls, .. } = listener;
    format!(
        "{{\n  \"port\" : {port},\n  \"tls\" : {tls},\n  \"protocol\" : \"kafka\",\n  \"auth\" : \"{auth}\"\n}}"
    )
}
