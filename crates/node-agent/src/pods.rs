//! All Pods of this node: a worker for each, and what earlier agents left of Pods that are no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, pod_key};
use crate::leftovers::stop_orphan;
use crate::pod::sandbox::PodDir;
use crate::pod::worker::{self, News};
use crate::settings::OnStop;

/// Annotation of a Pod that others need in order to stop well: where they are stopped as well, it is stopped after them.
pub(crate) const STOP_LAST: &str = "klamm.dev/stop-last";
/// Label of the Pods among which that holds.
const CLUSTER: &str = "strimzi.io/cluster";
/// How long after the deletion of such a Pod those of the others may follow.
const FOLLOW: SignedDuration = SignedDuration::from_secs(1);
/// How soon to look again without news, where something is not decided.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A Pod that has a worker.
struct Tended {
    key: (String, String),
    version: Option<String>,
    post: mpsc::UnboundedSender<News>,
    task: JoinHandle<()>,
    told_gone: bool,
    /// Others need it to stop well: it goes after them.
    stops_last: bool,
}

impl Tended {
    /// Starts a worker for a Pod.
    fn start(context: &Arc<Context>, key: (String, String), object: Arc<Pod>) -> Self {
        let (post, news) = mpsc::unbounded_channel();
        Self {
            key,
            version: object.resource_version(),
            stops_last: stops_last(&object),
            told_gone: false,
            task: tokio::spawn(worker::run(Arc::clone(context), object, post.clone(), news)),
            post,
        }
    }
}

impl Drop for Tended {
    /// A worker does not outlive the agent; its containers do.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs the Pods of this node until `stop`; then stops them or leaves them, as the settings say.
pub(crate) async fn serve(context: Arc<Context>, stop: CancellationToken) {
    let mut changes = context.cluster.pods.changes();
    let mut tended: BTreeMap<String, Tended> = BTreeMap::new();
    // Pods whose end is done; their objects may stay for a moment, or for a finalizer.
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut orphans = JoinSet::new();
    tokio::select! {
        () = stop_orphans(&context, &mut orphans) => {}
        () = stop.cancelled() => {}
    }
    'life: loop {
        changes.mark_unchanged();
        let pods: BTreeMap<String, Arc<Pod>> = context
            .cluster
            .pods
            .all()
            .into_iter()
            .filter(|pod| context.is_ours(pod))
            .filter_map(|pod| Some((pod.uid()?, pod)))
            .collect();
        tended.retain(|uid, pod| {
            let ended = pod.task.is_finished();
            if ended && pods.contains_key(uid) {
                done.insert(uid.clone());
            }
            !ended
        });
        done.retain(|uid| pods.contains_key(uid));
        let others = Others::among(pods.iter().filter(|(uid, _)| !done.contains(*uid)));
        let mut look_again = false;
        for (uid, pod) in &mut tended {
            match pods.get(uid) {
                Some(object) if pod.version == object.resource_version() => {}
                Some(object) if pod.stops_last && others.hold_back(object) => look_again = true,
                Some(object) => {
                    pod.version = object.resource_version();
                    let _ = pod.post.send(News::Pod(Arc::clone(object)));
                }
                None if !pod.told_gone => {
                    let gone = tokio::select! {
                        gone = is_gone(&context, &pod.key, uid) => gone,
                        () = stop.cancelled() => break 'life,
                    };
                    match gone {
                        Some(true) => {
                            pod.told_gone = true;
                            let _ = pod.post.send(News::Gone);
                        }
                        Some(false) => {}
                        None => look_again = true,
                    }
                }
                None => {}
            }
        }
        for (uid, object) in &pods {
            let key = pod_key(object);
            // A Pod of the same name has the same address and perhaps the same disk: one after the other.
            let free = !tended.values().any(|pod| pod.key == key);
            if !free || done.contains(uid) {
                continue;
            }
            if stops_last(object) && others.hold_back(object) {
                // An earlier agent has left it running, or it never will.
                look_again = true;
            } else {
                let tend = Tended::start(&context, key, Arc::clone(object));
                tended.insert(uid.clone(), tend);
            }
        }
        let some_ended = futures::future::select_all(
            tended
                .values_mut()
                .map(|pod| &mut pod.task)
                .map(futures::FutureExt::boxed)
                .chain([futures::FutureExt::boxed(never())]),
        );
        tokio::select! {
            _ = some_ended => {}
            changed = changes.changed() => if changed.is_err() { break 'life },
            () = tokio::time::sleep(LOOK_AGAIN), if look_again => {}
            () = stop.cancelled() => break 'life,
        }
    }
    end_all(&context, tended).await;
    if context.settings.on_stop == OnStop::StopPods {
        while orphans.join_next().await.is_some() {}
    }
}

fn stops_last(pod: &Pod) -> bool {
    pod.annotations().contains_key(STOP_LAST)
}

/// Namespace and name of a cluster.
type Cluster<'a> = (Option<String>, &'a str);

