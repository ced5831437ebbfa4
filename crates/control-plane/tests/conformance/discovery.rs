//! Discovery documents, versions, health, OpenAPI.

use expect_test::expect;
use http::Method;
use serde_json::{Value, json};

use crate::server::{Context, cases};

cases![discovery:
    versions_of_the_core_group,
    resources_of_the_core_group,
    resources_of_other_groups,
    aggregated,
    a_custom_group,
    version_and_health,
    openapi_of_the_core_group,
    openapi_of_a_custom_group,
];

/// Our server has fewer kinds; those it has look the same.
fn resource(list: &Value, names: &[&str]) -> String {
    let mut lines = Vec::new();
    for name in names {
        let found = list["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["name"] == *name);
        let mut one = found.cloned().unwrap_or(json!(null));
        if let Some(map) = one.as_object_mut() {
            map.remove("storageVersionHash");
        }
        lines.push(format!("{name} {one}"));
    }
    lines.join("\n")
}

async fn versions_of_the_core_group(c: Context) {
    let mut reply = c.get("/api").await;
    reply
        .body
        .as_object_mut()
        .expect("an object")
        .remove("serverAddressByClientCIDRs");
    expect![[r#"
        200
        kind = "APIVersions"
        versions[0] = "v1"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get("/apis").await.ok();
    assert_eq!(
        (&reply["kind"], &reply["apiVersion"]),
        (&json!("APIGroupList"), &json!("v1"))
    );
    let apps = reply["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|group| group["name"] == "apps")
        .expect("apps")
        .clone();
    expect![[r#"
        name = "apps"
        preferredVersion.groupVersion = "apps/v1"
        preferredVersion.version = "v1"
        versions[0].groupVersion = "apps/v1"
        versions[0].version = "v1"
    "#]]
    .assert_eq(&c.flat(&apps));
    let reply = c.get("/apis/apps").await;
    expect![[r#"
        200
        apiVersion = "v1"
        kind = "APIGroup"
        name = "apps"
        preferredVersion.groupVersion = "apps/v1"
        preferredVersion.version = "v1"
        versions[0].groupVersion = "apps/v1"
        versions[0].version = "v1"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn resources_of_the_core_group(c: Context) {
    let list = c.get("/api/v1").await.ok();
    assert_eq!(
        (&list["kind"], &list["groupVersion"]),
        (&json!("APIResourceList"), &json!("v1"))
    );
    let names = [
        "bindings",
        "configmaps",
        "events",
        "namespaces",
        "namespaces/finalize",
        "namespaces/status",
        "nodes",
        "nodes/status",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "persistentvolumes",
        "pods",
        "pods/binding",
        "pods/eviction",
        "pods/exec",
        "pods/log",
        "pods/status",
        "secrets",
        "serviceaccounts",
        "serviceaccounts/token",
        "services",
        "services/status",
    ];
    expect![[r#"
        bindings {"kind":"Binding","name":"bindings","namespaced":true,"singularName":"binding","verbs":["create"]}
        configmaps {"kind":"ConfigMap","name":"configmaps","namespaced":true,"shortNames":["cm"],"singularName":"configmap","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        events {"kind":"Event","name":"events","namespaced":true,"shortNames":["ev"],"singularName":"event","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        namespaces {"kind":"Namespace","name":"namespaces","namespaced":false,"shortNames":["ns"],"singularName":"namespace","verbs":["create","delete","get","list","patch","update","watch"]}
        namespaces/finalize {"kind":"Namespace","name":"namespaces/finalize","namespaced":false,"singularName":"","verbs":["update"]}
        namespaces/status {"kind":"Namespace","name":"namespaces/status","namespaced":false,"singularName":"","verbs":["get","patch","update"]}
        nodes {"kind":"Node","name":"nodes","namespaced":false,"shortNames":["no"],"singularName":"node","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        nodes/status {"kind":"Node","name":"nodes/status","namespaced":false,"singularName":"","verbs":["get","patch","update"]}
        persistentvolumeclaims {"kind":"PersistentVolumeClaim","name":"persistentvolumeclaims","namespaced":true,"shortNames":["pvc"],"singularName":"persistentvolumeclaim","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        persistentvolumeclaims/status {"kind":"PersistentVolumeClaim","name":"persistentvolumeclaims/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}
        persistentvolumes {"kind":"PersistentVolume","name":"persistentvolumes","namespaced":false,"shortNames":["pv"],"singularName":"persistentvolume","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        pods {"categories":["all"],"kind":"Pod","name":"pods","namespaced":true,"shortNames":["po"],"singularName":"pod","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        pods/binding {"kind":"Binding","name":"pods/binding","namespaced":true,"singularName":"","verbs":["create"]}
        pods/eviction {"group":"policy","kind":"Eviction","name":"pods/eviction","namespaced":true,"singularName":"","verbs":["create"],"version":"v1"}
        pods/exec {"kind":"PodExecOptions","name":"pods/exec","namespaced":true,"singularName":"","verbs":["create","get"]}
        pods/log {"kind":"Pod","name":"pods/log","namespaced":true,"singularName":"","verbs":["get"]}
        pods/status {"kind":"Pod","name":"pods/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}
        secrets {"kind":"Secret","name":"secrets","namespaced":true,"singularName":"secret","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        serviceaccounts {"kind":"ServiceAccount","name":"serviceaccounts","namespaced":true,"shortNames":["sa"],"singularName":"serviceaccount","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        serviceaccounts/token {"group":"authentication.k8s.io","kind":"TokenRequest","name":"serviceaccounts/token","namespaced":true,"singularName":"","verbs":["create"],"version":"v1"}
        services {"categories":["all"],"kind":"Service","name":"services","namespaced":true,"shortNames":["svc"],"singularName":"service","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        services/status {"kind":"Service","name":"services/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}"#]].assert_eq(&resource(&list, &names));
}

async fn resources_of_other_groups(c: Context) {
    let mut got = Vec::new();
    for (group, names) in [
        (
            "apps/v1",
            vec![
                "deployments",
                "deployments/scale",
                "deployments/status",
                "statefulsets",
            ],
        ),
        (
            "policy/v1",
            vec!["poddisruptionbudgets", "poddisruptionbudgets/status"],
        ),
        ("coordination.k8s.io/v1", vec!["leases"]),
        ("networking.k8s.io/v1", vec!["networkpolicies", "ingresses"]),
        (
            "rbac.authorization.k8s.io/v1",
            vec![
                "roles",
                "rolebindings",
                "clusterroles",
                "clusterrolebindings",
            ],
        ),
        ("storage.k8s.io/v1", vec!["storageclasses"]),
        (
            "apiextensions.k8s.io/v1",
            vec![
                "customresourcedefinitions",
                "customresourcedefinitions/status",
            ],
        ),
        ("events.k8s.io/v1", vec!["events"]),
        ("authorization.k8s.io/v1", vec!["selfsubjectaccessreviews"]),
    ] {
        let list = c.get(&format!("/apis/{group}")).await.ok();
        got.push(format!("{group}\n{}", resource(&list, &names)));
    }
    expect![[r#"
        apps/v1
        deployments {"categories":["all"],"kind":"Deployment","name":"deployments","namespaced":true,"shortNames":["deploy"],"singularName":"deployment","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        deployments/scale {"group":"autoscaling","kind":"Scale","name":"deployments/scale","namespaced":true,"singularName":"","verbs":["get","patch","update"],"version":"v1"}
        deployments/status {"kind":"Deployment","name":"deployments/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}
        statefulsets {"categories":["all"],"kind":"StatefulSet","name":"statefulsets","namespaced":true,"shortNames":["sts"],"singularName":"statefulset","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        policy/v1
        poddisruptionbudgets {"kind":"PodDisruptionBudget","name":"poddisruptionbudgets","namespaced":true,"shortNames":["pdb"],"singularName":"poddisruptionbudget","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        poddisruptionbudgets/status {"kind":"PodDisruptionBudget","name":"poddisruptionbudgets/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}
        coordination.k8s.io/v1
        leases {"kind":"Lease","name":"leases","namespaced":true,"singularName":"lease","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        networking.k8s.io/v1
        networkpolicies {"kind":"NetworkPolicy","name":"networkpolicies","namespaced":true,"shortNames":["netpol"],"singularName":"networkpolicy","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        ingresses {"kind":"Ingress","name":"ingresses","namespaced":true,"shortNames":["ing"],"singularName":"ingress","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        rbac.authorization.k8s.io/v1
        roles {"kind":"Role","name":"roles","namespaced":true,"singularName":"role","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        rolebindings {"kind":"RoleBinding","name":"rolebindings","namespaced":true,"singularName":"rolebinding","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        clusterroles {"kind":"ClusterRole","name":"clusterroles","namespaced":false,"singularName":"clusterrole","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        clusterrolebindings {"kind":"ClusterRoleBinding","name":"clusterrolebindings","namespaced":false,"singularName":"clusterrolebinding","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        storage.k8s.io/v1
        storageclasses {"kind":"StorageClass","name":"storageclasses","namespaced":false,"shortNames":["sc"],"singularName":"storageclass","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        apiextensions.k8s.io/v1
        customresourcedefinitions {"categories":["api-extensions"],"kind":"CustomResourceDefinition","name":"customresourcedefinitions","namespaced":false,"shortNames":["crd","crds"],"singularName":"customresourcedefinition","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        customresourcedefinitions/status {"kind":"CustomResourceDefinition","name":"customresourcedefinitions/status","namespaced":false,"singularName":"","verbs":["get","patch","update"]}
        events.k8s.io/v1
        events {"kind":"Event","name":"events","namespaced":true,"shortNames":["ev"],"singularName":"event","verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}
        authorization.k8s.io/v1
        selfsubjectaccessreviews {"kind":"SelfSubjectAccessReview","name":"selfsubjectaccessreviews","namespaced":false,"singularName":"selfsubjectaccessreview","verbs":["create"]}"#]].assert_eq(&got.join("\n"));
}

async fn aggregated(c: Context) {
    let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let reply = c
        .send(Method::GET, "/api", &[("accept", accept)], None)
        .await;
    assert_eq!(
        reply.content_type,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let list = reply.ok();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (
            &json!("APIGroupDiscoveryList"),
            &json!("apidiscovery.k8s.io/v2")
        )
    );
    let resources = list["items"][0]["versions"][0]["resources"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let pods = resources
        .iter()
        .find(|one| one["resource"] == "pods")
        .cloned()
        .expect("pods");
    let mut status = pods.clone();
    let subresources: Vec<Value> = pods["subresources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["subresource"] == "status")
        .cloned()
        .collect();
    status["subresources"] = json!(subresources);
    expect![[r#"
        categories[0] = "all"
        resource = "pods"
        responseKind.group = ""
        responseKind.kind = "Pod"
        responseKind.version = ""
        scope = "Namespaced"
        shortNames[0] = "po"
        singularResource = "pod"
        subresources[0].responseKind.group = ""
        subresources[0].responseKind.kind = "Pod"
        subresources[0].responseKind.version = ""
        subresources[0].subresource = "status"
        subresources[0].verbs[0] = "get"
        subresources[0].verbs[1] = "patch"
        subresources[0].verbs[2] = "update"
        verbs[0] = "create"
        verbs[1] = "delete"
        verbs[2] = "deletecollection"
        verbs[3] = "get"
        verbs[4] = "list"
        verbs[5] = "patch"
        verbs[6] = "update"
        verbs[7] = "watch"
    "#]]
    .assert_eq(&c.flat(&status));
    let list = c
        .send(Method::GET, "/apis", &[("accept", accept)], None)
        .await
        .ok();
    let apps = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["metadata"]["name"] == "apps")
        .cloned()
        .expect("apps");
    let deployments = apps["versions"][0]["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["resource"] == "deployments")
        .cloned()
        .expect("deployments");
    expect![[r#"
        categories[0] = "all"
        resource = "deployments"
        responseKind.group = ""
        responseKind.kind = "Deployment"
        responseKind.version = ""
        scope = "Namespaced"
        shortNames[0] = "deploy"
        singularResource = "deployment"
        subresources[0].responseKind.group = "autoscaling"
        subresources[0].responseKind.kind = "Scale"
        subresources[0].responseKind.version = "v1"
        subresources[0].subresource = "scale"
        subresources[0].verbs[0] = "get"
        subresources[0].verbs[1] = "patch"
        subresources[0].verbs[2] = "update"
        subresources[1].responseKind.group = ""
        subresources[1].responseKind.kind = "Deployment"
        subresources[1].responseKind.version = ""
        subresources[1].subresource = "status"
        subresources[1].verbs[0] = "get"
        subresources[1].verbs[1] = "patch"
        subresources[1].verbs[2] = "update"
        verbs[0] = "create"
        verbs[1] = "delete"
        verbs[2] = "deletecollection"
        verbs[3] = "get"
        verbs[4] = "list"
        verbs[5] = "patch"
        verbs[6] = "update"
        verbs[7] = "watch"
    "#]]
    .assert_eq(&c.flat(&deployments));
    assert_eq!(
        (
            &apps["versions"][0]["version"],
            &apps["versions"][0]["freshness"]
        ),
        (&json!("v1"), &json!("Current"))
    );
}

async fn custom_kind(c: &Context) -> String {
    let group = format!("{}.example.com", c.unique());
    let body = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("gadgets.{group}")}, "spec": {
        "group": group, "scope": "Namespaced", "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "shortNames": ["gd"], "categories": ["mine"]},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}},
            "schema": {"openAPIV3Schema": {"type": "object", "description": "A gadget.", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer", "description": "How many."}}}}}}}]}});
    c.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &body,
    )
    .await
    .ok();
    c.eventually(&format!("/apis/{group}/v1"), |reply| {
        reply.code == 200 && !reply.body["resources"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    group
}

async fn a_custom_group(c: Context) {
    let group = custom_kind(&c).await;
    let list = c.get(&format!("/apis/{group}/v1")).await.ok();
    expect![[r#"
        gadgets {"categories":["mine"],"kind":"Gadget","name":"gadgets","namespaced":true,"shortNames":["gd"],"singularName":"gadget","verbs":["delete","deletecollection","get","list","patch","create","update","watch"]}
        gadgets/status {"kind":"Gadget","name":"gadgets/status","namespaced":true,"singularName":"","verbs":["get","patch","update"]}
        gadgets/scale {"group":"autoscaling","kind":"Scale","name":"gadgets/scale","namespaced":true,"singularName":"","verbs":["get","patch","update"],"version":"v1"}"#]].assert_eq(
        &resource(&list, &["gadgets", "gadgets/status", "gadgets/scale"]).replace(&c.ns, "NS"),
    );
    let reply = c.get(&format!("/apis/{group}")).await;
    expect![[r#"
        200
        apiVersion = "v1"
        kind = "APIGroup"
        name = "NS.example.com"
        preferredVersion.groupVersion = "NS.example.com/v1"
        preferredVersion.version = "v1"
        versions[0].groupVersion = "NS.example.com/v1"
        versions[0].version = "v1"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn version_and_health(c: Context) {
    let reply = c.get("/version").await.ok();
    assert_eq!(reply["major"], "1");
    assert!(
        reply["gitVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("v1."))
    );
    for path in ["/readyz", "/livez", "/healthz"] {
        let reply = c.send(Method::GET, path, &[("accept", "*/*")], None).await;
        assert_eq!((reply.code, &reply.body), (200, &json!("ok")), "{path}");
    }
}

async fn openapi_of_the_core_group(c: Context) {
    let index = c.get("/openapi/v3").await.ok();
    let url = index["paths"]["api/v1"]["serverRelativeURL"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let document = c.get(&url).await.ok();
    let container = &document["components"]["schemas"]["io.k8s.api.core.v1.Container"];
    let field = |name: &str| {
        let mut field = container["properties"][name].clone();
        let map = field.as_object_mut().expect("a field");
        map.retain(|key, _| key.starts_with("x-kubernetes") || key == "type");
        field
    };
    let got: Vec<String> = ["ports", "env", "volumeMounts", "args"]
        .iter()
        .map(|name| format!("{name} {}", field(name)))
        .collect();
    expect![[r#"
        ports {"type":"array","x-kubernetes-list-map-keys":["containerPort","protocol"],"x-kubernetes-list-type":"map","x-kubernetes-patch-merge-key":"containerPort","x-kubernetes-patch-strategy":"merge"}
        env {"type":"array","x-kubernetes-list-map-keys":["name"],"x-kubernetes-list-type":"map","x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}
        volumeMounts {"type":"array","x-kubernetes-list-map-keys":["mountPath"],"x-kubernetes-list-type":"map","x-kubernetes-patch-merge-key":"mountPath","x-kubernetes-patch-strategy":"merge"}
        args {"type":"array","x-kubernetes-list-type":"atomic"}"#]].assert_eq(&got.join("\n"));
    let pod = &document["components"]["schemas"]["io.k8s.api.core.v1.Pod"];
    expect![[r#"
        [0].group = ""
        [0].kind = "Pod"
        [0].version = "v1"
    "#]]
    .assert_eq(&c.flat(&pod["x-kubernetes-group-version-kind"]));
    assert!(
        document["paths"]
            .as_object()
            .is_some_and(|paths| paths.contains_key("/api/v1/namespaces/{namespace}/pods/{name}"))
    );
}

async fn openapi_of_a_custom_group(c: Context) {
    let group = custom_kind(&c).await;
    let key = format!("apis/{group}/v1");
    let index = c
        .eventually("/openapi/v3", |reply| reply.body["paths"][&key].is_object())
        .await
        .ok();
    let url = index["paths"][&key]["serverRelativeURL"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let document = c.get(&url).await.ok();
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let gadget = schemas
        .values()
        .find(|one| one["x-kubernetes-group-version-kind"][0]["kind"] == "Gadget")
        .expect("the kind")
        .clone();
    assert_eq!(gadget["description"], "A gadget.");
    assert_eq!(
        gadget["properties"]["spec"]["properties"]["n"]["description"],
        "How many."
    );
    expect![[r#"
        [0].group = "NS.example.com"
        [0].kind = "Gadget"
        [0].version = "v1"
    "#]]
    .assert_eq(&c.flat(&gadget["x-kubernetes-group-version-kind"]));
}
