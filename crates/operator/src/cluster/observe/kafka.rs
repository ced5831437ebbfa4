//! Kafka's own view: brokers, quorum, features, partitions.
//!
//! Asked over mTLS as `CN=cluster-operator`; the address is the Pod's, the name verified is its DNS name. Not asked where
//! nothing runs, or everything still boots.

mod connections;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use kafka_client::To;
use kafka_client::cluster::{ConfigEntry, ConfigResource, ConfigSource};
use kafka_client::id::kafka_id;
use manifests::revision;
use model::desired::Cluster as Desired;
use model::desired::Listener;
use model::observed::kafka::{Broker, Brokers, Features, Partitions, Quorum, QuorumNode, Setting};
use model::observed::secret::Secret;
use model::observed::{Known, Why, seen};

use super::pods::RunningNode;
use crate::hands::Hands;
use connections::connect;

pub(crate) use connections::Connections;

/// How many brokers are asked for their configuration at once.
const BROKERS_AT_ONCE: usize = 16;
/// How long one question may take, however many pages its answer has.
const QUESTION_BOUND: Duration = Duration::from_secs(20);

/// What Kafka says.
pub(super) struct View {
    pub(super) brokers: Known<Brokers>,
    pub(super) quorum: Known<Quorum>,
    pub(super) features: Known<Features>,
    pub(super) partitions: Known<Partitions>,
    pub(super) settings: BTreeMap<i32, Known<BTreeMap<String, Setting>>>,
}

/// Asks Kafka everything.
pub(super) async fn ask(
    hands: &Hands,
    connections: &mut Connections,
    namespace: &str,
    desired: &Desired,
    nodes: &[RunningNode],
    secrets: &Known<BTreeMap<String, Secret>>,
) -> View {
    let elected = desired.metadata_store.speaks_zookeeper();
    if nodes.is_empty() {
        *connections = Connections::default();
        return View::unknown(&Why::NotAsked);
    }
    if let Err(why) = connect(hands, connections, namespace, desired, nodes, secrets).await {
        return View::unknown(&why);
    }
    let connections = &*connections;
    let (brokers, quorum, features, partitions) = futures::join!(
        within("brokers", ask_brokers(hands, connections)),
        within("the quorum", ask_quorum(hands, connections, elected)),
        within("features", ask_features(hands, connections)),
        within("partitions", ask_partitions(hands, connections)),
    );
    View {
        settings: ask_settings(hands, connections, desired, &brokers).await,
        brokers,
        quorum,
        features,
        partitions,
    }
}

/// An answer, or that there was none in time: one slow question must not make the others unknown.
async fn within<T>(what: &str, question: impl Future<Output = Known<T>>) -> Known<T> {
    match tokio::time::timeout(QUESTION_BOUND, question).await {
        Ok(answer) => answer,
        Err(_) => Known::Unknown(Why::Unreachable {
            text: format!(
                "asking Kafka for {what}: no answer within {} s",
                QUESTION_BOUND.as_secs()
            ),
        }),
    }
}

/// What each broker that serves says of the properties that may change while it runs.
async fn ask_settings(
    hands: &Hands,
    connections: &Connections,
    desired: &Desired,
    brokers: &Known<Brokers>,
) -> BTreeMap<i32, Known<BTreeMap<String, Setting>>> {
    let (Some(kafka), Some(brokers)) = (&connections.brokers, brokers.value()) else {
        return BTreeMap::new();
    };
    let listeners: Vec<String> = desired.listeners.iter().map(Listener::kafka_name).collect();
    let keys = revision::dynamic_properties(listeners.iter().map(String::as_str));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let serving = brokers.brokers.iter().filter(|(_, broker)| !broker.fenced);
    let asks: Vec<_> = serving
        .map(|(id, _)| {
            let keys = keys.as_slice();
            async move {
                let resource = ConfigResource::Broker(*id);
                let answer = within("properties", async {
                    match kafka.describe_configs(&resource, Some(keys)).await {
                        Ok(entries) => seen(hands.clock.now(), settings_of(entries)),
                        Err(error) => Known::Unknown(why_of(&error)),
                    }
                });
                let answer = answer.await;
                (*id, answer)
            }
        })
        .collect();
    futures::stream::iter(asks)
        .buffer_unordered(BROKERS_AT_ONCE)
        .collect()
        .await
}

