//! Checks manifests where nothing runs: every problem of every document at once.
//!
//! What it does: reads YAML (or JSON) texts, compares each document with its kind's schema (`resources::check`), and
//! parses each `Kafka` with its node pools (`desired::parse`) as the operator would. Reads: the texts handed in.
//! Invariants: a document that is wrong never hides the problems of another, nor what is wrong with it in the schema's eyes
//! what is wrong with it in ours; documents of other kinds (Secrets,
//! ConfigMaps, …) pass through unjudged; what is returned as good can be applied.
//! What is not here: reading files and printing (cli).

use std::collections::{BTreeMap, BTreeSet};

use resources::{Kafka, KafkaNodePool, Violation, ViolationKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desired::parse::{self, CLUSTER_LABEL, Settings, cluster_of, not_acted_on};
use crate::problem::{Problem, ProblemReason, Subject, Warning, WarningReason};
use lines::Lines;
use yaml::documents;

mod lines;
mod path;
mod repair;
mod yaml;

/// A text with manifests.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it is from, for people: a file name or `-`.
    pub file: &'a str,
    /// All of it.
    pub text: &'a str,
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
    validation
        .warnings
        .extend(kinds_without_effect(&validation.documents));
    let mut wrong = BTreeMap::new();
    for (index, document) in validation.documents.iter().enumerate() {
        let problems = shape(document);
        if !problems.is_empty() {
            wrong.insert(index, Mended::of(document, &problems));
        }
        validation.problems.extend(problems);
    }
    let again = duplicates(&validation.documents, settings);
    let twice = again.iter().map(|(index, _)| *index).collect();
    validation
        .problems
        .extend(again.into_iter().map(|(_, problem)| problem));
    clusters(&wrong, &twice, settings, &mut validation);
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
    } = validation;
    let line = |place: &Place, about: &Subject, field: &str| {
        let mut these = documents
            .iter()
            .filter(|document| document.place == *place && subject(&document.object) == *about);
        these.find_map(|document| document.lines.find(field))
    };
    for Located { place, what } in problems {
        place.line = line(place, &what.subject, &what.field).unwrap_or(place.line);
    }
    for Located { place, what } in warnings {
        place.line = line(place, &what.subject, &what.field).unwrap_or(place.line);
    }
}

/// A document that its schema refuses, as far as it can be judged all the same.
struct Mended {
    /// The object with examples in the place of what is wrong.
    object: Value,
    /// Where it was mended: nothing is said about these places again.
    places: Vec<String>,
}

impl Mended {
    fn of(document: &Document, problems: &[Located<Problem>]) -> Self {
        let problems: Vec<&Problem> = problems.iter().map(|problem| &problem.what).collect();
        Self {
            object: repair::repaired(&document.object, &problems),
            places: problems
                .iter()
                .map(|problem| problem.field.clone())
                .collect(),
        }
    }

    fn speaks_of(&self, field: &str) -> bool {
        self.places.iter().any(|place| path::overlap(place, field))
    }
}

/// A file that no documents could be taken from, for [`Validation::problems`].
pub fn unreadable(file: &str, why: String) -> Located<Problem> {
    yaml::unreadable(
        start_of(file),
        why,
        "a file of YAML or JSON in UTF-8, a directory of such files, or `-` for standard input",
    )
}

/// Texts without any document in them, for [`Validation::problems`]: a pipe that broke, rather than nothing to do.
pub fn nothing_in(file: &str) -> Located<Problem> {
    yaml::unreadable(
        start_of(file),
        String::new(),
        "at least one manifest, such as a Kafka with its node pools",
    )
}

fn start_of(file: &str) -> Place {
    Place {
        file: file.to_owned(),
        document: 1,
        line: 1,
    }
}

