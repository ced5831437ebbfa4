//! What a document must satisfy before it is a resource.
//!
//! What it does: compares a document with the schema of its kind, as strictly as `kubectl --validate=strict`,
//! and returns *every* violation with its path, what was given, what is allowed and an example.
//! Invariants: knows exactly the kinds of `crds()` and those of `core_kinds`; anything the API server would refuse because of the
//! schema is refused here too. A `null` counts as absent, as it does there.
//! What is not here: rules that need more than one field's schema to decide (`model::desired`).

use serde_json::{Map, Value};

use crate::core_kinds;
use crate::crds::{DEFINITIONS, Definition};
use crate::examples::with_example_of;
use crate::rules;
use crate::words::{self, Words};

#[cfg(test)]
pub(crate) mod tests;

/// How a document fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViolationKind {
    /// A field that the kind does not have.
    UnknownField,
    /// A required field is absent.
    MissingField,
    /// A value of the wrong type, or not among those allowed.
    InvalidValue,
    /// Fields that exclude or need each other.
    Conflict,
}

/// One way in which a document fails.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where, such as `spec.kafka.listeners[1].port`.
    pub path: String,
    /// How.
    pub kind: ViolationKind,
    /// What was given; empty if nothing was.
    pub given: String,
    /// What is allowed.
    pub allowed: String,
    /// A value that would do; empty if none can be named.
    pub example: String,
}

/// The schema of a kind, with the kind's proper name; `kind` may be any of its names in any letter case.
pub fn schema_of(kind: &str) -> Option<(&'static str, Value)> {
    let is_named = |definition: &&Definition| {
        let Definition {
            kind: name,
            plural,
            short,
            ..
        } = definition;
        [name, plural, short]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(kind))
    };
    let definition = DEFINITIONS.iter().find(is_named)?;
    Some((definition.kind, definition.schema()))
}

/// The names of all kinds, Strimzi's first.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().map(|definition| definition.kind)
}

/// Every violation of a document, in order of path; `None` if nothing is known of its kind.
pub fn check(document: &Value) -> Option<Vec<Violation>> {
    core_kinds::check(document).or_else(|| of_our_groups(document))
}

fn of_our_groups(document: &Value) -> Option<Vec<Violation>> {
    let api_version = document["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/')?;
    let of_group = || {
        DEFINITIONS
            .iter()
            .filter(|definition| definition.group == group)
    };
    of_group().next()?;
    let kind = document["kind"].as_str().unwrap_or_default();
    let Some(found) = of_group().find(|definition| definition.kind == kind) else {
        let kinds = || of_group().map(|definition| definition.kind);
        return Some(vec![Violation {
            path: "kind".into(),
            kind: ViolationKind::InvalidValue,
            given: kind.into(),
            allowed: words::one_of(kinds()),
            example: words::nearest(kind, kinds()).unwrap_or("Kafka").into(),
        }]);
    };
    let mut violations = Vec::new();
    if version != found.version {
        let right = format!("{group}/{}", found.version);
        violations.push(Violation {
            path: "apiVersion".into(),
            kind: ViolationKind::InvalidValue,
            given: api_version.into(),
            allowed: format!("`{right}`"),
            example: right,
        });
    }
    Walk {
        violations: &mut violations,
    }
    .value("", &found.schema(), document);
    names(document, &mut violations);
    violations.sort();
    Some(violations)
}

/// Every violation of one value at this path by this schema.
pub(crate) fn check_value(path: &str, schema: &Value, value: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    Walk {
        violations: &mut violations,
    }
    .value(path, schema, value);
    violations
}

/// What is wrong with a value where one of this type is asked for: `string`, `number`, `boolean`, `array` or `object`.
pub fn check_type(path: &str, type_name: &str, value: &Value) -> Option<Violation> {
    check_value(path, &serde_json::json!({"type": type_name}), value)
        .into_iter()
        .next()
}

/// What the API server asks of `metadata.name`, besides the schema.
pub(crate) fn names(document: &Value, violations: &mut Vec<Violation>) {
    let metadata = &document["metadata"];
    match (&metadata["name"], &metadata["generateName"]) {
        (Value::Null, Value::Null) => violations.push(Violation {
            path: "metadata.name".into(),
            kind: ViolationKind::MissingField,
            given: String::new(),
            allowed: words::NAME.allowed.into(),
            example: words::NAME.example.into(),
        }),
        (Value::String(name), _) if !words::is_name(name) => violations.push(Violation {
            path: "metadata.name".into(),
            kind: ViolationKind::InvalidValue,
            given: name.clone(),
            allowed: words::NAME.allowed.into(),
            example: words::NAME.example.into(),
        }),
        _ => {}
    }
}

pub(crate) struct Walk<'a> {
    pub(crate) violations: &'a mut Vec<Violation>,
}

