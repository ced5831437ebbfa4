use expect_test::{Expect, expect};

use super::*;

#[test]
fn a_list_is_explained_with_the_fields_of_its_items() {
    check(
        "kafka.spec.kafka.listeners",
        &expect![[r#"
            Kafka.spec.kafka.listeners: list of maps, required
              How clients reach the brokers; at least one.
              example  [{name: plain, port: 9092, type: internal, tls: false}]
              Klamm    each becomes a Kafka listener and, by type, Services, Routes, Ingresses or TLSRoutes; status.listeners tells the addresses
              locally  brokers bind and advertise their loopback address, so that programs on this machine connect without DNS

              authentication      map                      How clients prove who they are. Absent: they need not.
              configuration       map                      Details: addresses, Services, certificates, limits.
              name                text, required           Its name: at most 11 lower-case letters and digits, unique in the cluster.
              networkPolicyPeers  list of maps             Who may connect, as `NetworkPolicy` peers. Absent: everybody.
              port                whole number, required   Its port inside the cluster: 9092 or above, but not 9404 or 9999.
              tls                 true or false, required  Whether connections are encrypted.
              type                text, required           Who can reach it, and how.
        "#]],
    );
}

#[test]
fn of_annotations_those_that_something_comes_of_are_listed() {
    check(
        "kafka.metadata.annotations",
        &expect![[r#"
        Kafka.metadata.annotations: map of texts
          allowed  text
          Klamm    reads these; `klamm validate` warns of others below klamm.dev/ and of Strimzi's that are not acted on

          klamm.dev/accept-empty-volumes     text  names, with commas, of volume claims that may be formatted though they were expected to hold data
          klamm.dev/metadata-store           text  `zookeeper`, `etcd://…` or `etcds://…`: Kafka 3.9 with its metadata there; without it in KRaft
          klamm.dev/metadata-store-class     text  the storage class of the store's volumes
          klamm.dev/metadata-store-replicas  text  how many servers of ZooKeeper's protocol there are; 3 without it
          klamm.dev/metadata-store-secret    text  the Secret with what an etcd that is there asks for
          klamm.dev/metadata-store-size      text  the size of each volume of the store; 8Gi without it
          klamm.dev/rack-through-node        text  `true`: brokers read their rack from the labels of their Node
          strimzi.io/pause-reconciliation    text  `true`: nothing is done until it is taken off
    "#]],
    );
    check(
        "knp.metadata.annotations",
        &expect![[r#"
        KafkaNodePool.metadata.annotations: map of texts
          allowed  text
          Klamm    reads these; `klamm validate` warns of others below klamm.dev/ and of Strimzi's that are not acted on

          strimzi.io/next-node-ids    text  ids for new nodes, such as [0, 10-19]
          strimzi.io/remove-node-ids  text  ids of nodes to remove first
    "#]],
    );
    check(
        "kafka.metadata.annotations.klamm.dev/metadata-store-size",
        &expect![[r#"
            Kafka.metadata.annotations["klamm.dev/metadata-store-size"]: text
              Klamm    the size of each volume of the store; 8Gi without it
        "#]],
    );
}

#[test]
fn the_kind_may_be_given_by_any_name_and_indices_are_passed_over() {
    check(
        "knp.spec.storage.volumes[0].kraftMetadata",
        &expect![[r#"
            KafkaNodePool.spec.storage.volumes.kraftMetadata: text
              `shared` if the cluster's metadata lives on this volume. At most one volume may say so.
              allowed  `shared`
              example  shared
              default  the volume with the lowest id
              Klamm    the cluster's metadata log lives on this volume
        "#]],
    );
    check(
        "kafkatopics",
        &expect![[r#"
        KafkaTopic: map
          example  {spec: …}
          Klamm    topics are not made from it yet

          apiVersion  text           The version of the API that this object is written in.
          kind        text           The kind of this object.
          metadata    map
          spec        map, required  What is asked for.
          status      map            What is known.
    "#]],
    );
}

#[test]
fn what_nothing_acts_on_says_so_also_deep_inside() {
    check(
        "kafka.spec.cruiseControl.brokerCapacity.cpu",
        &expect![[r#"
            Kafka.spec.cruiseControl.brokerCapacity.cpu: text
              Processor cores, such as `1` or `500m`.
              allowed  processor cores, or thousandths of them with `m`
              example  500m
              Klamm    partitions are not rebalanced yet
        "#]],
    );
    check(
        "kafka.spec.kafka.config",
        &expect![[r#"
            Kafka.spec.kafka.config: map of anything
              Broker configuration, key by key. Keys that would break the cluster's own wiring are refused.
              allowed  a map
              example  {default.replication.factor: 3, min.insync.replicas: 2}
              default  Kafka's own; min.insync.replicas is 1
              Klamm    goes into server.properties; keys that belong to the operator (listeners, ssl., log.dirs, node.id …) are refused by name
              locally  where it is silent, small buffers make the start fast
        "#]],
    );
    check(
        "KafkaNodePool.spec.resources.limits",
        &expect![[r#"
        KafkaNodePool.spec.resources.limits: map of number or text
          The most that the container may use.
          allowed  an amount: a number with an optional unit (`m`, `k`, `M`, `G`, `Ki`, `Mi`, `Gi` …)
          example  500m
    "#]],
    );
}

#[test]
fn keys_of_kafkas_own_configuration_are_explained() {
    check(
        "kafka.spec.kafka.config.log.cleanup.policy",
        &expect![[r#"
            Kafka.spec.kafka.config.log.cleanup.policy: list
              A key of Kafka's own configuration.
              allowed  some of `compact`, `delete`, with commas
              default  delete
              Klamm    goes into server.properties
        "#]],
    );
    check(
        "kafka.spec.kafka.config.group.share.max.delivery.count.limit",
        &expect![[r#"
            Kafka.spec.kafka.config.group.share.max.delivery.count.limit: int
              A key of Kafka's own configuration.
              allowed  a whole number from 5 to 25
              default  10
              Klamm    goes into server.properties; Kafka knows it from 4.3.0 on
        "#]],
    );
}

#[test]
fn a_path_that_leads_nowhere_says_how_far_it_led() {
    check(
        "kafka.spec.kafka.listener.port",
        &expect![[r#"
        error: Kafka.spec.kafka.listener is not there; known here: authorization, brokerRackInitImage, config, image, jmxOptions, jvmOptions, listeners, livenessProbe, logging, metadataVersion, metricsConfig, quotas, rack, readinessProbe, template, tieredStorage, version; did you mean listeners?
    "#]],
    );
    check(
        "kafkas.spec.kafka.version.major",
        &expect![[r#"
        error: Kafka.spec.kafka.version.major is not there; known here: no fields
    "#]],
    );
    check(
        "kafkaa",
        &expect![[r#"
            error: a kind "kafkaa" is not there; known here: Kafka, KafkaNodePool, KafkaTopic, KafkaUser, KafkaConnect, KafkaConnector, KafkaMirrorMaker2, KafkaBridge, KafkaRebalance, KafkaPlan; did you mean Kafka?
        "#]],
    );
}

#[test]
fn every_note_is_about_a_field_that_exists() {
    for Note { kind, path, .. } in NOTES {
        let full = format!("{kind}.{path}");
        assert!(
            explain(&full).is_ok_and(|found| found.path == *path),
            "{full}"
        );
    }
}

fn check(path: &str, expected: &Expect) {
    let text = match explain(path) {
        Ok(explanation) => explanation.to_string(),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&text);
}
