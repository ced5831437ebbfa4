//! What the API server holds, as far as a node looks at all of it: Pods, Services, claims and volumes.
//!
//! Each kind is watched once and kept here; whoever depends on it is woken after every change. Secrets and
//! ConfigMaps are not here: they are watched one by one, by name (`sources`).

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Service};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The objects of one kind, and the news that they changed.
#[derive(Clone)]
pub(crate) struct Objects<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    store: Store<K>,
    changes: watch::Receiver<u64>,
}

impl<K> Objects<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    ObjectRef<K>: Hash + Eq,
{
    fn watch(api: Api<K>, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        let (store, writer) = reflector::store::<K>();
        let (changed, changes) = watch::channel(0);
        let stream = watcher(api, watcher::Config::default())
            .modify(|object| {
                object.meta_mut().managed_fields = None;
            })
            .default_backoff()
            .reflect(writer);
        let work = async move {
            let mut stream = std::pin::pin!(stream.take_until(stop.cancelled_owned()));
            while let Some(event) = stream.next().await {
                match event {
                    // A list that is not complete yet is not in the store yet.
                    Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => {}
                    Ok(_) => changed.send_modify(|count| *count += 1),
                    Err(error) => {
                        tracing::debug!(kind = %K::kind(&()), %error, "watch interrupted");
                    }
                }
            }
        };
        (Self { store, changes }, work)
    }

    /// Every object there is now.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.store.state()
    }

    /// One object.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// One object of a kind without namespaces.
    pub(crate) fn get_cluster_wide(&self, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name))
    }

    /// Tells of each change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}

/// All that is watched as a whole.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub pods: Objects<Pod>,
    pub services: Objects<Service>,
    pub claims: Objects<PersistentVolumeClaim>,
    pub volumes: Objects<PersistentVolume>,
}

impl Cluster {
    /// Starts watching; returns when everything has been listed once.
    pub(crate) async fn watch(
        client: &Client,
        stop: &CancellationToken,
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Option<Self> {
        let (pods, work) = Objects::watch(Api::all(client.clone()), stop.clone());
        tasks.spawn(work);
        let (services, work) = Objects::watch(Api::all(client.clone()), stop.clone());
        tasks.spawn(work);
        let (claims, work) = Objects::watch(Api::all(client.clone()), stop.clone());
        tasks.spawn(work);
        let (volumes, work) = Objects::watch(Api::all(client.clone()), stop.clone());
        tasks.spawn(work);
        let cluster = Self {
            pods,
            services,
            claims,
            volumes,
        };
        let listed = async {
            cluster.pods.store.wait_until_ready().await.is_ok()
                && cluster.services.store.wait_until_ready().await.is_ok()
                && cluster.claims.store.wait_until_ready().await.is_ok()
                && cluster.volumes.store.wait_until_ready().await.is_ok()
        };
        tokio::select! {
            listed = listed => listed.then_some(cluster),
            () = stop.cancelled() => None,
        }
    }
}
