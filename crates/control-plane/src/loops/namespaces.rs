//! Namespaces: a new one gets its service account and the authority's certificate, one that goes takes all with it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Concern, add, edit, keys, objects, remove};
use crate::failure::Failure;
use crate::metadata;
use crate::server::Server;
use crate::store::{Event, Key};
use crate::verbs::delete::Options;

/// Namespaces to furnish and to clear.
pub(super) struct Namespaces {
    new: BTreeSet<String>,
    going: BTreeSet<String>,
}

impl Namespaces {
    fn look_at(&mut self, namespace: &Value) {
        let name = metadata::name(namespace).to_owned();
        if metadata::is_deleting(namespace) {
            self.going.insert(name);
        } else {
            self.new.insert(name);
        }
    }
}

impl Concern for Namespaces {
    const NAME: &'static str = "namespaces";

    fn begin(server: &Server) -> Self {
        let mut this = Self {
            new: BTreeSet::new(),
            going: BTreeSet::new(),
        };
        for (_, object) in objects(server, &Key::prefix("", "namespaces", None)) {
            this.look_at(&object);
        }
        this
    }

    fn note(&mut self, event: &Event) {
        let (group, plural, namespace, name) = event.key.parts();
        match (group, plural) {
            ("", "namespaces") if event.new.is_none() => {
                self.going.remove(name);
            }
            ("", "namespaces") => {
                if let Ok(object) = super::parse(&event.last().json) {
                    self.look_at(&object);
                }
            }
            // Somebody deleted what every namespace has.
            ("", "serviceaccounts" | "configmaps")
                if event.new.is_none() && matches!(name, "default" | "kube-root-ca.crt") =>
            {
                self.new.insert(namespace.to_owned());
            }
            _ => {}
        }
    }

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        for name in std::mem::take(&mut self.new) {
            if is_going(server, &name) == Some(false) {
                furnish(server, &name).await?;
            }
        }
        for name in self.going.clone() {
            clear(server, &name).await?;
        }
        Ok(None)
    }
}

fn is_going(server: &Server, name: &str) -> Option<bool> {
    let record = server.store.get(&Key::new("", "namespaces", "", name))?;
    super::parse(&record.json)
        .ok()
        .map(|namespace| metadata::is_deleting(&namespace))
}

/// Puts into a namespace what every namespace has.
pub(super) async fn furnish(server: &Server, name: &str) -> Result<(), Failure> {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name},
    });
    add(
        server,
        Key::new("", "serviceaccounts", name, "default"),
        account,
    )
    .await?;
    let authority = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "kube-root-ca.crt", "namespace": name,
            "annotations": {"kubernetes.io/description": "The certificate of the authority behind the API server."},
        },
        "data": {"ca.crt": server.identity.authority},
    });
    add(
        server,
        Key::new("", "configmaps", name, "kube-root-ca.crt"),
        authority,
    )
    .await
}

/// Deletes what is in a namespace, and the namespace once it is empty.
async fn clear(server: &Server, name: &str) -> Result<(), Failure> {
    let mut left = 0_usize;
    for resource in server.registry().stored().filter(|r| r.namespaced) {
        for key in keys(server, &resource.prefix(Some(name))) {
            let deleted = remove(server, &key, &Options::background()).await?;
            left += usize::from(matches!(
                deleted,
                Some(crate::verbs::delete::Deleted::Marked(_))
            ));
        }
    }
    let key = Key::new("", "namespaces", "", name);
    if left == 0 {
        return edit(server, &key, |namespace| {
            // Others may have put finalizers of their own beside ours; those they take off themselves.
            let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() else {
                return false;
            };
            let before = finalizers.len();
            finalizers.retain(|finalizer| finalizer != "kubernetes");
            let changed = finalizers.len() < before;
            if finalizers.is_empty() {
                namespace["spec"] = json!({});
            }
            changed
        })
        .await;
    }
    let now = server.clock.text();
    edit(server, &key, |namespace| {
        let message = format!("Some content in the namespace remains: {left} objects wait for their finalizers or nodes");
        let known = namespace["status"]["conditions"][0]["message"] == message.as_str();
        namespace["status"]["conditions"] = json!([{
            "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
            "message": message, "lastTransitionTime": now,
        }]);
        !known
    })
    .await
}
