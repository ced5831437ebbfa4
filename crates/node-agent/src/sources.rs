//! Secrets and ConfigMaps that Pods refer to, each watched by name, for as long as some Pod refers to it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::container::environment::Lookup;

/// Kind of an object that files and variables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SourceKind {
    ConfigMap,
    Secret,
}

impl SourceKind {
    /// As the kubelet's messages name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceKey {
    pub kind: SourceKind,
    pub namespace: String,
    pub name: String,
}

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub(crate) enum Content {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// It is not there.
    Absent,
    /// Its keys and values.
    Present(Arc<BTreeMap<String, Vec<u8>>>),
}

/// All objects that are watched now.
pub(crate) struct Sources {
    client: Client,
    watched: Mutex<BTreeMap<SourceKey, Weak<Source>>>,
}

/// One object, watched while this value is held.
pub(crate) struct Source {
    content: RwLock<Content>,
    listeners: Mutex<Vec<Weak<Notify>>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(task) = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            task.abort();
        }
    }
}

impl Source {
    /// What is known now.
    pub(crate) fn content(&self) -> Content {
        self.content
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, content: Content) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = content;
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|listener| match listener.upgrade() {
                Some(listener) => {
                    listener.notify_one();
                    true
                }
                None => false,
            });
    }
}

impl Sources {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            watched: Mutex::new(BTreeMap::new()),
        }
    }

    /// The object, from now on; `listener` is told of each change.
    pub(crate) fn watch(&self, key: &SourceKey, listener: &Arc<Notify>) -> Arc<Source> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, source| source.strong_count() > 0);
        let source = watched.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
            let source = Arc::new(Source {
                content: RwLock::default(),
                listeners: Mutex::default(),
                task: Mutex::default(),
            });
            let task = tokio::spawn(follow(
                self.client.clone(),
                key.clone(),
                Arc::downgrade(&source),
            ));
            *source.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
            watched.insert(key.clone(), Arc::downgrade(&source));
            source
        });
        source
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(listener));
        source
    }
}

async fn follow(client: Client, key: SourceKey, source: Weak<Source>) {
    let set = |content: Content| match source.upgrade() {
        Some(source) => {
            source.set(content);
            true
        }
        None => false,
    };
    match key.kind {
        SourceKind::ConfigMap => {
            let stream = watch_object(
                Api::<ConfigMap>::namespaced(client, &key.namespace),
                &key.name,
            )
            .default_backoff();
            let mut stream = std::pin::pin!(stream);
            while let Some(seen) = stream.next().await {
                let content = match seen {
                    Ok(Some(object)) => Content::Present(Arc::new(config_map(object))),
                    Ok(None) => Content::Absent,
                    // Unknown is not absent: what was seen last stays.
                    Err(_) => continue,
                };
                if !set(content) {
                    return;
                }
            }
        }
        SourceKind::Secret => {
            let stream = watch_object(Api::<Secret>::namespaced(client, &key.namespace), &key.name)
                .default_backoff();
            let mut stream = std::pin::pin!(stream);
            while let Some(seen) = stream.next().await {
                let content = match seen {
                    Ok(Some(object)) => Content::Present(Arc::new(secret(object))),
                    Ok(None) => Content::Absent,
                    Err(_) => continue,
                };
                if !set(content) {
                    return;
                }
            }
        }
    }
}

fn config_map(object: ConfigMap) -> BTreeMap<String, Vec<u8>> {
    let text = object
        .data
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, value.into_bytes()));
    let binary = object
        .binary_data
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, value.0));
    text.chain(binary).collect()
}

fn secret(object: Secret) -> BTreeMap<String, Vec<u8>> {
    object
        .data
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, value.0))
        .collect()
}

/// The objects one Pod refers to.
#[derive(Default)]
pub(crate) struct PodSources {
    namespace: String,
    held: BTreeMap<SourceKey, Arc<Source>>,
}

impl PodSources {
    /// Watches exactly `keys`.
    pub(crate) fn set(
        &mut self,
        sources: &Sources,
        namespace: &str,
        keys: Vec<SourceKey>,
        listener: &Arc<Notify>,
    ) {
        namespace.clone_into(&mut self.namespace);
        self.held.retain(|key, _| keys.contains(key));
        for key in keys {
            // One that is held has this listener already.
            if let Entry::Vacant(entry) = self.held.entry(key) {
                let source = sources.watch(entry.key(), listener);
                entry.insert(source);
            }
        }
    }

    /// What is known of one of them.
    pub(crate) fn content(&self, kind: SourceKind, name: &str) -> Content {
        let key = SourceKey {
            kind,
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        };
        self.held
            .get(&key)
            .map(|source| source.content())
            .unwrap_or_default()
    }

    /// Some of them have not been looked at yet.
    pub(crate) fn unknown(&self) -> bool {
        self.held
            .values()
            .any(|source| matches!(source.content(), Content::Unknown))
    }

    fn texts(&self, kind: SourceKind, name: &str) -> Option<BTreeMap<String, String>> {
        match self.content(kind, name) {
            Content::Present(content) => Some(
                content
                    .iter()
                    .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value).into_owned()))
                    .collect(),
            ),
            Content::Unknown | Content::Absent => None,
        }
    }
}

impl Lookup for PodSources {
    fn config_map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.texts(SourceKind::ConfigMap, name)
    }

    fn secret(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.texts(SourceKind::Secret, name)
    }
}

#[cfg(test)]
mod tests;
