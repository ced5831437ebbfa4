//! Properties that brokers change while they run: told to Kafka, so that nobody has to restart for them.
//!
//! Reads: what is wanted (the rendered properties), what is recorded (a node's ConfigMap), what is in force (Kafka's own
//! account, layer by layer). They are set for all brokers at once, above the file that a broker was started with.
//!
//! Invariants: only properties that the resource names, or named until now, are touched: what somebody sets by hand
//! stays, and where it contradicts the resource that is told; the names of properties are recorded before Kafka is told of
//! them and until they are out of force, so that a crash in between forgets nothing; what brokers start with has no value
//! that Kafka was told of and did not take.

use std::collections::{BTreeMap, BTreeSet};

use manifests::config_map::SERVER_CONFIG;
use manifests::revision;
use model::observed::Known;
use model::observed::identity::{Identity, SETTINGS};
use model::observed::kafka::Setting;
use serde_json::Value;

use crate::action::Action;
use crate::cluster::changes::parse_properties;
use crate::cluster::draft::{Draft, NewStep};
use crate::cluster::node::NodeView;
use crate::cluster::record::{Record, data_of};
use crate::cluster::render::{Renderer, annotate};
use crate::cluster::view::{PodSeen, View};
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::reason::Reason;

/// Kafka keeps this one for the whole cluster and never without a value.
const MIN_ISR: &str = "min.insync.replicas";

/// Numbers of threads: Kafka lets them at most double or halve at once.
const THREADS: [&str; 9] = [
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.reader.threads",
];

type Properties = BTreeMap<String, String>;

/// Plans the change of what differs.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let brokers: Vec<&NodeView<'_>> = nodes
        .iter()
        .filter(|node| node.node.roles.is_broker())
        .collect();
    let answers = answers(view);
    let mut fresh = brokers
        .iter()
        .filter_map(|node| renderer.config_map(view, node));
    let (Some(first), Some(fresh)) = (answers.values().next(), fresh.next()) else {
        return;
    };
    let wanted = dynamic_of(&data_of(&fresh));
    let mut change = Change::default();
    for (key, value) in &wanted {
        // A value that a provider fills in can only be compared by Kafka.
        if value.contains("${") {
            continue;
        }
        if differs(&answers, key, value) {
            change.set(key, first.get(key), Some(value));
        }
        note_overrides(&answers, key, value, draft);
    }
    let recorded: BTreeSet<String> = brokers
        .iter()
        .filter_map(|node| node.record.as_ref())
        .flat_map(named)
        .collect();
    for key in recorded.iter().filter(|key| !wanted.contains_key(*key)) {
        change.remove(&answers, key);
    }
    change.push(draft);
}

/// How far the removal of properties from the resource is, as far as one node is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// None is in force any more, or the node takes its file when it starts.
    Done,
    /// Some are, or it cannot be known.
    Pending,
    /// Only a restart takes these out of force.
    Restart(Vec<String>),
}

/// Properties that brokers were told of, or were about to be: those of the record, and those that it remembers.
fn named(record: &Record<'_>) -> BTreeSet<String> {
    let remembered = record.meta.annotations.get(SETTINGS);
    let remembered = remembered.into_iter().flat_map(|names| names.split(','));
    remembered
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .chain(dynamic_of(&record.data).into_keys())
        .collect()
}

/// Of these the ones that `fresh` does not have any more.
fn gone(record: &Record<'_>, fresh: &BTreeMap<String, String>) -> BTreeSet<String> {
    let fresh = dynamic_of(fresh);
    let mut gone = named(record);
    gone.retain(|key| !fresh.contains_key(key));
    gone
}

/// Writes into a ConfigMap which properties brokers are told of: before they are, and until they are out of force.
fn remember(
    object: &mut Value,
    record: Option<&Record<'_>>,
    fresh: &BTreeMap<String, String>,
    removal: &Removal,
) {
    let mut names: BTreeSet<String> = dynamic_of(fresh).into_keys().collect();
    if let Some(record) = record.filter(|_| *removal != Removal::Done) {
        names.extend(gone(record, fresh));
    }
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() {
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.remove(SETTINGS);
        }
    } else {
        annotate(object, SETTINGS, names.join(","));
    }
}

