//! Every field of `Kafka` and `KafkaNodePool`: set, it changes what is made, or it is refused or warned of by its path.
//!
//! The table of facts in `resources` lists all fields there are. Each is set, by itself, in a cluster in which it could mean
//! something; what comes of it is compared with what came without. A field that changes nothing and of which nothing is
//! said fails, unless [`ELSEWHERE`] says who acts on it.

use std::collections::{BTreeMap, BTreeSet};

use manifests::{
    NodeFacts, broker_pod, certificate, config_map, secret, shared, to_value, volume_claims,
};
use model::desired::parse::{Parsed, Settings, parse_cluster};
use serde_json::{Value, json};

use crate::example::{self, Example};
use cluster::{Documents, base, variants};
use fields::{Facts, facts, leaves, samples, set, unset};

mod cluster;
mod fields;

/// Fields that show in no rendered object, and who acts on them.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "Kafka",
        "spec.clusterCa.generateCertificateAuthority",
        "planner: makes the authority",
    ),
    (
        "Kafka",
        "spec.clientsCa.generateCertificateAuthority",
        "planner: makes the authority",
    ),
    (
        "Kafka",
        "spec.kafka.logging.type",
        "parser: chooses among the fields beside it",
    ),
    (
        "Kafka",
        "spec.kafka.rack.type",
        "parser: chooses among the fields beside it",
    ),
    (
        "Kafka",
        "spec.kafka.tieredStorage.type",
        "parser: there is one type",
    ),
    (
        "KafkaNodePool",
        "spec.roles[]",
        "parser: a pool that loses a role that no other has is refused for the role",
    ),
];

/// What comes of a cluster.
enum Outcome {
    /// The schema refuses it before we see it.
    Unfit,
    /// It is refused; fields named.
    Refused(BTreeSet<String>),
    /// Everything that is made, and the fields warned of.
    Made(String, BTreeSet<String>),
}

fn parse(documents: &Documents) -> Option<Parsed> {
    let kafka = serde_json::from_value(documents.kafka.clone()).ok()?;
    let pools: Result<Vec<_>, _> = documents
        .pools
        .iter()
        .map(|pool| serde_json::from_value(pool.clone()))
        .collect();
    Some(parse_cluster(&kafka, &pools.ok()?, &Settings::default()))
}

fn outcome(documents: &Documents) -> Outcome {
    let Some(parsed) = parse(documents) else {
        return Outcome::Unfit;
    };
    match parsed.cluster {
        Err(problems) => Outcome::Refused(
            problems
                .iter()
                .map(|problem| without_numbers(&problem.field))
                .collect(),
        ),
        Ok(cluster) => {
            let warned = parsed
                .warnings
                .iter()
                .map(|warning| without_numbers(&warning.field));
            let warned = warned.collect();
            let facts = example::facts(&cluster);
            let example = Example {
                cluster,
                facts,
                settings: manifests::Settings::default(),
            };
            Outcome::Made(everything(&example), warned)
        }
    }
}

fn everything(example: &Example) -> String {
    let input = example.input();
    let mut objects = shared::objects(&input);
    for authority in [secret::Authority::Cluster, secret::Authority::Clients] {
        objects.push(to_value(&secret::authority_key(&input, authority)));
        objects.push(to_value(&secret::authority_certificate(&input, authority)));
    }
    objects.push(to_value(&secret::jmx(&input)));
    for node in example.facts.nodes.values() {
        let (pool, node) = example.node(node.id.0);
        let facts = NodeFacts::default();
        objects.push(to_value(&config_map::render(&input, pool, node, &facts)));
        objects.push(to_value(&broker_pod::render(&input, pool, node, &facts)));
        objects.extend(
            volume_claims::render(&input, pool, node)
                .iter()
                .map(to_value),
        );
        let names = certificate::names(&input, node, None);
        objects.push(json!([names.dns, names.addresses]));
    }
    // What a Pod says it was made from is no effect of its own.
    for object in &mut objects {
        if let Some(annotations) = object.pointer_mut("/metadata/annotations") {
            for part in [
                "klamm.dev/parts",
                "strimzi.io/revision",
                "strimzi.io/configuration-hash",
                "strimzi.io/resource-revision",
            ] {
                annotations.as_object_mut().unwrap().remove(part);
            }
        }
        if let Some(runner) = object.pointer_mut("/data/runner.json") {
            let mut read: Value = serde_json::from_str(runner.as_str().unwrap()).unwrap();
            read.as_object_mut().unwrap().remove("configurationHash");
            *runner = json!(read.to_string());
        }
    }
    json!(objects).to_string()
}

/// `a[0].b` → `a[].b`; `a["key"]` → `a{}`.
fn without_numbers(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, inner)) = rest.split_once('[') {
        text.push_str(before);
        let (inside, after) = inner.split_once(']').unwrap_or((inner, ""));
        text.push_str(if inside.starts_with('"') { "{}" } else { "[]" });
        rest = after;
    }
    text + rest
}

/// Whether what is said about `told` is about `path`: at it, above it or below it.
fn is_about(told: &str, path: &str) -> bool {
    told == path
        || path.starts_with(&format!("{told}."))
        || path.starts_with(&format!("{told}["))
        || told.starts_with(path)
}

