//! Server-side apply: ownership, conflicts, removal, and how it meets the other writes.

use expect_test::expect;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![apply:
    apply_creates,
    apply_again_is_no_write,
    apply_of_what_is_there_is_no_write,
    two_managers_share,
    a_conflict_names_owner_and_field,
    several_conflicts,
    force_takes_over,
    a_field_left_out_disappears,
    a_field_left_out_stays_with_its_other_owner,
    lists_merge_by_key,
    items_left_out_disappear,
    lists_keep_an_order,
    sets_and_atomic_lists,
    atomic_objects,
    empty_objects_and_lists,
    an_update_takes_what_it_changes,
    an_update_of_an_applied_field_conflicts_later,
    status_has_owners_of_its_own,
    kubectl_takes_over_its_client_side_apply,
    owners_can_be_forgotten,
    owners_can_be_given,
    apply_needs_a_manager,
    apply_that_makes_no_sense,
    apply_may_name_the_version,
    defaults_have_owners_too,
    many_updaters_become_one,
    a_deployment_applied_twice,
];

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

fn deployment(spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"a": "b"}});
    spec["template"]["metadata"] = json!({"labels": {"a": "b"}});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
}

async fn apply_creates(c: Context) {
    let reply = c
        .apply(
            &c.core("configmaps/a"),
            "one",
            &config_map(json!({"k": "v"})),
        )
        .await;
    expect![[r#"
        201
        apiVersion = "v1"
        data.k = "v"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    expect![[r#"
        one Apply v1 -
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply.body));
}

async fn apply_again_is_no_write(c: Context) {
    let path = c.core("configmaps/a");
    let first = c
        .apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    let again = c.apply(&path, "one", &config_map(json!({"k": "v"}))).await;
    assert_eq!((again.code, again.body), (200, first));
}

async fn apply_of_what_is_there_is_no_write(c: Context) {
    let path = c.core("configmaps/a");
    c.create(&c.core("configmaps"), &config_map(json!({"k": "v"})))
        .await
        .ok();
    let reply = c
        .apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    expect![[r#"
        conformance Update v1 -
          {"f:data":{".":{},"f:k":{}}}
        one Apply v1 - (no time)
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    let again = c
        .apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    assert_eq!(again, reply);
}

async fn two_managers_share(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    let reply = c
        .apply(&path, "two", &config_map(json!({"l": "w", "m": "x"})))
        .await
        .ok();
    assert_eq!(reply["data"], json!({"k": "v", "l": "w", "m": "x"}));
    expect![[r#"
        one Apply v1 -
          {"f:data":{"f:k":{},"f:l":{}}}
        two Apply v1 -
          {"f:data":{"f:l":{},"f:m":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn a_conflict_names_owner_and_field(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    let reply = c.apply(&path, "two", &config_map(json!({"k": "w"}))).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.causes[0].field = ".data.k"
        details.causes[0].message = "conflict with \"one\""
        details.causes[0].reason = "FieldManagerConflict"
        kind = "Status"
        message = "Apply failed with 1 conflict: conflict with \"one\": .data.k"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    assert_eq!(c.get(&path).await.ok()["data"]["k"], "v");
}

async fn several_conflicts(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    c.apply(&path, "two", &config_map(json!({"m": "x", "l": "w"})))
        .await
        .ok();
    let reply = c
        .apply(
            &path,
            "three",
            &config_map(json!({"k": "1", "l": "2", "m": "3"})),
        )
        .await;
    let mut told = c
        .told(&reply)
        .lines()
        .map(ToOwned::to_owned)
        .collect::<Vec<_>>();
    told.retain(|line| !line.starts_with("details.causes"));
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        kind = "Status"
        message = "Apply failed with 4 conflicts: conflicts with \"one\":\n- .data.k\n- .data.l\nconflicts with \"two\":\n- .data.l\n- .data.m"
        metadata = {}
        reason = "Conflict"
        status = "Failure""#]].assert_eq(&told.join("\n"));
    let mut causes: Vec<String> = reply.body["details"]["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    causes.sort();
    expect![[r#"
        {"field":".data.k","message":"conflict with \"one\"","reason":"FieldManagerConflict"}
        {"field":".data.l","message":"conflict with \"one\"","reason":"FieldManagerConflict"}
        {"field":".data.l","message":"conflict with \"two\"","reason":"FieldManagerConflict"}
        {"field":".data.m","message":"conflict with \"two\"","reason":"FieldManagerConflict"}"#]]
    .assert_eq(&causes.join("\n"));
}

async fn force_takes_over(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    let reply = c
        .apply_forced(&path, "two", &config_map(json!({"k": "x"})))
        .await
        .ok();
    assert_eq!(reply["data"], json!({"k": "x", "l": "w"}));
    expect![[r#"
        one Apply v1 -
          {"f:data":{"f:l":{}}}
        two Apply v1 -
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn a_field_left_out_disappears(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    let reply = c
        .apply(&path, "one", &config_map(json!({"l": "w"})))
        .await
        .ok();
    assert_eq!(reply["data"], json!({"l": "w"}));
    let reply = c
        .apply(
            &path,
            "one",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .await
        .ok();
    expect![[r#"
        apiVersion = "v1"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.flat(&reply));
    expect![[""]].assert_eq(&c.owners(&reply));
}

async fn a_field_left_out_stays_with_its_other_owner(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    c.apply(&path, "two", &config_map(json!({"k": "v"})))
        .await
        .ok();
    c.merge_patch(
        &with_query(&path, "fieldManager=three"),
        &json!({"data": {"m": "x"}}),
    )
    .await
    .ok();
    let reply = c.apply(&path, "one", &config_map(json!({}))).await.ok();
    assert_eq!(reply["data"], json!({"k": "v", "m": "x"}));
    expect![[r#"
        one Apply v1 -
          {"f:data":{}}
        three Update v1 -
          {"f:data":{"f:m":{}}}
        two Apply v1 - (no time)
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn lists_merge_by_key(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    let one = json!({"replicas": 0, "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}]}}});
    c.apply(&path, "one", &deployment(one)).await.ok();
    let two = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": {"containers": [
        {"name": "c", "env": [{"name": "B", "value": "2"}], "ports": [{"containerPort": 80, "protocol": "UDP", "name": "u"}]}, {"name": "side", "image": "s"}]}}}});
    let reply = c.apply(&path, "two", &two).await.ok();
    expect![[r#"
        [0].env[0].name = "A"
        [0].env[0].value = "1"
        [0].env[1].name = "B"
        [0].env[1].value = "2"
        [0].image = "i"
        [0].imagePullPolicy = "Always"
        [0].name = "c"
        [0].ports[0].containerPort = 80
        [0].ports[0].protocol = "TCP"
        [0].ports[1].containerPort = 80
        [0].ports[1].name = "u"
        [0].ports[1].protocol = "UDP"
        [0].resources = {}
        [0].terminationMessagePath = "/dev/termination-log"
        [0].terminationMessagePolicy = "File"
        [1].image = "s"
        [1].imagePullPolicy = "Always"
        [1].name = "side"
        [1].resources = {}
        [1].terminationMessagePath = "/dev/termination-log"
        [1].terminationMessagePolicy = "File"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]["template"]["spec"]["containers"]));
    expect![[r#"
        one Apply apps/v1 -
          {"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}
        two Apply apps/v1 -
          {"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"UDP\"}":{".":{},"f:containerPort":{},"f:name":{},"f:protocol":{}}}},"k:{\"name\":\"side\"}":{".":{},"f:image":{},"f:name":{}}}}}}}
    "#]].assert_eq(&c.owners(&reply));
}

async fn items_left_out_disappear(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    let containers = |list: Value| {
        deployment(json!({"replicas": 0, "template": {"spec": {"containers": list}}}))
    };
    c.apply(&path, "one", &containers(json!([{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, {"name": "d", "image": "j"}]))).await.ok();
    let reply = c
        .apply(
            &path,
            "one",
            &containers(json!([{"name": "c", "image": "i", "env": [{"name": "B", "value": "2"}]}])),
        )
        .await
        .ok();
    expect![[r#"
        [0].env[0].name = "B"
        [0].env[0].value = "2"
        [0].image = "i"
        [0].imagePullPolicy = "Always"
        [0].name = "c"
        [0].resources = {}
        [0].terminationMessagePath = "/dev/termination-log"
        [0].terminationMessagePolicy = "File"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]["template"]["spec"]["containers"]));
    let reply = c
        .apply(
            &path,
            "one",
            &containers(json!([{"name": "c", "image": "i"}])),
        )
        .await
        .ok();
    assert_eq!(
        reply["spec"]["template"]["spec"]["containers"][0].get("env"),
        None
    );
}

async fn lists_keep_an_order(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    let env = |names: &[&str]| {
        let list: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "value": "1"}))
            .collect();
        json!([{"name": "c", "image": "i", "env": list}])
    };
    let body = |names: &[&str]| {
        deployment(json!({"replicas": 0, "template": {"spec": {"containers": env(names)}}}))
    };
    let order = |reply: &Value| -> String {
        let list = reply["spec"]["template"]["spec"]["containers"][0]["env"]
            .as_array()
            .into_iter()
            .flatten();
        list.filter_map(|item| item["name"].as_str())
            .collect::<Vec<_>>()
            .join("")
    };
    let mut got = Vec::new();
    got.push(order(
        &c.apply(&path, "one", &body(&["A", "B", "C"])).await.ok(),
    ));
    got.push(order(
        &c.apply(&path, "two", &body(&["D", "B", "E"])).await.ok(),
    ));
    got.push(order(
        &c.apply(&path, "three", &body(&["C", "A", "F"])).await.ok(),
    ));
    got.push(order(&c.apply(&path, "one", &body(&["C", "B"])).await.ok()));
    got.push(order(
        &c.apply(&path, "two", &body(&["E", "G", "D"])).await.ok(),
    ));
    expect!["ABC ADBCE DBCEAF DCEAFB CEAFBGD"].assert_eq(&got.join(" "));
}

async fn sets_and_atomic_lists(c: Context) {
    let path = c.core("configmaps/a");
    let with = |finalizers: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": finalizers}});
    c.apply(&path, "one", &with(json!(["x.y/a", "x.y/b"])))
        .await
        .ok();
    let reply = c
        .apply(&path, "two", &with(json!(["x.y/c", "x.y/a"])))
        .await
        .ok();
    assert_eq!(
        reply["metadata"]["finalizers"],
        json!(["x.y/c", "x.y/a", "x.y/b"])
    );
    expect![[r#"
        one Apply v1 -
          {"f:metadata":{"f:finalizers":{"v:\"x.y/a\"":{},"v:\"x.y/b\"":{}}}}
        two Apply v1 -
          {"f:metadata":{"f:finalizers":{"v:\"x.y/a\"":{},"v:\"x.y/c\"":{}}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    let reply = c.apply(&path, "one", &with(json!([]))).await.ok();
    expect![[r#"
        [0] = "x.y/c"
        [1] = "x.y/a"
    "#]]
    .assert_eq(&c.flat(&reply["metadata"]["finalizers"]));
    c.merge_patch(&path, &json!({"metadata": {"finalizers": null}}))
        .await
        .ok();

    let path = c.group("rbac.authorization.k8s.io/v1", "roles/r");
    let role = |rules: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules});
    c.apply(
        &path,
        "one",
        &role(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
    )
    .await
    .ok();
    let reply = c
        .apply(
            &path,
            "two",
            &role(json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])),
        )
        .await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.causes[0].field = ".rules"
        details.causes[0].message = "conflict with \"one\""
        details.causes[0].reason = "FieldManagerConflict"
        kind = "Status"
        message = "Apply failed with 1 conflict: conflict with \"one\": .rules"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn atomic_objects(c: Context) {
    let path = c.core("services/s");
    let service = |selector: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None", "selector": selector}});
    c.apply(&path, "one", &service(json!({"a": "b"})))
        .await
        .ok();
    let reply = c.apply(&path, "two", &service(json!({"c": "d"}))).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.causes[0].field = ".spec.selector"
        details.causes[0].message = "conflict with \"one\""
        details.causes[0].reason = "FieldManagerConflict"
        kind = "Status"
        message = "Apply failed with 1 conflict: conflict with \"one\": .spec.selector"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .apply_forced(&path, "two", &service(json!({"c": "d"})))
        .await
        .ok();
    assert_eq!(reply["spec"]["selector"], json!({"c": "d"}));
    expect![[r#"
        one Apply v1 -
          {"f:spec":{"f:clusterIP":{}}}
        two Apply v1 -
          {"f:spec":{"f:clusterIP":{},"f:selector":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn empty_objects_and_lists(c: Context) {
    let path = c.core("pods/p");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {}, "annotations": {}}, "spec": {
        "containers": [{"name": "c", "image": "i", "env": [], "resources": {}}], "volumes": [{"name": "v", "emptyDir": {}}],
        "securityContext": {}, "tolerations": [], "automountServiceAccountToken": false}});
    let reply = c.apply(&path, "one", &pod).await.ok();
    expect![[r#"
        one Apply v1 -
          {"f:metadata":{"f:annotations":{},"f:labels":{}},"f:spec":{"f:automountServiceAccountToken":{},"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}},"f:securityContext":{},"f:tolerations":{},"f:volumes":{"k:{\"name\":\"v\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}}
    "#]].assert_eq(&c.owners(&reply));
    assert_eq!(
        reply["spec"]["volumes"],
        json!([{"name": "v", "emptyDir": {}}])
    );
    assert_eq!(reply["metadata"].get("labels"), None);
}

async fn an_update_takes_what_it_changes(c: Context) {
    let path = c.core("configmaps/a");
    let mut live = c
        .apply(&path, "one", &config_map(json!({"k": "v", "l": "w"})))
        .await
        .ok();
    live["data"] = json!({"k": "x", "m": "y"});
    let reply = c
        .put(&with_query(&path, "fieldManager=editor"), &live)
        .await
        .ok();
    expect![[r#"
        editor Update v1 -
          {"f:data":{"f:k":{},"f:m":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn an_update_of_an_applied_field_conflicts_later(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    c.merge_patch(
        &with_query(&path, "fieldManager=editor"),
        &json!({"data": {"k": "x"}}),
    )
    .await
    .ok();
    let reply = c.apply(&path, "one", &config_map(json!({"k": "v"}))).await;
    let message = reply.body["message"].as_str().unwrap_or("").to_owned();
    // The time of the other write is part of it.
    let (before, after) = message.split_once(" at 2").unwrap_or((&message, ""));
    let after = after.split_once("Z: ").map_or("", |(_, rest)| rest);
    expect![[r#"409 Apply failed with 1 conflict: conflict with "editor" using v1: .data.k … "#]]
        .assert_eq(&format!("{} {before} … {after}", reply.code));
    let reply = c
        .apply_forced(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    expect![[r#"
        one Apply v1 -
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn status_has_owners_of_its_own(c: Context) {
    c.create(&c.core("pods"), &json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false}})).await.ok();
    let status = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"x": "y"}}, "spec": {"nodeName": "n"},
        "status": {"podIP": "127.0.0.9", "conditions": [{"type": "Ready", "status": "True"}]}});
    let reply = c
        .apply(&c.core("pods/p/status"), "agent", &status)
        .await
        .ok();
    assert_eq!(reply["spec"].get("nodeName"), None);
    let owners = c.owners(&reply);
    let (agent, _) = owners.split_once("conformance").unwrap_or((&owners, ""));
    expect![[r#"
        agent Apply v1 status
          {"f:metadata":{"f:labels":{"f:x":{}}},"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:status":{},"f:type":{}}},"f:podIP":{}}}
    "#]].assert_eq(agent);
    expect![[r#"
        conditions[0].lastProbeTime = null
        conditions[0].lastTransitionTime = null
        conditions[0].status = "True"
        conditions[0].type = "Ready"
        phase = "Pending"
        podIP = "127.0.0.9"
        podIPs[0].ip = "127.0.0.9"
        qosClass = "BestEffort"
    "#]]
    .assert_eq(&c.flat(&reply["status"]));
    let reply = c
        .merge_patch(
            &with_query(&c.core("pods/p/status"), "fieldManager=kubelet"),
            &json!({"status": {"phase": "Running"}}),
        )
        .await
        .ok();
    let owners = c.owners(&reply);
    let kubelet = owners
        .lines()
        .skip_while(|line| !line.starts_with("kubelet"));
    let kubelet: Vec<&str> = kubelet.take(2).collect();
    expect![[r#"
        kubelet Update v1 status
          {"f:status":{"f:phase":{}}}"#]]
    .assert_eq(&kubelet.join("\n"));
}

async fn kubectl_takes_over_its_client_side_apply(c: Context) {
    let path = c.core("configmaps/a");
    let mut body = config_map(json!({"k": "v", "l": "w"}));
    let last = body.to_string();
    body["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": last});
    c.create(
        &with_query(
            &c.core("configmaps"),
            "fieldManager=kubectl-client-side-apply",
        ),
        &body,
    )
    .await
    .ok();
    let reply = c
        .apply(&path, "kubectl", &config_map(json!({"k": "new", "l": "w"})))
        .await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    expect![[r#"
        kubectl Apply v1 -
          {"f:data":{"f:k":{},"f:l":{}}}
        kubectl-client-side-apply Update v1 -
          {"f:data":{".":{},"f:l":{}},"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}
    "#]].assert_eq(&c.owners(&reply.body));
    expect![[r#"
        kubectl.kubernetes.io/last-applied-configuration = "{\"apiVersion\":\"v1\",\"data\":{\"k\":\"new\",\"l\":\"w\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}\n"
    "#]].assert_eq(&c.flat(&reply.body["metadata"]["annotations"]));
    c.merge_patch(
        &with_query(&path, "fieldManager=other"),
        &json!({"data": {"l": "theirs"}}),
    )
    .await
    .ok();
    let reply = c
        .apply(
            &path,
            "kubectl",
            &config_map(json!({"k": "new", "l": "mine"})),
        )
        .await;
    assert_eq!(reply.code, 409);
}

async fn owners_can_be_forgotten(c: Context) {
    let path = c.core("configmaps/a");
    c.apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    let reply = c
        .merge_patch(&path, &json!({"metadata": {"managedFields": [{}]}}))
        .await
        .ok();
    assert_eq!(reply["metadata"].get("managedFields"), None);
    let reply = c
        .merge_patch(&path, &json!({"data": {"l": "w"}}))
        .await
        .ok();
    assert_eq!(
        reply["metadata"].get("managedFields"),
        None,
        "nobody tracks it now"
    );
    let reply = c
        .apply(&path, "one", &config_map(json!({"m": "x"})))
        .await
        .ok();
    expect![[r#"
        before-first-apply Update v1 -
          {"f:data":{".":{},"f:k":{},"f:l":{}}}
        one Apply v1 -
          {"f:data":{"f:m":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn owners_can_be_given(c: Context) {
    let path = c.core("configmaps/a");
    let mut live = c
        .apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    live["metadata"]["managedFields"][0]["manager"] = json!("renamed");
    let reply = c.put(&path, &live).await.ok();
    expect![[r#"
        renamed Apply v1 -
          {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
}

async fn apply_needs_a_manager(c: Context) {
    let reply = c
        .patch(
            "application/apply-patch+yaml",
            &c.core("configmaps/a"),
            &config_map(json!({})),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "fieldManager"
        details.causes[0].message = "Required value: is required for apply patch"
        details.causes[0].reason = "FieldValueRequired"
        details.group = "meta.k8s.io"
        details.kind = "PatchOptions"
        kind = "Status"
        message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let long = "x".repeat(129);
    let reply = c
        .apply(&c.core("configmaps/a"), &long, &config_map(json!({})))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "fieldManager"
        details.causes[0].message = "Too long: may not be more than 128 bytes"
        details.causes[0].reason = "FieldValueTooLong"
        details.group = "meta.k8s.io"
        details.kind = "PatchOptions"
        kind = "Status"
        message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .merge_patch(
            &with_query(&c.core("configmaps/a"), "force=true"),
            &json!({}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "force"
        details.causes[0].message = "Forbidden: may not be specified for non-apply patch"
        details.causes[0].reason = "FieldValueForbidden"
        details.group = "meta.k8s.io"
        details.kind = "PatchOptions"
        kind = "Status"
        message = "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn apply_that_makes_no_sense(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    let containers = |list: Value| deployment(json!({"template": {"spec": {"containers": list}}}));
    let mut got = Vec::new();
    for body in [
        containers(json!([{"name": "c"}, {"name": "c"}])),
        containers(json!([{"image": "i"}])),
        containers(json!([{"name": "c", "colour": "red"}])),
        containers(json!("text")),
        deployment(json!({"replicas": "three"})),
        deployment(json!({"paused": 1})),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": []}),
        json!({"apiVersion": "apps/v1beta1", "kind": "Deployment", "metadata": {"name": "d"}}),
        json!({"apiVersion": "apps/v1", "kind": "Deploymen", "metadata": {"name": "d"}}),
        json!({"metadata": {"name": "d"}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "e"}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment"}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "managedFields": []}}),
        json!([]),
    ] {
        let reply = c.apply(&path, "one", &body).await;
        got.push(
            format!(
                "{} {} {}",
                reply.code, reply.body["reason"], reply.body["message"]
            )
            .replace(&c.ns, "NS"),
        );
    }
    expect![[r#"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name=\"c\"]"
        422 "Invalid" "Deployment.apps \"d\" is invalid: spec.template.spec.containers[0].name: Required value"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"c\"].colour: field not declared in schema"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers: expected list, got &{text}"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.paused: expected boolean, got &{1}"
        500 null "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec: expected map, got &{[]}"
        400 "BadRequest" "invalid object type: apps/v1beta1, Kind=Deployment"
        400 "BadRequest" "invalid object type: apps/v1, Kind=Deploymen"
        400 "BadRequest" "invalid object type: /, Kind="
        400 "BadRequest" "the name of the object (e) does not match the name on the URL (d)"
        400 "BadRequest" "the name of the object (d based on URL) was undeterminable: name must be provided"
        400 "BadRequest" "metadata.managedFields must be nil"
        400 "BadRequest" "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}""#]].assert_eq(&got.join("\n"));
}

async fn apply_may_name_the_version(c: Context) {
    let path = c.core("configmaps/a");
    let first = c
        .apply(&path, "one", &config_map(json!({"k": "v"})))
        .await
        .ok();
    let mut body = config_map(json!({"k": "w"}));
    body["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"].clone();
    c.apply(&path, "one", &body).await.ok();
    body["data"]["k"] = json!("x");
    let reply = c.apply(&path, "one", &body).await;
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
    let mut body = config_map(json!({"k": "w"}));
    body["metadata"]["name"] = json!("b");
    body["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
    let reply = c.apply(&c.core("configmaps/b"), "one", &body).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.kind = "configmaps"
        details.name = "b"
        kind = "Status"
        message = "Operation cannot be fulfilled on configmaps \"b\": uid mismatch: the provided object specified uid 11111111-1111-1111-1111-111111111111, and no existing object was found"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn defaults_have_owners_too(c: Context) {
    let path = c.core("services/s");
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}}});
    let reply = c.apply(&path, "one", &body).await.ok();
    expect![[r#"
        one Apply v1 -
          {"f:spec":{"f:clusterIP":{},"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}},"f:selector":{}}}
    "#]].assert_eq(&c.owners(&reply));
    let without = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 81}]}});
    let reply = c.apply(&path, "one", &without).await.ok();
    expect![[r#"
        clusterIP = "None"
        clusterIPs[0] = "None"
        internalTrafficPolicy = "Cluster"
        ipFamilies[0] = "IPv4"
        ipFamilyPolicy = "SingleStack"
        ports[0].port = 81
        ports[0].protocol = "TCP"
        ports[0].targetPort = 81
        sessionAffinity = "None"
        type = "ClusterIP"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]));
    expect![[r#"
        one Apply v1 -
          {"f:spec":{"f:clusterIP":{},"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}
    "#]].assert_eq(&c.owners(&reply));
}

async fn many_updaters_become_one(c: Context) {
    let path = c.core("configmaps/a");
    c.create(&c.core("configmaps"), &config_map(json!({"k": "v"})))
        .await
        .ok();
    let mut last = json!({});
    for at in 0..13 {
        last = c
            .merge_patch(
                &with_query(&path, &format!("fieldManager=m{at:02}")),
                &json!({"data": {format!("k{at:02}"): "v"}}),
            )
            .await
            .ok();
    }
    let entries = last["metadata"]["managedFields"]
        .as_array()
        .expect("owners");
    assert_eq!(entries.len(), 10);
    let ancient = entries
        .iter()
        .filter(|entry| entry["manager"] == "ancient-changes")
        .count();
    assert_eq!(ancient, 1);
}

async fn a_deployment_applied_twice(c: Context) {
    let path = c.group("apps/v1", "deployments/d");
    let body = deployment(
        json!({"replicas": 0, "strategy": {"type": "Recreate"}, "template": {"spec": {
            "containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1000m"}}, "livenessProbe": {"httpGet": {"port": 80}}}],
            "volumes": [{"name": "v", "configMap": {"name": "x", "items": [{"key": "a", "path": "b"}]}}],
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
            "imagePullSecrets": [{"name": "s"}],
        }}}),
    );
    let first = c.apply(&path, "one", &body).await.ok();
    expect![[r#"
        one Apply apps/v1 -
          {"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{"f:type":{}},"f:template":{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:livenessProbe":{"f:httpGet":{"f:port":{}}},"f:name":{},"f:resources":{"f:limits":{"f:cpu":{}}}}},"f:imagePullSecrets":{"k:{\"name\":\"s\"}":{}},"f:topologySpreadConstraints":{"k:{\"topologyKey\":\"zone\",\"whenUnsatisfiable\":\"DoNotSchedule\"}":{".":{},"f:maxSkew":{},"f:topologyKey":{},"f:whenUnsatisfiable":{}}},"f:volumes":{"k:{\"name\":\"v\"}":{".":{},"f:configMap":{"f:items":{},"f:name":{}},"f:name":{}}}}}}}
    "#]].assert_eq(&c.owners(&first));
    let again = c.apply(&path, "one", &body).await.ok();
    assert_eq!(
        c.owners(&again).lines().take(2).collect::<Vec<_>>(),
        c.owners(&first).lines().take(2).collect::<Vec<_>>()
    );
    assert_eq!(
        again["metadata"]["generation"],
        first["metadata"]["generation"]
    );
}