/// Whether the properties that `fresh` no longer has are out of force on a node.
pub(crate) fn removal(
    view: &View<'_>,
    node: &NodeView<'_>,
    record: &Record<'_>,
    fresh: &BTreeMap<String, String>,
) -> Removal {
    let gone = gone(record, fresh);
    if gone.is_empty() {
        return Removal::Done;
    }
    let answers = answers(view);
    // A node that does not run, or is no broker, has what the brokers have.
    let runs = matches!(node.pod, PodSeen::Present(_));
    let answer = if runs && node.node.roles.is_broker() {
        answers.get(&node.id)
    } else {
        answers.values().next()
    };
    let Some(answer) = answer else {
        return Removal::Pending;
    };
    let mut by_restart = Vec::new();
    let mut pending = false;
    for key in &gone {
        let Some(setting) = answer.get(key) else {
            continue;
        };
        if same(setting.value.as_ref(), setting.default.as_ref()) || setting.of_broker.is_some() {
            continue;
        }
        if let (true, None, Some(value)) = (runs, &setting.default, &setting.of_file) {
            by_restart.push(format!("{key} {value} → unset"));
        } else {
            pending = true;
        }
    }
    match (by_restart.is_empty(), pending) {
        (false, _) => Removal::Restart(by_restart),
        (true, true) => Removal::Pending,
        (true, false) => Removal::Done,
    }
}

type Answers<'a> = BTreeMap<i32, &'a BTreeMap<String, Setting>>;

/// Whether a value is not in force for all brokers that answered.
fn differs(answers: &Answers<'_>, key: &str, value: &String) -> bool {
    let first = answers.values().next();
    let setting = first.and_then(|answer| answer.get(key));
    match setting.and_then(|setting| setting.of_all.as_ref()) {
        Some(of_all) => !same(Some(of_all), Some(value)),
        None => answers.values().any(|answer| {
            let setting = answer.get(key);
            let below =
                setting.and_then(|setting| setting.of_file.as_ref().or(setting.default.as_ref()));
            !same(below, Some(value))
        }),
    }
}

/// Brings what needs no restart in a ConfigMap to be written up to date: the log configuration, which Kafka reads again by
/// itself, and properties that brokers change while they run. Of these only what Kafka has taken: with a value that it
/// refuses, a broker that happens to start would not come up again. Where none is ready they may need a value to come up,
/// so it is written; those that are ready, and silent for a moment, have not taken it. All that they are told of are
/// remembered by name.
pub(crate) fn bring_up_to_date(
    (view, identity): (&View<'_>, &Identity),
    object: &mut Value,
    record: Option<&Record<'_>>,
    fresh: &BTreeMap<String, String>,
    removal: &Removal,
) {
    remember(object, record, fresh, removal);
    let Some(data) = object["data"].as_object_mut() else {
        return;
    };
    if let Some(text) = data.get(SERVER_CONFIG).and_then(Value::as_str) {
        let answers = answers(view);
        let is_silent = answers.is_empty() && some_broker_is_ready(view, identity);
        let recorded = record.map(|record| dynamic_of(&record.data));
        let recorded = recorded.unwrap_or_default();
        let taken = dynamic_of(fresh).into_iter().filter_map(|(key, value)| {
            // A value that a provider fills in can only be compared by Kafka.
            if value.contains("${") || !is_silent && !differs(&answers, &key, &value) {
                return Some((key, value));
            }
            recorded.get(&key).cloned().map(|value| (key, value))
        });
        let text = with_dynamic(text, taken.collect());
        data.insert(SERVER_CONFIG.to_owned(), text.into());
    }
    let logging = manifests::logging::KEY;
    if let (Some(fresh), true) = (fresh.get(logging), data.contains_key(logging)) {
        data.insert(logging.to_owned(), fresh.clone().into());
    }
}

/// Properties with these dynamic ones instead of their own: in their places, new ones at the end.
fn with_dynamic(text: &str, mut wanted: Properties) -> String {
    let line = |key: &str, value: String| format!("{key}={value}");
    let mut lines: Vec<String> = Vec::new();
    for before in text.lines() {
        match before.split_once('=') {
            Some((key, _)) if revision::is_dynamic(key) => {
                lines.extend(wanted.remove(key).map(|value| line(key, value)));
            }
            _ => lines.push(before.to_owned()),
        }
    }
    lines.extend(wanted.into_iter().map(|(key, value)| line(&key, value)));
    lines.join("\n") + "\n"
}

fn some_broker_is_ready(view: &View<'_>, identity: &Identity) -> bool {
    let mut brokers = identity
        .nodes
        .iter()
        .filter(|(_, node)| node.roles.is_broker());
    brokers.any(|(id, node)| {
        let pod = view.pod(&view.pod_name(&node.pool, *id));
        matches!(pod, PodSeen::Present(pod) if pod.ready)
    })
}

/// What brokers answered, by id; those that did not are absent.
fn answers<'a>(view: &View<'a>) -> Answers<'a> {
    let settings = view.world.settings.iter();
    settings
        .filter_map(|(id, known)| Some((*id, Known::value(known)?)))
        .collect()
}

