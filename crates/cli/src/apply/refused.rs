//! What only an API server can refuse, told as `klamm validate` tells problems: file and line, field, what was given, what
//! is allowed, an example.
//!
//! Reads: the answer of the API server and the document it is about. Invariant: no value of a Secret is in what is told.

use kube::core::Status;
use kube::core::response::StatusCause;
use model::problem::{Problem, ProblemReason};
use model::validate::{Document, Located};
use resources::{Violation, ViolationKind, words};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// A document that the API server does not accept as it is.
#[derive(Debug, thiserror::Error)]
#[error("{}\n{}", .lines.join("\n"), told(*.applied))]
pub(crate) struct Refused {
    /// What is wrong, each with its place.
    pub(super) lines: Vec<String>,
    /// How many objects were applied before it.
    pub(super) applied: usize,
}

/// As `klamm validate` tells it.
pub(super) fn line(Located { place, what }: &Located<Problem>) -> String {
    format!("{place}: {}: {what}", what.subject)
}

fn told(applied: usize) -> String {
    match applied {
        0 => "nothing was applied".to_owned(),
        1 => "1 object was applied before it".to_owned(),
        count => format!("{count} objects were applied before it"),
    }
}

/// How a server-side apply begins to say that a document does not fit its schema.
///
/// Source: Kubernetes' `structuredmerge.go`, which answers so with code 500.
const UNTYPED: &str = "failed to create typed patch object (";

/// What the API server says against a document, each with its place; `None` if its answer is about something else.
pub(super) fn lines(document: &Document, answer: &Status) -> Option<Vec<String>> {
    if let Some(mistakes) = answer.message.strip_prefix(UNTYPED) {
        return Some(untyped(document, mistakes));
    }
    if !matches!(answer.code, 400 | 403 | 409 | 422) {
        return None;
    }
    let causes = answer
        .details
        .as_ref()
        .map(|details| details.causes.as_slice());
    let causes = causes.unwrap_or_default();
    // No document is at fault for that, and it passes.
    if causes.iter().any(|cause| cause.reason == TERMINATING) {
        return None;
    }
    // What the API server filled in from a field that is wrong is as wrong, and not the user's.
    let follows = |index: usize, cause: &StatusCause| {
        let mut before = causes.iter().take(index);
        before.any(|earlier| earlier.message == cause.message)
            && !cause.message.starts_with(REQUIRED)
            && found(&document.object, &cause.field).1.is_none()
    };
    let lines: Vec<String> = causes
        .iter()
        .enumerate()
        .filter(|(index, cause)| !cause.field.is_empty() && !follows(*index, cause))
        .map(|(_, cause)| cause)
        .map(|cause| match cause.message.as_str() {
            // Not in the words of a field's errors, which have a kind and a detail.
            message if !message.contains(": ") && !message.starts_with(REQUIRED) => {
                whole(document, message)
            }
            _ => line(&of_cause(document, cause)),
        })
        .collect();
    if lines.is_empty() {
        return Some(vec![whole(document, &answer.message)]);
    }
    Some(lines)
}

/// The reason of the cause when objects are made in a namespace that is going.
/// Source: `NamespaceTerminatingCause` of `k8s.io/api/core/v1`.
const TERMINATING: &str = "NamespaceTerminating";

