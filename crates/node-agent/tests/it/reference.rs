//! The same node on a real kube-apiserver with its controller manager: what it refuses, adds, and does by itself.

use k8s_openapi::api::core::v1::{
    Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Service,
};
use kube::Api;
use kube::api::{AttachParams, DeleteParams, LogParams, Patch, PatchParams};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::rig::{Backend, Rig, alive, content, eventually, main_status, pid};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_node_in_a_real_cluster() {
    let Some(mut rig) = Rig::on_reference().await else {
        return;
    };
    rig.start_agent(|_| {});
    pods_run_and_end(&rig).await;
    volumes_and_secrets(&rig).await;
    services(&rig).await;
    logs_and_exec(&rig).await;
    a_certificate_alone_allows_nothing(&rig).await;
    let pod = rig.get("talks").await.unwrap();
    let main = pid(&rig.container_dir(&pod), 0);
    rig.stop_agent().await;
    assert!(!alive(main));
    assert_eq!(rig.home.processes(), Vec::<i32>::new());
    let node = Api::<Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap();
    let ready = node
        .status
        .unwrap()
        .conditions
        .unwrap()
        .into_iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert_eq!(ready.status, "False");
}

async fn pods_run_and_end(rig: &Rig) {
    rig.shell("a", "test -s /var/run/x || test -s $KLAMM_ROOT/var/run/secrets/kubernetes.io/serviceaccount/token && echo has a token; exec sleep 1000").await;
    let pod = rig.ready("a").await;
    let log = rig.container_dir(&pod).join("0/log");
    // Admission gives every Pod a token; the API makes it when asked.
    eventually("the token", async || {
        content(&log).await.contains("has a token").then_some(())
    })
    .await;
    rig.event("a", "Started").await;
    let main = pid(&rig.container_dir(&pod), 0);
    super::rig::kill(main);
    rig.until("a", "restarted", |pod| {
        main_status(pod)["restartCount"] == 1 && super::rig::is_ready(pod)
    })
    .await;
    rig.delete("a").await;
    assert!(!rig.container_dir(&pod).exists());
}

async fn volumes_and_secrets(rig: &Rig) {
    let spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    eventually("the storage class", async || {
        let classes = Api::<k8s_openapi::api::storage::v1::StorageClass>::all(rig.client.clone());
        classes.get_opt("klamm-local").await.unwrap().map(drop)
    })
    .await;
    let _: PersistentVolumeClaim = rig
        .create(json!({"metadata": {"name": "disk"}, "spec": spec}))
        .await;
    let _: Secret = rig
        .create(json!({"metadata": {"name": "key"}, "stringData": {"k": "one"}}))
        .await;
    let container = json!({
        "command": ["sh", "-c", "echo here > $KLAMM_ROOT/data/file; exec sleep 1000"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "key", "mountPath": "/key"}]
    });
    let volumes = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}, {"name": "key", "secret": {"secretName": "key"}}]);
    rig.pod(
        "keeps",
        json!({"volumes": volumes, "terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    let pod = rig.ready("keeps").await;
    let root = rig.container_dir(&pod).join("root");
    content(&root.join("data/file")).await;
    let file = root.join("data/file").canonicalize().unwrap();
    let patch = Patch::Merge(json!({"stringData": {"k": "two"}}));
    rig.api::<Secret>()
        .patch("key", &PatchParams::default(), &patch)
        .await
        .unwrap();
    eventually("the new secret", async || {
        (content(&root.join("key/k")).await == "two").then_some(())
    })
    .await;
    rig.api::<PersistentVolumeClaim>()
        .delete("disk", &DeleteParams::default())
        .await
        .unwrap();
    assert!(file.exists(), "a claim in use is protected");
    rig.delete("keeps").await;
    eventually("the directory goes with the claim", async || {
        (!file.exists()).then_some(())
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

async fn services(rig: &Rig) {
    rig.pod(
        "serves",
        json!({"terminationGracePeriodSeconds": 1}),
        super::network::server(),
    )
    .await;
    let service: Service =
        rig.create(json!({"metadata": {"name": "names"}, "spec": {"selector": {"app": "serves"}, "ports": [{"port": 80, "targetPort": 7000}]}})).await;
    rig.ready("serves").await;
    let address = service.spec.unwrap().cluster_ip.unwrap();
    eventually("an answer through the Service", async || {
        super::network::ask((address.clone(), 80))
            .await
            .filter(|answer| answer == "serves")
    })
    .await;
    rig.delete("serves").await;
}

async fn a_certificate_alone_allows_nothing(rig: &Rig) {
    let address = super::streams::kubelet(rig).await;
    for (who, code) in [("kubelet-client", "200"), ("somebody", "403")] {
        let file = |ending: &str| rig.home.path().join(format!("{who}.{ending}"));
        let output = Command::new("curl")
            .args(["-ks", "--max-time", "20", "-w", "%{http_code}"])
            .args(["-o", "/dev/null", "--cert"])
            .arg(file("crt"))
            .arg("--key")
            .arg(file("key"))
            .arg(format!("https://{address}/pods"))
            .output()
            .await
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), code, "{who}");
    }
}

async fn logs_and_exec(rig: &Rig) {
    rig.shell("talks", "echo hello; exec sleep 1000").await;
    rig.ready("talks").await;
    let pods = rig.api::<Pod>();
    eventually("the log", async || {
        pods.logs("talks", &LogParams::default())
            .await
            .ok()
            .filter(|text| text == "hello\n")
    })
    .await;
    // The API server translates to SPDY, or passes WebSocket through, as it likes.
    let mut session = pods
        .exec(
            "talks",
            ["sh", "-c", "echo inside $HOSTNAME; exit 3"],
            &AttachParams::default(),
        )
        .await
        .unwrap();
    let mut text = String::new();
    session
        .stdout()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert_eq!(text, "inside talks\n");
    assert_eq!(
        session
            .take_status()
            .unwrap()
            .await
            .unwrap()
            .reason
            .as_deref(),
        Some("NonZeroExitCode")
    );

    let Backend::Real { server, .. } = &rig.plane else {
        return;
    };
    for websockets in ["true", "false"] {
        let mut kubectl = Command::new("kubectl");
        kubectl
            .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)
            .arg("--kubeconfig")
            .arg(&server.kubeconfig)
            .args([
                "--namespace",
                super::rig::NAMESPACE,
                "exec",
                "-i",
                "talks",
                "--",
                "sh",
                "-c",
                "cat; exit 5",
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let Ok(mut child) = kubectl.spawn() else {
            assert!(!reference_apiserver::is_required(), "kubectl is needed");
            println!("skipped: there is no kubectl");
            return;
        };
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, b"typed")
            .await
            .unwrap();
        drop(stdin);
        let output = tokio::time::timeout(super::rig::PATIENCE, child.wait_with_output())
            .await
            .expect("kubectl ends")
            .unwrap();
        assert_eq!(
            (
                String::from_utf8_lossy(&output.stdout).as_ref(),
                output.status.code()
            ),
            ("typed", Some(5)),
            "websockets: {websockets}"
        );
    }
}
