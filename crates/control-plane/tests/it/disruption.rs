//! Evictions and disruption budgets, and the scale of custom resources.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, EvictParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::support::{definition, eventually, object, plane};

async fn ready_pod(client: &Client, name: &str) {
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod = json!({"metadata": {"name": name, "labels": {"app": "x"}},
                     "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    pods.create(&PostParams::default(), &object(pod))
        .await
        .unwrap();
    let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

async fn allowed(client: &Client, wanted: i32) -> PodDisruptionBudget {
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(client.clone());
    eventually(&format!("{wanted} disruptions are allowed"), || async {
        let budget = budgets.get("b").await.unwrap();
        let status = budget.status.clone().unwrap_or_default();
        (status.disruptions_allowed == Some(wanted)
            && status.observed_generation == budget.metadata.generation)
            .then_some(budget)
    })
    .await
}

#[tokio::test]
async fn a_budget_lets_as_many_go_as_it_says() {
    let (_plane, client) = plane().await;
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    for name in ["a", "b", "c"] {
        ready_pod(&client, name).await;
    }
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "x"}}}});
    budgets
        .create(&PostParams::default(), &object(budget))
        .await
        .unwrap();
    let budget = allowed(&client, 1).await;
    let status = budget.status.unwrap();
    assert_eq!(
        (
            status.current_healthy,
            status.desired_healthy,
            status.expected_pods
        ),
        (Some(3), Some(2), Some(3))
    );

    pods.evict("a", &EvictParams::default()).await.unwrap();
    assert!(
        pods.get("a")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    let refused = pods.evict("b", &EvictParams::default()).await.unwrap_err();
    let kube::Error::Api(status) = refused else {
        panic!("{refused}")
    };
    assert_eq!(
        (status.code, status.reason.as_str()),
        (429, "TooManyRequests")
    );
    assert_eq!(status.details.unwrap().causes[0].reason, "DisruptionBudget");
    assert!(
        pods.get("b")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_none()
    );
    allowed(&client, 0).await;

    ready_pod(&client, "d").await;
    allowed(&client, 1).await;
    let wider = json!({"spec": {"minAvailable": 1}});
    budgets
        .patch("b", &PatchParams::default(), &Patch::Merge(wider))
        .await
        .unwrap();
    allowed(&client, 2).await;
}

#[tokio::test]
async fn a_share_is_of_what_the_owner_wants() {
    let (_plane, client) = plane().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions
        .create(&PostParams::default(), &object(definition()))
        .await
        .unwrap();
    let gvk = kube::core::GroupVersionKind::gvk("example.com", "v1", "Thing");
    let (resource, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    let things: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 3}});
    let thing = things
        .create(&PostParams::default(), &object(thing))
        .await
        .unwrap();

    let scale = things.get_scale("t").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(3));
    let scaled = things
        .patch_scale(
            "t",
            &PatchParams::default(),
            &Patch::Merge(json!({"spec": {"replicas": 4}})),
        )
        .await;
    assert_eq!(scaled.unwrap().spec.unwrap().replicas, Some(4));
    let scaled = things.get("t").await.unwrap();
    assert_eq!(
        (&scaled.data["spec"]["size"], scaled.metadata.generation),
        (&json!(4), Some(2))
    );

    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let owner = json!([{"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": thing.uid().unwrap(), "controller": true}]);
    for name in ["a", "b", "c", "d"] {
        ready_pod(&client, name).await;
        let owned = json!({"metadata": {"ownerReferences": owner}});
        pods.patch(name, &PatchParams::default(), &Patch::Merge(owned))
            .await
            .unwrap();
    }
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(client.clone());
    let budget = json!({"metadata": {"name": "b"}, "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": {"app": "x"}}}});
    budgets
        .create(&PostParams::default(), &object(budget))
        .await
        .unwrap();
    let status = allowed(&client, 2).await.status.unwrap();
    assert_eq!(
        (status.desired_healthy, status.expected_pods),
        (Some(2), Some(4))
    );
}
