use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tower::BoxError;

use super::*;

/// An API server that holds one Lease and refuses what is not up to date.
#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
    /// While set, every request fails.
    down: Arc<Mutex<bool>>,
}

impl Server {
    fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, BoxError>(server.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if *self.down.lock().unwrap() {
            return reply(
                StatusCode::SERVICE_UNAVAILABLE,
                &failure(503, "ServiceUnavailable"),
            );
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut held = self.lease.lock().unwrap();
        let version = |lease: &Value| {
            lease["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        match (parts.method, &*held) {
            (Method::GET | Method::PUT, None) => {
                reply(StatusCode::NOT_FOUND, &failure(404, "NotFound"))
            }
            (Method::GET, Some(lease)) => reply(StatusCode::OK, lease),
            (Method::POST, Some(_)) => reply(StatusCode::CONFLICT, &failure(409, "AlreadyExists")),
            (_, found) => {
                let mut written: Value = serde_json::from_slice(&body).unwrap();
                let next = match found {
                    Some(lease) if version(lease) != version(&written) => {
                        return reply(StatusCode::CONFLICT, &failure(409, "Conflict"));
                    }
                    Some(lease) => version(lease).parse::<u64>().unwrap() + 1,
                    None => 1,
                };
                written["metadata"]["resourceVersion"] = json!(next.to_string());
                *held = Some(written.clone());
                reply(StatusCode::OK, &written)
            }
        }
    }

    fn holder(&self) -> String {
        let lease = self.lease.lock().unwrap();
        lease.as_ref().unwrap()["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn reply(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string().into_bytes()));
    *response.status_mut() = status;
    response
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

fn start(
    server: &Server,
    identity: &str,
) -> (Permit, CancellationToken, tokio::task::JoinHandle<()>) {
    let settings = LeaseSettings {
        namespace: "default".to_owned(),
        name: "klamm-operator".to_owned(),
        identity: identity.to_owned(),
    };
    let clock = Clock::following_tokio("2026-11-20T12:00:00Z".parse().unwrap());
    let stop = CancellationToken::new();
    let (permit, keeper) = keep(server.client(), settings, clock, stop.clone());
    (permit, stop, tokio::spawn(keeper))
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_one_leads_and_keeps_leading() {
    let server = Server::default();
    let (mut permit, stop, keeper) = start(&server, "a");
    permit.acquired().await;
    for _ in 0..100 {
        pass(3).await;
        assert!(permit.held());
        assert!(permit.observed().held);
    }
    stop.cancel();
    keeper.await.unwrap();
    assert!(!permit.held());
    assert_eq!(server.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn a_second_one_waits_until_the_first_gives_back() {
    let server = Server::default();
    let (mut first, stop, keeper) = start(&server, "a");
    first.acquired().await;
    let (mut second, _stop, _keeper) = start(&server, "b");
    pass(120).await;
    assert!(first.held() && !second.held());
    assert_eq!(second.observed().holder, "a");
    stop.cancel();
    keeper.await.unwrap();
    second.acquired().await;
    assert!(!first.held());
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_dead_one_is_taken_only_after_its_own_permit_ended() {
    let server = Server::default();
    let (mut first, _stop, keeper) = start(&server, "a");
    first.acquired().await;
    keeper.abort();
    let (second, _stop, _keeper) = start(&server, "b");
    for _ in 0..60 {
        assert!(!(first.held() && second.held()), "two lead at once");
        pass(1).await;
    }
    assert!(second.held());
}

#[tokio::test(start_paused = true)]
async fn a_restart_under_the_same_identity_leads_at_once() {
    let server = Server::default();
    let (mut first, _stop, keeper) = start(&server, "a");
    first.acquired().await;
    keeper.abort();
    let (mut again, _stop, _keeper) = start(&server, "a");
    let before = Instant::now();
    again.acquired().await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_takes_the_permit_away_in_time() {
    let server = Server::default();
    let (mut permit, _stop, _keeper) = start(&server, "a");
    permit.acquired().await;
    *server.down.lock().unwrap() = true;
    permit.lost().await;
    assert!(!permit.held());
    *server.down.lock().unwrap() = false;
    permit.acquired().await;
    assert_eq!(server.holder(), "a");
}
