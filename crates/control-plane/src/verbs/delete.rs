//! delete and deletecollection: now, or once everybody with a finalizer agrees.
//!
//! Invariants: an object with finalizers is only marked; a Pod that is bound to a node is only marked until its node
//! confirms (delete with grace 0); preconditions are checked against what is removed.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::clock::seconds;
use crate::crd::CLEANUP_FINALIZER;
use crate::failure::{Cause, Failure};
use crate::resource::{CRD_GROUP, CRD_PLURAL};
use crate::server::{Call, Server};
use crate::store::{Change, CommitError, Expect, Range, Record};
use crate::verbs::create::stored_form;
use crate::verbs::read;
use crate::{answer, body, metadata};

const ATTEMPTS: usize = 32;
/// The finalizer of what waits for its dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of what leaves its dependents behind.
pub(crate) const ORPHAN: &str = "orphan";

/// What becomes of the objects owned by a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// Deleted afterwards.
    Background,
    /// Deleted first.
    Foreground,
    /// Kept, without owner.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) dry_run: bool,
}

impl Options {
    /// As the object itself has it.
    pub(crate) fn unspecified() -> Self {
        Self {
            grace_seconds: None,
            propagation: None,
            uid: None,
            revision: None,
            dry_run: false,
        }
    }

    /// Dependents afterwards.
    pub(crate) fn background() -> Self {
        Self {
            propagation: Some(Propagation::Background),
            ..Self::unspecified()
        }
    }

    /// From a body, else from the query.
    pub(crate) fn parse(call: &Call, bytes: &[u8]) -> Result<Self, Failure> {
        Self::of(call, &body::parse_options(&call.content_type, bytes)?)
    }

    /// From `DeleteOptions`, else from the query.
    pub(crate) fn of(call: &Call, given: &Value) -> Result<Self, Failure> {
        let grace_seconds = match given["gracePeriodSeconds"].as_i64() {
            Some(seconds) => Some(seconds),
            None => call
                .query
                .number("gracePeriodSeconds")?
                .and_then(|s| i64::try_from(s).ok()),
        };
        let policy = given["propagationPolicy"]
            .as_str()
            .or(call.query.get("propagationPolicy"));
        let orphan = given["orphanDependents"]
            .as_bool()
            .or(call.query.get("orphanDependents").map(|t| t == "true"));
        let invalid = |cause| Failure::invalid_options("DeleteOptions", &[cause]);
        let propagation = match (policy, orphan) {
            (Some(policy), Some(_)) => {
                let rule = "orphanDependents and deletionPropagation cannot be both set";
                return Err(invalid(Cause::invalid(
                    "propagationPolicy",
                    &json!(policy),
                    rule,
                )));
            }
            (Some("Background"), None) | (None, Some(false)) => Some(Propagation::Background),
            (Some("Foreground"), None) => Some(Propagation::Foreground),
            (Some("Orphan"), None) | (None, Some(true)) => Some(Propagation::Orphan),
            (None, None) => None,
            (Some(other), None) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                return Err(invalid(Cause::unsupported(
                    "propagationPolicy",
                    &json!(other),
                    &supported,
                )));
            }
        };
        let dry_run = given["dryRun"].as_array().is_some_and(|d| !d.is_empty())
            || call.query.dry_run(call.options)?;
        let precondition = |key: &str| given["preconditions"][key].as_str().map(str::to_owned);
        Ok(Self {
            grace_seconds,
            propagation,
            uid: precondition("uid"),
            revision: precondition("resourceVersion"),
            dry_run,
        })
    }
}

/// What became of an object.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// It is gone; its last state.
    Gone(Record),
    /// It is marked and waits.
    Marked(Record),
}

