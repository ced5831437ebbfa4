//! Watches: what changed, as a reason to look.
//!
//! What it does: turns events of the Kubernetes API into [`News`]. What it reads: metadata only, so that no value of a
//! Secret and no specification is held here. Invariant: an event never says what to do, only where to look; a lost,
//! doubled or late one costs time, because every cluster is looked at periodically as well.
//!
//! Not here: reading the objects (`cluster::observe`).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, DynamicObject, PartialObjectMeta};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Chain;
use crate::kinds::{self, Kind};
use crate::metrics::ClusterName;
use crate::settings::Settings;

/// The label by which everything of a cluster is found.
pub(crate) const CLUSTER_LABEL: &str = "strimzi.io/cluster";
/// The label that tells what of Strimzi's kinds an object was made for.
const KIND_LABEL: &str = "strimzi.io/kind";

/// How many news may wait for the controller.
const MAX_WAITING_NEWS: usize = 1024;

/// Metadata of an object of any kind.
type Metadata = PartialObjectMeta<DynamicObject>;

/// A reason to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The Kafka is there, with this uid.
    Present(ClusterName, String),
    /// The Kafka is gone.
    Absent(ClusterName),
    /// Something of the cluster changed.
    Changed(ClusterName),
    /// Everything there is was listed: Kafkas of this scope that are not among these are gone.
    Listed {
        /// Namespace of the list, or all.
        namespace: Option<String>,
        /// Kafka → uid.
        present: BTreeMap<ClusterName, String>,
    },
}

/// Objects of a cluster whose change is a reason to look. Others are only looked at periodically.
const RELATED: &[Kind] = &[
    kinds::KAFKA_NODE_POOL,
    kinds::KAFKA_PLAN,
    kinds::POD,
    kinds::PERSISTENT_VOLUME_CLAIM,
    kinds::SECRET,
    kinds::CONFIG_MAP,
    kinds::SERVICE,
];

/// The watches of a scope; they end when this is dropped.
pub(crate) struct Watching {
    news: mpsc::Receiver<News>,
    _tasks: JoinSet<()>,
}

impl Watching {
    /// The next reason to look.
    pub(crate) async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

/// Starts all watches of the scope.
pub(crate) fn start(client: &kube::Client, settings: &Settings) -> Watching {
    let (sender, news) = mpsc::channel(MAX_WAITING_NEWS);
    let mut tasks = JoinSet::new();
    let scopes: Vec<Option<String>> = if settings.namespaces.is_empty() {
        vec![None]
    } else {
        settings.namespaces.iter().cloned().map(Some).collect()
    };
    for scope in scopes {
        let api = |kind: Kind| match &scope {
            Some(namespace) => kind.metadata_within(client, namespace),
            None => kind.metadata_everywhere(client),
        };
        let mut config = Config::default();
        if let Some(selector) = &settings.selector {
            config = config.labels(selector);
        }
        tasks.spawn(watch_kafkas(
            api(kinds::KAFKA),
            scope.clone(),
            config,
            sender.clone(),
        ));
        for kind in RELATED {
            let selector = match *kind {
                kinds::KAFKA_NODE_POOL => CLUSTER_LABEL.to_owned(),
                // A plan is named after its cluster.
                kinds::KAFKA_PLAN => String::new(),
                // Connect workers, users and topics carry the cluster's label too.
                _ => format!("{CLUSTER_LABEL},{KIND_LABEL}=Kafka"),
            };
            let config = Config::default().labels(&selector);
            tasks.spawn(watch_related(api(*kind), *kind, config, sender.clone()));
        }
    }
    Watching {
        news,
        _tasks: tasks,
    }
}

/// What a watch hears, tried again ever more rarely while it hears nothing but errors.
pub(crate) fn events<K>(
    api: Api<K>,
    config: Config,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    // `Init` only says that a list is about to be asked for: as an answer it would set the pace back to the first one
    // each time, and a kind that is not installed would be asked for many times a second.
    watcher(api, config)
        .filter(move |event| std::future::ready(!matches!(event, Ok(Event::Init))))
        .backoff(Pace::default())
}

/// Watches one object by name until dropped, for what a resource refers to.
pub(crate) async fn watch_reference(api: Api<Metadata>, name: String, changed: impl Fn()) {
    let config = Config::default().fields(&format!("metadata.name={name}"));
    let mut events = Box::pin(events(api, config));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(_) | Event::Delete(_) | Event::InitDone) => changed(),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Err(error) => {
                tracing::debug!(name, error = %Chain(&error), "watching a referenced object");
            }
        }
    }
}

async fn watch_kafkas(
    api: Api<Metadata>,
    namespace: Option<String>,
    config: Config,
    news: mpsc::Sender<News>,
) {
    let mut events = Box::pin(events(api, config));
    let mut listing = BTreeMap::new();
    while let Some(event) = events.next().await {
        let item = match event {
            Ok(Event::Init) => continue,
            Ok(Event::InitApply(kafka)) => {
                listing.insert(name_of(&kafka), kafka.uid().unwrap_or_default());
                continue;
            }
            Ok(Event::InitDone) => News::Listed {
                namespace: namespace.clone(),
                present: std::mem::take(&mut listing),
            },
            Ok(Event::Apply(kafka)) => {
                News::Present(name_of(&kafka), kafka.uid().unwrap_or_default())
            }
            Ok(Event::Delete(kafka)) => News::Absent(name_of(&kafka)),
            Err(error) => {
                tracing::warn!(kind = "Kafka", error = %Chain(&error), "watching");
                // A list that broke off begins anew.
                listing = BTreeMap::new();
                continue;
            }
        };
        if news.send(item).await.is_err() {
            return;
        }
    }
}

async fn watch_related(api: Api<Metadata>, kind: Kind, config: Config, news: mpsc::Sender<News>) {
    let mut events = Box::pin(events(api, config));
    while let Some(event) = events.next().await {
        let object = match event {
            // What was there before the watch began is seen by the first look at its cluster; what went or came
            // while a watch was broken, by the periodic one at the latest.
            Ok(Event::Apply(object) | Event::Delete(object) | Event::InitApply(object)) => object,
            Ok(Event::Init | Event::InitDone) => continue,
            Err(error) => {
                tracing::debug!(kind = kind.kind, error = %Chain(&error), "watching");
                continue;
            }
        };
        let cluster = if kind == kinds::KAFKA_PLAN {
            Some(object.name_any())
        } else {
            object.labels().get(CLUSTER_LABEL).cloned()
        };
        if let Some(cluster) = cluster {
            let cluster = (object.namespace().unwrap_or_default(), cluster);
            if news.send(News::Changed(cluster)).await.is_err() {
                return;
            }
        }
    }
}

fn name_of(object: &Metadata) -> ClusterName {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Waits between tries of a watch: 0.1 s doubling to 10 s, from the start again once something was heard.
#[derive(Debug, Clone)]
struct Pace {
    next: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Default for Pace {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Iterator for Pace {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Backoff for Pace {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
