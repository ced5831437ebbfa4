//! Who says the same again writes nothing: no new resourceVersion, whatever the kind and the way.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::support::{definition, object, plane, send};

#[expect(clippy::too_many_lines, reason = "a table")]
fn objects() -> Vec<(&'static str, Value)> {
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let selector = json!({"matchLabels": {"a": "b"}});
    vec![
        (
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": {"l": "1"}}}),
        ),
        (
            "/api/v1/nodes",
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}, "spec": {"podCIDR": "127.1.0.0/16"}}),
        ),
        (
            "/api/v1/namespaces/default/configmaps",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"k": "v"}}),
        ),
        (
            "/api/v1/namespaces/default/secrets",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"k": "dg=="}}),
        ),
        (
            "/api/v1/namespaces/default/serviceaccounts",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "labels": {"l": "1"}}}),
        ),
        (
            "/api/v1/namespaces/default/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
            "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"name": "p", "port": 9092}]}}),
        ),
        (
            "/api/v1/namespaces/default/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless"},
            "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"a": "b"}, "ports": [{"name": "p", "port": 9092}]}}),
        ),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        ),
        (
            "/api/v1/namespaces/default/pods",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1}], "resources": {"limits": {"cpu": "500m"}},
                "startupProbe": {"httpGet": {"path": "/readyz", "port": "p"}}}], "volumes": [{"name": "e", "emptyDir": {}}]}}),
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"},
            "spec": {"serviceName": "x", "selector": selector, "template": template}}),
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
            "spec": {"selector": selector, "template": template}}),
        ),
        (
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "x"}, "spec": {"minAvailable": 2, "selector": selector}}),
        ),
        (
            "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "x"}, "spec": {"podSelector": selector, "ingress": [{"ports": [{"port": 9090}], "from": [{"podSelector": {}}]}]}}),
        ),
        (
            "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "x"}, "spec": {"rules": [{"host": "h", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "x", "port": {"number": 9094}}}}]}}]}}),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "x"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "x"}, "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "default"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}}),
        ),
        (
            "/apis/storage.k8s.io/v1/storageclasses",
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "x"},
            "provisioner": "klamm.dev/local"}),
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "x"}, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}),
        ),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            definition(),
        ),
        (
            "/apis/example.com/v1/namespaces/default/things",
            json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"},
            "spec": {"colour": "red"}}),
        ),
    ]
}

async fn write(client: &Client, method: &str, path: &str, kind: &str, body: &Value) -> Value {
    let (code, answer) = send(
        client,
        method,
        path,
        &[("content-type", kind)],
        body.to_string().into_bytes(),
    )
    .await;
    assert!(code == 200 || code == 201, "{method} {path}: {answer}");
    answer
}

#[tokio::test]
async fn the_same_again_is_no_write() {
    let (_plane, client) = plane().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut other = definition();
    other["metadata"]["name"] = "others.example.org".into();
    other["spec"]["group"] = "example.org".into();
    other["spec"]["names"] = json!({"plural": "others", "kind": "Other"});
    definitions
        .create(&PostParams::default(), &object(other))
        .await
        .unwrap();
    let mut kinds = 0;
    for (path, body) in objects() {
        let name = body["metadata"]["name"].as_str().unwrap();
        let one = format!("{path}/{name}");
        let apply = format!("{one}?fieldManager=me&fieldValidation=Strict");
        write(
            &client,
            "PATCH",
            &apply,
            "application/apply-patch+yaml",
            &body,
        )
        .await;
        // Loops may have something to add to a new object.
        let settled = crate::support::eventually("the loops are done", || async {
            let before = write(&client, "GET", &one, "", &Value::Null).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let after = write(&client, "GET", &one, "", &Value::Null).await;
            (before == after).then_some(after)
        })
        .await;
        let revision = |answer: &Value| answer["metadata"]["resourceVersion"].clone();
        let applied = write(
            &client,
            "PATCH",
            &apply,
            "application/apply-patch+yaml",
            &body,
        )
        .await;
        assert_eq!(
            revision(&applied),
            revision(&settled),
            "apply {one}: {settled} became {applied}"
        );
        let merged = write(
            &client,
            "PATCH",
            &one,
            "application/merge-patch+json",
            &body,
        )
        .await;
        assert_eq!(
            revision(&merged),
            revision(&settled),
            "merge {one}: {settled} became {merged}"
        );
        let updated = write(&client, "PUT", &one, "application/json", &settled).await;
        assert_eq!(
            revision(&updated),
            revision(&settled),
            "update {one}: {settled} became {updated}"
        );
        kinds += 1;
    }
    assert_eq!(kinds, 20);
}
