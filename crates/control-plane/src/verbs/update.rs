//! update, patch and apply: an object becomes another, in whole or in one part.
//!
//! Invariants: a write that changes nothing is not stored and keeps its resourceVersion; one without a
//! resourceVersion is tried again on what is there meanwhile, one with is refused.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use crate::apply::{self, Manager};
use crate::body;
use crate::failure::{Cause, Failure};
use crate::patch;
use crate::resource::Source;
use crate::schema::Defaults;
use crate::server::{Call, Server};
use crate::store::{Change, CommitError, Expect, Record};
use crate::verbs::create::{self, Tracking, check, decode, decode_body, put, stored_form};
use crate::verbs::delete;
use crate::{answer, metadata, strategy};

/// How often a write without a resourceVersion is tried again when others are faster.
const ATTEMPTS: usize = 32;

/// Which part of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but `status`, where that is apart.
    Main,
    /// Only `status`.
    Status,
    /// `spec.replicas`, through a scale.
    Scale,
    /// A Pod's node, and the status that says so.
    Binding,
    /// Everything; only the server itself writes so.
    Whole,
}

impl Part {
    fn subresource(self) -> Option<&'static str> {
        match self {
            Self::Main | Self::Whole => None,
            Self::Status => Some("status"),
            Self::Binding => Some("binding"),
            Self::Scale => Some("scale"),
        }
    }
}

/// Makes of the live object what it is to become; asked again whenever somebody else was faster.
pub(crate) type Propose<'a> = dyn Fn(&Value) -> Result<Proposal, Failure> + Send + Sync + 'a;

/// What a write makes of the live object.
pub(crate) struct Proposal {
    pub(crate) object: Value,
    pub(crate) tracking: Tracking,
    pub(crate) warnings: Vec<String>,
}

/// Replace an object.
pub(crate) async fn update(
    server: &Server,
    call: &Call,
    bytes: &[u8],
    part: Part,
) -> Result<Response, Failure> {
    let (mut object, warnings) = decode_body(server, call, bytes)?;
    metadata::check_place(
        &call.resource,
        &mut object,
        call.namespace(),
        Some(call.name()),
    )?;
    let no_revision = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .is_empty();
    if no_revision && matches!(call.resource.source, Source::Custom(_)) {
        let cause = Cause {
            reason: "FieldValueInvalid",
            field: "metadata.resourceVersion".to_owned(),
            message: "Invalid value: 0: must be specified for an update".to_owned(),
        };
        return Err(Failure::invalid(
            &call.resource.group,
            &call.resource.kind,
            call.name(),
            &[cause],
        ));
    }
    let propose = |_: &Value| {
        Ok(Proposal {
            object: object.clone(),
            tracking: Tracking::Track,
            warnings: warnings.clone(),
        })
    };
    change(server, call, part, &propose).await
}

/// Patch an object, whichever way.
pub(crate) async fn patch(
    server: &Server,
    call: &Call,
    bytes: &[u8],
    part: Part,
) -> Result<Response, Failure> {
    let kind = call
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let propose: Box<Propose<'_>> = match kind {
        "application/apply-patch+yaml" => return apply(server, call, bytes, part).await,
        "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => {
            let change = body::parse(kind, bytes)?.value;
            let kind = kind.to_owned();
            Box::new(move |live| propose_patch(server, call, &kind, &change, live))
        }
        other => {
            let accepted = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";
            return Err(Failure::unsupported_media_type(other, accepted));
        }
    };
    change(server, call, part, &*propose).await
}

fn propose_patch(
    server: &Server,
    call: &Call,
    kind: &str,
    change: &Value,
    live: &Value,
) -> Result<Proposal, Failure> {
    let resource = &call.resource;
    let patched = match kind {
        "application/json-patch+json" => patch::json(live, change),
        "application/merge-patch+json" => patch::merge(live, change),
        _ if resource.source == Source::Builtin => {
            patch::strategic(&*resource.schema(&server.store)?, live, change)
        }
        _ => {
            let accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(Failure::unsupported_media_type(kind, accepted));
        }
    };
    let mut object = patched.map_err(|error| match error {
        patch::Error::Malformed(why) => Failure::bad_request(why),
        patch::Error::Inapplicable(why) => Failure::unprocessable(why),
    })?;
    metadata::check_type(resource, &mut object)?;
    metadata::check_place(resource, &mut object, call.namespace(), Some(call.name()))?;
    let warnings = decode(
        server,
        resource,
        &mut object,
        call.query.field_validation()?,
        Defaults::Fill,
    )?;
    Ok(Proposal {
        object,
        tracking: Tracking::Track,
        warnings,
    })
}

