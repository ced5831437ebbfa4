use expect_test::{Expect, expect};
use model::desired::parse::Settings;
use model::validate;
use serde_json::json;

use super::*;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    example.com/team: orders
spec:
  replicas: \"3\"
  template:
    spec:
      containers:
        - name: other
        - name: a
          prot: 3
          ports:
            - containerPort: 80
              hostIP: 5
";

fn document(text: &str) -> Document {
    let source = validate::Source {
        file: "web.yaml",
        text: Ok(text),
    };
    let mut documents = validate::validate(&[source], &Settings::default()).documents;
    documents.pop().unwrap()
}

fn check(text: &str, answer: serde_json::Value, expected: &Expect) {
    let answer: Status = serde_json::from_value(answer).unwrap();
    let lines = lines(&document(text), &answer).unwrap();
    let refused = Refused { lines, applied: 2 };
    expected.assert_eq(&refused.to_string());
}

#[test]
fn what_does_not_fit_the_schema_has_its_line_and_what_is_allowed() {
    check(
        DEPLOYMENT,
        json!({"code": 500, "message": "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:\n  \
            .spec.replicas: expected numeric (int or float), got string\n  \
            .metadata.labels.example.com/team: expected string, got &value.valueUnstructured{Value:1}\n  \
            .spec.template.spec.containers[name=\"a\"].ports[containerPort=80,protocol=\"TCP\"].hostIP: expected string, got &value.valueUnstructured{Value:5}\n  \
            .spec.template.spec.containers: duplicate entries for key [name=\"a: b\"]\n  \
            .spec.template.spec.containers[name=\"a\"].prot: field not declared in schema"}),
        &expect![[r#"
            web.yaml:8: Deployment/web: spec.replicas: "3" is not allowed; allowed: a number, without quotes; for example: 3
            web.yaml:6: Deployment/web: metadata.labels["example.com/team"]: orders is not allowed; allowed: expected string
            web.yaml:17: Deployment/web: spec.template.spec.containers[1].ports[0].hostIP: 5 is not allowed; allowed: text, in quotes where YAML would read a number ("5"); for example: "5"
            web.yaml:11: Deployment/web: spec.template.spec.containers: [name="a: b"] twice is not allowed; allowed: each once
            web.yaml:14: Deployment/web: spec.template.spec.containers[1].prot is not a field; fields there: those that `kubectl explain deployment.spec.template.spec.containers` lists
            2 objects were applied before it"#]],
    );
}

#[test]
fn causes_are_told_each_with_its_field() {
    check(
        DEPLOYMENT,
        json!({"code": 422, "message": "Deployment.apps \"web\" is invalid: [...]", "details": {"causes": [
            {"reason": "FieldValueInvalid", "field": "spec.replicas", "message": "Invalid value: -1: must be greater than or equal to 0"},
            {"reason": "FieldValueInvalid", "field": "spec.template.spec.containers[1].name",
             "message": "Invalid value: \"A_\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
            {"reason": "FieldValueInvalid", "field": "spec.maximum", "message": "Invalid value: -1: must be greater than or equal to 0"},
            {"reason": "FieldValueRequired", "field": "spec.selector", "message": "Required value"},
            {"reason": "FieldValueRequired", "field": "spec.data[tls.key]", "message": "Required value"},
            {"reason": "FieldValueNotSupported", "field": "spec.strategy.type", "message": "Unsupported value: \"Now\": supported values: \"Recreate\", \"RollingUpdate\""},
            {"reason": "FieldValueDuplicate", "field": "spec.template.spec.containers[1].name", "message": "Duplicate value: \"a\""},
            {"reason": "FieldValueForbidden", "field": "spec.paused", "message": "Forbidden: not now"},
            {"reason": "FieldValueInvalid", "field": "spec.template.metadata.labels", "message": "Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`"},
            {"reason": "FieldValueInvalid", "field": "spec.selector", "message": "Invalid value: {}: field is immutable"}
        ]}}),
        &expect![[r#"
            web.yaml:8: Deployment/web: spec.replicas: 3 is not allowed; allowed: greater than or equal to 0; for example: 0
            web.yaml:13: Deployment/web: spec.template.spec.containers[1].name: a is not allowed; allowed: a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character; for example: my-name
            web.yaml:7: Deployment/web: spec.selector is missing; allowed: see `kubectl explain deployment.spec.selector`
            web.yaml:7: Deployment/web: spec.data["tls.key"] is missing; allowed: see `kubectl explain deployment.spec.data`
            web.yaml:7: Deployment/web: spec.strategy.type: Now is not allowed; allowed: one of "Recreate", "RollingUpdate"; for example: Recreate
            web.yaml:13: Deployment/web: spec.template.spec.containers[1].name: a is not allowed; allowed: each once
            web.yaml:7: Deployment/web: spec.paused cannot be set (to what is there); instead: nothing: not now
            web.yaml:9: Deployment/web: spec.template.metadata.labels: {"a":"c"} is not allowed; allowed: what the API server takes: `selector` does not match template `labels`
            web.yaml:7: Deployment/web: spec.selector: {} is not allowed; allowed: what it is already: it cannot be changed
            2 objects were applied before it"#]],
    );
}

#[test]
fn what_names_no_field_is_told_of_the_document_in_the_server_s_words() {
    check(
        DEPLOYMENT,
        json!({"code": 409, "message": "the object has been modified"}),
        &expect![[r#"
            web.yaml:1: Deployment/web: the API server refuses it: the object has been modified
            2 objects were applied before it"#]],
    );
    let other = json!({"code": 500, "message": "etcd is away"});
    let other: Status = serde_json::from_value(other).unwrap();
    assert_eq!(lines(&document(DEPLOYMENT), &other), None);
}

#[test]
fn no_value_of_a_secret_is_told() {
    check(
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {tls.key: aHVudGVyMg==}}",
        json!({"code": 422, "message": "…", "details": {"causes": [
            {"reason": "FieldValueInvalid", "field": "data[tls.key]", "message": "Invalid value: \"<secret contents redacted>\": no key"}
        ]}}),
        &expect![[r#"
            web.yaml:1: Secret/s: data["tls.key"]: what is not shown is not allowed; allowed: what the API server takes: no key
            2 objects were applied before it"#]],
    );
}
