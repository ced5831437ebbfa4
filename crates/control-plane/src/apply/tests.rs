//! What apply merges, removes, refuses and remembers.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::{Defaults, FieldValidation, decode};

const T1: &str = "2026-01-01T00:00:00Z";
const T2: &str = "2026-01-01T00:00:10Z";

fn schema(group: &str, kind: &str) -> std::sync::Arc<Schema> {
    Schema::builtin(group, "v1", kind).expect("a kind we know")
}

fn by(name: &str) -> Manager<'_> {
    Manager {
        name,
        subresource: None,
        force: false,
    }
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": data})
}

fn deployment(replicas: Option<u64>, containers: &Value) -> Value {
    let mut out = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n", "labels": {"app": "a"}},
        "spec": {"template": {"spec": {"containers": containers}}}
    });
    if let Some(replicas) = replicas {
        out["spec"]["replicas"] = json!(replicas);
    }
    out
}

/// Owners and their fields, one per line.
fn owners(object: &Value) -> String {
    let mut out = String::new();
    for entry in object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        let (manager, operation, time) = (text("manager"), text("operation"), text("time"));
        let _ = writeln!(out, "{manager} {operation} {} {time}", text("subresource"));
        let _ = writeln!(out, "  {}", entry["fieldsV1"]);
    }
    out
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(text);
}