/// Whether nothing holds back the end of an object whose deletion has begun.
pub(crate) fn is_finished(object: &Value) -> bool {
    let waits_for_node = object["kind"] == "Pod"
        && object["apiVersion"] == "v1"
        && object["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0)
            > 0;
    let holds_namespace = object["kind"] == "Namespace"
        && object["apiVersion"] == "v1"
        && object["spec"]["finalizers"]
            .as_array()
            .is_some_and(|f| !f.is_empty());
    metadata::is_deleting(object)
        && metadata::finalizers(object).is_empty()
        && !waits_for_node
        && !holds_namespace
}

/// Delete one object and answer.
pub(crate) async fn delete(
    server: &Server,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let options = Options::parse(call, bytes)?;
    let deleted = delete_one(server, call, &options).await?;
    let now = server.clock.now();
    match deleted {
        Deleted::Marked(record) => {
            let body = answer::object(&call.resource, call.shape, &record, now)?;
            Ok(answer::json_response(StatusCode::OK, body))
        }
        Deleted::Gone(record) if returns_object(call) => {
            let body = answer::object(&call.resource, call.shape, &record, now)?;
            Ok(answer::json_response(StatusCode::OK, body))
        }
        Deleted::Gone(record) => {
            let object = answer::at_version(&call.resource, &record)?;
            let mut details = json!({"name": call.name(), "kind": call.resource.plural, "uid": metadata::uid(&object)});
            if !call.resource.group.is_empty() {
                details["group"] = call.resource.group.clone().into();
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            Ok(answer::value_response(StatusCode::OK, &status))
        }
    }
}

/// Some kinds answer with the object itself even when it is gone.
fn returns_object(call: &Call) -> bool {
    const KINDS: [&str; 7] = [
        "pods",
        "services",
        "serviceaccounts",
        "persistentvolumeclaims",
        "persistentvolumes",
        "resourcequotas",
        "podtemplates",
    ];
    KINDS.iter().any(|plural| call.resource.is_core(plural))
        || call.resource.is("storage.k8s.io", "storageclasses")
}

/// Delete all that the query selects and answer with what was there.
pub(crate) async fn delete_collection(
    server: &Server,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let options = Options::parse(call, bytes)?;
    let filter = read::filter(call)?;
    let range = Range {
        prefix: &filter.prefix,
        ..Range::default()
    };
    let page = server
        .store
        .list(range, |key, record| {
            filter.accepts(&call.resource, key, record)
        })
        .map_err(|_| Failure::internal("the newest state cannot be listed"))?;
    let mut records = Vec::with_capacity(page.items.len());
    for (key, record) in page.items {
        let (_, _, namespace, name) = key.parts();
        let one = one_of(call, namespace, name);
        match delete_one(server, &one, &options).await {
            Ok(Deleted::Gone(last) | Deleted::Marked(last)) => records.push(last),
            Err(failure) if failure.code == 404 => records.push(record),
            Err(failure) => return Err(failure),
        }
    }
    let metadata = answer::list_metadata(server.store.revision(), None, None);
    let body = answer::list(
        &call.resource,
        call.shape,
        &records,
        &metadata,
        server.clock.now(),
    )?;
    Ok(answer::json_response(StatusCode::OK, body))
}

/// The same call about one object of the collection.
pub(crate) fn one_of(call: &Call, namespace: &str, name: &str) -> Call {
    let mut path = call.path.clone();
    path.namespace = call.resource.namespaced.then(|| namespace.to_owned());
    path.name = Some(name.to_owned());
    Call {
        resource: std::sync::Arc::clone(&call.resource),
        path,
        query: call.query.clone(),
        shape: call.shape,
        content_type: call.content_type.clone(),
        user_agent: call.user_agent.clone(),
        user: call.user.clone(),
        options: call.options,
    }
}

/// Delete one object.
pub(crate) async fn delete_one(
    server: &Server,
    call: &Call,
    options: &Options,
) -> Result<Deleted, Failure> {
    let resource = &call.resource;
    for _ in 0..ATTEMPTS {
        let record = server
            .store
            .get(&call.key())
            .ok_or_else(|| call.not_found())?;
        let live = answer::at_version(resource, &record)?;
        check_preconditions(call, options, &live)?;
        if resource.is_core("namespaces")
            && matches!(
                call.name(),
                "default" | "kube-system" | "kube-public" | "kube-node-lease"
            )
        {
            return Err(Failure::forbidden(
                "",
                "namespaces",
                call.name(),
                "this namespace may not be deleted",
            ));
        }
        let mut object = live.clone();
        mark(server, call, options, &mut object);
        let gone = is_finished(&object);
        if !gone && object == live {
            return Ok(Deleted::Marked(record));
        }
        let stored = stored_form(resource, object);
        if options.dry_run {
            let record = Record {
                revision: record.revision,
                json: stored.to_string().into(),
            };
            return Ok(if gone {
                Deleted::Gone(record)
            } else {
                Deleted::Marked(record)
            });
        }
        let change = if gone {
            Change::Remove(stored)
        } else {
            Change::Put(stored)
        };
        match server
            .commit(call.key(), Expect::At(record.revision), change)
            .await
        {
            Ok(record) if gone => return Ok(Deleted::Gone(record)),
            Ok(record) => return Ok(Deleted::Marked(record)),
            Err(CommitError::Exists | CommitError::Changed) => {}
            Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
        }
    }
    Err(call.stale())
}

fn check_preconditions(call: &Call, options: &Options, live: &Value) -> Result<(), Failure> {
    let differs = |wanted: &Option<String>, actual: &str| {
        wanted
            .as_deref()
            .filter(|w| *w != actual)
            .map(str::to_owned)
    };
    let uid = metadata::uid(live);
    let revision = live["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    let why = match (
        differs(&options.uid, uid),
        differs(&options.revision, revision),
    ) {
        (Some(wanted), _) => format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        ),
        (None, Some(wanted)) => format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
        ),
        (None, None) => return Ok(()),
    };
    Err(Failure::conflict(
        &call.resource.group,
        &call.resource.kind,
        call.name(),
        &why,
    ))
}

