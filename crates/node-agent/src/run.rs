//! The agent from start to end.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt as _};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::address::PodAddresses;
use crate::cgroup::Hierarchy;
use crate::cluster::Cluster;
use crate::container_exec::Mounts;
use crate::context::Context;
use crate::events::Events;
use crate::home::{Home, HomeError, Layout, default_registry};
use crate::hosts::Hosts;
use crate::node::{self, Heartbeat};
use crate::pod::sandbox::PodDir;
use crate::server::{self, ServeError};
use crate::settings::{OnStop, Settings};
use crate::sources::Sources;
use crate::{client, files, pods, schedule, services, storage, volumes};

/// Why the agent did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The home's Pods belong to another cluster.
    #[error(
        "the Pods in {home} belong to another cluster (its kube-system namespace was {before}, here it is {now}); \
         use another home, or remove {home}/node-agent/cluster if this is meant to be the same cluster"
    )]
    OtherCluster {
        /// The home.
        home: String,
        /// The uid remembered.
        before: String,
        /// The uid found.
        now: String,
    },
    /// The kubelet endpoint cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A file of the home cannot be written.
    #[error("write {path}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

/// How long an API server may take to answer when nothing depends on it any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs the agent until `stop`. When it returns, Pods have been stopped or left running, as `settings.on_stop` says.
///
/// The API server must answer for a little longer than the Pods need to stop: their status is still written.
pub async fn run(client: Client, settings: Settings, stop: CancellationToken) -> Result<(), Error> {
    let held = match &settings.held {
        Some(held) => Arc::clone(held),
        None => Arc::new(Home::hold(&settings.home, &default_registry())?),
    };
    let client = client::bounded(client);
    let settings = Arc::new(settings);
    let layout = held.layout.clone();
    let range = held.range();
    if !know_cluster(&client, &layout, &settings, &stop).await? {
        return Ok(());
    }
    if !until_done(&stop, || node::register(&client, &settings)).await {
        return Ok(());
    }
    let mut tasks = JoinSet::new();
    // What the Pods need to the end is stopped after them.
    let after = CancellationToken::new();
    let listed = tokio::select! {
        cluster = Cluster::watch(&client, &after, &mut tasks) => cluster,
        () = stop.cancelled() => None,
    };
    let Some(cluster) = listed else { return Ok(()) };
    let (events, writing) = Events::start(client.clone(), settings.node_name.clone());
    let writing = tokio::spawn(writing);
    volumes::sweep_memory();
    let capacity = node::capacity(layout.home());
    let mounts = if settings.mount_namespaces {
        try_mounts(&settings, &layout).await
    } else {
        None
    };
    let context = Arc::new(Context {
        client: client.clone(),
        settings: Arc::clone(&settings),
        layout: layout.clone(),
        range,
        sources: Sources::new(client.clone()),
        events,
        addresses: Mutex::new(PodAddresses::open(layout.addresses(), range)),
        hosts: Hosts::new(layout.hosts(), mounts),
        hierarchy: Hierarchy::find(),
        allocatable: capacity.clone(),
        cluster,
    });
    if mounts.is_none() {
        let message = "Containers share the machine's /etc/hosts: programs that do not read KLAMM_HOSTS_FILE \
                       (all but the JVMs started by klamm) cannot resolve the names of Services and Pods";
        context
            .events
            .warn(&context.node_reference(), "NamesNotMounted", message);
    }
    let listener = server::bind(range.node(), settings.kubelet_port).await?;
    let kubelet_port = listener.port();
    tasks.spawn(listener.serve(Arc::clone(&context), after.clone())?);
    let heartbeat = Arc::new(Heartbeat {
        client,
        settings: Arc::clone(&settings),
        range,
        capacity,
        kubelet_port,
    });
    {
        let (heartbeat, after) = (Arc::clone(&heartbeat), after.clone());
        tasks.spawn(async move { heartbeat.beat(after).await });
    }
    tasks.spawn(services::serve(Arc::clone(&context)));
    if settings.schedule {
        // These must not bring new Pods once the agent is stopping.
        for work in [
            tokio::spawn(schedule::serve(Arc::clone(&context))),
            tokio::spawn(storage::serve(Arc::clone(&context))),
        ] {
            let (abort, stop) = (work.abort_handle(), stop.clone());
            tasks.spawn(async move {
                stop.cancelled().await;
                abort.abort();
            });
        }
    }
    tracing::info!(
        node = settings.node_name,
        addresses = range.cidr(),
        "node agent runs"
    );
    pods::serve(Arc::clone(&context), stop).await;
    if settings.on_stop == OnStop::StopPods {
        let _ = tokio::time::timeout(FAREWELL, heartbeat.write_status(false)).await;
    }
    after.cancel();
    tasks.shutdown().await;
    drop(context);
    // Events of the end are written if the API server still answers; workers that hold a sender have ended.
    let _ = tokio::time::timeout(FAREWELL, writing).await;
    drop(held);
    Ok(())
}

/// Repeats until it succeeds; `false` if the agent is stopped before.
async fn until_done<F, T>(stop: &CancellationToken, attempt: F) -> bool
where
    F: Fn() -> T,
    T: Future<Output = Result<(), kube::Error>>,
{
    loop {
        let answer = tokio::select! {
            answer = attempt() => answer,
            () = stop.cancelled() => return false,
        };
        match answer {
            Ok(()) => return true,
            Err(error) => tracing::debug!(%error, "the API server does not answer yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = stop.cancelled() => return false,
        }
    }
}

/// Remembers which cluster the home belongs to: Pods of another one would all look deleted.
async fn know_cluster(
    client: &Client,
    layout: &Layout,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<bool, Error> {
    let found = Mutex::new(None);
    let api: Api<Namespace> = Api::all(client.clone());
    let answered = until_done(stop, || async {
        let namespace = api.get_opt("kube-system").await?;
        *found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) =
            namespace.and_then(|namespace| namespace.uid());
        Ok(())
    })
    .await;
    let Some(now) = found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    else {
        return Ok(answered);
    };
    let path = layout.cluster();
    match fs::read_to_string(&path) {
        Ok(before) if before.trim() == now => {}
        Ok(before) if !PodDir::all(&layout.pods()).is_empty() => {
            return Err(Error::OtherCluster {
                home: settings.home.display().to_string(),
                before: before.trim().to_owned(),
                now,
            });
        }
        _ => files::replace(&path, now.as_bytes(), 0o600).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })?,
    }
    Ok(answered)
}

/// Whether containers may have mounts of their own: as root, else with a user namespace, else not.
async fn try_mounts(settings: &Settings, layout: &Layout) -> Option<bool> {
    files::private_dir(&layout.hosts()).ok()?;
    let probe = layout.hosts().join(".probe");
    files::replace(&probe, b"127.0.0.1 localhost klamm-probe\n", 0o644).ok()?;
    for user_namespace in [false, true] {
        let spec = serde_json::to_string(&Mounts {
            hosts: probe.clone(),
            user_namespace,
        })
        .ok()?;
        let tried = Command::new(&settings.executable)
            .args(&settings.container_exec)
            .args(["try-mounts", &spec])
            .env_clear()
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .await;
        if tried.is_ok_and(|status| status.success()) {
            return Some(user_namespace);
        }
    }
    None
}
