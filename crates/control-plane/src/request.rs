//! A request taken apart: what it is about, and what it asks for. Pure.

use std::collections::BTreeMap;

use serde_json::json;

use crate::failure::{Cause, Failure};
use crate::schema::FieldValidation;

/// What a path points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A resource or one of its objects.
    Resource(Path),
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/{group}`
    Group(String),
    /// `/api/v1`, `/apis/{group}/{version}`
    GroupVersion(String, String),
    /// Anything else, e.g. `/version`.
    Plain(Vec<String>),
}

/// The path of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// What the path of a request points at.
pub(crate) fn target(path: &str) -> Target {
    let parts: Vec<String> = path
        .split('/')
        .filter(|p| !p.is_empty())
        .map(decode_percent)
        .collect();
    let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match texts.as_slice() {
        ["api"] => return Target::CoreVersions,
        ["apis"] => return Target::Groups,
        ["apis", group] => return Target::Group((*group).to_owned()),
        ["api", version] => return Target::GroupVersion(String::new(), (*version).to_owned()),
        ["apis", group, version] => {
            return Target::GroupVersion((*group).to_owned(), (*version).to_owned());
        }
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Target::Plain(parts),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if is_inside_namespace(group, rest) => {
            (Some(*namespace), rest)
        }
        _ => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, None, None),
        [plural, name] => (*plural, Some(*name), None),
        [plural, name, subresource @ ..] => (*plural, Some(*name), Some(subresource.join("/"))),
        [] => return Target::Plain(parts),
    };
    Target::Resource(Path {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        subresource,
    })
}

/// `namespaces/x/pods` is inside x; `namespaces/x` and `namespaces/x/status` are the namespace itself.
fn is_inside_namespace(group: &str, rest: &[&str]) -> bool {
    match rest {
        [] => false,
        [only] => !(group.is_empty() && matches!(*only, "status" | "finalize")),
        _ => true,
    }
}

fn decode_percent(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let (value, length) = match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => (value, 3),
            None => (byte, 1),
        };
        decoded.push(value);
        at += length;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The parameters behind the question mark; of repeated ones the first counts, except where lists are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    values: BTreeMap<String, Vec<String>>,
}

impl Query {
    /// Take a query string apart.
    pub(crate) fn parse(text: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decode_percent(&text.replace('+', " "));
            values.entry(plain(key)).or_default().push(plain(value));
        }
        Self { values }
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)?
            .first()
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A switch: there, and not `false` or `0`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        let Some(values) = self.values.get(key) else {
            return false;
        };
        !matches!(values.first().map(String::as_str), Some("false" | "0"))
    }

    /// A number.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| Failure::bad_request(format!("invalid {key} \"{text}\": not a number")))?;
        Ok(Some(number))
    }

    /// A resourceVersion.
    pub(crate) fn revision(&self) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get("resourceVersion") else {
            return Ok(None);
        };
        let revision = text.parse().map_err(|_| {
            Failure::bad_request(format!(
                "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        })?;
        Ok(Some(revision))
    }

    /// Whether nothing is to be stored; `options` is what the parameters are called together, e.g. `CreateOptions`.
    pub(crate) fn dry_run(&self, options: &str) -> Result<bool, Failure> {
        match self.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                let cause = Cause::unsupported("dryRun", &json!([other]), &["All"]);
                Err(Failure::invalid_options(options, &[cause]))
            }
        }
    }

    /// What to do about unknown fields.
    pub(crate) fn field_validation(&self, options: &str) -> Result<FieldValidation, Failure> {
        match self.get("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => {
                let cause = Cause::unsupported(
                    "fieldValidation",
                    &json!(other),
                    &["", "Ignore", "Strict", "Warn"],
                );
                Err(Failure::invalid_options(options, &[cause]))
            }
        }
    }
}

/// Longest name of a field manager.
const MANAGER_LIMIT_BYTES: usize = 128;

/// Who writes, for managedFields: what they call themselves, else the first word of their user agent.
pub(crate) fn field_manager(
    query: &Query,
    user_agent: Option<&str>,
    options: &str,
) -> Result<String, Failure> {
    let Some(name) = query.get("fieldManager") else {
        let agent = user_agent.unwrap_or("unknown");
        return Ok(agent
            .split('/')
            .next()
            .unwrap_or(agent)
            .chars()
            .take(MANAGER_LIMIT_BYTES)
            .collect());
    };
    if name.len() > MANAGER_LIMIT_BYTES {
        let cause = Cause {
            reason: "FieldValueTooLong",
            field: "fieldManager".to_owned(),
            message: format!("Too long: may not be more than {MANAGER_LIMIT_BYTES} bytes"),
        };
        return Err(Failure::invalid_options(options, &[cause]));
    }
    if name.chars().any(char::is_control) {
        let cause = Cause::invalid(
            "fieldManager",
            &json!(name),
            "should only contain printable characters",
        );
        return Err(Failure::invalid_options(options, &[cause]));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