/// Whether setting a leaf does anything, or is told: beside the same cluster without it, or with another value of it.
fn shows(kind: &str, facts: &Facts, path: &str) -> bool {
    let mut contexts = vec![base()];
    for (prefix, value) in variants(kind, path) {
        let mut documents = base();
        // The rack by node label makes objects of its own.
        documents.kafka["metadata"]["annotations"] =
            json!({model::desired::parse::RACK_THROUGH_NODE: "true"});
        if !path.starts_with("spec.kafka.rack") {
            documents.kafka["spec"]["kafka"]["rack"] =
                json!({"topologyKey": "topology.kubernetes.io/zone"});
        }
        let roots = match kind {
            "Kafka" => std::slice::from_mut(&mut documents.kafka),
            _ => documents.pools.as_mut_slice(),
        };
        for root in roots {
            set(facts, root, prefix, 0, value.clone());
        }
        contexts.push(documents);
    }
    if NOT_ACTED_ON.iter().any(|whole| path.starts_with(whole)) {
        return contexts
            .iter()
            .any(|documents| is_told_of(documents, kind, facts, path));
    }
    let places = if path.contains("listeners[]") { 10 } else { 1 };
    contexts
        .iter()
        .any(|documents| shows_in(documents, kind, facts, path, places))
}

/// Whether a leaf is warned of where it is set, by the whole that it belongs to.
fn is_told_of(documents: &Documents, kind: &str, facts: &Facts, path: &str) -> bool {
    samples(&facts[path], path).into_iter().any(|value| {
        let mut documents = documents.clone();
        match kind {
            "Kafka" => set(facts, &mut documents.kafka, path, 0, value),
            _ => set(facts, &mut documents.pools[0], path, 0, value),
        }
        let warnings = parse(&documents).map(|parsed| parsed.warnings);
        warnings.into_iter().flatten().any(|warning| {
            let field = without_numbers(&warning.field);
            NOT_ACTED_ON.contains(&field.as_str()) && path.starts_with(&field)
        })
    })
}

/// Tries each value in all places before the next value: the first ones fit most fields.
fn shows_in(documents: &Documents, kind: &str, facts: &Facts, path: &str, places: usize) -> bool {
    let root = match kind {
        "Kafka" => &documents.kafka,
        _ => &documents.pools[0],
    };
    let with = |object: Value| {
        let mut documents = documents.clone();
        match kind {
            "Kafka" => documents.kafka = object,
            _ => documents.pools[0] = object,
        }
        outcome(&documents)
    };
    let mut seen: BTreeMap<usize, Vec<Outcome>> = BTreeMap::new();
    for value in samples(&facts[path], path) {
        for index in 0..places {
            let mut object = root.clone();
            set(facts, &mut object, path, index, value.clone());
            let seen = seen.entry(index).or_insert_with(|| {
                let mut without = object.clone();
                unset(&mut without, path, index);
                match with(without) {
                    // What is required cannot be left out alone.
                    Outcome::Unfit => vec![outcome(documents)],
                    without => vec![without],
                }
            });
            let now = with(object);
            if seen.iter().any(|before| differ(before, &now, path)) {
                return true;
            }
            seen.push(now);
        }
    }
    false
}

/// Parts that nothing acts on as a whole.
const NOT_ACTED_ON: [&str; 5] = [
    "spec.entityOperator",
    "spec.cruiseControl",
    "spec.kafkaExporter",
    "spec.kafka.template.podSet",
    "spec.template.podSet",
];

/// Whether two outcomes differ by what they make, or by what they say about a path.
fn differ(before: &Outcome, after: &Outcome, path: &str) -> bool {
    let about = |fields: &BTreeSet<String>| fields.iter().any(|told| is_about(told, path));
    match (before, after) {
        (Outcome::Unfit, _) | (_, Outcome::Unfit) => false,
        (Outcome::Made(before, warned), Outcome::Made(after, now)) => {
            before != after || about(&(warned ^ now))
        }
        (Outcome::Refused(before), Outcome::Refused(after)) => about(&(before ^ after)),
        (Outcome::Refused(fields), Outcome::Made(..))
        | (Outcome::Made(..), Outcome::Refused(fields)) => about(fields),
    }
}

fn check(kind: &str, plural: &str) {
    let facts = facts(plural);
    let leaves = leaves(&facts);
    assert!(leaves.len() > 100, "only {} fields of {kind}", leaves.len());
    assert!(
        matches!(outcome(&base()), Outcome::Made(..)),
        "the base is refused"
    );
    let elsewhere: BTreeSet<&str> = ELSEWHERE
        .iter()
        .filter(|(of, _, _)| *of == kind)
        .map(|(_, path, _)| *path)
        .collect();
    let silent: BTreeSet<&str> = leaves
        .into_iter()
        .filter(|path| !shows(kind, &facts, path))
        .map(String::as_str)
        .collect();
    let ignored: Vec<&&str> = silent.difference(&elsewhere).collect();
    assert!(
        ignored.is_empty(),
        "set without any effect and without a word: {ignored:#?}"
    );
    let needless: Vec<&&str> = elsewhere.difference(&silent).collect();
    assert!(
        needless.is_empty(),
        "listed as acted on elsewhere, and seen here: {needless:#?}"
    );
}

#[test]
fn every_field_of_a_kafka_is_acted_on_or_told() {
    check("Kafka", "kafkas");
}

#[test]
fn every_field_of_a_node_pool_is_acted_on_or_told() {
    check("KafkaNodePool", "kafkanodepools");
}
