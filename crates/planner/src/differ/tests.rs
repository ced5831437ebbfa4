use serde_json::json;

use super::{changed, hash, hash_value, missing};

#[test]
fn defaults_filled_in_by_a_server_are_no_difference() {
    let wanted = json!({"spec": {"ports": [{"name": "a", "port": 1}], "x": null, "y": {}}});
    let seen = json!({"spec": {"ports": [{"name": "a", "port": 1, "protocol": "TCP"}], "clusterIP": "127.0.0.1"}});
    assert_eq!(missing(&wanted, &seen), Vec::<String>::new());
    assert_eq!(
        changed(&seen, &wanted),
        ["spec.clusterIP", "spec.ports[a].protocol"]
    );
}

#[test]
fn differences_are_named_by_path() {
    let wanted =
        json!({"spec": {"ports": [{"name": "a", "port": 1}], "list": [1, 2], "new": true}});
    let seen = json!({"spec": {"ports": [{"name": "a", "port": 2}], "list": [1]}});
    assert_eq!(
        missing(&wanted, &seen),
        ["spec.list", "spec.new", "spec.ports[a].port"]
    );
}

#[test]
fn hashes_do_not_depend_on_the_order_of_keys() {
    let one: serde_json::Value = serde_json::from_str(r#"{"a":1,"b":[{"c":2,"d":3}]}"#).unwrap();
    let two: serde_json::Value = serde_json::from_str(r#"{"b":[{"d":3,"c":2}],"a":1}"#).unwrap();
    assert_eq!(hash_value(&one), hash_value(&two));
    assert_ne!(hash(["ab", ""]), hash(["a", "b"]));
}
