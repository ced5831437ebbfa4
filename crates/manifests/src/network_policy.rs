//! Who may connect to which port of a node.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use model::desired::{Jmx, Metrics};

use crate::facts::Input;
use crate::labels::{self, Component, Map};
use crate::names;

/// The policy of all nodes of the cluster.
pub fn render(input: &Input<'_>) -> NetworkPolicy {
    let cluster = input.cluster;
    let operator = operator_peer(input);
    let nodes = peer(labels::selector(cluster));
    let named = |suffix: &str| {
        peer(labels::map([(
            "strimzi.io/name",
            format!("{}-{suffix}", cluster.name),
        )]))
    };
    let mut rules = vec![
        rule(
            names::CONTROL_PLANE_PORT,
            vec![nodes.clone(), operator.clone()],
        ),
        rule(
            names::REPLICATION_PORT,
            vec![
                operator.clone(),
                nodes,
                named("entity-operator"),
                named("kafka-exporter"),
                named("cruise-control"),
            ],
        ),
        rule(names::RUNNER_PORT, vec![operator]),
    ];
    let listeners = cluster.listeners.iter();
    rules.extend(
        listeners.map(|listener| rule(listener.port, listener.network_policy_peers.clone())),
    );
    match cluster.metrics {
        Metrics::None => {}
        Metrics::JmxExporter(_) | Metrics::StrimziReporter { allow_list: _ } => {
            rules.push(rule(names::METRICS_PORT, Vec::new()));
        }
    }
    match cluster.jmx {
        Jmx::Closed => {}
        Jmx::Open | Jmx::Password => rules.push(rule(names::JMX_PORT, Vec::new())),
    }
    NetworkPolicy {
        metadata: labels::metadata(
            input,
            names::network_policy(&cluster.name),
            labels::cluster_labels(cluster, Component::Kafka),
            Map::new(),
        ),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(select(labels::selector(cluster))),
            ingress: Some(rules),
            policy_types: Some(vec!["Ingress".to_owned()]),
            egress: None,
        }),
    }
}

/// The operator, in the cluster's namespace or wherever it is known or allowed to run.
pub(crate) fn operator_peer(input: &Input<'_>) -> NetworkPolicyPeer {
    let settings = input.settings;
    let namespace_selector = match &settings.operator_namespace {
        Some(namespace) if namespace == input.cluster.namespace.as_str() => None,
        Some(_) if !settings.operator_namespace_labels.is_empty() => {
            Some(select(settings.operator_namespace_labels.clone()))
        }
        Some(_) | None => Some(LabelSelector::default()),
    };
    NetworkPolicyPeer {
        namespace_selector,
        pod_selector: Some(select(labels::map([(
            "strimzi.io/kind",
            "cluster-operator".to_owned(),
        )]))),
        ip_block: None,
    }
}

pub(crate) fn peer(labels: Map) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(select(labels)),
        ..NetworkPolicyPeer::default()
    }
}

pub(crate) fn select(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        match_expressions: None,
    }
}

/// A rule for one port; no peers means everybody.
pub(crate) fn rule(port: u16, peers: Vec<NetworkPolicyPeer>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule {
        from: (!peers.is_empty()).then_some(peers),
        ports: Some(vec![NetworkPolicyPort {
            port: Some(IntOrString::Int(i32::from(port))),
            protocol: Some("TCP".to_owned()),
            end_port: None,
        }]),
    }
}
