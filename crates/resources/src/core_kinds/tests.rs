use expect_test::{Expect, expect};

use super::*;
use crate::check::tests::lines;

#[test]
fn what_a_config_map_holds_is_text() {
    told(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {tier: 1}}
dta: {a: b}
immutable: "true"
data: {a: 1, b: true, c: {d: e}, f: "1", "two words": x, log4j2.properties: "a=b", nothing: null}
binaryData: {a: AAECAw==, b: AAE, c: 12}
"#,
        &expect![[r#"
            binaryData.b: InvalidValue
              given   AAE
              allowed text in base64 (data takes it as it is)
              example AAECAw==
            binaryData.c: InvalidValue
              given   12
              allowed text in base64 (data takes it as it is), in quotes where YAML would read a number
              example AAECAw==
            data.a: InvalidValue
              given   1
              allowed text, in quotes where YAML would read a number
              example "1"
            data.b: InvalidValue
              given   true
              allowed text, in quotes where YAML would read a truth value
              example "true"
            data.c: InvalidValue
              given   {"d":"e"}
              allowed text
              example "1"
            data["two words"]: InvalidValue
              given   the key "two words"
              allowed a key of letters, digits, `-`, `_` and `.`, at most 253 characters
              example my-file.properties
            dta: UnknownField
              given   {"a":"b"}
              allowed `apiVersion`, `binaryData`, `data`, `immutable`, `kind`, `metadata`
              example data
            immutable: InvalidValue
              given   "true"
              allowed `true` or `false`, without quotes
              example true
            metadata.labels.tier: InvalidValue
              given   1
              allowed text, in quotes where YAML would read a number ("1")
              example "1"
        "#]],
    );
}

#[test]
fn of_a_secret_no_value_is_told() {
    let yaml = "
apiVersion: v1
kind: Secret
metadata: {name: a}
data: {a: hunter2, b: 31337, c: true, d: [31337], e: {f: hunter2}, g: aHVudGVyMg==, h: \"aHVu\\ndGVyMg==\\n\"}
stringData: {a: hunter2, b: 31337}
";
    told(
        yaml,
        &expect![[r#"
        data.a: InvalidValue
          given   text that is no base64
          allowed text in base64 (stringData takes it as it is)
          example cGFzc3dvcmQ=
        data.b: InvalidValue
          given   a number
          allowed text in base64 (stringData takes it as it is), in quotes where YAML would read a number
          example cGFzc3dvcmQ=
        data.c: InvalidValue
          given   a truth value
          allowed text in base64 (stringData takes it as it is), in quotes where YAML would read a truth value
          example cGFzc3dvcmQ=
        data.d: InvalidValue
          given   a list
          allowed text in base64 (stringData takes it as it is)
          example cGFzc3dvcmQ=
        data.e: InvalidValue
          given   a map
          allowed text in base64 (stringData takes it as it is)
          example cGFzc3dvcmQ=
        stringData.b: InvalidValue
          given   a number
          allowed text, in quotes where YAML would read a number
          example "1"
    "#]],
    );
    for yaml in [
        yaml,
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: hunter2, stringData: [31337], stringdata: hunter2}",
    ] {
        let all = format!("{:?}", violations(yaml));
        assert!(!all.contains("hunter2") && !all.contains("31337"), "{all}");
    }
}

#[test]
fn what_is_good_and_kinds_that_are_not_known_pass() {
    for yaml in [
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a}, data: {a: b}, immutable: true}",
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, type: Opaque, data: {a: Yg==}, stringData: {c: d}}",
    ] {
        assert_eq!(violations(yaml), Some(Vec::new()), "{yaml}");
    }
    for yaml in [
        "{apiVersion: v1, kind: Service, metadata: {name: a}}",
        "{apiVersion: v2, kind: Secret, metadata: {name: a}}",
    ] {
        assert_eq!(violations(yaml), None, "{yaml}");
    }
}

#[test]
fn metadata_are_alike_for_every_kind() {
    let document =
        json!({"kind": "Service", "metadata": {"name": "a", "label": {}, "annotations": {"a": 1}}});
    let paths = check_metadata(&document);
    let paths: Vec<&str> = paths
        .iter()
        .map(|violation| violation.path.as_str())
        .collect();
    assert_eq!(paths, ["metadata.annotations.a", "metadata.label"]);
    assert_eq!(check_metadata(&json!({"kind": "Service"})), []);
}

fn violations(yaml: &str) -> Option<Vec<Violation>> {
    check(&serde_saphyr::from_str(yaml).unwrap())
}

fn told(yaml: &str, expected: &Expect) {
    expected.assert_eq(&lines(violations(yaml).unwrap()));
}
