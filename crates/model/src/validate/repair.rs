//! A document that its schema refuses, mended as far as that goes: so that what else is wrong with it is told at the same
//! time.
//!
//! Unknown fields go; what is missing or has a wrong value becomes the example of its own refusal, and in a second reading
//! something else that is allowed there. The mended document is only ever judged, never applied.

use serde_json::{Map, Value, json};

use super::path::{self, Step, steps};
use crate::problem::{Problem, ProblemReason};

/// A document that its schema refuses, as far as it can be judged all the same.
pub(super) struct Mended {
    /// The object with examples in the place of what is wrong.
    pub(super) object: Value,
    /// The object with something else in these places, where what else is said may depend on it: types and numbers.
    pub(super) otherwise: Value,
    /// Where it was mended: nothing is said about these places again.
    places: Vec<String>,
}

/// What says what and whose an object is.
const IDENTITY: [&str; 5] = [
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
];

impl Mended {
    pub(super) fn of(object: &Value, problems: &[&Problem]) -> Self {
        Self {
            object: repaired(object, problems, example),
            otherwise: repaired(object, problems, alternative),
            places: problems
                .iter()
                .map(|problem| problem.field.clone())
                .collect(),
        }
    }

    pub(super) fn speaks_of(&self, field: &str) -> bool {
        self.places.iter().any(|place| path::overlap(place, field))
    }

    /// Whether it is still known what and whose it is.
    pub(super) fn is_known(&self) -> bool {
        !IDENTITY.iter().any(|field| self.speaks_of(field))
    }
}

fn example(problem: &Problem) -> Option<Value> {
    (!problem.example.is_empty())
        .then(|| serde_saphyr::from_str(&problem.example).ok())
        .flatten()
}

/// Not the example, where something else is allowed and known.
fn alternative(problem: &Problem) -> Option<Value> {
    let other = match steps(&problem.field).pop() {
        Some(Step::Field(name)) if name == "replicas" => Some(json!(1)),
        Some(Step::Field(name)) if name == "roles" => Some(json!(["controller", "broker"])),
        _ => {
            let values = problem.allowed.strip_prefix("one of ").unwrap_or_default();
            let values = values.split(", ").map(|value| value.trim_matches('`'));
            let others = values.filter(|value| !value.is_empty() && *value != problem.example);
            others.last().map(Value::from)
        }
    };
    other.or_else(|| example(problem))
}

/// The document without what these problems are about; `put` says what comes in the place of a wrong value.
fn repaired(
    object: &Value,
    problems: &[&Problem],
    put: impl Fn(&Problem) -> Option<Value>,
) -> Value {
    let mut object = object.clone();
    for problem in problems {
        let steps = steps(&problem.field);
        match problem.reason {
            ProblemReason::UnknownField => remove(&mut object, &steps),
            ProblemReason::MissingField | ProblemReason::InvalidValue => match put(problem) {
                Some(value) => set(&mut object, &steps, value),
                None => remove(&mut object, &steps),
            },
            ProblemReason::Conflict
            | ProblemReason::Duplicate
            | ProblemReason::Forbidden
            | ProblemReason::UnsupportedVersion
            | ProblemReason::Unsupported
            | ProblemReason::MissingReference
            | ProblemReason::Unreadable => {}
        }
    }
    object
}

fn remove(object: &mut Value, steps: &[Step]) {
    let Some((last, parents)) = steps.split_last() else {
        return;
    };
    let mut place = object;
    for step in parents {
        let next = match step {
            Step::Field(name) => place.get_mut(name),
            Step::Item(index) => place.get_mut(index),
        };
        let Some(next) = next else { return };
        place = next;
    }
    match (last, place) {
        (Step::Field(name), Value::Object(map)) => drop(map.remove(name)),
        // The others keep their places.
        (Step::Item(index), Value::Array(list)) if *index < list.len() => {
            if let Some(item) = list.get_mut(*index) {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}

fn set(object: &mut Value, steps: &[Step], value: Value) {
    let mut place = object;
    for step in steps {
        match step {
            Step::Field(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(map) = place else { return };
                place = map.entry(name).or_insert(Value::Null);
            }
            Step::Item(index) => match place.get_mut(index) {
                Some(item) => place = item,
                None => return,
            },
        }
    }
    *place = value;
}
