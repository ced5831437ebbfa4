//! get, list and watch.
//!
//! A list is always the newest state, or exactly the revision asked for; continue tokens carry theirs.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer;
use crate::failure::{Cause, Failure};
use crate::resource::Source;
use crate::selector::{FieldSelector, LabelSelector, check_builtin};
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
    let check = |path: &str| match resource.source {
        Source::Builtin => check_builtin(&resource.group, &resource.plural, path),
        Source::Custom(_) => {
            let known = matches!(path, "metadata.name" | "metadata.namespace")
                || resource.selectable.iter().any(|p| p == path);
            known
                .then_some(())
                .ok_or_else(|| format!("field label not supported: {path}"))
        }
    };
    let fields = FieldSelector::parse(call.query.get("fieldSelector").unwrap_or_default(), check)?;
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
    check_list(call)?;
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
        &metadata,
        server.clock.now(),
    )?;
    Ok(answer::json_response(StatusCode::OK, body))
}

/// What is wrong with the parameters of a list.
fn check_list(call: &Call) -> Result<(), Failure> {
    const RULE: &str = "resourceVersionMatch";
    let forbidden = |field: &str, rule: &str| Cause::forbidden(field, rule);
    let mut causes = Vec::new();
    if let Some(rule) = call.query.get(RULE) {
        let revision = call.query.get("resourceVersion");
        if revision.is_none() {
            causes.push(forbidden(
                RULE,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if call.query.get("continue").is_some() {
            causes.push(forbidden(
                RULE,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(rule, "Exact" | "NotOlderThan") {
            causes.push(Cause::unsupported(
                RULE,
                &json!(rule),
                &["Exact", "NotOlderThan", ""],
            ));
        }
        if rule == "Exact" && revision == Some("0") {
            causes.push(forbidden(
                RULE,
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
    }
    if call.query.get("sendInitialEvents").is_some() {
        causes.push(forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_options("ListOptions", &causes))
    }
}

/// What is wrong with the parameters of a watch.
fn check_watch(call: &Call) -> Result<(), Failure> {
    const RULE: &str = "resourceVersionMatch";
    let rule = call.query.get(RULE);
    let initial = call.query.get("sendInitialEvents").is_some();
    let mut causes = Vec::new();
    if initial && rule != Some("NotOlderThan") {
        let text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(Cause::forbidden(RULE, text));
    }
    if let Some(rule) = rule {
        if !initial {
            let text =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden(RULE, text));
        }
        if rule != "NotOlderThan" {
            causes.push(Cause::unsupported(RULE, &json!(rule), &["NotOlderThan"]));
        }
        if call.query.get("continue").is_some() {
            causes.push(Cause::forbidden(
                RULE,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_options("ListOptions", &causes))
    }
}

/// The past revision a list must be of; the newest state satisfies everything but `Exact`.
fn asked_revision(server: &Server, call: &Call) -> Result<Option<u64>, Failure> {
    let Some(asked) = call.query.revision()? else {
        return Ok(None);
    };
    let newest = server.store.revision();
    if asked > newest {
        return Err(Failure::too_large_resource_version(asked, newest));
    }
    let exact = match call.query.get("resourceVersionMatch") {
        Some(rule) => rule == "Exact",
        // Without a rule, a limit and a revision together mean that revision.
        None => asked > 0 && call.query.get("limit").is_some(),
    };
    Ok(exact.then_some(asked))
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

/// Unused bits at the end do not matter.
const URL_SAFE_NO_PAD: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

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
        let bad = |why: &str| {
            Failure::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|e| bad(&e.to_string()))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| match bytes.first() {
            Some(&first) if first != b'{' => bad(&format!(
                "invalid character '{}' looking for beginning of value",
                char::from(first)
            )),
            _ => bad(&e.to_string()),
        })?;
        match (value["rv"].as_u64(), value["after"].as_str()) {
            (Some(revision), Some(after)) => Ok(Self {
                revision,
                after: after.to_owned(),
            }),
            _ => Err(bad("it is not of this server")),
        }
    }
}

/// A stream of changes.
pub(crate) fn watch(server: &Arc<Server>, call: &Call) -> Result<Response, Failure> {
    check_watch(call)?;
    let revision = call.query.revision()?;
    let initial = call
        .query
        .get("sendInitialEvents")
        .map(|text| text == "true");
    let bookmarks = call.query.flag("allowWatchBookmarks");
    let start = match (initial, revision) {
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
