use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

#[test]
fn a_good_document_has_no_violations() {
    report(
        "
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: dual
  labels: {strimzi.io/cluster: demo}
spec:
  replicas: 3
  roles: [controller, broker]
  storage: {type: jbod, volumes: [{id: 0, type: persistent-claim, size: 1Gi, kraftMetadata: shared}]}
  resources: {requests: {cpu: 2, memory: 4Gi}}
",
        &expect![""],
    );
}

#[test]
fn every_violation_is_named_with_path_value_allowed_and_example() {
    report(
        "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata:
  name: My_Cluster
  colour: red
spec:
  kafka:
    listener: []
    listeners:
      - {name: PLAIN, port: 9000, type: intern, tls: 'no'}
      - {name: tls, port: 9093, type: internal}
    config: {num.partitions: 3, anything: {goes: [here]}}
    jvmOptions: {-Xmx: lots}
    rack: {topologyKey: ''}
    metricsConfig: {type: jmxPrometheusExporter}
    livenessProbe: {timeoutSeconds: 1.5}
    template:
      pod:
        affinity: {nodeAfinity: {}}
      kafkaContainer:
        env: [{name: A}, {name: B, value: b, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    quotas: {type: strimzi, minAvailableRatioPerVolume: 2}
  clusterCa: yes please
",
        &expect![[r#"
            metadata.colour: UnknownField
              given   red
              allowed `annotations`, `creationTimestamp`, `deletionGracePeriodSeconds`, `deletionTimestamp`, `finalizers`, `generateName`, `generation`, `labels`, `managedFields`, `name`, `namespace`, `ownerReferences`, `resourceVersion`, `selfLink`, `uid`
              example 
            metadata.name: InvalidValue
              given   My_Cluster
              allowed lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters
              example my-cluster
            spec.clusterCa: InvalidValue
              given   yes please
              allowed a map of `certificateExpirationPolicy`, `generateCertificateAuthority`, `generateSecretOwnerReference`, `renewalDays`, `validityDays`
              example 
            spec.kafka.jvmOptions.-Xmx: InvalidValue
              given   lots
              allowed a number of bytes, or of mebibytes with `m`, of gibibytes with `g`
              example 2g
            spec.kafka.listener: UnknownField
              given   []
              allowed `authorization`, `brokerRackInitImage`, `config`, `image`, `jmxOptions`, `jvmOptions`, `listeners`, `livenessProbe`, `logging`, `metadataVersion`, `metricsConfig`, `quotas`, `rack`, `readinessProbe`, `template`, `tieredStorage`, `version`
              example listeners
            spec.kafka.listeners[0].name: InvalidValue
              given   PLAIN
              allowed 1 to 11 lower-case letters and digits
              example plain
            spec.kafka.listeners[0].port: InvalidValue
              given   9000
              allowed a whole number, at least 9092
              example 9094
            spec.kafka.listeners[0].tls: InvalidValue
              given   no
              allowed `true` or `false`
              example true
            spec.kafka.listeners[0].type: InvalidValue
              given   intern
              allowed one of `internal`, `route`, `tlsroute`, `loadbalancer`, `nodeport`, `ingress`, `cluster-ip`
              example internal
            spec.kafka.listeners[1].tls: MissingField
              given   
              allowed `true` or `false`
              example true
            spec.kafka.livenessProbe.timeoutSeconds: InvalidValue
              given   1.5
              allowed a whole number, at least 1
              example 1
            spec.kafka.metricsConfig.valueFrom: Conflict
              given   
              allowed a key of a ConfigMap, because the type is `jmxPrometheusExporter`
              example {configMapKeyRef: {name: kafka-metrics, key: kafka-metrics-config.yml}}
            spec.kafka.quotas.minAvailableRatioPerVolume: InvalidValue
              given   2
              allowed a number from 0 to 1
              example 0
            spec.kafka.rack.topologyKey: Conflict
              given   ""
              allowed the label of the Kubernetes nodes, because the type is `topology-label`
              example topology.kubernetes.io/zone
            spec.kafka.template.kafkaContainer.env[0]: MissingField
              given   
              allowed exactly one of `value`, `valueFrom`
              example value
            spec.kafka.template.kafkaContainer.env[1]: Conflict
              given   value and valueFrom
              allowed exactly one of `value`, `valueFrom`
              example value
            spec.kafka.template.pod.affinity.nodeAfinity: UnknownField
              given   {}
              allowed `nodeAffinity`, `podAffinity`, `podAntiAffinity`
              example nodeAffinity
        "#]],
    );
}

#[test]
fn rules_that_span_fields_are_checked_where_the_fields_are_right() {
    report(
        "
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: alice}
spec:
  authentication: {type: tls, validityDays: 30, renewalDays: 30}
",
        &expect![[r"
            spec.authentication.renewalDays: Conflict
              given   30
              allowed fewer days than `validityDays`
              example 30
        "]],
    );
    report(
        "
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: alice}
spec:
  authentication: {type: scram-sha-512, validityDays: 30}
",
        &expect![[r"
            spec.authentication.type: Conflict
              given   scram-sha-512
              allowed `tls`, because `validityDays` or `renewalDays` is set
              example tls
        "]],
    );
}

#[test]
fn a_kind_or_version_that_is_not_there_is_refused_with_the_list() {
    report(
        "{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePools, metadata: {name: a}}",
        &expect![[r#"
            kind: InvalidValue
              given   KafkaNodePools
              allowed one of `Kafka`, `KafkaNodePool`, `KafkaTopic`, `KafkaUser`, `KafkaConnect`, `KafkaConnector`, `KafkaMirrorMaker2`, `KafkaBridge`, `KafkaRebalance`
              example KafkaNodePool
        "#]],
    );
    report(
        "{apiVersion: kafka.strimzi.io/v1beta2, kind: KafkaTopic, metadata: {name: a}, spec: {}}",
        &expect![[r"
            apiVersion: InvalidValue
              given   kafka.strimzi.io/v1beta2
              allowed `kafka.strimzi.io/v1`
              example kafka.strimzi.io/v1
        "]],
    );
}

#[test]
fn kinds_of_other_groups_are_not_ours_to_judge() {
    let document =
        serde_json::json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}});
    assert_eq!(check(&document), None);
}

#[test]
fn null_counts_as_absent() {
    report(
        "{apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic, metadata: {name: a}, spec: {config: null, nonsense: null}}",
        &expect![""],
    );
    report(
        "{apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic, metadata: {name: a}, spec: null}",
        &expect![[r"
            spec: MissingField
              given   
              allowed a map of `config`, `partitions`, `replicas`, `topicName`
              example 
        "]],
    );
}

#[test]
fn a_text_that_looks_like_what_is_asked_for_is_shown_with_its_quotes() {
    report(
        r#"
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: dual, labels: {strimzi.io/cluster: demo, tier: 1, on: true}}
spec:
  replicas: "3"
  roles: "[broker]"
  storage: {type: jbod, volumes: [{id: "-1.5", type: ephemeral, deleteClaim: "True"}, {id: one, type: ephemeral}]}
  jvmOptions: {gcLoggingEnabled: "no"}
"#,
        &expect![[r#"
            metadata.labels.on: InvalidValue
              given   true
              allowed text, in quotes where YAML would read a truth value ("true")
              example "true"
            metadata.labels.tier: InvalidValue
              given   1
              allowed text, in quotes where YAML would read a number ("1")
              example "1"
            spec.jvmOptions.gcLoggingEnabled: InvalidValue
              given   no
              allowed `true` or `false`
              example true
            spec.replicas: InvalidValue
              given   "3"
              allowed a whole number, at least 0, without quotes
              example 3
            spec.roles: InvalidValue
              given   "[broker]"
              allowed a list, without quotes
              example [broker]
            spec.storage.volumes[0].deleteClaim: InvalidValue
              given   "True"
              allowed `true` or `false`, without quotes
              example true
            spec.storage.volumes[0].id: InvalidValue
              given   "-1.5"
              allowed a whole number, at least 0
              example 0
            spec.storage.volumes[1].id: InvalidValue
              given   one
              allowed a whole number, at least 0
              example 0
        "#]],
    );
}

#[test]
fn a_number_too_large_for_64_bits_is_shown_in_digits() {
    report(
        "
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: dual}
spec: {replicas: 100000000000000000000, roles: [broker], storage: {type: ephemeral}}
",
        &expect![[r#"
            spec.replicas: InvalidValue
              given   100000000000000000000
              allowed a whole number, at least 0
              example 3
        "#]],
    );
}

fn report(yaml: &str, expected: &Expect) {
    let document: Value = serde_saphyr::from_str(yaml).unwrap();
    expected.assert_eq(&lines(check(&document).unwrap()));
}

/// Violations as the expectations of tests have them.
pub(crate) fn lines(violations: Vec<Violation>) -> String {
    let mut lines = String::new();
    for Violation {
        path,
        kind,
        given,
        allowed,
        example,
    } in violations
    {
        writeln!(
            lines,
            "{path}: {kind:?}\n  given   {given}\n  allowed {allowed}\n  example {example}"
        )
        .unwrap();
    }
    lines
}
