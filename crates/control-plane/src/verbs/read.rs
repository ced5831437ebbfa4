//! get, list and watch.
//!
//! A list is always the newest state, or exactly the revision asked for; continue tokens carry theirs.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer;
use crate::failure::Failure;
use crate::resource::Source;
use crate::selector::{FieldSelector, LabelSelector, builtin_selectable};
use crate::server::{Call, Server, seconds, streaming};
use crate::store::{PastError, Range, Record};
use crate::watch::{Filter, Start, Wish, lines};

/// One object.
pub(crate) fn get(server: &Server, call: &Call) -> Result<Response, Failure> {
    let record = server
        .store
        .get(&call.key())
        .ok_or_else(|| call.not_found())?;
    let body = answer::object(&call.resource, call.shape, &record, server.clock.now())?;
    Ok(answer::json_response(StatusCode::OK, body))
}

/// What the query selects.
pub(crate) fn filter(call: &Call) -> Result<Filter, Failure> {
    let labels = LabelSelector::parse(call.query.get("labelSelector").unwrap_or_default())?;
    let resource = &call.resource;
    let selectable = |path: &str| match resource.source {
        Source::Builtin => builtin_selectable(&resource.group, &resource.plural, path),
        Source::Custom(_) => {
            path == "metadata.name"
                || path == "metadata.namespace"
                || resource.selectable.iter().any(|p| p == path)
        }
    };
    let fields = FieldSelector::parse(
        call.query.get("fieldSelector").unwrap_or_default(),
        selectable,
    )?;
    let prefix = resource.prefix(call.path.namespace.as_deref());
    Ok(Filter {
        prefix,
        name: fields.name().map(str::to_owned),
        labels,
        fields,
    })
}

/// A list, or a page of it.
pub(crate) fn list(server: &Server, call: &Call) -> Result<Response, Failure> {
    let filter = filter(call)?;
    let limit = usize::try_from(call.query.number("limit")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let token = call.query.get("continue").map(Token::parse).transpose()?;
    let at = match &token {
        Some(token) => Some(token.revision),
        None => asked_revision(server, call)?,
    };
    let after = token.as_ref().map(|token| token.after.as_str());
    if after.is_some_and(|after| !after.starts_with(&filter.prefix)) {
        return Err(Failure::bad_request(
            "continue key is not valid: it is of another list",
        ));
    }
    let range = Range {
        prefix: &filter.prefix,
        after,
        limit,
        at,
    };
    let page = server
        .store
        .list(range, |key, record| {
            filter.accepts(&call.resource, key, record)
        })
        .map_err(|error| past(error, at.unwrap_or_default(), token.is_some()))?;
    let next = page.more_after.as_ref().map(|key| {
        Token {
            revision: page.revision,
            after: key.to_string(),
        }
        .text()
    });
    let remaining = (next.is_some() && !filter.is_selective()).then_some(page.remaining);
    let records: Vec<Record> = page.items.into_iter().map(|(_, record)| record).collect();
    let metadata = answer::list_metadata(page.revision, next, remaining);
    let body = answer::list(
        &call.resource,
        call.shape,
        &records,
        metadata,
        server.clock.now(),
    )?;
    Ok(answer::json_response(StatusCode::OK, body))
}

/// The past revision a list must be of; the newest state satisfies everything but `Exact`.
fn asked_revision(server: &Server, call: &Call) -> Result<Option<u64>, Failure> {
    let rule = call.query.get("resourceVersionMatch");
    let Some(asked) = call.query.number("resourceVersion")? else {
        return match rule {
            Some(rule) => {
                let message = format!(
                    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided (got {rule})"
                );
                Err(Failure::bad_request(message))
            }
            None => Ok(None),
        };
    };
    let newest = server.store.revision();
    if asked > newest {
        return Err(Failure::too_large_resource_version(asked, newest));
    }
    match rule {
        Some("Exact") if asked == 0 => Err(Failure::bad_request(
            "resourceVersionMatch: Forbidden: resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
        )),
        Some("Exact") => Ok(Some(asked)),
        // Without a rule, a limit and a revision together mean that revision.
        None if asked > 0 && call.query.get("limit").is_some() => Ok(Some(asked)),
        Some("NotOlderThan") | None => Ok(None),
        Some(other) => {
            let message = format!(
                "resourceVersionMatch: Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\""
            );
            Err(Failure::bad_request(message))
        }
    }
}

fn past(error: PastError, asked: u64, continued: bool) -> Failure {
    match error {
        PastError::Expired(_) if continued => Failure::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        ),
        PastError::Expired(_) => {
            Failure::expired("The resourceVersion for the provided list is too old.")
        }
        PastError::Future(newest) => Failure::too_large_resource_version(asked, newest),
    }
}

struct Token {
    revision: u64,
    after: String,
}

impl Token {
    fn text(&self) -> String {
        URL_SAFE_NO_PAD
            .encode(json!({"v": "klamm/v1", "rv": self.revision, "after": self.after}).to_string())
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || Failure::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        match (value["rv"].as_u64(), value["after"].as_str()) {
            (Some(revision), Some(after)) => Ok(Self {
                revision,
                after: after.to_owned(),
            }),
            _ => Err(bad()),
        }
    }
}

/// A stream of changes.
pub(crate) fn watch(server: &Arc<Server>, call: &Call) -> Result<Response, Failure> {
    let revision = call.query.number("resourceVersion")?;
    let initial = call
        .query
        .get("sendInitialEvents")
        .map(|text| text == "true");
    let rule = call.query.get("resourceVersionMatch");
    let bookmarks = call.query.flag("allowWatchBookmarks");
    let start = match (initial, revision) {
        (Some(true), _) if rule != Some("NotOlderThan") => {
            return Err(Failure::bad_request(
                "sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        (None, _) if rule.is_some() => {
            return Err(Failure::bad_request(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
        (Some(true), _) if bookmarks => Start::InitialEvents,
        (Some(true), _) | (None, None | Some(0)) => Start::State,
        (Some(false), None | Some(0)) => Start::After(server.store.revision()),
        (Some(false) | None, Some(revision)) => Start::After(revision),
    };
    let wish = Wish {
        resource: Arc::clone(&call.resource),
        shape: call.shape,
        filter: filter(call)?,
        start,
        bookmarks,
        timeout: seconds(&call.query, "timeoutSeconds")?,
    };
    let stream = lines(
        server.store.clone(),
        wish,
        server.clock,
        server.stop.clone(),
    );
    Ok(streaming(Body::from_stream(stream)))
}
