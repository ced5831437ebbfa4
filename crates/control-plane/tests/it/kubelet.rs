//! Logs and exec reach the kubelet of the Pod's node, over a TLS that both sides check.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{RawQuery, Request};
use axum::response::Response;
use axum::routing::{any, get};
use control_plane::{ControlPlane, Settings};
use hyper_util::rt::{TokioExecutor, TokioIo};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use kube::api::{Api, AttachParams, LogParams, Patch, PatchParams, PostParams};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::serving::{connect, serve};
use crate::support::object;

/// A kubelet that says what it is asked, and echoes what is typed.
async fn kubelet(plane: &ControlPlane) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pair = plane
        .issue_node_certificate("n", &[IpAddr::V4(Ipv4Addr::LOCALHOST)])
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(plane.authority_pem().as_bytes()).unwrap())
        .unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let router = Router::new()
        .route("/containerLogs/{namespace}/{pod}/{container}", get(logs))
        .route("/exec/{namespace}/{pod}/{container}", any(exec));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let service = hyper_util::service::TowerToHyperService::new(router);
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                drop(
                    server
                        .serve_connection_with_upgrades(TokioIo::new(stream), service)
                        .await,
                );
            });
        }
    });
    address
}

async fn logs(request: Request) -> String {
    format!("asked for {}\n", request.uri())
}

async fn exec(RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let query = query.unwrap_or_default();
    upgrade
        .protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"])
        .on_upgrade(|mut socket| async move {
            let told = [b"\x01".to_vec(), query.into_bytes(), b"\n".to_vec()].concat();
            socket.send(Message::Binary(told.into())).await.unwrap();
            while let Some(Ok(message)) = socket.recv().await {
                let Message::Binary(typed) = message else {
                    continue;
                };
                if typed.first() == Some(&0) {
                    let mut echo = typed.to_vec();
                    echo[0] = 1;
                    socket.send(Message::Binary(echo.into())).await.unwrap();
                    break;
                }
            }
            let done = [
                b"\x03".to_vec(),
                br#"{"metadata":{},"status":"Success"}"#.to_vec(),
            ]
            .concat();
            drop(socket.send(Message::Binary(done.into())).await);
        })
}

async fn pod_on_node(client: &Client, address: SocketAddr) -> Api<Pod> {
    let nodes: Api<Node> = Api::all(client.clone());
    nodes
        .create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": "n"}})),
        )
        .await
        .unwrap();
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": address.ip().to_string()}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": address.port()}},
    }});
    nodes
        .patch_status("n", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    for (name, node) in [("p", json!("n")), ("unbound", json!(null))] {
        let spec = json!({"nodeName": node, "containers": [{"name": "c", "image": "i"}]});
        pods.create(
            &PostParams::default(),
            &object(json!({"metadata": {"name": name}, "spec": spec})),
        )
        .await
        .unwrap();
    }
    pods
}

#[tokio::test]
async fn logs_are_passed_on_with_what_was_asked() {
    let plane = ControlPlane::open(Settings::in_memory()).await.unwrap();
    let address = kubelet(&plane).await;
    let pods = pod_on_node(&Client::new(plane.service(), "default"), address).await;
    let params = LogParams {
        tail_lines: Some(3),
        timestamps: true,
        ..LogParams::default()
    };
    let text = pods.logs("p", &params).await.unwrap();
    assert_eq!(
        text,
        "asked for /containerLogs/default/p/c?tailLines=3&timestamps=true\n"
    );
    assert_eq!(
        pods.logs("unbound", &LogParams::default()).await.unwrap(),
        ""
    );
    let unknown = pods
        .logs(
            "p",
            &LogParams {
                container: Some("x".to_owned()),
                ..LogParams::default()
            },
        )
        .await
        .unwrap_err();
    assert!(
        matches!(unknown, kube::Error::Api(status) if status.message == "container x is not valid for pod p")
    );
}

#[tokio::test]
async fn exec_is_a_connection_to_the_kubelet() {
    let plane = ControlPlane::open(Settings::in_memory()).await.unwrap();
    let address = kubelet(&plane).await;
    let (server, stop, task) = serve(&plane).await;
    let client = connect(&plane.kubeconfig(server)).await;
    let pods = pod_on_node(&client, address).await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.exec("p", ["echo", "a b"], &params).await.unwrap();
    process.stdin().unwrap().write_all(b"typed").await.unwrap();
    let mut output = String::new();
    process
        .stdout()
        .unwrap()
        .read_to_string(&mut output)
        .await
        .unwrap();
    assert_eq!(output, "input=1&output=1&command=echo&command=a+b\ntyped");
    let status = process.take_status().unwrap().await.unwrap();
    assert_eq!(status.status.as_deref(), Some("Success"));
    stop.cancel();
    task.await.unwrap();
}
