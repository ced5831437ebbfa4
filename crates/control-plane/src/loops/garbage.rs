//! Garbage: what no owner is left for goes; owners that wait for their dependents are let go.
//!
//! Invariant: an object is deleted for lack of an owner only if every owner it names was looked up just now and is not
//! there (same kind, name *and* uid), or was seen to go. An owner of an unknown kind counts as there: absence is never
//! assumed; when a definition comes, owners are looked up again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{Concern, edit, remove, remove_finalizer};
use crate::failure::Failure;
use crate::metadata;
use crate::resource::{CRD_GROUP, CRD_PLURAL, split_api_version};
use crate::server::Server;
use crate::store::{Event, Key, Range};
use crate::verbs::delete::{FOREGROUND, ORPHAN, Options, Propagation};

/// Who owns whom, and whom to look at.
pub(super) struct Garbage {
    dependents: BTreeMap<String, BTreeSet<Key>>,
    owners: BTreeMap<Key, Vec<String>>,
    /// Uids of owners that were seen to go, while there are dependents: their kind may go together with them.
    ended: BTreeSet<String>,
    /// Owners by uid that wait for the end of their dependents.
    waiting: BTreeMap<String, Key>,
    pending: BTreeSet<Key>,
}

impl Garbage {
    fn look_at(&mut self, key: &Key, object: &Value) {
        let uids: Vec<String> = owner_references(object)
            .filter_map(|owner| owner["uid"].as_str())
            .map(str::to_owned)
            .collect();
        self.forget(key);
        if !uids.is_empty() {
            for uid in &uids {
                self.dependents
                    .entry(uid.clone())
                    .or_default()
                    .insert(key.clone());
            }
            self.owners.insert(key.clone(), uids);
            self.pending.insert(key.clone());
        }
        let finalizers = metadata::finalizers(object);
        if metadata::is_deleting(object)
            && (finalizers.contains(&FOREGROUND) || finalizers.contains(&ORPHAN))
        {
            self.waiting
                .insert(metadata::uid(object).to_owned(), key.clone());
            self.pending.insert(key.clone());
        }
    }

    fn forget(&mut self, key: &Key) {
        for uid in self.owners.remove(key).unwrap_or_default() {
            if let Some(waiting) = self.waiting.get(&uid) {
                self.pending.insert(waiting.clone());
            }
            if let Some(keys) = self.dependents.get_mut(&uid) {
                keys.remove(key);
                if keys.is_empty() {
                    self.dependents.remove(&uid);
                    self.ended.remove(&uid);
                }
            }
        }
    }

    fn dependents_of(&self, uid: &str) -> Vec<Key> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

impl Concern for Garbage {
    const NAME: &'static str = "garbage";

    fn begin(server: &Server) -> Self {
        let mut this = Self {
            dependents: BTreeMap::new(),
            owners: BTreeMap::new(),
            ended: BTreeSet::new(),
            waiting: BTreeMap::new(),
            pending: BTreeSet::new(),
        };
        let page = server
            .store
            .list(Range::default(), |_, _| true)
            .unwrap_or_default();
        for (key, record) in page.items {
            if let Some(object) = metadata::outline(&record.json) {
                this.look_at(&key, &object);
            }
        }
        this
    }

    fn note(&mut self, event: &Event) {
        let Some(object) = metadata::outline(&event.last().json) else {
            return;
        };
        if event.new.is_some() {
            self.look_at(&event.key, &object);
            let (group, plural, _, _) = event.key.parts();
            if (group, plural) == (CRD_GROUP, CRD_PLURAL) {
                // Owners of this kind can be looked up from now on.
                self.pending.extend(self.owners.keys().cloned());
            }
            return;
        }
        self.forget(&event.key);
        let uid = metadata::uid(&object);
        self.waiting.remove(uid);
        if self.dependents.contains_key(uid) {
            self.ended.insert(uid.to_owned());
        }
        self.pending.extend(self.dependents_of(uid));
    }

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        while let Some(key) = self.pending.first().cloned() {
            self.examine(server, &key).await?;
            self.pending.remove(&key);
        }
        Ok(None)
    }
}

