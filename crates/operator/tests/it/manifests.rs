//! Resources that the stories start from.

use serde_json::{Value, json};

/// A Kafka called `name` with a plain and a TLS listener.
pub(crate) fn kafka(name: &str) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"kafka": {
            "version": "4.3.1",
            "listeners": [
                {"name": "plain", "port": 9092, "type": "internal", "tls": false},
                {"name": "tls", "port": 9093, "type": "internal", "tls": true},
            ],
            "config": {"default.replication.factor": 3, "min.insync.replicas": 2,
                "offsets.topic.replication.factor": 3, "transaction.state.log.replication.factor": 3,
                "transaction.state.log.min.isr": 2},
        }},
    })
}

/// A pool of `replicas` nodes with one volume.
pub(crate) fn pool(
    cluster: &str,
    name: &str,
    roles: &[&str],
    replicas: u32,
    storage: &str,
) -> Value {
    let mut volume = json!({"id": 0, "type": storage, "kraftMetadata": "shared"});
    if storage == "persistent-claim" {
        volume["size"] = json!("1Gi");
    }
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
        "metadata": {"name": name, "namespace": "default", "labels": {"strimzi.io/cluster": cluster}},
        "spec": {"replicas": replicas, "roles": roles, "storage": {"type": "jbod", "volumes": [volume]}},
    })
}

/// Three nodes that are controller and broker, on disks.
pub(crate) fn three_dual(cluster: &str) -> Vec<Value> {
    vec![
        kafka(cluster),
        pool(
            cluster,
            "dual",
            &["controller", "broker"],
            3,
            "persistent-claim",
        ),
    ]
}

/// One node that is controller and broker.
pub(crate) fn single(cluster: &str, storage: &str) -> Vec<Value> {
    let mut kafka = kafka(cluster);
    kafka["spec"]["kafka"]["config"] = json!({
        "default.replication.factor": 1, "min.insync.replicas": 1, "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
    });
    vec![
        kafka,
        pool(cluster, "dual", &["controller", "broker"], 1, storage),
    ]
}
