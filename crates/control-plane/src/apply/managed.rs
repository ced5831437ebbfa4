//! `metadata.managedFields`: who owns which fields, read and written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::Set;

/// Update managers beyond this many are folded into one, oldest first.
const MOST_UPDATERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    Update,
}

/// Who wrote. Appliers are the same whatever version they apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    /// Empty for appliers.
    pub(crate) api_version: String,
    pub(crate) subresource: String,
}

/// What an owner owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) fields: Set,
    pub(crate) api_version: String,
    pub(crate) time: Option<String>,
}

/// All owners of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managed(pub(crate) BTreeMap<Owner, Owned>);

impl Managed {
    /// Reads the entries; none if any of them cannot be read.
    pub(crate) fn read(entries: &[Value]) -> Option<Self> {
        let mut out = BTreeMap::new();
        for entry in entries {
            let text = |key: &str| {
                entry
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .to_owned()
            };
            let operation = match entry.get("operation").and_then(Value::as_str)? {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let api_version = text("apiVersion");
            if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
                return None;
            }
            let owner = Owner {
                manager: text("manager"),
                operation,
                api_version: if operation == Operation::Apply {
                    String::new()
                } else {
                    api_version.clone()
                },
                subresource: text("subresource"),
            };
            let fields = Set::from_fields(entry.get("fieldsV1").unwrap_or(&Value::Null));
            let time = entry
                .get("time")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned);
            out.insert(
                owner,
                Owned {
                    fields,
                    api_version,
                    time,
                },
            );
        }
        Some(Self(out))
    }

    /// Reads those of an object.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let entries = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        Self::read(entries.map_or(&[], Vec::as_slice))
    }

    /// Writes them into an object, in Kubernetes' order; none removes the field.
    pub(crate) fn write(&self, object: &mut Value) {
        let mut entries: Vec<(&Owner, &Owned)> = self.0.iter().collect();
        entries.sort_by(|(one, a), (other, b)| {
            (
                one.operation,
                &a.time,
                &one.manager,
                &a.api_version,
                &one.subresource,
            )
                .cmp(&(
                    other.operation,
                    &b.time,
                    &other.manager,
                    &b.api_version,
                    &other.subresource,
                ))
        });
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(owner, owned)| entry(owner, owned))
            .collect();
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        if entries.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }

    /// Drops owners of nothing.
    pub(crate) fn drop_empty(&mut self) {
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Folds the oldest updaters into one where there are too many.
    pub(crate) fn cap_updaters(&mut self) {
        let updaters: Vec<Owner> = self
            .0
            .keys()
            .filter(|o| o.operation == Operation::Update)
            .cloned()
            .collect();
        let mut over = updaters.len().saturating_sub(MOST_UPDATERS);
        if over == 0 {
            return;
        }
        let time_of = |owner: &Owner| self.0.get(owner).and_then(|owned| owned.time.clone());
        let mut oldest: Vec<(Option<String>, Owner)> =
            updaters.into_iter().map(|o| (time_of(&o), o)).collect();
        oldest.sort();
        let mut first_of: BTreeMap<String, Owner> = BTreeMap::new();
        for (time, owner) in oldest {
            if over == 0 {
                break;
            }
            let Some(version) = self.0.get(&owner).map(|owned| owned.api_version.clone()) else {
                continue;
            };
            let Some(first) = first_of.get(&version).cloned() else {
                first_of.insert(version, owner);
                continue;
            };
            let bucket = Owner {
                manager: ANCIENT.to_owned(),
                operation: Operation::Update,
                api_version: version,
                subresource: String::new(),
            };
            if !self.0.contains_key(&bucket)
                && let Some(owned) = self.0.remove(&first)
            {
                self.0.insert(bucket.clone(), owned);
            }
            let Some(folded) = self.0.remove(&owner) else {
                continue;
            };
            if let Some(owned) = self.0.get_mut(&bucket) {
                owned.fields = owned.fields.union(&folded.fields);
                owned.time = time;
            }
            over -= 1;
        }
    }
}

fn entry(owner: &Owner, owned: &Owned) -> Value {
    let mut out = Map::new();
    out.insert("manager".to_owned(), json!(owner.manager));
    let operation = match owner.operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    out.insert("operation".to_owned(), json!(operation));
    out.insert("apiVersion".to_owned(), json!(owned.api_version));
    if let Some(time) = &owned.time {
        out.insert("time".to_owned(), json!(time));
    }
    out.insert("fieldsType".to_owned(), json!("FieldsV1"));
    out.insert("fieldsV1".to_owned(), owned.fields.to_fields());
    if !owner.subresource.is_empty() {
        out.insert("subresource".to_owned(), json!(owner.subresource));
    }
    Value::Object(out)
}
