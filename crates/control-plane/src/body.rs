//! Request bodies: JSON or YAML into a value, noticing what is said twice. Pure.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::failure::Failure;
use crate::protobuf;

/// Largest body taken, as in Kubernetes.
pub(crate) const LIMIT_BYTES: usize = 3 << 20;

/// Up to here every whole number has a float of its own.
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Kubernetes' own binary format.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The media types that are understood.
const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// A body, and what was in it more than once.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The last of each field.
    pub(crate) value: Value,
    /// A sentence for each doubled field, e.g. `duplicate field "spec.replicas"`.
    pub(crate) duplicates: Vec<String>,
}

/// The object in a request's body; `kind` is what it should be. An empty `null` counts as an empty object.
pub(crate) fn parse_object(kind: &str, content_type: &str, body: &[u8]) -> Result<Parsed, Failure> {
    let unrecognized = |why: &str| {
        let seen = summary(body);
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {why} ({seen})"
        ))
    };
    let mut parsed = match media_type(content_type) {
        "" | "application/json" => parse_json(body).map_err(|error| {
            if error.is_eof() {
                unrecognized("unexpected end of JSON input")
            } else {
                unrecognized(&error.to_string())
            }
        })?,
        _ => parse(content_type, body)?,
    };
    let word = match &parsed.value {
        Value::Null => {
            parsed.value = Value::Object(Map::new());
            return Ok(parsed);
        }
        Value::Object(_) => return Ok(parsed),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Err(unrecognized(&format!(
        "json: cannot unmarshal {word} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    )))
}

/// The beginning of a body, to recognise it by: text if it looks like an object, else hex.
fn summary(body: &[u8]) -> String {
    const LONGEST: usize = 30;
    let start = body.get(..LONGEST).unwrap_or(body);
    let more = if body.len() > LONGEST { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(start)),
        Some(_) => format!("{}{more}", hex::encode(start)),
    }
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The value in a request's body.
pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Parsed, Failure> {
    match media_type(content_type) {
        "application/yaml"
        | "application/apply-patch+yaml"
        | "text/yaml"
        | "application/x-yaml" => {
            // Most "YAML" that clients send is JSON; its duplicates are found with their paths.
            if body.trim_ascii_start().starts_with(b"{")
                && let Ok(parsed) = parse_json(body)
            {
                return Ok(parsed);
            }
            parse_yaml(body)
        }
        ""
        | "application/json"
        | "application/merge-patch+json"
        | "application/json-patch+json"
        | "application/strategic-merge-patch+json" => parse_json(body)
            .map_err(|e| Failure::bad_request(format!("the object provided is unrecognized: {e}"))),
        PROTOBUF => {
            let value = protobuf::decode(body)
                .map_err(|e| Failure::bad_request(format!("cannot read the body: {e}")))?;
            Ok(Parsed {
                value,
                duplicates: Vec::new(),
            })
        }
        _ => Err(Failure::unsupported_media_type(ACCEPTED)),
    }
}

/// A body that may be absent, e.g. delete options.
pub(crate) fn parse_options(content_type: &str, body: &[u8]) -> Result<Value, Failure> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    parse(content_type, body).map(|parsed| parsed.value)
}

fn parse_json(body: &[u8]) -> Result<Parsed, serde_json::Error> {
    let mut duplicates = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Noticing {
        path: String::new(),
        duplicates: &mut duplicates,
    }
    .deserialize(&mut reader)?;
    reader.end()?;
    Ok(Parsed { value, duplicates })
}

fn parse_yaml(body: &[u8]) -> Result<Parsed, Failure> {
    let bad = |e: String| Failure::bad_request(format!("error decoding YAML: {e}"));
    let text = std::str::from_utf8(body).map_err(|e| bad(e.to_string()))?;
    let error = match serde_saphyr::from_str(text) {
        Ok(value) => {
            return Ok(Parsed {
                value,
                duplicates: Vec::new(),
            });
        }
        Err(error) => error,
    };
    let last_counts =
        serde_saphyr::options! { duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins };
    let Ok(value) = serde_saphyr::from_str_with_options(text, last_counts) else {
        return Err(bad(error.to_string()));
    };
    Ok(Parsed {
        value,
        duplicates: vec![doubled_key(&error)],
    })
}

/// The first doubled key of a YAML document, as Kubernetes tells of it.
fn doubled_key(error: &serde_saphyr::Error) -> String {
    let line = error.location().map_or(0, |location| location.line());
    let text = error.to_string();
    let key = text
        .split("duplicate mapping key: ")
        .nth(1)
        .and_then(|rest| rest.split([',', '\n']).next());
    format!(
        "yaml: unmarshal errors:\n  line {line}: key {:?} already set in map",
        key.unwrap_or_default()
    )
}

struct Noticing<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Noticing<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Noticing<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // Whole numbers are written without a fraction, as every client of Kubernetes does when it writes them back.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the value is whole and in range"
        )]
        if value.fract() == 0.0 && value.abs() < EXACT_LIMIT {
            return Ok(Value::Number((value as i64).into()));
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, list.len());
            match items.next_element_seed(Noticing {
                path,
                duplicates: self.duplicates,
            })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = if self.path.is_empty() {
                key.clone()
            } else {
                format!("{}.{key}", self.path)
            };
            let line = format!("duplicate field {path:?}");
            if object.contains_key(&key) && !self.duplicates.contains(&line) {
                self.duplicates.push(line);
            }
            let value = entries.next_value_seed(Noticing {
                path,
                duplicates: self.duplicates,
            })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
