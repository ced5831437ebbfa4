//! Columns of built-in kinds.

use jiff::Timestamp;
use serde_json::Value;

/// A column's heading.
pub(super) struct Heading {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) priority: i64,
}

/// How a kind is shown.
pub(super) struct View {
    pub(super) columns: &'static [Heading],
    pub(super) cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// The view of a kind, if it has one.
pub(super) fn view(_group: &str, _plural: &str) -> Option<View> {
    None
}
