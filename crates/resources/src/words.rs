//! What is allowed, in words, with an example: from a schema.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Number, Value};

#[cfg(test)]
mod tests;

/// What is allowed somewhere, and an example of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What is allowed, as a phrase.
    pub allowed: String,
    /// A value that would do; empty if none can be named.
    pub example: String,
}

/// The same, known when compiling.
pub(crate) struct FixedWords {
    pub(crate) allowed: &'static str,
    pub(crate) example: &'static str,
}

impl From<&FixedWords> for Words {
    fn from(fixed: &FixedWords) -> Self {
        Self {
            allowed: fixed.allowed.into(),
            example: fixed.example.into(),
        }
    }
}

/// What Kubernetes allows as the name of an object.
pub(crate) const NAME: FixedWords = FixedWords {
    allowed: "lower-case letters, digits, `-` and `.`, with a letter or digit first and last, at most 253 characters",
    example: "my-cluster",
};

/// Each pattern of our schemas in words. A test finds those that are missing.
const PATTERNS: [(&str, FixedWords); 9] = [
    (
        r"^[a-z0-9]{1,11}$",
        FixedWords {
            allowed: "1 to 11 lower-case letters and digits",
            example: "plain",
        },
    ),
    (
        r"^[0-9]+[mMgG]?$",
        FixedWords {
            allowed: "a number of bytes, or of mebibytes with `m`, of gibibytes with `g`",
            example: "2g",
        },
    ),
    (
        r"^([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$",
        FixedWords {
            allowed: "a size",
            example: "100Mi",
        },
    ),
    (
        crate::quantity::PATTERN,
        FixedWords {
            allowed: "an amount: a number with an optional unit (`m`, `k`, `M`, `G`, `Ki`, `Mi`, `Gi` …)",
            example: "500m",
        },
    ),
    (
        r"^[0-9]+([.][0-9]{0,3}|[m]?)$",
        FixedWords {
            allowed: "processor cores, or thousandths of them with `m`",
            example: "500m",
        },
    ),
    (
        r"^[0-9]+([KMG]i?)?B/s$",
        FixedWords {
            allowed: "a rate in bytes a second",
            example: "10000KiB/s",
        },
    ),
    (
        r"^[a-z0-9][-_a-z0-9]*[a-z0-9]$",
        FixedWords {
            allowed: "at least two lower-case letters, digits, `-` and `_`, with a letter or digit first and last",
            example: "my-plugin",
        },
    ),
    (
        r"^(https?|ftp)://[-a-zA-Z0-9+&@#/%?=~_|!:,.;]*[-a-zA-Z0-9+&@#/%=~_|]$",
        FixedWords {
            allowed: "an address that begins with `https://`, `http://` or `ftp://`",
            example: "https://example.com/plugin.jar",
        },
    ),
    (
        r"^[a-zA-Z0-9\._\-]{1,100}$",
        FixedWords {
            allowed: "1 to 100 letters, digits, `.`, `_` and `-`",
            example: "my-source",
        },
    ),
];

static COMPILED: LazyLock<BTreeMap<&str, Regex>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .filter_map(|(pattern, _)| Some((*pattern, Regex::new(pattern).ok()?)))
        .collect()
});

/// Whether `text` matches a pattern of our schemas.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match COMPILED.get(pattern) {
        Some(compiled) => compiled.is_match(text),
        None => Regex::new(pattern).is_ok_and(|compiled| compiled.is_match(text)),
    }
}

/// What a schema allows.
pub fn of_schema(schema: &Value) -> Words {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return Words {
            allowed: one_of(values.iter().copied()),
            example: values.first().copied().unwrap_or_default().into(),
        };
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        return match PATTERNS.iter().find(|(known, _)| *known == pattern) {
            Some((_, fixed)) => fixed.into(),
            None => Words {
                allowed: format!("text that matches `{pattern}`"),
                example: String::new(),
            },
        };
    }
    let (allowed, example) = match schema["type"].as_str().unwrap_or_default() {
        "string" => ("text".to_owned(), String::new()),
        "boolean" => ("`true` or `false`".to_owned(), "true".to_owned()),
        "integer" => (range(schema, "a whole number"), bound(schema)),
        "number" => (range(schema, "a number"), bound(schema)),
        "array" => ("a list".to_owned() + &least(schema), "[…]".to_owned()),
        "object" => fields(schema),
        _ => ("anything".to_owned(), String::new()),
    };
    Words { allowed, example }
}

