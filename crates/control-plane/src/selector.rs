//! Label and field selectors: read from a query, and from objects that carry them. Pure.

use serde_json::{Map, Value};

use crate::failure::Failure;

/// One demand on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Above(String, i64),
    Below(String, i64),
}

/// Which labels an object must have; empty accepts everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector {
    demands: Vec<Demand>,
    nothing: bool,
}

impl LabelSelector {
    /// `a=b,c in (d, e),!f`
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut demands = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let demand = parse_demand(part).ok_or_else(|| {
                Failure::bad_request(format!(
                    "unable to parse requirement: {}",
                    misunderstood(part)
                ))
            })?;
            demands.push(demand);
        }
        Ok(Self {
            demands,
            nothing: false,
        })
    }

    /// A `LabelSelector` object (`matchLabels`, `matchExpressions`); absent selects nothing, empty everything.
    pub(crate) fn of_object(selector: &Value) -> Self {
        let Some(selector) = selector.as_object() else {
            return Self {
                demands: Vec::new(),
                nothing: true,
            };
        };
        let mut demands: Vec<Demand> = match selector.get("matchLabels").and_then(Value::as_object)
        {
            Some(labels) => Self::of_map(labels).demands,
            None => Vec::new(),
        };
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = || -> Vec<String> {
                let given = expression["values"].as_array().into_iter().flatten();
                given.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            match expression["operator"].as_str() {
                Some("In") => demands.push(Demand::In(key, values())),
                Some("NotIn") => demands.push(Demand::NotIn(key, values())),
                Some("Exists") => demands.push(Demand::Exists(key)),
                Some("DoesNotExist") => demands.push(Demand::Missing(key)),
                _ => {
                    return Self {
                        demands: Vec::new(),
                        nothing: true,
                    };
                }
            }
        }
        Self {
            demands,
            nothing: false,
        }
    }

    /// A plain map of labels, all of which must be there.
    pub(crate) fn of_map(labels: &Map<String, Value>) -> Self {
        let demand = |(key, value): (&String, &Value)| {
            Demand::In(
                key.clone(),
                vec![value.as_str().unwrap_or_default().to_owned()],
            )
        };
        Self {
            demands: labels.iter().map(demand).collect(),
            nothing: false,
        }
    }

    /// Whether it accepts everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.demands.is_empty() && !self.nothing
    }

    /// Whether these labels satisfy it.
    pub(crate) fn accepts<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.nothing
            && self.demands.iter().all(|demand| match demand {
                Demand::In(key, values) => {
                    label(key).is_some_and(|v| values.iter().any(|w| w == v))
                }
                Demand::NotIn(key, values) => {
                    label(key).is_none_or(|v| values.iter().all(|w| w != v))
                }
                Demand::Exists(key) => label(key).is_some(),
                Demand::Missing(key) => label(key).is_none(),
                Demand::Above(key, bound) => label(key)
                    .and_then(|v| v.parse().ok())
                    .is_some_and(|v: i64| v > *bound),
                Demand::Below(key, bound) => label(key)
                    .and_then(|v| v.parse().ok())
                    .is_some_and(|v: i64| v < *bound),
            })
    }

    /// Whether an object's labels satisfy it.
    pub(crate) fn accepts_object(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.accepts(|key| labels[key].as_str())
    }

    /// Its text, as in `status.selector` of a scale.
    pub(crate) fn text(&self) -> String {
        let list = |values: &[String]| values.join(",");
        let parts: Vec<String> = self
            .demands
            .iter()
            .map(|demand| match demand {
                Demand::In(key, values) if values.len() == 1 => format!("{key}={}", list(values)),
                Demand::In(key, values) => format!("{key} in ({})", list(values)),
                Demand::NotIn(key, values) if values.len() == 1 => {
                    format!("{key}!={}", list(values))
                }
                Demand::NotIn(key, values) => format!("{key} notin ({})", list(values)),
                Demand::Exists(key) => key.clone(),
                Demand::Missing(key) => format!("!{key}"),
                Demand::Above(key, bound) => format!("{key}>{bound}"),
                Demand::Below(key, bound) => format!("{key}<{bound}"),
            })
            .collect();
        parts.join(",")
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_demand(part: &str) -> Option<Demand> {
    let key_of = |key: &str| is_label_key(key.trim()).then(|| key.trim().to_owned());
    if let Some(key) = part.strip_prefix('!') {
        return key_of(key).map(Demand::Missing);
    }
    if let Some(open) = part.find('(') {
        let values: Vec<String> = part[open + 1..]
            .strip_suffix(')')?
            .split(',')
            .map(|v| v.trim().to_owned())
            .collect();
        let mut words = part[..open].split_whitespace();
        let (key, operator) = (key_of(words.next()?)?, words.next()?);
        return match operator {
            "in" => Some(Demand::In(key, values)),
            "notin" => Some(Demand::NotIn(key, values)),
            _ => None,
        };
    }
    let values = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Demand::NotIn(key_of(key)?, values(value)));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Demand::In(key_of(key)?, values(value)));
    }
    if let Some((key, value)) = part.split_once('>') {
        return Some(Demand::Above(key_of(key)?, value.trim().parse().ok()?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return Some(Demand::Below(key_of(key)?, value.trim().parse().ok()?));
    }
    key_of(part).map(Demand::Exists)
}

/// What is wrong with a demand that cannot be read.
fn misunderstood(part: &str) -> String {
    let mut words = part.split_whitespace();
    match (words.next(), words.next()) {
        (Some(key), Some(word)) if is_label_key(key) && !matches!(word, "in" | "notin") => {
            format!("found '{word}', expected: in, notin, =, ==, !=, gt, lt")
        }
        _ => format!("invalid label selector {part:?}"),
    }
}

fn is_label_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

/// Which values some fields must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector {
    /// Path, value, and whether it must be equal.
    demands: Vec<(String, String, bool)>,
}

