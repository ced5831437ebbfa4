//! Request bodies: JSON or YAML into a value, noticing what is said twice. Pure.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::failure::Failure;
use crate::protobuf;

/// Largest body taken, as in Kubernetes.
pub(crate) const LIMIT_BYTES: usize = 3 << 20;

/// Kubernetes' own binary format.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// A body, and the paths of fields that were in it more than once.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The last of each field.
    pub(crate) value: Value,
    /// e.g. `spec.replicas`
    pub(crate) duplicates: Vec<String>,
}

/// The value in a request's body.
pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Parsed, Failure> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
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
        other => Err(Failure::unsupported_media_type(
            other,
            "application/json, application/yaml",
        )),
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
    let value: Value = serde_saphyr::from_str(text).map_err(|e| bad(e.to_string()))?;
    Ok(Parsed {
        value,
        duplicates: Vec::new(),
    })
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
            if object.contains_key(&key) && !self.duplicates.contains(&path) {
                self.duplicates.push(path.clone());
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
