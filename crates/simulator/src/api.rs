//! The Kubernetes API of the simulated world: objects with uids and versions, owners, a garbage collector.
//!
//! One namespace. What a server fills in is not simulated; what it checks (uids, versions, existence) is.

use std::collections::BTreeMap;

use model::observed::object::ObjectKey;
use serde_json::{Map, Value, json};

/// All objects.
#[derive(Debug, Clone, Default)]
pub struct Api {
    objects: BTreeMap<ObjectKey, Value>,
    version: u64,
    uids: u64,
}

/// Why a write was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl Api {
    /// Counts every change; the same number means that nothing changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All objects of a kind, by name.
    pub fn list<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let all = self.objects.iter().filter(move |(key, _)| key.kind == kind);
        all.map(|(key, object)| (key.name.as_str(), object))
    }

    /// All objects.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.objects.iter()
    }

    /// One object.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.get(&ObjectKey::new(kind, name))
    }

    /// Creates an object.
    pub fn create(&mut self, object: &Value) -> Result<(), Refused> {
        let key = key_of(object);
        if self.objects.contains_key(&key) {
            return Err(Refused(format!("{key} exists already")));
        }
        let mut object = object.clone();
        self.uids += 1;
        let uid = format!("uid-{}", self.uids);
        let metadata = metadata_mut(&mut object);
        metadata.insert("uid".to_owned(), json!(uid));
        metadata.insert("generation".to_owned(), json!(1));
        self.put(key, object);
        Ok(())
    }

    /// Server-side apply: what the object says replaces what was there; annotations and labels are merged.
    pub fn apply(&mut self, object: &Value, uid: Option<&str>) -> Result<(), Refused> {
        let key = key_of(object);
        let Some(seen) = self.objects.get(&key) else {
            return match uid {
                Some(uid) => Err(Refused(format!("{key} with uid {uid} is gone"))),
                None => self.create(object),
            };
        };
        if uid.is_some_and(|uid| seen["metadata"]["uid"] != uid) {
            return Err(Refused(format!("{key} has another uid")));
        }
        let mut merged = seen.clone();
        for (field, value) in object.as_object().into_iter().flatten() {
            match field.as_str() {
                "metadata" => merge(&mut merged["metadata"], value),
                _ => merged[field] = value.clone(),
            }
        }
        if merged != *seen {
            self.put(key, merged);
        }
        Ok(())
    }

    /// Changes an object in place.
    pub fn change(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let key = ObjectKey::new(kind, name);
        let Some(seen) = self.objects.get(&key) else {
            return;
        };
        let mut object = seen.clone();
        change(&mut object);
        if object != *seen {
            self.put(key, object);
        }
    }

    /// Changes the spec of a custom resource, as a user would: its generation grows.
    pub fn edit(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.change(kind, name, |object| {
            let before = object["spec"].clone();
            change(object);
            if object["spec"] != before {
                let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
                object["metadata"]["generation"] = json!(generation + 1);
            }
        });
    }

    /// Deletes an object. Pods, and claims that a Pod uses, only begin to go.
    pub fn delete(&mut self, kind: &str, name: &str) {
        let lingers = kind == "Pod" || (kind == "PersistentVolumeClaim" && self.is_used(name));
        if lingers {
            self.change(kind, name, |object| {
                object["metadata"]["deletionTimestamp"] = json!("now");
            });
        } else {
            self.remove(kind, name);
        }
    }

    /// Takes an object away.
    pub fn remove(&mut self, kind: &str, name: &str) {
        if self.objects.remove(&ObjectKey::new(kind, name)).is_some() {
            self.version += 1;
        }
    }

    /// Deletes what belongs to owners that are gone, and claims that nobody uses any more.
    pub fn collect_garbage(&mut self) {
        let uids: Vec<Value> = self
            .objects
            .values()
            .map(|o| o["metadata"]["uid"].clone())
            .collect();
        let mut gone = Vec::new();
        for (key, object) in &self.objects {
            let metadata = &object["metadata"];
            let owners = metadata["ownerReferences"].as_array();
            let orphaned = owners.is_some_and(|owners| {
                !owners.is_empty() && owners.iter().all(|owner| !uids.contains(&owner["uid"]))
            });
            let released = key.kind == "PersistentVolumeClaim"
                && !metadata["deletionTimestamp"].is_null()
                && !self.is_used(&key.name);
            if (orphaned && metadata["deletionTimestamp"].is_null()) || released {
                gone.push((key.clone(), released));
            }
        }
        for (key, released) in gone {
            if released {
                self.remove(&key.kind, &key.name);
            } else {
                self.delete(&key.kind, &key.name);
            }
        }
    }

    fn is_used(&self, claim: &str) -> bool {
        self.list("Pod")
            .any(|(_, pod)| claims_of(pod).iter().any(|(_, used)| used == claim))
    }

    fn put(&mut self, key: ObjectKey, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(key, object);
    }
}

/// Volume name → claim of a Pod.
pub fn claims_of(pod: &Value) -> Vec<(String, String)> {
    let volumes = pod["spec"]["volumes"].as_array();
    let volumes = volumes.into_iter().flatten();
    volumes
        .filter_map(|volume| {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str()?;
            Some((volume["name"].as_str()?.to_owned(), claim.to_owned()))
        })
        .collect()
}

/// Kind and name of an object.
pub fn key_of(object: &Value) -> ObjectKey {
    ObjectKey::new(
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default(),
    )
}

fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]
        .as_object_mut()
        .expect("made an object above")
}

fn merge(target: &mut Value, source: &Value) {
    match (target, source) {
        (Value::Object(target), Value::Object(source)) => {
            for (key, value) in source {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, source) => *target = source.clone(),
    }
}
