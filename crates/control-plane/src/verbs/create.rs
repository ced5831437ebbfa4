//! create: a body becomes an object.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use crate::answer;
use crate::body::{self, Parsed};
use crate::failure::{Cause, Failure};
use crate::resource::{Resource, events};
use crate::schema::{self, DecodeError, Defaults, FieldValidation};
use crate::server::{Call, Server};
use crate::store::{Change, CommitError, Expect, Key, Record};
use crate::{apply, metadata, strategy};

/// How often a generated name that is taken is made up anew.
const NAME_ATTEMPTS: usize = 8;

/// Store a new object.
pub(crate) async fn create(
    server: &Server,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let dry_run = call.query.dry_run(call.options)?;
    let (mut object, warnings) = decode_body(server, call, bytes)?;
    if call.path.namespace.is_none() && call.resource.namespaced {
        return Err(Failure::bad_request(
            "an empty namespace may not be set during creation",
        ));
    }
    metadata::check_place(&call.resource, &mut object, call.namespace(), None)?;
    if object["metadata"]["resourceVersion"]
        .as_str()
        .is_some_and(|rv| !rv.is_empty())
    {
        return Err(Failure::unclassified(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    let record = insert(server, call, object, dry_run, Tracking::Track).await?;
    let body = answer::object(&call.resource, call.shape, &record, server.clock.now())?;
    Ok(answer::with_warnings(
        answer::json_response(StatusCode::CREATED, body),
        &warnings,
    ))
}

/// Whether managedFields are still to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// They follow from the write.
    Track,
    /// Server-side apply has written them.
    Applied,
}

/// The object in a body, decoded at the version of the path, and warnings about it.
pub(crate) fn decode_body(
    server: &Server,
    call: &Call,
    bytes: &[u8],
) -> Result<(Value, Vec<String>), Failure> {
    let mode = call.query.field_validation(call.options)?;
    let Parsed {
        mut value,
        duplicates,
    } = body::parse_object(&call.resource.kind, &call.content_type, bytes)?;
    metadata::check_type(&server.registry(), &call.resource, &mut value)?;
    let mut warnings = report_duplicates(call, duplicates, mode)?;
    warnings.extend(decode(&call.resource, &mut value, mode, Defaults::Fill)?);
    Ok((value, warnings))
}

/// Fields said twice: refused, warned of or ignored.
pub(crate) fn report_duplicates(
    call: &Call,
    duplicates: Vec<String>,
    mode: FieldValidation,
) -> Result<Vec<String>, Failure> {
    match mode {
        FieldValidation::Strict if !duplicates.is_empty() => {
            Err(strict(&call.resource, &duplicates))
        }
        FieldValidation::Strict | FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(duplicates),
    }
}

fn strict(resource: &Resource, lines: &[String]) -> Failure {
    Failure::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
        lines.join(", "),
        kind = resource.kind,
        version = resource.version,
    ))
}

/// Check and prune an object, and fill in the defaults of its schema.
pub(crate) fn decode(
    resource: &Resource,
    object: &mut Value,
    mode: FieldValidation,
    defaults: Defaults,
) -> Result<Vec<String>, Failure> {
    let schema = resource.schema()?;
    let mut warnings =
        schema::decode(&schema, object, mode, defaults).map_err(|error| match error {
            DecodeError::Unknown(lines) => strict(resource, &lines),
            DecodeError::Malformed(why) => Failure::bad_request(why),
        })?;
    warnings.extend(resource.unattended());
    Ok(warnings)
}

/// Complete, check and store a new object.
///
/// In a kube-apiserver's order: plain defaults, owners of fields, admission, status, checks, addresses. So what
/// admission and allocation add belongs to nobody.
pub(crate) async fn insert(
    server: &Server,
    call: &Call,
    mut object: Value,
    dry_run: bool,
    tracking: Tracking,
) -> Result<Record, Failure> {
    let resource = &call.resource;
    let now = server.clock.text();
    let generated = metadata::wants_generated_name(&object);
    metadata::begin(resource, &mut object, &now);
    if generated {
        metadata::generate_name(&mut object);
    }
    strategy::check_namespace(server, resource, &object)?;
    strategy::default_new(resource, &mut object);
    if tracking == Tracking::Track {
        let schema = resource.schema()?;
        apply::track(None, &mut object, &call.manager()?, None, &schema, &now);
    }
    strategy::admit(server, resource, &mut object);
    strategy::begin_status(server, resource, &mut object);
    check(server, resource, &object, None, Vec::new())?;
    strategy::allocate(server, resource, &mut object)?;

    let (group, plural) = (&resource.group, &resource.plural);
    let name = metadata::name(&object).to_owned();
    if !generated {
        let key = resource.key(metadata::namespace(&object), &name);
        return match put(
            server,
            key,
            Expect::Absent,
            stored_form(resource, object),
            dry_run,
        )
        .await
        {
            Ok(record) => Ok(record),
            Err(CommitError::Exists | CommitError::Changed) => {
                Err(Failure::already_exists(group, plural, &name))
            }
            Err(CommitError::Disk(why)) => Err(Failure::internal(why)),
        };
    }
    for _ in 0..NAME_ATTEMPTS {
        let key = resource.key(metadata::namespace(&object), metadata::name(&object));
        match put(
            server,
            key,
            Expect::Absent,
            stored_form(resource, object.clone()),
            dry_run,
        )
        .await
        {
            Ok(record) => return Ok(record),
            Err(CommitError::Exists | CommitError::Changed) => metadata::generate_name(&mut object),
            Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
        }
    }
    Err(Failure::already_exists(
        group,
        plural,
        metadata::name(&object),
    ))
}

/// All that is wrong with an object, as one failure.
pub(crate) fn check(
    server: &Server,
    resource: &Resource,
    object: &Value,
    live: Option<&Value>,
    mut causes: Vec<Cause>,
) -> Result<(), Failure> {
    causes.extend(metadata::check(resource, object, live));
    causes.extend(strategy::check(server, resource, object, live));
    let schema = resource.schema()?;
    causes.extend(schema::validate(&schema, object, live));
    if causes.is_empty() {
        return Ok(());
    }
    let shown = match metadata::name(object) {
        "" => object["metadata"]["generateName"]
            .as_str()
            .unwrap_or_default(),
        name => name,
    };
    Err(Failure::invalid(
        &resource.group,
        &resource.kind,
        shown,
        &causes,
    ))
}

/// An object at the version it is stored in.
pub(crate) fn stored_form(resource: &Resource, mut object: Value) -> Value {
    if resource.is("events.k8s.io", "events") {
        return events::to_core(object);
    }
    let wanted = resource.storage_api_version();
    if object["apiVersion"] != wanted {
        object["apiVersion"] = wanted.into();
    }
    object
}

/// Commit an object, or only find out whether it could be committed.
pub(crate) async fn put(
    server: &Server,
    key: Key,
    expect: Expect,
    object: Value,
    dry_run: bool,
) -> Result<Record, CommitError> {
    if !dry_run {
        return server.commit(key, expect, Change::Put(object)).await;
    }
    match (expect, server.store.get(&key)) {
        (Expect::Absent, Some(_)) => Err(CommitError::Exists),
        (Expect::At(revision), live) if live.as_ref().map(|l| l.revision) != Some(revision) => {
            Err(CommitError::Changed)
        }
        _ => Ok(Record {
            revision: 0,
            json: object.to_string().into(),
        }),
    }
}
