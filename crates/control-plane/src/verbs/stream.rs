//! Logs, exec, attach, port-forward: forwarded to the kubelet of the Pod's node, byte for byte.
//!
//! Logs are a plain request. The others are an upgraded connection: the client's upgrade request goes to the kubelet as
//! it is (WebSocket or SPDY, whichever), and then bytes are copied both ways. The node is known by the authority's
//! signature; the server shows it a certificate of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::answer;
use crate::failure::Failure;
use crate::identity::{Identity, Purpose};
use crate::server::{Call, Server};
use crate::store::Key;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Forward a request about a Pod.
pub(crate) async fn connect(
    server: &Arc<Server>,
    call: &Call,
    request: Request,
) -> Result<Response, Failure> {
    if !call.resource.is_core("pods") {
        return Err(Failure::no_such_path());
    }
    let record = server
        .store
        .get(&call.key())
        .ok_or_else(|| call.not_found())?;
    let pod = answer::at_version(&call.resource, &record)?;
    let sub = call.path.subresource.as_deref().unwrap_or_default();
    if sub == "log" && *request.method() != Method::GET {
        return Err(Failure::method_not_allowed());
    }
    let container = match sub {
        "portforward" => String::new(),
        _ => container_of(&pod, call)?,
    };
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    if node.is_empty() {
        let name = call.name();
        return match sub {
            // Nothing has run yet, so nothing was said.
            "log" => Ok(Response::new(Body::empty())),
            _ => Err(Failure::bad_request(format!(
                "pod {name} does not have a host assigned"
            ))),
        };
    }
    let address = kubelet_of(server, node)?;
    let path = kubelet_path(call, sub, &container, request.uri().query());
    if sub == "log" {
        return logs(server, address, &path).await;
    }
    tunnel(server, address, &path, request).await
}

/// The container asked for, or the only one, or the one the Pod says is the default.
fn container_of(pod: &Value, call: &Call) -> Result<String, Failure> {
    let names = |list: &str| -> Vec<String> {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        containers
            .filter_map(|c| c["name"].as_str())
            .map(str::to_owned)
            .collect()
    };
    let (containers, init) = (names("containers"), names("initContainers"));
    let asked = call.query.get("container").map(str::to_owned);
    let default = pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"]
        .as_str()
        .map(str::to_owned);
    let known = |name: &String| containers.contains(name) || init.contains(name);
    if let Some(asked) = asked {
        if known(&asked) {
            return Ok(asked);
        }
        let pod = call.name();
        return Err(Failure::bad_request(format!(
            "container {asked} is not valid for pod {pod}"
        )));
    }
    if let Some(default) = default.filter(|name| known(name)) {
        return Ok(default);
    }
    if let [only] = containers.as_slice() {
        return Ok(only.clone());
    }
    let init = if init.is_empty() {
        String::new()
    } else {
        format!(" or one of the init containers: [{}]", init.join(" "))
    };
    Err(Failure::bad_request(format!(
        "a container name must be specified for pod {}, choose one of: [{}]{init}",
        call.name(),
        containers.join(" ")
    )))
}

fn kubelet_of(server: &Server, node: &str) -> Result<SocketAddr, Failure> {
    let record = server.store.get(&Key::new("", "nodes", "", node));
    let record = record.ok_or_else(|| Failure::not_found("", "nodes", node))?;
    let node_object: Value = serde_json::from_slice(&record.json).unwrap_or_default();
    let addresses = node_object["status"]["addresses"]
        .as_array()
        .into_iter()
        .flatten();
    let ip: Option<IpAddr> = addresses
        .into_iter()
        .filter(|a| a["type"] == "InternalIP")
        .find_map(|a| a["address"].as_str().and_then(|text| text.parse().ok()));
    let port = node_object["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64();
    match (ip, port.and_then(|port| u16::try_from(port).ok())) {
        (Some(ip), Some(port)) => Ok(SocketAddr::new(ip, port)),
        _ => Err(Failure::unavailable(format!(
            "node {node} does not say where its kubelet listens"
        ))),
    }
}

/// The path at the kubelet; exec's parameters are the kubelet's under other names.
fn kubelet_path(call: &Call, sub: &str, container: &str, query: Option<&str>) -> String {
    let (namespace, pod) = (call.namespace(), call.name());
    let query = query.unwrap_or_default();
    match sub {
        "log" => format!(
            "/containerLogs/{namespace}/{pod}/{container}?{}",
            without(query, "container")
        ),
        "portforward" => format!("/portForward/{namespace}/{pod}?{query}"),
        _ => {
            let renamed: Vec<String> = query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .filter_map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    match key {
                        "container" => None,
                        "stdin" => switch("input", value),
                        "stdout" => switch("output", value),
                        "stderr" => switch("error", value),
                        "tty" => switch("tty", value),
                        _ => Some(pair.to_owned()),
                    }
                })
                .collect();
            format!("/{sub}/{namespace}/{pod}/{container}?{}", renamed.join("&"))
        }
    }
}

