use std::collections::BTreeMap;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

struct Served {
    environment: Environment,
    credentials: String,
    asked: tokio::task::JoinHandle<String>,
    _dir: tempfile::TempDir,
}

/// An API server that gives one answer over TLS, and a Pod that may ask it.
async fn serve(status: &'static str, body: &'static str) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&own, &issuer)
        .unwrap();
    std::fs::write(dir.path().join("ca.crt"), root.pem()).unwrap();
    std::fs::write(dir.path().join("token"), "the-token\n").unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(own.serialize_der().into()),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let all = BTreeMap::from(
        [
            ("KLAMM_CONTRACT", "1".to_owned()),
            ("POD_IP", "127.0.0.1".to_owned()),
            ("POD_NAME", "c-p-0".to_owned()),
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
            ("KUBERNETES_SERVICE_PORT", port.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    Served {
        environment: Environment::parse(all).unwrap(),
        credentials: dir.path().to_str().unwrap().to_owned(),
        asked,
        _dir: dir,
    }
}

#[tokio::test]
async fn the_label_of_the_node_is_the_rack() {
    let body =
        r#"{"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "eu-1a"}}}"#;
    let served = serve("200 OK", body).await;
    let key = "topology.kubernetes.io/zone";
    let label = read(&served.environment, "n1", key, &served.credentials).await;
    assert_eq!(label.unwrap().as_deref(), Some("eu-1a"));
    let request = served.asked.await.unwrap();
    assert!(
        request.starts_with("GET /api/v1/nodes/n1 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("authorization: Bearer the-token\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_node_without_the_label_has_no_rack() {
    let served = serve("200 OK", r#"{"metadata": {"labels": {}}}"#).await;
    let label = read(&served.environment, "n1", "zone", &served.credentials).await;
    assert_eq!(label.unwrap(), None);
}

#[tokio::test]
async fn a_refusal_is_an_error_and_no_label() {
    let served = serve("403 Forbidden", "{}").await;
    let error = read(&served.environment, "n1", "zone", &served.credentials).await;
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "the API server answers 403 Forbidden");
}
