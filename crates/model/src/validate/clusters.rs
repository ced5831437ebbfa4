//! What only shows when a `Kafka` is read together with its node pools, or when one of them is looked for and not there.
//!
//! A document that its schema refuses is judged all the same, mended in two ways: only what holds for both is told, so
//! that nothing follows from a value that nobody wrote. Nothing counts as absent, and nothing is counted, while there is
//! a document of which nobody knows what it is.

use std::collections::{BTreeMap, BTreeSet};

use resources::{Kafka, KafkaNodePool};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::repair::Mended;
use super::{Document, Located, Place, is, namespace, subject};
use crate::desired::parse::{self, CLUSTER_LABEL, Settings, cluster_of};
use crate::problem::{Problem, ProblemReason, Subject, Warning, WarningReason};

/// The documents, and what is known of them so far.
pub(super) struct Found<'a> {
    pub(super) documents: &'a [Document],
    /// Those that their schema refuses.
    pub(super) wrong: &'a BTreeMap<usize, Mended>,
    /// Those that say again what another one says.
    pub(super) twice: &'a BTreeSet<usize>,
    /// Whether it is known of every document what it is.
    pub(super) all_known: bool,
    pub(super) settings: &'a Settings,
}

/// A document as a resource, and as another one that it may have been meant to be.
struct Read<'a, T> {
    document: &'a Document,
    plain: T,
    otherwise: T,
}

/// What there is to say, of one reading or of all.
#[derive(Default)]
pub(super) struct Told {
    pub(super) problems: Vec<Located<Problem>>,
    pub(super) warnings: Vec<Located<Warning>>,
}

/// Parses every `Kafka` with its pools, and pools whose `Kafka` is not here or is wrong by themselves.
pub(super) fn clusters(found: &Found<'_>) -> Told {
    let pools: Vec<Read<'_, KafkaNodePool>> = found.read("KafkaNodePool");
    let kafkas: Vec<Read<'_, Kafka>> = found.read("Kafka");
    let mut told = Told::default();
    for kafka in &kafkas {
        told.extend(of_cluster(found, kafka, &pools));
    }
    for pool in &pools {
        let home = namespace(&pool.document.object, found.settings);
        let parsed_already = kafkas.iter().any(|kafka| {
            kafka.plain.metadata.name.as_deref() == cluster_of(&pool.plain)
                && namespace(&kafka.document.object, found.settings) == home
        });
        if !parsed_already {
            told.extend(of_pool(found, pool));
        }
    }
    let Told { problems, warnings } = &mut told;
    problems.retain(|Located { place, what }| !found.said(place, &what.subject, &what.field));
    warnings.retain(|Located { place, what }| !found.said(place, &what.subject, &what.field));
    told
}

impl Found<'_> {
    /// Those of a kind that can be read as it.
    fn read<T: DeserializeOwned>(&self, kind: &str) -> Vec<Read<'_, T>> {
        let documents = self.documents.iter().enumerate();
        documents
            .filter(|(index, document)| !self.twice.contains(index) && is(&document.object, kind))
            .filter_map(|(index, document)| {
                let mended = self.wrong.get(&index);
                let plain = mended.map_or(&document.object, |mended| &mended.object);
                let otherwise = mended.map_or(&document.object, |mended| &mended.otherwise);
                let read = |object| T::deserialize(object).ok();
                Some(Read {
                    document,
                    plain: read(plain)?,
                    otherwise: read(otherwise).or_else(|| read(plain))?,
                })
            })
            .collect()
    }

    /// Whether a document was mended there: what it says there is ours, not the user's.
    fn said(&self, place: &Place, about: &Subject, field: &str) -> bool {
        let documents = self.documents.iter().enumerate();
        let mut these = documents.filter(|(_, document)| {
            document.place == *place && subject(&document.object) == *about
        });
        these.any(|(index, _)| {
            self.wrong
                .get(&index)
                .is_some_and(|mended| mended.speaks_of(field))
        })
    }
}

impl Told {
    fn extend(&mut self, more: Self) {
        let Self { problems, warnings } = more;
        self.problems.extend(problems);
        self.warnings.extend(warnings);
    }
}

