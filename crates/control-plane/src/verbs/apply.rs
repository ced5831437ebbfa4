//! Server-side apply: a configuration is merged into the object, which is made if it is not there.

use axum::response::Response;
use serde_json::{Value, json};

use crate::apply::{self, Error, Manager};
use crate::body;
use crate::failure::{Cause, Failure};
use crate::schema::{Defaults, FieldValidation};
use crate::server::{Call, Server};
use crate::verbs::create::{self, Tracking, decode};
use crate::verbs::update::{self, Part, Proposal};
use crate::{metadata, strategy};

/// Apply a configuration.
pub(super) async fn apply(
    server: &Server,
    call: &Call,
    bytes: &[u8],
    part: Part,
) -> Result<Response, Failure> {
    let mode = call.query.field_validation(call.options)?;
    if call.query.get("fieldManager").is_none() {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Failure::invalid_options(call.options, &[cause]));
    }
    let manager = call.manager()?;
    let parsed = body::parse("application/apply-patch+yaml", bytes)?;
    let mut applied = parsed.value;
    check_configuration(call, &applied)?;
    let mut warnings = create::report_duplicates(call, parsed.duplicates, mode)?;
    warnings.extend(decode(&call.resource, &mut applied, mode, Defaults::Skip)?);

    let merge = |live: Option<&Value>| {
        let manager = Manager {
            name: &manager,
            subresource: part.subresource(),
            force: call.query.flag("force"),
        };
        let object = merge(server, call, live, &applied, &manager)?;
        Ok(Proposal {
            object,
            tracking: Tracking::Applied,
            warnings: warnings.clone(),
        })
    };
    if server.store.get(&call.key()).is_none() && part == Part::Main {
        refuse_successor(call, &applied)?;
        let dry_run = call.query.dry_run(call.options)?;
        let proposal = merge(None)?;
        match create::insert(server, call, proposal.object, dry_run, Tracking::Applied).await {
            Ok(record) => return update::created(server, call, &record, &proposal.warnings),
            // Somebody was faster: then it is a change.
            Err(failure) if failure.reason == "AlreadyExists" => {}
            Err(failure) => return Err(failure),
        }
    }
    update::change(server, call, part, &|live: &Value| merge(Some(live))).await
}

/// What must be said in a configuration, and what may not be.
fn check_configuration(call: &Call, applied: &Value) -> Result<(), Failure> {
    let resource = &call.resource;
    let word = match applied {
        Value::Object(_) => None,
        Value::Array(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
        Value::Null => Some("null"),
    };
    if let Some(word) = word {
        return Err(Failure::bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"
        )));
    }
    let text = |field: &str| applied[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version != resource.api_version() || kind != resource.kind {
        let shown = if api_version.is_empty() {
            "/"
        } else {
            api_version
        };
        return Err(Failure::bad_request(format!(
            "invalid object type: {shown}, Kind={kind}"
        )));
    }
    let name = metadata::name(applied);
    if name.is_empty() {
        let message = format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            call.name()
        );
        return Err(Failure::bad_request(message));
    }
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    metadata::check_place(
        resource,
        &mut applied.clone(),
        call.namespace(),
        Some(call.name()),
    )
}

fn merge(
    server: &Server,
    call: &Call,
    live: Option<&Value>,
    applied: &Value,
    manager: &Manager<'_>,
) -> Result<Value, Failure> {
    let resource = &call.resource;
    let schema = resource.schema()?;
    let mut object =
        apply::apply(live, applied, manager, &schema, &server.clock.text()).map_err(|error| {
            match error {
                Error::Conflicts(conflicts) => strategy::apply_conflict(&conflicts),
                Error::Malformed(why) => Failure::unclassified(why),
            }
        })?;
    decode(
        resource,
        &mut object,
        FieldValidation::Ignore,
        Defaults::Merged,
    )?;
    metadata::check_place(resource, &mut object, call.namespace(), Some(call.name()))?;
    if let Some(asked) = applied["metadata"]["resourceVersion"].as_str() {
        metadata::of(&mut object).insert("resourceVersion".to_owned(), json!(asked));
    }
    Ok(object)
}

/// A configuration that names the uid or the version of an object must not make another one.
fn refuse_successor(call: &Call, applied: &Value) -> Result<(), Failure> {
    let resource = &call.resource;
    let uid = metadata::uid(applied);
    if !uid.is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(Failure::conflict(
            &resource.group,
            &resource.plural,
            call.name(),
            &why,
        ));
    }
    if applied["metadata"]["resourceVersion"].is_string() {
        return Err(call.not_found());
    }
    Ok(())
}
