//! Lists: selectors, pages, versions, tables.

use expect_test::expect;
use http::Method;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![list:
    lists_have_a_version_and_sorted_items,
    label_selectors,
    field_selectors,
    selectors_that_make_no_sense,
    pages,
    a_continue_token_that_makes_no_sense,
    across_namespaces,
    resource_versions,
    tables,
    metadata_only,
    delete_of_a_collection,
];

async fn make(c: &Context, names: &[(&str, Value)]) {
    for (name, labels) in names {
        c.create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": name, "labels": labels}, "data": {"n": name}}),
        )
        .await
        .ok();
    }
}

/// The ConfigMap that a controller puts into every namespace is not ours to see.
fn names(list: &Value) -> String {
    let items = list["items"].as_array().into_iter().flatten();
    let names: Vec<&str> = items
        .filter_map(|item| item["metadata"]["name"].as_str())
        .filter(|n| *n != "kube-root-ca.crt")
        .collect();
    names.join(" ")
}

async fn lists_have_a_version_and_sorted_items(c: Context) {
    let reply = c.get(&c.core("services")).await;
    expect![[r#"
        200
        apiVersion = "v1"
        items = []
        kind = "ServiceList"
        metadata.resourceVersion = "RV"
    "#]]
    .assert_eq(&c.told(&reply));
    for name in ["b", "a"] {
        c.create(
            &c.core("services"),
            &json!({"metadata": {"name": name}, "spec": {"clusterIP": "None"}}),
        )
        .await
        .ok();
    }
    let list = c.get(&c.core("services")).await.ok();
    assert_eq!(names(&list), "a b");
    assert_eq!(
        list["items"][0].get("kind"),
        None,
        "items do not repeat their kind"
    );
    assert_eq!(list["kind"], "ServiceList");
}

async fn label_selectors(c: Context) {
    make(
        &c,
        &[
            ("a", json!({"app": "x", "tier": "one"})),
            ("b", json!({"app": "y"})),
            ("c", json!({})),
        ],
    )
    .await;
    let mut got = Vec::new();
    for selector in [
        "app=x",
        "app==x",
        "app!=x",
        "app",
        "!app",
        "app in (x,y)",
        "app notin (x)",
        "app in (x),tier=one",
        "app=x,tier=two",
        "tier=one,app",
    ] {
        let query = format!("labelSelector={}", selector.replace(' ', "%20"));
        let list = c.get(&with_query(&c.core("configmaps"), &query)).await.ok();
        got.push(format!("{selector}: {}", names(&list)));
    }
    expect![[r#"
        app=x: a
        app==x: a
        app!=x: b c
        app: a b
        !app: c
        app in (x,y): a b
        app notin (x): b c
        app in (x),tier=one: a
        app=x,tier=two: 
        tier=one,app: a"#]]
    .assert_eq(&got.join("\n"));
}

async fn field_selectors(c: Context) {
    make(&c, &[("a", json!({})), ("b", json!({}))]).await;
    let query = |path: &str, selector: &str| {
        with_query(&c.core(path), &format!("fieldSelector={selector}"))
    };
    assert_eq!(
        names(&c.get(&query("configmaps", "metadata.name=a")).await.ok()),
        "a"
    );
    assert_eq!(
        names(&c.get(&query("configmaps", "metadata.name!=a")).await.ok()),
        "b"
    );
    assert_eq!(
        names(
            &c.get(&query(
                "configmaps",
                &format!("metadata.namespace={}", c.ns)
            ))
            .await
            .ok()
        ),
        "a b"
    );
    let pod = |name: &str, node: &str| json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0}});
    c.create("/api/v1/nodes", &json!({"metadata": {"name": c.unique()}}))
        .await
        .ok();
    c.create(&c.core("pods"), &pod("p", c.unique())).await.ok();
    c.create(&c.core("pods"), &pod("q", "")).await.ok();
    assert_eq!(
        names(
            &c.get(&query("pods", &format!("spec.nodeName={}", c.unique())))
                .await
                .ok()
        ),
        "p"
    );
    assert_eq!(
        names(&c.get(&query("pods", "spec.nodeName=")).await.ok()),
        "q"
    );
    assert_eq!(
        names(&c.get(&query("pods", "status.phase=Pending")).await.ok()),
        "p q"
    );
    assert_eq!(
        names(
            &c.get(&query("pods", "status.phase!=Pending,metadata.name=p"))
                .await
                .ok()
        ),
        ""
    );
    assert_eq!(
        names(&c.get(&query("secrets", "type=Opaque")).await.ok()),
        ""
    );
    let reply = c.get(&query("configmaps", "data.n=a")).await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "\"data.n\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.delete(&format!("/api/v1/nodes/{}", c.unique()))
        .await
        .ok();
}

async fn selectors_that_make_no_sense(c: Context) {
    let reply = c
        .get(&with_query(&c.core("configmaps"), "labelSelector=a%20b"))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .get(&with_query(&c.core("configmaps"), "fieldSelector=what"))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "invalid selector: 'what'; can't understand 'what'"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn pages(c: Context) {
    for name in ["a", "b", "c", "d", "e"] {
        c.create(&c.core("secrets"), &json!({"metadata": {"name": name}}))
            .await
            .ok();
    }
    let first = c.get(&with_query(&c.core("secrets"), "limit=2")).await.ok();
    assert_eq!(
        (
            names(&first).as_str(),
            &first["metadata"]["remainingItemCount"]
        ),
        ("a b", &json!(3))
    );
    // A page is of the moment of the first one.
    c.delete(&c.core("secrets/d")).await.ok();
    let token = first["metadata"]["continue"]
        .as_str()
        .expect("a token")
        .to_owned();
    let second = c
        .get(&with_query(
            &c.core("secrets"),
            &format!("limit=2&continue={token}"),
        ))
        .await
        .ok();
    assert_eq!(
        (
            names(&second).as_str(),
            &second["metadata"]["remainingItemCount"]
        ),
        ("c d", &json!(1))
    );
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let token = second["metadata"]["continue"]
        .as_str()
        .expect("a token")
        .to_owned();
    let third = c
        .get(&with_query(
            &c.core("secrets"),
            &format!("limit=2&continue={token}"),
        ))
        .await
        .ok();
    assert_eq!(names(&third), "e");
    assert_eq!(
        (
            third["metadata"].get("continue"),
            third["metadata"].get("remainingItemCount")
        ),
        (None, None)
    );
    let selected = c
        .get(&with_query(&c.core("secrets"), "limit=1&labelSelector=!x"))
        .await
        .ok();
    assert_eq!(
        selected["metadata"].get("remainingItemCount"),
        None,
        "unknown with a selector"
    );
    assert!(selected["metadata"]["continue"].is_string());
}

async fn a_continue_token_that_makes_no_sense(c: Context) {
    let reply = c
        .get(&with_query(&c.core("secrets"), "limit=1&continue=xyz"))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "invalid continue token: continue key is not valid: invalid character 'Ç' looking for beginning of value"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn across_namespaces(c: Context) {
    let other = format!("{}-other", c.ns);
    c.create("/api/v1/namespaces", &json!({"metadata": {"name": other}}))
        .await
        .ok();
    let body = json!({"metadata": {"name": "a", "labels": {"of": c.ns}}});
    c.create(&c.core("secrets"), &body).await.ok();
    c.create(&format!("/api/v1/namespaces/{other}/secrets"), &body)
        .await
        .ok();
    let list = c
        .get(&format!("/api/v1/secrets?labelSelector=of={}", c.ns))
        .await
        .ok();
    assert_eq!(names(&list), "a a");
    c.delete(&format!("/api/v1/namespaces/{other}")).await.ok();
}

async fn resource_versions(c: Context) {
    let made = c
        .create(&c.core("secrets"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let version = made["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .to_owned();
    assert_eq!(
        names(
            &c.get(&with_query(&c.core("secrets"), "resourceVersion=0"))
                .await
                .ok()
        )
        .split(' ')
        .count(),
        1
    );
    let query = format!("resourceVersion={version}&resourceVersionMatch=NotOlderThan");
    assert_eq!(
        names(&c.get(&with_query(&c.core("secrets"), &query)).await.ok()),
        "a"
    );
    c.create(&c.core("secrets"), &json!({"metadata": {"name": "b"}}))
        .await
        .ok();
    let query = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(
        names(&c.get(&with_query(&c.core("secrets"), &query)).await.ok()),
        "a",
        "as it was then"
    );
    let reply = c
        .get(&with_query(&c.core("secrets"), "resourceVersion=x"))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .get(&with_query(
            &c.core("secrets"),
            "resourceVersionMatch=Exact",
        ))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "resourceVersionMatch"
        details.causes[0].message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        details.causes[0].reason = "FieldValueForbidden"
        details.group = "meta.k8s.io"
        details.kind = "ListOptions"
        kind = "Status"
        message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn tables(c: Context) {
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a"}, "data": {"k": "v", "l": "w"}}),
    )
    .await
    .ok();
    let reply = c
        .send(
            Method::GET,
            &with_query(&c.core("configmaps"), "fieldSelector=metadata.name=a"),
            &[("accept", accept)],
            None,
        )
        .await;
    let mut reply = reply;
    for column in reply.body["columnDefinitions"]
        .as_array_mut()
        .expect("columns")
    {
        // Prose.
        column["description"] = json!("…");
    }
    assert!(reply.body["rows"][0]["cells"][2].is_string(), "an age");
    reply.body["rows"][0]["cells"][2] = json!("AGE");
    expect![[r#"
        200
        apiVersion = "meta.k8s.io/v1"
        columnDefinitions[0].description = "…"
        columnDefinitions[0].format = "name"
        columnDefinitions[0].name = "Name"
        columnDefinitions[0].priority = 0
        columnDefinitions[0].type = "string"
        columnDefinitions[1].description = "…"
        columnDefinitions[1].format = ""
        columnDefinitions[1].name = "Data"
        columnDefinitions[1].priority = 0
        columnDefinitions[1].type = "string"
        columnDefinitions[2].description = "…"
        columnDefinitions[2].format = ""
        columnDefinitions[2].name = "Age"
        columnDefinitions[2].priority = 0
        columnDefinitions[2].type = "string"
        kind = "Table"
        metadata.resourceVersion = "RV"
        rows[0].cells[0] = "a"
        rows[0].cells[1] = 2
        rows[0].cells[2] = "AGE"
        rows[0].object.apiVersion = "meta.k8s.io/v1"
        rows[0].object.kind = "PartialObjectMetadata"
        rows[0].object.metadata.creationTimestamp = "TIME"
        rows[0].object.metadata.name = "a"
        rows[0].object.metadata.namespace = "NS"
        rows[0].object.metadata.resourceVersion = "RV"
        rows[0].object.metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    c.create(&c.core("services"), &json!({"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}], "selector": {"x": "y"}}})).await.ok();
    let columns = |table: &Value| -> String {
        let columns = table["columnDefinitions"].as_array().into_iter().flatten();
        let columns: Vec<String> = columns
            .map(|col| {
                format!(
                    "{} {} {} {}",
                    col["name"], col["type"], col["format"], col["priority"]
                )
            })
            .collect();
        let mut cells = table["rows"][0]["cells"].clone();
        let named = table["columnDefinitions"].as_array().into_iter().flatten();
        for (at, _) in named
            .enumerate()
            .filter(|(_, column)| column["name"] == "Age")
        {
            // How old it is depends on how busy the machine is.
            let age = cells[at].as_str().and_then(|age| age.strip_suffix('s'));
            assert!(age.is_some_and(|age| age.parse::<u32>().is_ok()), "{cells}");
            cells[at] = json!("AGE");
        }
        columns.join("\n") + "\n" + &cells.to_string()
    };
    let table = c
        .send(
            Method::GET,
            &c.core("services/s"),
            &[("accept", accept)],
            None,
        )
        .await
        .ok();
    expect![[r#"
        "Name" "string" "name" 0
        "Type" "string" "" 0
        "Cluster-IP" "string" "" 0
        "External-IP" "string" "" 0
        "Port(s)" "string" "" 0
        "Age" "string" "" 0
        "Selector" "string" "" 1
        ["s","ClusterIP","None","<none>","80/TCP,81/TCP","AGE","x=y"]"#]]
    .assert_eq(&columns(&table));
    c.create(&c.core("pods"), &json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false}})).await.ok();
    let table = c
        .send(Method::GET, &c.core("pods"), &[("accept", accept)], None)
        .await
        .ok();
    expect![[r#"
        "Name" "string" "name" 0
        "Ready" "string" "" 0
        "Status" "string" "" 0
        "Restarts" "string" "" 0
        "Age" "string" "" 0
        "IP" "string" "" 1
        "Node" "string" "" 1
        "Nominated Node" "string" "" 1
        "Readiness Gates" "string" "" 1
        ["p","0/1","Pending","0","AGE","<none>","<none>","<none>","<none>"]"#]]
    .assert_eq(&columns(&table));
    c.create(
        &c.core("secrets"),
        &json!({"metadata": {"name": "p"}, "data": {"a": "bA=="}}),
    )
    .await
    .ok();
    let table = c
        .send(Method::GET, &c.core("secrets"), &[("accept", accept)], None)
        .await
        .ok();
    expect![[r#"
        "Name" "string" "name" 0
        "Type" "string" "" 0
        "Data" "string" "" 0
        "Age" "string" "" 0
        ["p","Opaque",1,"AGE"]"#]]
    .assert_eq(&columns(&table));
    let table = c
        .send(
            Method::GET,
            &with_query(&c.core("secrets"), "includeObject=None"),
            &[("accept", accept)],
            None,
        )
        .await
        .ok();
    assert_eq!(table["rows"][0].get("object"), Some(&Value::Null));
}

async fn metadata_only(c: Context) {
    c.create(
        &c.core("secrets"),
        &json!({"metadata": {"name": "p"}, "data": {"a": "bA=="}}),
    )
    .await
    .ok();
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let reply = c
        .send(Method::GET, &c.core("secrets"), &[("accept", accept)], None)
        .await;
    expect![[r#"
        200
        apiVersion = "meta.k8s.io/v1"
        items[0].apiVersion = "meta.k8s.io/v1"
        items[0].kind = "PartialObjectMetadata"
        items[0].metadata.creationTimestamp = "TIME"
        items[0].metadata.name = "p"
        items[0].metadata.namespace = "NS"
        items[0].metadata.resourceVersion = "RV"
        items[0].metadata.uid = "UID"
        kind = "PartialObjectMetadataList"
        metadata.resourceVersion = "RV"
    "#]]
    .assert_eq(&c.told(&reply));
    let accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let reply = c
        .send(
            Method::GET,
            &c.core("secrets/p"),
            &[("accept", accept)],
            None,
        )
        .await;
    expect![[r#"
        200
        apiVersion = "meta.k8s.io/v1"
        kind = "PartialObjectMetadata"
        metadata.creationTimestamp = "TIME"
        metadata.name = "p"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn delete_of_a_collection(c: Context) {
    for (name, label) in [("a", "x"), ("b", "x"), ("c", "y")] {
        c.create(
            &c.core("secrets"),
            &json!({"metadata": {"name": name, "labels": {"l": label}}}),
        )
        .await
        .ok();
    }
    let reply = c
        .delete(&with_query(&c.core("secrets"), "labelSelector=l=x"))
        .await
        .ok();
    assert_eq!(
        (reply["kind"].as_str(), names(&reply).as_str()),
        (Some("SecretList"), "a b")
    );
    assert_eq!(names(&c.get(&c.core("secrets")).await.ok()), "c");
}
