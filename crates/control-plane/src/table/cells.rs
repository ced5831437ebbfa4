//! Single cells: ages, and what a printer column's path finds.

use jiff::Timestamp;
use serde_json::Value;

use crate::resource::Column;

/// How long ago, as kubectl says it: `5s`, `3m20s`, `7h`, `2d`; `<unknown>` for no time.
pub(crate) fn age(time: &Value, now: Timestamp) -> Value {
    let parsed = time
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
    match parsed {
        Some(then) => human_duration(now.duration_since(then).as_secs()).into(),
        None => "<unknown>".into(),
    }
}

/// A duration in at most two units.
pub(crate) fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{small_unit}")
        }
    };
    match seconds {
        s if s < -1 => "<invalid>".to_owned(),
        s if s < 0 => "0s".to_owned(),
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, "d", s % DAY / HOUR, "h"),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, "y", s % YEAR / DAY, "d"),
        s => format!("{}y", s / YEAR),
    }
}

/// The cell of a CRD's printer column.
pub(crate) fn at_path(object: &Value, column: &Column, now: Timestamp) -> Value {
    let found = find(object, &column.path);
    let Some(first) = found.first() else {
        return Value::Null;
    };
    match column.kind.as_str() {
        "date" => age(first, now),
        "string" => text(first).into(),
        "integer" => first.as_i64().map_or(Value::Null, Value::from),
        "number" => first.as_f64().map_or(Value::Null, Value::from),
        "boolean" => first.as_bool().map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Values at a JSON path: keys, `['quoted.keys']`, `[0]`, `[*]` and `[?(@.type=="Ready")]`.
pub(crate) fn find<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![object];
    let mut rest = path.trim();
    while !rest.is_empty() {
        let Some((step, tail)) = next_step(rest) else {
            return Vec::new();
        };
        rest = tail;
        found = found
            .into_iter()
            .flat_map(|value| step.apply(value))
            .collect();
    }
    found
}

enum Step<'p> {
    Key(String),
    Index(i64),
    All,
    Where {
        path: &'p str,
        equal: bool,
        value: &'p str,
    },
}

impl Step<'_> {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Key(key) => value
                .get(key)
                .filter(|v| !v.is_null())
                .into_iter()
                .collect(),
            Self::Index(at) => {
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                let at = if *at < 0 {
                    at + i64::try_from(list.len()).unwrap_or(0)
                } else {
                    *at
                };
                usize::try_from(at)
                    .ok()
                    .and_then(|at| list.get(at))
                    .into_iter()
                    .collect()
            }
            Self::All => match value {
                Value::Array(list) => list.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            Self::Where {
                path,
                equal,
                value: wanted,
            } => {
                let matches = |item: &&Value| {
                    find(item, path)
                        .first()
                        .is_some_and(|found| (text(found) == *wanted) == *equal)
                };
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(matches)
                    .collect()
            }
        }
    }
}

fn next_step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('[') {
        if let Some(filter) = rest.strip_prefix("?(@") {
            let (filter, tail) = filter.split_once(")]")?;
            let (path, value, equal) = match filter.split_once("!=") {
                Some((path, value)) => (path, value, false),
                None => filter
                    .split_once("==")
                    .map(|(path, value)| (path, value, true))?,
            };
            let value = value.trim().trim_matches(|c| c == '"' || c == '\'');
            return Some((
                Step::Where {
                    path: path.trim(),
                    equal,
                    value,
                },
                tail,
            ));
        }
        let (inside, tail) = rest.split_once(']')?;
        let step = match inside.trim_matches(|c| c == '\'' || c == '"') {
            "*" => Step::All,
            key if key.len() != inside.len() => Step::Key(key.to_owned()),
            number => Step::Index(number.parse().ok()?),
        };
        return Some((step, tail));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.starts_with('[') {
        return next_step(path);
    }
    let mut key = String::new();
    let mut chars = path.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            // `\.` is a dot in a key, e.g. of an annotation.
            '\\' => key.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return finish_key(key, &path[at..]),
            _ => key.push(c),
        }
    }
    finish_key(key, "")
}

fn finish_key(key: String, rest: &str) -> Option<(Step<'_>, &str)> {
    match key.as_str() {
        "" => None,
        "*" => Some((Step::All, rest)),
        _ => Some((Step::Key(key), rest)),
    }
}
