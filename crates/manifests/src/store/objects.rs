//! What the servers share: account, Services, network policy, disruption budget.

use k8s_openapi::api::core::v1::{Service, ServiceAccount, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{
    CLIENT_PORT, CLUSTERING_PORT, ELECTION_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, Program,
    client_service, component_name, members, network_policy, nodes_service,
};
use crate::facts::Input;
use crate::labels::{self, Map};
use crate::names;
use crate::network_policy::{operator_peer, peer, rule, select};
use crate::to_value;

/// Ports of a server, by name.
pub(super) fn ports(program: Program) -> Vec<(&'static str, u16)> {
    match program {
        Program::ZooKeeper => vec![
            ("tcp-clients", CLIENT_PORT),
            ("tcp-clustering", CLUSTERING_PORT),
            ("tcp-election", ELECTION_PORT),
            ("tcp-health", names::RUNNER_PORT),
        ],
        Program::Gateway => vec![
            ("tcp-clients", CLIENT_PORT),
            (names::METRICS_PORT_NAME, names::METRICS_PORT),
        ],
        Program::Etcd => vec![
            ("tcp-clients", ETCD_CLIENT_PORT),
            ("tcp-peers", ETCD_PEER_PORT),
            ("tcp-health", names::RUNNER_PORT),
        ],
    }
}

/// All that the servers of the store share, in the order in which it is best applied; nothing without a store.
pub fn objects(input: &Input<'_>) -> Vec<Value> {
    let members = members(input.cluster);
    let mut programs: Vec<Program> = members.iter().map(|member| member.program).collect();
    programs.dedup();
    let mut objects = Vec::new();
    for program in programs {
        objects.push(to_value(&account(input, program)));
        if input.settings.network_policies {
            objects.push(to_value(&policy(input, program)));
        }
        objects.push(to_value(&nodes(input, program)));
        if program != Program::Etcd {
            objects.push(to_value(&clients(input, program)));
        }
        let count = members.iter().filter(|member| member.program == program);
        let count = i32::try_from(count.count()).unwrap_or(i32::MAX);
        if input.settings.disruption_budgets {
            objects.push(to_value(&budget(input, program, count)));
        }
    }
    objects
}

/// What selects the Pods of a program.
pub(super) fn selector(input: &Input<'_>, program: Program) -> Map {
    let name = &input.cluster.name;
    labels::map([
        ("strimzi.io/cluster", name.to_string()),
        ("strimzi.io/kind", "Kafka".to_owned()),
        ("strimzi.io/name", component_name(name, program)),
    ])
}

fn account(input: &Input<'_>, program: Program) -> ServiceAccount {
    ServiceAccount {
        metadata: labels::metadata(
            input,
            component_name(&input.cluster.name, program),
            labels::cluster_labels(input.cluster, program.component()),
            Map::new(),
        ),
        ..ServiceAccount::default()
    }
}

fn service(input: &Input<'_>, program: Program, name: String, spec: ServiceSpec) -> Service {
    Service {
        metadata: labels::metadata(
            input,
            name,
            labels::cluster_labels(input.cluster, program.component()),
            Map::new(),
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(selector(input, program)),
            ..spec
        }),
        status: None,
    }
}

/// The headless Service: servers must find each other before any of them is ready.
fn nodes(input: &Input<'_>, program: Program) -> Service {
    let name = nodes_service(&input.cluster.name, program);
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        ports: Some(ports(program).into_iter().map(port).collect()),
        ..ServiceSpec::default()
    };
    service(input, program, name, spec)
}

fn clients(input: &Input<'_>, program: Program) -> Service {
    let spec = ServiceSpec {
        ports: Some(vec![port(("tcp-clients", CLIENT_PORT))]),
        ..ServiceSpec::default()
    };
    service(
        input,
        program,
        client_service(input.cluster.name.as_str()),
        spec,
    )
}

fn port((name, number): (&str, u16)) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(number),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}

/// Only brokers and the servers themselves get in: what ZooKeeper's protocol allows anybody, it allows without a
/// password.
fn policy(input: &Input<'_>, program: Program) -> NetworkPolicy {
    let cluster = input.cluster;
    let own = peer(selector(input, program));
    let brokers = peer(labels::selector(cluster));
    let servers = peer(selector(input, Program::Gateway));
    let operator = operator_peer(input);
    let rules = match program {
        Program::ZooKeeper => vec![
            rule(CLIENT_PORT, vec![brokers, own.clone()]),
            rule(CLUSTERING_PORT, vec![own.clone()]),
            rule(ELECTION_PORT, vec![own]),
            rule(names::RUNNER_PORT, vec![operator]),
        ],
        Program::Gateway => vec![
            rule(CLIENT_PORT, vec![brokers, own]),
            rule(names::METRICS_PORT, Vec::new()),
        ],
        Program::Etcd => vec![
            rule(ETCD_CLIENT_PORT, vec![servers]),
            rule(ETCD_PEER_PORT, vec![own]),
            rule(names::RUNNER_PORT, vec![operator]),
        ],
    };
    NetworkPolicy {
        metadata: labels::metadata(
            input,
            network_policy(&cluster.name, program),
            labels::cluster_labels(cluster, program.component()),
            Map::new(),
        ),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(select(selector(input, program))),
            ingress: Some(rules),
            policy_types: Some(vec!["Ingress".to_owned()]),
            egress: None,
        }),
    }
}

fn budget(input: &Input<'_>, program: Program, count: i32) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: labels::metadata(
            input,
            component_name(&input.cluster.name, program),
            labels::cluster_labels(input.cluster, program.component()),
            Map::new(),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(count.saturating_sub(1).max(0))),
            selector: Some(select(selector(input, program))),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
