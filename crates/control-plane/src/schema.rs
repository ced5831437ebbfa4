//! What a kind's objects may look like, and making a given object so.
//!
//! [`Schema`] is one kind at one version: built in (from the types of `k8s-openapi`) or custom (from a
//! `CustomResourceDefinition`). [`decode`] makes a body typed: unknown fields told and dropped, defaults filled in.
//! [`validate`] finds everything wrong with an object at once, in Kubernetes' words. [`openapi`] publishes the
//! built-in schemas.
//!
//! Invariants: no I/O, no clock; the same input gives the same answer, in the same order.
//!
//! Not here: HTTP (`failure`), defaults of built-in kinds (`defaults`), merging (`apply`, `patch`).

mod builder;
mod builtin;
mod builtin_rules;
mod decode;
mod format;
pub(crate) mod node;
mod path;
mod quantity;
mod rules;
mod structural;
mod text;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use crate::failure::Cause;
use node::{Node, Shape};

pub(crate) use builtin::{always, openapi, openapi_object_meta};
pub(crate) use decode::{DecodeError, decode, nothing};
pub(crate) use validate::validate;

/// One kind at one version.
#[derive(Debug)]
pub(crate) struct Schema {
    group: String,
    version: String,
    kind: String,
    root: Arc<Node>,
    custom: bool,
    /// Writes to the object and to its status are separate endpoints.
    status: bool,
    /// Any value carries a CEL rule: worth the walk.
    rules: bool,
}

/// What becomes of fields the schema does not know (`fieldValidation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Dropped silently.
    Ignore,
    /// Dropped with a warning.
    Warn,
    /// Refused.
    Strict,
}

/// Whether missing fields get the schema's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// Filled in.
    Fill,
    /// Filled in after a merge: a null that somebody applied is left to be refused.
    Merged,
    /// Left out: an applied configuration holds only what its owner says.
    Skip,
}

impl Schema {
    /// The schema of a built-in kind.
    pub(crate) fn builtin(group: &str, version: &str, kind: &str) -> Option<Arc<Self>> {
        let root = builtin::node(group, version, kind)?;
        let status =
            matches!(&root.shape, Shape::Object(object) if object.property("status").is_some());
        Some(Arc::new(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            root,
            custom: false,
            status,
            rules: false,
        }))
    }

    /// The schema of a version of a `CustomResourceDefinition` that [`Self::check_crd`] has let pass.
    pub(crate) fn from_crd(crd: &Value, version: &str) -> Result<Self, Vec<Cause>> {
        let Some((root, status)) = structural::root(crd, version) else {
            return Err(vec![Cause::required(
                "spec.versions",
                &format!("version {version} is not there"),
            )]);
        };
        let text = |pointer: &str| {
            crd.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let rules = rules::any(&root);
        Ok(Self {
            group: text("/spec/group"),
            version: version.to_owned(),
            kind: text("/spec/names/kind"),
            root,
            custom: true,
            status,
            rules,
        })
    }

    /// What a kube-apiserver refuses in the schemas of a `CustomResourceDefinition`.
    pub(crate) fn check_crd(crd: &Value) -> Vec<Cause> {
        structural::check(crd)
    }

    /// `apps/v1`, `v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The kind's name.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The schema's tree.
    pub(crate) fn root(&self) -> &Arc<Node> {
        &self.root
    }

    /// Whether a `CustomResourceDefinition` defines it.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom
    }

    /// Whether `status` is written through its own endpoint.
    pub(crate) fn has_status(&self) -> bool {
        self.status
    }
}
