//! Answers: which format a client asked for, and objects, lists and events written in it. Pure.
//!
//! Objects are stored as the JSON that is served, so a list is mostly copying; only tables, metadata-only formats and
//! other versions parse.

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::resource::{Resource, Source, events};
use crate::schema::{self, Defaults, FieldValidation};
use crate::store::Record;
use crate::table;

/// In which shape objects are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they are.
    Whole,
    /// Only their metadata.
    Metadata,
    /// Rows for humans; with each row's object: none, metadata, or whole.
    Table(RowObject),
}

/// What a table row carries besides its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowObject {
    /// Nothing.
    Nothing,
    /// The object's metadata.
    Metadata,
    /// The whole object.
    Whole,
}

/// The shape asked for; the first that can be served wins.
pub(crate) fn shape(accept: Option<&str>, include_object: Option<&str>) -> Result<Shape, Failure> {
    let accept = accept.filter(|a| !a.trim().is_empty()).unwrap_or("*/*");
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "application/*" | "*/*") {
            continue;
        }
        let (mut kind, mut group, mut version) = ("", "", "");
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => kind = value,
                Some(("g", value)) => group = value,
                Some(("v", value)) => version = value,
                _ => {}
            }
        }
        match kind {
            "" => return Ok(Shape::Whole),
            _ if group != "meta.k8s.io" || version != "v1" => {}
            "Table" => {
                return Ok(Shape::Table(match include_object {
                    Some("None") => RowObject::Nothing,
                    Some("Object") => RowObject::Whole,
                    _ => RowObject::Metadata,
                }));
            }
            "PartialObjectMetadata" | "PartialObjectMetadataList" => return Ok(Shape::Metadata),
            _ => {}
        }
    }
    Err(Failure::not_acceptable())
}

/// A JSON answer.
pub(crate) fn json_response(code: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    response
}

/// A value as JSON answer.
pub(crate) fn value_response(code: StatusCode, value: &Value) -> Response {
    json_response(code, value.to_string())
}

/// A refusal.
pub(crate) fn failure_response(failure: &Failure) -> Response {
    let code = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = value_response(code, &failure.status());
    if matches!(failure.code, 429 | 503 | 504) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What is answered where there is no API at all.
pub(crate) fn page_not_found() -> Response {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Puts warnings where kubectl looks for them: one `Warning` header each.
pub(crate) fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// A stored object at the version a client asked for, and as the schema is now.
pub(crate) fn at_version(resource: &Resource, record: &Record) -> Result<Value, Failure> {
    let stored: Value = serde_json::from_slice(&record.json)
        .map_err(|e| Failure::internal(format!("a stored object is not JSON: {e}")))?;
    let mut value = convert(resource, stored);
    if resource.outgrew(record) || (!as_stored(resource) && resource.definition.is_some()) {
        // What does not fit the schema any more is shown as it is.
        drop(schema::decode(
            &*resource.schema()?,
            &mut value,
            FieldValidation::Ignore,
            Defaults::Fill,
        ));
    }
    Ok(value)
}

/// A value in stored form, at the version a client asked for.
fn convert(resource: &Resource, stored: Value) -> Value {
    if resource.is("events.k8s.io", "events") {
        return events::from_core(stored);
    }
    let mut value = stored;
    if value["apiVersion"] != resource.api_version() {
        value["apiVersion"] = resource.api_version().into();
    }
    value
}

/// Whether objects of this resource are served at the version they are stored in.
fn as_stored(resource: &Resource) -> bool {
    resource.storage.0 == resource.group && resource.storage.1 == resource.version
}

/// One object in a shape.
pub(crate) fn object(
    resource: &Resource,
    shape: Shape,
    record: &Record,
    now: jiff::Timestamp,
) -> Result<Bytes, Failure> {
    match shape {
        Shape::Whole if as_stored(resource) && !resource.outgrew(record) => Ok(record.json.clone()),
        Shape::Whole => Ok(Bytes::from(at_version(resource, record)?.to_string())),
        Shape::Metadata => Ok(Bytes::from(
            metadata_only(at_version(resource, record)?).to_string(),
        )),
        Shape::Table(rows) => {
            let value = at_version(resource, record)?;
            let version = value["metadata"]["resourceVersion"].clone();
            let list = json!({"resourceVersion": version});
            Ok(Bytes::from(
                table::render(resource, vec![value], rows, &list, true, now).to_string(),
            ))
        }
    }
}

/// The `metadata` of a list.
pub(crate) fn list_metadata(
    revision: u64,
    continue_token: Option<String>,
    remaining: Option<usize>,
) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some(token) = continue_token {
        metadata["continue"] = token.into();
    }
    if let Some(remaining) = remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

/// A list in a shape.
pub(crate) fn list(
    resource: &Resource,
    shape: Shape,
    records: &[Record],
    metadata: &Value,
    now: jiff::Timestamp,
) -> Result<Bytes, Failure> {
    let (kind, api_version) = match shape {
        Shape::Whole => (resource.list_kind.as_str(), resource.api_version()),
        Shape::Metadata => ("PartialObjectMetadataList", "meta.k8s.io/v1".to_owned()),
        Shape::Table(rows) => {
            let values = records
                .iter()
                .map(|r| at_version(resource, r))
                .collect::<Result<Vec<_>, _>>()?;
            return Ok(Bytes::from(
                table::render(resource, values, rows, metadata, true, now).to_string(),
            ));
        }
    };
    let head = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata}).to_string();
    let open = head.strip_suffix('}').unwrap_or(&head);
    let room: usize = records.iter().map(|r| r.json.len() + 1).sum();
    let mut out = BytesMut::with_capacity(open.len() + room + 12);
    out.put_slice(open.as_bytes());
    out.put_slice(b",\"items\":[");
    // Items of built-in kinds do not repeat what the list says of all of them.
    let repeated = match (shape, resource.source) {
        (Shape::Whole, Source::Builtin) => {
            format!(
                "{{\"apiVersion\":\"{}\",\"kind\":\"{}\",",
                resource.api_version(),
                resource.kind
            )
        }
        _ => String::new(),
    };
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        let item = object(resource, shape, record, now)?;
        match item.strip_prefix(repeated.as_bytes()) {
            Some(rest) if !repeated.is_empty() => {
                out.put_u8(b'{');
                out.put_slice(rest);
            }
            _ => out.put_slice(&item),
        }
    }
    out.put_slice(b"]}");
    Ok(out.freeze())
}

/// One line of a watch.
pub(crate) fn event(kind: &str, object: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(object.len() + 40);
    line.put_slice(b"{\"type\":\"");
    line.put_slice(kind.as_bytes());
    line.put_slice(b"\",\"object\":");
    line.put_slice(object);
    line.put_slice(b"}\n");
    line.freeze()
}

/// An object reduced to its metadata.
pub(crate) fn metadata_only(mut object: Value) -> Value {
    let metadata = object["metadata"].take();
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
