//! Deletion: preconditions, finalizers, grace, owners, namespaces.

use expect_test::expect;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![delete:
    delete_answers_with_a_status,
    delete_of_a_missing_object,
    preconditions,
    finalizers_hold_an_object,
    an_object_that_is_going_takes_no_new_finalizer,
    a_pod_on_a_node_has_time,
    a_pod_without_a_node_goes_at_once,
    dependents_follow_their_owner,
    the_owner_waits_in_the_foreground,
    orphans_stay,
    a_namespace_takes_everything_along,
    options_that_make_no_sense,
    a_claim_in_use_is_protected,
];

fn owned_by(owner: &Value, name: &str) -> Value {
    let reference = json!({"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true});
    json!({"metadata": {"name": name, "ownerReferences": [reference]}})
}

async fn delete_answers_with_a_status(c: Context) {
    c.create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let reply = c.delete(&c.core("configmaps/a")).await;
    expect![[r#"
        200
        apiVersion = "v1"
        details.kind = "configmaps"
        details.name = "a"
        details.uid = "UID"
        kind = "Status"
        metadata = {}
        status = "Success"
    "#]]
    .assert_eq(&c.told(&reply));
    assert_eq!(c.get(&c.core("configmaps/a")).await.code, 404);
    c.create(
        &c.core("services"),
        &json!({"metadata": {"name": "s"}, "spec": {"clusterIP": "None"}}),
    )
    .await
    .ok();
    let reply = c.delete(&c.core("services/s")).await;
    assert_eq!(
        (reply.code, &reply.body["kind"]),
        (200, &json!("Service")),
        "some kinds answer with the object"
    );
}

async fn delete_of_a_missing_object(c: Context) {
    let reply = c.delete(&c.core("configmaps/a")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "configmaps"
        details.name = "a"
        kind = "Status"
        message = "configmaps \"a\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn preconditions(c: Context) {
    let made = c
        .create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let path = c.core("configmaps/a");
    let reply = c
        .delete_with(
            &path,
            &json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}),
        )
        .await;
    let message = reply.body["message"]
        .as_str()
        .unwrap_or("")
        .replace(made["metadata"]["uid"].as_str().unwrap_or("?"), "UID");
    expect![[r#"409 "Conflict" Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (11111111-1111-1111-1111-111111111111) does not match the UID in record (UID). The object might have been deleted and then recreated"#]].assert_eq(&format!(
        "{} {} {message}",
        reply.code, reply.body["reason"]
    ));
    let reply = c
        .delete_with(&path, &json!({"preconditions": {"resourceVersion": "1"}}))
        .await;
    let message = reply.body["message"].as_str().unwrap_or("").replace(
        made["metadata"]["resourceVersion"].as_str().unwrap_or("?"),
        "RV",
    );
    expect![[r#"409 "Conflict" Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (RV). The object might have been modified"#]].assert_eq(&format!(
        "{} {} {message}",
        reply.code, reply.body["reason"]
    ));
    c.delete_with(&path, &json!({"preconditions": {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}})).await.ok();
}

async fn finalizers_hold_an_object(c: Context) {
    let path = c.core("configmaps/a");
    let made = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a", "finalizers": ["x.y/one"]}}),
        )
        .await
        .ok();
    let reply = c.delete(&path).await;
    expect![[r#"
        200
        apiVersion = "v1"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.deletionGracePeriodSeconds = 0
        metadata.deletionTimestamp = "TIME"
        metadata.finalizers[0] = "x.y/one"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    let again = c.delete(&path).await.ok();
    assert_eq!(
        again["metadata"]["deletionTimestamp"], reply.body["metadata"]["deletionTimestamp"],
        "deleting twice is deleting once"
    );
    assert_ne!(
        reply.body["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    let reply = c
        .merge_patch(&path, &json!({"data": {"k": "v"}}))
        .await
        .ok();
    assert!(
        reply["metadata"]["deletionTimestamp"].is_string(),
        "it can still be changed"
    );
    let reply = c
        .merge_patch(&path, &json!({"metadata": {"finalizers": null}}))
        .await;
    assert_eq!(reply.code, 200);
    assert_eq!(c.get(&path).await.code, 404);
}

async fn an_object_that_is_going_takes_no_new_finalizer(c: Context) {
    let path = c.core("configmaps/a");
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a", "finalizers": ["x.y/one"]}}),
    )
    .await
    .ok();
    c.delete(&path).await.ok();
    let reply = c
        .merge_patch(
            &path,
            &json!({"metadata": {"finalizers": ["x.y/one", "x.y/two"]}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.finalizers"
        details.causes[0].message = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.y/two\"}"
        details.causes[0].reason = "FieldValueForbidden"
        details.kind = "ConfigMap"
        details.name = "a"
        kind = "Status"
        message = "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.y/two\"}"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.merge_patch(&path, &json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
}

fn pod(node: Option<&str>) -> Value {
    let mut out = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false}});
    if let Some(node) = node {
        out["spec"]["nodeName"] = json!(node);
    }
    out
}

async fn a_pod_on_a_node_has_time(c: Context) {
    c.create("/api/v1/nodes", &json!({"metadata": {"name": c.unique()}}))
        .await
        .ok();
    c.create(&c.core("pods"), &pod(Some(c.unique()))).await.ok();
    let path = c.core("pods/p");
    let reply = c.delete(&path).await.ok();
    expect![[r#"
        deletionTimestamp = "TIME"
        generation = 2
        grace = 30
    "#]].assert_eq(&c.flat(&json!({"deletionTimestamp": reply["metadata"]["deletionTimestamp"], "grace": reply["metadata"]["deletionGracePeriodSeconds"], "generation": reply["metadata"]["generation"]})));
    assert_eq!(
        c.get(&path).await.code,
        200,
        "its node has to stop it first"
    );
    let reply = c
        .delete(&with_query(&path, "gracePeriodSeconds=5"))
        .await
        .ok();
    assert_eq!(
        reply["metadata"]["deletionGracePeriodSeconds"], 5,
        "it may become shorter"
    );
    let reply = c
        .delete(&with_query(&path, "gracePeriodSeconds=50"))
        .await
        .ok();
    assert_eq!(
        reply["metadata"]["deletionGracePeriodSeconds"], 5,
        "never longer"
    );
    c.delete_with(&path, &json!({"gracePeriodSeconds": 0}))
        .await
        .ok();
    assert_eq!(c.get(&path).await.code, 404);
    c.delete(&format!("/api/v1/nodes/{}", c.unique()))
        .await
        .ok();
}

async fn a_pod_without_a_node_goes_at_once(c: Context) {
    c.create(&c.core("pods"), &pod(None)).await.ok();
    let reply = c.delete(&c.core("pods/p")).await;
    assert_eq!((reply.code, &reply.body["kind"]), (200, &json!("Pod")));
    assert_eq!(c.get(&c.core("pods/p")).await.code, 404);
}

async fn dependents_follow_their_owner(c: Context) {
    let owner = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "owner"}}),
        )
        .await
        .ok();
    c.create(&c.core("secrets"), &owned_by(&owner, "child"))
        .await
        .ok();
    c.create(
        &c.core("secrets"),
        &json!({"metadata": {"name": "stranger"}}),
    )
    .await
    .ok();
    c.delete(&c.core("configmaps/owner")).await.ok();
    c.eventually(&c.core("secrets/child"), |reply| reply.code == 404)
        .await;
    assert_eq!(c.get(&c.core("secrets/stranger")).await.code, 200);
    let mut absent = owner.clone();
    absent["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
    c.create(&c.core("secrets"), &owned_by(&absent, "late"))
        .await
        .ok();
    c.eventually(&c.core("secrets/late"), |reply| reply.code == 404)
        .await;
}

async fn the_owner_waits_in_the_foreground(c: Context) {
    let owner = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "owner"}}),
        )
        .await
        .ok();
    let mut child = owned_by(&owner, "child");
    child["metadata"]["finalizers"] = json!(["x.y/hold"]);
    c.create(&c.core("secrets"), &child).await.ok();
    // Give the collector's view a moment to hold the child.
    c.eventually(&c.core("secrets/child"), |reply| reply.code == 200)
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let reply = c
        .delete_with(
            &c.core("configmaps/owner"),
            &json!({"propagationPolicy": "Foreground"}),
        )
        .await
        .ok();
    assert_eq!(
        reply["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    c.eventually(&c.core("secrets/child"), |reply| {
        reply.body["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    assert_eq!(
        c.get(&c.core("configmaps/owner")).await.code,
        200,
        "the child is still there"
    );
    c.merge_patch(
        &c.core("secrets/child"),
        &json!({"metadata": {"finalizers": null}}),
    )
    .await
    .ok();
    c.eventually(&c.core("configmaps/owner"), |reply| reply.code == 404)
        .await;
}

async fn orphans_stay(c: Context) {
    let owner = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "owner"}}),
        )
        .await
        .ok();
    c.create(&c.core("secrets"), &owned_by(&owner, "child"))
        .await
        .ok();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    c.delete(&with_query(
        &c.core("configmaps/owner"),
        "propagationPolicy=Orphan",
    ))
    .await
    .ok();
    c.eventually(&c.core("configmaps/owner"), |reply| reply.code == 404)
        .await;
    let child = c.get(&c.core("secrets/child")).await.ok();
    assert_eq!(child["metadata"].get("ownerReferences"), None);
}

