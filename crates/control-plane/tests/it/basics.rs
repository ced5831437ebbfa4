//! Objects come, change and go; watchers hear of it.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use serde_json::json;

use crate::support::{definition, object, plane};

#[tokio::test]
async fn a_config_map_is_created_read_changed_and_deleted() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let made = maps
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "a"}, "data": {"k": "v"}})),
        )
        .await
        .unwrap();
    assert_eq!(made.namespace().as_deref(), Some("default"));
    assert!(
        made.uid().is_some()
            && made.creation_timestamp().is_some()
            && made.resource_version().is_some()
    );
    let read = maps.get("a").await.unwrap();
    assert_eq!(read, made);
    let patched = maps
        .patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({"data": {"k": "w"}})),
        )
        .await
        .unwrap();
    assert_ne!(patched.resource_version(), made.resource_version());
    let same = maps
        .patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({"data": {"k": "w"}})),
        )
        .await
        .unwrap();
    assert_eq!(
        same.resource_version(),
        patched.resource_version(),
        "a write that changes nothing is not stored"
    );
    let stale = maps
        .replace("a", &PostParams::default(), &made)
        .await
        .unwrap_err();
    assert!(
        matches!(stale, kube::Error::Api(status) if status.code == 409 && status.reason == "Conflict")
    );
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let gone = maps.get("a").await.unwrap_err();
    assert!(
        matches!(gone, kube::Error::Api(status) if status.code == 404 && status.message == "configmaps \"a\" not found")
    );
}

#[tokio::test]
async fn a_watcher_hears_of_every_change_in_order() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let mut events = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    maps.create(
        &PostParams::default(),
        &object(json!({"metadata": {"name": "a"}})),
    )
    .await
    .unwrap();
    maps.patch(
        "a",
        &PatchParams::default(),
        &Patch::Merge(json!({"data": {"k": "w"}})),
    )
    .await
    .unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => seen.push("added"),
            WatchEvent::Modified(_) => seen.push("modified"),
            WatchEvent::Deleted(_) => seen.push("deleted"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["added", "modified", "deleted"]);
}

#[tokio::test]
async fn a_definition_is_served_at_once() {
    let (_plane, client) = plane().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("test");
    let made = definitions
        .patch("things.example.com", &params, &Patch::Apply(definition()))
        .await
        .unwrap();
    let conditions = made.status.unwrap().conditions.unwrap();
    assert!(
        conditions
            .iter()
            .any(|c| c.type_ == "Established" && c.status == "True")
    );

    let gvk = kube::core::GroupVersionKind::gvk("example.com", "v1", "Thing");
    let (resource, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let things: Api<kube::core::DynamicObject> = Api::default_namespaced_with(client, &resource);
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}});
    let made = things
        .create(&PostParams::default(), &object(thing))
        .await
        .unwrap();
    assert_eq!(made.data["spec"]["size"], 3);
    assert_eq!(made.metadata.generation, Some(1));
    let status = things
        .patch_status(
            "t",
            &PatchParams::default(),
            &Patch::Merge(json!({"status": {"x": 1}, "spec": {"size": 9}})),
        )
        .await
        .unwrap();
    assert_eq!(
        (&status.data["status"]["x"], &status.data["spec"]["size"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(status.metadata.generation, Some(1));
    let bad = things
        .patch(
            "t",
            &PatchParams::default(),
            &Patch::Merge(json!({"spec": {"size": 0}})),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(bad, kube::Error::Api(status) if status.code == 422 && status.reason == "Invalid")
    );
}

#[tokio::test]
async fn pods_services_and_secrets_get_their_defaults() {
    let (_plane, client) = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    let pod = pods
        .create(&PostParams::default(), &object(pod))
        .await
        .unwrap();
    let spec = pod.spec.unwrap();
    assert_eq!(spec.restart_policy.as_deref(), Some("Always"));
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Pending"));

    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service = json!({"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}});
    let service = services
        .create(&PostParams::default(), &object(service))
        .await
        .unwrap();
    assert!(
        service
            .spec
            .unwrap()
            .cluster_ip
            .unwrap()
            .starts_with("127.96.")
    );

    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let secret = secrets
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "x"}, "stringData": {"k": "v"}})),
        )
        .await
        .unwrap();
    assert_eq!(secret.data.unwrap()["k"].0, b"v");

    let absent: Api<Secret> = Api::namespaced(client.clone(), "nowhere");
    let refused = absent
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "x"}})),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(refused, kube::Error::Api(status) if status.message == "namespaces \"nowhere\" not found")
    );
    let namespaces: Api<Namespace> = Api::all(client);
    assert_eq!(
        namespaces
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        4
    );
}
