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
        change: None,
        kafka_version: Some("3.9.2".to_owned()),
        metadata_version: None,
        metadata_store: "etcd of its own".to_owned(),
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
    assert!(
        detail.contains("metadata in etcd of its own   cluster id -"),
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

#[test]
fn where_metadata_are_is_told_in_words() {
    let told = |annotations: serde_json::Value| {
        let kafka = json!({
            "apiVersion": "kafka.strimzi.io/v1beta2", "kind": "Kafka",
            "metadata": {"name": "a", "annotations": annotations},
            "spec": {"kafka": {"listeners": []}}
        });
        metadata_store(&serde_json::from_value(kafka).unwrap())
    };
    let store = |text: &str| told(json!({"klamm.dev/metadata-store": text}));
    assert_eq!(told(json!({})), "KRaft");
    assert_eq!(store("zookeeper"), "ZooKeeper ensemble of its own");
    assert_eq!(store("etcd://"), "etcd of its own");
    assert_eq!(store("etcd://a:2379,b:2379"), "etcd at a:2379,b:2379");
    assert_eq!(store("etcds://a:2379/"), "etcd at a:2379 with TLS");

    // What it was made with counts, not what is asked for by now.
    let made = |kind: &str, asked: &str| {
        let identity = json!({"clusterId": "a2xhbW0tdHJhaW5pbmctMQ", "store": {"kind": kind}});
        told(json!({"klamm.dev/identity": identity.to_string(), "klamm.dev/metadata-store": asked}))
    };
    assert_eq!(made("managedEtcd", "zookeeper"), "etcd of its own");
    assert_eq!(made("etcd", "etcd://a:2379"), "etcd at a:2379");
    assert_eq!(made("etcd", "zookeeper"), "an etcd");
    assert_eq!(
        made("zooKeeper", "etcd://"),
        "ZooKeeper ensemble of its own"
    );
    assert_eq!(made("kRaft", "etcd://"), "KRaft");
}

fn not_ready(problems: &serde_json::Value, reason: &str) -> Row {
    let plan = json!({
        "apiVersion": "klamm.dev/v1alpha1", "kind": "KafkaPlan", "metadata": {"name": "demo"},
        "spec": {"cluster": "demo"}, "status": {"problems": problems}
    });
    Row {
        namespace: "default".to_owned(),
        name: "demo".to_owned(),
        ready: false,
        reason: Some(reason.to_owned()),
        change: None,
        kafka_version: None,
        metadata_version: None,
        metadata_store: KRAFT.to_owned(),
        cluster_id: None,
        nodes: Vec::new(),
        listeners: Vec::new(),
        zookeeper_connect: None,
        warnings: Vec::new(),
        plan: Some(serde_json::from_value(plan).unwrap()),
    }
}

#[test]
fn each_of_several_problems_has_a_line_and_its_example_once() {
    let problems = json!([
        {"reason": "PoolGone", "message": "pool a is gone"},
        {"reason": "MissingReference", "message": "role broker: none", "hint": "for example: x"},
        {"reason": "MissingReference", "message": "role controller: none", "hint": "for example: y"}
    ]);
    let row = not_ready(
        &problems,
        "PoolGone: pool a is gone; role broker: none; for example: x; role controller: none; for example: y",
    );
    expect_test::expect![[r#"
        NAMESPACE  NAME  READY  NODES  KAFKA  LISTENERS  PLAN
        default    demo  False  0/0    -                 PoolGone, MissingReference

        default/demo: 3 problems
          PoolGone: pool a is gone
          MissingReference: role broker: none; for example: x
          MissingReference: role controller: none; for example: y"#]]
    .assert_eq(&overview(std::slice::from_ref(&row)));
    expect_test::expect![[r#"
        demo (namespace default)  not Ready: PoolGone, MissingReference (see below)
          Kafka -   metadata -   cluster id -

        NODE  ROLES  RESTARTS  STATE

        demo
        problem  PoolGone: pool a is gone
        problem  MissingReference: role broker: none
                 for example: x
        problem  MissingReference: role controller: none
                 for example: y"#]]
    .assert_eq(&detail(&row));
}

#[test]
fn what_is_no_problem_of_the_plan_is_told_as_the_condition_has_it() {
    let one = json!([{"reason": "Override", "message": "hold is no word"}]);
    let row = not_ready(&one, "Creating: 2 steps to do");
    assert!(
        overview(std::slice::from_ref(&row)).ends_with("default/demo: Creating: 2 steps to do")
    );
    assert!(
        detail(&row).starts_with("demo (namespace default)  not Ready: Creating: 2 steps to do\n")
    );
}

#[test]
fn a_node_without_a_pod_is_shown_as_one() {
    let pool = serde_json::from_value(json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "metadata": {"name": "pool"},
        "spec": {"replicas": 2, "roles": ["controller", "broker"], "storage": {"type": "ephemeral"}},
        "status": {"nodeIds": [0, 1]}
    }))
    .unwrap();
    let seen = [node_row(&pod("demo-pool-0", &json!({}), "True"))];
    let nodes = missing("demo", &[pool], &seen);
    let [node] = nodes.as_slice() else {
        panic!("{nodes:?}");
    };
    assert_eq!(
        (node.pod.as_str(), node.roles.as_str(), node.ready),
        ("demo-pool-1", "controller,broker", false)
    );
}
