use super::*;

#[test]
fn defaults_filled_in_by_the_server_are_no_difference() {
    let wanted = json!({
        "metadata": {"name": "demo", "labels": {"a": "b"}},
        "spec": {"ports": [{"name": "tcp", "port": 9092}], "selector": {}},
    });
    let found = json!({
        "metadata": {"name": "demo", "uid": "1", "labels": {"a": "b", "c": "d"}},
        "spec": {"ports": [{"name": "tcp", "port": 9092, "protocol": "TCP"}], "type": "ClusterIP"},
    });
    assert!(is_contained(&wanted, &found));
}

#[test]
fn another_value_a_missing_field_or_another_length_is_a_difference() {
    let wanted = json!({"spec": {"ports": [{"port": 9092}], "type": "ClusterIP"}});
    for found in [
        json!({"spec": {"ports": [{"port": 9093}], "type": "ClusterIP"}}),
        json!({"spec": {"ports": [{"port": 9092}]}}),
        json!({"spec": {"ports": [{"port": 9092}, {"port": 9093}], "type": "ClusterIP"}}),
    ] {
        assert!(!is_contained(&wanted, &found), "{found}");
    }
}

#[test]
fn a_merge_patch_holds_only_what_changed_and_removes_what_is_gone() {
    let from =
        json!({"clusterId": "x", "conditions": [{"type": "NotReady"}], "kafkaVersion": "4.3.1"});
    let to = json!({"conditions": [{"type": "Ready"}], "kafkaVersion": "4.3.1", "listeners": []});
    assert_eq!(
        merge_patch(&from, &to),
        Some(json!({"clusterId": null, "conditions": [{"type": "Ready"}], "listeners": []})),
    );
    assert_eq!(merge_patch(&to, &to), None);
    assert_eq!(merge_patch(&Value::Null, &to), Some(to));
}
