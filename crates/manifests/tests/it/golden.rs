//! Objects and properties, byte for byte.

use expect_test::{Expect, expect, expect_file};
use manifests::{
    NodeFacts, broker_pod, broker_properties, config_map, secret, shared, to_value, volume_claims,
};
use model::desired::{
    Authorization, Jmx, ListenerAuthentication, Metrics, Quotas, Rack, RackThrough, Roles,
    TieredStorage,
};
use model::runner::{Format, QuorumKind};
use serde_json::Value;

use crate::example::{self, Example};

fn yaml(values: &[Value]) -> String {
    let documents: Vec<_> = values
        .iter()
        .map(|value| serde_saphyr::to_string(value).unwrap())
        .collect();
    documents.join("---\n")
}

fn properties(example: &Example, id: i32) -> String {
    let (pool, node) = example.node(id);
    broker_properties::render(&example.input(), pool, node)
}

/// The lines of a section of the properties, or of several whose title starts alike.
fn check_section(example: &Example, id: i32, title: &str, expected: &Expect) {
    let text = properties(example, id);
    let sections = text
        .split("\n##########\n# ")
        .skip(1)
        .filter(|section| section.starts_with(title));
    let bodies: Vec<_> = sections
        .filter_map(|section| section.split_once("\n##########\n"))
        .map(|(_, body)| body.trim_end())
        .collect();
    expected.assert_eq(&(bodies.join("\n\n") + "\n"));
}

#[test]
fn a_single_node_as_a_whole() {
    let example = example::single();
    let (pool, node) = example.node(0);
    let facts = NodeFacts {
        format: Some(Format::Initial),
    };
    let input = example.input();
    let mut objects = shared::objects(&input);
    objects.extend(
        volume_claims::render(&input, pool, node)
            .iter()
            .map(to_value),
    );
    objects.extend(
        [
            secret::authority_key(&input, secret::Authority::Cluster),
            secret::authority_certificate(&input, secret::Authority::Clients),
            secret::trust_bundle(&input),
            secret::operator(&input),
            secret::node(&input, node),
        ]
        .iter()
        .map(to_value),
    );
    expect_file!["golden/single-node-objects.yaml"].assert_eq(&yaml(&objects));
    expect_file!["golden/single-node-pod.yaml"].assert_eq(&yaml(&[to_value(&broker_pod::render(
        &input, pool, node, &facts,
    ))]));
    let data = config_map::render(&input, pool, node, &facts).data.unwrap();
    expect_file!["golden/single-node-server.config"].assert_eq(&data["server.config"]);
    expect_file!["golden/single-node-log4j2.properties"].assert_eq(&data["log4j2.properties"]);
    expect_file!["golden/single-node-runner.json"].assert_eq(&data["runner.json"]);
    assert_eq!(data["cluster.id"], "9jKPI-77RHuI6ytG_I-dPQ");
    assert_eq!(data["metadata.version"], "4.3-IV0");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let render = || {
        let example = example::two_pools("a", example::disks(2), example::disks(1));
        let input = example.input();
        let mut objects = shared::objects(&input);
        for id in 0..6 {
            let (pool, node) = example.node(id);
            objects.push(to_value(&config_map::render(
                &input,
                pool,
                node,
                &NodeFacts::default(),
            )));
            objects.push(to_value(&broker_pod::render(
                &input,
                pool,
                node,
                &NodeFacts::default(),
            )));
        }
        yaml(&objects)
    };
    assert_eq!(render(), render());
}

#[test]
fn a_controller_listens_to_nodes_only() {
    let example = example::two_pools("two", example::disks(1), example::disks(1));
    expect_file!["golden/controller-server.config"].assert_eq(&properties(&example, 3));
}

