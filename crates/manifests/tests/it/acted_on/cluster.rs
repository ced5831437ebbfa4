//! Clusters in which fields can mean something.

use serde_json::{Value, json};

/// A cluster in which most fields can mean something.
pub(super) fn base() -> Documents {
    let listener = |name: &str, port: u16, kind: &str, tls: bool, more: Value| {
        let mut listener = json!({"name": name, "port": port, "type": kind, "tls": tls});
        for (key, value) in more.as_object().unwrap() {
            listener[key] = value.clone();
        }
        listener
    };
    let hosts = json!({"configuration": {"class": "nginx", "bootstrap": {"host": "b.example.org"},
        "hostTemplate": "broker-{nodeId}.example.org"}});
    let pool = |name: &str, roles: Value| {
        json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
            "metadata": {"name": name, "namespace": "test", "labels": {"strimzi.io/cluster": "my-cluster"}},
            "spec": {"replicas": 1, "roles": roles, "storage": {"type": "jbod", "volumes": [
                {"id": 1, "type": "persistent-claim", "size": "1Gi"},
                {"id": 0, "type": "persistent-claim", "size": "1Gi"}]}}})
    };
    Documents {
        kafka: json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
        "metadata": {"name": "my-cluster", "namespace": "test"},
        "spec": {"kafka": {"listeners": [
            listener("plain", 9092, "internal", false, json!({})),
            listener("tls", 9093, "internal", true, json!({"authentication": {"type": "tls"}})),
            listener("scram", 9094, "internal", true, json!({"authentication": {"type": "scram-sha-512"}})),
            listener("custom", 9095, "internal", true, json!({"authentication": {"type": "custom", "sasl": true,
                "listenerConfig": {"sasl.enabled.mechanisms": "PLAIN"}}})),
            listener("cip", 9096, "cluster-ip", true, json!({})),
            listener("np", 9097, "nodeport", true, json!({})),
            listener("lb", 9098, "loadbalancer", true, json!({})),
            listener("ing", 9099, "ingress", true, hosts.clone()),
            listener("route", 9100, "route", true, json!({})),
            listener("gateway", 9101, "tlsroute", true, json!({"configuration": {"parentRefs": [{"name": "gateway"}],
                "bootstrap": {"host": "g.example.org"}, "hostTemplate": "g-{nodeId}.example.org"}})),
        ]}}}),
        pools: vec![pool("both", json!(["controller", "broker"]))],
    }
}

#[derive(Clone)]
pub(super) struct Documents {
    pub(super) kafka: Value,
    pub(super) pools: Vec<Value>,
}

/// Other clusters for what depends on a choice: a prefix, and what is set there instead.
pub(super) fn variants(kind: &str, path: &str) -> Vec<(&'static str, Value)> {
    let reference = json!({"configMapKeyRef": {"name": "settings", "key": "all"}});
    let all: Vec<(&str, &str, Value)> = vec![
        (
            "Kafka",
            "spec.kafka.authorization",
            json!({"type": "simple"}),
        ),
        (
            "Kafka",
            "spec.kafka.authorization",
            json!({"type": "custom", "authorizerClass": "org.example.Authorizer"}),
        ),
        (
            "Kafka",
            "spec.kafka.logging",
            json!({"type": "inline", "loggers": {"rootLogger.level": "WARN"}}),
        ),
        (
            "Kafka",
            "spec.kafka.logging",
            json!({"type": "external", "valueFrom": reference}),
        ),
        (
            "Kafka",
            "spec.kafka.metricsConfig",
            json!({"type": "jmxPrometheusExporter", "valueFrom": reference}),
        ),
        (
            "Kafka",
            "spec.kafka.metricsConfig",
            json!({"type": "strimziMetricsReporter"}),
        ),
        ("Kafka", "spec.kafka.quotas", json!({"type": "kafka"})),
        ("Kafka", "spec.kafka.quotas", json!({"type": "strimzi"})),
        (
            "Kafka",
            "spec.kafka.quotas",
            json!({"type": "strimzi", "minAvailableRatioPerVolume": 0.5}),
        ),
        (
            "Kafka",
            "spec.kafka.rack",
            json!({"topologyKey": "topology.kubernetes.io/zone"}),
        ),
        (
            "Kafka",
            "spec.kafka.rack",
            json!({"type": "environment-variable", "envVarName": "RACK"}),
        ),
        ("Kafka", "spec.kafka.jmxOptions", json!({})),
        (
            "Kafka",
            "spec.kafka.tieredStorage",
            json!({"type": "custom", "remoteStorageManager":
            {"className": "org.example.Storage", "classPath": "/opt/storage/*", "config": {"a": "b"}}}),
        ),
        ("Kafka", "spec.kafka.template", extra_volume()),
        ("KafkaNodePool", "spec.template", extra_volume()),
        (
            "KafkaNodePool",
            "spec.storage",
            json!({"type": "ephemeral"}),
        ),
        (
            "KafkaNodePool",
            "spec.storage",
            json!({"type": "persistent-claim", "size": "1Gi"}),
        ),
        (
            "KafkaNodePool",
            "spec.storage",
            json!({"type": "jbod", "volumes": [{"id": 0, "type": "ephemeral"}]}),
        ),
    ];
    let mut fitting: Vec<(&'static str, Value)> = Vec::new();
    for (of, prefix, value) in all {
        if of == kind && path.starts_with(prefix) {
            fitting.push((prefix, value));
        }
    }
    fitting
}

fn extra_volume() -> Value {
    json!({"pod": {"volumes": [{"name": "extra", "emptyDir": {}}]}})
}
