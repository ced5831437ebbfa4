//! How objects are written: create, server-side apply, delete, each with what must still be true.
//!
//! What it does: one conditional write. What it reads: the object afresh, where a comparison can save the write.
//! Invariants: an apply that would change nothing of what we own is not sent; what the guard knows (uid, resourceVersion)
//! travels with the write, so that the API server refuses it when it no longer holds; one field manager per loop.
//!
//! Not here: whether to write (planner), values drawn (`cluster::execute`).

#[cfg(test)]
mod tests;

use kube::ResourceExt as _;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::kinds::Kind;

/// Field manager of the loop of Kafka and its node pools.
pub const CLUSTER_MANAGER: &str = "klamm-cluster";

/// What must be true of the object that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Anything goes.
    Any,
    /// There is none yet.
    Absent,
    /// It has this uid.
    Uid(String),
    /// It has this uid and this resourceVersion.
    Version {
        /// `metadata.uid`.
        uid: String,
        /// `metadata.resourceVersion`.
        resource_version: String,
    },
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// It was written; this is what the API server holds now.
    Yes(Box<DynamicObject>),
    /// There was nothing to write.
    Unchanged,
    /// What was expected does not hold; the text says what was found.
    Refused(String),
}

/// Creates `object`; that it exists already is a refusal.
pub async fn create(
    client: &kube::Client,
    kind: Kind,
    namespace: &str,
    object: &Value,
) -> Result<Written, Error> {
    let label = label(kind, object);
    let object: DynamicObject =
        serde_json::from_value(object.clone()).map_err(|source| Error::Encode {
            object: label.clone(),
            source,
        })?;
    let parameters = PostParams {
        field_manager: Some(CLUSTER_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match kind
        .within(client, namespace)
        .create(&parameters, &object)
        .await
    {
        Ok(created) => Ok(Written::Yes(Box::new(created))),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            Ok(Written::Refused(format!("{label}: {}", status.message)))
        }
        Err(source) => Err(Error::kubernetes("create", &label, source)),
    }
}

/// Brings what we own of `object` to this shape, by server-side apply.
pub async fn apply(
    client: &kube::Client,
    kind: Kind,
    namespace: &str,
    object: &Value,
    expected: &Expected,
) -> Result<Written, Error> {
    let label = label(kind, object);
    let name = name_of(object);
    let api = kind.within(client, namespace);
    let found = api
        .get_opt(&name)
        .await
        .map_err(|source| Error::kubernetes("read", &label, source))?;
    let refused = |found: &str| Ok(Written::Refused(format!("{label}: {found}")));
    let mut wanted = object.clone();
    match (&found, expected) {
        (None, Expected::Any | Expected::Absent) => {}
        (None, Expected::Uid(_) | Expected::Version { .. }) => return refused("it is gone"),
        (Some(found), Expected::Absent)
            if found.labels().contains_key(crate::watch::CLUSTER_LABEL) =>
        {
            return refused("it was made in the meantime");
        }
        (Some(_), Expected::Absent) => {
            return refused(
                "it exists already, and has no label strimzi.io/cluster: its owner must rename or delete it",
            );
        }
        (Some(found), Expected::Any) => {
            if owns_nothing_new(&wanted, found) {
                return Ok(Written::Unchanged);
            }
        }
        (Some(found), Expected::Uid(uid) | Expected::Version { uid, .. }) => {
            if found.metadata.uid.as_deref() != Some(uid) {
                return refused("it was replaced by another");
            }
            if owns_nothing_new(&wanted, found) {
                return Ok(Written::Unchanged);
            }
            set_metadata(&mut wanted, "uid", uid);
            if let Expected::Version {
                resource_version, ..
            } = expected
            {
                set_metadata(&mut wanted, "resourceVersion", resource_version);
            }
        }
    }
    // A first apply is not forced: an object that appeared since the read belongs to whoever made it.
    let parameters = PatchParams {
        force: found.is_some(),
        ..PatchParams::apply(CLUSTER_MANAGER)
    };
    match api.patch(&name, &parameters, &Patch::Apply(&wanted)).await {
        Ok(written) => Ok(Written::Yes(Box::new(written))),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            Ok(Written::Refused(format!("{label}: {}", status.message)))
        }
        Err(source) => Err(Error::kubernetes("apply", &label, source)),
    }
}

