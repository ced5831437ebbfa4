//! Over TLS: the kubeconfig works, nobody gets in without a token, everything is there after a restart.

use std::net::SocketAddr;

use control_plane::{ControlPlane, Settings};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{object, raw};

/// A client out of the kubeconfig's text.
pub(crate) async fn connect(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// Serves on a free port until the token is cancelled.
pub(crate) async fn serve(
    plane: &ControlPlane,
) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (plane, stop) = (plane.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { plane.serve(listener, stopped).await.unwrap() });
    (address, stop, task)
}

#[tokio::test]
async fn the_kubeconfig_opens_the_door_and_stays_valid() {
    let dir = tempfile::tempdir().unwrap();
    let plane = ControlPlane::open(Settings::in_dir(dir.path()))
        .await
        .unwrap();
    let (address, stop, task) = serve(&plane).await;
    let kubeconfig = plane.kubeconfig(address);
    let client = connect(&kubeconfig).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(
        &PostParams::default(),
        &object(json!({"metadata": {"name": "kept"}})),
    )
    .await
    .unwrap();

    let wrong = connect(&kubeconfig.replace("token: ", "token: x")).await;
    let (code, status) = raw(&wrong, "GET", "/api/v1/namespaces", "", json!(null)).await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (401, Some("Unauthorized"))
    );

    let accounts: Api<ServiceAccount> = Api::default_namespaced(client);
    let request = object(json!({"spec": {"audiences": [], "expirationSeconds": 3600}}));
    let token = accounts
        .create_token_request("default", &PostParams::default(), &request)
        .await
        .unwrap();
    let own = kubeconfig
        .lines()
        .find(|line| line.contains("token: "))
        .unwrap();
    let other = kubeconfig.replace(
        own,
        &format!("    token: {}", token.status.unwrap().token.unwrap()),
    );
    let client = connect(&other).await;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (_, review) = raw(&client, "POST", path, "application/json", review).await;
    assert_eq!(
        review["status"]["userInfo"]["username"],
        "system:serviceaccount:default:default"
    );

    stop.cancel();
    task.await.unwrap();
    plane.close().await;
    let plane = ControlPlane::open(Settings::in_dir(dir.path()))
        .await
        .unwrap();
    let (again, stop, task) = serve(&plane).await;
    let client = connect(&kubeconfig.replace(&address.to_string(), &again.to_string())).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let names: Vec<_> = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|m| m.metadata.name)
        .collect();
    assert_eq!(
        names,
        [Some("kept".to_owned()), Some("kube-root-ca.crt".to_owned())]
    );
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let plane = ControlPlane::open(Settings::in_memory()).await.unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = plane.serve(listener, CancellationToken::new()).await;
    assert!(refused.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let _plane = ControlPlane::open(Settings::in_dir(&home)).await.unwrap();
    let mut open = vec![home];
    let mut files = 0;
    while let Some(path) = open.pop() {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            open.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert_eq!(
        files, 4,
        "the objects, the authority with its key, the token, the key of account tokens"
    );
}
