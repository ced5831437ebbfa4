//! Listeners that are reached from outside, as Strimzi shapes them.

use expect_test::expect_file;
use manifests::{Address, ListenerAddresses, address, exposure, services, to_value};
use model::desired::{BrokerOverride, Listener, ListenerKind, NodeId, Roles};
use serde_json::Value;

use crate::example::{self, Example};

fn outside(kind: ListenerKind, change: impl FnOnce(&mut Listener)) -> Example {
    let mut listener = example::listener("external", 9094, true);
    listener.kind = kind;
    change(&mut listener);
    example::cluster("out", &[("dual", Roles::Combined, 2, example::scratch())])
        .with(|cluster| cluster.listeners.push(listener))
}

/// The objects of the external listener.
fn objects(example: &Example) -> String {
    let services = services::render(&example.input());
    let services = services.iter().map(to_value).skip(2);
    let objects: Vec<Value> = services.chain(exposure::render(&example.input())).collect();
    let documents: Vec<_> = objects
        .iter()
        .map(|object| serde_saphyr::to_string(object).unwrap())
        .collect();
    documents.join("---\n")
}

/// What node 1 announces for the external listener.
fn advertised(example: &Example) -> String {
    let (pool, node) = example.node(1);
    let text = manifests::broker_properties::render(&example.input(), pool, node);
    let line = text
        .lines()
        .find(|line| line.starts_with("advertised.listeners="))
        .unwrap();
    line.rsplit("://").next().unwrap().to_owned()
}

fn missing(example: &Example) -> usize {
    address::missing(&example.input(), example.node(1).1).len()
}

#[test]
fn cluster_ip() {
    let example = outside(ListenerKind::ClusterIp, |_| {});
    expect_file!["golden/cluster-ip.yaml"].assert_eq(&objects(&example));
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised:my-cluster-dual-1.out.svc}}:9094"
    );
    assert_eq!(missing(&example), 0);
}

#[test]
fn node_ports() {
    let mut example = outside(ListenerKind::NodePort, |listener| {
        listener.configuration.bootstrap.node_port = Some(32_000);
        listener.configuration.brokers = [(
            NodeId(0),
            BrokerOverride {
                node_port: Some(32_001),
                external_ips: vec!["9.9.9.9".to_owned()],
                ..BrokerOverride::default()
            },
        )]
        .into();
    });
    expect_file!["golden/nodeport.yaml"].assert_eq(&objects(&example));
    assert_eq!(
        missing(&example),
        1,
        "the port is not known before the Service has one"
    );
    let seen = Address {
        host: None,
        port: 31_234,
    };
    let seen = ListenerAddresses {
        brokers: [(NodeId(1), seen)].into(),
        ..ListenerAddresses::default()
    };
    example.facts.addresses = [("external".parse().unwrap(), seen)].into();
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised-machine}}:{{klamm.port:31234:9094}}"
    );
    assert_eq!(missing(&example), 0);
}

#[test]
fn load_balancers() {
    let mut example = outside(ListenerKind::LoadBalancer, |listener| {
        let wish = &mut listener.configuration;
        wish.class = Some("internal".to_owned());
        wish.external_traffic_policy = Some("Local".to_owned());
        wish.load_balancer_source_ranges = vec!["10.0.0.0/8".to_owned()];
        wish.finalizers = vec!["service.kubernetes.io/load-balancer-cleanup".to_owned()];
        wish.no_load_balancer_node_ports = true;
        wish.per_broker_annotations =
            [("dns".to_owned(), "broker-{nodeId}.example.com".to_owned())].into();
        wish.bootstrap.annotations =
            [("dns".to_owned(), "bootstrap.example.com".to_owned())].into();
        wish.advertised_host_template = Some("broker-{nodeId}.example.com".to_owned());
    });
    expect_file!["golden/loadbalancer.yaml"].assert_eq(&objects(&example));
    assert_eq!(missing(&example), 1);
    let seen = Address {
        host: Some("lb-1".to_owned()),
        port: 9094,
    };
    let seen = ListenerAddresses {
        brokers: [(NodeId(1), seen)].into(),
        ..ListenerAddresses::default()
    };
    example.facts.addresses = [("external".parse().unwrap(), seen)].into();
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised:broker-1.example.com}}:9094"
    );
    assert_eq!(missing(&example), 0);
}

#[test]
fn a_load_balancer_without_bootstrap() {
    let example = outside(ListenerKind::LoadBalancer, |listener| {
        listener.configuration.no_bootstrap_service = true;
    });
    let names: Vec<_> = services::render(&example.input())
        .into_iter()
        .filter_map(|service| service.metadata.name)
        .collect();
    assert_eq!(
        names,
        [
            "my-cluster-kafka-bootstrap",
            "my-cluster-kafka-brokers",
            "my-cluster-dual-0",
            "my-cluster-dual-1"
        ]
    );
}

#[test]
fn ingresses() {
    let example = outside(ListenerKind::Ingress, |listener| {
        listener.name = "web".parse().unwrap();
        listener.configuration.class = Some("nginx".to_owned());
        listener.configuration.bootstrap.host = Some("bootstrap.example.com".to_owned());
        listener.configuration.host_template = Some("broker-{nodeId}.example.com".to_owned());
    });
    expect_file!["golden/ingress.yaml"].assert_eq(&objects(&example));
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised:broker-1.example.com}}:{{klamm.port:443:9094}}"
    );
    assert_eq!(missing(&example), 0);
}

#[test]
fn routes() {
    let example = outside(ListenerKind::Route, |listener| {
        listener.configuration.brokers = [(
            NodeId(1),
            BrokerOverride {
                host: Some("b1.example.com".to_owned()),
                advertised_port: Some(8443),
                ..BrokerOverride::default()
            },
        )]
        .into();
    });
    expect_file!["golden/route.yaml"].assert_eq(&objects(&example));
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised:b1.example.com}}:{{klamm.port:8443:9094}}"
    );
}

#[test]
fn tls_routes() {
    let example = outside(ListenerKind::TlsRoute, |listener| {
        listener.configuration.parent_refs = vec![serde_json::json!({ "name": "gateway" })];
        listener.configuration.bootstrap.host = Some("bootstrap.example.com".to_owned());
        listener.configuration.host_template = Some("{nodePodName}.example.com".to_owned());
    });
    expect_file!["golden/tlsroute.yaml"].assert_eq(&objects(&example));
}

#[test]
fn a_port_template_counts() {
    let example = outside(ListenerKind::LoadBalancer, |listener| {
        listener.configuration.advertised_port_template = Some("9000 + {nodeId}".to_owned());
    });
    assert_eq!(
        advertised(&example),
        "{{klamm.advertised:my-cluster-dual-1.my-cluster-kafka-brokers.out.svc}}:{{klamm.port:9001:9094}}"
    );
}
