//! Everything wrong with an object, at once, in a kube-apiserver's words.
//!
//! Reads the schema, the new object and, on updates, the old one. Order: structure (types, bounds, enums, combinations),
//! lists that are sets or maps, then CEL rules, which only run where the structure holds. What did not change is not
//! held against an update (ratcheting), so that a schema may grow stricter under existing objects.
//!
//! Not here: the Status around the causes (`failure`), rules of built-in kinds ([`super::builtin_rules`]).

mod single;

use serde_json::Value;

use super::node::{Array, Limits, ListType, Logic, Node, Object, Scalar, Shape};
use super::{Schema, builtin_rules, rules, text};
use crate::failure::Cause;

/// All mistakes of an object. `old` is the stored object on updates.
pub(crate) fn validate(schema: &Schema, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    if !schema.is_custom() {
        return builtin_rules::check(schema, new, old);
    }
    let mut causes = builtin_rules::type_meta(schema, new);
    let mut found = Found::default();
    structure(schema.root(), new, old, "", &mut found);
    causes.extend(found.causes);
    let lists = |object: &Value| {
        let mut causes = Vec::new();
        unique(schema.root(), object, "", &mut causes);
        causes
    };
    // A list that was wrong before does not block an update.
    if old.is_none_or(|old| lists(old).is_empty()) {
        causes.extend(lists(new));
    }
    if schema.rules {
        let blocking = [
            "FieldValueRequired",
            "FieldValueTooLong",
            "FieldValueTooMany",
            "FieldValueTypeInvalid",
        ];
        if causes.iter().any(|cause| blocking.contains(&cause.reason)) {
            causes.push(Cause {
                reason: "FieldValueInvalid",
                field: "<nil>".to_owned(),
                message: "Invalid value: null: some validation rules were not checked because the object was invalid; \
                          correct the existing errors to complete validation"
                    .to_owned(),
            });
        } else {
            causes.extend(rules::check(schema.root(), new, old, true));
        }
    }
    causes
}

/// What is wrong with the structure of a value, with paths below it.
pub(crate) fn against(node: &Node, value: &Value) -> Vec<Cause> {
    let mut found = Found::default();
    structure(node, value, None, "", &mut found);
    found.causes
}

/// Mistakes, and how many checks were made on the way: of several branches that fail, the one that got furthest tells.
#[derive(Default)]
struct Found {
    causes: Vec<Cause>,
    checks: usize,
}

impl Found {
    fn add(&mut self, reason: &'static str, at: &str, message: String) {
        let field = text::field_or_nil(at.strip_prefix('.').unwrap_or(at));
        self.causes.push(Cause {
            reason,
            field,
            message,
        });
    }

    fn invalid(&mut self, at: &str, value: &str, rule: &str) {
        self.add(
            "FieldValueInvalid",
            at,
            format!("Invalid value: {value}: {at} in body {rule}"),
        );
    }

    /// A mistake of the whole value at a path that Kubernetes names only inside the sentence.
    fn unplaced(&mut self, sentence: &str) {
        self.add(
            "FieldValueInvalid",
            "",
            format!("Invalid value: \"\": {sentence}"),
        );
    }
}

fn structure(node: &Node, value: &Value, old: Option<&Value>, at: &str, found: &mut Found) {
    let before = found.causes.len();
    checks(node, value, old, at, found);
    let failed = found.causes.len() > before;
    if failed && old.is_some_and(|old| old == value) && !matches!(at, "kind" | "apiVersion") {
        found.causes.truncate(before);
    }
}

