//! Rules on values that no schema states: what built-in kinds demand of their fields.
//!
//! Reads the schema's identity, the new object and the old one. A choice of a kube-apiserver's rules, in its words:
//! those that a person with a wrong manifest meets, and those that keep this API's promises (immutable fields).
//! Not here: `metadata` (the verbs check names, labels, owners).

use serde_json::Value;

use super::{Schema, text};
use crate::failure::Cause;

/// The kind and version of a custom resource are those of its endpoint.
pub(crate) fn type_meta(schema: &Schema, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, wanted) in [
        ("kind", schema.kind().to_owned()),
        ("apiVersion", schema.api_version()),
    ] {
        let given = new.get(key).and_then(Value::as_str).unwrap_or("");
        if given != wanted {
            let message = format!("Invalid value: {}: must be {wanted}", text::quote(given));
            causes.push(Cause {
                reason: "FieldValueInvalid",
                field: key.to_owned(),
                message,
            });
        }
    }
    causes
}

/// Mistakes of a built-in kind.
pub(crate) fn check(_schema: &Schema, _new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    Vec::new()
}
