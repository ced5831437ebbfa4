use expect_test::expect;

use super::*;

#[test]
fn problems_have_a_line_each_with_the_place_of_their_field_and_are_counted() {
    let source = |file: &str, text: &str| Source {
        file: file.to_owned(),
        text: text.to_owned(),
    };
    let texts = vec![
        source(
            "kafka.yaml",
            "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: demo}
spec: {kafka: {versions: 4.3.1, listeners: [{name: plain, port: 80, type: internal, tls: false}]}}
---
kind: [
",
        ),
        source(
            "topic.yaml",
            "{apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic, metadata: {name: a}, spec: {}}",
        ),
    ];
    let sources = Sources {
        texts,
        unreadable: vec![(
            "gone.yaml".to_owned(),
            "No such file or directory".to_owned(),
        )],
    };
    expect![[r#"
        gone.yaml:1: document cannot be read: No such file or directory; allowed: a file of YAML or JSON in UTF-8, a directory of such files, or `-` for standard input
        kafka.yaml:5: Kafka/demo: spec.kafka.versions is not a field; fields there: `authorization`, `brokerRackInitImage`, `config`, `image`, `jmxOptions`, `jvmOptions`, `listeners`, `livenessProbe`, `logging`, `metadataVersion`, `metricsConfig`, `quotas`, `rack`, `readinessProbe`, `template`, `tieredStorage`, `version`; did you mean: version
        kafka.yaml:5: Kafka/demo: spec.kafka.listeners[0].port: 80 is not allowed; allowed: a whole number, at least 9092; for example: 9094
        kafka.yaml:7: document cannot be read: line 7 column 7: unclosed bracket '['; allowed: YAML or JSON
        topic.yaml:1: warning: KafkaTopic/a: KafkaTopic is accepted, but topics are not made from it yet.
        2 documents: 4 problems, 1 warning
    "#]].assert_eq(&report(&validate(&sources)));
}

#[test]
fn good_documents_are_handed_on() {
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}".to_owned();
    let texts = vec![Source {
        file: "a.yaml".to_owned(),
        text,
    }];
    let documents = checked(&Sources {
        texts,
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].place.file, "a.yaml");
}

#[test]
fn a_pipe_that_brought_nothing_is_no_success() {
    let texts = vec![Source {
        file: "-".to_owned(),
        text: "# nothing\n---\n".to_owned(),
    }];
    let sources = Sources {
        texts,
        ..Sources::default()
    };
    expect![[r#"
        -:1: document is missing; allowed: at least one manifest, such as a Kafka with its node pools
        0 documents: 1 problem, 0 warnings
    "#]]
    .assert_eq(&report(&validate(&sources)));
}
