//! `kubectl logs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio_stream::wrappers::ReceiverStream;

use super::find;
use crate::container::attempt::AttemptDir;
use crate::context::Context;
use crate::logs::{LogRequest, follow};

/// Pieces under way to a slow reader.
const PIECES: usize = 8;

pub(super) async fn answer(
    State(context): State<Arc<Context>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let place = match find(&context, &namespace, &pod, &container) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    let previous = flag(&query, "previous");
    let refuse = |why: &str| {
        let text = format!("container {container:?} in pod {pod:?} {why}");
        (StatusCode::BAD_REQUEST, text).into_response()
    };
    let Some(latest) = place.dir.latest() else {
        return refuse("is waiting to start");
    };
    let Some(number) = latest.checked_sub(u32::from(previous)) else {
        return refuse("has not been terminated before: there is no previous log");
    };
    let attempt = place.dir.attempt(number);
    let request = match request(&query, previous, Timestamp::now()) {
        Ok(request) => request,
        Err(problem) => return (StatusCode::UNPROCESSABLE_ENTITY, problem).into_response(),
    };
    let (pieces, received) = tokio::sync::mpsc::channel(PIECES);
    let ended = {
        let attempt = AttemptDir(attempt.0.clone());
        move || attempt.exit().is_some() || !attempt.0.exists()
    };
    tokio::spawn(follow(attempt.0, request, ended, pieces));
    let body =
        Body::from_stream(ReceiverStream::new(received).map(Ok::<_, std::convert::Infallible>));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

fn flag(query: &BTreeMap<String, String>, name: &str) -> bool {
    query
        .get(name)
        .is_some_and(|value| matches!(value.as_str(), "true" | "1" | ""))
}

fn request(
    query: &BTreeMap<String, String>,
    previous: bool,
    now: Timestamp,
) -> Result<LogRequest, String> {
    let number = |name: &str| {
        query
            .get(name)
            .map(|text| {
                text.parse::<u64>()
                    .map_err(|_| format!("{name}: {text:?} is not a number of 0 or more"))
            })
            .transpose()
    };
    let since = match (query.get("sinceTime"), number("sinceSeconds")?) {
        (Some(time), _) => Some(time.parse().map_err(|_| {
            format!("sinceTime: {time:?} is not a time such as 2026-01-31T12:00:00Z")
        })?),
        (None, Some(seconds)) => now
            .checked_sub(SignedDuration::from_secs(
                i64::try_from(seconds).unwrap_or(i64::MAX),
            ))
            .ok(),
        (None, None) => None,
    };
    Ok(LogRequest {
        follow: flag(query, "follow") && !previous,
        tail_lines: number("tailLines")?,
        since,
        timestamps: flag(query, "timestamps"),
        limit_bytes: number("limitBytes")?,
    })
}