#[test]
fn a_static_quorum_lists_its_voters() {
    let mut example = example::two_pools("two", example::disks(1), example::disks(1));
    example.facts.quorum = QuorumKind::Static;
    check_section(
        &example,
        0,
        "KRaft configuration",
        &expect![[r#"
        process.roles=broker
        controller.listener.names=CONTROLPLANE-9090
        controller.quorum.voters=3@my-cluster-controller-3.my-cluster-kafka-brokers.two.svc:9090,4@my-cluster-controller-4.my-cluster-kafka-brokers.two.svc:9090,5@my-cluster-controller-5.my-cluster-kafka-brokers.two.svc:9090
    "#]],
    );
}

#[test]
fn directories_of_several_disks() {
    let example = example::two_pools("two", example::disks(2), example::disks(1));
    check_section(
        &example,
        1,
        "KRaft metadata",
        &expect![[r#"
        metadata.log.dir={{klamm.root}}/var/lib/kafka/data-0/kafka-log1
    "#]],
    );
    check_section(
        &example,
        1,
        "Kafka message logs",
        &expect![[r#"
        log.dirs={{klamm.root}}/var/lib/kafka/data-0/kafka-log1,{{klamm.root}}/var/lib/kafka/data-1/kafka-log1
    "#]],
    );
}

#[test]
fn each_authentication_has_its_properties() {
    let example = example::single().with(|cluster| {
        let mut mutual = example::listener("mutual", 9094, true);
        mutual.authentication = ListenerAuthentication::Tls;
        let mut scram = example::listener("scram", 9095, false);
        scram.authentication = ListenerAuthentication::ScramSha512;
        scram.configuration.max_connections = Some(7);
        let mut custom = example::listener("custom", 9096, true);
        custom.authentication = ListenerAuthentication::Custom {
            sasl: true,
            listener_config: [
                ("sasl.enabled.mechanisms", "OAUTHBEARER"),
                ("oauthbearer.sasl.jaas.config", "x\nsuper.users=User:me\\"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        };
        custom.configuration.certificate = Some(model::desired::CertificateReference {
            secret: "mine".to_owned(),
            certificate: "tls.crt".to_owned(),
            key: "tls.key".to_owned(),
        });
        cluster.listeners = vec![mutual, scram, custom];
    });
    check_section(
        &example,
        0,
        "Listener configuration",
        &expect![[r#"
        listener.name.mutual-9094.ssl.client.auth=required
        listener.name.mutual-9094.ssl.truststore.location={{klamm.root}}/var/run/klamm/clients-ca.pem
        listener.name.mutual-9094.ssl.truststore.type=PEM
        listener.name.mutual-9094.ssl.keystore.location={{klamm.root}}/var/run/klamm/node.pem
        listener.name.mutual-9094.ssl.keystore.type=PEM

        listener.name.scram-9095.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required ;
        listener.name.scram-9095.sasl.enabled.mechanisms=SCRAM-SHA-512
        listener.name.scram-9095.max.connections=7

        listener.name.custom-9096.oauthbearer.sasl.jaas.config=x\nsuper.users=User:me\\
        listener.name.custom-9096.sasl.enabled.mechanisms=OAUTHBEARER
        listener.name.custom-9096.ssl.keystore.location={{klamm.root}}/var/run/klamm/listener-custom.pem
        listener.name.custom-9096.ssl.keystore.type=PEM
    "#]],
    );
    check_section(
        &example,
        0,
        "Common",
        &expect![[r#"
        listener.security.protocol.map=CONTROLPLANE-9090:SSL,REPLICATION-9091:SSL,MUTUAL-9094:SSL,SCRAM-9095:SASL_PLAINTEXT,CUSTOM-9096:SASL_SSL
        listeners=CONTROLPLANE-9090://{{klamm.bind}}:9090,REPLICATION-9091://{{klamm.bind}}:9091,MUTUAL-9094://{{klamm.bind}}:9094,SCRAM-9095://{{klamm.bind}}:9095,CUSTOM-9096://{{klamm.bind}}:9096
        inter.broker.listener.name=REPLICATION-9091
        advertised.listeners=CONTROLPLANE-9090://{{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9090,REPLICATION-9091://{{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9091,MUTUAL-9094://{{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9094,SCRAM-9095://{{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9095,CUSTOM-9096://{{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9096
        sasl.enabled.mechanisms=
        ssl.endpoint.identification.algorithm=HTTPS
    "#]],
    );
}

#[test]
fn authorization_trusts_the_clusters_own_components() {
    let simple = example::single().with(|cluster| {
        cluster.authorization = Authorization::Simple {
            super_users: vec!["CN=me".to_owned(), "User:ANONYMOUS".to_owned()],
        };
    });
    check_section(
        &simple,
        0,
        "Authorization",
        &expect![[r#"
        authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
        super.users=User:CN=my-cluster-kafka,O=io.strimzi;User:CN=my-cluster-entity-topic-operator,O=io.strimzi;User:CN=my-cluster-entity-user-operator,O=io.strimzi;User:CN=my-cluster-kafka-exporter,O=io.strimzi;User:CN=my-cluster-cruise-control,O=io.strimzi;User:CN=cluster-operator,O=io.strimzi;User:CN=me;User:ANONYMOUS
    "#]],
    );
}

#[test]
fn plug_ins_reach_the_cluster_through_their_own_broker() {
    let example = example::single().with(|cluster| {
        cluster.quotas = Quotas::Strimzi {
            producer_byte_rate: Some(1000),
            consumer_byte_rate: None,
            min_available_bytes_per_volume: Some(500_000),
            min_available_ratio_per_volume: None,
            excluded_principals: vec!["User:me".to_owned()],
        };
        cluster.tiered_storage = Some(TieredStorage {
            class_name: "com.example.Manager".to_owned(),
            class_path: "/mnt/rsm/*:/opt/kafka/plugins/rsm/*".to_owned(),
            config: [("storage.bucket".to_owned(), "b".to_owned())].into(),
        });
    });
    check_section(
        &example,
        0,
        "Quotas",
        &expect![[r#"
        client.quota.callback.class=io.strimzi.kafka.quotas.StaticQuotaCallback
        client.quota.callback.static.kafka.admin.bootstrap.servers={{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9091
        client.quota.callback.static.kafka.admin.security.protocol=SSL
        client.quota.callback.static.kafka.admin.ssl.keystore.location={{klamm.root}}/var/run/klamm/node.pem
        client.quota.callback.static.kafka.admin.ssl.keystore.type=PEM
        client.quota.callback.static.kafka.admin.ssl.truststore.location={{klamm.root}}/var/run/klamm/cluster-ca.pem
        client.quota.callback.static.kafka.admin.ssl.truststore.type=PEM
        client.quota.callback.static.produce=1000
        client.quota.callback.static.storage.per.volume.limit.min.available.bytes=500000
        client.quota.callback.static.excluded.principal.name.list=User:CN=my-cluster-kafka,O=io.strimzi;User:CN=my-cluster-cruise-control,O=io.strimzi;User:me
    "#]],
    );
    check_section(
        &example,
        0,
        "Kafka tiered",
        &expect![[r#"
        remote.log.storage.system.enable=true
        remote.log.metadata.manager.impl.prefix=rlmm.config.
        remote.log.metadata.manager.class.name=org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager
        remote.log.metadata.manager.listener.name=REPLICATION-9091
        rlmm.config.remote.log.metadata.common.client.bootstrap.servers={{klamm.advertised:my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka-single-node.svc}}:9091
        rlmm.config.remote.log.metadata.common.client.security.protocol=SSL
        rlmm.config.remote.log.metadata.common.client.ssl.keystore.location={{klamm.root}}/var/run/klamm/node.pem
        rlmm.config.remote.log.metadata.common.client.ssl.keystore.type=PEM
        rlmm.config.remote.log.metadata.common.client.ssl.truststore.location={{klamm.root}}/var/run/klamm/cluster-ca.pem
        rlmm.config.remote.log.metadata.common.client.ssl.truststore.type=PEM
        remote.log.storage.manager.class.name=com.example.Manager
        remote.log.storage.manager.class.path={{klamm.root}}/mnt/rsm/*:/opt/kafka/plugins/rsm/*
        remote.log.storage.manager.impl.prefix=rsm.config.
        rsm.config.storage.bucket=b
    "#]],
    );
}

#[test]
fn users_lists_are_kept_and_extended() {
    let example = example::single().with(|cluster| {
        cluster.metrics = Metrics::StrimziReporter {
            allow_list: vec!["kafka_log.*".to_owned(), "x.*".to_owned()],
        };
        for (key, value) in [
            ("config.providers", "mine"),
            ("config.providers.mine.class", "com.example.P"),
            ("metric.reporters", "com.example.R"),
        ] {
            cluster.config.insert(key.to_owned(), value.to_owned());
        }
    });
    check_section(
        &example,
        0,
        "Strimzi Metrics",
        &expect![[r#"
        prometheus.metrics.reporter.listener.enable=true
        prometheus.metrics.reporter.listener=http://{{klamm.bind}}:9404
        prometheus.metrics.reporter.allowlist=kafka_log.*,x.*
    "#]],
    );
    check_section(
        &example,
        0,
        "Config providers",
        &expect![[r#"
        config.providers=mine,strimzienv,strimzifile,strimzidir
        config.providers.strimzienv.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
        config.providers.strimzienv.param.allowlist.pattern=.*
        config.providers.strimzifile.class=org.apache.kafka.common.config.provider.FileConfigProvider
        config.providers.strimzifile.param.allowed.paths={{klamm.root}}/opt/kafka
        config.providers.strimzidir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
        config.providers.strimzidir.param.allowed.paths={{klamm.root}}/opt/kafka
    "#]],
    );
    check_section(
        &example,
        0,
        "metric.reporters",
        &expect![[r#"
        metric.reporters=com.example.R,io.strimzi.kafka.metrics.KafkaPrometheusMetricsReporter
    "#]],
    );
    check_section(
        &example,
        0,
        "User provided",
        &expect![[r#"
        config.providers.mine.class=com.example.P
        default.replication.factor=1
        min.insync.replicas=1
        offsets.topic.replication.factor=1
        transaction.state.log.min.isr=1
        transaction.state.log.replication.factor=1
    "#]],
    );
}

#[test]
fn everything_that_can_be_asked_of_a_pod() {
    let mut example = example::cluster("full", &[("broker", Roles::Broker, 1, example::scratch())])
        .with(|cluster| {
            cluster.rack = Some(Rack::TopologyLabel {
                key: "topology.kubernetes.io/zone".to_owned(),
                through: RackThrough::NodeToken,
            });
            cluster.metrics = Metrics::JmxExporter(model::desired::ConfigMapKey {
                name: "m".to_owned(),
                key: "k".to_owned(),
            });
            cluster.jmx = Jmx::Password;
            cluster.listeners[1].configuration.certificate =
                Some(model::desired::CertificateReference {
                    secret: "mine".to_owned(),
                    certificate: "tls.crt".to_owned(),
                    key: "tls.key".to_owned(),
                });
            cluster.readiness.initial_delay_seconds = 3;
            cluster.template.pod.metadata.labels =
                [("mine", "yes"), ("strimzi.io/cluster", "not-mine")]
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .into();
            cluster.template.kafka_container.env = Some(vec![
                k8s_openapi::api::core::v1::EnvVar {
                    name: "POD_IP".to_owned(),
                    value: Some("1.2.3.4".to_owned()),
                    value_from: None,
                },
                k8s_openapi::api::core::v1::EnvVar {
                    name: "MINE".to_owned(),
                    value: Some("1".to_owned()),
                    value_from: None,
                },
            ]);
            cluster.template.pod.templated_volumes =
                Some(vec![k8s_openapi::api::core::v1::Volume {
                    name: "extra".to_owned(),
                    secret: Some(k8s_openapi::api::core::v1::SecretVolumeSource {
                        secret_name: Some("s-{nodeId}".to_owned()),
                        ..Default::default()
                    }),
                    ..Default::default()
                }]);
        });
    example.facts.metrics = Some("lowercaseOutputName: true\nrules:\n- pattern: .*\n".to_owned());
    let (pool, node) = example.node(0);
    let facts = NodeFacts::default();
    let input = example.input();
    let pod = broker_pod::render(&input, pool, node, &facts);
    expect_file!["golden/full-pod.yaml"].assert_eq(&yaml(&[to_value(&pod)]));
    let data = config_map::render(&input, pool, node, &facts).data.unwrap();
    expect_file!["golden/full-runner.json"].assert_eq(&data["runner.json"]);
    assert_eq!(
        data["metrics-config.json"],
        r#"{"lowercaseOutputName":true,"rules":[{"pattern":".*"}]}"#
    );
    let binding = manifests::rbac::cluster_role_binding(&input).unwrap();
    assert_eq!(
        binding.metadata.name.as_deref(),
        Some("strimzi-full-my-cluster-kafka-init")
    );
}
