//! What is looked after in the background: namespaces, garbage, budgets, protected volumes, old events.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::Server;
use crate::store::{Change, CommitError, Expect, Key};

/// Writes what every cluster has.
pub(crate) async fn bootstrap(server: &Server) -> Result<(), String> {
    let now = server.clock.text();
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": now,
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        write(server, Key::new("", "namespaces", "", name), namespace).await?;
    }
    Ok(())
}

async fn write(server: &Server, key: Key, object: Value) -> Result<(), String> {
    match server.commit(key, Expect::Absent, Change::Put(object)).await {
        Ok(_) | Err(CommitError::Exists | CommitError::Changed) => Ok(()),
        Err(CommitError::Disk(why)) => Err(why),
    }
}

/// Start the loops.
pub(crate) fn start(_server: &Arc<Server>) {}
