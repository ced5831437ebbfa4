//! Status, scale, binding, eviction, tokens, reviews of the built-in kinds.

use expect_test::expect;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![subresources:
    status_of_a_pod,
    a_pod_is_bound_once,
    scale_of_a_deployment,
    eviction_without_a_budget,
    eviction_held_back_by_a_budget,
    a_token_for_a_service_account,
    who_am_i_and_what_may_i,
    finalize_of_a_namespace,
    subresources_of_missing_objects,
];

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0}})
}

async fn status_of_a_pod(c: Context) {
    let made = c.create(&c.core("pods"), &pod("p")).await.ok();
    assert_eq!(made["status"]["phase"], "Pending");
    let conditions =
        json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z"}]);
    let patch = json!({"metadata": {"labels": {"new": "label"}}, "spec": {"nodeName": "n"}, "status": {"phase": "Running", "podIP": "127.0.0.5", "podIPs": [{"ip": "127.0.0.5"}], "conditions": conditions}});
    let reply = c
        .strategic_patch(&c.core("pods/p/status"), &patch)
        .await
        .ok();
    assert_eq!(reply["spec"].get("nodeName"), None);
    expect![[r#"
        labels.app = "x"
        labels.new = "label"
        status.conditions[0].lastProbeTime = null
        status.conditions[0].lastTransitionTime = "TIME"
        status.conditions[0].status = "True"
        status.conditions[0].type = "Ready"
        status.phase = "Running"
        status.podIP = "127.0.0.5"
        status.podIPs[0].ip = "127.0.0.5"
        status.qosClass = "BestEffort"
    "#]]
    .assert_eq(&c.flat(&json!({"status": reply["status"], "labels": reply["metadata"]["labels"]})));
    let reply = c
        .strategic_patch(
            &c.core("pods/p/status"),
            &json!({"status": {"conditions": [{"type": "Initialized", "status": "True"}]}}),
        )
        .await
        .ok();
    let types: Vec<&str> = reply["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["type"].as_str())
        .collect();
    expect!["Initialized Ready"].assert_eq(&types.join(" "));
    let reply = c
        .merge_patch(&c.core("pods/p"), &json!({"status": {"phase": "Failed"}}))
        .await
        .ok();
    assert_eq!(reply["status"]["phase"], "Running");
}

async fn a_pod_is_bound_once(c: Context) {
    c.create("/api/v1/nodes", &json!({"metadata": {"name": c.unique()}}))
        .await
        .ok();
    c.create(&c.core("pods"), &pod("p")).await.ok();
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"apiVersion": "v1", "kind": "Node", "name": c.unique()}});
    let reply = c.create(&c.core("pods/p/binding"), &binding).await;
    expect![[r#"
        201
        apiVersion = "v1"
        code = 201
        kind = "Status"
        metadata = {}
        status = "Success"
    "#]]
    .assert_eq(&c.told(&reply));
    let read = c.get(&c.core("pods/p")).await.ok();
    assert_eq!(read["spec"]["nodeName"], c.unique());
    let scheduled: Vec<&Value> = read["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["type"] == "PodScheduled")
        .collect();
    assert_eq!(
        (scheduled.len(), &scheduled[0]["status"]),
        (1, &json!("True"))
    );
    let reply = c.create(&c.core("pods/p/binding"), &binding).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.kind = "pods/binding"
        details.name = "p"
        kind = "Status"
        message = "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"NS\""
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.delete(&c.core("pods/p")).await.ok();
    c.delete(&format!("/api/v1/nodes/{}", c.unique()))
        .await
        .ok();
}

async fn scale_of_a_deployment(c: Context) {
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    c.create(&c.group("apps/v1", "deployments"), &deployment)
        .await
        .ok();
    let reply = c.get(&c.group("apps/v1", "deployments/d/scale")).await;
    expect![[r#"
        200
        apiVersion = "autoscaling/v1"
        kind = "Scale"
        metadata.creationTimestamp = "TIME"
        metadata.name = "d"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec = {}
        status.replicas = 0
        status.selector = "a=b"
    "#]]
    .assert_eq(&c.told(&reply));
    c.merge_patch(
        &c.group("apps/v1", "deployments/d/scale"),
        &json!({"spec": {"replicas": 0}}),
    )
    .await
    .ok();
}

async fn eviction_without_a_budget(c: Context) {
    c.create(&c.core("pods"), &pod("p")).await.ok();
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    let reply = c
        .create(
            &with_query(&c.core("pods/p/eviction"), "dryRun=All"),
            &eviction,
        )
        .await;
    assert_eq!(reply.code, 201);
    assert_eq!(c.get(&c.core("pods/p")).await.code, 200);
    let reply = c.create(&c.core("pods/p/eviction"), &eviction).await;
    expect![[r#"
        201
        apiVersion = "v1"
        code = 201
        kind = "Status"
        metadata = {}
        status = "Success"
    "#]]
    .assert_eq(&c.told(&reply));
    c.eventually(&c.core("pods/p"), |reply| reply.code == 404)
        .await;
}

async fn eviction_held_back_by_a_budget(c: Context) {
    c.create(&c.core("pods"), &pod("p")).await.ok();
    c.strategic_patch(&c.core("pods/p/status"), &json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})).await.ok();
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    c.create(&c.group("policy/v1", "poddisruptionbudgets"), &budget)
        .await
        .ok();
    let read = c
        .eventually(&c.group("policy/v1", "poddisruptionbudgets/b"), |reply| {
            reply.body["status"]["currentHealthy"] == 1
        })
        .await
        .ok();
    expect![[r#"
        conditions[0].lastTransitionTime = "TIME"
        conditions[0].message = ""
        conditions[0].observedGeneration = 1
        conditions[0].reason = "InsufficientPods"
        conditions[0].status = "False"
        conditions[0].type = "DisruptionAllowed"
        currentHealthy = 1
        desiredHealthy = 1
        disruptionsAllowed = 0
        expectedPods = 1
        observedGeneration = 1
    "#]]
    .assert_eq(&c.flat(&read["status"]));
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    let reply = c.create(&c.core("pods/p/eviction"), &eviction).await;
    expect![[r#"
        429
        apiVersion = "v1"
        code = 429
        details.causes[0].message = "The disruption budget b needs 1 healthy pods and has 1 currently"
        details.causes[0].reason = "DisruptionBudget"
        kind = "Status"
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        metadata = {}
        reason = "TooManyRequests"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.merge_patch(
        &c.group("policy/v1", "poddisruptionbudgets/b"),
        &json!({"spec": {"minAvailable": 0}}),
    )
    .await
    .ok();
    c.eventually(&c.group("policy/v1", "poddisruptionbudgets/b"), |reply| {
        reply.body["status"]["disruptionsAllowed"] == 1
    })
    .await;
    c.create(&c.core("pods/p/eviction"), &eviction).await.ok();
    c.eventually(&c.core("pods/p"), |reply| reply.code == 404)
        .await;
}

async fn a_token_for_a_service_account(c: Context) {
    c.create(
        &c.core("serviceaccounts"),
        &json!({"metadata": {"name": "s"}}),
    )
    .await
    .ok();
    let reply = c.create(&c.core("serviceaccounts/s/token"), &json!({"spec": {"expirationSeconds": 3600, "audiences": ["https://kubernetes.default.svc"]}})).await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    assert_eq!(
        reply.body["status"]["token"]
            .as_str()
            .map(|token| token.split('.').count()),
        Some(3)
    );
    assert_eq!(
        (
            &reply.body["kind"],
            &reply.body["spec"]["expirationSeconds"]
        ),
        (&json!("TokenRequest"), &json!(3600))
    );
}

async fn who_am_i_and_what_may_i(c: Context) {
    let body = json!({"spec": {"resourceAttributes": {"namespace": c.ns, "verb": "create", "resource": "pods"}}});
    let reply = c
        .create(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &body,
        )
        .await;
    assert_eq!(
        (reply.code, &reply.body["status"]["allowed"]),
        (201, &json!(true)),
        "{}",
        reply.body
    );
    let reply = c
        .create(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            &json!({}),
        )
        .await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    assert!(reply.body["status"]["userInfo"]["username"].is_string());
}

async fn finalize_of_a_namespace(c: Context) {
    let name = format!("{}-more", c.ns);
    let body = json!({"metadata": {"name": name}, "spec": {"finalizers": ["example.com/mine"]}});
    let made = c.create("/api/v1/namespaces", &body).await.ok();
    expect![[r#"
        finalizers[0] = "example.com/mine"
        finalizers[1] = "kubernetes"
    "#]]
    .assert_eq(&c.flat(&made["spec"]));
    let path = format!("/api/v1/namespaces/{name}");
    c.delete(&path).await.ok();
    let mut read = c
        .eventually(&path, |reply| {
            reply.body["spec"]["finalizers"] == json!(["example.com/mine"])
        })
        .await
        .ok();
    assert_eq!(read["status"]["phase"], "Terminating");
    read["spec"] = json!({});
    let reply = c.put(&format!("{path}/finalize"), &read).await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    c.eventually(&path, |reply| reply.code == 404).await;
}

async fn subresources_of_missing_objects(c: Context) {
    let reply = c.merge_patch(&c.core("pods/none/status"), &json!({})).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "pods"
        details.name = "none"
        kind = "Status"
        message = "pods \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "none"}});
    let reply = c.create(&c.core("pods/none/eviction"), &eviction).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "pods"
        details.name = "none"
        kind = "Status"
        message = "pods \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get(&c.group("apps/v1", "deployments/none/scale")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.group = "apps"
        details.kind = "deployments"
        details.name = "none"
        kind = "Status"
        message = "deployments.apps \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}