/// What the schema says, or the little that any object needs.
fn shape(document: &Document) -> Vec<Located<Problem>> {
    let object = &document.object;
    let subject = subject(object);
    let violations = resources::check(object).unwrap_or_else(|| any_object(object));
    violations
        .into_iter()
        .map(|violation| Located {
            place: document.place.clone(),
            what: problem(&subject, violation),
        })
        .collect()
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

/// Parses every `Kafka` with its pools, and pools whose `Kafka` is not here or is wrong by themselves.
///
/// `wrong` are the documents that their schema refuses, `twice` those that say again what another one says.
fn clusters(
    wrong: &BTreeMap<usize, Mended>,
    twice: &BTreeSet<usize>,
    settings: &Settings,
    validation: &mut Validation,
) {
    let good = |kind: &'static str| {
        let documents = validation.documents.iter().enumerate();
        documents
            .filter(move |(index, document)| !twice.contains(index) && is(&document.object, kind))
    };
    let object = |index: usize, document: &Document| {
        wrong
            .get(&index)
            .map_or_else(|| document.object.clone(), |mended| mended.object.clone())
    };
    let pools: Vec<(&Document, KafkaNodePool)> = good("KafkaNodePool")
        .filter_map(|(index, document)| {
            let pool = serde_json::from_value(object(index, document)).ok()?;
            Some((document, pool))
        })
        .collect();
    let kafkas: Vec<(&Document, Kafka)> = good("Kafka")
        .filter_map(|(index, document)| {
            let kafka = serde_json::from_value(object(index, document)).ok()?;
            Some((document, kafka))
        })
        .collect();
    // What a mended document says where it was mended is ours, not the user's.
    let said = |place: &Place, about: &Subject, field: &str| {
        let documents = validation.documents.iter().enumerate();
        let mut mended = documents.filter(|(_, document)| {
            document.place == *place && subject(&document.object) == *about
        });
        mended.any(|(index, _)| {
            wrong
                .get(&index)
                .is_some_and(|mended| mended.speaks_of(field))
        })
    };
    let mut problems: Vec<Located<Problem>> = Vec::new();
    let mut warnings: Vec<Located<Warning>> = Vec::new();
    for (document, kafka) in &kafkas {
        let home = namespace(&document.object, settings);
        let name = kafka.metadata.name.as_deref();
        let of_this = |object: &Value| {
            namespace(object, settings) == home
                && object["metadata"]["labels"][CLUSTER_LABEL].as_str() == name
        };
        let mine: Vec<KafkaNodePool> = pools
            .iter()
            .filter(|(document, _)| of_this(&document.object))
            .map(|(_, pool)| pool.clone())
            .collect();
        let any = good("KafkaNodePool").any(|(_, document)| of_this(&document.object));
        let all = !good("KafkaNodePool")
            .any(|(index, document)| of_this(&document.object) && wrong.contains_key(&index));
        let parsed = parse::parse_cluster(kafka, &mine, settings);
        let place = |subject: &Subject| place_of(subject, document, &pools, &home, settings);
        for problem in parsed.cluster.err().into_iter().flatten() {
            let absent = problem.reason == ProblemReason::MissingReference;
            if absent && !any {
                // Its pools may be in files that were not given, or in the cluster already.
                warnings.push(Located {
                    place: place(&problem.subject),
                    what: absent_pools(problem),
                });
            } else if !absent || all {
                problems.push(Located {
                    place: place(&problem.subject),
                    what: problem,
                });
            }
        }
        warnings.extend(parsed.warnings.into_iter().map(|warning| Located {
            place: place(&warning.subject),
            what: warning,
        }));
    }
    for (document, pool) in &pools {
        let cluster = cluster_of(pool);
        let home = namespace(&document.object, settings);
        let parsed_already = kafkas.iter().any(|(document, kafka)| {
            kafka.metadata.name.as_deref() == cluster
                && namespace(&document.object, settings) == home
        });
        if !parsed_already {
            warnings.extend(absent_kafka(document, &validation.documents, settings));
            let parsed = parse::parse_pool(pool);
            let place = &document.place;
            problems.extend(parsed.0.into_iter().map(|what| Located {
                place: place.clone(),
                what,
            }));
            warnings.extend(parsed.1.into_iter().map(|what| Located {
                place: place.clone(),
                what,
            }));
        }
    }
    problems.retain(|Located { place, what }| !said(place, &what.subject, &what.field));
    warnings.retain(|Located { place, what }| !said(place, &what.subject, &what.field));
    validation.problems.extend(problems);
    validation.warnings.extend(warnings);
}

/// The document that a problem of a cluster is about.
fn place_of(
    subject: &Subject,
    kafka: &Document,
    pools: &[(&Document, KafkaNodePool)],
    home: &str,
    settings: &Settings,
) -> Place {
    let pool = pools.iter().find(|(document, pool)| {
        subject.kind == "KafkaNodePool"
            && pool.metadata.name.as_deref() == Some(&subject.name)
            && namespace(&document.object, settings) == home
    });
    pool.map_or(&kafka.place, |(document, _)| &document.place)
        .clone()
}

fn absent_pools(problem: Problem) -> Warning {
    let Problem {
        subject,
        field,
        allowed,
        ..
    } = problem;
    Warning {
        subject,
        reason: WarningReason::FieldNotActedOn,
        field,
        message: format!("nothing runs without {allowed}; there is none among these documents."),
    }
}

/// A pool that names a Kafka of which there is nothing among the documents.
fn absent_kafka(
    pool: &Document,
    documents: &[Document],
    settings: &Settings,
) -> Option<Located<Warning>> {
    let home = namespace(&pool.object, settings);
    let cluster = pool.object["metadata"]["labels"][CLUSTER_LABEL].as_str()?;
    let there = || {
        documents
            .iter()
            .map(|document| &document.object)
            .filter(|object| is(object, "Kafka") && namespace(object, settings) == home)
            .filter_map(|object| object["metadata"]["name"].as_str())
    };
    // It may be there twice, or be wrong: then more is told of it than that it is not there.
    if there().any(|name| name == cluster) {
        return None;
    }
    let hint = resources::words::nearest(cluster, there()).map_or_else(
        || ".".to_owned(),
        |nearest| format!("; did you mean {nearest}?"),
    );
    Some(Located {
        place: pool.place.clone(),
        what: Warning {
            subject: subject(&pool.object),
            reason: WarningReason::FieldNotActedOn,
            field: format!("metadata.labels[\"{CLUSTER_LABEL}\"]"),
            message: format!(
                "no node of this pool runs without the Kafka {cluster} in its namespace; there is none among these documents{hint}"
            ),
        },
    })
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
