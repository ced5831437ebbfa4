//! Which cluster the metadata belong to, where those are behind ZooKeeper's protocol: settled before Kafka starts.
//!
//! Kafka itself would draw an id where `/cluster/id` is absent, and would take an empty store for a new cluster: with
//! the disks of an old one it then removes what it takes for strays. So: the id is the one that the operator chose; it
//! is written only by a node with permission to be a first one and with nothing on its disks; everybody else needs to
//! find it.
//!
//! Source of the node's content: `ClusterIdZNode` of Kafka 3.9.

use model::observed::runner::Refusal;
use model::runner::store::StoreAddress;
use model::runner::{Format, RunnerConfig};

use crate::environment::Environment;
use crate::zookeeper::{AskError, BOUND, PAUSE, Session};
use crate::{RunnerError, old_session};

/// Where Kafka keeps the id.
const PARENT: &str = "/cluster";
const NODE: &str = "/cluster/id";

/// What a server told.
struct Found {
    cluster_id: Option<String>,
    /// The broker is registered: by a session of an earlier run, since Kafka does not run.
    is_registered: bool,
}

/// Returns once the store is known to be this cluster's, with whether this broker is still registered in it; waits for
/// as long as no server of it answers.
pub(crate) async fn agree(
    environment: &Environment,
    config: &RunnerConfig,
    store: &StoreAddress,
    disks_are_empty: bool,
) -> Result<bool, RunnerError> {
    let may_begin = environment.format == Some(Format::Initial) && disks_are_empty;
    let mut told = false;
    loop {
        for server in &store.servers {
            match tokio::time::timeout(BOUND, ask(environment, config, server, may_begin)).await {
                Ok(Ok(found)) => {
                    judge(environment, config, server, found.cluster_id.as_deref())?;
                    return Ok(found.is_registered);
                }
                Ok(Err(error)) if told => tracing::debug!(server, %error, "asked for {NODE}"),
                Ok(Err(error)) => {
                    tracing::info!(server, %error, "waiting for the metadata store");
                }
                Err(_) => tracing::info!(server, "the metadata store does not answer"),
            }
        }
        told = true;
        tokio::time::sleep(PAUSE).await;
    }
}

fn judge(
    environment: &Environment,
    config: &RunnerConfig,
    server: &str,
    found: Option<&str>,
) -> Result<(), RunnerError> {
    let refused = |refusal, reason: String| RunnerError::Refused {
        refusal,
        volumes: std::collections::BTreeSet::new(),
        volume: environment.path(&config.metadata_log_dir),
        reason,
    };
    match found {
        Some(id) if id == config.cluster_id => Ok(()),
        Some(other) => Err(refused(
            Refusal::ForeignCluster,
            format!(
                "the metadata store at {server} belongs to cluster {other}, this node is of cluster {}; nothing was \
                 started or changed. Two clusters cannot share one",
                config.cluster_id
            ),
        )),
        None => Err(refused(
            Refusal::EmptyStore,
            format!(
                "the metadata store at {server} is empty, though cluster {} has been there before; Kafka would take \
                 the messages on its disks for strays and remove them, so nothing was started. Give the store its \
                 data back",
                config.cluster_id
            ),
        )),
    }
}

/// What a server tells; the id is written first where it is absent and we may.
async fn ask(
    environment: &Environment,
    config: &RunnerConfig,
    server: &str,
    may_begin: bool,
) -> Result<Found, AskError> {
    let mut session = Session::open(environment, server).await?;
    session.sync(NODE).await?;
    let mut found = cluster_id(&mut session).await?;
    if found.is_none() && may_begin {
        let text = serde_json::json!({ "version": "1", "id": config.cluster_id }).to_string();
        session.create(PARENT, None).await?;
        session.create(NODE, Some(text.into_bytes().into())).await?;
        // Somebody else may have been faster, with the same id or another one.
        session.sync(NODE).await?;
        found = cluster_id(&mut session).await?;
    }
    let registration = old_session::registration(config.node_id.0);
    let is_registered = session.owner(&registration).await?.is_some();
    session.close().await;
    Ok(Found {
        cluster_id: found,
        is_registered,
    })
}

/// The content of [`NODE`], as far as it is the id; `None` where there is no such node.
async fn cluster_id(session: &mut Session) -> Result<Option<String>, AskError> {
    let Some(data) = session.read(NODE).await? else {
        return Ok(None);
    };
    let id = serde_json::from_slice::<serde_json::Value>(&data)
        .ok()
        .and_then(|json| Some(json.get("id")?.as_str()?.to_owned()));
    id.map(Some)
        .ok_or_else(|| AskError::Malformed(format!("{NODE} holds no cluster id")))
}
