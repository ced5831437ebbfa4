//! The three patches that are no apply: JSON patch, JSON merge patch, strategic merge patch.
//!
//! Each takes a document and a patch and gives the new document. Reads the schema only for the strategic patch
//! (which lists merge by which key).
//!
//! Invariant: a failing patch changes nothing.
//!
//! Not here: what a patch may touch, defaulting and validation of the outcome (the verbs, `schema`).

mod strategic;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub(crate) use strategic::strategic;

/// Longest JSON patch: operations.
const MOST_OPERATIONS: usize = 10_000;

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The patch is none: 400.
    Malformed(String),
    /// The patch does not fit the document: 422.
    Inapplicable(String),
}

/// RFC 6902.
pub(crate) fn json(doc: &Value, patch: &Value) -> Result<Value, Error> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|why| Error::Malformed(format!("error decoding patch: {why}")))?;
    if patch.0.len() > MOST_OPERATIONS {
        let count = patch.0.len();
        let text = format!("The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}");
        return Err(Error::Malformed(text));
    }
    let mut out = doc.clone();
    for operation in &patch.0 {
        let one = std::slice::from_ref(operation);
        json_patch::patch(&mut out, one).map_err(|_| Error::Inapplicable(misfit(&out, operation)))?;
    }
    Ok(out)
}

/// Why one operation does not fit, in the words of the library a kube-apiserver uses.
fn misfit(doc: &Value, operation: &json_patch::PatchOperation) -> String {
    use json_patch::PatchOperation as Op;
    let missing = |path: &str| {
        let (parent, _) = path.rsplit_once('/').unwrap_or(("", path));
        doc.pointer(parent).is_none_or(|parent| !parent.is_object() && !parent.is_array())
    };
    let does_not_apply = |verb: &str, path: &str| {
        if missing(path) {
            format!("{verb} operation does not apply: doc is missing path: {path}: missing value")
        } else {
            let key = if verb == "replace" { "key" } else { "path" };
            format!("{verb} operation does not apply: doc is missing {key}: {path}: missing value")
        }
    };
    match operation {
        Op::Add(op) => does_not_apply("add", op.path.as_str()),
        Op::Remove(op) => does_not_apply("remove", op.path.as_str()),
        Op::Replace(op) => does_not_apply("replace", op.path.as_str()),
        Op::Move(op) => does_not_apply("move", op.from.as_str()),
        Op::Copy(op) => does_not_apply("copy", op.from.as_str()),
        Op::Test(op) => format!("testing value {} failed: test failed", op.path.as_str()),
    }
}

/// RFC 7386.
pub(crate) fn merge(doc: &Value, patch: &Value) -> Result<Value, Error> {
    let Value::Object(patch) = patch else {
        return Err(Error::Malformed("Invalid JSON Patch".to_owned()));
    };
    Ok(merged(Some(doc), patch))
}

fn merged(doc: Option<&Value>, patch: &Map<String, Value>) -> Value {
    let mut out = doc.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, change) in patch {
        let new = match change {
            Value::Null => {
                out.remove(name);
                continue;
            }
            Value::Object(inner) => merged(out.get(name), inner),
            other => other.clone(),
        };
        out.insert(name.clone(), new);
    }
    Value::Object(out)
}
