//! Discovery, tables, OpenAPI, warnings, dry runs, field validation, and the texts of refusals.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::support::{definition, object, plane, raw, send};

async fn define(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions
        .create(&PostParams::default(), &object(definition()))
        .await
        .unwrap();
}

async fn get(client: &Client, path: &str, accept: &str) -> (u16, Value) {
    send(client, "GET", path, &[("accept", accept)], Vec::new()).await
}

#[tokio::test]
async fn discovery_tells_the_same_in_both_forms() {
    let (_plane, client) = plane().await;
    define(&client).await;
    let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let mut resources = 0;
    for (root, legacy_root) in [("/api", "/api/v1"), ("/apis", "/apis")] {
        let (code, groups) = get(&client, root, accept).await;
        assert_eq!(
            (code, groups["kind"].as_str()),
            (200, Some("APIGroupDiscoveryList"))
        );
        for group in groups["items"].as_array().unwrap() {
            for version in group["versions"].as_array().unwrap() {
                let name = group["metadata"]["name"].as_str();
                let version_name = version["version"].as_str().unwrap();
                let path = name.map_or_else(
                    || legacy_root.to_owned(),
                    |name| format!("/apis/{name}/{version_name}"),
                );
                let (_, list) = get(&client, &path, "application/json").await;
                for resource in version["resources"].as_array().unwrap() {
                    resources += 1;
                    let same = list["resources"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .find(|r| r["name"] == resource["resource"]);
                    let same = same.unwrap_or_else(|| panic!("{path} {resource}"));
                    assert_eq!(
                        (&same["verbs"], &same["shortNames"]),
                        (&resource["verbs"], &resource["shortNames"])
                    );
                    assert_eq!(
                        same["namespaced"] == true,
                        resource["scope"] == "Namespaced"
                    );
                }
            }
        }
    }
    assert!(resources > 45, "{resources}");
    let (_, things) = get(&client, "/apis/example.com/v1", "application/json").await;
    let names: Vec<&str> = things["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["things", "things/scale", "things/status"]);
    let (_, group) = get(&client, "/apis/example.com", "").await;
    assert_eq!(group["preferredVersion"]["version"], "v1");
}

#[tokio::test]
async fn tables_show_the_columns_of_the_definition() {
    let (_plane, client) = plane().await;
    define(&client).await;
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}});
    raw(
        &client,
        "POST",
        "/apis/example.com/v1/namespaces/default/things",
        "application/json",
        thing,
    )
    .await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let (_, table) = get(&client, "/apis/example.com/v1/things", accept).await;
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"], json!(["t", 3]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (code, status) = get(
        &client,
        "/apis/example.com/v1/things",
        "application/vnd.kubernetes.protobuf",
    )
    .await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (406, Some("NotAcceptable"))
    );
}

#[tokio::test]
async fn another_version_shows_the_same_object_and_warns() {
    let (_plane, client) = plane().await;
    define(&client).await;
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}});
    raw(
        &client,
        "POST",
        "/apis/example.com/v1/namespaces/default/things",
        "application/json",
        thing,
    )
    .await;
    let path = "/apis/example.com/v1beta1/namespaces/default/things/t";
    let (_, old) = get(&client, path, "").await;
    assert_eq!(
        (old["apiVersion"].as_str(), &old["spec"]["size"]),
        (Some("example.com/v1beta1"), &json!(3))
    );
    let request = http::Request::get(path)
        .body(kube::client::Body::empty())
        .unwrap();
    let response = client.send(request).await.unwrap();
    let warning = response.headers()["warning"].to_str().unwrap();
    assert_eq!(
        warning,
        "299 - \"example.com/v1beta1 Thing is deprecated; use example.com/v1 Thing\""
    );
}

#[tokio::test]
async fn openapi_lets_kubectl_leave_validation_to_the_server() {
    let (_plane, client) = plane().await;
    let (_, before) = get(&client, "/openapi/v3", "").await;
    define(&client).await;
    let (_, index) = get(&client, "/openapi/v3", "").await;
    assert!(before["paths"].get("apis/example.com/v1").is_none());
    let mut looked = 0;
    for (path, entry) in index["paths"].as_object().unwrap() {
        let (code, document) = get(
            &client,
            entry["serverRelativeURL"].as_str().unwrap(),
            "application/json",
        )
        .await;
        assert_eq!(code, 200, "{path}");
        for (path, item) in document["paths"].as_object().unwrap() {
            let Some(patch) = item.get("patch") else {
                continue;
            };
            looked += 1;
            let parameters = patch["parameters"].as_array().unwrap();
            assert!(
                parameters.iter().any(|p| p["name"] == "fieldValidation"),
                "{path}"
            );
            let gvk = &patch["x-kubernetes-group-version-kind"];
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let described = schemas.values().any(|schema| {
                schema["x-kubernetes-group-version-kind"]
                    .as_array()
                    .is_some_and(|all| all.contains(gvk))
            });
            assert!(described, "{gvk} has a schema");
        }
    }
    assert!(looked > 60, "{looked}");
}