impl Garbage {
    async fn examine(&self, server: &Server, key: &Key) -> Result<(), Failure> {
        let Some(record) = server.store.get(key) else {
            return Ok(());
        };
        let object = outline(&record.json)?;
        let finalizers = metadata::finalizers(&object);
        if metadata::is_deleting(&object) {
            if finalizers.contains(&ORPHAN) {
                return self
                    .orphan_dependents(server, key, metadata::uid(&object))
                    .await;
            }
            if finalizers.contains(&FOREGROUND) {
                return self
                    .delete_dependents(server, key, metadata::uid(&object))
                    .await;
            }
            return Ok(());
        }
        let (gone, there): (Vec<&Value>, Vec<&Value>) =
            owner_references(&object).partition(|owner| {
                let uid = owner["uid"].as_str().unwrap_or_default();
                self.ended.contains(uid) || is_gone(server, key, owner)
            });
        if gone.is_empty() {
            return Ok(());
        }
        if there.is_empty() {
            let options = Options {
                uid: Some(metadata::uid(&object).to_owned()),
                ..Options::unspecified()
            };
            return remove(server, key, &options)
                .await
                .map(drop)
                .or_else(unless_conflict);
        }
        let uids: Vec<String> = gone
            .iter()
            .filter_map(|o| o["uid"].as_str())
            .map(str::to_owned)
            .collect();
        disown(server, key, &uids).await
    }

    /// Dependents first; those that block hold the owner back.
    async fn delete_dependents(
        &self,
        server: &Server,
        key: &Key,
        uid: &str,
    ) -> Result<(), Failure> {
        let mut blocked = false;
        for dependent in self.dependents_of(uid) {
            let Some(record) = server.store.get(&dependent) else {
                continue;
            };
            let object = outline(&record.json)?;
            let Some(reference) = owner_references(&object).find(|owner| owner["uid"] == uid)
            else {
                continue;
            };
            blocked |= reference["blockOwnerDeletion"] == true;
            if metadata::is_deleting(&object) {
                continue;
            }
            let has_dependents = self.dependents.contains_key(metadata::uid(&object));
            let propagation = if has_dependents {
                Propagation::Foreground
            } else {
                Propagation::Background
            };
            let options = Options {
                uid: Some(metadata::uid(&object).to_owned()),
                propagation: Some(propagation),
                ..Options::unspecified()
            };
            remove(server, &dependent, &options)
                .await
                .map(drop)
                .or_else(unless_conflict)?;
        }
        if blocked
            && self
                .dependents_of(uid)
                .iter()
                .any(|dependent| blocks(server, dependent, uid))
        {
            return Ok(());
        }
        remove_finalizer(server, key, FOREGROUND).await
    }

    async fn orphan_dependents(
        &self,
        server: &Server,
        key: &Key,
        uid: &str,
    ) -> Result<(), Failure> {
        for dependent in self.dependents_of(uid) {
            disown(server, &dependent, &[uid.to_owned()]).await?;
        }
        remove_finalizer(server, key, ORPHAN).await
    }
}

fn outline(json: &[u8]) -> Result<Value, Failure> {
    metadata::outline(json).ok_or_else(|| Failure::internal("a stored object has no metadata"))
}

/// Somebody else was faster; what they did is told as a change.
fn unless_conflict(failure: Failure) -> Result<(), Failure> {
    if failure.code == 409 {
        Ok(())
    } else {
        Err(failure)
    }
}

fn blocks(server: &Server, dependent: &Key, uid: &str) -> bool {
    let object = server
        .store
        .get(dependent)
        .and_then(|record| metadata::outline(&record.json));
    object.is_some_and(|object| {
        owner_references(&object)
            .any(|owner| owner["uid"] == uid && owner["blockOwnerDeletion"] == true)
    })
}

fn owner_references(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
}

/// Whether the owner named by an object is certainly not there.
fn is_gone(server: &Server, dependent: &Key, owner: &Value) -> bool {
    let text = |field: &str| owner[field].as_str().unwrap_or_default();
    let (group, version) = split_api_version(text("apiVersion"));
    let Some(resource) = server.registry().find_kind(group, version, text("kind")) else {
        return false;
    };
    let (_, _, namespace, _) = dependent.parts();
    let key = resource.key(
        if resource.namespaced { namespace } else { "" },
        text("name"),
    );
    match server.store.get(&key) {
        None => true,
        Some(record) => metadata::outline(&record.json)
            .is_some_and(|object| metadata::uid(&object) != text("uid")),
    }
}

/// Takes owners off an object.
async fn disown(server: &Server, key: &Key, uids: &[String]) -> Result<(), Failure> {
    edit(server, key, |object| {
        let kept: Vec<Value> = owner_references(object)
            .filter(|owner| !uids.iter().any(|uid| owner["uid"] == uid.as_str()))
            .cloned()
            .collect();
        let found = kept.len() != owner_references(object).count();
        let metadata = metadata::of(object);
        if kept.is_empty() {
            metadata.remove("ownerReferences");
        } else {
            metadata.insert("ownerReferences".to_owned(), kept.into());
        }
        found
    })
    .await
}
