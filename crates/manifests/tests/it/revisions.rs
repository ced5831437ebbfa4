//! What needs a restart and what does not.

use std::collections::BTreeMap;

use expect_test::expect;
use manifests::revision::{self, Change};
use manifests::{NodeFacts, broker_pod};
use model::desired::{Cluster, KafkaVersion, Logging, NodeId};
use model::runner::Format;

use crate::example::{self, Example};

fn annotations(example: &Example, facts: &NodeFacts) -> BTreeMap<String, String> {
    let (pool, node) = example.node(0);
    broker_pod::render(&example.input(), pool, node, facts)
        .metadata
        .annotations
        .unwrap()
}

/// What changes on a Pod when the cluster is changed like this.
fn changes(change: impl FnOnce(&mut Example)) -> Vec<Change> {
    let before = annotations(&example::single(), &NodeFacts::default());
    let mut example = example::single();
    change(&mut example);
    let after = annotations(&example, &NodeFacts::default());
    revision::changes(&before, &after).unwrap()
}

fn cluster_changes(change: impl FnOnce(&mut Cluster)) -> Vec<Change> {
    changes(|example| change(&mut example.cluster))
}

fn configuration(parts: &[&str]) -> Vec<Change> {
    vec![Change::Configuration {
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
    }]
}

fn pod(parts: &[&str]) -> Vec<Change> {
    vec![Change::Pod {
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
    }]
}

#[test]
fn the_runner_is_never_a_reason() {
    assert_eq!(
        changes(|example| example.settings.klamm_image = "klamm:9.9.9".to_owned()),
        []
    );
}

#[test]
fn what_others_do_is_no_reason() {
    assert_eq!(
        changes(|example| {
            example.facts.identity.quorum_formed = true;
            example.facts.identity.initial_controllers.clear();
            let more = model::desired::Node {
                id: NodeId(7),
                ..example.facts.nodes[&NodeId(0)].clone()
            };
            example.facts.nodes.insert(NodeId(7), more);
            example.settings.operator_namespace = Some("elsewhere".to_owned());
        }),
        []
    );
}

#[test]
fn permission_to_format_is_no_reason() {
    let example = example::single();
    let with = NodeFacts {
        format: Some(Format::Initial),
    };
    let before = annotations(&example, &with);
    assert_eq!(
        revision::changes(&before, &annotations(&example, &NodeFacts::default())),
        Some(Vec::new())
    );
}

#[test]
fn levels_and_dynamic_properties_are_no_reason() {
    assert_eq!(
        cluster_changes(|cluster| {
            cluster.logging = Logging::Inline {
                loggers: [("rootLogger.level".to_owned(), "DEBUG".to_owned())].into(),
            };
            cluster
                .config
                .insert("log.retention.ms".to_owned(), "1".to_owned());
            cluster
                .config
                .insert("min.insync.replicas".to_owned(), "7".to_owned());
        }),
        []
    );
}

#[test]
fn reasons_are_named() {
    assert_eq!(
        cluster_changes(|cluster| drop(
            cluster
                .config
                .insert("log.retention.hours".to_owned(), "1".to_owned())
        )),
        configuration(&["log.retention.hours"])
    );
    assert_eq!(
        cluster_changes(|cluster| drop(cluster.config.remove("default.replication.factor"))),
        configuration(&["default.replication.factor"])
    );
    assert_eq!(
        cluster_changes(|cluster| drop(cluster.listeners.pop())),
        configuration(&["advertised.tls", "listener.tls"])
    );
    assert_eq!(
        cluster_changes(|cluster| cluster.listeners[0].tls = true),
        configuration(&["listener.plain"])
    );
    assert_eq!(
        cluster_changes(|cluster| cluster
            .pools
            .values_mut()
            .for_each(|pool| pool.jvm.gc_logging = true)),
        configuration(&["jvm.gcLogging"])
    );
    assert_eq!(
        cluster_changes(|cluster| cluster
            .pools
            .values_mut()
            .for_each(|pool| pool.storage = example::disks(2))),
        [configuration(&["directories"]), pod(&["volumes"])].concat()
    );
    assert_eq!(
        cluster_changes(|cluster| cluster.liveness.period_seconds = 3),
        pod(&["liveness"])
    );
    assert_eq!(
        cluster_changes(
            |cluster| cluster.template.pod.priority_class_name = Some("high".to_owned())
        ),
        pod(&["template"])
    );
    assert_eq!(
        cluster_changes(|cluster| {
            cluster.version = "4.2.1".parse::<KafkaVersion>().unwrap();
            cluster.image = "apache/kafka:4.2.1".to_owned();
        }),
        [
            Change::Version {
                from: "4.3.1".to_owned(),
                to: "4.2.1".to_owned()
            },
            Change::Image {
                from: "apache/kafka:4.3.1".to_owned(),
                to: "apache/kafka:4.2.1".to_owned()
            }
        ]
    );
}

#[test]
fn certificates_are_reloaded_not_restarted() {
    let changes = changes(|example| example.facts.generations.clients_certificate = 1);
    assert_eq!(changes, [Change::ClientsCaCertificate]);
    assert!(!changes[0].needs_restart());
}

#[test]
fn of_a_pod_that_others_made_nothing_is_said() {
    let ours = annotations(&example::single(), &NodeFacts::default());
    let theirs = [("strimzi.io/revision".to_owned(), "9a26b196".to_owned())].into();
    assert_eq!(revision::changes(&theirs, &ours), None);
}

/// When this fails, the next operator restarts every broker there is. Find another way.
#[test]
fn the_encoding_of_parts_never_changes() {
    let annotations = annotations(&example::single(), &NodeFacts::default());
    expect![[r#"{"config/advertised.plain":"c5fe3beb","config/advertised.tls":"00b4060b","config/default.replication.factor":"391552c0","config/directories":"753abdb5","config/listener.plain":"fa0b94e0","config/listener.tls":"f8ca178a","config/offsets.topic.replication.factor":"391552c0","config/roles":"6caf2756","config/transaction.state.log.min.isr":"391552c0","config/transaction.state.log.replication.factor":"391552c0","pod/image":"apache/kafka:4.3.1","pod/volumes":"a61a8e7e","version":"4.3.1"}"#]].assert_eq(&annotations[revision::PARTS]);
    expect!["e43f85cb"].assert_eq(&annotations[revision::CONFIGURATION_HASH]);
    expect!["87febfb8"].assert_eq(&annotations[revision::REVISION]);
}
