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
            PROBLEM more.yaml:6: Secret/ metadata.name is missing; allowed: lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters; for example: my-cluster
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
    expected.assert_eq(&told(sources));
}

/// Each of several texts by itself, with an empty line between what is told of them.
fn check_each(texts: &[String], expected: &Expect) {
    let told: Vec<String> = texts.iter().map(|text| told(&[("-", text)])).collect();
    expected.assert_eq(&told.join("\n"));
}

fn told(sources: &[(&str, &str)]) -> String {
    let sources: Vec<Source<'_>> = sources
        .iter()
        .map(|(file, text)| Source {
            file,
            text: Ok(text),
        })
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
    text
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
        ],
        &expect![[r#"
            anchors.yaml:4: KafkaNodePool/b
            anchors.yaml:12: KafkaNodePool/c
            anchors.yaml:16: KafkaNodePool/d
            one.json:1: KafkaNodePool/e
            PROBLEM anchors.yaml:10: KafkaNodePool/b spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:10: KafkaNodePool/c spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:10: KafkaNodePool/d spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
            PROBLEM anchors.yaml:21: KafkaNodePool/d spec.replicas: -1 is not allowed; allowed: a whole number, at least 0; for example: 3
            PROBLEM one.json:9: KafkaNodePool/e spec.replicas: several is not allowed; allowed: a whole number, at least 0; for example: 3
            warning anchors.yaml:6: KafkaNodePool/b metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning anchors.yaml:14: KafkaNodePool/c metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning anchors.yaml:18: KafkaNodePool/d metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
            warning one.json:6: KafkaNodePool/e metadata.labels["strimzi.io/cluster"]: no node of this pool runs without the Kafka demo in its namespace; there is none among these documents.
        "#]],
    );
}

