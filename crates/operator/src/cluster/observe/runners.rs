//! What the runner beside each node says: `GET /v1/broker-state`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use model::observed::{Known, Why, seen};
use model::runner::BrokerState;

use super::pods::RunningNode;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::faults::{Injected, Target};
use crate::hands::Hands;

/// How long one answer may take.
const BOUND: Duration = Duration::from_secs(2);
/// How many runners are asked at once.
const AT_ONCE: usize = 16;
/// How long an answer may be; ours are below 2 KiB.
const MAX_BYTES: usize = 64 << 10;

const PATH: &str = "/v1/broker-state";

/// Asks all of them.
pub(super) async fn ask(hands: &Hands, nodes: &[RunningNode]) -> BTreeMap<i32, Known<BrokerState>> {
    let asks: Vec<_> = nodes
        .iter()
        .map(|node| async move { (node.id, ask_one(hands, node).await) })
        .collect();
    futures::stream::iter(asks)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn ask_one(hands: &Hands, node: &RunningNode) -> Known<BrokerState> {
    ask_at(hands, &node.pod, node.address).await
}

/// Asks the runner of a Pod.
pub(crate) async fn ask_at(hands: &Hands, pod: &str, address: IpAddr) -> Known<BrokerState> {
    let address = SocketAddr::new(address, manifests::names::RUNNER_PORT);
    let path = format!("http://{address}{PATH}");
    let call = hands
        .settings
        .faults
        .pass(Target::Runner, "GET", &path, get(hands, address));
    let unreachable = |text: String| {
        Known::Unknown(Why::Unreachable {
            text: format!("asking the runner of {pod}: {text}"),
        })
    };
    match tokio::time::timeout(BOUND, call).await {
        Ok(Ok(body)) => match serde_json::from_slice::<BrokerState>(&body) {
            Ok(state) => seen(hands.clock.now(), state),
            Err(error) => Known::Unknown(Why::Malformed {
                text: format!("reading the answer of the runner of {pod}: {error}"),
            }),
        },
        Ok(Err(error)) => unreachable(error.0),
        Err(_) => unreachable(format!("no answer within {} s", BOUND.as_secs())),
    }
}

struct Failure(String);

impl From<Injected> for Failure {
    fn from(injected: Injected) -> Self {
        Self(injected.to_string())
    }
}

async fn get(hands: &Hands, address: SocketAddr) -> Result<Bytes, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(error.to_string());
    match hands.settings.network.connect(address) {
        Some(stream) => exchange(address, stream.map_err(|error| failed(&error))?).await,
        None => {
            exchange(
                address,
                tokio::net::TcpStream::connect(address)
                    .await
                    .map_err(|error| failed(&error))?,
            )
            .await
        }
    }
}

async fn exchange(
    address: SocketAddr,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<Bytes, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let request = http::Request::get(PATH)
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let exchange = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| failed(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(Failure(format!("it answered {status}")));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await
            .map_err(|error| failed(&error))?;
        Ok(body.to_bytes())
    };
    tokio::pin!(exchange);
    tokio::pin!(connection);
    // The connection is driven here, not in a task of its own, so that it ends with a cancelled look.
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut exchange => return answer,
            ended = &mut connection, if open => {
                if let Err(error) = ended {
                    return Err(failed(&error));
                }
                open = false;
            }
        }
    }
}