impl Walk<'_> {
    pub(crate) fn value(&mut self, path: &str, schema: &Value, value: &Value) {
        if schema["x-kubernetes-int-or-string"] == true {
            self.int_or_text(path, schema, value);
            return;
        }
        match (schema["type"].as_str().unwrap_or_default(), value) {
            ("object", Value::Object(map)) => self.object(path, schema, map, value),
            ("array", Value::Array(items)) => self.list(path, schema, items),
            ("string", Value::String(text)) => self.text(path, schema, text),
            ("integer" | "number", Value::Number(number))
                if schema["type"] == "number" || number.is_i64() || number.is_u64() =>
            {
                self.number(path, schema, value);
            }
            ("boolean", Value::Bool(_)) | ("", _) => {}
            ("string", Value::Number(_) | Value::Bool(_))
                if is_text(schema, &value.to_string()) =>
            {
                self.unquoted(path, schema, value);
            }
            (_, Value::String(text)) => self.text_instead(path, schema, text),
            _ => self.invalid(path, &words::given(value), words::of_schema(schema)),
        }
    }

    fn object(&mut self, path: &str, schema: &Value, map: &Map<String, Value>, whole: &Value) {
        let before = self.violations.len();
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if map.get(name).is_none_or(Value::is_null) {
                let path = words::join(path, name);
                let words = words::of_schema(&schema["properties"][name]);
                let words = with_example_of(&path, words);
                self.violations.push(Violation {
                    path,
                    kind: ViolationKind::MissingField,
                    given: String::new(),
                    allowed: words.allowed,
                    example: words.example,
                });
            }
        }
        let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
        for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            let property = &schema["properties"][name];
            if property.is_object() {
                self.value(&words::join(path, name), property, value);
            } else if schema["additionalProperties"].is_object() {
                self.value(
                    &words::join(path, name),
                    &schema["additionalProperties"],
                    value,
                );
            } else if !open {
                self.unknown(path, schema, name, value);
            }
        }
        self.alternatives(path, schema, map);
        // A rule about fields that are wrong in themselves would only repeat what was said.
        if self.violations.len() == before {
            self.violations
                .extend(rules::broken(schema, whole).map(|broken| {
                    Violation {
                        path: if broken.field.is_empty() {
                            path.to_owned()
                        } else {
                            words::join(path, broken.field)
                        },
                        kind: ViolationKind::Conflict,
                        given: whole
                            .get(broken.field)
                            .map_or_else(String::new, words::given),
                        allowed: broken.allowed.into(),
                        example: broken.example.into(),
                    }
                }));
        }
    }

    /// `oneOf` with required fields: exactly one of them.
    fn alternatives(&mut self, path: &str, schema: &Value, map: &Map<String, Value>) {
        let names: Vec<&str> = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|branch| branch["required"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let given: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| map.get(*name).is_some_and(|value| !value.is_null()))
            .collect();
        if !names.is_empty() && given.len() != 1 {
            self.violations.push(Violation {
                path: path.to_owned(),
                kind: if given.is_empty() {
                    ViolationKind::MissingField
                } else {
                    ViolationKind::Conflict
                },
                given: given.join(" and "),
                allowed: format!("exactly one of {}", words::quoted(names.iter().copied())),
                example: names.first().copied().unwrap_or_default().into(),
            });
        }
    }

    fn list(&mut self, path: &str, schema: &Value, items: &[Value]) {
        if schema["minItems"]
            .as_u64()
            .is_some_and(|least| (items.len() as u64) < least)
        {
            self.invalid(path, "an empty list", words::of_schema(schema));
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), &schema["items"], item);
        }
    }

    fn text(&mut self, path: &str, schema: &Value, text: &str) {
        if !is_text(schema, text) {
            self.invalid(path, text, words::of_schema(schema));
        }
    }

    /// What would do as text, but that YAML reads as something else: `4.1` is a number.
    fn unquoted(&mut self, path: &str, schema: &Value, value: &Value) {
        let Words {
            allowed,
            mut example,
        } = words::of_schema(schema);
        let quoted = format!("\"{}\"", words::given(value));
        if example.is_empty() {
            example.clone_from(&quoted);
        }
        let kind = if value.is_boolean() {
            "a truth value"
        } else {
            "a number"
        };
        let allowed = format!("{allowed}, in quotes where YAML would read {kind} ({quoted})");
        self.invalid(path, &words::given(value), Words { allowed, example });
    }

    /// Text where something else is asked for: `"3"` is no number.
    fn text_instead(&mut self, path: &str, schema: &Value, text: &str) {
        let Words {
            mut allowed,
            example,
        } = words::of_schema(schema);
        let value = words::looks_like(text);
        let would_do = !value.is_string() && check_value(path, schema, &value).is_empty();
        let bracket = match schema["type"].as_str().unwrap_or_default() {
            "array" => Some('['),
            "object" => Some('{'),
            _ => None,
        };
        if would_do || bracket.is_some_and(|bracket| text.starts_with(bracket)) {
            allowed.push_str(", without quotes");
        }
        let words = Words { allowed, example };
        self.invalid(path, &words::given_as_text(text), words);
    }

    fn int_or_text(&mut self, path: &str, schema: &Value, value: &Value) {
        let allowed = match value {
            Value::Number(number) => number.is_i64(),
            Value::String(text) => schema["pattern"]
                .as_str()
                .is_none_or(|pattern| words::matches(pattern, text)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if !allowed {
            self.invalid(path, &words::given(value), words::of_schema(schema));
        }
    }

    fn number(&mut self, path: &str, schema: &Value, value: &Value) {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let low = schema["minimum"]
            .as_f64()
            .is_some_and(|least| number < least);
        let high = schema["maximum"].as_f64().is_some_and(|most| number > most);
        if low || high {
            self.invalid(path, &words::given(value), words::of_schema(schema));
        }
    }

    fn invalid(&mut self, path: &str, given: &str, words: Words) {
        let Words { allowed, example } = with_example_of(path, words);
        self.violations.push(Violation {
            path: path.to_owned(),
            kind: ViolationKind::InvalidValue,
            given: given.to_owned(),
            allowed,
            example,
        });
    }

    fn unknown(&mut self, path: &str, schema: &Value, name: &str, value: &Value) {
        let fields = || {
            schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
        };
        let allowed = if fields().next().is_none() {
            "none".to_owned()
        } else {
            words::quoted(fields())
        };
        self.violations.push(Violation {
            path: words::join(path, name),
            kind: ViolationKind::UnknownField,
            given: words::given(value),
            allowed,
            example: words::nearest(name, fields())
                .unwrap_or_default()
                .to_owned(),
        });
    }
}

/// Whether a schema of text takes this one.
fn is_text(schema: &Value, text: &str) -> bool {
    match (schema["enum"].as_array(), schema["pattern"].as_str()) {
        (Some(values), _) => values.iter().any(|value| value == text),
        (None, Some(pattern)) => words::matches(pattern, text),
        (None, None) => true,
    }
}
