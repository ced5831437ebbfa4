//! Volumes that outlive Pods, files that follow their Secrets.

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::rig::{Rig, content, eventually};

fn claim(name: &str, class: &Value) -> Value {
    let mut spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    if !class.is_null() {
        spec["storageClassName"] = class.clone();
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

async fn use_claim(rig: &Rig, pod: &str, claim: &str) -> Pod {
    let container = json!({
        "command": ["sh", "-c", "echo $HOSTNAME >> $KLAMM_ROOT/var/lib/data/users; exec sleep 1000"],
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/data"}]
    });
    let spec = json!({"terminationGracePeriodSeconds": 1, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]});
    rig.pod(pod, spec, container).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claims_volume_outlives_pods_and_goes_with_the_claim() {
    let rig = Rig::start().await;
    use_claim(&rig, "first", "disk").await;
    rig.event("first", "persistentvolumeclaim \"disk\" not found")
        .await;
    let _: PersistentVolumeClaim = rig.create(claim("disk", &Value::Null)).await;
    let first = rig.ready("first").await;
    content(&rig.container_dir(&first).join("root/var/lib/data/users")).await;
    rig.delete("first").await;
    let second = use_claim(&rig, "second", "disk").await;
    rig.ready("second").await;
    let users = rig.container_dir(&second).join("root/var/lib/data/users");
    content(&users).await;
    let users = users.canonicalize().unwrap();
    assert!(users.starts_with(rig.home.path().canonicalize().unwrap().join("volumes/test")));
    eventually("both wrote", async || {
        (content(&users).await == "first\nsecond\n").then_some(())
    })
    .await;

    let claims = rig.api::<PersistentVolumeClaim>();
    let bound = claims.get("disk").await.unwrap();
    assert_eq!(
        bound.spec.as_ref().unwrap().storage_class_name.as_deref(),
        Some("klamm-local")
    );
    assert_eq!(
        bound.status.as_ref().unwrap().phase.as_deref(),
        Some("Bound")
    );
    let bigger = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    claims
        .patch("disk", &PatchParams::default(), &Patch::Merge(bigger))
        .await
        .unwrap();
    eventually("more room", async || {
        let capacity = claims.get("disk").await.unwrap().status?.capacity?;
        (capacity["storage"].0 == "2Gi").then_some(())
    })
    .await;

    claims
        .delete("disk", &DeleteParams::default())
        .await
        .unwrap();
    rig.delete("second").await;
    eventually("the directory goes", async || {
        (!users.exists()).then_some(())
    })
    .await;
    let volumes = Api::<PersistentVolume>::all(rig.client.clone());
    eventually("the volume goes", async || {
        volumes
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_volume_stays() {
    let rig = Rig::start().await;
    let volumes = Api::<PersistentVolume>::all(rig.client.clone());
    let _: PersistentVolumeClaim = rig.create(claim("disk", &json!("klamm-local"))).await;
    let pod = use_claim(&rig, "a", "disk").await;
    rig.ready("a").await;
    let users = rig.container_dir(&pod).join("root/var/lib/data/users");
    content(&users).await;
    let users = users.canonicalize().unwrap();
    let volume = rig
        .api::<PersistentVolumeClaim>()
        .get("disk")
        .await
        .unwrap()
        .spec
        .unwrap()
        .volume_name
        .unwrap();
    let retain = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    volumes
        .patch(&volume, &PatchParams::default(), &Patch::Merge(retain))
        .await
        .unwrap();
    rig.delete("a").await;
    rig.api::<PersistentVolumeClaim>()
        .delete("disk", &DeleteParams::default())
        .await
        .unwrap();
    eventually("it is released", async || {
        let status = volumes.get(&volume).await.unwrap().status?;
        (status.phase.as_deref() == Some("Released")).then_some(())
    })
    .await;
    assert!(users.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_of_another_place_is_refused_or_adopted() {
    for adopt in [false, true] {
        let rig = Rig::start_with(|settings| settings.adopt_unknown_storage_classes = adopt).await;
        let _: PersistentVolumeClaim = rig.create(claim("disk", &json!("gp3"))).await;
        let said = if adopt {
            "StorageClassAdopted"
        } else {
            "ProvisioningFailed: storageclass.storage.k8s.io \"gp3\" not found"
        };
        rig.event("disk", said).await;
        if adopt {
            use_claim(&rig, "a", "disk").await;
            rig.ready("a").await;
        }
        let classes = Api::<StorageClass>::all(rig.client.clone());
        let class = classes.get("klamm-local").await.unwrap();
        assert_eq!(
            class.annotations()["storageclass.kubernetes.io/is-default-class"],
            "true"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_follow_their_objects() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::start().await;
    let script = "cat $KLAMM_ROOT/etc/all/server.config; exec sleep 1000";
    let volume = json!([{"name": "all", "projected": {"sources": [
        {"configMap": {"name": "settings", "items": [{"key": "server.config", "path": "server.config"}]}},
        {"secret": {"name": "certs"}},
        {"configMap": {"name": "maybe", "optional": true}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"serviceAccountToken": {"path": "token"}}
    ]}}, {"name": "key", "secret": {"secretName": "certs"}}]);
    let mounts =
        json!([{"name": "all", "mountPath": "/etc/all"}, {"name": "key", "mountPath": "/etc/key"}]);
    let spec = json!({"volumes": volume, "terminationGracePeriodSeconds": 1});
    let pod = rig
        .pod(
            "a",
            spec,
            json!({"command": ["sh", "-c", script], "volumeMounts": mounts}),
        )
        .await;
    let _: ConfigMap = rig.create(json!({"metadata": {"name": "settings"}, "data": {"server.config": "one\n", "other": "x"}})).await;
    rig.event("a", "secret \"certs\" not found").await;
    let ip = rig.get("a").await.unwrap().status.unwrap().pod_ip;
    assert!(ip.is_some(), "the address is told before volumes are there");
    let _: Secret = rig
        .create(json!({"metadata": {"name": "certs"}, "stringData": {"node.key": "secret one"}}))
        .await;
    rig.ready("a").await;
    let dir = rig.container_dir(&pod);
    assert!(
        content(&dir.join("0/log"))
            .await
            .ends_with("stdout F one\n")
    );
    let key = dir.join("root/etc/key/node.key");
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(dir.join("root/etc/key/"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    assert!(
        content(&dir.join("root/etc/all/labels"))
            .await
            .contains("app=\"a\"")
    );
    assert!(!dir.join("root/etc/all/other").exists());

    let patch = json!({"stringData": {"node.key": "secret two", "more": "x"}});
    rig.api::<Secret>()
        .patch("certs", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    eventually("the new key", async || {
        (content(&key).await == "secret two").then_some(())
    })
    .await;
    eventually("the new file", async || {
        dir.join("root/etc/all/more").exists().then_some(())
    })
    .await;
    // A Secret that is gone changes nothing for a Pod that runs.
    rig.api::<Secret>()
        .delete("certs", &DeleteParams::default())
        .await
        .unwrap();
    rig.event("a", "secret \"certs\" not found").await;
    assert_eq!(content(&key).await, "secret two");
    rig.ready("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_of_the_machine_are_refused_unless_allowed() {
    for allowed in [false, true] {
        let rig = Rig::start_with(|settings| settings.allow_host_path = allowed).await;
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("file"), "from outside\n").unwrap();
        let spec = json!({"terminationGracePeriodSeconds": 1, "volumes": [{"name": "host", "hostPath": {"path": outside.path()}}]});
        let mounts = json!([{"name": "host", "mountPath": "/host"}]);
        let command = json!(["sh", "-c", "cat $KLAMM_ROOT/host/file; exec sleep 1000"]);
        let pod = rig
            .pod(
                "a",
                spec,
                json!({"command": command, "volumeMounts": mounts}),
            )
            .await;
        if allowed {
            rig.ready("a").await;
            assert!(
                content(&rig.container_dir(&pod).join("0/log"))
                    .await
                    .ends_with("from outside\n")
            );
        } else {
            rig.event("a", "is refused").await;
        }
    }
}
