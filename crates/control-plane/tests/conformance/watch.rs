//! Watches: from now, from a version, with the state first, with selectors, after the history is gone.

use expect_test::expect;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![watch:
    events_after_a_version,
    from_nothing_the_state_comes_first,
    initial_events_end_with_a_bookmark,
    a_selector_turns_changes_into_additions_and_deletions,
    one_object_by_name,
    a_version_to_come,
    a_timeout_ends_the_watch,
    initial_events_need_their_companions,
];

fn told(events: &[Value]) -> String {
    let lines: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event["type"].as_str().unwrap_or(""),
                event["object"]["metadata"]["name"].as_str().unwrap_or("-")
            )
        })
        .collect();
    lines.join("\n")
}

fn ended_after(count: usize) -> impl Fn(&[Value]) -> bool {
    move |events| events.len() >= count
}

async fn version(c: &Context, path: &str) -> String {
    let list = c.get(path).await.ok();
    list["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .to_owned()
}

async fn events_after_a_version(c: Context) {
    let path = c.core("secrets");
    let version = version(&c, &path).await;
    c.create(&path, &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    c.merge_patch(&c.core("secrets/a"), &json!({"data": {"k": "bA=="}}))
        .await
        .ok();
    c.delete(&c.core("secrets/a")).await.ok();
    let events = c
        .watch(
            &with_query(&path, &format!("resourceVersion={version}")),
            ended_after(3),
        )
        .await;
    assert_eq!(told(&events), "ADDED a\nMODIFIED a\nDELETED a");
    assert_eq!(events[2]["object"]["data"]["k"], "bA==", "the last state");
    assert_ne!(
        events[2]["object"]["metadata"]["resourceVersion"],
        events[1]["object"]["metadata"]["resourceVersion"]
    );
    expect![[r#"
        object.apiVersion = "v1"
        object.kind = "Secret"
        object.metadata.creationTimestamp = "TIME"
        object.metadata.name = "a"
        object.metadata.namespace = "NS"
        object.metadata.resourceVersion = "RV"
        object.metadata.uid = "UID"
        object.type = "Opaque"
        type = "ADDED"
    "#]]
    .assert_eq(&c.flat(&events[0]));
}

async fn from_nothing_the_state_comes_first(c: Context) {
    for name in ["b", "a"] {
        c.create(&c.core("secrets"), &json!({"metadata": {"name": name}}))
            .await
            .ok();
    }
    let events = c.watch(&c.core("secrets"), ended_after(2)).await;
    assert_eq!(told(&events), "ADDED a\nADDED b");
    let events = c
        .watch(
            &with_query(&c.core("secrets"), "resourceVersion=0"),
            ended_after(2),
        )
        .await;
    let mut names = told(&events)
        .lines()
        .map(ToOwned::to_owned)
        .collect::<Vec<_>>();
    names.sort();
    assert_eq!(names.join("\n"), "ADDED a\nADDED b");
}

async fn initial_events_end_with_a_bookmark(c: Context) {
    c.create(&c.core("secrets"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let events = c
        .watch(&with_query(&c.core("secrets"), query), |events| {
            events.iter().any(|e| e["type"] == "BOOKMARK")
        })
        .await;
    assert_eq!(told(&events), "ADDED a\nBOOKMARK -");
    expect![[r#"
        object.apiVersion = "v1"
        object.kind = "Secret"
        object.metadata.annotations.k8s.io/initial-events-end = "true"
        object.metadata.resourceVersion = "RV"
        type = "BOOKMARK"
    "#]]
    .assert_eq(&c.flat(&events[1]));
}

async fn a_selector_turns_changes_into_additions_and_deletions(c: Context) {
    let path = c.core("secrets");
    let version = version(&c, &path).await;
    c.create(&path, &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    c.merge_patch(
        &c.core("secrets/a"),
        &json!({"metadata": {"labels": {"x": "y"}}}),
    )
    .await
    .ok();
    c.merge_patch(
        &c.core("secrets/a"),
        &json!({"metadata": {"labels": {"z": "y"}}}),
    )
    .await
    .ok();
    c.merge_patch(
        &c.core("secrets/a"),
        &json!({"metadata": {"labels": {"x": null}}}),
    )
    .await
    .ok();
    c.create(
        &path,
        &json!({"metadata": {"name": "b", "labels": {"x": "y"}}}),
    )
    .await
    .ok();
    let query = format!("resourceVersion={version}&labelSelector=x=y");
    let events = c.watch(&with_query(&path, &query), ended_after(4)).await;
    assert_eq!(told(&events), "ADDED a\nMODIFIED a\nDELETED a\nADDED b");
    assert_eq!(
        events[2]["object"]["metadata"]["labels"],
        json!({"x": "y", "z": "y"}),
        "as it last matched"
    );
}

async fn one_object_by_name(c: Context) {
    let path = c.core("secrets");
    let version = version(&c, &path).await;
    for name in ["a", "b"] {
        c.create(&path, &json!({"metadata": {"name": name}}))
            .await
            .ok();
    }
    let query = format!("resourceVersion={version}&fieldSelector=metadata.name=b");
    let events = c.watch(&with_query(&path, &query), ended_after(1)).await;
    assert_eq!(told(&events), "ADDED b");
}

async fn a_version_to_come(c: Context) {
    let reply = c
        .get(&with_query(
            &c.core("secrets"),
            "resourceVersion=999999999&resourceVersionMatch=NotOlderThan",
        ))
        .await;
    let message = reply.body["message"].as_str().unwrap_or("");
    assert!(
        message.contains("Too large resource version: 999999999, current: "),
        "{message}"
    );
    assert_eq!(
        (reply.code, &reply.body["reason"]),
        (504, &json!("Timeout"))
    );
    assert_eq!(
        reply.body["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
}

async fn a_timeout_ends_the_watch(c: Context) {
    c.create(&c.core("secrets"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let events = c
        .watch(&with_query(&c.core("secrets"), "timeoutSeconds=1"), |_| {
            false
        })
        .await;
    assert_eq!(told(&events), "ADDED a");
}

async fn initial_events_need_their_companions(c: Context) {
    let reply = c
        .get(&with_query(
            &c.core("secrets"),
            "watch=true&sendInitialEvents=true",
        ))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "resourceVersionMatch"
        details.causes[0].message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        details.causes[0].reason = "FieldValueForbidden"
        details.group = "meta.k8s.io"
        details.kind = "ListOptions"
        kind = "Status"
        message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .get(&with_query(
            &c.core("secrets"),
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        ))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "resourceVersionMatch"
        details.causes[0].message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        details.causes[0].reason = "FieldValueForbidden"
        details.causes[1].field = "sendInitialEvents"
        details.causes[1].message = "Forbidden: sendInitialEvents is forbidden for list"
        details.causes[1].reason = "FieldValueForbidden"
        details.group = "meta.k8s.io"
        details.kind = "ListOptions"
        kind = "Status"
        message = "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}
