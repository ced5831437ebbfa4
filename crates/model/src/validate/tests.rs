use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

#[test]
fn all_problems_of_all_documents_of_all_files_are_told() {
    check(
        &[
            (
                "cluster.yaml",
                "# A comment.
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata:
  name: demo
spec:
  kafka:
    version: 9.9.9
    listeners: [{name: plain, port: 9092, type: internal, tls: false}]
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: a, labels: {strimzi.io/cluster: demo}}
spec: {replica: 3, roles: [broker], storage: {type: ephemeral}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: b, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 3, roles: [controller], storage: {type: jbod}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: anything}
data: {anything: goes}
",
            ),
            (
                "more.yaml",
                "---
kind: [oops
---
- a list
---
apiVersion: v1
kind: Secret
---
apiVersion: v1
kind: ConfigMap
metadata: {name: anything}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: nobodys}
spec: {replicas: 3, roles: [], storage: {type: ephemeral}}
",
            ),
        ],
        &expect![[r#"
            cluster.yaml:2: Kafka/demo
            cluster.yaml:11: KafkaNodePool/a
            cluster.yaml:16: KafkaNodePool/b
            cluster.yaml:21: ConfigMap/anything
            more.yaml:6: Secret/
            more.yaml:9: ConfigMap/anything
            more.yaml:13: KafkaNodePool/nobodys
            PROBLEM cluster.yaml:8: Kafka/demo spec.kafka.version: 9.9.9 is not allowed; allowed: one of 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1; with the annotation klamm.dev/metadata-store one of 3.9.1, 3.9.2; for example: 4.3.1
            PROBLEM cluster.yaml:14: KafkaNodePool/a spec.replicas is missing; allowed: a whole number, at least 0; for example: 3
            PROBLEM cluster.yaml:14: KafkaNodePool/a spec.replica is not a field; fields there: `jvmOptions`, `replicas`, `resources`, `roles`, `storage`, `template`; did you mean: replicas
            PROBLEM cluster.yaml:19: KafkaNodePool/b spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM more.yaml:2: / document cannot be read: line 2 column 7: unclosed bracket '['; allowed: YAML or JSON
            PROBLEM more.yaml:4: / document cannot be read: ["a list"]; allowed: a map with apiVersion, kind and metadata
            PROBLEM more.yaml:6: Secret/ metadata.name is missing; allowed: text; for example: my-cluster
            PROBLEM more.yaml:11: ConfigMap/anything metadata.name: anything is not allowed; allowed: each object once; the first is in cluster.yaml:21
            PROBLEM more.yaml:15: KafkaNodePool/nobodys metadata.labels["strimzi.io/cluster"] is missing; allowed: the name of the Kafka that the pool belongs to; for example: my-cluster
            PROBLEM more.yaml:16: KafkaNodePool/nobodys spec.roles is missing; allowed: `controller`, `broker` or both; for example: [controller, broker]
        "#]],
    );
}

#[test]
fn good_documents_come_back_and_warnings_do_not_stop_them() {
    check(
        &[(
            "-",
            "
apiVersion: v1
kind: List
items:
  - apiVersion: kafka.strimzi.io/v1
    kind: Kafka
    metadata: {name: demo}
    spec:
      kafka:
        config: {default.replication.factor: 1}
        listeners: [{name: plain, port: 9092, type: internal, tls: false}]
  - apiVersion: kafka.strimzi.io/v1
    kind: KafkaNodePool
    metadata: {name: a, labels: {strimzi.io/cluster: demo}}
    spec: {replicas: 1, roles: [broker, controller], storage: {type: ephemeral}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: orders, labels: {strimzi.io/cluster: demo}}
spec: {partitions: 3, config: {}}
",
        )],
        &expect![[r#"
            -:5: Kafka/demo
            -:12: KafkaNodePool/a
            -:17: KafkaTopic/orders
            warning -:5: Kafka/demo KafkaNodePool spec.storage: the only broker has ephemeral storage and loses its messages whenever its Pod goes.
            warning -:5: Kafka/demo KafkaNodePool spec.storage: the only controller has ephemeral storage and loses the cluster's metadata whenever its Pod goes.
            warning -:18: KafkaTopic/orders KafkaTopic is accepted, but topics are not made from it yet.
        "#]],
    );
}

#[test]
fn a_kafka_without_pools_among_the_documents_is_a_warning() {
    check(
        &[(
            "kafka.yaml",
            "{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {name: demo}, \
             spec: {kafka: {listeners: [{name: plain, port: 9092, type: internal, tls: false}]}}}",
        )],
        &expect![[r#"
            kafka.yaml:1: Kafka/demo
            warning kafka.yaml:1: Kafka/demo role broker: nothing runs without at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `broker` and a node; there is none among these documents.
            warning kafka.yaml:1: Kafka/demo role controller: nothing runs without at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; there is none among these documents.
        "#]],
    );
}

#[test]
fn what_stands_there_twice_is_told_and_counted_once() {
    let pool = "---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: a, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 3, roles: [broker, controller], storage: {type: persistent-claim, size: 1Gi}}
";
    let kafka = "---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec: {kafka: {config: {default.replication.factor: 3, min.insync.replicas: 2}, listeners: [{name: plain, port: 9092, type: internal, tls: false}]}}
";
    check(
        &[
            ("a.yaml", &format!("{kafka}{pool}")),
            ("b.yaml", &format!("{kafka}{pool}")),
        ],
        &expect![[r#"
            a.yaml:2: Kafka/demo
            a.yaml:7: KafkaNodePool/a
            b.yaml:2: Kafka/demo
            b.yaml:7: KafkaNodePool/a
            PROBLEM b.yaml:4: Kafka/demo metadata.name: demo is not allowed; allowed: each object once; the first is in a.yaml:2
            PROBLEM b.yaml:9: KafkaNodePool/a metadata.name: a is not allowed; allowed: each object once; the first is in a.yaml:7
        "#]],
    );
}

#[test]
fn clusters_of_the_same_name_in_two_namespaces_do_not_meet() {
    let cluster = |namespace: &str, replicas: u32| {
        format!(
            "---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {{name: demo, namespace: {namespace}}}
spec: {{kafka: {{listeners: [{{name: plain, port: 9092, type: internal, tls: false}}]}}}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {{name: a, namespace: {namespace}, labels: {{strimzi.io/cluster: demo}}}}
spec: {{replicas: {replicas}, roles: [broker, controller], storage: {{type: persistent-claim, size: 1Gi}}}}
"
        )
    };
    check(
        &[(
            "two.yaml",
            &format!("{}{}", cluster("one", 1), cluster("two", 0)),
        )],
        &expect![[r#"
            two.yaml:2: Kafka/demo
            two.yaml:7: KafkaNodePool/a
            two.yaml:12: Kafka/demo
            two.yaml:17: KafkaNodePool/a
            PROBLEM two.yaml:12: Kafka/demo role broker: none with this role and a node among the KafkaNodePools a; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `broker` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [broker]}
            PROBLEM two.yaml:12: Kafka/demo role controller: none with this role and a node among the KafkaNodePools a; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [controller]}
        "#]],
    );
}

fn check(sources: &[(&str, &str)], expected: &Expect) {
    let sources: Vec<Source<'_>> = sources
        .iter()
        .map(|(file, text)| Source { file, text })
        .collect();
    let validation = validate(&sources, &Settings::default());
    let mut text = String::new();
    for Document { place, object, .. } in &validation.documents {
        writeln!(text, "{place}: {}", subject(object)).unwrap();
    }
    for Located { place, what } in &validation.problems {
        writeln!(text, "PROBLEM {place}: {} {what}", what.subject).unwrap();
    }
    for Located { place, what } in &validation.warnings {
        writeln!(text, "warning {place}: {} {what}", what.subject).unwrap();
    }
    expected.assert_eq(&text);
}

#[test]
fn a_wrong_shape_does_not_hide_what_else_is_wrong() {
    check(
        &[(
            "-",
            "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec:
  kafka:
    version: 9.9.9
    colour: blue
    config: {broker.id: 1, min.insync.replicas: several}
    listeners:
      - {name: plain, port: 9092, type: internal, tls: no-idea}
      - {name: again, port: 9092, type: internal}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: a, labels: {strimzi.io/cluster: demo}}
spec: {replicas: -1, roles: [broker, controller], storage: {type: persistent-claim, sice: 1Gi}}
",
        )],
        &expect![[r#"
            -:2: Kafka/demo
            -:14: KafkaNodePool/a
            PROBLEM -:7: Kafka/demo spec.kafka.version: 9.9.9 is not allowed; allowed: one of 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1; with the annotation klamm.dev/metadata-store one of 3.9.1, 3.9.2; for example: 4.3.1
            PROBLEM -:8: Kafka/demo spec.kafka.colour is not a field; fields there: `authorization`, `brokerRackInitImage`, `config`, `image`, `jmxOptions`, `jvmOptions`, `listeners`, `livenessProbe`, `logging`, `metadataVersion`, `metricsConfig`, `quotas`, `rack`, `readinessProbe`, `template`, `tieredStorage`, `version`
            PROBLEM -:9: Kafka/demo spec.kafka.config["min.insync.replicas"]: several is not allowed; allowed: a whole number, at least 1; for example: 1
            PROBLEM -:9: Kafka/demo spec.kafka.config["broker.id"] cannot be set (to 1); instead: nothing: the operator sets it (for racks: spec.kafka.rack)
            PROBLEM -:11: Kafka/demo spec.kafka.listeners[0].tls: no-idea is not allowed; allowed: `true` or `false`; for example: true
            PROBLEM -:12: Kafka/demo spec.kafka.listeners[1].tls is missing; allowed: `true` or `false`; for example: true
            PROBLEM -:12: Kafka/demo spec.kafka.listeners[1].port: 9092 is not allowed; allowed: 9092 to 65535 without 9404 (metrics) and 9999 (JMX), unique among the listeners; for example: 9093
            PROBLEM -:17: KafkaNodePool/a spec.storage.size is missing; allowed: a size above zero, because the type is `persistent-claim`; for example: 100Gi
            PROBLEM -:17: KafkaNodePool/a spec.storage.sice is not a field; fields there: `class`, `deleteClaim`, `id`, `kraftMetadata`, `selector`, `size`, `sizeLimit`, `type`, `volumeAttributesClass`, `volumes`; did you mean: size
            PROBLEM -:17: KafkaNodePool/a spec.replicas: -1 is not allowed; allowed: a whole number, at least 0; for example: 3
        "#]],
    );
}

#[test]
fn each_problem_has_the_line_of_its_field_or_of_the_nearest_parent_that_is_there() {
    check(
        &[(
            "block.yaml",
            "# A comment.
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata:
  name: demo
spec:
  kafka:
    config:
      # Another one.
      broker.id: 1
    version: 9.9.9
    listeners:
      - name: plain
        port: 9092
        type: internal
        tls: false
      -
        name: second
        port: 80
        type: internal
--- # the next
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: a
  labels: {strimzi.io/cluster: demo}
spec:
  roles: [broker,
    controller,
    dancer]
  storage: {
    type: persistent-claim,
    sice: 1Gi
  }
",
        )],
        &expect![[r#"
            block.yaml:3: Kafka/demo
            block.yaml:23: KafkaNodePool/a
            PROBLEM block.yaml:11: Kafka/demo spec.kafka.config["broker.id"] cannot be set (to 1); instead: nothing: the operator sets it (for racks: spec.kafka.rack)
            PROBLEM block.yaml:12: Kafka/demo spec.kafka.version: 9.9.9 is not allowed; allowed: one of 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1; with the annotation klamm.dev/metadata-store one of 3.9.1, 3.9.2; for example: 4.3.1
            PROBLEM block.yaml:19: Kafka/demo spec.kafka.listeners[1].tls is missing; allowed: `true` or `false`; for example: true
            PROBLEM block.yaml:20: Kafka/demo spec.kafka.listeners[1].port: 80 is not allowed; allowed: a whole number, at least 9092; for example: 9094
            PROBLEM block.yaml:28: KafkaNodePool/a spec.replicas is missing; allowed: a whole number, at least 0; for example: 3
            PROBLEM block.yaml:31: KafkaNodePool/a spec.roles[2]: dancer is not allowed; allowed: one of `controller`, `broker`; for example: [broker]
            PROBLEM block.yaml:34: KafkaNodePool/a spec.storage.sice is not a field; fields there: `class`, `deleteClaim`, `id`, `kraftMetadata`, `selector`, `size`, `sizeLimit`, `type`, `volumeAttributesClass`, `volumes`; did you mean: size
        "#]],
    );
}

#[test]
fn behind_an_alias_and_in_json_a_problem_has_its_line_as_well() {
    check(
        &[
            (
                "anchors.yaml",
                "kind: List
apiVersion: v1
items:
- apiVersion: kafka.strimzi.io/v1
  kind: KafkaNodePool
  metadata: {name: b, labels: {strimzi.io/cluster: demo}}
  spec: &spec
    replicas: 1
    roles: [broker]
    storage:
      type: jbod
- apiVersion: kafka.strimzi.io/v1
  kind: KafkaNodePool
  metadata: {name: c, labels: {strimzi.io/cluster: demo}}
  spec: *spec
- apiVersion: kafka.strimzi.io/v1
  kind: KafkaNodePool
  metadata: {name: d, labels: {strimzi.io/cluster: demo}}
  spec:
    <<: *spec
    replicas: -1
",
            ),
            (
                "one.json",
                r#"{
  "apiVersion": "kafka.strimzi.io/v1",
  "kind": "KafkaNodePool",
  "metadata": {
    "name": "e",
    "labels": { "strimzi.io/cluster": "demo" }
  },
  "spec": {
    "replicas": "several",
    "roles": ["broker"],
    "storage": { "type": "ephemeral" }
  }
}
"#,
            ),
            (
                "broken.yaml",
                "apiVersion: v1
kind: ConfigMap
---
apiVersion: v1
metadata:
  name: a
  name: b
",
            ),
        ],
        &expect![[r#"
            anchors.yaml:4: KafkaNodePool/b
            anchors.yaml:12: KafkaNodePool/c
            anchors.yaml:16: KafkaNodePool/d
            one.json:1: KafkaNodePool/e
            broken.yaml:1: ConfigMap/
            PROBLEM anchors.yaml:10: KafkaNodePool/b spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:10: KafkaNodePool/c spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:10: KafkaNodePool/d spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:21: KafkaNodePool/d spec.replicas: -1 is not allowed; allowed: a whole number, at least 0; for example: 3
            PROBLEM broken.yaml:1: ConfigMap/ metadata.name is missing; allowed: text; for example: my-cluster
            PROBLEM broken.yaml:7: / document cannot be read: line 7 column 3: duplicate mapping key: name; allowed: YAML or JSON
            PROBLEM one.json:9: KafkaNodePool/e spec.replicas: several is not allowed; allowed: a whole number, at least 0; for example: 3
            warning anchors.yaml:6: KafkaNodePool/b metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning anchors.yaml:14: KafkaNodePool/c metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning anchors.yaml:18: KafkaNodePool/d metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning one.json:6: KafkaNodePool/e metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
        "#]],
    );
}

#[test]
fn a_pool_whose_kafka_is_not_among_the_documents_is_a_warning() {
    check(
        &[(
            "pool.yaml",
            "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec: {kafka: {config: {default.replication.factor: 1}, listeners: [{name: plain, port: 9092, type: internal, tls: false}]}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: a, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 1, roles: [broker, controller], storage: {type: persistent-claim, size: 1Gi}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: b
  labels:
    strimzi.io/cluster: demoo
spec: {replicas: 1, roles: [broker], storage: {type: persistent-claim, size: 1Gi}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: c, namespace: elsewhere, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 1, roles: [broker], storage: {type: persistent-claim, size: 1Gi}}
",
        )],
        &expect![[r#"
            pool.yaml:2: Kafka/demo
            pool.yaml:7: KafkaNodePool/a
            pool.yaml:12: KafkaNodePool/b
            pool.yaml:20: KafkaNodePool/c
            warning pool.yaml:17: KafkaNodePool/b metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demoo in its namespace; there is none among these documents; did you mean demo?
            warning pool.yaml:22: KafkaNodePool/c metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
        "#]],
    );
}

#[test]
fn what_yaml_reads_as_a_number_has_to_be_quoted() {
    check(
        &[(
            "kafka.yaml",
            "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec:
  kafka:
    version: 4.1
    metadataVersion: 3.0
    listeners: [{name: plain, port: 9092, type: internal, tls: false}]
",
        )],
        &expect![[r#"
            kafka.yaml:2: Kafka/demo
            PROBLEM kafka.yaml:7: Kafka/demo spec.kafka.version: 4.1 is not allowed; allowed: text, in quotes where YAML would read a number ("4.1"); for example: 4.3.1
            PROBLEM kafka.yaml:8: Kafka/demo spec.kafka.metadataVersion: 3.0 is not allowed; allowed: text, in quotes where YAML would read a number ("3.0"); for example: 4.3-IV0
            warning kafka.yaml:2: Kafka/demo role broker: nothing runs without at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `broker` and a node; there is none among these documents.
            warning kafka.yaml:2: Kafka/demo role controller: nothing runs without at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; there is none among these documents.
        "#]],
    );
}
