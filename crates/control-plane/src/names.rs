//! What names, labels and annotations may look like, with Kubernetes' wording. Pure.

use serde_json::Value;

use crate::failure::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// 256 KiB for all keys and values of annotations together.
const ANNOTATIONS_LIMIT_BYTES: usize = 256 * 1024;
/// Longest name of most objects.
pub(crate) const SUBDOMAIN_LIMIT: usize = 253;

fn alnum(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

/// What is wrong with a name made of dotted labels.
pub(crate) fn subdomain(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.len() > SUBDOMAIN_LIMIT {
        wrong.push(too_long(SUBDOMAIN_LIMIT));
    }
    if !name.split('.').all(is_label) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// What is wrong with a name that is one label.
pub(crate) fn label(name: &str) -> Vec<String> {
    if name.contains('.') {
        return vec!["must not contain dots".to_owned()];
    }
    let mut wrong = Vec::new();
    if name.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(name) {
        wrong.push(LABEL.to_owned());
    }
    wrong
}

/// What is wrong with a name that is one label and begins with a letter.
pub(crate) fn label_1035(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(name) || !name.as_bytes().first().is_some_and(u8::is_ascii_lowercase) {
        wrong.push(LABEL_1035.to_owned());
    }
    wrong
}

/// What is wrong with a name that only must fit into a path.
pub(crate) fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ['/', '%']
        .iter()
        .filter(|&&c| name.contains(c))
        .map(|c| format!("may not contain '{c}'"))
        .collect()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|&c| alnum(c))
        && bytes.last().is_some_and(|&c| alnum(c))
        && bytes.iter().all(|&c| alnum(c) || c == b'-')
}

fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
}

/// What is wrong with `name` or `prefix/name`, as keys of labels are.
pub(crate) fn qualified(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let part = match name.split_once('/') {
        Some((_, rest)) if rest.contains('/') => {
            return vec![format!(
                "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                QUALIFIED.trim_start_matches("name part ")
            )];
        }
        Some(("", part)) => {
            wrong.push("prefix part must be non-empty".to_owned());
            part
        }
        Some((prefix, part)) => {
            wrong.extend(
                subdomain(prefix)
                    .into_iter()
                    .map(|w| format!("prefix part {w}")),
            );
            part
        }
        None => name,
    };
    if part.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if part.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !is_word(part) {
        wrong.push(QUALIFIED.to_owned());
    }
    wrong
}

/// What is wrong with the value of a label.
pub(crate) fn label_value(value: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if value.len() > 63 {
        wrong.push(too_long(63));
    }
    if !value.is_empty() && !is_word(value) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// What is wrong with the labels, annotations and finalizers of an object's metadata.
pub(crate) fn check_metadata(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        let shown = |text: &str| Value::String(text.to_owned());
        causes.extend(
            qualified(key)
                .iter()
                .map(|w| Cause::invalid("metadata.labels", &shown(key), w)),
        );
        let text = value.as_str().unwrap_or_default();
        causes.extend(
            label_value(text)
                .iter()
                .map(|w| Cause::invalid("metadata.labels", &shown(text), w)),
        );
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        let wrong = qualified(&key.to_lowercase());
        let key = Value::String(key.clone());
        causes.extend(
            wrong
                .iter()
                .map(|w| Cause::invalid("metadata.annotations", &key, w)),
        );
    }
    if size > ANNOTATIONS_LIMIT_BYTES {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            field: "metadata.annotations".to_owned(),
            message: format!("Too long: may not be more than {ANNOTATIONS_LIMIT_BYTES} bytes"),
        });
    }
    for (at, finalizer) in metadata["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let text = finalizer.as_str().unwrap_or_default();
        let wrong = qualified(text);
        causes.extend(
            wrong
                .iter()
                .map(|w| Cause::invalid("metadata.finalizers", finalizer, w)),
        );
        if !text.contains('/') && !matches!(text, "orphan" | "foregroundDeletion" | "kubernetes") {
            let rule = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(
                format!("metadata.finalizers[{at}]"),
                finalizer,
                rule,
            ));
        }
    }
    causes.extend(check_owners(metadata));
    causes
}

fn check_owners(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut controllers: Vec<&str> = Vec::new();
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for (field, text) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::invalid(
                    format!("metadata.ownerReferences.{field}"),
                    &Value::String(String::new()),
                    text,
                ));
            }
        }
        if owner["controller"] == true {
            controllers.push(owner["name"].as_str().unwrap_or_default());
        }
    }
    if let [first, .., last] = controllers.as_slice() {
        let rule = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {last}"
        );
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            &metadata["ownerReferences"],
            &rule,
        ));
    }
    causes
}

#[cfg(test)]
mod tests;
