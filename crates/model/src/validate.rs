//! Checks manifests where nothing runs: every problem of every document at once.
//!
//! What it does: reads YAML (or JSON) texts, compares each document with its kind's schema (`resources::check`), and
//! parses each `Kafka` with its node pools (`desired::parse`) as the operator would. Reads: the texts handed in.
//! Invariants: a document that is wrong never hides the problems of another, nor what is wrong with it in the schema's eyes
//! what is wrong with it in ours; nothing is told that only follows from what is wrong; documents of other kinds (all but
//! ours, Secrets and ConfigMaps) are counted as unchecked.
//! What is not here: reading files and printing (cli).

use std::collections::BTreeMap;

use resources::{Violation, ViolationKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desired::Namespace;
use crate::desired::parse::{Settings, not_acted_on};
use crate::problem::{Problem, ProblemReason, Subject, Warning, WarningReason};
use clusters::{Found, Told};
use lines::Lines;
use repair::Mended;
use yaml::documents;

mod clusters;
mod lines;
mod path;
mod repair;
mod yaml;

/// A text with manifests.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it is from, for people: a file name or `-`.
    pub file: &'a str,
    /// All of it, or why it cannot be read.
    pub text: Result<&'a str, &'a str>,
}

/// Where a document, or a field of it, stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Which document of the file, from 1.
    pub document: usize,
    /// The line of the file, from 1.
    pub line: usize,
}

/// Something about a document or a field of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Located<T> {
    /// The line of the field, or of the nearest thing around it that is there.
    pub place: Place,
    /// What there is to say.
    #[serde(flatten)]
    pub what: T,
}

/// A document that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it begins.
    pub place: Place,
    /// The object.
    pub object: Value,
    /// Where its fields stand.
    lines: Lines,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Validation {
    /// Every object, in the order of the texts; items of a `List` stand for themselves.
    pub documents: Vec<Document>,
    /// All that must be changed.
    pub problems: Vec<Located<Problem>>,
    /// What should be known.
    pub warnings: Vec<Located<Warning>>,
    /// Objects of kinds of which no more is known than `metadata`.
    pub unchecked: Vec<Located<Subject>>,
}

impl Document {
    /// Where a field of it stands, or the nearest parent that is there.
    pub fn place_of(&self, field: &str) -> Place {
        Place {
            line: self.lines.find(field).unwrap_or(self.place.line),
            ..self.place.clone()
        }
    }

    /// Something that is wrong with it, where it stands.
    pub fn problem(&self, violation: Violation) -> Located<Problem> {
        Located {
            place: self.place_of(&violation.path),
            what: problem(&subject(&self.object), violation),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            file,
            document: _,
            line,
        } = self;
        write!(f, "{file}:{line}")
    }
}

