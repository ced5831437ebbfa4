//! Listeners: how clients reach the brokers.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::AnyMap;
use crate::core_schema::core_list;
use crate::template::{IpFamily, IpFamilyPolicy};

/// One way for clients to reach the brokers.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its name: at most 11 lower-case letters and digits, unique in the cluster.
    #[schemars(regex(pattern = r"^[a-z0-9]{1,11}$"))]
    pub name: String,
    /// Its port inside the cluster: 9092 or above, but not 9404 or 9999.
    #[schemars(range(min = 9092))]
    pub port: i32,
    /// Who can reach it, and how.
    #[serde(rename = "type")]
    pub kind: ListenerType,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// How clients prove who they are. Absent: they need not.
    pub authentication: Option<ListenerAuthentication>,
    /// Details: addresses, Services, certificates, limits.
    pub configuration: Option<ListenerConfiguration>,
    /// Who may connect, as `NetworkPolicy` peers. Absent: everybody.
    #[serde(default)]
    #[schemars(schema_with = "core_list::<NetworkPolicyPeer>")]
    pub network_policy_peers: Option<Vec<NetworkPolicyPeer>>,
}

/// How clients of a listener prove who they are.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerAuthentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub kind: ListenerAuthenticationType,
    /// With type `custom`: whether SASL is used.
    pub sasl: Option<bool>,
    /// With type `custom`: the listener's configuration, without the prefix `listener.name.…`.
    pub listener_config: Option<AnyMap>,
}

/// Details of a listener.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerConfiguration {
    /// A certificate of your own for this listener.
    pub broker_cert_chain_and_key: Option<CertificateAndKey>,
    /// The `IngressClass`, or the load balancer class.
    pub class: Option<String>,
    /// Whether outside traffic may take a second hop to another node.
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Client address ranges that the load balancer lets in, in CIDR notation.
    pub load_balancer_source_ranges: Option<Vec<String>>,
    /// The address that clients connect to first.
    pub bootstrap: Option<ListenerBootstrap>,
    /// Addresses of single brokers.
    pub brokers: Option<Vec<ListenerBroker>>,
    /// Whether Services have addresses of one IP family or of two.
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// The IP families of the Services.
    pub ip_families: Option<Vec<IpFamily>>,
    /// With type `loadbalancer`: whether to make a bootstrap Service. Default true.
    pub create_bootstrap_service: Option<bool>,
    /// Finalizers of load balancer Services.
    pub finalizers: Option<Vec<String>>,
    /// With type `internal` or `cluster-ip`: whether advertised names end in the cluster's DNS domain. Default false.
    pub use_service_dns_domain: Option<bool>,
    /// The most connections a broker accepts on this listener at once.
    pub max_connections: Option<i32>,
    /// The most new connections a second that a broker accepts on this listener.
    pub max_connection_creation_rate: Option<i32>,
    /// With type `nodeport`: the kind of node address to advertise, if there is one.
    pub preferred_node_port_address_type: Option<NodeAddressType>,
    /// Whether Services list Pods that are not ready. Default false.
    pub publish_not_ready_addresses: Option<bool>,
    /// Annotations of each broker's objects; `{nodeId}` and `{nodePodName}` stand for the broker.
    pub per_broker_annotations_template: Option<BTreeMap<String, String>>,
    /// Labels of each broker's objects; `{nodeId}` and `{nodePodName}` stand for the broker.
    pub per_broker_labels_template: Option<BTreeMap<String, String>>,
    /// Host name of each broker for Ingresses and Routes; `{nodeId}` and `{nodePodName}` stand for the broker.
    pub host_template: Option<String>,
    /// Advertised host name of each broker; `{nodeId}` and `{nodePodName}` stand for the broker.
    pub advertised_host_template: Option<String>,
    /// Advertised port of each broker: a number or a sum with `{nodeId}`, such as `{nodeId} + 19000`.
    pub advertised_port_template: Option<String>,
    /// With type `loadbalancer`: whether its Services get node ports as well. Default true.
    pub allocate_load_balancer_node_ports: Option<bool>,
    /// With type `tlsroute`: the Gateways that the routes attach to.
    pub parent_refs: Option<Vec<GatewayReference>>,
}

/// A certificate and its private key in a Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAndKey {
    /// The Secret.
    pub secret_name: String,
    /// The key in the Secret that holds the certificate chain, in PEM.
    pub certificate: String,
    /// The key in the Secret that holds the private key, in PEM.
    pub key: String,
}

/// The address that clients connect to first.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerBootstrap {
    /// More names for the certificate to hold.
    pub alternative_names: Option<Vec<String>>,
    /// The host name, for Ingresses and Routes.
    pub host: Option<String>,
    /// The node port.
    pub node_port: Option<i32>,
    /// The address to ask the load balancer for.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// Annotations of the bootstrap object.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels of the bootstrap object.
    pub labels: Option<BTreeMap<String, String>>,
    /// Outside addresses that the Service answers on.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<Vec<String>>,
}

/// The address of one broker.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerBroker {
    /// The broker's node id.
    pub broker: i32,
    /// The host name that the broker tells clients.
    pub advertised_host: Option<String>,
    /// The port that the broker tells clients.
    pub advertised_port: Option<i32>,
    /// The host name, for Ingresses and Routes.
    pub host: Option<String>,
    /// The node port.
    pub node_port: Option<i32>,
    /// The address to ask the load balancer for.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// Annotations of this broker's object.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels of this broker's object.
    pub labels: Option<BTreeMap<String, String>>,
    /// Outside addresses that the Service answers on.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<Vec<String>>,
}

/// A Gateway that routes attach to.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayReference {
    /// Its kind.
    pub kind: Option<String>,
    /// Its API group.
    pub group: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The port of the Gateway.
    pub port: Option<i32>,
    /// The listener of the Gateway.
    pub section_name: Option<String>,
}

/// Who can reach a listener, and how.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ListenerType {
    /// Clients inside the Kubernetes cluster.
    #[serde(rename = "internal")]
    Internal,
    /// Clients outside, through an OpenShift Route.
    #[serde(rename = "route")]
    Route,
    /// Clients outside, through a Gateway API TLSRoute.
    #[serde(rename = "tlsroute")]
    TlsRoute,
    /// Clients outside, through load balancers.
    #[serde(rename = "loadbalancer")]
    LoadBalancer,
    /// Clients outside, through ports of the nodes.
    #[serde(rename = "nodeport")]
    NodePort,
    /// Clients outside, through an Ingress that passes TLS on.
    #[serde(rename = "ingress")]
    Ingress,
    /// Clients inside, through a Service for each broker.
    #[serde(rename = "cluster-ip")]
    ClusterIp,
}

/// How clients prove who they are.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ListenerAuthenticationType {
    /// By a client certificate.
    #[serde(rename = "tls")]
    Tls,
    /// By a password, never sent as such.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// As configured.
    #[serde(rename = "custom")]
    Custom,
}

/// Whether outside traffic may take a second hop.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ExternalTrafficPolicy {
    /// No second hop.
    Local,
    /// Traffic may go on to another node.
    Cluster,
}

/// A kind of node address.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum NodeAddressType {
    /// An outside IP address.
    #[serde(rename = "ExternalIP")]
    ExternalIp,
    /// An outside DNS name.
    #[serde(rename = "ExternalDNS")]
    ExternalDns,
    /// An inside IP address.
    #[serde(rename = "InternalIP")]
    InternalIp,
    /// An inside DNS name.
    #[serde(rename = "InternalDNS")]
    InternalDns,
    /// The host name.
    Hostname,
}
