//! Bodies in Kubernetes' protobuf encoding, which kubectl and other typed clients send for built-in kinds.
//!
//! Reads a table of field numbers (`protobuf/messages.txt`) and makes the JSON that the same client would have sent.
//! Only bodies are read; answers are JSON, which every client accepts. Pure. Invariant: no input makes this fail
//! otherwise than by an error, or allocate more than the input is long.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How such a body begins.
const MAGIC: &[u8] = b"k8s\0";
/// Deeper than any built-in kind.
const DEPTH_LIMIT: usize = 40;

const TABLE: &str = include_str!("protobuf/messages.txt");

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// It does not begin as it should.
    #[error("the body is no Kubernetes protobuf")]
    NoMagic,
    /// It ends too early, or a number in it is too long.
    #[error("the body is cut off or malformed")]
    Malformed,
    /// A kind or message that is not in the table.
    #[error("this kind is not known in protobuf; send it as JSON")]
    Unknown,
}

/// The JSON of a body.
pub(crate) fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(DecodeError::NoMagic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in fields(envelope) {
        match field? {
            (1, Wire::Bytes(type_meta)) => {
                for field in fields(type_meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => api_version = string(text),
                        (2, Wire::Bytes(text)) => kind = string(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    if kind == "DeleteOptions" {
        // Every group has its own; they are all the same.
        "v1".clone_into(&mut api_version);
    }
    let table = table();
    let message = table
        .kinds
        .get(&(api_version.as_str(), kind.as_str()))
        .ok_or(DecodeError::Unknown)?;
    let mut object = decode_message(message, raw, 0)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

struct Table {
    kinds: BTreeMap<(&'static str, &'static str), &'static str>,
    /// The lines of each message.
    messages: BTreeMap<&'static str, &'static str>,
}

fn table() -> &'static Table {
    static KEPT: OnceLock<Table> = OnceLock::new();
    KEPT.get_or_init(|| {
        let mut parts = TABLE.split("message ");
        let head = parts.next().unwrap_or_default();
        let mut kinds = BTreeMap::new();
        for line in head.lines() {
            if let ["kind", api_version, kind, message] =
                line.split(' ').collect::<Vec<_>>().as_slice()
            {
                kinds.insert((*api_version, *kind), *message);
            }
        }
        let messages = parts.filter_map(|part| part.split_once('\n')).collect();
        Table { kinds, messages }
    })
}

fn decode_message(
    message: &str,
    bytes: &[u8],
    depth: usize,
) -> Result<Map<String, Value>, DecodeError> {
    if depth > DEPTH_LIMIT {
        return Err(DecodeError::Malformed);
    }
    let lines = table().messages.get(message).ok_or(DecodeError::Unknown)?;
    let mut object = Map::new();
    for field in fields(bytes) {
        let (number, wire) = field?;
        let mut known = lines.lines().filter_map(|line| line.split_once(' '));
        let found = known
            .find(|(n, _)| n.parse() == Ok(number))
            .and_then(|(_, rest)| rest.split_once(' '));
        let Some((name, kind)) = found else { continue };
        add_field(&mut object, name, kind, wire, depth)?;
    }
    Ok(object)
}

fn add_field(
    object: &mut Map<String, Value>,
    name: &str,
    kind: &str,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), DecodeError> {
    if let Some(item) = kind.strip_prefix("[]") {
        let list = object.entry(name).or_insert_with(|| json!([]));
        let list = list.as_array_mut().ok_or(DecodeError::Malformed)?;
        match wire {
            Wire::Bytes(packed) if matches!(item, "i" | "b") => {
                let mut rest = packed;
                while !rest.is_empty() {
                    let (value, tail) = varint(rest)?;
                    rest = tail;
                    list.extend(single(item, Wire::Number(value), depth)?);
                }
            }
            wire => list.extend(single(item, wire, depth)?),
        }
        return Ok(());
    }
    if let Some(item) = kind.strip_prefix("{}") {
        let Wire::Bytes(entry) = wire else {
            return Err(DecodeError::Malformed);
        };
        let map = object.entry(name).or_insert_with(|| json!({}));
        let map = map.as_object_mut().ok_or(DecodeError::Malformed)?;
        let (mut key, mut value) = (String::new(), empty(item));
        for field in fields(entry) {
            match field? {
                (1, Wire::Bytes(text)) => key = string(text),
                (2, wire) => value = single(item, wire, depth)?.unwrap_or(Value::Null),
                _ => {}
            }
        }
        map.insert(key, value);
        return Ok(());
    }
    if name == "-" {
        let Wire::Bytes(bytes) = wire else {
            return Err(DecodeError::Malformed);
        };
        object.extend(decode_message(kind, bytes, depth + 1)?);
        return Ok(());
    }
    let plain = kind.strip_suffix('?');
    if let Some(value) = single(plain.unwrap_or(kind), wire, depth)?
        && !(plain.is_some() && is_zero(&value))
    {
        object.insert(name.to_owned(), value);
    }
    Ok(())
}

fn empty(kind: &str) -> Value {
    match kind {
        "s" | "y" => "".into(),
        "i" => 0.into(),
        "b" => false.into(),
        _ => Value::Null,
    }
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.is_empty())
        || *value == json!(0)
        || *value == json!(false)
        || *value == json!(0.0)
}

/// One value; nothing for a time that is not set.
fn single(kind: &str, wire: Wire<'_>, depth: usize) -> Result<Option<Value>, DecodeError> {
    Ok(match (kind, wire) {
        ("i", Wire::Number(number)) => Some(number.cast_signed().into()),
        ("b", Wire::Number(number)) => Some((number != 0).into()),
        ("d", Wire::Fixed(bits)) => Some(f64::from_bits(bits).into()),
        ("s", Wire::Bytes(text)) => Some(string(text).into()),
        ("y", Wire::Bytes(bytes)) => Some(STANDARD.encode(bytes).into()),
        ("T" | "U", Wire::Bytes(bytes)) => time(bytes, kind == "U")?,
        ("Q", Wire::Bytes(bytes)) => Some(text_field(bytes, 1)?.into()),
        ("O", Wire::Bytes(bytes)) => Some(int_or_string(bytes)?),
        ("R", Wire::Bytes(bytes)) => raw_json(bytes)?,
        ("D", Wire::Bytes(bytes)) => Some(format!("{}ns", number_field(bytes, 1)?).into()),
        (list, Wire::Bytes(bytes)) if list.starts_with('W') => {
            let mut items = Map::new();
            for field in fields(bytes) {
                if let (1, wire) = field? {
                    add_field(&mut items, "items", &list[1..], wire, depth + 1)?;
                }
            }
            Some(items.remove("items").unwrap_or_else(|| json!([])))
        }
        ("i" | "b" | "d" | "s" | "y" | "T" | "U" | "Q" | "O" | "R" | "D", _) => {
            return Err(DecodeError::Malformed);
        }
        (message, Wire::Bytes(bytes)) => {
            Some(Value::Object(decode_message(message, bytes, depth + 1)?))
        }
        (_, Wire::Number(_) | Wire::Fixed(_)) => return Err(DecodeError::Malformed),
    })
}

fn time(bytes: &[u8], micro: bool) -> Result<Option<Value>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (seconds, nanos) = (number_field(bytes, 1)?, number_field(bytes, 2)?);
    let nanos = i32::try_from(nanos).map_err(|_| DecodeError::Malformed)?;
    let time = Timestamp::new(seconds, nanos).map_err(|_| DecodeError::Malformed)?;
    let format = if micro {
        "%Y-%m-%dT%H:%M:%S.%6fZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    Ok(Some(time.strftime(format).to_string().into()))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, DecodeError> {
    if number_field(bytes, 1)? == 0 {
        return Ok(number_field(bytes, 2)?.into());
    }
    Ok(text_field(bytes, 3)?.into())
}

fn raw_json(bytes: &[u8]) -> Result<Option<Value>, DecodeError> {
    for field in fields(bytes) {
        if let (1, Wire::Bytes(raw)) = field? {
            return serde_json::from_slice(raw)
                .map(Some)
                .map_err(|_| DecodeError::Malformed);
        }
    }
    Ok(None)
}

fn number_field(bytes: &[u8], wanted: u64) -> Result<i64, DecodeError> {
    let mut found = 0;
    for field in fields(bytes) {
        if let (number, Wire::Number(value)) = field?
            && number == wanted
        {
            found = value.cast_signed();
        }
    }
    Ok(found)
}

fn text_field(bytes: &[u8], wanted: u64) -> Result<String, DecodeError> {
    let mut found = String::new();
    for field in fields(bytes) {
        if let (number, Wire::Bytes(text)) = field?
            && number == wanted
        {
            found = string(text);
        }
    }
    Ok(found)
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A field's value as it is on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Wire<'_>), DecodeError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match next_field(rest) {
            Ok((field, tail)) => {
                rest = tail;
                Some(Ok(field))
            }
            Err(error) => {
                rest = &[];
                Some(Err(error))
            }
        }
    })
}

type Next<'a> = ((u64, Wire<'a>), &'a [u8]);

fn next_field(bytes: &[u8]) -> Result<Next<'_>, DecodeError> {
    let (tag, rest) = varint(bytes)?;
    let number = tag >> 3;
    match tag & 7 {
        0 => {
            let (value, rest) = varint(rest)?;
            Ok(((number, Wire::Number(value)), rest))
        }
        1 => {
            let (bits, rest) = rest
                .split_first_chunk::<8>()
                .ok_or(DecodeError::Malformed)?;
            Ok(((number, Wire::Fixed(u64::from_le_bytes(*bits))), rest))
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| DecodeError::Malformed)?;
            let (value, rest) = rest
                .split_at_checked(length)
                .ok_or(DecodeError::Malformed)?;
            Ok(((number, Wire::Bytes(value)), rest))
        }
        5 => {
            let (bits, rest) = rest
                .split_first_chunk::<4>()
                .ok_or(DecodeError::Malformed)?;
            Ok((
                (number, Wire::Fixed(u64::from(u32::from_le_bytes(*bits)))),
                rest,
            ))
        }
        _ => Err(DecodeError::Malformed),
    }
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[at + 1..]));
        }
    }
    Err(DecodeError::Malformed)
}

#[cfg(test)]
mod tests;
