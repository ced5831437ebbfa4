//! Protected volumes: a claim in use, or a volume that is bound, stays until it is not.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::{Concern, objects, remove_finalizer};
use crate::failure::Failure;
use crate::metadata;
use crate::server::Server;
use crate::store::{Event, Key};

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// Claims and volumes whose deletion has begun.
pub(super) struct Volumes {
    claims: BTreeSet<Key>,
    volumes: BTreeSet<Key>,
}

impl Volumes {
    fn look_at(&mut self, key: &Key, object: &Value) {
        let (_, plural, _, _) = key.parts();
        let (set, finalizer) = match plural {
            "persistentvolumeclaims" => (&mut self.claims, CLAIM_FINALIZER),
            _ => (&mut self.volumes, VOLUME_FINALIZER),
        };
        if metadata::is_deleting(object) && metadata::finalizers(object).contains(&finalizer) {
            set.insert(key.clone());
        } else {
            set.remove(key);
        }
    }
}

impl Concern for Volumes {
    const NAME: &'static str = "protected volumes";

    fn begin(server: &Server) -> Self {
        let mut this = Self {
            claims: BTreeSet::new(),
            volumes: BTreeSet::new(),
        };
        for plural in ["persistentvolumeclaims", "persistentvolumes"] {
            for (key, object) in objects(server, &Key::prefix("", plural, None)) {
                this.look_at(&key, &object);
            }
        }
        this
    }

    fn note(&mut self, event: &Event) {
        let (group, plural, _, _) = event.key.parts();
        if group.is_empty() && matches!(plural, "persistentvolumeclaims" | "persistentvolumes") {
            if event.new.is_none() {
                self.claims.remove(&event.key);
                self.volumes.remove(&event.key);
            } else if let Ok(object) = super::parse(&event.last().json) {
                self.look_at(&event.key, &object);
            }
        }
    }

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        for key in self.claims.clone() {
            if !claim_in_use(server, &key) {
                remove_finalizer(server, &key, CLAIM_FINALIZER).await?;
            }
        }
        for key in self.volumes.clone() {
            let volume = server
                .store
                .get(&key)
                .and_then(|record| super::parse(&record.json).ok());
            if volume.is_some_and(|volume| volume["status"]["phase"] != "Bound") {
                remove_finalizer(server, &key, VOLUME_FINALIZER).await?;
            }
        }
        Ok(None)
    }
}

fn claim_in_use(server: &Server, claim: &Key) -> bool {
    let (_, _, namespace, name) = claim.parts();
    let pods = objects(server, &Key::prefix("", "pods", Some(namespace)));
    pods.iter().any(|(_, pod)| {
        let ended = matches!(
            pod["status"]["phase"].as_str(),
            Some("Succeeded" | "Failed")
        );
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let uses = volumes
            .into_iter()
            .any(|v| v["persistentVolumeClaim"]["claimName"] == name);
        uses && !ended
    })
}