fn checks(node: &Node, value: &Value, old: Option<&Value>, at: &str, found: &mut Found) {
    found.checks += 1;
    if node.typed {
        type_of(node, value, at, found);
    }
    if value.is_null() {
        if let Some(limits) = &node.limits {
            allowed(limits, value, at, found);
        }
        return;
    }
    if let Some(logic) = &node.logic {
        combinations(logic, value, at, found);
    }
    if let Some(limits) = &node.limits {
        match value {
            Value::String(given) => single::string(node, limits, given, at, found),
            Value::Number(_) => single::number(limits, value, at, found),
            _ => {}
        }
    }
    match (&node.shape, value) {
        (Shape::Array(array), Value::Array(items)) => list(array, items, old, at, found),
        (
            _,
            Value::Array(_)
            | Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_),
        ) => {}
    }
    if let Some(limits) = &node.limits {
        if let Value::Array(items) = value {
            list_bounds(limits, items, at, found);
        }
        allowed(limits, value, at, found);
        if let Value::Object(map) = value {
            let size = map.len() as u64;
            if let Some(least) = limits.min_properties.filter(|least| size < *least) {
                found.invalid(
                    at,
                    &size.to_string(),
                    &format!("should have at least {least} properties"),
                );
            }
            if let Some(most) = limits.max_properties.filter(|most| size > *most) {
                too_many(size, most, at, found);
            }
        }
    }
    if let (Shape::Object(object), Value::Object(_)) = (&node.shape, value) {
        fields(object, value, old, at, found);
    }
    if let (true, Value::Object(map)) = (node.embedded, value) {
        for name in ["apiVersion", "kind"]
            .into_iter()
            .filter(|name| !map.contains_key(*name))
        {
            found.add(
                "FieldValueRequired",
                &format!("{at}.{name}"),
                "Required value".to_owned(),
            );
        }
    }
    if let (Some(limits), Value::Object(map)) = (&node.limits, value) {
        for name in limits
            .required
            .iter()
            .filter(|name| !map.contains_key(name.as_ref()))
        {
            found.add(
                "FieldValueRequired",
                &format!("{at}.{name}"),
                "Required value".to_owned(),
            );
        }
    }
}

fn type_of(node: &Node, value: &Value, at: &str, found: &mut Found) {
    let given = match value {
        Value::Null if node.nullable => return,
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let (wanted, fits) = match &node.shape {
        Shape::Any => return,
        Shape::Object(_) => ("object", given == "object"),
        Shape::Array(_) => ("array", given == "array"),
        Shape::Scalar(Scalar::Integer) => {
            let whole = value.as_f64().is_some_and(|float| float.fract() == 0.0);
            (
                "integer",
                given == "integer" || (given == "number" && whole),
            )
        }
        Shape::Scalar(Scalar::Number) => ("number", given == "integer" || given == "number"),
        Shape::Scalar(scalar @ (Scalar::IntOrString | Scalar::Quantity)) => {
            (scalar.name(), given == "integer" || given == "string")
        }
        Shape::Scalar(scalar @ (Scalar::String | Scalar::Boolean)) => {
            (scalar.name(), given == scalar.name())
        }
    };
    if !fits {
        let message = format!(
            "Invalid value: \"{given}\": {at} in body must be of type {wanted}: \"{given}\""
        );
        found.add("FieldValueTypeInvalid", at, message);
    }
}

fn allowed(limits: &Limits, value: &Value, at: &str, found: &mut Found) {
    let Some(all) = &limits.allowed else { return };
    if all.contains(value) {
        return;
    }
    let words: Vec<String> = all
        .iter()
        .map(|one| {
            text::quote(
                &one.as_str()
                    .map_or_else(|| one.to_string(), ToOwned::to_owned),
            )
        })
        .collect();
    let message = format!(
        "Unsupported value: {}: supported values: {}",
        text::quoted(value),
        words.join(", ")
    );
    found.add("FieldValueNotSupported", at, message);
}

fn list(array: &Array, items: &[Value], old: Option<&Value>, at: &str, found: &mut Found) {
    for (index, item) in items.iter().enumerate() {
        let before = match &array.list {
            ListType::Map(keys) => old.and_then(Value::as_array).and_then(|olds| {
                olds.iter().find(|before| {
                    keys.iter()
                        .all(|key| before.get(key.as_ref()) == item.get(key.as_ref()))
                })
            }),
            ListType::Atomic | ListType::Set => None,
        };
        structure(&array.items, item, before, &format!("{at}[{index}]"), found);
    }
}

fn list_bounds(limits: &Limits, items: &[Value], at: &str, found: &mut Found) {
    let size = items.len() as u64;
    if let Some(least) = limits.min_items.filter(|least| size < *least) {
        found.invalid(
            at,
            &size.to_string(),
            &format!("should have at least {least} items"),
        );
    }
    if let Some(most) = limits.max_items.filter(|most| size > *most) {
        too_many(size, most, at, found);
    }
    if limits.unique_items && (1..items.len()).any(|at| items[..at].contains(&items[at])) {
        found.invalid(at, "\"\"", "shouldn't contain duplicates");
    }
}

fn too_many(size: u64, most: u64, at: &str, found: &mut Found) {
    let noun = if most == 1 { "item" } else { "items" };
    found.add(
        "FieldValueTooMany",
        at,
        format!("Too many: {size}: must have at most {most} {noun}"),
    );
}

fn fields(object: &Object, value: &Value, old: Option<&Value>, at: &str, found: &mut Found) {
    for (name, item) in value.as_object().into_iter().flatten() {
        let Some(node) = object.property(name).or(object.additional.as_ref()) else {
            continue;
        };
        let below = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        structure(node, item, old.and_then(|old| old.get(name)), &below, found);
    }
}

fn combinations(logic: &Logic, value: &Value, at: &str, found: &mut Found) {
    let quoted = text::quote(at);
    let outcome = |branch: &Node| {
        let mut found = Found::default();
        checks(branch, value, None, at, &mut found);
        found
    };
    let furthest = |outcomes: Vec<Found>| {
        outcomes.into_iter().reduce(|best, next| {
            if next.checks > best.checks {
                next
            } else {
                best
            }
        })
    };
    if !logic.any.is_empty() {
        let outcomes: Vec<Found> = logic.any.iter().map(|branch| outcome(branch)).collect();
        if outcomes.iter().all(|outcome| !outcome.causes.is_empty()) {
            found.unplaced(&format!(
                "{quoted} must validate at least one schema (anyOf)"
            ));
            found.causes.extend(
                furthest(outcomes)
                    .map(|best| best.causes)
                    .unwrap_or_default(),
            );
        }
    }
    if !logic.one.is_empty() {
        let outcomes: Vec<Found> = logic.one.iter().map(|branch| outcome(branch)).collect();
        let valid = outcomes
            .iter()
            .filter(|outcome| outcome.causes.is_empty())
            .count();
        if valid != 1 {
            let how = if valid == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {valid} valid alternatives")
            };
            found.unplaced(&format!(
                "{quoted} must validate one and only one schema (oneOf). {how}"
            ));
            if valid == 0 {
                found.causes.extend(
                    furthest(outcomes)
                        .map(|best| best.causes)
                        .unwrap_or_default(),
                );
            }
        }
    }
    if !logic.all.is_empty() {
        let outcomes: Vec<Found> = logic.all.iter().map(|branch| outcome(branch)).collect();
        let valid = outcomes
            .iter()
            .filter(|outcome| outcome.causes.is_empty())
            .count();
        let total = outcomes.len();
        found
            .causes
            .extend(outcomes.into_iter().flat_map(|outcome| outcome.causes));
        if valid != total {
            let how = if valid == 0 { ". None validated" } else { "" };
            found.unplaced(&format!(
                "{quoted} must validate all the schemas (allOf){how}"
            ));
        }
    }
    if let Some(not) = &logic.not
        && outcome(not).causes.is_empty()
    {
        found.unplaced(&format!("{quoted} must not validate the schema (not)"));
    }
}