fn cluster(pod: &Pod) -> Option<Cluster<'_>> {
    let name = pod.labels().get(CLUSTER)?;
    Some((pod.namespace(), name))
}

/// The Pods that need others in order to stop well, by cluster; `true` where some of them are being deleted.
struct Others<'a>(BTreeMap<Cluster<'a>, bool>);

impl<'a> Others<'a> {
    fn among(pods: impl Iterator<Item = (&'a String, &'a Arc<Pod>)>) -> Self {
        let mut found = BTreeMap::new();
        for (_, pod) in pods.filter(|(_, pod)| !stops_last(pod)) {
            if let Some(cluster) = cluster(pod) {
                *found.entry(cluster).or_default() |= pod.metadata.deletion_timestamp.is_some();
            }
        }
        Self(found)
    }

    /// Whether a Pod that is being deleted goes on for the sake of others that are: until they are gone, or its own time
    /// is up. Deletions of many come one after the other, so for a moment it is assumed that theirs follow. Once it is told
    /// to stop it has its whole time for that.
    fn hold_back(&self, pod: &Pod) -> bool {
        let Some(deadline) = pod.metadata.deletion_timestamp.as_ref() else {
            return false;
        };
        let now = Timestamp::now();
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let asked = deadline.0 - SignedDuration::from_secs(grace);
        match cluster(pod).and_then(|cluster| self.0.get(&cluster)) {
            Some(true) => now < deadline.0,
            Some(false) => now < deadline.0 && now.duration_since(asked) < FOLLOW,
            None => false,
        }
    }
}

/// Stops or leaves the Pods, as the settings say; those that others need, last.
async fn end_all(context: &Context, mut tended: BTreeMap<String, Tended>) {
    let news = || match context.settings.on_stop {
        OnStop::StopPods => News::Stop,
        OnStop::LeaveRunning => News::Leave,
    };
    for last in [false, true] {
        let turn = |pod: &&mut Tended| pod.stops_last == last;
        for pod in tended.values_mut().filter(turn) {
            let _ = pod.post.send(news());
        }
        for pod in tended.values_mut().filter(turn) {
            let _ = (&mut pod.task).await;
        }
    }
}

async fn never() -> Result<(), tokio::task::JoinError> {
    std::future::pending().await
}

/// Asks afresh whether a Pod is no more; `None` if that cannot be known now.
async fn is_gone(
    context: &Context,
    (namespace, name): &(String, String),
    uid: &str,
) -> Option<bool> {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let found = api.get_opt(name).await.ok()?;
    Some(found.is_none_or(|found| found.uid().as_deref() != Some(uid) || !context.is_ours(&found)))
}

/// Asks afresh whether no Pod has this uid, for one whose name is not known; `None` if that cannot be known now.
async fn is_nowhere(context: &Context, uid: &str) -> Option<bool> {
    let api: Api<Pod> = Api::all(context.client.clone());
    let found = api.list(&ListParams::default()).await.ok()?;
    Some(found.iter().all(|pod| pod.uid().as_deref() != Some(uid)))
}

/// Stops what runs of Pods that were deleted while no agent was there.
async fn stop_orphans(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let known: BTreeSet<String> = context
        .cluster
        .pods
        .all()
        .iter()
        .filter(|pod| context.is_ours(pod))
        .filter_map(|pod| pod.uid())
        .collect();
    for dir in PodDir::all(&context.layout.pods()) {
        let owner = dir.owner();
        if known.contains(&owner.uid) {
            continue;
        }
        let gone = if owner.name.is_empty() {
            is_nowhere(context, &owner.uid).await
        } else {
            let key = (owner.namespace.clone(), owner.name.clone());
            is_gone(context, &key, &owner.uid).await
        };
        if gone == Some(true) {
            tracing::info!(
                pod = owner.name,
                uid = owner.uid,
                "was deleted while no agent ran: stopping what is left of it"
            );
            let home = context.layout.home().to_owned();
            tasks.spawn(async move { stop_orphan(&home, dir, owner).await });
        }
    }
}
