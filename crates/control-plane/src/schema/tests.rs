//! Schemas: what they hold, how small they stay, and the small languages inside them.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::node::{Node, Shape};
use super::*;

fn crd(spec: &Value) -> Value {
    json!({"spec": {"group": "g.example", "names": {"kind": "Thing", "plural": "things"}, "versions": [
        {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}}]}})
}

fn custom(spec: &Value) -> Schema {
    Schema::from_crd(&crd(spec), "v1").unwrap()
}

fn thing(spec: &Value) -> Value {
    json!({"apiVersion": "g.example/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

fn causes(schema: &Schema, new: &Value, old: Option<&Value>) -> String {
    let lines: Vec<String> = validate(schema, new, old)
        .iter()
        .map(|cause| format!("{} {}: {}", cause.reason, cause.field, cause.message))
        .collect();
    lines.join("\n")
}

#[test]
fn every_built_in_kind_has_a_schema_with_metadata() {
    for (group, kind) in [
        ("", "Pod"),
        ("apps", "Deployment"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ] {
        let schema = Schema::builtin(group, "v1", kind).unwrap();
        let Shape::Object(root) = &schema.root().shape else {
            unreachable!("an object")
        };
        assert!(root.property("metadata").is_some(), "{kind}");
    }
    assert!(Schema::builtin("", "v1", "Nothing").is_none());
}

#[test]
fn equal_subtrees_are_one_node() {
    let part = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let schema = custom(&json!({"type": "object", "properties": {"x": part, "y": part}}));
    let spec = schema.root().field("spec").unwrap();
    let (x, y) = (spec.field("x").unwrap(), spec.field("y").unwrap());
    assert!(Arc::ptr_eq(x, y));
}

#[test]
fn lists_of_built_in_kinds_know_their_keys() {
    let pod = Schema::builtin("", "v1", "Pod").unwrap();
    let walk = |path: &[&str]| {
        path.iter()
            .fold(Arc::clone(pod.root()), |node: Arc<Node>, name| {
                match (&node.shape, *name) {
                    (Shape::Array(array), "*") => Arc::clone(&array.items),
                    (_, name) => Arc::clone(node.field(name).unwrap()),
                }
            })
    };
    let list = |path: &[&str]| match &walk(path).shape {
        Shape::Array(array) => format!("{:?}", array.list),
        other => format!("{other:?}"),
    };
    let lines = [
        list(&["spec", "containers"]),
        list(&["spec", "containers", "*", "ports"]),
        list(&["spec", "tolerations"]),
        list(&["metadata", "finalizers"]),
        list(&["metadata", "ownerReferences"]),
    ];
    expect![[r#"
        Map(["name"])
        Map(["containerPort", "protocol"])
        Atomic
        Set
        Map(["uid"])"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_union_names_the_branch_that_got_furthest() {
    let schema = custom(&json!({"type": "object", "properties": {"storage": {
        "type": "object", "required": ["type"],
        "properties": {"type": {"type": "string", "enum": ["ephemeral", "jbod"]}, "size": {"type": "string", "pattern": "^[0-9]+Gi$"}},
    }}}));
    let new = thing(&json!({"storage": {"type": "disk", "size": "ten"}}));
    expect![[r#"
        FieldValueInvalid spec.storage.size: Invalid value: "ten": spec.storage.size in body should match '^[0-9]+Gi$'
        FieldValueNotSupported spec.storage.type: Unsupported value: "disk": supported values: "ephemeral", "jbod""#]]
    .assert_eq(&causes(&schema, &new, None));
}

#[test]
fn rules_see_the_old_value_and_ratchet() {
    let schema = custom(&json!({"type": "object", "properties": {
        "n": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "only up"}, {"rule": "self < 10"}]},
    }}));
    let at = |n: i64| thing(&json!({"n": n}));
    assert_eq!(causes(&schema, &at(20), Some(&at(20))), "");
    expect![[r#"FieldValueInvalid spec.n: Invalid value: "integer": only up"#]].assert_eq(&causes(
        &schema,
        &at(1),
        Some(&at(2)),
    ));
    expect![[r#"FieldValueInvalid spec.n: Invalid value: "integer": failed rule: self < 10"#]]
        .assert_eq(&causes(&schema, &at(11), Some(&at(2))));
}

#[test]
fn decoding_tells_unknown_fields_and_fills_defaults() {
    let schema =
        custom(&json!({"type": "object", "properties": {"a": {"type": "integer", "default": 3}}}));
    let mut object = thing(&json!({"b": 1}));
    let told = decode(&schema, &mut object, FieldValidation::Warn, Defaults::Fill).unwrap();
    assert_eq!(told, ["unknown field \"spec.b\""]);
    assert_eq!(object["spec"], json!({"a": 3}));
    let mut object = thing(&json!({"b": 1}));
    let refused = decode(
        &schema,
        &mut object,
        FieldValidation::Strict,
        Defaults::Fill,
    );
    assert_eq!(refused, Err(DecodeError::Unknown(told)));
}

#[test]
fn quantities_have_one_form() {
    let given = [
        "0", "1000m", "1.5", "0.5Gi", "1024Ki", "1023", "1e3", "100000", "0.1n", "-2Ki", "+5",
        "1.", ".5", "12E",
    ];
    let lines: Vec<String> = given
        .iter()
        .map(|text| format!("{text} {}", quantity::canonical(text).unwrap_or_default()))
        .collect();
    expect![[r#"
        0 0
        1000m 1
        1.5 1500m
        0.5Gi 512Mi
        1024Ki 1Mi
        1023 1023
        1e3 1e3
        100000 100k
        0.1n 1n
        -2Ki -2Ki
        +5 5
        1. 1
        .5 500m
        12E 9223372036854775807"#]]
    .assert_eq(&lines.join("\n"));
    for wrong in ["", "a", "1.2.3", "1Kib", "--1", "1 Gi", "."] {
        assert_eq!(quantity::canonical(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_canonical_quantity_stays(text in "[0-9]{1,9}(\\.[0-9]{1,3})?(m|k|M|G|Ki|Mi|Gi|e3)?") {
        let once = quantity::canonical(&text).unwrap();
        prop_assert_eq!(quantity::canonical(&once), Some(once));
    }

    #[test]
    fn decoding_again_changes_nothing(replicas in prop::option::of(0_i64..9), names in prop::collection::vec("[a-c]", 0..4)) {
        let containers: Vec<Value> = names.iter().map(|n| json!({"name": n, "env": [], "resources": {"limits": {"cpu": 1}}})).collect();
        let mut object = json!({"metadata": {"labels": {}}, "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}}});
        let schema = Schema::builtin("apps", "v1", "Deployment").unwrap();
        decode(&schema, &mut object, FieldValidation::Strict, Defaults::Fill).unwrap();
        let once = object.clone();
        decode(&schema, &mut object, FieldValidation::Strict, Defaults::Fill).unwrap();
        prop_assert_eq!(object, once);
    }

    #[test]
    fn no_text_makes_a_format_panic(text in ".{0,20}") {
        for name in ["date", "date-time", "duration", "ipv4", "cidr", "mac", "uuid", "byte", "hostname", "email", "k8s-short-name"] {
            format::holds(name, &text);
        }
        quantity::canonical(&text);
    }
}
