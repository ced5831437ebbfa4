//! The doors for clients: where they are, how they are guarded, what they are called from outside.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::ListenerName;
use super::node::NodeId;

/// A client listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name, unique in the cluster.
    pub name: ListenerName,
    /// The port inside the Pod, unique in the cluster.
    pub port: u16,
    /// Through what it is reached.
    pub kind: ListenerKind,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// How clients prove who they are.
    pub authentication: ListenerAuthentication,
    /// Who may connect by `NetworkPolicy`; everybody when empty.
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
    /// The rest of what can be said about it.
    pub configuration: ListenerConfiguration,
}

/// Through what a listener is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerKind {
    /// The cluster's own Services and Pod names.
    Internal,
    /// A Service per broker.
    ClusterIp,
    /// A port on every Kubernetes node, per broker.
    #[serde(rename = "nodeport")]
    NodePort,
    /// A load balancer per broker.
    #[serde(rename = "loadbalancer")]
    LoadBalancer,
    /// An Ingress per broker, TLS passed through.
    Ingress,
    /// An OpenShift Route per broker, TLS passed through.
    Route,
    /// A Gateway API `TLSRoute` per broker.
    #[serde(rename = "tlsroute")]
    TlsRoute,
}

impl ListenerKind {
    /// The word used in the resource.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::ClusterIp => "cluster-ip",
            Self::NodePort => "nodeport",
            Self::LoadBalancer => "loadbalancer",
            Self::Ingress => "ingress",
            Self::Route => "route",
            Self::TlsRoute => "tlsroute",
        }
    }
}

/// How clients of a listener prove who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerAuthentication {
    /// Not at all.
    None,
    /// A certificate signed by the clients CA.
    Tls,
    /// SCRAM-SHA-512 with a password.
    ScramSha512,
    /// Whatever the user configures.
    Custom {
        /// Whether it is SASL.
        sasl: bool,
        /// Kafka properties below `listener.name.<listener>.`, values as Kafka wants them.
        listener_config: BTreeMap<String, String>,
    },
}

impl ListenerAuthentication {
    /// Whether clients speak SASL.
    pub const fn is_sasl(&self) -> bool {
        match self {
            Self::None | Self::Tls => false,
            Self::ScramSha512 => true,
            Self::Custom {
                sasl,
                listener_config: _,
            } => *sasl,
        }
    }
}

/// What else can be said about a listener; each field is empty, false or absent when unset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per switch that the resource has; they are independent"
)]
pub struct ListenerConfiguration {
    /// A certificate of the user's own instead of the one made by the operator.
    pub certificate: Option<CertificateReference>,
    /// Class of the load balancer, Ingress, or Service.
    pub class: Option<String>,
    /// `Local` or `Cluster`; for node ports and load balancers.
    pub external_traffic_policy: Option<String>,
    /// CIDRs that may use the load balancer.
    pub load_balancer_source_ranges: Vec<String>,
    /// About the address for the first contact.
    pub bootstrap: BootstrapOverride,
    /// About single brokers.
    pub brokers: BTreeMap<NodeId, BrokerOverride>,
    /// `SingleStack`, `PreferDualStack` or `RequireDualStack`.
    pub ip_family_policy: Option<String>,
    /// `IPv4`, `IPv6`.
    pub ip_families: Vec<String>,
    /// Load balancers only: no bootstrap Service when set.
    pub no_bootstrap_service: bool,
    /// Finalizers for Services of type load balancer.
    pub finalizers: Vec<String>,
    /// Whether advertised names carry the cluster's DNS domain.
    pub use_service_dns_domain: bool,
    /// At most so many connections.
    pub max_connections: Option<i32>,
    /// At most so many new connections per second.
    pub max_connection_creation_rate: Option<i32>,
    /// Which address of a Kubernetes node to advertise first, for node ports.
    pub preferred_node_port_address_type: Option<String>,
    /// Whether Services publish brokers that are not ready.
    pub publish_not_ready_addresses: bool,
    /// Annotations of per-broker objects, with placeholders `{nodeId}`, `{nodePodName}`.
    pub per_broker_annotations: BTreeMap<String, String>,
    /// Labels of per-broker objects, with the same placeholders.
    pub per_broker_labels: BTreeMap<String, String>,
    /// Host of per-broker Ingress, Route, `TLSRoute`, with the same placeholders.
    pub host_template: Option<String>,
    /// Advertised host, with the same placeholders.
    pub advertised_host_template: Option<String>,
    /// Advertised port as arithmetic text, with `{nodeId}`.
    pub advertised_port_template: Option<String>,
    /// Load balancers only: no node ports when set.
    pub no_load_balancer_node_ports: bool,
    /// The gateways of a `TLSRoute`, as the Gateway API wants them.
    pub parent_refs: Vec<Value>,
}

/// A certificate and its key in a Secret of the user's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateReference {
    /// Name of the Secret.
    pub secret: String,
    /// Key of the certificate chain in it.
    pub certificate: String,
    /// Key of the private key in it.
    pub key: String,
}

/// What a user says about the bootstrap address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BootstrapOverride {
    /// Further names for the certificate.
    pub alternative_names: Vec<String>,
    /// Host of Ingress, Route, `TLSRoute`.
    pub host: Option<String>,
    /// Port on the Kubernetes nodes.
    pub node_port: Option<i32>,
    /// Address asked of the load balancer.
    pub load_balancer_ip: Option<String>,
    /// Annotations of the object.
    pub annotations: BTreeMap<String, String>,
    /// Labels of the object.
    pub labels: BTreeMap<String, String>,
    /// External addresses of the Service.
    pub external_ips: Vec<String>,
}

/// What a user says about one broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BrokerOverride {
    /// Host to advertise.
    pub advertised_host: Option<String>,
    /// Port to advertise.
    pub advertised_port: Option<i32>,
    /// Host of Ingress, Route, `TLSRoute`.
    pub host: Option<String>,
    /// Port on the Kubernetes nodes.
    pub node_port: Option<i32>,
    /// Address asked of the load balancer.
    pub load_balancer_ip: Option<String>,
    /// Annotations of the object.
    pub annotations: BTreeMap<String, String>,
    /// Labels of the object.
    pub labels: BTreeMap<String, String>,
    /// External addresses of the Service.
    pub external_ips: Vec<String>,
}

impl Listener {
    /// The listener's name in Kafka's configuration: `TLS-9093`.
    pub fn kafka_name(&self) -> String {
        format!("{}-{}", self.name.as_str().to_uppercase(), self.port)
    }

    /// What the user said about this broker, if anything.
    pub fn broker(&self, id: NodeId) -> Option<&BrokerOverride> {
        self.configuration.brokers.get(&id)
    }
}