fn settings_of(entries: BTreeMap<String, ConfigEntry>) -> BTreeMap<String, Setting> {
    let settings = entries.into_iter().map(|(key, entry)| {
        let ConfigEntry {
            value,
            source: _,
            layers,
            is_sensitive: _,
            is_read_only: _,
        } = entry;
        let layer = |source: ConfigSource| layers.get(&source).cloned();
        let setting = Setting {
            value,
            of_broker: layer(ConfigSource::DynamicBroker),
            of_all: layer(ConfigSource::DynamicAllBrokers),
            of_file: layer(ConfigSource::StaticBroker),
            default: layer(ConfigSource::Default),
        };
        (key, setting)
    });
    // What nobody set says nothing, and a look is kept for a while.
    let is_set = |setting: &Setting| {
        setting.of_broker.is_some() || setting.of_all.is_some() || setting.of_file.is_some()
    };
    settings.filter(|(_, setting)| is_set(setting)).collect()
}

impl View {
    /// Of nodes of which none can answer yet.
    pub(super) fn of_booting_nodes() -> Self {
        Self::unknown(&Why::Unreachable {
            text: "asking Kafka: all nodes are still booting".to_owned(),
        })
    }

    fn unknown(why: &Why) -> Self {
        Self {
            brokers: Known::Unknown(why.clone()),
            quorum: Known::Unknown(why.clone()),
            features: Known::Unknown(why.clone()),
            partitions: Known::Unknown(why.clone()),
            settings: BTreeMap::new(),
        }
    }
}

async fn ask_brokers(hands: &Hands, connections: &Connections) -> Known<Brokers> {
    let Some(brokers) = &connections.brokers else {
        return Known::Unknown(Why::NotAsked);
    };
    let view = match brokers.describe_cluster().await {
        Ok(view) => view,
        Err(error) => return Known::Unknown(why_of(&error)),
    };
    let described = view.nodes.into_iter().map(|node| {
        (
            node.id,
            Broker {
                fenced: node.is_fenced.unwrap_or(false),
                rack: node.rack,
            },
        )
    });
    seen(
        hands.clock.now(),
        Brokers {
            cluster_id: view.cluster_id,
            brokers: described.collect(),
        },
    )
}

async fn ask_quorum(hands: &Hands, connections: &Connections, elected: bool) -> Known<Quorum> {
    if elected {
        return ask_elected(hands, connections).await;
    }
    // Controllers know best; brokers can be asked where no controller answers.
    let described = match (&connections.controllers, &connections.brokers) {
        (Some(controllers), _) => match controllers.describe_cluster().await {
            Ok(view) if view.controller_id.is_none() => {
                return seen(hands.clock.now(), Quorum::default());
            }
            Ok(_) => controllers.describe_quorum().await,
            Err(error) => Err(error),
        },
        (None, Some(brokers)) => brokers.describe_quorum().await,
        (None, None) => return Known::Unknown(Why::NotAsked),
    };
    match described {
        Ok(quorum) => seen(hands.clock.now(), quorum_of(&quorum)),
        Err(error) => Known::Unknown(why_of(&error)),
    }
}

/// Where the metadata are behind ZooKeeper's protocol there is no quorum, but one of the brokers is elected to lead.
async fn ask_elected(hands: &Hands, connections: &Connections) -> Known<Quorum> {
    let Some(brokers) = &connections.brokers else {
        return Known::Unknown(Why::NotAsked);
    };
    match brokers.describe_cluster().await {
        Ok(view) => seen(
            hands.clock.now(),
            Quorum {
                leader: view.controller_id,
                ..Quorum::default()
            },
        ),
        Err(error) => Known::Unknown(why_of(&error)),
    }
}

