//! Values inside sentences, spelled as Go and Kubernetes spell them.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// A value behind `Invalid value: `: text quoted, everything else as JSON.
pub(crate) fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Number(number) => self::number(number),
        other => other.to_string(),
    }
}

/// Text in Go's double quotes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A number as Go's `%v` prints it: floats in the shortest form, large ones with an exponent.
pub(crate) fn number(number: &Number) -> String {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => whole.to_string(),
        (None, Some(whole), _) => whole.to_string(),
        (None, None, Some(float)) => self::float(float),
        (None, None, None) => number.to_string(),
    }
}

/// A float as Go's `%v` prints it.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |e| ('-', e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value}")
}

/// The word for the path of the whole object.
pub(crate) fn field_or_nil(field: &str) -> String {
    if field.is_empty() {
        "<nil>".to_owned()
    } else {
        field.to_owned()
    }
}