/// Writes into the object that its deletion has begun.
fn mark(server: &Server, call: &Call, options: &Options, object: &mut Value) {
    let now = server.clock.now();
    let grace = grace_seconds(call, options, object);
    let pod = call.resource.is_core("pods");
    if let Some(policy) = options.propagation {
        choose_finalizers(policy, object);
    }
    if call.resource.is_core("namespaces") {
        object["status"]["phase"] = "Terminating".into();
    }
    let begun = metadata::is_deleting(object);
    if call.resource.is(CRD_GROUP, CRD_PLURAL) && !begun {
        let mut finalizers: Vec<Value> = metadata::finalizers(object)
            .into_iter()
            .map(Value::from)
            .collect();
        finalizers.push(CLEANUP_FINALIZER.into());
        metadata::of(object).insert("finalizers".to_owned(), finalizers.into());
    }
    let running = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let generation = object["metadata"]["generation"].as_i64();
    let metadata = metadata::of(object);
    if !begun {
        let end = now
            .checked_add(jiff::SignedDuration::from_secs(grace))
            .unwrap_or(now);
        metadata.insert("deletionTimestamp".to_owned(), seconds(end).into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        if let Some(generation) = generation {
            metadata.insert("generation".to_owned(), (generation + 1).into());
        }
    } else if pod && running.is_some_and(|running| grace < running) {
        let end = now
            .checked_add(jiff::SignedDuration::from_secs(grace))
            .unwrap_or(now);
        metadata.insert("deletionTimestamp".to_owned(), seconds(end).into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    }
}

/// How long a Pod may take to stop; everything else takes no time.
fn grace_seconds(call: &Call, options: &Options, object: &Value) -> i64 {
    if !call.resource.is_core("pods") {
        return 0;
    }
    let unbound = object["spec"]["nodeName"]
        .as_str()
        .unwrap_or_default()
        .is_empty();
    let ended = matches!(
        object["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    if unbound || ended {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"]
        .as_i64()
        .unwrap_or(30);
    options.grace_seconds.unwrap_or(own).max(0)
}

fn choose_finalizers(policy: Propagation, object: &mut Value) {
    let wanted = match policy {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let mut finalizers: Vec<String> = metadata::finalizers(object)
        .into_iter()
        .filter(|f| (*f != FOREGROUND && *f != ORPHAN) || Some(*f) == wanted)
        .map(str::to_owned)
        .collect();
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|f| f == wanted)
    {
        finalizers.push(wanted.to_owned());
    }
    let metadata = metadata::of(object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
}