/// Items that are twice in a set, or share their keys in a list map.
fn unique(node: &Node, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    match (&node.shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for (name, item) in map {
                let below = match object.property(name) {
                    Some(_) if at.is_empty() => name.clone(),
                    Some(_) => format!("{at}.{name}"),
                    None => format!("{at}[{name}]"),
                };
                if let Some(node) = node.field(name) {
                    unique(node, item, &below, causes);
                }
            }
        }
        (Shape::Array(array), Value::Array(items)) => {
            let identities: Vec<Option<Value>> = items
                .iter()
                .map(|item| identity(&array.list, item))
                .collect();
            let mut told: Vec<&Value> = Vec::new();
            for (index, identity) in identities.iter().enumerate() {
                let Some(identity) = identity else { continue };
                if identities[..index].contains(&Some(identity.clone()))
                    && !told.contains(&identity)
                {
                    told.push(identity);
                    causes.push(Cause {
                        reason: "FieldValueDuplicate",
                        field: format!("{at}[{index}]"),
                        message: format!("Duplicate value: {}", text::quoted(identity)),
                    });
                }
            }
            for (index, item) in items.iter().enumerate() {
                unique(&array.items, item, &format!("{at}[{index}]"), causes);
            }
        }
        _ => {}
    }
}

fn identity(list: &ListType, item: &Value) -> Option<Value> {
    match list {
        ListType::Atomic => None,
        ListType::Set => Some(item.clone()),
        ListType::Map(keys) => {
            let fields = keys
                .iter()
                .filter_map(|key| Some((key.to_string(), item.get(key.as_ref())?.clone())));
            Some(Value::Object(fields.collect()))
        }
    }
}
