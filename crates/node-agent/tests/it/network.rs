//! Services, names, addresses.

use k8s_openapi::api::core::v1::Service;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::rig::{Rig, content, eventually};

/// A Pod that answers every connection with its name.
pub(crate) fn server() -> Value {
    let script = "import os, socketserver\n\
        class H(socketserver.StreamRequestHandler):\n\
        \x20 def handle(self): self.wfile.write(os.environ['HOSTNAME'].encode())\n\
        socketserver.ThreadingTCPServer.allow_reuse_address = True\n\
        socketserver.ThreadingTCPServer((os.environ['IP'], 7000), H).serve_forever()";
    json!({
        "command": ["python3", "-c", script],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "names", "containerPort": 7000}],
        "readinessProbe": {"tcpSocket": {"port": "names"}, "periodSeconds": 1}
    })
}

pub(crate) async fn ask(address: (String, u16)) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.shutdown().await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_leads_to_ready_pods_and_names_lead_to_both() {
    let rig = Rig::start().await;
    for name in ["k-0", "k-1"] {
        let spec =
            json!({"hostname": name, "subdomain": "brokers", "terminationGracePeriodSeconds": 1});
        rig.pod(name, spec, server()).await;
    }
    let ports = json!([{"port": 9092, "targetPort": "names", "nodePort": null}]);
    for name in ["k-0", "k-1"] {
        let labels = json!({"metadata": {"labels": {"group": "k"}}});
        let api = rig.api::<k8s_openapi::api::core::v1::Pod>();
        api.patch(
            name,
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(labels),
        )
        .await
        .unwrap();
    }
    let service: Service = rig.create(json!({"metadata": {"name": "boot"}, "spec": {"selector": {"group": "k"}, "ports": ports}})).await;
    let _: Service = rig
        .create(json!({"metadata": {"name": "brokers"}, "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"group": "k"}, "ports": [{"port": 7000}]}}))
        .await;
    rig.ready("k-0").await;
    rig.ready("k-1").await;
    let address = (service.spec.unwrap().cluster_ip.unwrap(), 9092);
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    eventually("answers of both Pods", async || {
        let mut seen_now = ask(address.clone()).await.into_iter().collect::<Vec<_>>();
        let mut seen = seen.lock().unwrap();
        seen.extend(seen_now.drain(..));
        (seen.len() == 2).then_some(())
    })
    .await;
    let ip = rig
        .get("k-0")
        .await
        .unwrap()
        .status
        .unwrap()
        .pod_ip
        .unwrap();
    let names = rig
        .home
        .path()
        .join("node-agent/hosts")
        .join(super::rig::NAMESPACE);
    for line in [
        format!("{ip} k-0.brokers.test.svc"),
        format!("{ip} brokers.test.svc.cluster.local"),
        format!("{} boot", address.0),
    ] {
        eventually(&line, async || {
            content(&names)
                .await
                .lines()
                .any(|found| found == line)
                .then_some(())
        })
        .await;
    }
    rig.delete("k-0").await;
    eventually("only the Pod that is left", async || {
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(ask(address.clone()).await);
        }
        answers
            .iter()
            .all(|answer| answer.as_deref() == Some("k-1"))
            .then_some(())
    })
    .await;
    rig.api::<Service>()
        .delete("boot", &DeleteParams::default())
        .await
        .unwrap();
    eventually("nobody listens", async || {
        TcpStream::connect(address.clone())
            .await
            .is_err()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_port_is_on_the_nodes_address() {
    let rig = Rig::start().await;
    rig.pod("k", json!({"terminationGracePeriodSeconds": 1}), server())
        .await;
    let spec = json!({"type": "NodePort", "selector": {"app": "k"}, "ports": [{"port": 9094, "targetPort": 7000, "nodePort": 30123}]});
    let _: Service = rig
        .create(json!({"metadata": {"name": "outside"}, "spec": spec}))
        .await;
    rig.ready("k").await;
    let node = kube::Api::<k8s_openapi::api::core::v1::Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap();
    let address = node
        .status
        .unwrap()
        .addresses
        .unwrap()
        .into_iter()
        .find(|address| address.type_ == "InternalIP")
        .unwrap()
        .address;
    eventually("an answer", async || {
        ask((address.clone(), 30123))
            .await
            .filter(|answer| answer == "k")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_see_the_names_where_the_machine_allows_mounts() {
    let rig = Rig::start().await;
    rig.pod(
        "named",
        json!({"hostname": "named", "subdomain": "sub", "terminationGracePeriodSeconds": 1}),
        server(),
    )
    .await;
    rig.ready("named").await;
    let script = "while ! getent hosts named.sub.test.svc; do sleep 0.1; done; echo mounted=$KLAMM_HOSTS_MOUNTED; exec sleep 1000";
    rig.shell("asks", script).await;
    let pod = rig.ready("asks").await;
    let events = rig.events("klamm").await;
    if events
        .iter()
        .any(|event| event.starts_with("NamesNotMounted"))
    {
        // This machine allows no mounts: then the event is what must be there, and it is.
        return;
    }
    let log = rig.container_dir(&pod).join("0/log");
    eventually("the name is resolved", async || {
        content(&log).await.contains("mounted=1").then_some(())
    })
    .await;
}