fn switch(name: &str, value: &str) -> Option<String> {
    matches!(value, "true" | "1").then(|| format!("{name}=1"))
}

fn without(query: &str, key: &str) -> String {
    let kept = query
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key));
    kept.collect::<Vec<_>>().join("&")
}

async fn logs(server: &Server, address: SocketAddr, path: &str) -> Result<Response, Failure> {
    let mut sender = handshake(server, address).await?;
    let request = http::Request::get(path)
        .header(header::HOST, address.to_string())
        .body(Body::empty())
        .map_err(|e| Failure::internal(e.to_string()))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|e| unreachable(address, &e))?;
    let (parts, body) = response.into_parts();
    if parts.status != StatusCode::OK {
        return Err(refused(parts.status, body).await);
    }
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain"),
    );
    Ok(response)
}

/// What a kubelet says instead of logs or a connection.
async fn refused(status: StatusCode, body: hyper::body::Incoming) -> Failure {
    use http_body_util::{BodyExt, Limited};
    const LIMIT: usize = 64 << 10;
    let text = match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => String::from_utf8_lossy(&collected.to_bytes())
            .trim()
            .to_owned(),
        Err(_) => String::new(),
    };
    match status.as_u16() {
        404 => Failure::not_found_on_node(&text),
        400..=499 => Failure::bad_request(text),
        _ => Failure::internal(text),
    }
}

/// Passes the upgrade on, and then bytes.
async fn tunnel(
    server: &Server,
    address: SocketAddr,
    path: &str,
    mut request: Request,
) -> Result<Response, Failure> {
    let Some(client) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(Failure::bad_request("Upgrade request required"));
    };
    let mut sender = handshake(server, address).await?;
    let uri: Uri = path
        .parse()
        .map_err(|_| Failure::bad_request("the query cannot be forwarded"))?;
    let mut forwarded = http::Request::new(Body::empty());
    *forwarded.method_mut() = request.method().clone();
    *forwarded.uri_mut() = uri;
    *forwarded.headers_mut() = forwarded_headers(request.headers());
    if let Ok(host) = header::HeaderValue::from_str(&address.to_string()) {
        forwarded.headers_mut().insert(header::HOST, host);
    }
    let response = sender
        .send_request(forwarded)
        .await
        .map_err(|e| unreachable(address, &e))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        return Err(refused(parts.status, body).await);
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = response.headers().clone();
    let stop = server.stop.clone();
    tokio::spawn(async move {
        let (node, client) = match tokio::try_join!(hyper::upgrade::on(response), client) {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "a connection to a Pod was not upgraded");
                return;
            }
        };
        let (mut node, mut client) = (TokioIo::new(node), TokioIo::new(client));
        tokio::select! {
            done = tokio::io::copy_bidirectional(&mut client, &mut node) => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection to a Pod ended early");
                }
            }
            () = stop.cancelled() => {}
        }
    });
    Ok(answer)
}

/// The client's headers but its token.
fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    kept.remove(header::AUTHORIZATION);
    kept
}

fn unreachable(address: SocketAddr, error: &dyn std::fmt::Display) -> Failure {
    Failure::unavailable(format!("error dialing backend: {address}: {error}"))
}

async fn handshake(
    server: &Server,
    address: SocketAddr,
) -> Result<http1::SendRequest<Body>, Failure> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, dial(server, address))
        .await
        .map_err(|_| unreachable(address, &"it does not answer"))??;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| unreachable(address, &e))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to a node ended early");
        }
    });
    Ok(sender)
}

async fn dial(server: &Server, address: SocketAddr) -> Result<TlsStream<TcpStream>, Failure> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|e| unreachable(address, &e))?;
    stream
        .set_nodelay(true)
        .map_err(|e| unreachable(address, &e))?;
    let name = ServerName::IpAddress(address.ip().into());
    let connector = connector(server)?;
    connector
        .connect(name, stream)
        .await
        .map_err(|e| unreachable(address, &e))
}

/// How this server speaks to kubelets; made once.
fn connector(server: &Server) -> Result<TlsConnector, Failure> {
    let mut kept = server
        .kubelet_tls
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = kept.as_ref() {
        return Ok(TlsConnector::from(Arc::clone(config)));
    }
    let config =
        Arc::new(client_config(&server.identity).map_err(|e| Failure::internal(e.to_string()))?);
    *kept = Some(Arc::clone(&config));
    Ok(TlsConnector::from(config))
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

fn client_config(identity: &Identity) -> Result<rustls::ClientConfig, Boxed> {
    let pair = identity.issue(
        "kube-apiserver-kubelet-client",
        Purpose::Client(&["system:masters"]),
    )?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(
        identity.authority.as_bytes(),
    )?)?;
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)?;
    Ok(config)
}
