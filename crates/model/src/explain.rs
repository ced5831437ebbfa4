//! Explains a field: type, default, what is allowed, what Klamm does with it, and what differs on one machine.
//!
//! Reads: the schemas of `resources` and the notes beside this file. Invariants: knows every field of every kind; a
//! note about a field that does not exist fails a test. Not here: printing (cli).

use std::fmt;

use resources::examples::with_example_of;
use resources::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desired::KafkaKey;
use crate::desired::parse::{annotations, not_acted_on};
use notes::{NOTES, Note};

mod notes;

/// All that can be said about a field or a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The kind.
    pub kind: String,
    /// The path below the kind; empty for the kind itself.
    pub path: String,
    /// Its type, in words.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it must be there where its parent is.
    pub required: bool,
    /// What it is.
    pub description: String,
    /// What is allowed.
    pub allowed: String,
    /// A value that would do.
    pub example: String,
    /// What applies where it is absent.
    pub default: String,
    /// What Klamm does with it.
    pub klamm: String,
    /// What differs on one machine.
    pub locally: String,
    /// Its fields, or those of each of its items.
    pub fields: Vec<Field>,
}

/// A field of what is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, in words.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it is.
    pub description: String,
}

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not there; known here: {known}{}", .nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean {nearest}?")))]
pub struct ExplainError {
    /// The path up to the step that is not there.
    pub given: String,
    /// What could stand in its place.
    pub known: String,
    /// What is spelled nearly so.
    pub nearest: Option<String>,
}

/// Explains `kafka.spec.kafka.listeners`; the kind by any of its names, `[]` and indices may be left out.
pub fn explain(path: &str) -> Result<Explanation, ExplainError> {
    let mut steps = path
        .split('.')
        .map(|step| step.split('[').next().unwrap_or_default())
        .filter(|step| !step.is_empty());
    let asked = steps.next().unwrap_or_default();
    let Some((kind, schema)) = resources::schema_of(asked) else {
        let nearest = words::nearest(asked, resources::kinds());
        return Err(ExplainError {
            given: format!("a kind {asked:?}"),
            known: resources::kinds().collect::<Vec<_>>().join(", "),
            nearest: nearest.map(str::to_owned),
        });
    };
    if let Some(key) = path
        .split_once(".spec.kafka.config.")
        .and_then(|(_, key)| KafkaKey::find(key))
        && kind == "Kafka"
    {
        return Ok(kafka_key(key));
    }
    if let Some(annotation) = path
        .split_once(&format!(".{ANNOTATIONS}."))
        .and_then(|(_, key)| {
            annotations(kind)
                .into_iter()
                .find(|field| field.name == key)
        })
    {
        return Ok(of_annotation(kind, annotation));
    }
    let mut at = &schema;
    let mut walked: Vec<&str> = Vec::new();
    let mut required = false;
    for step in steps {
        let inside = item(at);
        let property = &inside["properties"][step];
        let next = if property.is_object() {
            property
        } else {
            &inside["additionalProperties"]
        };
        if !next.is_object() {
            let names = names(inside);
            walked.push(step);
            return Err(ExplainError {
                given: format!("{kind}.{}", walked.join(".")),
                known: if names.is_empty() {
                    "no fields".to_owned()
                } else {
                    names.join(", ")
                },
                nearest: words::nearest(step, names.iter().copied()).map(str::to_owned),
            });
        }
        required = is_required(inside, step);
        at = next;
        walked.push(step);
    }
    Ok(explanation(kind, &walked.join("."), at, required))
}

/// A key of Kafka's own configuration.
fn kafka_key(key: KafkaKey) -> Explanation {
    Explanation {
        kind: "Kafka".to_owned(),
        path: format!("spec.kafka.config.{}", key.name),
        type_name: key.kind.to_owned(),
        required: false,
        description: "A key of Kafka's own configuration.".to_owned(),
        allowed: key.allowed(),
        example: String::new(),
        default: key.default.to_owned(),
        klamm: match key.releases() {
            releases if releases.is_empty() => "goes into server.properties".to_owned(),
            releases => format!("goes into server.properties; Kafka knows it {releases}"),
        },
        locally: String::new(),
        fields: Vec::new(),
    }
}

/// Where annotations are, in every kind.
const ANNOTATIONS: &str = "metadata.annotations";

/// The annotations of a kind that something comes of.
fn annotations(kind: &str) -> Vec<Field> {
    let known = annotations::known(kind).into_iter();
    known
        .map(|(name, description)| Field {
            name: name.to_owned(),
            type_name: "text".to_owned(),
            required: false,
            description: description.to_owned(),
        })
        .collect()
}

