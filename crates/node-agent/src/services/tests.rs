use expect_test::expect;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[test]
fn ports_lead_to_the_pods_the_selector_finds() {
    let pod = |name: &str, ip: &str, ready: &str, port: i32| -> Arc<Pod> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "n", "labels": {"app": "k", "pod": name}},
                "spec": {"containers": [{"name": "c", "ports": [{"name": "tls", "containerPort": port}]}]},
                "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}
            }))
            .unwrap(),
        )
    };
    let service = |name: &str, spec: serde_json::Value| -> Arc<Service> {
        Arc::new(
            serde_json::from_value(
                json!({"metadata": {"name": name, "namespace": "n"}, "spec": spec}),
            )
            .unwrap(),
        )
    };
    let pods = [
        pod("k-0", "127.9.1.1", "True", 9093),
        pod("k-1", "127.9.1.2", "True", 9193),
        pod("k-2", "127.9.1.3", "False", 9093),
    ];
    let services = [
        service(
            "boot",
            json!({"clusterIP": "127.9.128.1", "selector": {"app": "k"}, "ports": [
            {"port": 9092}, {"port": 9093, "targetPort": "tls"}, {"port": 53, "protocol": "UDP"}]}),
        ),
        service(
            "all",
            json!({"clusterIP": "127.9.128.2", "publishNotReadyAddresses": true, "selector": {"app": "k"}, "ports": [{"port": 1, "targetPort": 9}]}),
        ),
        service(
            "node",
            json!({"clusterIP": "127.9.128.3", "selector": {"pod": "k-1"}, "ports": [{"port": 9094, "nodePort": 30001}]}),
        ),
        service(
            "headless",
            json!({"clusterIP": "None", "selector": {"app": "k"}, "ports": [{"port": 9092}]}),
        ),
        service(
            "real",
            json!({"clusterIP": "10.0.0.1", "selector": {"app": "k"}, "ports": [{"port": 9092}]}),
        ),
        service(
            "manual",
            json!({"clusterIP": "127.9.128.4", "ports": [{"port": 443}]}),
        ),
    ];
    let fronts = fronts(&pods, &services, Ipv4Addr::new(127, 9, 0, 1));
    let text = fronts
        .iter()
        .fold(String::new(), |text, (front, backends)| {
            let backends: Vec<String> = backends.iter().map(ToString::to_string).collect();
            format!(
                "{text}{} {} -> {}\n",
                front.service,
                front.address,
                backends.join(", ")
            )
        });
    expect![[r#"
        n/node 127.9.0.1:30001 -> 127.9.1.2:9094
        n/boot 127.9.128.1:9092 -> 127.9.1.1:9092, 127.9.1.2:9092
        n/boot 127.9.128.1:9093 -> 127.9.1.1:9093, 127.9.1.2:9193
        n/all 127.9.128.2:1 -> 127.9.1.1:9, 127.9.1.2:9, 127.9.1.3:9
        n/node 127.9.128.3:9094 -> 127.9.1.2:9094
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn a_refusing_pod_is_passed_over_and_half_closed_connections_still_answer() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = closed.local_addr().unwrap();
    drop(closed);
    let backends = Arc::new(RwLock::new(vec![refusing, server.local_addr().unwrap()]));
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = front.local_addr().unwrap();
    let proxy = tokio::spawn(accept(front, Arc::clone(&backends)));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                stream.read_to_end(&mut asked).await.unwrap();
                stream.write_all(&asked).await.unwrap();
            });
        }
    });
    for _ in 0..4 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"all I want").await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "all I want");
    }
    *backends.write().unwrap() = Vec::new();
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    assert!(
        client.read_to_end(&mut answer).await.is_err(),
        "nobody there must look like a closed port"
    );
    proxy.abort();
}
