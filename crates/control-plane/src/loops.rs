//! What is looked after in the background: namespaces, garbage, budgets, protected volumes, definitions, old events.
//!
//! Each concern follows the history of the store: it notes what changed, then takes one step; what it writes comes back
//! as changes. Invariant: a step is safe at any moment and does nothing where nothing is to be done.

mod budgets;
mod definitions;
mod events;
mod garbage;
mod namespaces;
mod volumes;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Shape;
use crate::failure::Failure;
use crate::metadata;
use crate::request::{Path, Query};
use crate::server::{Call, Server, User};
use crate::store::{Change, CommitError, Event, Expect, Key, Range};
use crate::verbs::delete::{self, Deleted, Options};

/// After a step that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a write is tried again when others are faster.
const ATTEMPTS: usize = 32;

/// One thing that is looked after.
trait Concern: Send + Sized + 'static {
    /// What it is called in logs.
    const NAME: &'static str;

    /// What is there, at the start or after falling behind the history.
    fn begin(server: &Server) -> Self;

    /// Something changed.
    fn note(&mut self, event: &Event);

    /// Does what is to be done now; returns when to look again even if nothing changes.
    fn step(
        &mut self,
        server: &Server,
    ) -> impl Future<Output = Result<Option<Duration>, Failure>> + Send;
}

/// Start all loops.
pub(crate) fn start(server: &Arc<Server>) {
    tokio::spawn(follow::<namespaces::Namespaces>(Arc::clone(server)));
    tokio::spawn(follow::<garbage::Garbage>(Arc::clone(server)));
    tokio::spawn(follow::<budgets::Budgets>(Arc::clone(server)));
    tokio::spawn(follow::<volumes::Volumes>(Arc::clone(server)));
    tokio::spawn(follow::<definitions::Definitions>(Arc::clone(server)));
    tokio::spawn(follow::<events::OldEvents>(Arc::clone(server)));
}

async fn follow<C: Concern>(server: Arc<Server>) {
    let mut changed = server.store.subscribe();
    let mut cursor = server.store.revision();
    let mut concern = C::begin(&server);
    loop {
        changed.mark_unchanged();
        if let Ok((events, upto)) = server.store.events_after(cursor, "") {
            cursor = upto;
            for event in events {
                concern.note(&event);
            }
        } else {
            cursor = server.store.revision();
            concern = C::begin(&server);
        }
        let again = match concern.step(&server).await {
            Ok(again) => again,
            Err(failure) => {
                tracing::warn!(
                    concern = C::NAME,
                    failure = failure.message,
                    "a step failed and will be tried again"
                );
                Some(RETRY_AFTER)
            }
        };
        let pause = async {
            match again {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = server.stop.cancelled() => return,
            told = changed.changed() => if told.is_err() { return },
            () = pause => {}
        }
    }
}

/// Writes what every cluster has, all at once, so that it shares one wait for the disk.
pub(crate) async fn bootstrap(server: &Server) -> Result<(), String> {
    let names = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let namespaces = names.map(|name| {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        async move {
            let made = add(server, Key::new("", "namespaces", "", name), namespace);
            futures::try_join!(made, namespaces::furnish(server, name)).map(drop)
        }
    });
    futures::future::try_join_all(namespaces)
        .await
        .map(drop)
        .map_err(|failure| failure.message)
}

/// Stores an object of the server's own, unless there is one.
async fn add(server: &Server, key: Key, mut object: Value) -> Result<(), Failure> {
    if server.store.get(&key).is_some() {
        return Ok(());
    }
    let metadata = metadata::of(&mut object);
    metadata.insert("uid".to_owned(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".to_owned(), server.clock.text().into());
    match server
        .commit(key, Expect::Absent, Change::Put(object))
        .await
    {
        Ok(_) | Err(CommitError::Exists | CommitError::Changed) => Ok(()),
        Err(CommitError::Disk(why)) => Err(Failure::internal(why)),
    }
}

/// Changes a stored object as long as `edit` says that there is something to change; absent objects are left alone.
async fn edit(
    server: &Server,
    key: &Key,
    edit: impl Fn(&mut Value) -> bool + Send + Sync,
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let Some(record) = server.store.get(key) else {
            return Ok(());
        };
        let mut object: Value = parse(&record.json)?;
        if !edit(&mut object) {
            return Ok(());
        }
        let change = if delete::is_finished(&object) {
            Change::Remove(object)
        } else {
            Change::Put(object)
        };
        match server
            .commit(key.clone(), Expect::At(record.revision), change)
            .await
        {
            Ok(_) => return Ok(()),
            Err(CommitError::Exists | CommitError::Changed) => {}
            Err(CommitError::Disk(why)) => return Err(Failure::internal(why)),
        }
    }
    Err(Failure::internal(format!("{key} changes too fast")))
}

/// Takes a finalizer off an object.
async fn remove_finalizer(server: &Server, key: &Key, finalizer: &str) -> Result<(), Failure> {
    edit(server, key, |object| {
        let kept: Vec<Value> = metadata::finalizers(object)
            .into_iter()
            .filter(|f| *f != finalizer)
            .map(Value::from)
            .collect();
        let found = kept.len() != metadata::finalizers(object).len();
        let metadata = metadata::of(object);
        if kept.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".to_owned(), kept.into());
        }
        found
    })
    .await
}

/// Deletes a stored object as a client would; `None` if there is none.
async fn remove(server: &Server, key: &Key, options: &Options) -> Result<Option<Deleted>, Failure> {
    let Some(resource) = server.registry().of_key(key) else {
        return Ok(None);
    };
    let (_, _, namespace, name) = key.parts();
    let path = Path {
        group: resource.group.clone(),
        version: resource.version.clone(),
        plural: resource.plural.clone(),
        namespace: resource.namespaced.then(|| namespace.to_owned()),
        name: Some(name.to_owned()),
        subresource: None,
    };
    let call = Call {
        resource,
        path,
        query: Query::default(),
        shape: Shape::Whole,
        content_type: String::new(),
        user_agent: None,
        user: User::admin(),
        options: "DeleteOptions",
    };
    match delete::delete_one(server, &call, options).await {
        Ok(deleted) => Ok(Some(deleted)),
        Err(failure) if failure.code == 404 => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn parse(json: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(json)
        .map_err(|e| Failure::internal(format!("a stored object is not JSON: {e}")))
}

/// The keys with a prefix.
fn keys(server: &Server, prefix: &str) -> Vec<Key> {
    let page = server
        .store
        .list(
            Range {
                prefix,
                ..Range::default()
            },
            |_, _| true,
        )
        .unwrap_or_default();
    page.items.into_iter().map(|(key, _)| key).collect()
}

/// The objects with a prefix.
fn objects(server: &Server, prefix: &str) -> Vec<(Key, Value)> {
    let page = server
        .store
        .list(
            Range {
                prefix,
                ..Range::default()
            },
            |_, _| true,
        )
        .unwrap_or_default();
    page.items
        .into_iter()
        .filter_map(|(key, record)| Some((key, parse(&record.json).ok()?)))
        .collect()
}
