//! What a cluster refers to and we do not own: watched by name while it is referred to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use model::desired::{Cluster, Logging, Metrics};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::hands::Hands;
use crate::kinds::{self, Kind};
use crate::watch;

/// The watches of one cluster; they end when this is dropped.
pub(super) struct References {
    client: kube::Client,
    namespace: String,
    changed: Arc<Notify>,
    watches: Mutex<BTreeMap<(Kind, String), AbortHandle>>,
}

impl References {
    pub(super) fn new(hands: &Hands, namespace: &str) -> Self {
        Self {
            client: hands.client.clone(),
            namespace: namespace.to_owned(),
            changed: Arc::default(),
            watches: Mutex::default(),
        }
    }

    /// Waits until one of them changes.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Watches what `desired` refers to and nothing else; what is not understood refers to nothing new.
    pub(super) fn follow(&self, desired: Option<&Cluster>) {
        let Some(desired) = desired else { return };
        let wanted = referenced(desired);
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|object, watch| {
            let stays = wanted.contains(object);
            if !stays {
                watch.abort();
            }
            stays
        });
        for object in wanted {
            watches.entry(object).or_insert_with_key(|(kind, name)| {
                let api = kind.metadata_within(&self.client, &self.namespace);
                let (changed, name) = (Arc::clone(&self.changed), name.clone());
                tokio::spawn(watch::watch_reference(api, name, move || {
                    changed.notify_one();
                }))
                .abort_handle()
            });
        }
    }
}

impl Drop for References {
    fn drop(&mut self) {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in watches.values() {
            watch.abort();
        }
    }
}

fn referenced(desired: &Cluster) -> BTreeSet<(Kind, String)> {
    let mut objects = BTreeSet::new();
    if let Logging::External(key) = &desired.logging {
        objects.insert((kinds::CONFIG_MAP, key.name.clone()));
    }
    if let Metrics::JmxExporter(key) = &desired.metrics {
        objects.insert((kinds::CONFIG_MAP, key.name.clone()));
    }
    let listeners = desired
        .listeners
        .iter()
        .filter_map(|listener| listener.configuration.certificate.as_ref());
    objects.extend(listeners.map(|own| (kinds::SECRET, own.secret.clone())));
    // Authorities that users bring carry whatever labels they like.
    for (settings, authority) in [
        (desired.cluster_ca, "cluster-ca"),
        (desired.clients_ca, "clients-ca"),
    ] {
        if !settings.generate {
            let name = format!("{}-{authority}", desired.name);
            objects.insert((kinds::SECRET, format!("{name}-cert")));
            objects.insert((kinds::SECRET, name));
        }
    }
    objects
}
