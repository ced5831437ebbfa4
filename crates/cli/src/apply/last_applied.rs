//! The annotation by which `kubectl apply` remembers what it applied last, as kubectl itself writes it: so that `klamm up`
//! and `kubectl apply` can take turns on the same files.
//!
//! kubectl asks for it, warns where it is missing, and takes away what it names and the next file does not.

use serde_json::{Map, Number, Value};

/// kubectl's name for it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What the API server takes for all annotations of an object, in bytes; `kubectl apply` fails with more.
const MOST: usize = 256 * 1024;

/// The object as `kubectl apply` would send it: in its namespace, with the annotation, unless that were too large.
pub(super) fn annotated(object: &Value, namespace: Option<&str>) -> Value {
    let mut object = object.clone();
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return object;
    };
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), Value::from(namespace));
    }
    let annotations = metadata
        .entry("annotations")
        .or_insert_with(|| Value::Object(Map::new()));
    if annotations.is_null() {
        *annotations = Value::Object(Map::new());
    }
    let Some(annotations) = annotations.as_object_mut() else {
        // Not a map: the API server says so.
        return object;
    };
    annotations.remove(LAST_APPLIED);
    let text = written(&object);
    let others: usize = object["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if others + LAST_APPLIED.len() + text.len() <= MOST {
        object["metadata"]["annotations"][LAST_APPLIED] = Value::from(text);
    }
    object
}

/// JSON as Go's encoder writes it: keys in order, no space, whole numbers without a point, `<`, `>` and `&` escaped, and a
/// newline behind it.
fn written(object: &Value) -> String {
    let mut text = whole_numbers(object).to_string();
    for (plain, escaped) in [
        ('&', "\\u0026"),
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        text = text.replace(plain, escaped);
    }
    text.push('\n');
    text
}

fn whole_numbers(value: &Value) -> Value {
    /// Up to here every whole number is one in a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            let whole = float.fract() == 0.0 && float.abs() < EXACT;
            let parsed = whole.then(|| format!("{float:.0}").parse::<i64>().ok());
            parsed
                .flatten()
                .map_or_else(|| value.clone(), |whole| Value::Number(Number::from(whole)))
        }
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), whole_numbers(value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_annotation_is_the_object_as_kubectl_writes_it() {
        // As `kubectl apply` 1.34 was seen to write it, but for the escapes, which are those of Go's encoder.
        let object = json!({
            "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"},
            "data": {"b": "1 < 2 & 3 > 2", "a": "x"}, "weight": 3.0, "share": 0.5
        });
        let annotated = annotated(&object, Some("default"));
        assert_eq!(annotated["metadata"]["namespace"], "default");
        assert_eq!(
            annotated["metadata"]["annotations"][LAST_APPLIED],
            "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"x\",\"b\":\"1 \\u003c 2 \\u0026 3 \\u003e 2\"},\"kind\":\"ConfigMap\",\
             \"metadata\":{\"annotations\":{},\"name\":\"a\",\"namespace\":\"default\"},\"share\":0.5,\"weight\":3}\n"
        );
    }

    #[test]
    fn an_annotation_in_the_file_is_written_anew_and_one_that_is_too_large_not_at_all() {
        let object = json!({
            "kind": "Namespace", "apiVersion": "v1",
            "metadata": {"name": "a", "annotations": {LAST_APPLIED: "old", "b": "c"}}
        });
        assert_eq!(
            annotated(&object, None)["metadata"]["annotations"],
            json!({
                LAST_APPLIED: "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"annotations\":{\"b\":\"c\"},\"name\":\"a\"}}\n",
                "b": "c"
            })
        );
        let large = json!({"metadata": {"name": "a"}, "data": {"a": "x".repeat(MOST)}});
        assert_eq!(
            annotated(&large, None)["metadata"]["annotations"],
            json!({})
        );
    }
}
