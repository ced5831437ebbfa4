//! What a request is refused with: Kubernetes' `Status` object, its reasons, codes and texts.
//!
//! Reads nothing. Clients parse these (`kubectl` by text, kube-rs by reason and code), so the shapes and the wording
//! are Kubernetes'. Not here: which failure a verb chooses.

use serde_json::{Map, Value, json};

/// One offending field of an invalid object, as in `status.details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Kubernetes' name for the kind of mistake, e.g. `FieldValueRequired`.
    pub(crate) reason: &'static str,
    /// Path of the field, e.g. `spec.listeners[1].port`.
    pub(crate) field: String,
    /// What is wrong, without the path, e.g. `Required value: …`.
    pub(crate) message: String,
}

impl Cause {
    /// The value breaks a rule: `Invalid value: <value>: <rule>`.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, rule: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {value}: {rule}"),
        }
    }

    /// The field must be given.
    pub(crate) fn required(field: impl Into<String>, rule: &str) -> Self {
        let message = if rule.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {rule}")
        };
        Self {
            reason: "FieldValueRequired",
            field: field.into(),
            message,
        }
    }

    /// The field may not be given, or not be changed, here.
    pub(crate) fn forbidden(field: impl Into<String>, rule: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.into(),
            message: format!("Forbidden: {rule}"),
        }
    }

    /// The value is none of the supported ones.
    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list = supported
            .iter()
            .map(|s| format!("\"{s}\""))
            .collect::<Vec<_>>()
            .join(", ");
        Self {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message: format!("Unsupported value: {value}: supported values: {list}"),
        }
    }

    fn line(&self) -> String {
        if self.field.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.field, self.message)
        }
    }
}

/// A refused request; becomes a `Status` object.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// HTTP status code.
    pub(crate) code: u16,
    /// Machine-readable reason, e.g. `NotFound`.
    pub(crate) reason: &'static str,
    /// The sentence a user sees.
    pub(crate) message: String,
    /// `None`: the status has no details; empty is not the same.
    details: Option<Map<String, Value>>,
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details
            .get_or_insert_default()
            .insert(key.to_owned(), value.into());
        self
    }

    fn with_empty_details(mut self) -> Self {
        self.details = Some(Map::new());
        self
    }

    fn about(self, group: &str, kind: &str, name: &str) -> Self {
        let this = if group.is_empty() {
            self
        } else {
            self.with("group", group)
        };
        let this = if kind.is_empty() {
            this
        } else {
            this.with("kind", kind)
        };
        if name.is_empty() {
            this
        } else {
            this.with("name", name)
        }
    }

    /// No such object.
    pub(crate) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(group, plural));
        Self::new(404, "NotFound", message).about(group, plural, name)
    }

    /// A node does not know what it was asked for.
    pub(crate) fn not_found_on_node(message: &str) -> Self {
        let message = format!("the server could not find the requested resource ({message})");
        Self::new(404, "NotFound", message)
    }

    /// No such path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with_empty_details()
    }

    /// An object of that name is there already.
    pub(crate) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(group, plural));
        Self::new(409, "AlreadyExists", message).about(group, plural, name)
    }

    /// The object changed meanwhile, or a precondition does not hold.
    pub(crate) fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            qualified(group, plural)
        );
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// The resourceVersion sent is not the current one.
    pub(crate) fn stale(group: &str, plural: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, plural, name, why)
    }

    /// Server-side apply met fields that others own.
    pub(crate) fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        let text = apply_conflict_text(conflicts);
        Self::new(409, "Conflict", text).with("causes", causes)
    }

    /// The object breaks rules.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut lines: Vec<String> = Vec::new();
        for line in causes.iter().map(Cause::line) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let text = match lines.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", lines.join(", ")),
        };
        let causes: Vec<Value> = causes
            .iter()
            .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}))
            .collect();
        Self::new(
            422,
            "Invalid",
            format!("{} \"{name}\" is invalid: {text}", qualified(group, kind)),
        )
        .about(group, kind, name)
        .with("causes", causes)
    }

    /// The request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The request is understood and cannot be carried out on this object.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message).with_empty_details()
    }

    /// Nobody, or somebody unknown, is asking.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// What is asked is never allowed on this object.
    pub(crate) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: {why}",
            qualified(group, plural)
        );
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// The namespace is going away.
    pub(crate) fn terminating(
        group: &str,
        plural: &str,
        name: &str,
        why: &str,
        namespace: &str,
    ) -> Self {
        let message = format!("namespace {namespace} is being terminated");
        Self::forbidden(group, plural, name, why).with(
            "causes",
            json!([{"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}]),
        )
    }

    /// The path is there, the verb is not.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with_empty_details()
    }

    /// The answer cannot be given in any of the formats the client accepts.
    pub(crate) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf";
        Self::new(406, "NotAcceptable", message).with_empty_details()
    }

    /// The body is in a format that is not understood.
    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// No patch has this format.
    pub(crate) fn no_such_patch() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_empty_details()
    }

    /// Options of a request that make no sense; `kind` is e.g. `DeleteOptions`.
    pub(crate) fn invalid_options(kind: &str, causes: &[Cause]) -> Self {
        Self::invalid("meta.k8s.io", kind, "", causes)
    }

    /// The body is larger than the server takes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// The history the client asks for is gone.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The client is ahead of the server.
    pub(crate) fn too_large_resource_version(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        Self::new(504, "Timeout", message)
            .with("causes", json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]))
            .with("retryAfterSeconds", 1)
    }

    /// A disruption budget says no.
    pub(crate) fn eviction_refused(message: &str, cause: &str) -> Self {
        Self::new(429, "TooManyRequests", message).with(
            "causes",
            json!([{"reason": "DisruptionBudget", "message": cause}]),
        )
    }

    /// What a kube-apiserver has no reason for.
    pub(crate) fn unclassified(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// The server itself failed.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {}", message.into()),
        )
    }

    /// The node cannot be reached.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// The `Status` object that says so.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = Value::Object(details.clone());
        }
        status
    }
}

fn apply_conflict_text(conflicts: &[(String, String)]) -> String {
    if let [(manager, field)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {field}");
    }
    let mut managers: Vec<&str> = conflicts
        .iter()
        .map(|(manager, _)| manager.as_str())
        .collect();
    managers.sort_unstable();
    managers.dedup();
    let mut lines = Vec::new();
    for manager in managers {
        lines.push(format!("conflicts with {manager}:"));
        lines.extend(
            conflicts
                .iter()
                .filter(|(m, _)| m == manager)
                .map(|(_, field)| format!("- {field}")),
        );
    }
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

/// `pods`, `deployments.apps`: how Kubernetes names a resource or kind in a sentence.
pub(crate) fn qualified(group: &str, noun: &str) -> String {
    if group.is_empty() {
        noun.to_owned()
    } else {
        format!("{noun}.{group}")
    }
}
