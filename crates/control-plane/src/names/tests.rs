use serde_json::json;

use super::{check_metadata, label, label_1035, label_value, qualified, subdomain};

#[test]
fn names_are_judged_as_kubernetes_judges_them() {
    for good in ["a", "my-cluster", "a.b-c.d", "0a"] {
        assert_eq!(subdomain(good), Vec::<String>::new(), "{good}");
    }
    for bad in ["", "A", "-a", "a-", "a..b", "a_b", &"x".repeat(254)] {
        assert!(!subdomain(bad).is_empty(), "{bad}");
    }
    assert!(
        !label("a.b").is_empty() && !label_1035("0a").is_empty() && label_1035("a0").is_empty()
    );
    assert!(qualified("strimzi.io/cluster").is_empty() && qualified("Some_Key.x").is_empty());
    for bad in ["", "a/b/c", "/x", "x/", "Ex.com/y", "sp ace"] {
        assert!(!qualified(bad).is_empty(), "{bad}");
    }
    assert!(
        label_value("").is_empty()
            && label_value("a_B-c.1").is_empty()
            && !label_value("a b").is_empty()
    );
}

#[test]
fn metadata_mistakes_name_their_field() {
    let metadata = json!({
        "labels": {"ok": "bad value"}, "annotations": {"bad key": "x"}, "finalizers": ["plain"],
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1", "controller": true},
            {"apiVersion": "v1", "kind": "Pod", "name": "b", "uid": "", "controller": true},
        ],
    });
    let fields: Vec<String> = check_metadata(&metadata)
        .into_iter()
        .map(|cause| cause.field)
        .collect();
    let wanted = [
        "metadata.labels",
        "metadata.annotations",
        "metadata.finalizers[0]",
        "metadata.ownerReferences.uid",
        "metadata.ownerReferences",
    ];
    assert_eq!(fields, wanted);
}