fn dynamic_of(data: &BTreeMap<String, String>) -> Properties {
    let text = data.get(SERVER_CONFIG).map_or("", String::as_str);
    let properties = parse_properties(text).into_iter();
    properties
        .filter(|(key, _)| revision::is_dynamic(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// One change of all brokers.
#[derive(Debug, Default)]
struct Change {
    set: Properties,
    delete: BTreeSet<String>,
    words: Vec<String>,
}

impl Change {
    fn set(&mut self, key: &str, seen: Option<&Setting>, to: Option<&String>) {
        let word = |value: Option<&String>| value.map_or("unset", String::as_str).to_owned();
        let from = word(seen.and_then(|setting| setting.value.as_ref()));
        self.words.push(format!("{key} {from} → {}", word(to)));
        let below = seen.and_then(|setting| setting.default.as_ref());
        match (halfway(key, seen, to.or(below)), to) {
            (Some(halfway), _) => drop(self.set.insert(key.to_owned(), halfway)),
            (None, Some(to)) => drop(self.set.insert(key.to_owned(), to.clone())),
            (None, None) => drop(self.delete.insert(key.to_owned())),
        }
    }

    /// Takes a property out of force that the resource no longer names.
    fn remove(&mut self, answers: &BTreeMap<i32, &BTreeMap<String, Setting>>, key: &str) {
        let settings: Vec<&Setting> = answers
            .values()
            .filter_map(|answer| answer.get(key))
            .collect();
        let Some(first) = settings.first() else {
            return;
        };
        let default = first.default.as_ref();
        let in_force = settings
            .iter()
            .any(|setting| setting.of_broker.is_none() && !same(setting.value.as_ref(), default));
        if !in_force {
            return;
        }
        let in_a_file = settings.iter().any(|setting| setting.of_file.is_some());
        let seen = settings.first().copied();
        match (first.of_all.is_some(), default) {
            // What a broker was started with would come back: Kafka's default goes above it.
            (_, Some(default)) if in_a_file || key == MIN_ISR => {
                self.set(key, seen, Some(default));
            }
            (true, _) => self.set(key, seen, None),
            (false, _) => {}
        }
    }

    fn push(self, draft: &mut Draft) {
        if self.words.is_empty() {
            return;
        }
        draft.push(NewStep {
            phase: PhaseName::Brokers,
            verb: Verb::Alter,
            subject: "brokers".to_owned(),
            reason: Reason::Settings {
                changes: self.words,
            },
            action: Some(Action::AlterSettings {
                set: self.set,
                delete: self.delete,
            }),
            guards: Vec::new(),
            state: StepState::Ready,
        });
    }
}

/// The value on the way to another number of threads, where that is too far for one change: the next look goes on.
fn halfway(key: &str, seen: Option<&Setting>, to: Option<&String>) -> Option<String> {
    if !THREADS.contains(&key) {
        return None;
    }
    let from: u32 = seen?.value.as_ref()?.trim().parse().ok()?;
    let to: u32 = to?.trim().parse().ok()?;
    let reached = to.clamp(from.div_ceil(2).max(1), from.saturating_mul(2));
    (reached != to).then(|| reached.to_string())
}

/// Says which brokers have something else of their own, set by hand.
fn note_overrides(
    answers: &BTreeMap<i32, &BTreeMap<String, Setting>>,
    key: &str,
    value: &String,
    draft: &mut Draft,
) {
    for (id, answer) in answers {
        let own = answer
            .get(key)
            .and_then(|setting| setting.of_broker.as_ref());
        if let Some(own) = own.filter(|own| !same(Some(own), Some(value))) {
            draft.notes.push(Note {
                reason: "SetByHand".to_owned(),
                message: format!(
                    "spec.kafka.config says {key}={value}, but on broker {id} somebody set {own}: it stays until it is \
                     deleted with kafka-configs"
                ),
            });
        }
    }
}

/// Whether two values mean the same: Kafka writes numbers, truths and lists in its own way.
fn same(one: Option<&String>, other: Option<&String>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let (one, other) = (one.trim(), other.trim());
            let numbers = || one.parse::<f64>().ok().zip(other.parse::<f64>().ok());
            let items = |text: &str| -> Vec<String> {
                text.split(',')
                    .map(|item| item.trim().to_ascii_lowercase())
                    .collect()
            };
            #[expect(
                clippy::float_cmp,
                reason = "both were read from text: the same number is the same bits"
            )]
            let equal = one == other
                || numbers().is_some_and(|(one, other)| one == other)
                || items(one) == items(other);
            equal
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests;
