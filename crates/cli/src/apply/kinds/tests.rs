use serde_json::json;

use super::*;

fn told(api: &str, kind: &str) -> Option<String> {
    let served: BTreeSet<(String, String)> = [
        ("v1", "ConfigMap"),
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("extensions/v1", "Deployment"),
    ]
    .map(|(api, kind)| (api.to_owned(), kind.to_owned()))
    .into();
    let Violation {
        path,
        kind: _,
        given,
        allowed,
        example,
    } = not_served(api, kind, &served)?;
    Some(format!("{path}: {given}; {allowed}; {example}"))
}

#[test]
fn a_kind_that_is_not_served_is_told_with_what_there_is() {
    assert_eq!(told("apps/v1", "Deployment"), None);
    assert_eq!(
        told("apps/v1beta1", "Deployment").unwrap(),
        "apiVersion: apps/v1beta1; one of `apps/v1`, `extensions/v1`, where Deployment is; apps/v1"
    );
    assert_eq!(
        told("v1", "ConfigMpa").unwrap(),
        "kind: ConfigMpa; one of `ConfigMap`, `Service` with apiVersion v1; ConfigMap"
    );
    assert_eq!(
        told("foo/v1", "Bar").unwrap(),
        "apiVersion: foo/v1; one of `apps/v1`, `extensions/v1`, `v1`, or one that a CustomResourceDefinition among the \
         documents brings; apps/v1"
    );
}

#[test]
fn a_definition_brings_its_kind_in_every_version() {
    let definition = json!({
        "kind": "CustomResourceDefinition",
        "spec": {"group": "foo", "names": {"kind": "Bar"}, "versions": [{"name": "v1"}, {"name": "v2"}]}
    });
    let pair = |api: &str| (api.to_owned(), "Bar".to_owned());
    assert_eq!(defined_by(&definition), [pair("foo/v1"), pair("foo/v2")]);
    assert_eq!(defined_by(&json!({"kind": "Bar"})), []);
}

#[test]
fn what_is_applied_has_a_name() {
    let named = json!({"metadata": {"name": "a", "generateName": "b-"}});
    assert_eq!(unnamed(&named), None);
    let violation = unnamed(&json!({"metadata": {"generateName": "b-"}})).unwrap();
    assert_eq!(
        (violation.path.as_str(), violation.example.as_str()),
        ("metadata.name", "b-1")
    );
}
