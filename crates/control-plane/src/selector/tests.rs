use std::collections::BTreeMap;

use serde_json::json;

use super::{FieldSelector, LabelSelector, check_builtin};

fn accepts(selector: &str, labels: &[(&str, &str)]) -> bool {
    let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
    LabelSelector::parse(selector)
        .unwrap()
        .accepts(|key| labels.get(key).copied())
}

/// A selector, labels, and whether it accepts them.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

#[test]
fn label_selectors_mean_what_kubectl_users_expect() {
    let cases: &[Case] = &[
        ("", &[], true),
        ("a=b", &[("a", "b")], true),
        ("a==b", &[("a", "c")], false),
        ("a!=b", &[], true),
        ("a!=b", &[("a", "b")], false),
        ("a", &[("a", "")], true),
        ("!a", &[("a", "")], false),
        ("a in (b, c),d", &[("a", "c"), ("d", "x")], true),
        ("a in (b,c)", &[("a", "d")], false),
        ("a notin (b,c)", &[], true),
        ("a notin (b,c)", &[("a", "b")], false),
        ("n>3", &[("n", "4")], true),
        ("n<3", &[("n", "4")], false),
        (
            "strimzi.io/cluster=my,strimzi.io/kind in (Kafka)",
            &[("strimzi.io/cluster", "my"), ("strimzi.io/kind", "Kafka")],
            true,
        ),
        ("a=", &[("a", "")], true),
    ];
    for (selector, labels, wanted) in cases {
        assert_eq!(
            accepts(selector, labels),
            *wanted,
            "{selector} on {labels:?}"
        );
    }
    for bad in ["a in b", "a in (b", "=x", "a b", "a isnt (b)"] {
        assert!(LabelSelector::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_selector_object_is_the_same_as_its_text() {
    let object = json!({"matchLabels": {"a": "b"}, "matchExpressions": [
        {"key": "c", "operator": "In", "values": ["d", "e"]}, {"key": "f", "operator": "DoesNotExist"},
    ]});
    let selector = LabelSelector::of_object(&object);
    assert_eq!(selector.text(), "a=b,c in (d,e),!f");
    assert_eq!(LabelSelector::parse(&selector.text()).unwrap(), selector);
    assert!(
        LabelSelector::of_object(&json!({})).accepts_object(&json!({})),
        "an empty one selects everything"
    );
    assert!(
        !LabelSelector::of_object(&json!(null)).accepts_object(&json!({})),
        "an absent one selects nothing"
    );
}

#[test]
fn field_selectors_look_at_known_fields_only() {
    let pod = json!({"metadata": {"name": "p"}, "spec": {}, "status": {"phase": "Running"}});
    let parse = |text: &str| FieldSelector::parse(text, |path| check_builtin("", "pods", path));
    let cases = [
        ("spec.nodeName=", true),
        ("spec.nodeName!=", false),
        ("status.phase=Running,metadata.name=p", true),
        ("status.phase!=Running", false),
    ];
    for (text, wanted) in cases {
        assert_eq!(parse(text).unwrap().accepts(&pod), wanted, "{text}");
    }
    assert_eq!(parse("metadata.name=p").unwrap().name(), Some("p"));
    assert_eq!(
        parse("spec.containers=x").unwrap_err().message,
        "field label not supported: spec.containers"
    );
}
