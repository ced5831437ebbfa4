use serde_json::json;

use super::parse;

#[test]
fn fields_said_twice_are_noticed_with_their_paths() {
    let body = br#"{"a": 1, "b": {"c": [{"d": 1, "d": 2}], "e": 1, "e": 1, "e": 2}, "a": 3}"#;
    let parsed = parse("application/json", body).unwrap();
    assert_eq!(
        parsed.value,
        json!({"a": 3, "b": {"c": [{"d": 2}], "e": 2}})
    );
    assert_eq!(
        parsed.duplicates,
        [
            "duplicate field \"b.c[0].d\"",
            "duplicate field \"b.e\"",
            "duplicate field \"a\""
        ]
    );
}

#[test]
fn yaml_is_read_where_it_is_said_to_be_yaml() {
    let parsed = parse("application/apply-patch+yaml", b"a:\n- 1\n- x: true\n").unwrap();
    assert_eq!(parsed.value, json!({"a": [1, {"x": true}]}));
    assert_eq!(
        parse("application/yaml; charset=utf-8", b"{\"a\": 1}")
            .unwrap()
            .value,
        json!({"a": 1})
    );
    assert!(parse("application/json", b"a: 1").is_err());
    assert_eq!(parse("text/plain", b"{}").unwrap_err().code, 415);
}

#[test]
fn doubled_keys_of_yaml_are_noticed_too() {
    let parsed = parse("application/yaml", b"a: 1\nb:\n  c: 1\n  c: 2\n").unwrap();
    assert_eq!(parsed.value, json!({"a": 1, "b": {"c": 2}}));
    assert_eq!(
        parsed.duplicates,
        ["yaml: unmarshal errors:\n  line 4: key \"c\" already set in map"]
    );
    assert!(parse("application/yaml", b"a: [").is_err());
}
