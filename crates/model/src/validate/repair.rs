//! A document that its schema refuses, mended as far as that goes: so that what else is wrong with it is told at the same
//! time.
//!
//! Unknown fields go; what is missing or has a wrong value becomes the example of its own refusal. The mended document is
//! only ever judged, never applied.

use serde_json::{Map, Value};

use super::path::{Step, steps};
use crate::problem::{Problem, ProblemReason};

/// The document without what these problems are about.
pub(super) fn repaired(object: &Value, problems: &[&Problem]) -> Value {
    let mut object = object.clone();
    for problem in problems {
        let steps = steps(&problem.field);
        match problem.reason {
            ProblemReason::UnknownField => remove(&mut object, &steps),
            ProblemReason::MissingField | ProblemReason::InvalidValue => {
                let example = (!problem.example.is_empty())
                    .then(|| serde_saphyr::from_str::<Value>(&problem.example).ok())
                    .flatten();
                match example {
                    Some(example) => set(&mut object, &steps, example),
                    None => remove(&mut object, &steps),
                }
            }
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
