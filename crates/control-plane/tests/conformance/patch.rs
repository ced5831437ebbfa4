//! JSON patch, merge patch, strategic merge patch.

use expect_test::expect;
use serde_json::{Value, json};

use crate::server::{Context, cases};

cases![patch:
    json_patch_operations,
    json_patch_that_does_not_fit,
    merge_patch_sets_and_removes,
    merge_patch_may_name_the_version,
    strategic_patch_of_lists,
    strategic_patch_directives,
    strategic_patch_of_primitive_lists,
    patch_of_a_missing_object,
    patches_that_make_no_sense,
    a_patch_owns_what_it_changes,
];

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"a": "b"}, "finalizers": ["x.y/one", "x.y/two"]}, "spec": {
        "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}],
    }})
}

fn deployment() -> Value {
    json!({"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
        "containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x", "y"],
            "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "web"}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "x"}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }}}})
}

async fn json_patch_operations(c: Context) {
    let path = c.core("configmaps/a");
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a", "labels": {"l/m": "1"}}, "data": {"k": "v"}}),
    )
    .await
    .ok();
    let operations = json!([
        {"op": "test", "path": "/data/k", "value": "v"},
        {"op": "add", "path": "/data/l", "value": "w"},
        {"op": "copy", "from": "/data/l", "path": "/data/m"},
        {"op": "move", "from": "/data/k", "path": "/data/n"},
        {"op": "replace", "path": "/metadata/labels/l~1m", "value": "2"},
        {"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}},
        {"op": "remove", "path": "/data/l"},
    ]);
    let reply = c.json_patch(&path, &operations).await;
    expect![[r#"
        200
        apiVersion = "v1"
        data.m = "w"
        data.n = "v"
        kind = "ConfigMap"
        metadata.annotations.x = "y"
        metadata.creationTimestamp = "TIME"
        metadata.labels.l/m = "2"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn json_patch_that_does_not_fit(c: Context) {
    let path = c.core("configmaps/a");
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a"}, "data": {"k": "v"}}),
    )
    .await
    .ok();
    let mut got = Vec::new();
    for operation in [
        json!({"op": "test", "path": "/data/k", "value": "other"}),
        json!({"op": "remove", "path": "/data/none"}),
        json!({"op": "replace", "path": "/data/none", "value": "x"}),
        json!({"op": "add", "path": "/none/deep", "value": "x"}),
        json!({"op": "test", "path": "/data/none", "value": "other"}),
    ] {
        let reply = c.json_patch(&path, &json!([operation])).await;
        let causes = &reply.body["details"]["causes"];
        got.push(format!(
            "{} {} {} {causes}",
            reply.code, reply.body["reason"], reply.body["message"]
        ));
    }
    expect![[r#"
        422 "Invalid" "the server rejected our request due to an error in our request" null
        422 "Invalid" "the server rejected our request due to an error in our request" null
        200 null null null
        422 "Invalid" "the server rejected our request due to an error in our request" null
        422 "Invalid" "the server rejected our request due to an error in our request" null"#]]
    .assert_eq(&got.join("\n"));
    let reply = c
        .json_patch(
            &path,
            &json!([{"op": "test", "path": "/data/k", "value": "other"}]),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details = {}
        kind = "Status"
        message = "the server rejected our request due to an error in our request"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    // Replacing what is not there adds it.
    assert_eq!(
        c.get(&path).await.ok()["data"],
        json!({"k": "v", "none": "x"})
    );
}

async fn merge_patch_sets_and_removes(c: Context) {
    let path = c.core("configmaps/a");
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "v", "l": "w"}}),
    )
    .await
    .ok();
    let reply = c.merge_patch(&path, &json!({"metadata": {"labels": null, "annotations": {"n": "m", "o": null}}, "data": {"k": null, "m": "x"}})).await;
    expect![[r#"
        200
        apiVersion = "v1"
        data.l = "w"
        data.m = "x"
        kind = "ConfigMap"
        metadata.annotations.n = "m"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.merge_patch(&path, &json!({"data": null})).await;
    assert_eq!(reply.ok().get("data"), None);
}

async fn merge_patch_may_name_the_version(c: Context) {
    let path = c.core("configmaps/a");
    let made = c
        .create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let version = made["metadata"]["resourceVersion"].clone();
    let patch =
        |value: &str| json!({"metadata": {"resourceVersion": version}, "data": {"k": value}});
    c.merge_patch(&path, &patch("1")).await.ok();
    let reply = c.merge_patch(&path, &patch("2")).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.kind = "configmaps"
        details.name = "a"
        kind = "Status"
        message = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .merge_patch(&path, &json!({"metadata": {"uid": "other"}}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.uid"
        details.causes[0].message = "Invalid value: \"other\": field is immutable"
        details.causes[0].reason = "FieldValueInvalid"
        details.kind = "ConfigMap"
        details.name = "a"
        kind = "Status"
        message = "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn strategic_patch_of_lists(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    c.create(&c.group("apps/v1", "deployments"), &deployment())
        .await
        .ok();
    let patch = json!({"spec": {"template": {"spec": {
        "containers": [{"name": "new", "image": "k"}, {"name": "c", "image": "i2", "env": [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}], "args": ["z"],
            "ports": [{"containerPort": 80, "name": "first"}], "volumeMounts": [{"name": "w", "mountPath": "/w"}]}],
        "volumes": [{"name": "w", "emptyDir": {}, "configMap": null}],
        "tolerations": [{"key": "b", "operator": "Exists"}],
    }}}});
    let spec = c.strategic_patch(&path, &patch).await.ok()["spec"]["template"]["spec"].clone();
    expect![[r#"
        containers[0].image = "k"
        containers[0].imagePullPolicy = "Always"
        containers[0].name = "new"
        containers[0].resources = {}
        containers[0].terminationMessagePath = "/dev/termination-log"
        containers[0].terminationMessagePolicy = "File"
        containers[1].args[0] = "z"
        containers[1].env[0].name = "C"
        containers[1].env[0].value = "3"
        containers[1].env[1].name = "A"
        containers[1].env[1].value = "9"
        containers[1].env[2].name = "B"
        containers[1].env[2].value = "2"
        containers[1].image = "i2"
        containers[1].imagePullPolicy = "Always"
        containers[1].name = "c"
        containers[1].ports[0].containerPort = 80
        containers[1].ports[0].name = "first"
        containers[1].ports[0].protocol = "TCP"
        containers[1].ports[1].containerPort = 81
        containers[1].ports[1].name = "web"
        containers[1].ports[1].protocol = "TCP"
        containers[1].resources = {}
        containers[1].terminationMessagePath = "/dev/termination-log"
        containers[1].terminationMessagePolicy = "File"
        containers[1].volumeMounts[0].mountPath = "/w"
        containers[1].volumeMounts[0].name = "w"
        containers[1].volumeMounts[1].mountPath = "/v"
        containers[1].volumeMounts[1].name = "v"
        tolerations[0].key = "b"
        tolerations[0].operator = "Exists"
        volumes[0].emptyDir = {}
        volumes[0].name = "v"
        volumes[1].emptyDir = {}
        volumes[1].name = "w"
    "#]].assert_eq(&c.flat(&json!({"containers": spec["containers"], "volumes": spec["volumes"], "tolerations": spec["tolerations"]})));
}

async fn strategic_patch_directives(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    c.create(&c.group("apps/v1", "deployments"), &deployment())
        .await
        .ok();
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}, "template": {"spec": {
        "$setElementOrder/containers": [{"name": "c"}],
        "containers": [{"name": "c",
            "$setElementOrder/env": [{"name": "B"}, {"name": "Z"}], "env": [{"name": "A", "$patch": "delete"}, {"name": "Z", "value": "26"}],
            "ports": [{"$patch": "replace"}, {"containerPort": 90}]}],
        "volumes": [{"name": "w", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}],
        "securityContext": {"$patch": "replace", "runAsUser": 1},
    }}}});
    let spec = c.strategic_patch(&path, &patch).await.ok()["spec"].clone();
    let template = &spec["template"]["spec"];
    expect![[r#"
        env[0].name = "B"
        env[0].value = "2"
        env[1].name = "Z"
        env[1].value = "26"
        ports[0].containerPort = 90
        ports[0].protocol = "TCP"
        securityContext.runAsUser = 1
        strategy.type = "Recreate"
        volumes[0].emptyDir = {}
        volumes[0].name = "v"
        volumes[1].name = "w"
        volumes[1].secret.defaultMode = 420
        volumes[1].secret.secretName = "s"
    "#]].assert_eq(&c.flat(&json!({"strategy": spec["strategy"], "env": template["containers"][0]["env"], "ports": template["containers"][0]["ports"],
        "volumes": template["volumes"], "securityContext": template["securityContext"]})));
}

async fn strategic_patch_of_primitive_lists(c: Context) {
    c.create(&c.core("pods"), &pod("p")).await.ok();
    let patch = json!({"metadata": {"finalizers": ["x.y/three", "x.y/one"], "labels": {"$patch": "replace", "n": "m"}}});
    let reply = c.strategic_patch(&c.core("pods/p"), &patch).await.ok();
    expect![[r#"
        finalizers[0] = "x.y/three"
        finalizers[1] = "x.y/one"
        finalizers[2] = "x.y/two"
        labels.n = "m"
    "#]].assert_eq(&c.flat(&json!({"finalizers": reply["metadata"]["finalizers"], "labels": reply["metadata"]["labels"]})));
    let patch =
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/one", "x.y/two"]}});
    let reply = c.strategic_patch(&c.core("pods/p"), &patch).await.ok();
    assert_eq!(reply["metadata"]["finalizers"], json!(["x.y/three"]));
    let patch = json!({"metadata": {"finalizers": null}});
    let reply = c.strategic_patch(&c.core("pods/p"), &patch).await.ok();
    assert_eq!(reply["metadata"].get("finalizers"), None);
}

async fn patch_of_a_missing_object(c: Context) {
    let reply = c
        .merge_patch(&c.core("configmaps/none"), &json!({"data": {}}))
        .await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "configmaps"
        details.name = "none"
        kind = "Status"
        message = "configmaps \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn patches_that_make_no_sense(c: Context) {
    c.create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let path = c.core("configmaps/a");
    let reply = c.json_patch(&path, &json!({"data": {}})).await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.merge_patch(&path, &json!([])).await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .strategic_patch(&path, &json!({"data": {"$patch": "explode"}}))
        .await;
    expect![[r#"
        200
        apiVersion = "v1"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.merge_patch(&path, &json!({"data": {"k": 1}})).await;
    // The whole patched object stands in the middle of the sentence.
    let message = reply.body["message"].as_str().unwrap_or("");
    assert_eq!(
        (reply.code, &reply.body["reason"]),
        (422, &json!("Invalid"))
    );
    assert!(
        message.ends_with(
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
        ),
        "{message}"
    );
    let reply = c
        .strategic_patch(
            &path,
            &json!({"metadata": {"ownerReferences": [{"name": "no-uid"}]}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.ownerReferences.apiVersion"
        details.causes[0].message = "Invalid value: \"\": version must not be empty"
        details.causes[0].reason = "FieldValueInvalid"
        details.causes[1].field = "metadata.ownerReferences.kind"
        details.causes[1].message = "Invalid value: \"\": must not be empty"
        details.causes[1].reason = "FieldValueInvalid"
        details.causes[2].field = "metadata.ownerReferences.uid"
        details.causes[2].message = "Invalid value: \"\": must not be empty"
        details.causes[2].reason = "FieldValueInvalid"
        details.kind = "ConfigMap"
        details.name = "a"
        kind = "Status"
        message = "ConfigMap \"a\" is invalid: [metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty, metadata.ownerReferences.kind: Invalid value: \"\": must not be empty, metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn a_patch_owns_what_it_changes(c: Context) {
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a"}, "data": {"k": "v", "l": "w"}}),
    )
    .await
    .ok();
    let reply = c
        .merge_patch(
            &(c.core("configmaps/a") + "?fieldManager=other"),
            &json!({"data": {"k": "x", "l": null, "m": "y"}}),
        )
        .await
        .ok();
    expect![[r#"
        conformance Update v1 -
          {"f:data":{}}
        other Update v1 -
          {"f:data":{"f:k":{},"f:m":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}