impl FieldSelector {
    /// `spec.nodeName=a,status.phase!=Running`; only the given paths may be used.
    pub(crate) fn parse(
        text: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self, Failure> {
        let mut demands = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (path, value, equal) = match (
                part.split_once("!="),
                part.split_once("=="),
                part.split_once('='),
            ) {
                (Some((path, value)), _, _) => (path, value, false),
                (None, Some((path, value)), _) | (None, None, Some((path, value))) => {
                    (path, value, true)
                }
                (None, None, None) => {
                    let message = format!("invalid selector: '{text}'; can't understand '{part}'");
                    return Err(Failure::bad_request(message));
                }
            };
            check(path).map_err(Failure::bad_request)?;
            demands.push((path.to_owned(), value.to_owned(), equal));
        }
        Ok(Self { demands })
    }

    /// Whether it accepts everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.demands.is_empty()
    }

    /// Whether it looks at nothing but metadata.
    pub(crate) fn needs_only_metadata(&self) -> bool {
        self.demands
            .iter()
            .all(|(path, _, _)| path.starts_with("metadata."))
    }

    /// The value that `metadata.name` must have, if it must have one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.demands
            .iter()
            .find(|(path, _, equal)| *equal && path == "metadata.name")
            .map(|(_, name, _)| name.as_str())
    }

    /// Whether an object satisfies it.
    pub(crate) fn accepts(&self, object: &Value) -> bool {
        self.demands
            .iter()
            .all(|(path, wanted, equal)| (field_text(object, path) == *wanted) == *equal)
    }
}

/// The text a field selector compares; absent is empty (false and 0 for what is a switch or a number).
fn field_text(object: &Value, path: &str) -> String {
    let found = path
        .split('.')
        .try_fold(object, |value, key| value.get(key));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ if matches!(path, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        _ if path == "status.replicas" => "0".to_owned(),
        _ => String::new(),
    }
}

/// Refuses what a built-in kind does not let be selected.
pub(crate) fn check_builtin(group: &str, plural: &str, path: &str) -> Result<(), String> {
    if matches!(path, "metadata.name" | "metadata.namespace") {
        return Ok(());
    }
    let paths: &[&str] = match (group, plural) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        ("", "namespaces") => &["status.phase"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("batch", "jobs") => &["status.successful"],
        ("apps", "replicasets") | ("", "replicationcontrollers") => &["status.replicas"],
        _ => &[],
    };
    match paths {
        [] => Err(format!(
            "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )),
        paths if paths.contains(&path) => Ok(()),
        _ => Err(format!("field label not supported: {path}")),
    }
}

#[cfg(test)]
mod tests;
