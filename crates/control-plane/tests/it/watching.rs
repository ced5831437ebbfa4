//! Lists and watches as informers use them.

use control_plane::Settings;
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::support::{object, plane, plane_with, raw};

async fn put(client: &Client, name: &str, labels: serde_json::Value) {
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}});
    maps.patch(name, &PatchParams::apply("t").force(), &Patch::Apply(map))
        .await
        .unwrap();
}

async fn next<K: Clone + std::fmt::Debug>(
    events: &mut (impl Stream<Item = kube::Result<WatchEvent<K>>> + Unpin),
) -> (&'static str, Option<K>) {
    match events.try_next().await.unwrap().unwrap() {
        WatchEvent::Added(object) => ("added", Some(object)),
        WatchEvent::Modified(object) => ("modified", Some(object)),
        WatchEvent::Deleted(object) => ("deleted", Some(object)),
        WatchEvent::Bookmark(_) => ("bookmark", None),
        WatchEvent::Error(_) => ("error", None),
    }
}

#[tokio::test]
async fn an_object_enters_and_leaves_a_selection() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    put(&client, "a", json!({"x": "1"})).await;
    put(&client, "other", json!({})).await;
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let mut events = maps
        .watch(&WatchParams::default().labels("x=1"), &version)
        .await
        .unwrap()
        .boxed();
    put(&client, "b", json!({"x": "1"})).await;
    put(&client, "a", json!({"x": "2"})).await;
    put(&client, "other", json!({"x": "3"})).await;
    put(&client, "a", json!({"x": "1"})).await;
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let (what, object) = next(&mut events).await;
        seen.push(format!("{what} {}", object.unwrap().name_any()));
    }
    assert_eq!(seen, ["added b", "deleted a", "added a", "deleted a"]);
}

#[tokio::test]
async fn a_streaming_list_says_when_it_is_complete() {
    let (_plane, client) = plane().await;
    put(&client, "a", json!({})).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let config = watcher::Config::default()
        .streaming_lists()
        .fields("metadata.name!=kube-root-ca.crt");
    let mut events = watcher(maps, config).boxed();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last: &String| last != "complete") {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            watcher::Event::Init => "begin".to_owned(),
            watcher::Event::InitApply(map) => map.name_any(),
            watcher::Event::InitDone => "complete".to_owned(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["begin", "a", "complete"]);
    put(&client, "b", json!({})).await;
    let told = events.try_next().await.unwrap().unwrap();
    assert!(matches!(told, watcher::Event::Apply(map) if map.name_any() == "b"));
}

#[tokio::test]
async fn a_watch_goes_on_where_it_stopped_or_says_that_it_cannot() {
    let settings = Settings {
        history_bytes: 4_000,
        ..Settings::in_memory()
    };
    let (_plane, client) = plane_with(settings).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    put(&client, "a", json!({})).await;
    let version = maps.get("a").await.unwrap().resource_version().unwrap();
    put(&client, "b", json!({})).await;
    let mut events = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    let (what, map) = next(&mut events).await;
    assert_eq!((what, map.unwrap().name_any().as_str()), ("added", "b"));
    for n in 0..40 {
        put(&client, "c", json!({"n": n.to_string()})).await;
    }
    let mut late = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    match late.try_next().await.unwrap().unwrap() {
        WatchEvent::Error(status) => {
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_watch_gets_bookmarks_and_ends_in_time() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let mut events = maps
        .watch(&WatchParams::default().timeout(100), "0")
        .await
        .unwrap()
        .boxed();
    let mut seen = Vec::new();
    while let Some(event) = events.try_next().await.unwrap() {
        seen.push(match event {
            WatchEvent::Added(map) => map.name_any(),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        seen,
        [
            "kube-root-ca.crt",
            "bookmark",
            "bookmark",
            "bookmark",
            "bookmark"
        ]
    );
}

#[tokio::test]
async fn a_list_is_read_in_pages_of_one_moment() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for n in 0..10 {
        put(&client, &format!("m{n}"), json!({"page": "yes"})).await;
    }
    let params = ListParams::default().limit(4).labels("page=yes");
    let first = maps.list(&params).await.unwrap();
    maps.delete("m7", &DeleteParams::default()).await.unwrap();
    put(&client, "m99", json!({"page": "yes"})).await;
    let mut names: Vec<String> = first.items.iter().map(ResourceExt::name_any).collect();
    let mut token = first.metadata.continue_.clone().unwrap();
    while !token.is_empty() {
        let page = maps
            .list(&params.clone().continue_token(&token))
            .await
            .unwrap();
        assert_eq!(
            page.metadata.resource_version,
            first.metadata.resource_version
        );
        names.extend(page.items.iter().map(ResourceExt::name_any));
        token = page.metadata.continue_.unwrap_or_default();
    }
    assert_eq!(names, (0..10).map(|n| format!("m{n}")).collect::<Vec<_>>());
    let (code, status) = raw(
        &client,
        "GET",
        "/api/v1/configmaps?limit=1&continue=nonsense",
        "",
        json!(null),
    )
    .await;
    assert_eq!((code, status["reason"].as_str()), (400, Some("BadRequest")));
}

#[tokio::test]
async fn pods_are_selected_by_node_and_phase() {
    let (_plane, client) = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    for (name, node) in [("a", json!("n1")), ("b", json!(null))] {
        let spec = json!({"nodeName": node, "containers": [{"name": "c", "image": "i"}]});
        pods.create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": name}, "spec": spec})),
        )
        .await
        .unwrap();
    }
    let names = |params: ListParams| {
        let pods = pods.clone();
        async move {
            pods.list(&params)
                .await
                .unwrap()
                .items
                .iter()
                .map(ResourceExt::name_any)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        names(ListParams::default().fields("spec.nodeName=n1")).await,
        ["a"]
    );
    assert_eq!(
        names(ListParams::default().fields("spec.nodeName=,status.phase=Pending")).await,
        ["b"]
    );
    let all: Api<Pod> = Api::all(client);
    let unknown = all
        .list(&ListParams::default().fields("spec.dnsPolicy=x"))
        .await
        .unwrap_err();
    assert!(matches!(unknown, kube::Error::Api(status) if status.code == 400));
}

#[tokio::test]
async fn metadata_alone_can_be_watched() {
    let (_plane, client) = plane().await;
    let maps: Api<kube::api::PartialObjectMeta<ConfigMap>> =
        Api::default_namespaced(client.clone());
    let config = watcher::Config::default().labels("x");
    let mut events = watcher(maps, config).applied_objects().boxed();
    put(&client, "a", json!({"x": "1"})).await;
    let told = events.try_next().await.unwrap().unwrap();
    assert_eq!(
        (told.name_any().as_str(), told.labels()["x"].as_str()),
        ("a", "1")
    );
}
