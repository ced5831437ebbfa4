//! A schema as a tree of small nodes: what a field may hold, how it merges, what it defaults to.
//!
//! Subtrees that are equal are shared, and descriptions are left out, so that a schema like that of Kafka (330 kB of
//! YAML) stays small. Built by [`super::builder`]; walked by everything else in `schema`, `apply` and `patch`.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::rules::Rule;

/// One place in a schema.
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many as the schema language has"
)]
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it may hold.
    pub(crate) shape: Shape,
    /// A value of another type is a mistake; branches of `anyOf` and the like often name no type.
    pub(crate) typed: bool,
    /// `null` is a value here.
    pub(crate) nullable: bool,
    /// Unknown fields stay (`x-kubernetes-preserve-unknown-fields`).
    pub(crate) preserve_unknown: bool,
    /// A whole object with `apiVersion`, `kind` and `metadata` (`x-kubernetes-embedded-resource`).
    pub(crate) embedded: bool,
    /// The built-in definition this is, e.g. `core.v1.PodSpec`.
    pub(crate) definition: Option<Box<str>>,
    /// What the field holds when it is not given.
    pub(crate) default: Option<Box<Value>>,
    /// Bounds on the value.
    pub(crate) limits: Option<Box<Limits>>,
    /// `allOf`, `anyOf`, `oneOf`, `not`.
    pub(crate) logic: Option<Box<Logic>>,
    /// CEL rules on this value.
    pub(crate) rules: Box<[Rule]>,
    /// How a strategic merge patch treats it.
    pub(crate) patch: PatchStrategy,
}

/// What a field may hold.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Anything at all.
    Any,
    /// A JSON object.
    Object(Object),
    /// A JSON array.
    Array(Array),
    /// A single value.
    Scalar(Scalar),
}

/// The type of a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A whole number or text (`x-kubernetes-int-or-string`).
    IntOrString,
    /// A number or text that Kubernetes keeps as text, e.g. `500m`.
    Quantity,
}

impl Scalar {
    /// The name in error texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString | Self::Quantity => "integer,string",
        }
    }
}

/// The fields of a JSON object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Declared fields, sorted by name.
    pub(crate) properties: Box<[(Box<str>, Arc<Node>)]>,
    /// What undeclared fields hold; none: there are no undeclared fields.
    pub(crate) additional: Option<Arc<Node>>,
    /// Replaced as a whole, never merged (`x-kubernetes-map-type: atomic`).
    pub(crate) atomic: bool,
}

impl Object {
    /// The declared field of that name.
    pub(crate) fn property(&self, name: &str) -> Option<&Arc<Node>> {
        let at = self
            .properties
            .binary_search_by(|(key, _)| key.as_ref().cmp(name))
            .ok()?;
        self.properties.get(at).map(|(_, node)| node)
    }
}

/// The items of a JSON array.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    /// What an item holds.
    pub(crate) items: Arc<Node>,
    /// How two arrays merge.
    pub(crate) list: ListType,
}

/// How two arrays merge (`x-kubernetes-list-type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListType {
    /// As a whole.
    Atomic,
    /// As a set of single values.
    Set,
    /// By these fields of the items.
    Map(Box<[Box<str>]>),
}

/// How a strategic merge patch treats a field (`x-kubernetes-patch-strategy`, `-patch-merge-key`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchStrategy {
    /// An array merges instead of being replaced.
    pub(crate) merge: bool,
    /// An object is replaced instead of being merged.
    pub(crate) replace: bool,
    /// Fields a patch does not name are dropped.
    pub(crate) retain_keys: bool,
    /// The field that tells the items of a merging array apart.
    pub(crate) key: Option<Box<str>>,
}

/// Bounds on a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) required: Box<[Box<str>]>,
    pub(crate) allowed: Option<Box<[Value]>>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) format: Option<Box<str>>,
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) unique_items: bool,
}

impl Limits {
    /// Whether any bound is set.
    pub(crate) fn says_something(&self) -> bool {
        let Self {
            required,
            allowed,
            pattern,
            format,
            minimum,
            maximum,
            multiple_of,
            min_length,
            max_length,
            min_items,
            max_items,
            min_properties,
            max_properties,
            unique_items,
        } = self;
        let counts = [
            min_length,
            max_length,
            min_items,
            max_items,
            min_properties,
            max_properties,
        ];
        !required.is_empty()
            || allowed.is_some()
            || pattern.is_some()
            || format.is_some()
            || minimum.is_some()
            || maximum.is_some()
            || multiple_of.is_some()
            || counts.iter().any(|count| count.is_some())
            || *unique_items
    }
}

/// A lower or upper bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) value: f64,
    pub(crate) exclusive: bool,
}

/// A regular expression, with its text for messages.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: Box<str>,
    pub(crate) regex: OnceLock<Option<regex::Regex>>,
}

impl Pattern {
    /// Whether it is found in the text. A pattern that is no regular expression matches nothing.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let regex = self
            .regex
            .get_or_init(|| regex::Regex::new(&self.text).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// Combinations of schemas; their branches only validate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logic {
    pub(crate) all: Box<[Arc<Node>]>,
    pub(crate) any: Box<[Arc<Node>]>,
    pub(crate) one: Box<[Arc<Node>]>,
    pub(crate) not: Option<Arc<Node>>,
}

impl Node {
    /// A node that says nothing.
    pub(crate) fn any() -> Self {
        Self::of(Shape::Any)
    }

    /// A node of that shape without further bounds.
    pub(crate) fn of(shape: Shape) -> Self {
        Self {
            typed: !matches!(shape, Shape::Any),
            shape,
            nullable: false,
            preserve_unknown: false,
            embedded: false,
            definition: None,
            default: None,
            limits: None,
            logic: None,
            rules: Box::default(),
            patch: PatchStrategy::default(),
        }
    }

    /// Go's name of the built-in definition, e.g. `PodSpec`: decoding errors name it.
    pub(crate) fn type_name(&self) -> Option<&str> {
        self.definition.as_deref()?.rsplit('.').next()
    }

    /// The node of a field of an object here, declared or not.
    pub(crate) fn field(&self, name: &str) -> Option<&Arc<Self>> {
        match &self.shape {
            Shape::Object(object) => object.property(name).or(object.additional.as_ref()),
            Shape::Any | Shape::Array(_) | Shape::Scalar(_) => None,
        }
    }
}