#[tokio::test]
async fn unknown_and_doubled_fields_are_refused_told_or_ignored() {
    let (_plane, client) = plane().await;
    let path = "/api/v1/namespaces/default/configmaps";
    let body = br#"{"metadata": {"name": "a"}, "data": {"k": "1", "k": "2"}, "dat": {}}"#.to_vec();
    let json = [("content-type", "application/json")];
    let (code, status) = send(
        &client,
        "POST",
        &format!("{path}?fieldValidation=Strict"),
        &json,
        body.clone(),
    )
    .await;
    assert_eq!(code, 400);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("strict decoding error"), "{message}");
    let (code, _) = send(
        &client,
        "POST",
        &format!("{path}?fieldValidation=Ignore&dryRun=All"),
        &json,
        body.clone(),
    )
    .await;
    assert_eq!(code, 201);
    let (code, _) = get(&client, &format!("{path}/a"), "").await;
    assert_eq!(code, 404, "a dry run stores nothing");

    let request = http::Request::post(path).header("content-type", "application/json");
    let response = client
        .send(request.body(kube::client::Body::from(body)).unwrap())
        .await
        .unwrap();
    let warnings: Vec<&str> = response
        .headers()
        .get_all("warning")
        .iter()
        .map(|w| w.to_str().unwrap())
        .collect();
    assert_eq!(
        warnings,
        [
            "299 - \"duplicate field \\\"data.k\\\"\"",
            "299 - \"unknown field \\\"dat\\\"\""
        ]
    );
}

#[tokio::test]
async fn server_side_apply_creates_conflicts_and_takes_over() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let map = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": value}});
    let made = maps
        .patch("a", &PatchParams::apply("one"), &Patch::Apply(map("1")))
        .await
        .unwrap();
    let again = maps
        .patch("a", &PatchParams::apply("one"), &Patch::Apply(map("1")))
        .await
        .unwrap();
    assert_eq!(made, again, "applying the same is no write");
    let conflict = maps
        .patch("a", &PatchParams::apply("two"), &Patch::Apply(map("2")))
        .await
        .unwrap_err();
    let kube::Error::Api(status) = conflict else {
        panic!("{conflict}")
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Apply failed with 1 conflict: conflict with \"one\": .data.k"
    );
    let taken = maps
        .patch(
            "a",
            &PatchParams::apply("two").force(),
            &Patch::Apply(map("2")),
        )
        .await
        .unwrap();
    assert_eq!(taken.data.unwrap()["k"], "2");
}

