//! Labels and annotations of users: whether Kubernetes takes them, and whether they are theirs to set.
//!
//! Objects with a label that Kubernetes refuses would never come into being; it is told with the field instead.
//!
//! Source: Kubernetes' `apimachinery/pkg/util/validation`, `IsQualifiedName` and `IsValidLabelValue`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::report::Report;

type Map = BTreeMap<String, String>;

/// Longest name of a key, and longest value of a label.
const LONGEST_WORD: usize = 63;
/// Longest prefix of a key.
const LONGEST_PREFIX: usize = 253;

/// The labels and annotations of a resource itself.
pub(super) fn check_own(metadata: &ObjectMeta, report: &mut Report) {
    check(
        "metadata",
        metadata.labels.as_ref(),
        metadata.annotations.as_ref(),
        report,
    );
}

/// Labels and annotations below `path`.
pub(super) fn check(
    path: &str,
    labels: Option<&Map>,
    annotations: Option<&Map>,
    report: &mut Report,
) {
    for (key, value) in labels.into_iter().flatten() {
        let field = format!("{path}.labels[\"{key}\"]");
        check_label_key(&field, key, report);
        if !(value.is_empty() || is_word(value)) {
            let allowed = "nothing, or at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last";
            report.invalid(&field, value, allowed, "team-a");
        }
    }
    for key in annotations.into_iter().flat_map(BTreeMap::keys) {
        // Kubernetes looks at keys of annotations in lower case.
        let field = format!("{path}.annotations[\"{key}\"]");
        check_key(&field, key, &key.to_lowercase(), report);
    }
}

/// The key of a label.
pub(super) fn check_label_key(field: &str, key: &str, report: &mut Report) {
    check_key(field, key, key, report);
}

fn check_key(field: &str, key: &str, looked_at: &str, report: &mut Report) {
    let (prefix, name) = match looked_at.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, looked_at),
    };
    if !(is_word(name) && prefix.is_none_or(is_subdomain)) {
        let allowed = "a key of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit first and last, behind a DNS \
                       name and `/` or alone";
        report.invalid(field, key, allowed, "example.com/team");
    }
}

/// Labels that the operator finds its objects by, and annotations that it keeps its memory in, are its own.
pub(super) fn forbid_own(field: &str, key: &str, value: &str, report: &mut Report) {
    let is_label = field.contains(".labels[");
    if (is_label && key.starts_with("strimzi.io/")) || key.starts_with("klamm.dev/") {
        let allowed = "a key that begins neither with `strimzi.io/` nor with `klamm.dev/`";
        report.forbidden(field, value, allowed, "example.com/team");
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && ends_well(text)
        && text
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char))
}

fn is_subdomain(text: &str) -> bool {
    let is_label = |label: &str| {
        ends_well(label)
            && label
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-')
    };
    text.len() <= LONGEST_PREFIX && text.split('.').all(is_label)
}

/// A letter or digit is its first and its last.
fn ends_well(text: &str) -> bool {
    let is_end = |end: Option<char>| end.is_some_and(|char| char.is_ascii_alphanumeric());
    is_end(text.chars().next()) && is_end(text.chars().next_back())
}
