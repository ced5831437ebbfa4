//! The client that all parts of the agent use: no question is waited for without end.
//!
//! Bounded is the answer as a whole; of a watch, which is meant to go on, how long it takes to begin.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;

/// How long an answer may take: an API server that is silent must hold up nobody.
const ANSWER_BOUND: Duration = Duration::from_secs(15);

/// The same client, whose answers come within [`ANSWER_BOUND`] or fail.
pub(crate) fn bounded(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request| {
        let client = client.clone();
        async move {
            tokio::time::timeout(ANSWER_BOUND, answer(client, request))
                .await
                .map_err(|_| kube::Error::Service("no answer in time".into()))?
        }
    });
    Client::new(service, namespace)
}

async fn answer(client: Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
    let goes_on = request.uri().query().is_some_and(|query| {
        query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1"))
    });
    let response = client.send(request).await?;
    if goes_on {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(head, Body::from(body.to_vec())))
}