/// Server-side apply, which also creates.
async fn apply(
    server: &Server,
    call: &Call,
    bytes: &[u8],
    part: Part,
) -> Result<Response, Failure> {
    let resource = &call.resource;
    let mode = call.query.field_validation()?;
    let Some(manager) = call.query.get("fieldManager").map(str::to_owned) else {
        return Err(Failure::bad_request(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    };
    let force = call.query.flag("force");
    let parsed = body::parse("application/apply-patch+yaml", bytes)?;
    let mut applied = parsed.value;
    metadata::check_type(resource, &mut applied)?;
    if applied["metadata"]["managedFields"]
        .as_array()
        .is_some_and(|m| !m.is_empty())
    {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    metadata::check_place(resource, &mut applied, call.namespace(), Some(call.name()))?;
    let mut warnings = create::report_duplicates(call, &parsed.duplicates, mode)?;
    warnings.extend(decode(
        server,
        resource,
        &mut applied,
        mode,
        Defaults::Skip,
    )?);

    let merge = |live: Option<&Value>| -> Result<Proposal, Failure> {
        let schema = resource.schema(&server.store)?;
        let manager = Manager {
            name: &manager,
            subresource: part.subresource(),
            force,
        };
        let mut object = apply::apply(live, &applied, &manager, &schema, &server.clock.text())
            .map_err(|error| match error {
                apply::Error::Conflicts(conflicts) => strategy::apply_conflict(&conflicts),
                apply::Error::Malformed(why) => Failure::bad_request(why),
            })?;
        decode(
            server,
            resource,
            &mut object,
            crate::schema::FieldValidation::Ignore,
            Defaults::Fill,
        )?;
        if let Some(asked) = applied["metadata"]["resourceVersion"].as_str() {
            metadata::of(&mut object).insert("resourceVersion".to_owned(), asked.into());
        }
        Ok(Proposal {
            object,
            tracking: Tracking::Applied,
            warnings: warnings.clone(),
        })
    };
    if server.store.get(&call.key()).is_none() && part == Part::Main {
        let dry_run = call.query.dry_run()?;
        if applied["metadata"]["uid"].is_string()
            || applied["metadata"]["resourceVersion"].is_string()
        {
            return Err(call.not_found());
        }
        let proposal = merge(None)?;
        match create::insert(server, call, proposal.object, dry_run, Tracking::Applied).await {
            Ok((record, more)) => {
                let body = answer::object(resource, call.shape, &record, server.clock.now())?;
                let warnings: Vec<String> = proposal.warnings.into_iter().chain(more).collect();
                return Ok(answer::with_warnings(
                    answer::json_response(StatusCode::CREATED, body),
                    &warnings,
                ));
            }
            // Somebody was faster: then it is a change.
            Err(failure) if failure.reason == "AlreadyExists" => {}
            Err(failure) => return Err(failure),
        }
    }
    change(server, call, part, &|live: &Value| merge(Some(live))).await
}

/// Carries out a change of one object and answers with it.
pub(crate) async fn change(
    server: &Server,
    call: &Call,
    part: Part,
    propose: &Propose<'_>,
) -> Result<Response, Failure> {
    let (record, warnings) = store(server, call, part, propose).await?;
    let body = answer::object(&call.resource, call.shape, &record, server.clock.now())?;
    Ok(answer::with_warnings(
        answer::json_response(StatusCode::OK, body),
        &warnings,
    ))
}

/// Carries out a change of one object.
pub(crate) async fn store(
    server: &Server,
    call: &Call,
    part: Part,
    propose: &Propose<'_>,
) -> Result<(Record, Vec<String>), Failure> {
    let dry_run = call.query.dry_run()?;
    for _ in 0..ATTEMPTS {
        let record = server
            .store
            .get(&call.key())
            .ok_or_else(|| call.not_found())?;
        let live = answer::at_version(&call.resource, &record)?;
        let Proposal {
            mut object,
            tracking,
            warnings,
        } = propose(&live)?;
        check_preconditions(call, &live, &object)?;
        complete(server, call, part, &live, &mut object, tracking)?;
        if object == live {
            return Ok((record, warnings));
        }
        let expect = Expect::At(record.revision);
        let stored = stored_form(&call.resource, object);
        let done = if delete::is_finished(&stored) && !dry_run {
            server
                .commit(call.key(), expect, Change::Remove(stored))
                .await
        } else {
            put(server, call.key(), expect, stored, dry_run).await
        };
        match done {
            Ok(record) => return Ok((record, warnings)),
            Err(CommitError::Exists | CommitError::Changed) => {}
            Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
        }
    }
    Err(call.stale())
}

/// Refuses if the writer means another uid or revision than the live one.
fn check_preconditions(call: &Call, live: &Value, object: &Value) -> Result<(), Failure> {
    let resource = &call.resource;
    let given_uid = metadata::uid(object);
    if !given_uid.is_empty() && given_uid != metadata::uid(live) {
        let why = format!(
            "Precondition failed: UID in precondition: {given_uid}, UID in object meta: {}",
            metadata::uid(live)
        );
        return Err(Failure::conflict(
            &resource.group,
            &resource.plural,
            call.name(),
            &why,
        ));
    }
    let given = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    let unconditional = given.is_empty() || given == "0";
    if !unconditional && Some(given) != live["metadata"]["resourceVersion"].as_str() {
        return Err(call.stale());
    }
    Ok(())
}

/// Takes over what this write may not change, checks the rest, and records who wrote what.
fn complete(
    server: &Server,
    call: &Call,
    part: Part,
    live: &Value,
    object: &mut Value,
    tracking: Tracking,
) -> Result<(), Failure> {
    let resource = &call.resource;
    strategy::keep_other_part(resource, part, live, object);
    metadata::carry_over(live, object);
    strategy::prepare_update(server, call, part, live, object)?;
    if matches!(part, Part::Main | Part::Scale) {
        metadata::count_generation(resource, live, object);
    }
    let causes = strategy::check_update(resource, part, live, object);
    check(server, resource, object, Some(live), causes)?;
    if tracking == Tracking::Track {
        let schema = resource.schema(&server.store)?;
        let now = server.clock.text();
        apply::track(
            Some(live),
            object,
            &call.manager(),
            part.subresource(),
            &schema,
            &now,
        );
    }
    Ok(())
}
