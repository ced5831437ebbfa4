use expect_test::expect;

use super::*;

#[test]
fn problems_stand_under_their_document_and_are_counted() {
    let source = |file: &str, text: &str| Source { file: file.to_owned(), text: text.to_owned() };
    let sources = [
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
        source("topic.yaml", "{apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic, metadata: {name: a}, spec: {}}"),
    ];
    expect![[r#""#]].assert_eq(&report(&validate(&sources)));
}

#[test]
fn good_documents_are_handed_on() {
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}".to_owned();
    let sources = [Source { file: "a.yaml".to_owned(), text }];
    let documents = checked(&sources).unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].file, "a.yaml");
}