#[tokio::test]
async fn refusals_have_the_shapes_clients_parse() {
    let (_plane, client) = plane().await;
    let path = "/api/v1/namespaces/default/configmaps";
    let create = |body: Value| raw(&client, "POST", path, "application/json", body);
    let (_, made) = create(json!({"metadata": {"name": "a"}})).await;
    let (code, twice) = create(json!({"metadata": {"name": "a"}})).await;
    assert_eq!(
        (code, twice["reason"].as_str()),
        (409, Some("AlreadyExists"))
    );
    assert_eq!(twice["message"], "configmaps \"a\" already exists");
    assert_eq!(twice["details"], json!({"name": "a", "kind": "configmaps"}));
    let (code, invalid) = create(json!({"metadata": {"name": "A"}})).await;
    assert_eq!(
        (code, invalid["details"]["causes"][0]["field"].as_str()),
        (422, Some("metadata.name"))
    );
    let (code, _) = create(json!({"kind": "Secret", "metadata": {"name": "b"}})).await;
    assert_eq!(code, 400);
    let (code, _) = create(json!({"metadata": {"name": "b", "namespace": "other"}})).await;
    assert_eq!(code, 400);

    let mut other = made.clone();
    other["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000".into();
    let (code, conflict) = raw(
        &client,
        "PUT",
        &format!("{path}/a"),
        "application/json",
        other,
    )
    .await;
    assert_eq!((code, conflict["reason"].as_str()), (409, Some("Conflict")));
    let (code, _) = raw(
        &client,
        "PUT",
        &format!("{path}/none"),
        "application/json",
        json!({"metadata": {"name": "none"}}),
    )
    .await;
    assert_eq!(code, 404);
    let (code, _) = raw(
        &client,
        "PATCH",
        &format!("{path}/a"),
        "text/plain",
        json!({}),
    )
    .await;
    assert_eq!(code, 415);
    let (code, _) = raw(
        &client,
        "POST",
        &format!("{path}/a"),
        "application/json",
        json!({}),
    )
    .await;
    assert_eq!(code, 405);
    let (code, _) = raw(
        &client,
        "GET",
        "/apis/nothing.io/v1/things",
        "",
        json!(null),
    )
    .await;
    assert_eq!(code, 404);
    let big = json!({"metadata": {"name": "big"}, "data": {"k": "x".repeat(4 << 20)}});
    let (code, _) = create(big).await;
    assert_eq!(code, 413);
}

#[tokio::test]
async fn no_body_brings_the_server_down() {
    let (_plane, client) = plane().await;
    define(&client).await;
    let bodies = [
        json!(1),
        json!("x"),
        json!([]),
        json!({}),
        json!({"metadata": 1}),
        json!({"spec": "x"}),
        json!({"metadata": {"labels": [1]}, "spec": [], "status": 3}),
        json!({"metadata": {"name": {}}, "spec": {"ports": {}}}),
    ];
    let posts = [
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/services",
        "/api/v1/nodes",
        "/api/v1/namespaces",
        "/api/v1/namespaces/default/bindings",
        "/api/v1/namespaces/default/serviceaccounts/default/token",
        "/apis/example.com/v1/namespaces/default/things",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/apis/apps/v1/namespaces/default/statefulsets",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
    ];
    let mut answers = 0;
    for path in posts {
        for body in &bodies {
            let (code, _) = raw(&client, "POST", path, "application/json", body.clone()).await;
            assert!(code < 500 || code == 501, "{path} {body}: {code}");
            answers += 1;
        }
    }
    let patches = [
        "/api/v1/namespaces/default",
        "/api/v1/namespaces/default/serviceaccounts/default",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com",
    ];
    for path in patches {
        for kind in [
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/json-patch+json",
            "application/apply-patch+yaml",
        ] {
            for body in &bodies {
                let query = "?fieldManager=x&dryRun=All";
                let (code, _) = raw(
                    &client,
                    "PATCH",
                    &format!("{path}{query}"),
                    kind,
                    body.clone(),
                )
                .await;
                assert!(code < 500, "{path} {kind} {body}: {code}");
                answers += 1;
            }
        }
    }
    assert_eq!(answers, 12 * 8 + 3 * 4 * 8);
}

#[tokio::test]
async fn whoever_writes_what_nothing_acts_on_is_told() {
    let (_plane, client) = plane().await;
    let told = async |method: &str, path: &str, content_type: &str, body: serde_json::Value| {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(kube::client::Body::from(body.to_string().into_bytes()))
            .unwrap();
        let response = client.send(request).await.unwrap();
        let warnings: Vec<String> = response
            .headers()
            .get_all("warning")
            .iter()
            .map(|warning| warning.to_str().unwrap().to_owned())
            .collect();
        (response.status().as_u16(), warnings)
    };
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}
            }
        }
    });
    let wanted = vec![
        "299 - \"apps/v1 Deployment is stored and served, but klamm's own API server makes no Pods of it; create Pods instead\""
            .to_owned(),
    ];
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let json = "application/json";
    assert_eq!(
        told("POST", deployments, json, deployment.clone()).await,
        (201, wanted.clone())
    );
    let apply = format!("{deployments}/d?fieldManager=me&force=true");
    assert_eq!(
        told("PATCH", &apply, "application/apply-patch+yaml", deployment).await,
        (200, wanted)
    );
    let policy = json!({"metadata": {"name": "p"}, "spec": {"podSelector": {}}});
    let (code, warnings) = told(
        "POST",
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        json,
        policy,
    )
    .await;
    assert_eq!((code, warnings.len()), (201, 1), "{warnings:?}");
    // What is acted on is nobody's surprise.
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(
        told("POST", "/api/v1/namespaces/default/configmaps", json, map).await,
        (201, Vec::new())
    );
}

#[tokio::test]
async fn a_binding_brings_the_labels_of_the_nodes_place_along() {
    let (_plane, client) = plane().await;
    let pods = "/api/v1/namespaces/default/pods";
    let json = [("content-type", "application/json")];
    let pod = json!({
        "metadata": {"name": "p", "labels": {"mine": "stays"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}
    });
    let (code, _) = send(&client, "POST", pods, &json, pod.to_string().into_bytes()).await;
    assert_eq!(code, 201);
    let binding = json!({
        "metadata": {
            "name": "p",
            "labels": {"topology.kubernetes.io/zone": "a", "mine": "is not replaced"}
        },
        "target": {"kind": "Node", "name": "n"}
    });
    let (code, _) = send(
        &client,
        "POST",
        &format!("{pods}/p/binding"),
        &json,
        binding.to_string().into_bytes(),
    )
    .await;
    assert_eq!(code, 201);
    let (_, bound) = get(&client, &format!("{pods}/p"), "").await;
    assert_eq!(bound["spec"]["nodeName"], "n");
    assert_eq!(
        bound["metadata"]["labels"],
        json!({"mine": "stays", "topology.kubernetes.io/zone": "a"})
    );
}
