//! Paths of fields as Kubernetes prints them: `spec.listeners[0].port`, `metadata.labels[app]`.

use std::fmt;

/// A path that shares its beginning with the path it was made from.
#[derive(Clone, Debug)]
pub(crate) enum Path<'a> {
    Root,
    Field(&'a Self, &'a str),
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl<'a> Path<'a> {
    /// The whole object.
    pub(crate) fn root() -> Self {
        Self::Root
    }

    /// A field of an object.
    pub(crate) fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// A key of a map.
    pub(crate) fn key(&'a self, name: &'a str) -> Self {
        Self::Key(self, name)
    }

    /// An item of an array.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(before, name) => write!(f, "{before}.{name}"),
            Self::Key(before, name) => write!(f, "{before}[{name}]"),
            Self::Index(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}
