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

/// All that a kube-apiserver says of an operation that does not fit.
const MISFIT: &str = "the server rejected our request due to an error in our request";

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
    if !patch.is_array() {
        return Err(no_patch(patch, "[]handlers.jsonPatchOp"));
    }
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|why| Error::Malformed(format!("error decoding patch: {why}")))?;
    if patch.0.len() > MOST_OPERATIONS {
        let count = patch.0.len();
        let text = format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}"
        );
        return Err(Error::Malformed(text));
    }
    let mut out = doc.clone();
    for operation in &patch.0 {
        if let json_patch::PatchOperation::Replace(replace) = operation
            && put(&mut out, replace.path.as_str(), &replace.value)
        {
            continue;
        }
        json_patch::patch(&mut out, std::slice::from_ref(operation))
            .map_err(|_| Error::Inapplicable(MISFIT.to_owned()))?;
    }
    Ok(out)
}

fn no_patch(patch: &Value, wanted: &str) -> Error {
    let kind = match patch {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Error::Malformed(format!(
        "error decoding patch: json: cannot unmarshal {kind} into Go value of type {wanted}"
    ))
}

/// Sets a field of an object that is there: as in Kubernetes, replacing a field that is not there adds it.
fn put(doc: &mut Value, path: &str, value: &Value) -> bool {
    let Some((parent, field)) = path.rsplit_once('/') else {
        return false;
    };
    let Some(Value::Object(map)) = doc.pointer_mut(parent) else {
        return false;
    };
    map.insert(field.replace("~1", "/").replace("~0", "~"), value.clone());
    true
}

/// RFC 7386.
pub(crate) fn merge(doc: &Value, patch: &Value) -> Result<Value, Error> {
    let Value::Object(patch) = patch else {
        return Err(no_patch(patch, "map[string]interface {}"));
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
