//! What a node's certificate names.

use expect_test::expect;
use manifests::{Address, ListenerAddresses, certificate};
use model::desired::{ListenerKind, NodeId};

use crate::example::{self, Example};

fn names(example: &Example, id: i32, pod_address: Option<&str>) -> String {
    let names = certificate::names(&example.input(), example.node(id).1, pod_address);
    let all: Vec<_> = names
        .dns
        .iter()
        .chain(&names.addresses)
        .map(String::as_str)
        .collect();
    all.join("\n") + "\n"
}

#[test]
fn a_node_is_named_by_its_services_and_its_pod() {
    let example = example::two_pools("two", example::disks(1), example::disks(1));
    expect![[r#"
        my-cluster-controller-3.my-cluster-kafka-brokers.two.svc
        my-cluster-controller-3.my-cluster-kafka-brokers.two.svc.cluster.local
        my-cluster-kafka-bootstrap
        my-cluster-kafka-bootstrap.two
        my-cluster-kafka-bootstrap.two.svc
        my-cluster-kafka-bootstrap.two.svc.cluster.local
        my-cluster-kafka-brokers
        my-cluster-kafka-brokers.two
        my-cluster-kafka-brokers.two.svc
        my-cluster-kafka-brokers.two.svc.cluster.local
    "#]]
    .assert_eq(&names(&example, 3, None));
}

#[test]
fn an_address_is_named_only_on_a_process_node() {
    let mut example = example::two_pools("two", example::disks(1), example::disks(1));
    example.facts.service_addresses = ["127.9.9.9", "10.96.0.1", "None"].map(str::to_owned).into();
    let named = |id, address| {
        let names = certificate::names(&example.input(), example.node(id).1, Some(address));
        names.addresses.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(named(0, "127.0.5.1"), ["127.0.5.1", "127.9.9.9"]);
    assert_eq!(named(0, "10.244.0.7"), ["127.9.9.9"]);
    assert_eq!(
        named(3, "127.0.5.4"),
        ["127.0.5.4"],
        "clients do not dial controllers"
    );
}

#[test]
fn names_from_outside_are_named_on_brokers() {
    let mut example =
        example::two_pools("two", example::disks(1), example::disks(1)).with(|cluster| {
            let mut balanced = example::listener("lb", 9094, true);
            balanced.kind = ListenerKind::LoadBalancer;
            balanced.configuration.bootstrap.alternative_names = vec!["alt.example.com".to_owned()];
            balanced.configuration.advertised_host_template =
                Some("b{nodeId}.example.com".to_owned());
            let mut inside = example::listener("inside", 9095, true);
            inside.kind = ListenerKind::ClusterIp;
            let mut open = example::listener("open", 9096, false);
            open.configuration.advertised_host_template =
                Some("never-by-tls.example.com".to_owned());
            cluster.listeners.extend([balanced, inside, open]);
        });
    let seen = ListenerAddresses {
        bootstrap: ["1.2.3.4".to_owned()].into(),
        brokers: [(
            NodeId(0),
            Address {
                host: Some("lb0.example.com".to_owned()),
                port: 9094,
            },
        )]
        .into(),
    };
    example.facts.addresses = [("lb".parse().unwrap(), seen)].into();
    let base = names(&example, 3, None);
    let more: Vec<_> = names(&example, 0, None)
        .lines()
        .filter(|name| !base.contains(name))
        .map(str::to_owned)
        .collect();
    expect![[r#"
        [
            "alt.example.com",
            "b0.example.com",
            "lb0.example.com",
            "my-cluster-broker-0.my-cluster-kafka-brokers.two.svc",
            "my-cluster-broker-0.my-cluster-kafka-brokers.two.svc.cluster.local",
            "my-cluster-broker-inside-0.two.svc",
            "my-cluster-broker-inside-0.two.svc.cluster.local",
            "my-cluster-kafka-inside-bootstrap",
            "my-cluster-kafka-inside-bootstrap.two",
            "my-cluster-kafka-inside-bootstrap.two.svc",
            "my-cluster-kafka-inside-bootstrap.two.svc.cluster.local",
            "1.2.3.4",
        ]
    "#]]
    .assert_debug_eq(&more);
}
