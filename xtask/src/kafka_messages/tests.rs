use super::definition::{Definition, Kind, Versions, snake};
use super::{APIS, run};

#[test]
fn committed_messages_are_what_the_generator_writes() {
    run(true).unwrap();
}

#[test]
fn names_become_rusts() {
    for (kafka, rust) in [
        ("ReplicaDirectoryId", "replica_directory_id"),
        ("ZkMigrationReady", "zk_migration_ready"),
        ("Enable2Pc", "enable2_pc"),
        ("ErrorCode", "error_code"),
        ("Type", "r#type"),
    ] {
        assert_eq!(snake(kafka), rust);
    }
}

#[test]
fn a_definition_is_parsed_with_comments_versions_and_tags() {
    let text = r#"{
      "apiKey": 1, "type": "request", "name": "TestRequest", // a comment
      "validVersions": "2-5", "flexibleVersions": "4+",
      "fields": [
        { "name": "Url", "type": "string", "versions": "0+", "default": "http://x", "about": "Not a // comment." },
        { "name": "Gone", "type": "int8", "versions": "0-1" },
        { "name": "List", "type": "[]Thing", "versions": "3+", "nullableVersions": "5+", "fields": [
          { "name": "Id", "type": "int32", "versions": "3+", "tag": 0, "taggedVersions": "3+" }
        ]}
      ]
    }"#;
    let parsed = Definition::parse(text).unwrap();
    assert_eq!(parsed.versions, Versions { first: 2, last: 5 });
    assert_eq!(parsed.flexible_from, Some(4));
    let [url, gone, list] = parsed.fields.as_slice() else {
        panic!("{:?}", parsed.fields)
    };
    assert_eq!(url.default.as_deref(), Some("http://x"));
    assert_eq!(url.about, "Not a // comment.");
    assert_eq!(gone.versions, None);
    assert_eq!(
        list.kind,
        Kind::Array(Box::new(Kind::Struct("Thing".to_owned())))
    );
    assert_eq!(list.nullable, Some(Versions { first: 5, last: 5 }));
    assert_eq!(parsed.structs[0].fields[0].tag, Some(0));
}

#[test]
fn what_is_not_understood_is_an_error() {
    let with = |field: &str| {
        format!(
            r#"{{"apiKey": 1, "name": "T", "validVersions": "0", "flexibleVersions": "none", "fields": [{field}]}}"#
        )
    };
    for bad in [
        r#"{"name": "A", "type": "int128", "versions": "0+"}"#,
        r#"{"name": "A", "type": "int8", "versions": "0+", "surprise": true}"#,
        r#"{"name": "A", "type": "int8", "versions": "often"}"#,
        r#"{"name": "A", "type": "int8", "versions": "0+", "fields": []}"#,
    ] {
        assert!(Definition::parse(&with(bad)).is_err(), "{bad}");
    }
}

#[test]
fn apis_are_named_once_and_sorted() {
    assert!(APIS.is_sorted_by(|one, next| one < next));
}