#[test]
fn a_document_that_cannot_be_read_has_the_line_where_reading_ended() {
    check(
        &[(
            "broken.yaml",
            "apiVersion: v1
kind: ConfigMap
---
apiVersion: v1
metadata:
  name: a
  name: b
",
        )],
        &expect![[r#"
            broken.yaml:1: ConfigMap/
            PROBLEM broken.yaml:1: ConfigMap/ metadata.name is missing; allowed: lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters; for example: my-cluster
            PROBLEM broken.yaml:7: / document cannot be read: line 7 column 3: duplicate mapping key: name; allowed: YAML or JSON
        "#]],
    );
}

const POOL: &str = "
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: a, labels: {strimzi.io/cluster: demo}}
";

const KAFKA: &str = "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec: {kafka: {config: {default.replication.factor: 3}, listeners: [{name: plain, port: 9092, type: internal, tls: false}]}}
";

#[test]
fn of_a_type_that_is_not_known_nothing_is_said_that_depends_on_it() {
    let storages = [
        "{type: jbood}",
        "{type: jbood, volumes: [{id: 0, type: ephemeral}]}",
        "{type: jbood, size: 1Gi}",
    ];
    let texts = storages.map(|storage| {
        format!(
            "{KAFKA}---{POOL}spec: {{replicas: 3, roles: [broker, controller], storage: {storage}}}"
        )
    });
    check_each(
        &texts,
        &expect![[r#"
        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:10: KafkaNodePool/a spec.storage.type: jbood is not allowed; allowed: one of `ephemeral`, `persistent-claim`, `jbod`; for example: persistent-claim

        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:10: KafkaNodePool/a spec.storage.type: jbood is not allowed; allowed: one of `ephemeral`, `persistent-claim`, `jbod`; for example: persistent-claim

        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:10: KafkaNodePool/a spec.storage.type: jbood is not allowed; allowed: one of `ephemeral`, `persistent-claim`, `jbod`; for example: persistent-claim
    "#]],
    );
}

#[test]
fn nodes_are_not_counted_while_a_pool_cannot_be_read() {
    let ephemeral = "storage: {type: ephemeral}";
    let texts = [
        format!("{POOL}spec: {{replicas: one, roles: [broker, controller], {ephemeral}}}"),
        format!("{POOL}spec: {{replicas: 1, roles: [brokker, controller], {ephemeral}}}"),
        format!("{POOL}spec: [replicas: 1}}"),
        POOL.replace("name: a", "nam: a"),
    ];
    let texts = texts.map(|pool| format!("{KAFKA}---{pool}"));
    check_each(
        &texts,
        &expect![[r#"
        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:10: KafkaNodePool/a spec.replicas: one is not allowed; allowed: a whole number, at least 0; for example: 3

        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:10: KafkaNodePool/a spec.roles[0]: brokker is not allowed; allowed: one of `controller`, `broker`; for example: [broker]

        -:2: Kafka/demo
        PROBLEM -:10: / document cannot be read: line 10 column 7: mismatched bracket '[' closed by '}'; allowed: YAML or JSON

        -:2: Kafka/demo
        -:7: KafkaNodePool/
        PROBLEM -:7: KafkaNodePool/ spec is missing; allowed: a map with `replicas`, `storage`, `roles`; for example: {replicas: 0, storage: {type: ephemeral}, roles: […]}
        PROBLEM -:9: KafkaNodePool/ metadata.name is missing; allowed: lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters; for example: my-cluster
        PROBLEM -:9: KafkaNodePool/ metadata.nam is not a field; fields there: `annotations`, `creationTimestamp`, `deletionGracePeriodSeconds`, `deletionTimestamp`, `finalizers`, `generateName`, `generation`, `labels`, `managedFields`, `name`, `namespace`, `ownerReferences`, `resourceVersion`, `selfLink`, `uid`; did you mean: name
    "#]],
    );
}

#[test]
fn nothing_is_absent_while_a_document_cannot_be_read() {
    let pool = format!(
        "{POOL}spec: {{replicas: 3, roles: [broker, controller], storage: {{type: ephemeral}}}}"
    );
    let texts = [
        KAFKA.replace("{kafka: {", "{kafka: ["),
        KAFKA.replace("strimzi.io/v1", "strimzi.io/v1beta2"),
        KAFKA.replace("kind: Kafka", "kind: Kafak"),
        KAFKA.replace("name: demo", "nam: demo"),
    ];
    let texts = texts.map(|kafka| format!("{kafka}---{pool}"));
    check_each(
        &texts,
        &expect![[r#"
        -:7: KafkaNodePool/a
        PROBLEM -:5: / document cannot be read: line 5 column 15: mismatched bracket '[' closed by '}'; allowed: YAML or JSON

        -:2: Kafka/demo
        -:7: KafkaNodePool/a
        PROBLEM -:2: Kafka/demo apiVersion: kafka.strimzi.io/v1beta2 is not allowed; allowed: `kafka.strimzi.io/v1`; for example: kafka.strimzi.io/v1

        -:2: Kafak/demo
        -:7: KafkaNodePool/a
        PROBLEM -:3: Kafak/demo kind: Kafak is not allowed; allowed: one of `Kafka`, `KafkaNodePool`, `KafkaTopic`, `KafkaUser`, `KafkaConnect`, `KafkaConnector`, `KafkaMirrorMaker2`, `KafkaBridge`, `KafkaRebalance`; for example: Kafka

        -:2: Kafka/
        -:7: KafkaNodePool/a
        PROBLEM -:4: Kafka/ metadata.name is missing; allowed: lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters; for example: my-cluster
        PROBLEM -:4: Kafka/ metadata.nam is not a field; fields there: `annotations`, `creationTimestamp`, `deletionGracePeriodSeconds`, `deletionTimestamp`, `finalizers`, `generateName`, `generation`, `labels`, `managedFields`, `name`, `namespace`, `ownerReferences`, `resourceVersion`, `selfLink`, `uid`; did you mean: name
    "#]],
    );
    let unread = Source {
        file: "kafka.yaml",
        text: Err("Permission denied"),
    };
    let pool = Source {
        file: "pool.yaml",
        text: Ok(&pool),
    };
    let validation = validate(&[unread, pool], &Settings::default());
    assert_eq!(validation.warnings, []);
    assert_eq!(validation.problems.len(), 1);
}

#[test]
fn objects_of_kinds_that_are_not_known_are_told_apart() {
    let text = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: many}}
---
{apiVersion: foo/v1, kind: Bar, metadata: {name: e, namespace: My_Space, labels: {f: 1}}}
";
    let source = Source {
        file: "-",
        text: Ok(text),
    };
    let Validation {
        documents,
        problems,
        warnings,
        unchecked,
    } = validate(&[source], &Settings::default());
    assert_eq!((documents.len(), warnings.len()), (3, 0));
    let unchecked: Vec<String> = unchecked
        .iter()
        .map(|Located { place, what }| format!("{place} {what}"))
        .collect();
    assert_eq!(unchecked, ["-:4 Deployment/d", "-:6 Bar/e"]);
    let problems: Vec<String> = problems
        .iter()
        .map(|Located { place, what }| format!("{place} {what}"))
        .collect();
    expect![[r#"
        -:6 metadata.labels.f: 1 is not allowed; allowed: text, in quotes where YAML would read a number ("1"); for example: "1"
        -:6 metadata.namespace: My_Space is not allowed; allowed: a lower-case DNS label of at most 63 characters; for example: default"#]].assert_eq(&problems.join("\n"));
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
