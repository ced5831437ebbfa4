//! One question to the Kubernetes API: a label of the Node this Pod is on.
//!
//! Reads the address of the API server from the environment that Kubernetes gives each container, token and authority
//! from the mounted directory. Asks for the Node's metadata alone, which is all that the token may see of interest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::environment::Environment;

/// How long the whole question may take.
const BOUND: Duration = Duration::from_secs(5);
/// Metadata of a Node is a few kilobytes; what is longer is no answer.
const MOST_BYTES: usize = 1 << 20;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The label's value; `None` where the Node has no such label.
pub(super) async fn read(
    environment: &Environment,
    node: &str,
    key: &str,
    credentials: &str,
) -> Result<Option<String>, Error> {
    tokio::time::timeout(BOUND, ask(environment, node, key, credentials))
        .await
        .map_err(|_| format!("no answer within {} s", BOUND.as_secs()))?
}

async fn ask(
    environment: &Environment,
    node: &str,
    key: &str,
    credentials: &str,
) -> Result<Option<String>, Error> {
    let variable = |name: &str| {
        let value = environment.all.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("{name} is not set"))
    };
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port: u16 = variable("KUBERNETES_SERVICE_PORT")?.parse()?;
    let credentials = environment.path(credentials);
    let token = std::fs::read_to_string(credentials.join("token"))?;
    let config = trusting(&credentials.join("ca.crt"))?;

    let stream = TcpStream::connect((host.as_str(), port)).await?;
    let name = ServerName::try_from(host.clone())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("/api/v1/nodes/{node}"))
        .header(header::HOST, host)
        .header(header::AUTHORIZATION, format!("Bearer {}", token.trim()))
        .header(
            header::ACCEPT,
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        )
        .body(Body::empty())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(format!("the API server answers {status}").into());
    }
    let body = Limited::new(answer.into_body(), MOST_BYTES)
        .collect()
        .await?
        .to_bytes();
    connection.abort();
    let object: serde_json::Value = serde_json::from_slice(&body)?;
    let label = &object["metadata"]["labels"][key];
    Ok(label.as_str().map(str::to_owned))
}

fn trusting(authority: &Path) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests;