/// Of the document as a whole, in the API server's words.
fn whole(document: &Document, message: &str) -> String {
    let (kind, name) = (
        text(&document.object, "kind"),
        text(&document.object["metadata"], "name"),
    );
    format!(
        "{}: {kind}/{name}: the API server refuses it: {message}",
        document.place
    )
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// `n/a; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string`, or several, each on a line.
fn untyped(document: &Document, mistakes: &str) -> Vec<String> {
    let mistakes = mistakes
        .split_once("): ")
        .map_or(mistakes, |(_, rest)| rest);
    let mistakes = mistakes.strip_prefix("errors:\n").unwrap_or(mistakes);
    let mistakes = mistakes
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    mistakes
        .map(|mistake| {
            let split = mistake.starts_with('.').then(|| split_mistake(mistake));
            match split.flatten() {
                Some((path, why)) => line(&of_mistake(document, path, why)),
                None => whole(document, mistake),
            }
        })
        .collect()
}

fn of_mistake(document: &Document, path: &str, why: &str) -> Located<Problem> {
    let (path, value) = found(&document.object, path);
    if why.starts_with("field not declared") {
        return document.problem(unknown(document, path));
    }
    if let Some(key) = why.strip_prefix("duplicate entries for key ") {
        return document.problem(Violation {
            path,
            kind: ViolationKind::InvalidValue,
            given: format!("{key} twice"),
            allowed: "each once".to_owned(),
            example: String::new(),
        });
    }
    let wanted = [
        ("expected string", "string"),
        ("expected numeric", "number"),
        ("expected boolean", "boolean"),
        ("expected list", "array"),
        ("expected map", "object"),
    ];
    let wanted = wanted.iter().find(|(says, _)| why.starts_with(says));
    let typed = wanted.and_then(|(_, name)| resources::check_type(&path, name, value?));
    let mut violation = typed.unwrap_or_else(|| Violation {
        path,
        kind: ViolationKind::InvalidValue,
        given: value.map_or_else(|| "what is there".to_owned(), words::given),
        allowed: why.split(", got ").next().unwrap_or_default().to_owned(),
        example: String::new(),
    });
    if is_secret_value(document, &violation.path) {
        SECRET.clone_into(&mut violation.given);
    }
    document.problem(violation)
}

/// The path ends where a colon is followed by a space, outside of keys in brackets.
fn split_mistake(mistake: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (index, char) in mistake.char_indices() {
        match char {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && mistake[index..].starts_with(": ") => {
                return Some((&mistake[..index], &mistake[index + 2..]));
            }
            _ => {}
        }
    }
    None
}

fn unknown(document: &Document, path: String) -> Violation {
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let allowed = format!("those that `{}` lists", explain(document, parent));
    Violation {
        path,
        kind: ViolationKind::UnknownField,
        given: String::new(),
        allowed,
        example: String::new(),
    }
}

/// The command that tells what a field is: it knows no positions.
fn explain(document: &Document, path: &str) -> String {
    let kind = text(&document.object, "kind").to_lowercase();
    let mut parts = path.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    let dot = if plain.is_empty() { "" } else { "." };
    format!("kubectl explain {kind}{dot}{plain}")
}

/// What is said in the place of a value of a Secret, which is nobody's to read in a log.
const SECRET: &str = "what is not shown";

fn is_secret_value(document: &Document, path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or_default();
    text(&document.object, "kind") == "Secret" && matches!(first, "data" | "stringData")
}

/// How the message of a field that is absent begins.
const REQUIRED: &str = "Required value";

/// Source: the words of `k8s.io/apimachinery/pkg/util/validation/field`.
fn of_cause(document: &Document, cause: &StatusCause) -> Located<Problem> {
    let StatusCause {
        reason,
        message,
        field,
    } = cause;
    let reason = match reason.as_str() {
        "FieldValueRequired" => ProblemReason::MissingField,
        "FieldValueDuplicate" => ProblemReason::Duplicate,
        "FieldValueForbidden" => ProblemReason::Forbidden,
        _ => ProblemReason::InvalidValue,
    };
    let (path, value) = found(&document.object, field);
    let (what, detail) = message.split_once(": ").unwrap_or((message, ""));
    // Of a value that is wrong the detail begins with it, as JSON.
    let has_value = what.ends_with(" value") && reason != ProblemReason::MissingField;
    let mut values = serde_json::Deserializer::from_str(detail).into_iter::<Value>();
    let (shown, detail) = match values.next().filter(|_| has_value) {
        Some(Ok(shown)) => (Some(shown), &detail[values.byte_offset()..]),
        Some(Err(_)) | None => (None, detail),
    };
    let detail = detail.trim_start_matches([':', ' ']);
    let given = match value.cloned().or(shown) {
        _ if reason == ProblemReason::MissingField => String::new(),
        Some(_) if is_secret_value(document, &path) => SECRET.to_owned(),
        Some(value) => words::given(&value),
        None => "what is there".to_owned(),
    };
    let (allowed, example) = match (in_our_words(detail), reason) {
        (_, ProblemReason::Forbidden) => (format!("nothing: {detail}"), String::new()),
        ((allowed, example), ProblemReason::Duplicate) if allowed.is_empty() => {
            ("each once".to_owned(), example)
        }
        ((allowed, example), _) if allowed.is_empty() => {
            (format!("see `{}`", explain(document, &path)), example)
        }
        (words, _) => words,
    };
    let mut problem = document.problem(Violation {
        path,
        kind: ViolationKind::InvalidValue,
        given,
        allowed,
        example,
    });
    problem.what.reason = reason;
    problem
}

/// What is allowed, and an example where the API server names one.
fn in_our_words(detail: &str) -> (String, String) {
    if let Some(values) = detail.strip_prefix("supported values: ") {
        let first = values.split(", ").next().unwrap_or_default();
        return (
            format!("one of {values}"),
            first.trim_matches('"').to_owned(),
        );
    }
    if detail == "field is immutable" {
        return (
            "what it is already: it cannot be changed".to_owned(),
            String::new(),
        );
    }
    let between = |before: &str, is_end: fn(char) -> bool| {
        let (_, rest) = detail.split_once(before)?;
        let found = rest.split(is_end).next()?;
        (!found.is_empty()).then(|| found.to_owned())
    };
    let is_no_digit = |char: char| !char.is_ascii_digit();
    let example = between("(e.g. '", |char| char == '\'')
        .or_else(|| between("greater than or equal to ", is_no_digit))
        .or_else(|| between("less than or equal to ", is_no_digit))
        .or_else(|| between("between ", is_no_digit))
        .unwrap_or_default();
    let words = detail.split(" (e.g. ").next().unwrap_or_default();
    let allowed = match words.strip_prefix("must be ") {
        Some(allowed) => allowed.to_owned(),
        None if words.is_empty() || words.starts_with("a ") || words.starts_with("an ") => {
            words.to_owned()
        }
        None => format!("what the API server takes: {words}"),
    };
    (allowed, example)
}

/// A path as the API server writes it, in ours, with the value that stands there.
///
/// Theirs names items by their keys (`[name="a"]`) and does not quote names with dots.
fn found<'a>(object: &'a Value, path: &str) -> (String, Option<&'a Value>) {
    let mut ours = String::new();
    let mut here = Some(object);
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').unwrap_or((inner, ""));
            rest = after;
            let is_item = key.contains('=') || key.parse::<usize>().is_ok();
            if here.is_some_and(Value::is_object) || !is_item {
                ours = words::join(&ours, key);
                here = here.and_then(|here| here.get(key));
            } else {
                let items = here.and_then(Value::as_array);
                let index = items.and_then(|items| index_of(items, key));
                let shown = index.map_or_else(|| key.to_owned(), |index| index.to_string());
                ours = format!("{ours}[{shown}]");
                here = index.and_then(|index| items?.get(index));
            }
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let name = name_at(here, rest);
            rest = &rest[name.len()..];
            ours = words::join(&ours, name);
            here = here.and_then(|here| here.get(name));
        }
    }
    (ours, here)
}

