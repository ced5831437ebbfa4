use std::fmt::Write;

use expect_test::{Expect, expect};
use resources::{Kafka, KafkaNodePool};
use serde_json::Value;

use super::*;
use crate::problem::WarningReason;

/// A pool of three dual-role nodes.
const POOL: &str = "
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: dual, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 3, roles: [controller, broker], storage: {type: persistent-claim, size: 1Gi}}
";

/// What keeps the usual doubts quiet.
const CONFIG: &str = "config: {default.replication.factor: 3, min.insync.replicas: 2}";

#[test]
fn a_plain_cluster_is_filled_with_defaults() {
    let parsed = parse(&format!("{}{POOL}", kafka("")));
    assert_eq!(parsed.warnings, []);
    let cluster = parsed.cluster.unwrap();
    let text = serde_json::to_string_pretty(&cluster).unwrap();
    expect_test::expect_file!["tests/plain.json"].assert_eq(&text);
}

#[test]
fn a_version_that_is_not_known_is_refused_with_the_list() {
    problems(
        &kafka("version: 4.4.0, metadataVersion: 5.0-IV1"),
        &expect![[r#"
            Kafka/demo UnsupportedVersion spec.kafka.version: 4.4.0 is not allowed; allowed: one of 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1; with the annotation klamm.dev/metadata-store one of 3.9.1, 3.9.2; for example: 4.3.1
            Kafka/demo UnsupportedVersion spec.kafka.metadataVersion: 5.0-IV1 is not allowed; allowed: one of 3.3-IV3, 3.4-IV0, 3.5-IV0, 3.5-IV1, 3.5-IV2, 3.6-IV0, 3.6-IV1, 3.6-IV2, 3.7-IV0, 3.7-IV1, 3.7-IV2, 3.7-IV3, 3.7-IV4, 3.8-IV0, 3.9-IV0, 4.0-IV0, 4.0-IV1, 4.0-IV2, 4.0-IV3, 4.1-IV0, 4.1-IV1, 4.2-IV0, 4.2-IV1, 4.3-IV0; for example: 4.3-IV0
        "#]],
    );
    problems(
        &kafka("version: 4.2.1, metadataVersion: 4.3-IV0"),
        &expect![[r#"
        Kafka/demo UnsupportedVersion spec.kafka.metadataVersion: 4.3-IV0 is not allowed; allowed: at most 4.2-IV1, because Kafka 4.2.1 knows no newer one; for example: 4.2-IV1
    "#]],
    );
}

#[test]
fn every_problem_of_every_listener_is_told_at_once() {
    problems(
        "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec:
  kafka:
    config: {default.replication.factor: 3, min.insync.replicas: 2}
    listeners:
      - {name: plain, port: 9092, type: internal, tls: false, authentication: {type: tls}}
      - {name: plain, port: 9092, type: internal, tls: true, configuration: {class: mine, hostTemplate: my-host, ipFamilies: [IPv4]}}
      - {name: metrics, port: 9404, type: nodeport, tls: false, configuration: {brokerCertChainAndKey: {secretName: '', certificate: a, key: b}}}
      - {name: web, port: 9095, type: ingress, tls: false}
      - name: gate
        port: 9096
        type: tlsroute
        tls: true
        configuration: {bootstrap: {host: b.example.com, nodePort: 3}, brokers: [{broker: 0, host: a}, {broker: 0, nodePort: 30000}, {broker: 7}]}
      - name: own
        port: 9097
        type: cluster-ip
        tls: true
        authentication: {type: custom, sasl: true, listenerConfig: {ssl.keystore.location: /x, oauth: {a: b}, sasl.enabled.mechanisms: oauthbearer}}
        configuration: {advertisedPortTemplate: 9000 / 2}
",
        &expect![[r#"
            Kafka/demo Conflict spec.kafka.listeners[0].authentication.type: tls is not allowed; allowed: `scram-sha-512` or `custom`, because the listener has `tls: false`; for example: scram-sha-512
            Kafka/demo Duplicate spec.kafka.listeners[1].name: plain is not allowed; allowed: a name that no other listener has
            Kafka/demo Duplicate spec.kafka.listeners[1].port: 9092 is not allowed; allowed: 9092 to 65535 without 9404 (metrics) and 9999 (JMX), unique among the listeners; for example: 9093
            Kafka/demo Conflict spec.kafka.listeners[1].configuration.ipFamilies: a listener of type `internal` is not allowed; allowed: this field only with type `cluster-ip`, `nodeport`, `loadbalancer`, `ingress`, `route`, `tlsroute`
            Kafka/demo Conflict spec.kafka.listeners[1].configuration.class: a listener of type `internal` is not allowed; allowed: this field only with type `ingress`, `loadbalancer`
            Kafka/demo Conflict spec.kafka.listeners[1].configuration.hostTemplate: a listener of type `internal` is not allowed; allowed: this field only with type `route`, `ingress`, `tlsroute`
            Kafka/demo InvalidValue spec.kafka.listeners[2].port: 9404 is not allowed; allowed: 9092 to 65535 without 9404 (metrics) and 9999 (JMX), unique among the listeners; for example: 9092
            Kafka/demo Conflict spec.kafka.listeners[2].configuration.brokerCertChainAndKey: "" is not allowed; allowed: no certificate, because the listener has `tls: false`
            Kafka/demo InvalidValue spec.kafka.listeners[2].configuration.brokerCertChainAndKey.secretName: "" is not allowed; allowed: text that is not empty; for example: my-secret
            Kafka/demo Conflict spec.kafka.listeners[3].tls: false is not allowed; allowed: `true`, because the type `ingress` passes TLS on; for example: true
            Kafka/demo MissingField spec.kafka.listeners[3].configuration.bootstrap.host is missing; allowed: a host name, because the type is `ingress`; for example: bootstrap.example.com
            Kafka/demo MissingField spec.kafka.listeners[3].configuration.hostTemplate is missing; allowed: a host name for each broker, because the type is `ingress` (or one in `brokers` for each of 0, 1, 2); for example: broker-{nodeId}.example.com
            Kafka/demo Conflict spec.kafka.listeners[4].configuration.bootstrap.nodePort: a listener of type `tlsroute` is not allowed; allowed: this field only with type `nodeport`, `loadbalancer`
            Kafka/demo Conflict spec.kafka.listeners[4].configuration.brokers[1].nodePort: a listener of type `tlsroute` is not allowed; allowed: this field only with type `nodeport`, `loadbalancer`
            Kafka/demo Duplicate spec.kafka.listeners[4].configuration.brokers[1].broker: 0 is not allowed; allowed: each broker once
            Kafka/demo MissingField spec.kafka.listeners[4].configuration.parentRefs is missing; allowed: the Gateway that routes attach to, because the type is `tlsroute`; for example: [{name: my-gateway, sectionName: kafka}]
            Kafka/demo MissingField spec.kafka.listeners[4].configuration.hostTemplate is missing; allowed: a host name for each broker, because the type is `tlsroute` (or one in `brokers` for each of 0, 1, 2); for example: broker-{nodeId}.example.com
            Kafka/demo InvalidValue spec.kafka.listeners[5].authentication.listenerConfig["oauth"]: {"a":"b"} is not allowed; allowed: text, a number, `true` or `false`; for example: 3
            Kafka/demo Forbidden spec.kafka.listeners[5].authentication.listenerConfig["ssl.keystore.location"] cannot be set (to /x); instead: brokerCertChainAndKey in the listener's configuration
            Kafka/demo InvalidValue spec.kafka.listeners[5].configuration.advertisedPortTemplate: 9000 / 2 is not allowed; allowed: numbers and `{nodeId}`, joined by `+`, `-` or `*`; for example: 9000 + {nodeId}
        "#]],
    );
}

#[test]
fn forbidden_keys_are_refused_by_name_and_exceptions_pass() {
    problems(
        &kafka(
            "config: {default.replication.factor: 4, min.insync.replicas: 2, log.dirs: /data, node.id: 1, super.users: 'User:a', \
             SSL.keystore.type: PEM, ssl.cipher.suites: TLS_AES_256_GCM_SHA384, controller.quorum.fetch.timeout.ms: 2000, \
             listener.name.plain-9092.max.connections: 5, listener.name.other-9093.max.connections: 5, \
             a.list: [1], 'two words': x, 'two.lines': \"a\\nb\", transaction.state.log.min.isr: many, nothing: null}",
        ),
        &expect![[r#"
            Kafka/demo Forbidden spec.kafka.config["SSL.keystore.type"] cannot be set (to PEM); instead: spec.kafka.listeners
            Kafka/demo InvalidValue spec.kafka.config["a.list"]: [1] is not allowed; allowed: text, a number, `true` or `false`; for example: 3
            Kafka/demo Forbidden spec.kafka.config["listener.name.other-9093.max.connections"] cannot be set (to 5); instead: spec.kafka.listeners
            Kafka/demo Forbidden spec.kafka.config["log.dirs"] cannot be set (to /data); instead: spec.storage of the KafkaNodePool
            Kafka/demo Forbidden spec.kafka.config["node.id"] cannot be set (to 1); instead: nothing: the operator sets it
            Kafka/demo Forbidden spec.kafka.config["super.users"] cannot be set (to User:a); instead: spec.kafka.authorization.superUsers
            Kafka/demo InvalidValue spec.kafka.config["two words"]: x is not allowed; allowed: a key without space, `=`, `:` or `\`, not beginning with `#` or `!`; for example: num.partitions
            Kafka/demo Conflict spec.kafka.config["default.replication.factor"]: 4 is not allowed; allowed: a whole number from 1 to 3, because the KafkaNodePools ask for 3 brokers; for example: 3
            Kafka/demo Conflict spec.kafka.config["transaction.state.log.min.isr"]: many is not allowed; allowed: a whole number from 1 to 3, because the KafkaNodePools ask for 3 brokers; for example: 3
        "#]],
    );
}

#[test]
fn values_that_kafka_would_refuse_are_refused_before_it_starts() {
    problems(
        &kafka(
            "config: {default.replication.factor: 3, min.insync.replicas: 2, num.partitions: 0, log.retention.hours: a week, \
             log.retention.bytes: 100000000000000000000, compression.type: rar, auto.create.topics.enable: 'perhaps', log.cleanup.policy: 'compact,drop', my.plugin.setting: x, \
             my.plugin.password: '${strimzisecrets:ns/secret:key}'}",
        ),
        &expect![[r#"
            Kafka/demo InvalidValue spec.kafka.config["auto.create.topics.enable"]: perhaps is not allowed; allowed: `true` or `false`; for example: true
            Kafka/demo InvalidValue spec.kafka.config["compression.type"]: rar is not allowed; allowed: one of `uncompressed`, `zstd`, `lz4`, `snappy`, `gzip`, `producer`; for example: producer
            Kafka/demo InvalidValue spec.kafka.config["log.cleanup.policy"]: compact,drop is not allowed; allowed: some of `compact`, `delete`, with commas; for example: delete
            Kafka/demo InvalidValue spec.kafka.config["log.retention.bytes"]: 100000000000000000000 is not allowed; allowed: a whole number from -9223372036854775808 to 9223372036854775807; for example: -1
            Kafka/demo InvalidValue spec.kafka.config["log.retention.hours"]: a week is not allowed; allowed: a whole number; for example: 168
            Kafka/demo Unsupported spec.kafka.config["my.plugin.password"]: ${strimzisecrets:ns/secret:key} is not allowed; allowed: no reference to a Secret: mount it (template.pod.volumes) and read it with a provider of Kafka's; for example: ${mine:/mnt/my-secret:password} with config.providers: mine
            Kafka/demo InvalidValue spec.kafka.config["num.partitions"]: 0 is not allowed; allowed: a whole number from 1 to 2147483647; for example: 1
        "#]],
    );
    warnings(
        &format!(
            "{}{POOL}",
            kafka(
                "version: 4.2.1, config: {default.replication.factor: 3, min.insync.replica: 2, min.insync.replicas: 2, \
                 log.retention.ms: , num.partitions: null, group.share.max.delivery.count.limit: 6}"
            )
        ),
        &expect![[r#"
            Kafka/demo UnknownFields spec.kafka.config["group.share.max.delivery.count.limit"]: is not known to Kafka 4.2.1, only to releases from 4.3.0 on.
            Kafka/demo FieldNotActedOn spec.kafka.config["log.retention.ms"]: has no effect: no value stands there (null); give it one, or leave the key out.
            Kafka/demo UnknownFields spec.kafka.config["min.insync.replica"]: is not a key of Kafka; did you mean min.insync.replicas?
            Kafka/demo FieldNotActedOn spec.kafka.config["num.partitions"]: has no effect: no value stands there (null); give it one, or leave the key out.
        "#]],
    );
}

#[test]
fn storage_that_cannot_be_is_refused() {
    let pool = |storage: &str| {
        format!(
            "{}\n---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {{name: a, labels: {{strimzi.io/cluster: demo}}}}\n\
             spec: {{replicas: 3, roles: [broker, controller], storage: {storage}}}",
            kafka("")
        )
    };
    for (storage, expected) in [
        (
            "{type: jbod}",
            expect![[r#"
            KafkaNodePool/a MissingField spec.storage.volumes is missing; allowed: at least one volume, because the type is `jbod`; for example: [{id: 0, type: persistent-claim, size: 100Gi}]
        "#]],
        ),
        (
            "{type: persistent-claim}",
            expect![[r#"
            KafkaNodePool/a MissingField spec.storage.size is missing; allowed: a size above zero, because the type is `persistent-claim`; for example: 100Gi
        "#]],
        ),
        (
            "{type: persistent-claim, size: '0', sizeLimit: 1Gi}",
            expect![[r#"
                KafkaNodePool/a InvalidValue spec.storage.size: 0 is not allowed; allowed: a size above zero; for example: 100Gi
            "#]],
        ),
        (
            "{type: jbod, volumes: [{type: ephemeral, size: 1Gi}, {id: 1, type: persistent-claim, size: big, kraftMetadata: shared}, \
             {id: 1, type: ephemeral, sizeLimit: 1Gi, kraftMetadata: shared}, {id: 1, type: ephemeral}]}",
            expect![[r#"
                KafkaNodePool/a MissingField spec.storage.volumes[0].id is missing; allowed: a number from 0, unique in this list; for example: 0
                KafkaNodePool/a InvalidValue spec.storage.volumes[1].size: big is not allowed; allowed: a size above zero; for example: 100Gi
                KafkaNodePool/a Duplicate spec.storage.volumes[2].kraftMetadata: shared is not allowed; allowed: on one volume of a node at most
                KafkaNodePool/a Duplicate spec.storage.volumes[3].id: 1 is not allowed; allowed: a number that no other volume here has
            "#]],
        ),
    ] {
        problems_alone(&pool(storage), &expected);
    }
}

#[test]
fn a_cluster_needs_a_controller_and_a_broker() {
    problems_alone(
        &kafka(""),
        &expect![[r#"
            Kafka/demo MissingReference role controller: no KafkaNodePool; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [controller]}
            Kafka/demo MissingReference role broker: no KafkaNodePool; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `broker` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [broker]}
        "#]],
    );
    problems_alone(
        &format!(
            "{}{}",
            kafka(""),
            POOL.replace("[controller, broker]", "[broker]")
                .replace("{name: dual", "{name: brokers")
        ),
        &expect![[r#"
            Kafka/demo MissingReference role controller: none with this role and a node among the KafkaNodePools brokers; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [controller]}
        "#]],
    );
    problems_alone(
        &format!(
            "{}{}",
            kafka(""),
            POOL.replace("[controller, broker]", "[]")
        ),
        &expect![[r#"
            Kafka/demo MissingReference role controller: none with this role and a node among the KafkaNodePools dual; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `controller` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [controller]}
            Kafka/demo MissingReference role broker: none with this role and a node among the KafkaNodePools dual; needed: at least one KafkaNodePool in this namespace with the label strimzi.io/cluster: demo, the role `broker` and a node; for example: kind: KafkaNodePool, metadata: {labels: {strimzi.io/cluster: demo}}, spec: {replicas: 3, roles: [broker]}
            KafkaNodePool/dual MissingField spec.roles is missing; allowed: `controller`, `broker` or both; for example: [controller, broker]
        "#]],
    );
}

#[test]
fn what_belongs_to_the_operator_cannot_be_taken_by_templates() {
    problems(
        &kafka(
            "template: {pod: {metadata: {labels: {strimzi.io/name: x, team: a}}, tmpDirSizeLimit: none, \
             volumes: [{name: data-0, secret: {secretName: s}}, {name: A, configMap: {name: c}}, {name: two, secret: {secretName: s}, emptyDir: {}}, {name: none}]}, \
             kafkaContainer: {env: [{name: KLAMM_FORMAT, value: initial}, {value: x}], \
             volumeMounts: [{name: gone, mountPath: /mnt/gone}, {name: two, mountPath: /etc}]}}",
        ),
        &expect![[r#"
            Kafka/demo InvalidValue spec.kafka.template.pod.tmpDirSizeLimit: none is not allowed; allowed: a size above zero; for example: 10Mi
            Kafka/demo Duplicate spec.kafka.template.pod.volumes[0].name: data-0 is not allowed; allowed: 1 to 63 lower-case letters, digits and `-`, unique among the Pod's volumes; for example: my-volume
            Kafka/demo InvalidValue spec.kafka.template.pod.volumes[1].name: A is not allowed; allowed: 1 to 63 lower-case letters, digits and `-`, unique among the Pod's volumes; for example: my-volume
            Kafka/demo Conflict spec.kafka.template.pod.volumes[2]: 2 sources is not allowed; allowed: exactly one source
            Kafka/demo MissingField spec.kafka.template.pod.volumes[3] is missing; allowed: a source beside the name, such as `secret` or `configMap`; for example: {name: my-volume, secret: {secretName: my-secret}}
            Kafka/demo Forbidden spec.kafka.template.pod.metadata.labels["strimzi.io/name"] cannot be set (to x); instead: a key that begins neither with `strimzi.io/` nor with `klamm.dev/`; for example: example.com/team
            Kafka/demo Forbidden spec.kafka.template.kafkaContainer.env[0].name cannot be set (to KLAMM_FORMAT); instead: a name that the operator does not set itself; for example: MY_VARIABLE
            Kafka/demo MissingField spec.kafka.template.kafkaContainer.env[1].name is missing; allowed: the name of an environment variable; for example: MY_VARIABLE
            Kafka/demo Forbidden spec.kafka.template.kafkaContainer.volumeMounts[1].mountPath cannot be set (to /etc); instead: a path below /mnt; for example: /mnt/my-volume
            Kafka/demo Conflict spec.kafka.template.kafkaContainer.volumeMounts[0].name: gone is not allowed; allowed: the name of a volume in `pod.volumes` or `pod.templatedVolumes`; for example: data-0
        "#]],
    );
}

#[test]
fn other_fields_that_exclude_each_other_are_refused() {
    problems(
        "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo, labels: {strimzi.io/name: x}}
spec:
  clusterCa: {validityDays: 20}
  maintenanceTimeWindows: ['* * * * *']
  kafka:
    config: {default.replication.factor: 3, min.insync.replicas: 2}
    listeners: [{name: plain, port: 9092, type: internal, tls: false}]
    authorization: {type: custom, superUsers: ['a;b']}
    rack: {type: environment-variable}
    quotas: {type: strimzi, minAvailableBytesPerVolume: 1, minAvailableRatioPerVolume: 0.1}
    metricsConfig: {type: jmxPrometheusExporter, valueFrom: {configMapKeyRef: {name: m}}}
    logging: {type: external}
    jvmOptions: {-Xms: 4g, -Xmx: 2048m, javaSystemProperties: [{value: x}]}
    livenessProbe: {successThreshold: 2, timeoutSeconds: 0}
    tieredStorage: {type: custom}
",
        &expect![[r#"
            Kafka/demo Conflict spec.kafka.jvmOptions.-Xms: 4g is not allowed; allowed: at most -Xmx, which is 2048m; for example: 2048m
            Kafka/demo MissingField spec.kafka.jvmOptions.javaSystemProperties[0].name is missing; allowed: the name of a system property; for example: java.io.tmpdir
            Kafka/demo Conflict spec.kafka.quotas.minAvailableBytesPerVolume: 1 is not allowed; allowed: either this or `minAvailableRatioPerVolume`
            Kafka/demo Forbidden metadata.labels["strimzi.io/name"] cannot be set (to x); instead: a key that begins neither with `strimzi.io/` nor with `klamm.dev/`; for example: example.com/team
            Kafka/demo InvalidValue spec.kafka.authorization.superUsers[0]: a;b is not allowed; allowed: a principal, without `;`; for example: CN=my-user
            Kafka/demo MissingField spec.kafka.authorization.authorizerClass is missing; allowed: the class of the authorizer, because the type is `custom`; for example: com.example.Authorizer
            Kafka/demo Conflict spec.clusterCa.renewalDays: 30 is not allowed; allowed: fewer days than `validityDays`, which is 20: else certificates would be renewed without end; for example: 10
            Kafka/demo MissingField spec.kafka.rack.envVarName is missing; allowed: the name of an environment variable, because the type is `environment-variable`; for example: MY_RACK
            Kafka/demo InvalidValue spec.kafka.livenessProbe.timeoutSeconds: 0 is not allowed; allowed: a number, at least 1; for example: 5
            Kafka/demo InvalidValue spec.kafka.livenessProbe.successThreshold: 2 is not allowed; allowed: 1 (Kubernetes takes nothing else for liveness); for example: 1
            Kafka/demo MissingField spec.kafka.logging.valueFrom.configMapKeyRef is missing; allowed: name and key of a ConfigMap in this namespace; for example: {name: my-config, key: my-key}
            Kafka/demo MissingField spec.kafka.metricsConfig.valueFrom.configMapKeyRef.key is missing; allowed: a key of the ConfigMap; for example: my-key
            Kafka/demo MissingField spec.kafka.tieredStorage.remoteStorageManager.className is missing; allowed: the class of the manager; for example: com.example.RemoteStorageManager
            Kafka/demo MissingField spec.kafka.tieredStorage.remoteStorageManager.classPath is missing; allowed: where the jars of the manager are; for example: /opt/kafka/plugins/tiered/*
            Kafka/demo InvalidValue spec.maintenanceTimeWindows[0]: * * * * * is not allowed; allowed: a cron expression in UTC: second, minute, hour, day, month, weekday and, if wanted, year; for example: * * 0-1 ? * SUN,MON *
        "#]],
    );
}

#[test]
fn processor_time_and_memory_must_fit_their_limits() {
    let pool = POOL.replace(
        "replicas: 3,",
        "replicas: 3, resources: {requests: {cpu: '1.5', memory: 0}, limits: {cpu: 1499m, memory: 1Gi}},",
    );
    problems_alone(
        &format!("{}{pool}", kafka("")),
        &expect![[r#"
        KafkaNodePool/dual Conflict spec.resources.requests.cpu: 1.5 is not allowed; allowed: at most the limit, which is 1499m; for example: 1499m
        KafkaNodePool/dual InvalidValue spec.resources.requests.memory: 0 is not allowed; allowed: an amount above zero; for example: 2Gi
    "#]],
    );
}

#[test]
fn labels_that_kubernetes_refuses_are_refused_with_their_field() {
    let kafka = kafka(
        "template: {pod: {metadata: {labels: {'a b': c d, strimzi.io/cluster: other, good.io/x: ''}, annotations: {'Upper.io/X': any thing, 'a/b/c': d}}}}",
    );
    let kafka = kafka.replacen("name: demo", "name: demo, labels: {team: -a}", 1);
    let long = format!("labels: {{strimzi.io/cluster: demo, {}: x", "k".repeat(64));
    let pool = POOL.replacen("labels: {strimzi.io/cluster: demo", &long, 1);
    problems_alone(
        &format!("{kafka}{pool}"),
        &expect![[r#"
        Kafka/demo Forbidden spec.kafka.template.pod.metadata.labels["strimzi.io/cluster"] cannot be set (to other); instead: a key that begins neither with `strimzi.io/` nor with `klamm.dev/`; for example: example.com/team
        Kafka/demo InvalidValue spec.kafka.template.pod.metadata.labels["a b"]: a b is not allowed; allowed: a key of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last, behind a DNS name and `/` or alone; for example: example.com/team
        Kafka/demo InvalidValue spec.kafka.template.pod.metadata.labels["a b"]: c d is not allowed; allowed: nothing, or at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last; for example: team-a
        Kafka/demo InvalidValue spec.kafka.template.pod.metadata.annotations["a/b/c"]: a/b/c is not allowed; allowed: a key of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last, behind a DNS name and `/` or alone; for example: example.com/team
        Kafka/demo InvalidValue metadata.labels["team"]: -a is not allowed; allowed: nothing, or at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last; for example: team-a
        KafkaNodePool/dual InvalidValue metadata.labels["kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"]: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk is not allowed; allowed: a key of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last, behind a DNS name and `/` or alone; for example: example.com/team
    "#]],
    );
}

#[test]
fn nodes_of_all_pools_together_have_a_bound() {
    let more = POOL
        .replace("name: dual", "name: more")
        .replace("replicas: 3", "replicas: 998");
    problems_alone(
        &format!("{}{POOL}---\n{more}", kafka(CONFIG)),
        &expect![[r#"
            KafkaNodePool/more InvalidValue spec.replicas: 998 is not allowed; allowed: a number from 0 to 997: all pools of a cluster together have at most 1000 nodes; for example: 3
        "#]],
    );
    let pool = POOL.replace("replicas: 3", "replicas: 2000000000");
    problems_alone(
        &format!("{}{pool}", kafka(CONFIG)),
        &expect![[r#"
        KafkaNodePool/dual InvalidValue spec.replicas: 2000000000 is not allowed; allowed: a number from 0 to 1000: all pools of a cluster together have at most 1000 nodes; for example: 3
    "#]],
    );
}

#[test]
fn ports_and_labels_of_nodes_are_ones_that_there_can_be() {
    let yaml = "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec:
  kafka:
    config: {default.replication.factor: 3, min.insync.replicas: 2}
    rack: {topologyKey: 'not a key'}
    listeners:
      - name: outside
        port: 9094
        type: nodeport
        tls: false
        configuration:
          bootstrap: {nodePort: 65536}
          brokers: [{broker: 0, nodePort: 0, advertisedPort: 99999999}]
---
";
    problems_alone(
        &format!("{yaml}{POOL}"),
        &expect![[r#"
        Kafka/demo InvalidValue spec.kafka.listeners[0].configuration.bootstrap.nodePort: 65536 is not allowed; allowed: a port from 1 to 65535; for example: 32100
        Kafka/demo InvalidValue spec.kafka.listeners[0].configuration.brokers[0].advertisedPort: 99999999 is not allowed; allowed: a port from 1 to 65535; for example: 32100
        Kafka/demo InvalidValue spec.kafka.listeners[0].configuration.brokers[0].nodePort: 0 is not allowed; allowed: a port from 1 to 65535; for example: 32100
        Kafka/demo InvalidValue spec.kafka.rack.topologyKey: not a key is not allowed; allowed: a key of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last, behind a DNS name and `/` or alone; for example: example.com/team
    "#]],
    );
}

#[test]
fn keys_of_jvm_options_are_names() {
    problems_alone(
        &format!(
            "{}{POOL}",
            kafka("jvmOptions: {-XX: {UseG1GC: 'true', '-XX:+Foo': '1', '': x}}")
        ),
        &expect![[r#"
            Kafka/demo InvalidValue spec.kafka.jvmOptions.-XX[""]: x is not allowed; allowed: the name of an option as key, without `-XX:` and without `+` or `-`; its value beside it, `true` or `false` to turn it on or off; for example: UseG1GC: "true"
            Kafka/demo InvalidValue spec.kafka.jvmOptions.-XX["-XX:+Foo"]: 1 is not allowed; allowed: the name of an option as key, without `-XX:` and without `+` or `-`; its value beside it, `true` or `false` to turn it on or off; for example: UseG1GC: "true"
        "#]],
    );
}

#[test]
fn a_pause_that_is_none_is_told() {
    let with = |value: &str| {
        let annotated =
            format!("name: demo, annotations: {{strimzi.io/pause-reconciliation: '{value}'}}");
        format!(
            "{}{POOL}",
            kafka(CONFIG).replacen("name: demo", &annotated, 1)
        )
    };
    warnings(
        &with("yes"),
        &expect![[r#"
        Kafka/demo FieldNotActedOn metadata.annotations["strimzi.io/pause-reconciliation"]: is "yes" and pauses nothing: only `true` does.
    "#]],
    );
    warnings(&with("True"), &expect![[r#""#]]);
    assert!(parse(&with("True")).cluster.unwrap().paused);
}

#[test]
fn names_that_would_become_too_long_are_refused() {
    let long = "a-cluster-with-a-name-that-is-quite-long-indeed-x";
    problems_alone(
        &format!("{}{POOL}", kafka("")).replace("demo", long),
        &expect![[r#"
            Kafka/a-cluster-with-a-name-that-is-quite-long-indeed-x InvalidValue metadata.name: a-cluster-with-a-name-that-is-quite-long-indeed-x is not allowed; allowed: 2 fewer characters, because `a-cluster-with-a-name-that-is-quite-long-indeed-x-kafka-bootstrap` is made from it and may have 63; for example: a-cluster-with-a-name-that-is-quite-long-indeed
            Kafka/a-cluster-with-a-name-that-is-quite-long-indeed-x InvalidValue spec.kafka.listeners[0].name: plain is not allowed; allowed: 8 fewer characters, because `a-cluster-with-a-name-that-is-quite-long-indeed-x-kafka-plain-bootstrap` is made from it and may have 63
            KafkaNodePool/dual InvalidValue metadata.name: dual is not allowed; allowed: 1 fewer characters, because `a-cluster-with-a-name-that-is-quite-long-indeed-x-dual-999------` is made from it and may have 63; for example: dua
        "#]],
    );
}

#[test]
fn a_cluster_name_begins_with_a_letter_because_names_of_services_do() {
    problems_alone(
        &format!("{}{POOL}", kafka("")).replace("demo", "4demo"),
        &expect![[r#"
            Kafka/4demo InvalidValue metadata.name: 4demo is not allowed; allowed: a letter first, because Services are called after it; for example: k4demo
        "#]],
    );
}

#[test]
fn doubts_are_warnings_and_fields_without_effect_are_named() {
    warnings(
        "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec:
  entityOperator: {topicOperator: {}, userOperator: {}}
  kafka:
    version: 4.2.1
    metadataVersion: 4.1-IV1
    config: {inter.broker.protocol.version: '3.9'}
    listeners:
      - {name: plain, port: 9092, type: internal, tls: false, authentication: {type: scram-sha-512, sasl: true}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: controller, labels: {strimzi.io/cluster: demo}, annotations: {strimzi.io/next-node-ids: 'a few'}}
spec: {replicas: 1, roles: [controller], storage: {type: ephemeral, size: 1Gi}, template: {podSet: {}}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: broker, labels: {strimzi.io/cluster: demo}}
spec: {replicas: 2, roles: [broker], storage: {type: ephemeral}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: of-another-cluster, labels: {strimzi.io/cluster: other}}
spec: {replicas: 2, roles: [], storage: {type: jbod}}
",
        &expect![[r#"
            Kafka/demo FieldNotActedOn spec.kafka.listeners[0].authentication.sasl: has no effect: the type is `scram-sha-512`.
            Kafka/demo FieldNotActedOn spec.entityOperator: is accepted, but topics and users of this cluster are not looked after yet.
            Kafka/demo KafkaDefaultReplicationFactor spec.kafka.config["default.replication.factor"]: is not set and therefore 1: topics made without a value of their own lose their messages with one disk.
            Kafka/demo KafkaMinInsyncReplicas spec.kafka.config["min.insync.replicas"]: is not set and therefore 1: topics made without a value of their own may lose acknowledged messages with one disk.
            Kafka/demo KafkaStorage KafkaNodePool spec.storage: the only controller has ephemeral storage and loses the cluster's metadata whenever its Pod goes.
            Kafka/demo KafkaMetadataVersion spec.kafka.metadataVersion: is 4.1-IV1, older than Kafka 4.2.1: an upgrade is not finished.
            Kafka/demo KafkaInterBrokerProtocolVersionInKRaft spec.kafka.config["inter.broker.protocol.version"]: means nothing to this Kafka and should be removed.
            KafkaNodePool/controller FieldNotActedOn spec.storage.size: has no effect: the type is `ephemeral`.
            KafkaNodePool/controller FieldNotActedOn metadata.annotations["strimzi.io/next-node-ids"]: is not used, because "a few" is not a list of node ids and ranges such as [0, 10-19].
            KafkaNodePool/controller FieldNotActedOn spec.template.podSet: is accepted, but Klamm makes no StrimziPodSet.
        "#]],
    );
}

#[test]
fn more_replicas_in_sync_than_there_can_be_are_doubted() {
    for config in [
        "default.replication.factor: 3, min.insync.replicas: 5",
        "default.replication.factor: 1, min.insync.replicas: 2",
    ] {
        let config = kafka(&format!("config: {{{config}}}"));
        let parsed = parse(&format!("{config}{POOL}"));
        assert!(parsed.cluster.is_ok());
        let told = parsed.warnings.iter().map(|warning| warning.reason);
        let told: Vec<WarningReason> = told.collect();
        assert_eq!(told, [WarningReason::KafkaMinInsyncReplicas], "{config}");
    }
}

#[test]
fn every_path_that_is_not_acted_on_is_a_field_of_its_kind() {
    for (kind, path, _) in not_acted_on::FIELDS {
        let (_, schema) = resources::schema_of(kind).unwrap();
        let mut at = &schema;
        for step in path.split('.') {
            let (name, each) = step
                .strip_suffix("[]")
                .map_or((step, false), |name| (name, true));
            at = &at["properties"][name];
            assert!(at.is_object(), "{kind} has no {path}");
            if each {
                at = &at["items"];
            }
        }
    }
    for (kind, _) in not_acted_on::KINDS {
        assert!(
            resources::schema_of(kind).is_some_and(|(name, _)| name == kind),
            "{kind}"
        );
    }
}

/// A `Kafka` with one listener and these fields in `spec.kafka`.
fn kafka(fields: &str) -> String {
    let config = if fields.contains("config:") {
        ""
    } else {
        CONFIG
    };
    let fields = [config, fields]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nmetadata: {{name: demo}}\n\
         spec: {{kafka: {{listeners: [{{name: plain, port: 9092, type: internal, tls: false}}], {fields}}}}}\n"
    )
}

fn parse(yaml: &str) -> Parsed {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    let mut kafka = None;
    let mut pools = Vec::new();
    for document in documents {
        if document["kind"] == "Kafka" {
            kafka = Some(serde_json::from_value::<Kafka>(document).unwrap());
        } else {
            pools.push(serde_json::from_value::<KafkaNodePool>(document).unwrap());
        }
    }
    parse_cluster(&kafka.unwrap(), &pools, &Settings::default())
}

/// Problems of a `Kafka` with a good pool beside it.
fn problems(kafka: &str, expected: &Expect) {
    problems_alone(&format!("{kafka}{POOL}"), expected);
}

fn problems_alone(yaml: &str, expected: &Expect) {
    let mut text = String::new();
    for problem in parse(yaml).cluster.unwrap_err() {
        writeln!(text, "{} {} {problem}", problem.subject, problem.reason).unwrap();
    }
    expected.assert_eq(&text);
}

fn warnings(yaml: &str, expected: &Expect) {
    let parsed = parse(yaml);
    assert!(parsed.cluster.is_ok(), "{:#?}", parsed.cluster);
    let mut text = String::new();
    for warning in parsed.warnings {
        writeln!(text, "{} {} {warning}", warning.subject, warning.reason).unwrap();
    }
    expected.assert_eq(&text);
}

/// A Kafka with annotations and a pool of brokers.
fn stored(annotations: &str, spec: &str) -> String {
    let text = kafka(spec);
    let text = text.replacen(
        "metadata: {name: demo",
        &format!("metadata: {{annotations: {{{annotations}}}, name: demo"),
        1,
    );
    format!("{text}{}", POOL.replace("[controller, broker]", "[broker]"))
}

#[test]
fn the_metadata_store_is_what_the_annotation_says() {
    let store = |annotations: &str| {
        let parsed = parse(&stored(annotations, CONFIG));
        assert_eq!(parsed.warnings, []);
        let cluster = parsed.cluster.unwrap();
        assert_eq!(cluster.version.to_string(), "3.9.2");
        serde_json::to_string(&cluster.metadata_store).unwrap()
    };
    expect![[r#"{"zooKeeper":{"servers":3,"volume":{"size":"8Gi"}}}"#]]
        .assert_eq(&store("klamm.dev/metadata-store: zookeeper"));
    expect![[
        r#"{"etcd":{"servers":3,"etcd":{"external":{"endpoints":["10.0.0.1:2379","[::1]:2379"]}}}}"#
    ]]
    .assert_eq(&store(
        "klamm.dev/metadata-store: 'etcd://10.0.0.1:2379,[::1]:2379'",
    ));
    expect![[r#"{"etcd":{"servers":3,"etcd":{"external":{"endpoints":["etcd.example:2379"],"tls":true,"secret":"etcd-client"}}}}"#]].assert_eq(&store(
        "klamm.dev/metadata-store: 'etcds://etcd.example:2379', klamm.dev/metadata-store-secret: etcd-client",
    ));
    expect![[r#"{"etcd":{"servers":2,"etcd":{"managed":{"size":"1Gi","class":"fast"}}}}"#]]
        .assert_eq(&store(
            "klamm.dev/metadata-store: 'etcd://', klamm.dev/metadata-store-replicas: '2', \
             klamm.dev/metadata-store-size: 1Gi, klamm.dev/metadata-store-class: fast",
        ));
}

#[test]
fn a_metadata_store_that_cannot_be_is_refused_with_all_that_is_wrong() {
    let with = |annotations: &str| stored(annotations, CONFIG);
    problems_alone(
        &with(
            "klamm.dev/metadata-store: consul, klamm.dev/metadata-store-replicas: '4', \
             klamm.dev/metadata-store-size: much, klamm.dev/metadata-store-class: 'A b'",
        ),
        &expect![[r#"
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store-size"]: much is not allowed; allowed: a size such as 8Gi, 500Mi or 10G; for example: 8Gi
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store-class"]: A b is not allowed; allowed: the name of a StorageClass; for example: standard
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store"]: consul is not allowed; allowed: `zookeeper` (an ensemble of the cluster's own), `etcd://host:port[,host:port…]` (an etcd that is there; `etcds://` with TLS), or `etcd://` (an etcd of the cluster's own); for example: etcd://127.0.0.1:2379
        "#]],
    );
    problems_alone(
        &with("klamm.dev/metadata-store: 'etcds://a:2379', klamm.dev/metadata-store-size: 1Gi"),
        &expect![[r#"
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store-secret"]: nothing is not allowed; allowed: with `etcds://`, the name of a Secret whose `ca.crt` is the authority of etcd's certificates; for example: etcd-client
        "#]],
    );
    problems_alone(
        &with(
            "klamm.dev/metadata-store: 'etcd://a:2379,b', klamm.dev/metadata-store-replicas: '0'",
        ),
        &expect![[r#"
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store-replicas"]: 0 is not allowed; allowed: a whole number from 1 to 9; for example: 3
            Kafka/demo InvalidValue metadata.annotations["klamm.dev/metadata-store"]: etcd://a:2379,b is not allowed; allowed: `etcd://` or `etcds://` and addresses of the form host:port, each once, with commas between; "b" is none; for example: etcd://127.0.0.1:2379
        "#]],
    );
    problems_alone(
        &stored("other: annotation", "version: 3.9.2").replace("[broker]", "[controller, broker]"),
        &expect![[r#"
            Kafka/demo UnsupportedVersion spec.kafka.version: 3.9.2 is not allowed; allowed: one of 4.1.0, 4.1.1, 4.1.2, 4.2.0, 4.2.1, 4.3.0, 4.3.1; Kafka 3.9.2 only with the annotation klamm.dev/metadata-store: its own KRaft is not run here; for example: 4.3.1
        "#]],
    );
    problems_alone(
        &stored("klamm.dev/metadata-store: zookeeper", "version: 4.3.1"),
        &expect![[r#"
            Kafka/demo UnsupportedVersion spec.kafka.version: 4.3.1 is not allowed; allowed: one of 3.9.1, 3.9.2, because of the annotation klamm.dev/metadata-store: Kafka 4 knows no ZooKeeper; for example: 3.9.2
        "#]],
    );
    problems_alone(
        &with("klamm.dev/metadata-store: zookeeper").replace("[broker]", "[controller, broker]"),
        &expect![[r#"
            KafkaNodePool/dual Conflict spec.roles: [controller, broker] is not allowed; allowed: the role `broker` only, because the Kafka has the annotation klamm.dev/metadata-store: its controller is one of the brokers, elected there; for example: [broker]
        "#]],
    );
}

#[test]
fn a_level_that_is_none_and_a_key_that_nothing_reads_are_told() {
    warnings(
        &format!(
            "{}{POOL}",
            kafka(
                "logging: {type: inline, loggers: {rootLogger.level: LOUD, logger.a.name: a.b, logger.a.level: debug, \
                 logger.b: 'QUIET, STDOUT'}}",
            )
        ),
        &expect![[r#"
            Kafka/demo InvalidLogLevel spec.kafka.logging.loggers["logger.b"]: is QUIET, STDOUT, which is not a level, and another one comes in its place; allowed: one of OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE, ALL; for example: INFO
            Kafka/demo InvalidLogLevel spec.kafka.logging.loggers["rootLogger.level"]: is LOUD, which is not a level, and another one comes in its place; allowed: one of OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE, ALL; for example: INFO
        "#]],
    );
    warnings(
        &format!(
            "{}{POOL}",
            kafka("logging: {type: inline, loggers: {kafka.logger.x: LOUD}}")
        ),
        &expect![[r#"
            Kafka/demo FieldNotActedOn spec.kafka.logging.loggers["kafka.logger.x"]: has no effect: Kafka 4 logs through log4j2, which has no such key; levels are `rootLogger.level`, and `logger.<id>.level` beside `logger.<id>.name`.
        "#]],
    );
}

#[test]
fn a_level_of_two_lines_is_one_problem() {
    let kafka = kafka(r#"logging: {type: inline, loggers: {rootLogger.level: "INFO\nDEBUG"}}"#);
    problems(
        &kafka,
        &expect![[r#"
        Kafka/demo InvalidValue spec.kafka.logging.loggers["rootLogger.level"]: "INFO\nDEBUG" is not allowed; allowed: one line; for example: INFO
    "#]],
    );
    assert_eq!(parse(&format!("{kafka}{POOL}")).warnings, []);
}

#[test]
fn nodes_are_not_counted_while_a_pool_is_not_understood() {
    let third = POOL
        .replace("name: dual", "name: third")
        .replace("size: 1Gi", "");
    assert_ne!(third, POOL);
    let of_two = POOL.replace("replicas: 3", "replicas: 2");
    let yaml = format!("{}{of_two}", kafka("version: 4.3.1"));
    let counts = |yaml: &str| {
        let mut warnings = parse(yaml).warnings.into_iter();
        warnings.any(|warning| warning.reason == WarningReason::KafkaKRaftControllerNodeCount)
    };
    assert!(counts(&yaml));
    assert!(!counts(&format!("{yaml}{third}")));
}

#[test]
fn annotations_that_nothing_reads_are_told_with_those_that_were_meant() {
    warnings(
        &format!(
            "{}{POOL}",
            kafka("version: 4.3.1").replace(
                "metadata: {name: demo",
                "metadata: {name: demo, annotations: {klamm.dev/metadatastore: etcd, klamm.dev/rack-through-node: 'true', \
                 klamm.dev/claimed-by: klamm, strimzi.io/pause-reconcilation: 'true', strimzi.io/manual-rolling-update: 'true', \
                 strimzi.io/kraft: enabled, example.com/team: orders}"
            )
        )
        .replace(
            "metadata: {name: dual",
            "metadata: {name: dual, annotations: {klamm.dev/metadata-store: etcd, strimzi.io/next-node-id: '[1]', \
             klamm.dev/anything: x, strimzi.io/pause-reconciliation: 'true'}",
        ),
        &expect![[r#"
            Kafka/demo UnknownFields metadata.annotations["klamm.dev/metadatastore"]: has no effect: Klamm knows no such annotation; there are klamm.dev/accept-empty-volumes, klamm.dev/metadata-store, klamm.dev/metadata-store-class, klamm.dev/metadata-store-replicas, klamm.dev/metadata-store-secret, klamm.dev/metadata-store-size, klamm.dev/rack-through-node; did you mean klamm.dev/metadata-store?
            Kafka/demo FieldNotActedOn metadata.annotations["strimzi.io/manual-rolling-update"]: is not acted on here: to restart a node, delete its Pod.
            Kafka/demo UnknownFields metadata.annotations["strimzi.io/pause-reconcilation"]: is not an annotation of Strimzi's; did you mean strimzi.io/pause-reconciliation?
            KafkaNodePool/dual UnknownFields metadata.annotations["klamm.dev/anything"]: has no effect: Klamm knows no such annotation; Klamm has none for this kind.
            KafkaNodePool/dual UnknownFields metadata.annotations["klamm.dev/metadata-store"]: has no effect here: it belongs on the Kafka.
            KafkaNodePool/dual UnknownFields metadata.annotations["strimzi.io/next-node-id"]: is not an annotation of Strimzi's; did you mean strimzi.io/next-node-ids?
            KafkaNodePool/dual FieldNotActedOn metadata.annotations["strimzi.io/pause-reconciliation"]: pauses nothing here: it belongs on the Kafka.
        "#]],
    );
}
