//! Bounds on single values: text and numbers.

use serde_json::Value;

use super::Found;
use crate::schema::node::{Limits, Node, Scalar, Shape};
use crate::schema::{format, text};

/// Length, pattern and format of text.
pub(super) fn string(node: &Node, limits: &Limits, given: &str, at: &str, found: &mut Found) {
    let length = given.chars().count() as u64;
    if let Some(most) = limits.max_length.filter(|most| length > *most) {
        let noun = if most == 1 { "byte" } else { "bytes" };
        found.add(
            "FieldValueTooLong",
            at,
            format!("Too long: may not be more than {most} {noun}"),
        );
    }
    // Of these rules the first that is broken is told.
    else if let Some(least) = limits.min_length.filter(|least| length < *least) {
        found.invalid(
            at,
            &text::quote(given),
            &format!("should be at least {least} chars long"),
        );
    } else if let Some(pattern) = limits
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.is_in(given))
    {
        found.invalid(
            at,
            &text::quote(given),
            &format!("should match '{}'", pattern.text),
        );
    }
    if let Some(name) = limits.format.as_deref()
        && matches!(node.shape, Shape::Scalar(Scalar::String))
        && !format::holds(name, given)
    {
        let given = text::quote(given);
        let message =
            format!("Invalid value: {given}: {at} in body must be of type {name}: {given}");
        found.add("FieldValueTypeInvalid", at, message);
    }
}

/// Range and step of a number.
pub(super) fn number(limits: &Limits, value: &Value, at: &str, found: &mut Found) {
    let Some(given) = value.as_f64() else { return };
    let shown = text::quoted(value);
    if let Some(factor) = limits.multiple_of {
        multiple_of(value, given, factor, at, found);
    }
    if let Some(most) = limits.maximum {
        let word = if most.exclusive {
            "less than"
        } else {
            "less than or equal to"
        };
        if given > most.value || (most.exclusive && given >= most.value) {
            found.invalid(
                at,
                &shown,
                &format!("should be {word} {}", text::float(most.value)),
            );
        }
    }
    if let Some(least) = limits.minimum {
        let word = if least.exclusive {
            "greater than"
        } else {
            "greater than or equal to"
        };
        if given < least.value || (least.exclusive && given <= least.value) {
            found.invalid(
                at,
                &shown,
                &format!("should be {word} {}", text::float(least.value)),
            );
        }
    }
}

/// Beyond this a float no longer tells whole numbers apart: 2^53 - 1.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_991.0;

fn multiple_of(value: &Value, given: f64, factor: f64, at: &str, found: &mut Found) {
    // A kube-apiserver divides whole numbers by the whole part of the factor.
    let factor = if value.is_i64() || value.is_u64() {
        factor.trunc()
    } else {
        factor
    };
    if factor <= 0.0 {
        let factor = text::float(factor);
        let sentence = format!("factor MultipleOf declared for {at} must be positive: {factor}");
        let message = format!("Invalid value: {factor}: {sentence}");
        found.add("FieldValueInvalid", at, message);
        return;
    }
    let times = given / factor;
    if times.abs() > LARGEST_WHOLE || times.fract() != 0.0 {
        found.invalid(
            at,
            &text::quoted(value),
            &format!("should be a multiple of {}", text::float(factor)),
        );
    }
}