/// The name that a rest of a path begins with: the longest that the map has, for names may hold dots.
fn name_at<'a>(here: Option<&Value>, rest: &'a str) -> &'a str {
    let names = here.and_then(Value::as_object).into_iter().flatten();
    let known = names
        .map(|(name, _)| name.len())
        .filter(|length| {
            rest.get(..*length)
                .is_some_and(|name| here.is_some_and(|here| here.get(name).is_some()))
                && matches!(rest.as_bytes().get(*length), None | Some(b'.' | b'['))
        })
        .max();
    let plain = || rest.find(['.', '[']).unwrap_or(rest.len());
    rest.get(..known.unwrap_or_else(plain)).unwrap_or(rest)
}

/// `0`, `name="a"` or `containerPort=80,protocol="TCP"`.
fn index_of(items: &[Value], key: &str) -> Option<usize> {
    if let Ok(index) = key.parse() {
        return Some(index);
    }
    let wanted: Vec<(&str, Value)> = key
        .split(',')
        .filter_map(|part| part.split_once('='))
        .filter_map(|(name, value)| Some((name, serde_json::from_str(value).ok()?)))
        .collect();
    items.iter().position(|item| {
        let mut wanted = wanted.iter();
        wanted.all(|(name, value)| {
            // Keys that are left out have a default.
            item.get(name).is_none_or(|given| given == value)
        })
    })
}