fn of_cluster(
    found: &Found<'_>,
    kafka: &Read<'_, Kafka>,
    pools: &[Read<'_, KafkaNodePool>],
) -> Told {
    let Found {
        documents,
        twice,
        settings,
        all_known,
        ..
    } = *found;
    let home = namespace(&kafka.document.object, settings);
    let name = kafka.plain.metadata.name.as_deref();
    let of_this = |document: &Document| {
        namespace(&document.object, settings) == home
            && document.object["metadata"]["labels"][CLUSTER_LABEL].as_str() == name
    };
    let mine = || pools.iter().filter(|pool| of_this(pool.document));
    let asked = documents.iter().enumerate();
    let asked = asked.filter(|(index, document)| {
        !twice.contains(index) && is(&document.object, "KafkaNodePool") && of_this(document)
    });
    let asked = asked.count();
    let plain: Vec<KafkaNodePool> = mine().map(|pool| pool.plain.clone()).collect();
    let mut otherwise: Vec<KafkaNodePool> = mine().map(|pool| pool.otherwise.clone()).collect();
    if !all_known || plain.len() < asked {
        otherwise.extend(unread_pool(name.unwrap_or_default()));
    }
    let plain = parse::parse_cluster(&kafka.plain, &plain, settings);
    let otherwise = parse::parse_cluster(&kafka.otherwise, &otherwise, settings);
    let other_problems = otherwise.cluster.err().unwrap_or_default();
    let place = |subject: &Subject| place_of(subject, kafka.document, pools, &home, settings);
    let mut told = Told::default();
    let problems = plain.cluster.err().into_iter().flatten();
    for problem in problems.filter(|problem| other_problems.contains(problem)) {
        let place = place(&problem.subject);
        if problem.reason == ProblemReason::MissingReference && asked == 0 {
            // Its pools may be in files that were not given, or in the cluster already.
            let what = absent_pools(problem);
            told.warnings.push(Located { place, what });
        } else {
            let what = problem;
            told.problems.push(Located { place, what });
        }
    }
    let warnings = plain.warnings.into_iter();
    let warnings = warnings.filter(|warning| otherwise.warnings.contains(warning));
    told.warnings.extend(warnings.map(|warning| Located {
        place: place(&warning.subject),
        what: warning,
    }));
    told
}

/// What a document that cannot be read may be: enough nodes of every role.
fn unread_pool(cluster: &str) -> Option<KafkaNodePool> {
    let pool = json!({
        "metadata": {"name": "unread", "labels": {CLUSTER_LABEL: cluster}},
        "spec": {"replicas": 9, "roles": ["controller", "broker"], "storage": {"type": "ephemeral"}},
    });
    serde_json::from_value(pool).ok()
}

/// A pool by itself.
fn of_pool(found: &Found<'_>, pool: &Read<'_, KafkaNodePool>) -> Told {
    let place = &pool.document.place;
    let plain = parse::parse_pool(&pool.plain);
    let otherwise = parse::parse_pool(&pool.otherwise);
    let problems = plain.0.into_iter();
    let problems = problems.filter(|problem| otherwise.0.contains(problem));
    let warnings = plain.1.into_iter();
    let warnings = warnings.filter(|warning| otherwise.1.contains(warning));
    let absent = found
        .all_known
        .then(|| absent_kafka(pool.document, found.documents, found.settings));
    let located = |what| Located {
        place: place.clone(),
        what,
    };
    Told {
        problems: problems
            .map(|what| Located {
                place: place.clone(),
                what,
            })
            .collect(),
        warnings: absent
            .flatten()
            .into_iter()
            .chain(warnings.map(located))
            .collect(),
    }
}

/// The document that a problem of a cluster is about.
fn place_of(
    subject: &Subject,
    kafka: &Document,
    pools: &[Read<'_, KafkaNodePool>],
    home: &str,
    settings: &Settings,
) -> Place {
    let pool = pools.iter().find(|pool| {
        subject.kind == "KafkaNodePool"
            && pool.plain.metadata.name.as_deref() == Some(&subject.name)
            && namespace(&pool.document.object, settings) == home
    });
    pool.map_or(&kafka.place, |pool| &pool.document.place)
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