/// Checks all documents of all texts.
pub fn validate(sources: &[Source<'_>], settings: &Settings) -> Validation {
    let mut validation = Validation::default();
    for source in sources {
        documents(source, &mut validation);
    }
    let all_read = validation.problems.is_empty();
    validation
        .warnings
        .extend(kinds_without_effect(&validation.documents));
    let mut wrong = BTreeMap::new();
    for (index, document) in validation.documents.iter().enumerate() {
        let problems = shape(document);
        if !problems.is_empty() {
            let problems: Vec<&Problem> = problems.iter().map(|problem| &problem.what).collect();
            wrong.insert(index, Mended::of(&document.object, &problems));
        }
        validation.problems.extend(problems);
    }
    let again = duplicates(&validation.documents, settings);
    let twice = again.iter().map(|(index, _)| *index).collect();
    validation
        .problems
        .extend(again.into_iter().map(|(_, problem)| problem));
    let Told { problems, warnings } = clusters::clusters(&Found {
        documents: &validation.documents,
        wrong: &wrong,
        twice: &twice,
        all_known: all_read && wrong.values().all(Mended::is_known),
        settings,
    });
    validation.problems.extend(problems);
    validation.warnings.extend(warnings);
    validation.unchecked = unchecked(&validation.documents);
    to_the_line(&mut validation);
    validation.problems.sort();
    validation.warnings.sort();
    validation
}

/// From where its document begins to the line of the field that each of them is about.
fn to_the_line(validation: &mut Validation) {
    let Validation {
        documents,
        problems,
        warnings,
        unchecked: _,
    } = validation;
    let mut at: BTreeMap<&Place, Vec<&Document>> = BTreeMap::new();
    for document in &*documents {
        at.entry(&document.place).or_default().push(document);
    }
    let line = |place: &Place, about: &Subject, field: &str| {
        let these = at.get(place).into_iter().flatten();
        let mut these = these.filter(|document| subject(&document.object) == *about);
        these.find_map(|document| document.lines.find(field))
    };
    for Located { place, what } in problems {
        place.line = line(place, &what.subject, &what.field).unwrap_or(place.line);
    }
    for Located { place, what } in warnings {
        place.line = line(place, &what.subject, &what.field).unwrap_or(place.line);
    }
}

/// Texts without any document in them, for [`Validation::problems`]: a pipe that broke, rather than nothing to do.
pub fn nothing_in(file: &str) -> Located<Problem> {
    yaml::unreadable(
        yaml::start_of(file),
        String::new(),
        "at least one manifest, such as a Kafka with its node pools",
    )
}

/// What the schema says, or the little that any object needs.
fn shape(document: &Document) -> Vec<Located<Problem>> {
    let object = &document.object;
    let subject = subject(object);
    let violations = resources::check(object).unwrap_or_else(|| any_object(object));
    violations
        .into_iter()
        .chain(no_namespace(object))
        .map(|violation| Located {
            place: document.place.clone(),
            what: problem(&subject, violation),
        })
        .collect()
}

/// A namespace that no API server would have.
fn no_namespace(object: &Value) -> Option<Violation> {
    let given = object["metadata"]["namespace"].as_str()?;
    let is_wrong = !given.is_empty() && given.parse::<Namespace>().is_err();
    is_wrong.then(|| Violation {
        path: "metadata.namespace".to_owned(),
        kind: ViolationKind::InvalidValue,
        given: given.to_owned(),
        allowed: Namespace::ALLOWED.to_owned(),
        example: "default".to_owned(),
    })
}

fn any_object(object: &Value) -> Vec<Violation> {
    let needed = [
        ("apiVersion", &object["apiVersion"], "kafka.strimzi.io/v1"),
        ("kind", &object["kind"], "Kafka"),
        ("metadata.name", &object["metadata"]["name"], "my-cluster"),
    ];
    let generated = object["metadata"]["generateName"].is_string();
    needed
        .into_iter()
        .filter(|(path, value, _)| !(value.is_string() || generated && *path == "metadata.name"))
        .map(|(path, value, example)| Violation {
            path: path.to_owned(),
            kind: if value.is_null() {
                ViolationKind::MissingField
            } else {
                ViolationKind::InvalidValue
            },
            given: if value.is_null() {
                String::new()
            } else {
                value.to_string()
            },
            allowed: "text".to_owned(),
            example: example.to_owned(),
        })
        .chain(
            resources::check_metadata(object)
                .into_iter()
                .filter(|violation| violation.path != "metadata.name"),
        )
        .collect()
}

/// Those of which the schema is not here.
fn unchecked(documents: &[Document]) -> Vec<Located<Subject>> {
    let documents = documents.iter();
    documents
        .filter(|document| {
            let object = &document.object;
            object["kind"].is_string() && resources::check(object).is_none()
        })
        .map(|Document { place, object, .. }| Located {
            place: place.clone(),
            what: subject(object),
        })
        .collect()
}

fn problem(subject: &Subject, violation: Violation) -> Problem {
    let Violation {
        path,
        kind,
        given,
        allowed,
        example,
    } = violation;
    Problem {
        subject: subject.clone(),
        reason: match kind {
            ViolationKind::UnknownField => ProblemReason::UnknownField,
            ViolationKind::MissingField => ProblemReason::MissingField,
            ViolationKind::InvalidValue => ProblemReason::InvalidValue,
            ViolationKind::Conflict => ProblemReason::Conflict,
        },
        field: path,
        given,
        allowed,
        example,
    }
}

/// The same object twice: the later one would silently win. With the index of each later one.
fn duplicates(documents: &[Document], settings: &Settings) -> Vec<(usize, Located<Problem>)> {
    let mut seen: BTreeMap<(String, String, String), &Place> = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, Document { place, object, .. }) in documents.iter().enumerate() {
        let Some(name) = object["metadata"]["name"].as_str() else {
            continue;
        };
        let group = object["apiVersion"]
            .as_str()
            .and_then(|version| version.split_once('/'))
            .map_or("", |(group, _)| group);
        let kind = format!("{}.{group}", object["kind"].as_str().unwrap_or_default());
        let key = (kind, namespace(object, settings), name.to_owned());
        if let Some(first) = seen.get(&key) {
            let problem = Problem {
                subject: subject(object),
                reason: ProblemReason::Duplicate,
                field: "metadata.name".to_owned(),
                given: name.to_owned(),
                allowed: format!("each object once; the first is in {first}"),
                example: String::new(),
            };
            problems.push((
                index,
                Located {
                    place: place.clone(),
                    what: problem,
                },
            ));
        } else {
            seen.insert(key, place);
        }
    }
    problems
}

fn kinds_without_effect(documents: &[Document]) -> Vec<Located<Warning>> {
    let ours = |object: &Value| {
        object["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("kafka.strimzi.io/"))
    };
    documents
        .iter()
        .filter(|document| ours(&document.object))
        .filter_map(|Document { place, object, .. }| {
            let (_, instead) = not_acted_on::KINDS
                .iter()
                .find(|(kind, _)| object["kind"] == *kind)?;
            let warning = Warning {
                subject: subject(object),
                reason: WarningReason::FieldNotActedOn,
                field: "kind".to_owned(),
                message: format!("is accepted, but {instead}."),
            };
            Some(Located {
                place: place.clone(),
                what: warning,
            })
        })
        .collect()
}

fn is(object: &Value, kind: &str) -> bool {
    object["kind"] == kind && object["apiVersion"] == "kafka.strimzi.io/v1"
}

fn namespace(object: &Value, settings: &Settings) -> String {
    object["metadata"]["namespace"]
        .as_str()
        .unwrap_or(&settings.namespace)
        .to_owned()
}

fn subject(object: &Value) -> Subject {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Subject::new(text(&object["kind"]), text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests;