async fn a_namespace_takes_everything_along(c: Context) {
    let name = format!("{}-more", c.ns);
    c.create("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
        .await
        .ok();
    let inside = |rest: &str| format!("/api/v1/namespaces/{name}/{rest}");
    c.create(&inside("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    c.create(
        &inside("secrets"),
        &json!({"metadata": {"name": "held", "finalizers": ["x.y/hold"]}}),
    )
    .await
    .ok();
    let reply = c.delete(&format!("/api/v1/namespaces/{name}")).await;
    assert_eq!(reply.code, 200);
    assert_eq!(
        (&reply.body["kind"], &reply.body["status"]["phase"]),
        (&json!("Namespace"), &json!("Terminating"))
    );
    c.eventually(&inside("configmaps/a"), |reply| reply.code == 404)
        .await;
    let reply = c
        .create(&inside("configmaps"), &json!({"metadata": {"name": "b"}}))
        .await;
    expect![[r#"
        403
        apiVersion = "v1"
        code = 403
        details.causes[0].field = "metadata.namespace"
        details.causes[0].message = "namespace NS-more is being terminated"
        details.causes[0].reason = "NamespaceTerminating"
        details.kind = "configmaps"
        details.name = "b"
        kind = "Status"
        message = "configmaps \"b\" is forbidden: unable to create new content in namespace NS-more because it is being terminated"
        metadata = {}
        reason = "Forbidden"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.eventually(&inside("secrets/held"), |reply| {
        reply.body["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    c.merge_patch(
        &inside("secrets/held"),
        &json!({"metadata": {"finalizers": null}}),
    )
    .await
    .ok();
    c.eventually(&format!("/api/v1/namespaces/{name}"), |reply| {
        reply.code == 404
    })
    .await;
}

async fn options_that_make_no_sense(c: Context) {
    c.create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let path = c.core("configmaps/a");
    let reply = c
        .delete(&with_query(&path, "propagationPolicy=Sometimes"))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "propagationPolicy"
        details.causes[0].message = "Unsupported value: \"Sometimes\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
        details.causes[0].reason = "FieldValueNotSupported"
        details.group = "meta.k8s.io"
        details.kind = "DeleteOptions"
        kind = "Status"
        message = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Sometimes\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .delete(&with_query(
            &path,
            "propagationPolicy=Orphan&orphanDependents=true",
        ))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "propagationPolicy"
        details.causes[0].message = "Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set"
        details.causes[0].reason = "FieldValueInvalid"
        details.group = "meta.k8s.io"
        details.kind = "DeleteOptions"
        kind = "Status"
        message = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.delete("/api/v1/namespaces/default").await;
    expect![[r#"
        403
        apiVersion = "v1"
        code = 403
        details.kind = "namespaces"
        details.name = "default"
        kind = "Status"
        message = "namespaces \"default\" is forbidden: this namespace may not be deleted"
        metadata = {}
        reason = "Forbidden"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_claim_in_use_is_protected(c: Context) {
    let claim = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}});
    let made = c
        .create(&c.core("persistentvolumeclaims"), &claim)
        .await
        .ok();
    assert_eq!(
        made["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    c.create("/api/v1/nodes", &json!({"metadata": {"name": c.unique()}}))
        .await
        .ok();
    let mut user = pod(Some(c.unique()));
    user["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "v"}}]);
    c.create(&c.core("pods"), &user).await.ok();
    c.delete(&c.core("persistentvolumeclaims/v")).await.ok();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(
        c.get(&c.core("persistentvolumeclaims/v")).await.code,
        200,
        "a Pod uses it"
    );
    c.delete_with(&c.core("pods/p"), &json!({"gracePeriodSeconds": 0}))
        .await
        .ok();
    c.eventually(&c.core("persistentvolumeclaims/v"), |reply| {
        reply.code == 404
    })
    .await;
    c.delete(&format!("/api/v1/nodes/{}", c.unique()))
        .await
        .ok();
}