/// Our words for Kafka's answer.
pub(crate) fn quorum_of(quorum: &kafka_client::cluster::Quorum) -> Quorum {
    // Times are the leader's clock; its own entry says what time it is there.
    let leader = quorum.leader_id.and_then(|id| quorum.voter(id));
    let leader_now = leader.and_then(|leader| leader.last_caught_up_ms.or(leader.last_fetch_ms));
    let since = |then: Option<i64>| Some(leader_now?.saturating_sub(then?).max(0));
    let nodes = |replicas: &[kafka_client::cluster::QuorumReplica]| -> Vec<QuorumNode> {
        let mut nodes: Vec<QuorumNode> = replicas
            .iter()
            .map(|replica| QuorumNode {
                id: replica.id,
                directory: replica.directory_id.map(kafka_id),
                lag: quorum.lag(replica),
                last_fetch_ms: since(replica.last_fetch_ms),
                last_caught_up_ms: since(replica.last_caught_up_ms),
            })
            .collect();
        nodes.sort();
        nodes
    };
    Quorum {
        leader: quorum.leader_id,
        epoch: quorum.leader_epoch,
        voters: nodes(&quorum.voters),
        observers: nodes(&quorum.observers),
    }
}

async fn ask_features(hands: &Hands, connections: &Connections) -> Known<Features> {
    let Some(asked) = connections
        .brokers
        .as_ref()
        .or(connections.controllers.as_ref())
    else {
        return Known::Unknown(Why::NotAsked);
    };
    match asked.describe_features(To::Any).await {
        Ok(features) if features.epoch.is_some() => {
            let level = |name: &str| features.finalized.get(name).copied();
            let features = Features {
                metadata_version: level("metadata.version"),
                kraft_version: level("kraft.version"),
            };
            seen(hands.clock.now(), features)
        }
        Ok(_) => Known::Unknown(Why::Unreachable {
            text: "the node does not know the features of the cluster yet".to_owned(),
        }),
        Err(error) => Known::Unknown(why_of(&error)),
    }
}

/// Sums up all partitions, a page at a time: the topics of a large cluster are never held at once.
async fn ask_partitions(hands: &Hands, connections: &Connections) -> Known<Partitions> {
    let Some(brokers) = &connections.brokers else {
        return Known::Unknown(Why::NotAsked);
    };
    let mut summed = Partitions::default();
    let mut from = None;
    loop {
        let page = match brokers.topics_page(from.as_ref(), &[]).await {
            Ok(page) => page,
            Err(error) => return Known::Unknown(why_of(&error)),
        };
        for topic in &page.topics {
            for partition in &topic.partitions {
                add_partition(&mut summed, &topic.name, partition);
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return seen(hands.clock.now(), summed),
        }
    }
}

fn add_partition(
    summed: &mut Partitions,
    topic: &str,
    partition: &kafka_client::cluster::Partition,
) {
    /// How many names are kept of each node's partitions without another copy.
    const NAMES: usize = 10;
    summed.total += 1;
    summed.under_replicated += u64::from(partition.isr.len() < partition.replicas.len());
    summed.leaderless += u64::from(partition.leader.is_none());
    let holders: &[i32] = match (partition.leader, partition.isr.as_slice()) {
        (Some(_), [only]) => std::slice::from_ref(only),
        // Who has the last copy cannot be told: everybody who has one.
        (None, _) => &partition.replicas,
        (Some(_), _) => &[],
    };
    for holder in holders {
        let names = summed.only_copy.entry(*holder).or_default();
        names.push(format!("{topic}-{}", partition.index));
        names.sort();
        names.truncate(NAMES);
    }
}

fn why_of(error: &kafka_client::Error) -> Why {
    let text = error.report();
    match error.retry() {
        kafka_client::Retry::Soon | kafka_client::Retry::Later => Why::Unreachable { text },
        kafka_client::Retry::OnChange => Why::Refused { text },
    }
}