#[test]
fn a_new_object_belongs_to_its_applier() {
    let schema = schema("apps", "Deployment");
    let applied = deployment(
        Some(3),
        &json!([{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]),
    );
    let out = apply(None, &applied, &by("one"), &schema, T1).unwrap();
    check(
        &owners(&out),
        &expect![[r#"
            one Apply - 2026-01-01T00:00:00Z
              {"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}
        "#]],
    );
}

#[test]
fn applying_again_changes_nothing() {
    let schema = schema("apps", "Deployment");
    let applied = deployment(Some(3), &json!([{"name": "c", "image": "i"}]));
    let once = apply(None, &applied, &by("one"), &schema, T1).unwrap();
    assert_eq!(
        apply(Some(&once), &applied, &by("one"), &schema, T2).unwrap(),
        once
    );
}

#[test]
fn what_is_no_longer_applied_disappears() {
    let schema = schema("apps", "Deployment");
    let both = deployment(
        Some(3),
        &json!([{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]),
    );
    let once = apply(None, &both, &by("one"), &schema, T1).unwrap();
    let out = apply(
        Some(&once),
        &deployment(None, &json!([{"name": "d"}])),
        &by("one"),
        &schema,
        T2,
    )
    .unwrap();
    assert_eq!(
        out["spec"]["template"]["spec"]["containers"],
        json!([{"name": "d"}])
    );
    assert_eq!(out["spec"].get("replicas"), None);
}

#[test]
fn what_another_owns_stays() {
    let schema = schema("", "ConfigMap");
    let one = apply(
        None,
        &config_map(&json!({"a": "1", "b": "2"})),
        &by("one"),
        &schema,
        T1,
    )
    .unwrap();
    let two = apply(
        Some(&one),
        &config_map(&json!({"b": "2", "c": "3"})),
        &by("two"),
        &schema,
        T1,
    )
    .unwrap();
    let out = apply(Some(&two), &config_map(&json!({})), &by("one"), &schema, T2).unwrap();
    assert_eq!(out["data"], json!({"b": "2", "c": "3"}));
    check(
        &owners(&out),
        &expect![[r#"
            two Apply - 2026-01-01T00:00:00Z
              {"f:data":{"f:b":{},"f:c":{}}}
            one Apply - 2026-01-01T00:00:10Z
              {"f:data":{}}
        "#]],
    );
}

#[test]
fn a_field_of_another_is_a_conflict_unless_forced() {
    let schema = schema("", "ConfigMap");
    let live = apply(
        None,
        &config_map(&json!({"a": "1"})),
        &by("one"),
        &schema,
        T1,
    )
    .unwrap();
    let change = config_map(&json!({"a": "2"}));
    let Err(Error::Conflicts(conflicts)) = apply(Some(&live), &change, &by("two"), &schema, T2)
    else {
        unreachable!("this must conflict")
    };
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (conflicts[0].manager.as_str(), conflicts[0].field.as_str()),
        ("one", ".data.a")
    );
    let forced = Manager {
        force: true,
        ..by("two")
    };
    let out = apply(Some(&live), &change, &forced, &schema, T2).unwrap();
    check(
        &owners(&out),
        &expect![[r#"
            two Apply - 2026-01-01T00:00:10Z
              {"f:data":{"f:a":{}}}
        "#]],
    );
}

#[test]
fn an_update_owns_what_it_changes() {
    let schema = schema("", "ConfigMap");
    let live = apply(
        None,
        &config_map(&json!({"a": "1", "b": "2"})),
        &by("one"),
        &schema,
        T1,
    )
    .unwrap();
    let mut new = live.clone();
    new["data"]["a"] = json!("9");
    track(Some(&live), &mut new, "editor", None, &schema, T2);
    check(
        &owners(&new),
        &expect![[r#"
            one Apply - 2026-01-01T00:00:00Z
              {"f:data":{"f:b":{}}}
            editor Update - 2026-01-01T00:00:10Z
              {"f:data":{"f:a":{}}}
        "#]],
    );
}

#[test]
fn a_created_object_belongs_to_its_creator() {
    let schema = schema("", "Pod");
    let mut new = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "env": [{"name": "E", "value": "1"}]}], "tolerations": [{"key": "t"}], "volumes": [{"name": "v", "emptyDir": {}}]}
    });
    track(None, &mut new, "curl", None, &schema, T1);
    check(
        &owners(&new),
        &expect![[r#"
            curl Update - 2026-01-01T00:00:00Z
              {"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:env":{".":{},"k:{\"name\":\"E\"}":{".":{},"f:name":{},"f:value":{}}},"f:name":{}}},"f:tolerations":{},"f:volumes":{".":{},"k:{\"name\":\"v\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}}
        "#]],
    );
}

#[test]
fn an_item_named_twice_is_refused() {
    let schema = schema("apps", "Deployment");
    let applied = deployment(None, &json!([{"name": "c"}, {"name": "c"}]));
    let Err(Error::Malformed(text)) = apply(None, &applied, &by("one"), &schema, T1) else {
        unreachable!("this must be refused")
    };
    check(
        &text,
        &expect![[
            r#"failed to create typed patch object (n/a; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="c"]"#
        ]],
    );
}

#[test]
fn an_object_nobody_tracked_belongs_to_its_past() {
    let schema = schema("", "ConfigMap");
    let live = config_map(&json!({"a": "1"}));
    let out = apply(
        Some(&live),
        &config_map(&json!({"b": "2"})),
        &by("one"),
        &schema,
        T1,
    )
    .unwrap();
    check(
        &owners(&out),
        &expect![[r#"
            one Apply - 2026-01-01T00:00:00Z
              {"f:data":{"f:b":{}}}
            before-first-apply Update - 2026-01-01T00:00:00Z
              {"f:data":{".":{},"f:a":{}}}
        "#]],
    );
}

/// What someone may apply to a Deployment: labels, containers with variables, an atomic list.
fn configuration() -> impl Strategy<Value = Value> {
    let name = "[a-d]";
    let labels = prop::collection::btree_map(name, "[x-z]", 0..3);
    let env = prop::collection::btree_map(name, "[x-z]", 0..4).prop_shuffle_values();
    let containers = prop::collection::btree_map(name, env, 1..3);
    let tolerations = prop::option::of(prop::collection::vec(name, 0..3));
    (labels, containers, tolerations, prop::option::of(0_u64..3)).prop_map(
        |(labels, containers, tolerations, replicas)| {
            let containers: Vec<Value> = containers
                .into_iter()
                .map(|(name, env)| {
                    let env: Vec<Value> = env
                        .into_iter()
                        .map(|(name, value)| json!({"name": name, "value": value}))
                        .collect();
                    json!({"name": name, "env": env})
                })
                .collect();
            let mut out = deployment(replicas, &json!(containers));
            out["metadata"]["labels"] = json!(labels);
            if let Some(tolerations) = tolerations {
                let list: Vec<Value> = tolerations.iter().map(|key| json!({"key": key})).collect();
                out["spec"]["template"]["spec"]["tolerations"] = json!(list);
            }
            out
        },
    )
}

/// A map of variables as pairs in any order.
trait ShuffleValues {
    fn prop_shuffle_values(self) -> BoxedStrategy<Vec<(String, String)>>;
}

impl<S> ShuffleValues for S
where
    S: Strategy<Value = BTreeMap<String, String>> + 'static,
{
    fn prop_shuffle_values(self) -> BoxedStrategy<Vec<(String, String)>> {
        self.prop_map(|map| map.into_iter().collect::<Vec<_>>())
            .prop_shuffle()
            .boxed()
    }
}

/// The object without who owns what.
fn content(object: &Value) -> Value {
    let mut out = object.clone();
    strip_managed(&mut out);
    out
}

#[test]
fn a_later_time_alone_is_no_write() {
    let schema = schema("", "ConfigMap");
    let body = config_map(&json!({"a": "1"}));
    let early = apply(None, &body, &by("one"), &schema, T1).unwrap();
    let late = apply(None, &body, &by("one"), &schema, T2).unwrap();
    assert_ne!(early, late);
    assert!(is_no_write(&early, &late));
    let other = apply(None, &body, &by("two"), &schema, T1).unwrap();
    assert!(!is_no_write(&early, &other));
    let more = apply(
        None,
        &config_map(&json!({"a": "2"})),
        &by("one"),
        &schema,
        T1,
    )
    .unwrap();
    assert!(!is_no_write(&early, &more));
}

#[test]
fn an_object_that_stays_is_left_empty() {
    let schema = schema("", "Pod");
    let pod = |volume: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"volumes": [volume]}});
    let full = pod(json!({"name": "v", "emptyDir": {"medium": "Memory"}}));
    let bare = pod(json!({"name": "v", "emptyDir": {}}));
    let live = apply(None, &full, &by("one"), &schema, T1).unwrap();
    let out = apply(Some(&live), &bare, &by("one"), &schema, T2).unwrap();
    assert_eq!(out["spec"]["volumes"], bare["spec"]["volumes"]);
    assert_eq!(
        apply(Some(&out), &bare, &by("one"), &schema, "later").unwrap(),
        out
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn applying_twice_is_applying_once(first in configuration(), second in configuration()) {
        let schema = schema("apps", "Deployment");
        let force = |name| Manager { force: true, ..by(name) };
        let one = apply(None, &first, &force("one"), &schema, T1).unwrap();
        let two = apply(Some(&one), &second, &force("two"), &schema, T1).unwrap();
        let again = apply(Some(&two), &second, &force("two"), &schema, T2).unwrap();
        prop_assert_eq!(again, two);
    }

    #[test]
    fn what_one_manager_applies_last_is_what_is_there(first in configuration(), second in configuration()) {
        let schema = schema("apps", "Deployment");
        let both = apply(None, &first, &by("one"), &schema, T1).unwrap();
        let both = apply(Some(&both), &second, &by("one"), &schema, T2).unwrap();
        let only = apply(None, &second, &by("one"), &schema, T2).unwrap();
        // As stored: what a Go type writes although nobody said it is there in both.
        let fields = |object: &Value| {
            let mut stored = content(object);
            decode(&schema, &mut stored, FieldValidation::Ignore, Defaults::Fill).unwrap();
            fields_of(schema.root(), &stored)
        };
        prop_assert_eq!(fields(&both), fields(&only));
    }

    #[test]
    fn what_two_managers_share_survives_one_of_them(shared in configuration()) {
        let schema = schema("apps", "Deployment");
        let one = apply(None, &shared, &by("one"), &schema, T1).unwrap();
        let two = apply(Some(&one), &shared, &by("two"), &schema, T1).unwrap();
        prop_assert_eq!(content(&two), content(&one), "applying what is there changes nothing");
        let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}});
        let left = apply(Some(&two), &nothing, &by("one"), &schema, T2).unwrap();
        prop_assert_eq!(content(&left), content(&one));
    }

    #[test]
    fn fields_survive_being_written(object in configuration()) {
        let set = fields_of(schema("apps", "Deployment").root(), &object);
        prop_assert_eq!(Set::from_fields(&set.to_fields()), set);
    }
}