fn of_annotation(kind: &str, annotation: Field) -> Explanation {
    let Field {
        name,
        type_name,
        required,
        description,
    } = annotation;
    Explanation {
        kind: kind.to_owned(),
        path: format!("{ANNOTATIONS}[\"{name}\"]"),
        type_name,
        required,
        description: String::new(),
        allowed: String::new(),
        example: String::new(),
        default: String::new(),
        klamm: description,
        locally: String::new(),
        fields: Vec::new(),
    }
}

fn explanation(kind: &str, path: &str, schema: &Value, required: bool) -> Explanation {
    let Note {
        default,
        klamm,
        locally,
        ..
    } = note(kind, path);
    let words = with_example_of(path, words::of_schema(item(schema)));
    let inside = item(schema);
    Explanation {
        kind: kind.to_owned(),
        path: path.to_owned(),
        type_name: type_name(schema),
        required,
        description: schema["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        allowed: if names(inside).is_empty() {
            words.allowed
        } else {
            String::new()
        },
        example: words.example,
        default: default.to_owned(),
        klamm: klamm.to_owned(),
        locally: locally.to_owned(),
        fields: if path == ANNOTATIONS {
            annotations(kind)
        } else {
            fields(inside)
        },
    }
}

fn fields(inside: &Value) -> Vec<Field> {
    names(inside)
        .into_iter()
        .map(|name| Field {
            name: name.to_owned(),
            type_name: type_name(&inside["properties"][name]),
            required: is_required(inside, name),
            description: inside["properties"][name]["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}

/// The note on this very field, else that nothing acts on it or on something around it.
fn note(kind: &str, path: &str) -> Note {
    if let Some(note) = NOTES
        .iter()
        .find(|note| note.kind == kind && note.path == path)
    {
        return *note;
    }
    let around = |field: &str| {
        path == field
            || path
                .strip_prefix(field)
                .is_some_and(|rest| rest.starts_with('.'))
    };
    let field = not_acted_on::FIELDS
        .iter()
        .find(|(of, field, _)| *of == kind && around(&field.replace("[]", "")));
    let whole = not_acted_on::KINDS.iter().find(|(of, _)| *of == kind);
    let klamm = field
        .map(|(_, _, instead)| *instead)
        .or(whole.map(|(_, instead)| *instead));
    Note {
        kind: "",
        path: "",
        default: "",
        klamm: klamm.unwrap_or_default(),
        locally: "",
    }
}

/// What a list or a map of things is made of, else the thing itself.
fn item(schema: &Value) -> &Value {
    let inner = if schema["items"].is_object() {
        &schema["items"]
    } else {
        &schema["additionalProperties"]
    };
    if inner.is_object() {
        item(inner)
    } else {
        schema
    }
}

fn names(schema: &Value) -> Vec<&str> {
    schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|required| required == name)
}

fn type_name(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "number or text".to_owned();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "object" if schema["additionalProperties"].is_object() => {
            format!("map of {}", plural(&schema["additionalProperties"]))
        }
        "object" if schema["x-kubernetes-preserve-unknown-fields"] == true => {
            "map of anything".to_owned()
        }
        "array" => format!("list of {}", plural(&schema["items"])),
        "object" => "map".to_owned(),
        "integer" => "whole number".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

fn plural(schema: &Value) -> String {
    match schema["type"].as_str().unwrap_or_default() {
        "object" => "maps".to_owned(),
        "integer" => "whole numbers".to_owned(),
        "string" => "texts".to_owned(),
        _ => type_name(schema),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            path,
            type_name,
            required,
            description,
            allowed,
            example,
            default,
            klamm,
            locally,
            fields,
        } = self;
        let dot = if path.is_empty() { "" } else { "." };
        let required = if *required { ", required" } else { "" };
        writeln!(f, "{kind}{dot}{path}: {type_name}{required}")?;
        if !description.is_empty() {
            writeln!(f, "  {description}")?;
        }
        for (title, text) in [
            ("allowed", allowed),
            ("example", example),
            ("default", default),
            ("Klamm", klamm),
            ("locally", locally),
        ] {
            if !text.is_empty() {
                writeln!(f, "  {title:8} {text}")?;
            }
        }
        let width = fields
            .iter()
            .map(|field| field.name.len())
            .max()
            .unwrap_or(0);
        let types = fields
            .iter()
            .map(|field| field.type_name.len() + if field.required { 10 } else { 0 });
        let type_width = types.max().unwrap_or(0);
        for (
            index,
            Field {
                name,
                type_name,
                required,
                description,
            },
        ) in fields.iter().enumerate()
        {
            if index == 0 {
                writeln!(f)?;
            }
            let required = if *required { ", required" } else { "" };
            let type_name = format!("{type_name}{required}");
            writeln!(
                f,
                "{}",
                format!("  {name:width$}  {type_name:type_width$}  {description}").trim_end()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
