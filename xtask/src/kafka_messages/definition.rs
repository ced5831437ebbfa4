//! Kafka's message definition language, parsed: JSON with comments, versions as ranges.
//!
//! Reads: one definition's text. Invariant: an attribute or type not understood is an error, never skipped.
//! Not here: what Rust it becomes (`render`).

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

/// An inclusive range of versions; `None` where Kafka says "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Versions {
    fn parse(text: &str) -> Result<Option<Self>> {
        if text == "none" {
            return Ok(None);
        }
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (first.parse()?, last.parse()?),
            None => match text.strip_suffix('+') {
                Some(first) => (first.parse()?, i16::MAX),
                None => (text.parse()?, text.parse()?),
            },
        };
        Ok(Some(Self { first, last }))
    }

    /// The part of `self` inside `outer`; `None` if they do not meet.
    pub(crate) fn within(self, outer: Self) -> Option<Self> {
        let both = Self {
            first: self.first.max(outer.first),
            last: self.last.min(outer.last),
        };
        (both.first <= both.last).then_some(both)
    }
}

#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) api_key: i16,
    pub(crate) versions: Versions,
    pub(crate) flexible_from: Option<i16>,
    pub(crate) fields: Vec<Field>,
    pub(crate) structs: Vec<Struct>,
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) kind: Kind,
    /// Versions the field exists in; `None`: in none of the message's.
    pub(crate) versions: Option<Versions>,
    pub(crate) nullable: Option<Versions>,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
    pub(crate) ignorable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    String,
    Uuid,
    Bytes,
    Array(Box<Self>),
    Struct(String),
}

impl Definition {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(&without_comments(text)).context("JSON")?;
        let map = value.as_object().context("an object")?;
        let versions =
            Versions::parse(string(map, "validVersions")?)?.context("no valid versions")?;
        let flexible = Versions::parse(string(map, "flexibleVersions")?)?
            .and_then(|range| range.within(versions));
        ensure!(
            flexible.is_none_or(|range| range.last == versions.last),
            "flexible versions must be the last ones"
        );
        let mut structs = Vec::new();
        for common in map
            .get("commonStructs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let common = common.as_object().context("a common struct")?;
            let fields = fields(common, versions, &mut structs)?;
            let name = string(common, "name")?.to_owned();
            structs.push(Struct {
                about: format!("`{name}`, used in more than one place."),
                name,
                fields,
            });
        }
        let fields = fields(map, versions, &mut structs)?;
        Ok(Self {
            name: string(map, "name")?.to_owned(),
            api_key: map
                .get("apiKey")
                .and_then(Value::as_i64)
                .context("apiKey")?
                .try_into()?,
            versions,
            flexible_from: flexible.map(|range| range.first),
            fields,
            structs,
        })
    }
}

fn fields(
    map: &Map<String, Value>,
    valid: Versions,
    structs: &mut Vec<Struct>,
) -> Result<Vec<Field>> {
    let list = map
        .get("fields")
        .and_then(Value::as_array)
        .context("fields")?;
    list.iter()
        .map(|field| {
            let field = field.as_object().context("a field is an object")?;
            let name = string(field, "name")?;
            parse_field(field, valid, structs).with_context(|| format!("field {name}"))
        })
        .collect()
}

fn parse_field(
    map: &Map<String, Value>,
    valid: Versions,
    structs: &mut Vec<Struct>,
) -> Result<Field> {
    const KNOWN: [&str; 13] = [
        "name",
        "type",
        "versions",
        "about",
        "fields",
        "default",
        "entityType",
        "nullableVersions",
        "ignorable",
        "mapKey",
        "tag",
        "taggedVersions",
        "zeroCopy",
    ];
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        bail!("attribute {unknown:?} is not understood");
    }
    let kind = Kind::parse(string(map, "type")?)?;
    let about = map
        .get("about")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if map.contains_key("fields") {
        let inner = kind
            .struct_name()
            .context("only structs have fields")?
            .to_owned();
        let fields = fields(map, valid, structs)?;
        structs.push(Struct {
            about: format!("`{inner}`: {about}"),
            name: inner,
            fields,
        });
    }
    let range = |key: &str| -> Result<Option<Versions>> {
        let text = map
            .get(key)
            .map(|value| value.as_str().context("a string"))
            .transpose()?;
        Ok(text
            .map(Versions::parse)
            .transpose()?
            .flatten()
            .and_then(|range| range.within(valid)))
    };
    let versions = range("versions")?;
    let tag = map
        .get("tag")
        .and_then(Value::as_u64)
        .map(u32::try_from)
        .transpose()?;
    if tag.is_some() {
        ensure!(
            range("taggedVersions")? == versions,
            "tagged in only some of its versions"
        );
    }
    Ok(Field {
        name: string(map, "name")?.to_owned(),
        about,
        kind,
        versions,
        nullable: range("nullableVersions")?,
        tag,
        default: map.get("default").map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        ignorable: map
            .get("ignorable")
            .is_some_and(|value| value == true || value == "true"),
    })
}

impl Kind {
    fn parse(text: &str) -> Result<Self> {
        if let Some(element) = text.strip_prefix("[]") {
            return Ok(Self::Array(Box::new(Self::parse(element)?)));
        }
        Ok(match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "uint16" => Self::Uint16,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "string" => Self::String,
            "uuid" => Self::Uuid,
            "bytes" | "records" => Self::Bytes,
            name if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                Self::Struct(name.to_owned())
            }
            other => bail!("type {other:?} is not understood"),
        })
    }

    fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Struct(name) => Some(name),
            Self::Array(element) => element.struct_name(),
            _ => None,
        }
    }
}

fn string<'a>(map: &'a Map<String, Value>, key: &str) -> Result<&'a str> {
    map.get(key)
        .and_then(Value::as_str)
        .with_context(|| format!("{key} is missing or not a string"))
}

/// Drops `//` comments that are outside of strings.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| {
            let mut quoted = false;
            let mut previous = ' ';
            for (at, character) in line.char_indices() {
                match character {
                    '"' if previous != '\\' => quoted = !quoted,
                    '/' if !quoted && previous == '/' => {
                        return line.get(..at.saturating_sub(1)).unwrap_or_default();
                    }
                    _ => {}
                }
                previous = character;
            }
            line
        })
        .fold(String::new(), |text, line| text + line + "\n")
}

/// `ReplicaDirectoryId` → `replica_directory_id`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let after_lower = at > 0
            && characters
                .get(at - 1)
                .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let before_lower = at > 0 && characters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let after_upper = at > 0 && characters.get(at - 1).is_some_and(char::is_ascii_uppercase);
        if character.is_ascii_uppercase() && (after_lower || (after_upper && before_lower)) {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    match out.as_str() {
        "type" | "match" | "ref" | "where" => format!("r#{out}"),
        _ => out,
    }
}
