//! update and patch: an object becomes another, in whole or in one part. Server-side apply is in [`super::apply`].
//!
//! Invariants: a write that changes nothing is not stored and keeps its resourceVersion; one without a
//! resourceVersion is tried again on what is there meanwhile, one with is refused.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::apply;
use crate::body;
use crate::failure::{Cause, Failure};
use crate::patch;
use crate::resource::{Resource, Source};
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
    pub(crate) fn subresource(self) -> Option<&'static str> {
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
    if part == Part::Main && creates(call) && server.store.get(&call.key()).is_none() {
        let dry_run = call.query.dry_run(call.options)?;
        match create::insert(server, call, object.clone(), dry_run, Tracking::Track).await {
            Ok(record) => return created(server, call, &record, &warnings),
            // Somebody was faster: then it is a change.
            Err(failure) if failure.reason == "AlreadyExists" => {}
            Err(failure) => return Err(failure),
        }
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

/// The answer to a write that made an object.
pub(crate) fn created(
    server: &Server,
    call: &Call,
    record: &Record,
    warnings: &[String],
) -> Result<Response, Failure> {
    let body = answer::object(&call.resource, call.shape, record, server.clock.now())?;
    Ok(answer::with_warnings(
        answer::json_response(StatusCode::CREATED, body),
        warnings,
    ))
}

/// Whether an update of an object that is not there makes it.
fn creates(call: &Call) -> bool {
    let Resource {
        source,
        group,
        plural,
        ..
    } = &*call.resource;
    *source == Source::Builtin
        && matches!(
            (group.as_str(), plural.as_str()),
            ("", "limitranges" | "events" | "services" | "endpoints")
                | ("events.k8s.io", "events")
                | ("coordination.k8s.io", "leases")
                | ("node.k8s.io", "runtimeclasses")
                | ("rbac.authorization.k8s.io", _)
        )
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
        "application/apply-patch+yaml" => {
            return super::apply::apply(server, call, bytes, part).await;
        }
        "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => {
            if call.query.get("force").is_some() {
                let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
                return Err(Failure::invalid_options(call.options, &[cause]));
            }
            let change = body::parse(kind, bytes)?.value;
            let kind = kind.to_owned();
            Box::new(move |live| propose_patch(server, call, &kind, &change, live))
        }
        _ => return Err(Failure::no_such_patch()),
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
            patch::strategic(&*resource.schema()?, live, change)
        }
        _ => {
            let accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(Failure::unsupported_media_type(accepted));
        }
    };
    let mut object = patched.map_err(|error| match error {
        patch::Error::Malformed(why) => Failure::bad_request(why),
        patch::Error::Inapplicable(why) => Failure::unprocessable(why),
    })?;
    metadata::check_type(&server.registry(), resource, &mut object)?;
    metadata::check_place(resource, &mut object, call.namespace(), Some(call.name()))?;
    let patched = object.to_string();
    let mode = call.query.field_validation(call.options)?;
    let warnings = decode(resource, &mut object, mode, Defaults::Fill).map_err(|failure| {
        // What a patch makes of an object is told as the value of the patch.
        let why = failure
            .message
            .split_once(" cannot be handled as a ")
            .and_then(|(_, why)| why.split_once(": "));
        let why = why.map_or(failure.message.as_str(), |(_, why)| why);
        Failure::invalid("", "", "", &[Cause::invalid("patch", &json!(patched), why)])
    })?;
    Ok(Proposal {
        object,
        tracking: Tracking::Track,
        warnings,
    })
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
    let dry_run = call.query.dry_run(call.options)?;
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
        if apply::is_no_write(&live, &object) {
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
    let (given, actual) = (metadata::uid(object), metadata::uid(live));
    if !given.is_empty() && given != actual {
        if call.options == "PatchOptions" {
            let cause = Cause::invalid("metadata.uid", &json!(given), "field is immutable");
            return Err(Failure::invalid(
                &resource.group,
                &resource.kind,
                call.name(),
                &[cause],
            ));
        }
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {actual}",
            registry_key(call)
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

/// Where a kube-apiserver would have the object in etcd; it is in one of the texts that clients show.
fn registry_key(call: &Call) -> String {
    let resource = &call.resource;
    let kind = match resource.source {
        Source::Builtin => resource.plural.clone(),
        Source::Custom(_) => format!("{}/{}", resource.group, resource.plural),
    };
    let place = if resource.namespaced {
        format!("{}/{}", call.namespace(), call.name())
    } else {
        call.name().to_owned()
    };
    format!("/registry/{kind}/{place}")
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
        let schema = resource.schema()?;
        let now = server.clock.text();
        apply::track(
            Some(live),
            object,
            &call.manager()?,
            part.subresource(),
            &schema,
            &now,
        );
    }
    if part == Part::Scale && resource.source != Source::Builtin {
        forget_time(object);
    }
    if part == Part::Status && resource.source != Source::Builtin {
        strategy::keep_labels(live, object);
    }
    Ok(())
}

/// A kube-apiserver keeps no time of what was written through a scale.
fn forget_time(object: &mut Value) {
    for entry in crate::defaults::each(&mut object["metadata"], "managedFields") {
        if entry["subresource"] == "scale" {
            entry.as_object_mut().map(|entry| entry.remove("time"));
        }
    }
}
