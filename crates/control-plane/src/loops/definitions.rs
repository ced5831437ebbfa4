//! Definitions that go: their objects go first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Concern, keys, remove, remove_finalizer};
use crate::crd::CLEANUP_FINALIZER;
use crate::failure::Failure;
use crate::metadata;
use crate::resource::{CRD_GROUP, CRD_PLURAL};
use crate::server::Server;
use crate::store::{Event, Key, Range};
use crate::verbs::delete::Options;

/// Definitions whose deletion has begun.
pub(super) struct Definitions {
    going: BTreeSet<Key>,
}

impl Definitions {
    fn look_at(&mut self, key: &Key, object: &serde_json::Value) {
        if metadata::is_deleting(object) {
            self.going.insert(key.clone());
        }
    }
}

impl Concern for Definitions {
    const NAME: &'static str = "definitions";

    fn begin(server: &Server) -> Self {
        let mut this = Self {
            going: BTreeSet::new(),
        };
        let prefix = Key::prefix(CRD_GROUP, CRD_PLURAL, None);
        let page = server
            .store
            .list(
                Range {
                    prefix: &prefix,
                    ..Range::default()
                },
                |_, _| true,
            )
            .unwrap_or_default();
        for (key, record) in page.items {
            if let Some(object) = metadata::outline(&record.json) {
                this.look_at(&key, &object);
            }
        }
        this
    }

    fn note(&mut self, event: &Event) {
        let (group, plural, _, _) = event.key.parts();
        if (group, plural) != (CRD_GROUP, CRD_PLURAL) {
            return;
        }
        if event.new.is_none() {
            self.going.remove(&event.key);
        } else if let Some(object) = metadata::outline(&event.last().json) {
            self.look_at(&event.key, &object);
        }
    }

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        for definition in self.going.clone() {
            let (_, _, _, name) = definition.parts();
            let (plural, group) = name.split_once('.').unwrap_or((name, ""));
            let prefix = Key::prefix(group, plural, None);
            for key in keys(server, &prefix) {
                remove(server, &key, &Options::background()).await?;
            }
            if keys(server, &prefix).is_empty() {
                remove_finalizer(server, &definition, CLEANUP_FINALIZER).await?;
            }
        }
        Ok(None)
    }
}
