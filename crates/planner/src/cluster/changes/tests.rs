use std::collections::BTreeMap;

use expect_test::expect;

use super::needing_restart;

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let entries = entries.iter();
    entries
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn changes_are_named_in_the_users_words() {
    let old = data(&[
        (
            "server.config",
            "# by klamm\nlog.retention.hours=168\nnum.io.threads=8\n",
        ),
        (
            "runner.json",
            r#"{"heap":{"maximum":"1Gi"},"contract":1,"configurationHash":"a"}"#,
        ),
        (
            "pod.json",
            r#"{"spec":{"containers":[{"name":"kafka","image":"apache/kafka:4.2.1"}]}}"#,
        ),
        ("log4j2.properties", "a"),
    ]);
    let new = data(&[
        (
            "server.config",
            "# by klamm 2\nlog.retention.hours=24\nnum.network.threads=3\n",
        ),
        (
            "runner.json",
            r#"{"heap":{"maximum":"2Gi"},"contract":2,"configurationHash":"b"}"#,
        ),
        (
            "pod.json",
            r#"{"spec":{"containers":[{"name":"kafka","image":"apache/kafka:4.3.1"}]}}"#,
        ),
        ("log4j2.properties", "b"),
    ]);
    expect![[r#"
        heap.maximum
        image apache/kafka:4.2.1 → apache/kafka:4.3.1
        log.retention.hours 168 → 24"#]]
    .assert_eq(&needing_restart(&old, &new, None).join("\n"));
}

#[test]
fn the_version_of_the_runner_is_no_reason() {
    let pod = |image: &str| {
        format!(
            r#"{{"metadata":{{"annotations":{{"x":"{image}"}}}},"spec":{{"initContainers":[{{"name":"klamm-init","image":"{image}"}}]}}}}"#
        )
    };
    let old = data(&[("pod.json", &pod("klamm:1")), ("metadata.version", "4.2")]);
    let new = data(&[("pod.json", &pod("klamm:2")), ("metadata.version", "4.3")]);
    assert_eq!(needing_restart(&old, &new, None), Vec::<String>::new());
}
