//! A set of fields, as `managedFields` keeps it (`FieldsV1`).
//!
//! A tree: at each level the steps that are members, and below some steps further sets. A step may be both.
//! The operations are those of Kubernetes' structured merge diff; what each removes of children is in its doc.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::Step;
use crate::schema::node::{Node, Shape};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set {
    /// Fields of this level that belong to the set.
    pub(crate) members: BTreeSet<Step>,
    /// Sets below fields of this level; being here is not membership.
    pub(crate) children: BTreeMap<Step, Self>,
}

impl Set {
    /// Whether no field belongs to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    /// Adds the field at a path. The whole object is nobody's, so the empty path adds nothing.
    pub(crate) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Fields of either.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (step, child) in &other.children {
            let merged = out
                .children
                .get(step)
                .map_or_else(|| child.clone(), |mine| mine.union(child));
            out.children.insert(step.clone(), merged);
        }
        out
    }

    /// Fields of both.
    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let members = self.members.intersection(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(step, child)| {
            let both = child.intersection(other.children.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// Fields of this that are not fields of the other. A field below one of the other's goes too only if the other
    /// holds it itself.
    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(step, child)| {
            let rest = match other.children.get(step) {
                Some(theirs) => child.difference(theirs),
                None => child.clone(),
            };
            (!rest.is_empty()).then(|| (step.clone(), rest))
        });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// Fields of this that are neither fields of the other nor below one.
    #[must_use]
    pub(crate) fn recursive_difference(&self, other: &Self) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self
            .children
            .iter()
            .filter(|(step, _)| !other.members.contains(step))
            .filter_map(|(step, child)| {
                let rest = match other.children.get(step) {
                    Some(theirs) => child.recursive_difference(theirs),
                    None => child.clone(),
                };
                (!rest.is_empty()).then(|| (step.clone(), rest))
            });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// The same, and every declared field on the way to a member is a member.
    #[must_use]
    pub(crate) fn with_named_fields(&self, node: Option<&Node>) -> Self {
        let mut members = self.members.clone();
        for step in self.children.keys() {
            if let (
                Step::Field(name),
                Some(Node {
                    shape: Shape::Object(object),
                    ..
                }),
            ) = (step, node)
                && object.property(name).is_some()
            {
                members.insert(step.clone());
            }
        }
        let children = self.children.iter().map(|(step, child)| {
            let below = node.and_then(|node| below(node, step));
            (step.clone(), child.with_named_fields(below))
        });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// Every field, depth first, with its path.
    pub(crate) fn paths(&self) -> Vec<Vec<Step>> {
        fn walk(set: &Set, before: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
            for step in &set.members {
                before.push(step.clone());
                out.push(before.clone());
                if let Some(child) = set.children.get(step) {
                    walk(child, before, out);
                }
                before.pop();
            }
            for (step, child) in set
                .children
                .iter()
                .filter(|(step, _)| !set.members.contains(step))
            {
                before.push(step.clone());
                walk(child, before, out);
                before.pop();
            }
        }
        let mut out = Vec::new();
        walk(self, &mut Vec::new(), &mut out);
        out
    }

    /// Reads `FieldsV1`. Steps that cannot be read are left out.
    pub(crate) fn from_fields(fields: &Value) -> Self {
        let mut out = Self::default();
        for (key, inner) in fields.as_object().into_iter().flatten() {
            let Some(step) = Step::parse(key) else {
                continue;
            };
            let child = Self::from_fields(inner);
            let leaf = inner
                .as_object()
                .is_none_or(|map| map.is_empty() || map.contains_key("."));
            if leaf {
                out.members.insert(step.clone());
            }
            if !child.is_empty() {
                out.children.insert(step, child);
            }
        }
        out
    }

    /// Writes `FieldsV1`.
    pub(crate) fn to_fields(&self) -> Value {
        let mut out = Map::new();
        for step in &self.members {
            let mut inner = Map::new();
            if let Some(child) = self.children.get(step).filter(|child| !child.is_empty()) {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
                if let Value::Object(fields) = child.to_fields() {
                    inner.extend(fields);
                }
            }
            out.insert(step.write(), Value::Object(inner));
        }
        for (step, child) in &self.children {
            if !self.members.contains(step) && !child.is_empty() {
                out.insert(step.write(), child.to_fields());
            }
        }
        Value::Object(out)
    }
}

/// The node a step leads to.
pub(crate) fn below<'a>(node: &'a Node, step: &Step) -> Option<&'a Node> {
    match (&node.shape, step) {
        (Shape::Object(_), Step::Field(name)) => node.field(name).map(AsRef::as_ref),
        (Shape::Array(array), Step::Key(_) | Step::Value(_) | Step::Index(_)) => Some(&array.items),
        (Shape::Any, _) => Some(node),
        _ => None,
    }
}
