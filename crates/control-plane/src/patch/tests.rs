//! Patches: what they do and what they refuse. How a kube-apiserver does the same is in the conformance cases.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::Schema;

#[test]
fn a_failing_json_patch_changes_nothing() {
    let doc = json!({"a": 1});
    let patch =
        json!([{"op": "add", "path": "/b", "value": 2}, {"op": "test", "path": "/a", "value": 3}]);
    assert_eq!(
        json(&doc, &patch),
        Err(Error::Inapplicable(MISFIT.to_owned()))
    );
}

#[test]
fn a_json_patch_has_a_longest_length() {
    let operation = json!({"op": "test", "path": "", "value": {}});
    let patch = Value::Array(vec![operation; MOST_OPERATIONS + 1]);
    assert!(matches!(json(&json!({}), &patch), Err(Error::Malformed(_))));
}

#[test]
fn a_strategic_patch_without_directives_merges_lists_by_key() {
    let pod = Schema::builtin("", "v1", "Pod").unwrap();
    let doc = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "tolerations": [{"key": "x"}]}});
    let patch = json!({"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "c"}], "tolerations": []}});
    let out = strategic(&pod, &doc, &patch).unwrap();
    let wanted = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c"}]);
    assert_eq!(
        out,
        json!({"spec": {"containers": wanted, "tolerations": []}})
    );
}

#[test]
fn an_item_without_its_key_is_refused() {
    let pod = Schema::builtin("", "v1", "Pod").unwrap();
    let doc = json!({"spec": {"containers": [{"name": "a"}]}});
    let patch = json!({"spec": {"containers": [{"image": "2"}]}});
    assert!(matches!(
        strategic(&pod, &doc, &patch),
        Err(Error::Inapplicable(_))
    ));
}

/// A document of objects and single values.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(1)),
        Just(json!("x")),
        Just(json!([1, null])),
        Just(json!(true))
    ];
    let tree = leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| json!(map))
    });
    prop::collection::btree_map("[a-c]", tree, 0..3).prop_map(|map| json!(map))
}

/// The merge patch that leads from one document to another.
fn patch_between(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return to.clone();
    };
    let mut out = Map::new();
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        out.insert(name.clone(), Value::Null);
    }
    for (name, value) in to {
        match from.get(name) {
            Some(old) if old == value => {}
            Some(old) if old.is_object() && value.is_object() => {
                out.insert(name.clone(), patch_between(old, value));
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_merge_patch_leads_from_one_document_to_another(from in document(), to in document()) {
        prop_assert_eq!(merge(&from, &patch_between(&from, &to)).unwrap(), to);
    }

    #[test]
    fn an_empty_patch_changes_nothing(doc in document()) {
        prop_assert_eq!(merge(&doc, &json!({})).unwrap(), doc.clone());
        prop_assert_eq!(json(&doc, &json!([])).unwrap(), doc.clone());
        let pod = Schema::builtin("", "v1", "Pod").unwrap();
        prop_assert_eq!(strategic(&pod, &doc, &json!({})).unwrap(), doc);
    }
}
