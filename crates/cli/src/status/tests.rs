use serde_json::json;

use super::*;

fn pod(name: &str, labels: &serde_json::Value, ready: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "status": {"podIP": "127.9.1.1", "conditions": [{"type": "Ready", "status": ready}]}
    }))
    .unwrap()
}

#[test]
fn what_keeps_metadata_beside_kafka_is_shown_and_is_no_node_of_it() {
    let store = json!({"strimzi.io/component-type": "zookeeper"});
    let broker = json!({"strimzi.io/component-type": "kafka", "strimzi.io/broker-role": "true"});
    let pods = [
        pod("old-brokers-0", &broker, "True"),
        pod("old-brokers-1", &broker, "False"),
        pod("old-zookeeper-0", &store, "True"),
    ];
    let row = Row {
        namespace: "default".to_owned(),
        name: "old".to_owned(),
        ready: false,
        reason: None,
        kafka_version: Some("3.9.2".to_owned()),
        metadata_version: None,
        cluster_id: None,
        nodes: pods.iter().map(node_row).collect(),
        listeners: Vec::new(),
        zookeeper_connect: zookeeper_connect(&pods),
        warnings: Vec::new(),
        plan: None,
    };
    let overview = overview(std::slice::from_ref(&row));
    assert!(overview.contains("  1/2 "), "{overview}");
    let detail = detail(&row);
    assert!(
        detail.contains("protocol at 127.9.1.1:2181\n") || detail.ends_with("127.9.1.1:2181"),
        "{detail}"
    );
    let line = detail
        .lines()
        .find(|line| line.starts_with("old-zookeeper-0"))
        .unwrap();
    assert!(
        line.contains("  zookeeper ") && line.ends_with("Ready at 127.9.1.1"),
        "{line}"
    );
}
