//! What objects are called and under which names they are found: Strimzi's, but for what begins with `klamm.dev/`.

use model::desired::{Cluster, ClusterName, Listener, ListenerKind, ListenerName, Namespace, Node};

/// Annotation for process nodes: where all Pods are stopped, this one is stopped after those that need it to hand over
/// what they lead.
pub const STOP_LAST: &str = "klamm.dev/stop-last";
/// Port of the controllers' listener.
pub const CONTROL_PLANE_PORT: u16 = 9090;
/// Port of the listener between brokers, also used by operators.
pub const REPLICATION_PORT: u16 = 9091;
/// Port of the runner: health, state.
pub const RUNNER_PORT: u16 = 8443;
/// Port of Prometheus metrics.
pub const METRICS_PORT: u16 = 9404;
/// Port of JMX.
pub const JMX_PORT: u16 = 9999;

/// Kafka's name of the controllers' listener.
pub const CONTROL_PLANE_LISTENER: &str = "CONTROLPLANE-9090";
/// Kafka's name of the listener between brokers.
pub const REPLICATION_LISTENER: &str = "REPLICATION-9091";

/// Name of the port [`CONTROL_PLANE_PORT`].
pub const CONTROL_PLANE_PORT_NAME: &str = "tcp-ctrlplane";
/// Name of the port [`REPLICATION_PORT`].
pub const REPLICATION_PORT_NAME: &str = "tcp-replication";
/// Name of the port [`RUNNER_PORT`].
pub const RUNNER_PORT_NAME: &str = "tcp-kafkaagent";
/// Name of the port [`METRICS_PORT`].
pub const METRICS_PORT_NAME: &str = "tcp-prometheus";
/// Name of the port [`JMX_PORT`].
pub const JMX_PORT_NAME: &str = "jmx";

/// `<cluster>-kafka`: the component; also its service account, its disruption budget, its certificates' common name.
pub fn component(cluster: &ClusterName) -> String {
    format!("{cluster}-kafka")
}

/// `<cluster>-kafka-bootstrap`: the Service for first contact inside the cluster.
pub fn bootstrap_service(cluster: &ClusterName) -> String {
    format!("{cluster}-kafka-bootstrap")
}

/// `<cluster>-kafka-brokers`: the headless Service, which gives each Pod a name.
pub fn brokers_service(cluster: &ClusterName) -> String {
    format!("{cluster}-kafka-brokers")
}

/// `<cluster>-network-policy-kafka`.
pub fn network_policy(cluster: &ClusterName) -> String {
    format!("{cluster}-network-policy-kafka")
}

/// `strimzi-<namespace>-<cluster>-kafka-init`: the cluster role binding for reading node labels.
pub fn cluster_role_binding(namespace: &Namespace, cluster: &ClusterName) -> String {
    format!("strimzi-{namespace}-{cluster}-kafka-init")
}

/// `<cluster>-trustbundle`: certificates of both authorities.
pub fn trust_bundle_secret(cluster: &ClusterName) -> String {
    format!("{cluster}-trustbundle")
}

/// `<cluster>-cluster-operator-certs`: the operator's own certificate for Kafka.
pub fn operator_secret(cluster: &ClusterName) -> String {
    format!("{cluster}-cluster-operator-certs")
}

/// `<cluster>-kafka-jmx`: the JMX password.
pub fn jmx_secret(cluster: &ClusterName) -> String {
    format!("{cluster}-kafka-jmx")
}

/// The name of a listener's port in Pods and Services; three of them have older names.
pub fn port_name(listener: &Listener) -> String {
    let internal = listener.kind == ListenerKind::Internal;
    match (listener.name.as_str(), listener.port) {
        ("plain", 9092) if internal => "tcp-clients".to_owned(),
        ("tls", 9093) if internal => "tcp-clientstls".to_owned(),
        ("external", 9094) => "tcp-external".to_owned(),
        (name, _) => format!("tcp-{name}"),
    }
}

/// The Service for first contact through a listener.
pub fn listener_bootstrap_service(cluster: &ClusterName, listener: &Listener) -> String {
    match listener.kind {
        ListenerKind::Internal => bootstrap_service(cluster),
        _ => format!("{cluster}-kafka-{}-bootstrap", listener.name),
    }
}

/// The Ingress, Route or `TLSRoute` for first contact through a listener.
pub fn listener_bootstrap_exposure(cluster: &ClusterName, listener: &Listener) -> String {
    if is_old_external(listener) {
        bootstrap_service(cluster)
    } else {
        format!("{cluster}-kafka-{}-bootstrap", listener.name)
    }
}

/// The Service, Ingress, Route or `TLSRoute` of one broker for a listener.
pub fn listener_broker(cluster: &ClusterName, listener: &Listener, node: &Node) -> String {
    let Node { id, pool, roles: _ } = node;
    if is_old_external(listener) {
        format!("{cluster}-{pool}-{id}")
    } else {
        format!("{cluster}-{pool}-{}-{id}", listener.name)
    }
}

/// The one external listener of Strimzi's first days keeps the names it had then.
fn is_old_external(listener: &Listener) -> bool {
    listener.name.as_str() == "external" && listener.port == 9094
}

/// `<service>.<namespace>.svc`.
pub fn service_host(namespace: &Namespace, service: &str) -> String {
    format!("{service}.{namespace}.svc")
}

/// `<service>.<namespace>.svc.<domain>`.
pub fn service_host_with_domain(namespace: &Namespace, service: &str, domain: &str) -> String {
    format!("{service}.{namespace}.svc.{domain}")
}

/// The four names under which a Service is found.
pub fn service_hosts(namespace: &Namespace, service: &str, domain: &str) -> [String; 4] {
    [
        service.to_owned(),
        format!("{service}.{namespace}"),
        service_host(namespace, service),
        service_host_with_domain(namespace, service, domain),
    ]
}

/// `<pod>.<cluster>-kafka-brokers.<namespace>.svc`: the name by which nodes know each other.
pub fn pod_host(cluster: &Cluster, node: &Node) -> String {
    let service = service_host(&cluster.namespace, &brokers_service(&cluster.name));
    format!("{}.{service}", node.pod_name(&cluster.name))
}

/// The same with the cluster's DNS domain.
pub fn pod_host_with_domain(cluster: &Cluster, node: &Node, domain: &str) -> String {
    format!("{}.{domain}", pod_host(cluster, node))
}

/// Volume and directory with the certificate that a user brought for a listener.
pub fn listener_certificate_volume(listener: &ListenerName) -> String {
    format!("listener-{listener}")
}
