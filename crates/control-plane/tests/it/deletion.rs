//! Deletion: finalizers, graceful Pods, owners and dependents, namespaces, definitions.

use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, Pod, ServiceAccount,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
    PropagationPolicy,
};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::support::{definition, eventually, object, plane};

async fn map(client: &Client, name: &str, metadata: Value) -> ConfigMap {
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let mut all = json!({"name": name});
    for (key, value) in metadata.as_object().unwrap() {
        all[key] = value.clone();
    }
    maps.create(&PostParams::default(), &object(json!({"metadata": all})))
        .await
        .unwrap()
}

fn owned_by(owner: &ConfigMap, block: bool) -> Value {
    json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": owner.name_any(), "uid": owner.uid().unwrap(),
            "blockOwnerDeletion": block}])
}

async fn gone(maps: &Api<ConfigMap>, name: &str) {
    eventually(&format!("{name} goes"), || async {
        maps.get_opt(name).await.unwrap().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_taken_off() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    map(&client, "a", json!({"finalizers": ["example.com/hold"]})).await;
    let marked = maps
        .delete("a", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    let again = maps
        .delete("a", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(
        again.resource_version(),
        marked.resource_version(),
        "deleting twice changes nothing"
    );
    let add =
        Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}));
    assert!(
        maps.patch("a", &PatchParams::default(), &add)
            .await
            .is_err()
    );
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("a", &PatchParams::default(), &release)
        .await
        .unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn preconditions_protect_the_successor() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let first = map(&client, "a", json!({})).await;
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    map(&client, "a", json!({})).await;
    let preconditions = Preconditions {
        uid: first.uid(),
        resource_version: None,
    };
    let refused = maps
        .delete("a", &DeleteParams::default().preconditions(preconditions))
        .await
        .unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 409));
    assert!(maps.get_opt("a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_pod_on_a_node_waits_for_its_node() {
    let (_plane, client) = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let spec = json!({"nodeName": "n", "terminationGracePeriodSeconds": 7, "containers": [{"name": "c", "image": "i"}]});
    pods.create(
        &PostParams::default(),
        &object(json!({"metadata": {"name": "p"}, "spec": spec})),
    )
    .await
    .unwrap();
    let marked = pods
        .delete("p", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(7));
    assert!(pods.get_opt("p").await.unwrap().is_some());
    let shorter = pods
        .delete("p", &DeleteParams::default().grace_period(2))
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(shorter.metadata.deletion_grace_period_seconds, Some(2));
    pods.delete("p", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    assert!(pods.get_opt("p").await.unwrap().is_none());

    let unbound =
        json!({"metadata": {"name": "q"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    pods.create(&PostParams::default(), &object(unbound))
        .await
        .unwrap();
    pods.delete("q", &DeleteParams::default()).await.unwrap();
    assert!(
        pods.get_opt("q").await.unwrap().is_none(),
        "nobody has to stop what runs nowhere"
    );
}

#[tokio::test]
async fn dependents_follow_their_last_owner() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let owner = map(&client, "owner", json!({})).await;
    let second = map(&client, "second", json!({})).await;
    let child = map(
        &client,
        "child",
        json!({"ownerReferences": owned_by(&owner, true)}),
    )
    .await;
    map(
        &client,
        "grandchild",
        json!({"ownerReferences": owned_by(&child, true)}),
    )
    .await;
    let mut both = owned_by(&owner, false);
    both.as_array_mut()
        .unwrap()
        .extend(owned_by(&second, false).as_array().unwrap().clone());
    map(&client, "shared", json!({"ownerReferences": both})).await;
    let foreign =
        json!([{"apiVersion": "unknown.io/v1", "kind": "Thing", "name": "x", "uid": "1"}]);
    map(&client, "foreign", json!({"ownerReferences": foreign})).await;

    maps.delete("owner", &DeleteParams::default())
        .await
        .unwrap();
    gone(&maps, "child").await;
    gone(&maps, "grandchild").await;
    let shared = eventually("the lost owner is taken off", || async {
        maps.get_opt("shared")
            .await
            .unwrap()
            .filter(|map| map.owner_references().len() == 1)
    })
    .await;
    assert_eq!(shared.owner_references()[0].name, "second");
    assert!(
        maps.get_opt("foreign").await.unwrap().is_some(),
        "an owner of an unknown kind counts as there"
    );

    let late = json!({"ownerReferences": owned_by(&owner, false)});
    map(&client, "late", late).await;
    gone(&maps, "late").await;
}

#[tokio::test]
async fn foreground_waits_for_dependents_and_orphan_keeps_them() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let owner = map(&client, "owner", json!({})).await;
    let held =
        json!({"ownerReferences": owned_by(&owner, true), "finalizers": ["example.com/hold"]});
    map(&client, "child", held).await;
    let policy = |policy| DeleteParams {
        propagation_policy: Some(policy),
        ..DeleteParams::default()
    };
    maps.delete("owner", &policy(PropagationPolicy::Foreground))
        .await
        .unwrap();
    eventually("the child is marked", || async {
        maps.get("child").await.unwrap().metadata.deletion_timestamp
    })
    .await;
    assert_eq!(
        maps.get("owner").await.unwrap().finalizers(),
        ["foregroundDeletion"]
    );
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("child", &PatchParams::default(), &release)
        .await
        .unwrap();
    gone(&maps, "owner").await;

    let owner = map(&client, "owner", json!({})).await;
    map(
        &client,
        "child",
        json!({"ownerReferences": owned_by(&owner, true)}),
    )
    .await;
    maps.delete("owner", &policy(PropagationPolicy::Orphan))
        .await
        .unwrap();
    gone(&maps, "owner").await;
    assert!(
        maps.get("child")
            .await
            .unwrap()
            .owner_references()
            .is_empty()
    );
}

#[tokio::test]
async fn a_namespace_takes_everything_with_it() {
    let (_plane, client) = plane().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "x"}})),
        )
        .await
        .unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "x");
    eventually("the default account", || async {
        accounts.get_opt("default").await.unwrap()
    })
    .await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "x");
    let held = json!({"metadata": {"name": "a", "finalizers": ["example.com/hold"]}});
    maps.create(&PostParams::default(), &object(held))
        .await
        .unwrap();

    namespaces
        .delete("x", &DeleteParams::default())
        .await
        .unwrap();
    let going = namespaces.get("x").await.unwrap();
    assert_eq!(going.status.unwrap().phase.as_deref(), Some("Terminating"));
    let refused = maps
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "b"}})),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(refused, kube::Error::Api(status) if status.code == 403 && status.reason == "Forbidden")
    );
    eventually("the content is marked", || async {
        maps.get("a").await.unwrap().metadata.deletion_timestamp
    })
    .await;
    maps.patch(
        "a",
        &PatchParams::default(),
        &Patch::Merge(json!({"metadata": {"finalizers": null}})),
    )
    .await
    .unwrap();
    eventually("the namespace goes", || async {
        namespaces
            .get_opt("x")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
    assert!(
        maps.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_definition_takes_its_objects_with_it_and_may_come_back() {
    let (_plane, client) = plane().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions
        .create(&PostParams::default(), &object(definition()))
        .await
        .unwrap();
    let gvk = kube::core::GroupVersionKind::gvk("example.com", "v1", "Thing");
    let (resource, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let things: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}});
    let thing = things
        .create(&PostParams::default(), &object(thing))
        .await
        .unwrap();
    let owner = |uid: &str| json!([{"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": uid}]);
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let owned = json!({"ownerReferences": owner(&thing.uid().unwrap())});
    map(&client, "child", owned).await;
    definitions
        .delete("things.example.com", &DeleteParams::default())
        .await
        .unwrap();
    let look = || async {
        definitions
            .get_opt("things.example.com")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    };
    eventually("the definition goes", look).await;
    gone(&maps, "child").await;
    // As one whose owner went while nobody looked.
    let left = json!({"ownerReferences": owner("another")});
    map(&client, "left", left).await;
    let missing = things.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(missing, kube::Error::Api(status) if status.code == 404));
    definitions
        .create(&PostParams::default(), &object(definition()))
        .await
        .unwrap();
    assert!(
        things
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    gone(&maps, "left").await;
}

#[tokio::test]
async fn a_claim_in_use_stays_until_its_pod_is_gone() {
    let (_plane, client) = plane().await;
    let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let claim = claims
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "c"}, "spec": spec})),
        )
        .await;
    assert_eq!(
        claim.unwrap().status.unwrap().phase.as_deref(),
        Some("Pending")
    );
    let spec = json!({"containers": [{"name": "c", "image": "i"}],
                      "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]});
    pods.create(
        &PostParams::default(),
        &object(json!({"metadata": {"name": "p"}, "spec": spec})),
    )
    .await
    .unwrap();
    claims.delete("c", &DeleteParams::default()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(
        claims
            .get("c")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    pods.delete("p", &DeleteParams::default()).await.unwrap();
    eventually("the claim goes", || async {
        claims.get_opt("c").await.unwrap().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let (_plane, client) = plane().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    map(&client, "a", json!({"labels": {"x": "1"}})).await;
    map(&client, "b", json!({})).await;
    maps.delete_collection(
        &DeleteParams::default(),
        &ListParams::default().labels("x=1"),
    )
    .await
    .unwrap();
    assert!(
        maps.get_opt("a").await.unwrap().is_none() && maps.get_opt("b").await.unwrap().is_some()
    );
}