fn least(schema: &Value) -> String {
    schema["minItems"]
        .as_u64()
        .map_or_else(String::new, |least| format!(" with at least {least} in it"))
}

fn range(schema: &Value, what: &str) -> String {
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => what.to_owned(),
        (least, Value::Null) => format!("{what}, at least {least}"),
        (Value::Null, most) => format!("{what}, at most {most}"),
        (least, most) => format!("{what} from {least} to {most}"),
    }
}

fn bound(schema: &Value) -> String {
    match &schema["minimum"] {
        Value::Null => "1".to_owned(),
        least => least.to_string(),
    }
}

fn fields(schema: &Value) -> (String, String) {
    let names = || {
        schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    };
    let required = || {
        schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    };
    if required().next().is_some() {
        let example = required().map(|name| {
            let inner = of_schema(&schema["properties"][name]).example;
            let inner = if inner.is_empty() { "…" } else { &inner };
            format!("{name}: {inner}")
        });
        let example = format!("{{{}}}", example.collect::<Vec<_>>().join(", "));
        (format!("a map with {}", quoted(required())), example)
    } else if names().next().is_some() {
        (format!("a map of {}", quoted(names())), String::new())
    } else {
        ("a map".to_owned(), "{}".to_owned())
    }
}

/// What was given, on one line and not too long.
pub fn given(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => of_number(number),
        other => other.to_string(),
    };
    shortened(text)
}

/// A text that is not allowed as one: in quotes, where nobody would see otherwise that it is none of what it looks like.
pub(crate) fn given_as_text(text: &str) -> String {
    if looks_like(text).is_string() && !text.starts_with(['[', '{']) {
        given(&Value::from(text))
    } else {
        shortened(format!("{text:?}"))
    }
}

/// What a text would be without the quotes around it.
pub(crate) fn looks_like(text: &str) -> Value {
    serde_json::from_str(&text.to_lowercase()).unwrap_or_else(|_| Value::from(text))
}

/// A number as people write it: what is too large for a whole number of 64 bits has digits all the same, not an exponent.
pub fn of_number(number: &Number) -> String {
    /// From here on JSON would be written with one.
    const LARGE: f64 = 1e16;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.abs() >= LARGE => float.to_string(),
        _ => number.to_string(),
    }
}

fn shortened(text: String) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST {
        text
    } else {
        text.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// Paths as people write them: `a.b`, and `a["b/c"]` where a name holds a dot or a slash.
pub fn join(path: &str, name: &str) -> String {
    if name.contains(['.', '/', ' ']) {
        format!("{path}[\"{name}\"]")
    } else if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// "one of `a`, `b`", or just "`a`".
pub fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let quoted = quoted(names.iter().copied());
    if names.len() == 1 {
        quoted
    } else {
        format!("one of {quoted}")
    }
}

/// "`a`, `b`".
pub(crate) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Whether Kubernetes takes `name` as the name of an object (DNS subdomain).
pub fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let edge = |char: Option<char>| {
            char.is_some_and(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
        };
        edge(label.chars().next())
            && edge(label.chars().last())
            && label
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The name nearest to a mistyped one, if it is near at all.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(typed, names, |name| 1 + name.len() / 4)
}

/// The name nearest to a mistyped one, if no more letters differ than `most` says.
pub fn nearest_within<'a>(
    typed: &str,
    names: impl Iterator<Item = &'a str>,
    most: impl Fn(&str) -> usize,
) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    names
        .map(|name| (distance(&typed, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most(name))
        .min()
        .map(|(_, name)| name)
}

/// Letters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        for (slot, to) in row.iter_mut().skip(1).zip(&right) {
            let cost = (diagonal + usize::from(from != *to))
                .min(last + 1)
                .min(*slot + 1);
            diagonal = *slot;
            *slot = cost;
            last = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// All patterns that have words, for the test that finds missing ones.
#[cfg(test)]
pub(crate) fn known_patterns() -> impl Iterator<Item = &'static str> {
    PATTERNS.iter().map(|(pattern, _)| *pattern)
}