/// Changes parts of an object or its status by a merge patch; a conflict is a refusal.
pub async fn merge(
    client: &kube::Client,
    kind: Kind,
    (namespace, name): (&str, &str),
    subresource: Option<&'static str>,
    patch: &Value,
) -> Result<Written, Error> {
    let label = format!("{} {name}", kind.kind);
    let api = kind.within(client, namespace);
    let parameters = PatchParams {
        field_manager: Some(CLUSTER_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let outcome = match subresource {
        None => api.patch(name, &parameters, &Patch::Merge(patch)).await,
        Some(subresource) => {
            api.patch_subresource(subresource, name, &parameters, &Patch::Merge(patch))
                .await
        }
    };
    match outcome {
        Ok(written) => Ok(Written::Yes(Box::new(written))),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
            Ok(Written::Refused(format!("{label}: {}", status.message)))
        }
        Err(source) => Err(Error::kubernetes("patch", &label, source)),
    }
}

/// Deletes an object if it is still the one expected.
pub async fn delete(
    client: &kube::Client,
    kind: Kind,
    namespace: &str,
    name: &str,
    expected: &Expected,
) -> Result<Written, Error> {
    let label = format!("{} {name}", kind.kind);
    let preconditions = match expected {
        Expected::Uid(uid) => Preconditions {
            uid: Some(uid.clone()),
            resource_version: None,
        },
        Expected::Version {
            uid,
            resource_version,
        } => Preconditions {
            uid: Some(uid.clone()),
            resource_version: Some(resource_version.clone()),
        },
        Expected::Any | Expected::Absent => {
            return Ok(Written::Refused(format!(
                "{label}: a deletion must name the uid of what it deletes"
            )));
        }
    };
    let parameters = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::background()
    };
    match kind
        .within(client, namespace)
        .delete(name, &parameters)
        .await
    {
        Ok(_) => Ok(Written::Unchanged),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
            Ok(Written::Refused(format!("{label}: {}", status.message)))
        }
        Err(source) => Err(Error::kubernetes("delete", &label, source)),
    }
}

/// The merge patch (RFC 7396) that turns `from` into `to`; `None` when they are equal.
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return Some(to.clone());
    };
    let mut patch = Map::new();
    for (key, wanted) in to {
        match from.get(key) {
            None => {
                patch.insert(key.clone(), wanted.clone());
            }
            Some(found) => {
                if let Some(change) = merge_patch(found, wanted) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(Value::Object(patch))
}

/// Whether all that `wanted` says stands in `found` already.
///
/// The API server fills in defaults, so `found` may say more: in objects, and in the objects of a list. Lists must be
/// of equal length and order. A field that we once set and no longer do is noticed by the annotation with the hash of
/// what was rendered, which is among the fields compared.
pub fn is_contained(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, wanted)| {
            match found.get(key) {
                Some(found) => is_contained(wanted, found),
                // An empty map or list is what the API server leaves out.
                None => is_empty(wanted),
            }
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| is_contained(wanted, found))
        }
        (wanted, found) => wanted == found,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn owns_nothing_new(wanted: &Value, found: &DynamicObject) -> bool {
    serde_json::to_value(found).is_ok_and(|found| is_contained(wanted, &found))
}

fn set_metadata(object: &mut Value, field: &str, value: &str) {
    object["metadata"][field] = json!(value);
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn label(kind: Kind, object: &Value) -> String {
    format!("{} {}", kind.kind, name_of(object))
}
