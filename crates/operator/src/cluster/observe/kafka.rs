//! Kafka's own view: brokers, quorum, features, partitions.
//!
//! Asked over mTLS as `CN=cluster-operator`; the address is the Pod's, the name verified is its DNS name. Connections
//! are kept between looks and made anew when an address or our certificate changes. Not asked where nothing runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use kafka_client::cluster::{ConfigEntry, ConfigResource, ConfigSource};
use kafka_client::id::kafka_id;
use kafka_client::{Cluster, ClusterSettings, Endpoint, FaultPoint, NodeKind, Settings, Tls, To};
use kube::api::Api;
use manifests::names::{CONTROL_PLANE_PORT, REPLICATION_PORT};
use manifests::revision;
use model::desired::Cluster as Desired;
use model::desired::Listener;
use model::observed::kafka::{Broker, Brokers, Features, Partitions, Quorum, QuorumNode, Setting};
use model::observed::secret::Secret;
use model::observed::{Known, Why, seen};
use model::runner::BrokerState;

use super::pods::RunningNode;
use crate::faults::{Fault, Target};
use crate::hands::Hands;

/// How long making a connection may take.
const DIAL_BOUND: Duration = Duration::from_secs(3);
/// How long one answer may take.
const REQUEST_BOUND: Duration = Duration::from_secs(10);
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

/// Connections to one cluster, kept between looks.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    made_for: Option<MadeFor>,
    /// Through the brokers' own listener (9091).
    pub(crate) brokers: Option<Cluster>,
    /// Through the controllers' listener (9090).
    pub(crate) controllers: Option<Cluster>,
    boot: Boot,
}

/// Whether anybody could answer.
#[derive(Debug, Default)]
enum Boot {
    /// At the last look there was somebody, or it was not known.
    #[default]
    Over,
    /// All nodes have said since then that they are booting.
    Since(Timestamp),
}

/// A JVM that boots is not asked: what it would answer says little, and answering takes from the time that it needs. One
/// that boots for longer than this may have a reason that only Kafka can tell.
const BOOT: SignedDuration = SignedDuration::from_secs(10);
/// Kafka's number of a broker that is not registered yet; lower ones are not running.
const STARTING: i32 = 1;

impl Connections {
    /// Whether the nodes seemed to be booting when they were looked at last.
    pub(super) fn may_be_booting(&self) -> bool {
        self.made_for.is_none() || matches!(self.boot, Boot::Since(_))
    }

    /// Notes what the nodes say; whether all of them have begun to boot a moment ago.
    pub(super) fn are_booting(
        &mut self,
        runners: &BTreeMap<i32, Known<BrokerState>>,
        now: Timestamp,
    ) -> bool {
        let boots = |runner: &Known<BrokerState>| {
            let state = runner.value();
            state.is_some_and(|state| state.broker_state <= STARTING)
        };
        if runners.is_empty() || !runners.values().all(boots) {
            self.boot = Boot::Over;
            return false;
        }
        let since = match self.boot {
            Boot::Since(since) => since,
            Boot::Over => now,
        };
        self.boot = Boot::Since(since);
        now.duration_since(since) < BOOT
    }
}

/// What connections depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeFor {
    brokers: Vec<Endpoint>,
    controllers: Vec<Endpoint>,
    /// Hashes of the operator's certificate and of the authority that is trusted.
    credentials: BTreeMap<String, String>,
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

/// Makes connections for these nodes, unless those kept still fit.
async fn connect(
    hands: &Hands,
    connections: &mut Connections,
    namespace: &str,
    desired: &Desired,
    nodes: &[RunningNode],
    secrets: &Known<BTreeMap<String, Secret>>,
) -> Result<(), Why> {
    let cluster = desired.name.as_str();
    let secrets = match secrets {
        Known::At(_, secrets) => secrets,
        Known::Unknown(why) => return Err(why.clone()),
    };
    let operator = format!("{cluster}-cluster-operator-certs");
    let authority = format!("{cluster}-cluster-ca-cert");
    let bundle = manifests::names::trust_bundle_secret(&desired.name);
    let mut credentials = BTreeMap::new();
    for name in [&operator, &authority, &bundle] {
        let Some(secret) = secrets.get(name) else {
            if *name == bundle {
                continue;
            }
            return Err(Why::NotAsked);
        };
        credentials.extend(
            secret
                .keys
                .iter()
                .map(|(key, hash)| (format!("{name}/{key}"), hash.clone())),
        );
    }
    let endpoints = |port: u16, wanted: fn(&RunningNode) -> bool| -> Vec<Endpoint> {
        let wanted = nodes.iter().filter(|node| wanted(node));
        wanted
            .map(|node| {
                let name = format!("{}.{cluster}-kafka-brokers.{namespace}.svc", node.pod);
                Endpoint::new(SocketAddr::new(node.address, port), name)
            })
            .collect()
    };
    let made_for = MadeFor {
        brokers: endpoints(REPLICATION_PORT, |node| node.roles.is_broker()),
        controllers: endpoints(CONTROL_PLANE_PORT, |node| node.roles.is_controller()),
        credentials,
    };
    if connections.made_for.as_ref() == Some(&made_for) {
        return Ok(());
    }
    let tls = read_identity(hands, namespace, [&operator, &authority, &bundle]).await?;
    let make = |bootstrap: &Vec<Endpoint>, kind: NodeKind| {
        let settings = ClusterSettings {
            bootstrap: bootstrap.clone(),
            kind,
            names: bootstrap
                .iter()
                .map(|endpoint| (endpoint.server_name.clone(), endpoint.address.ip()))
                .collect(),
            connection: Settings {
                client_id: "klamm-operator".to_owned(),
                tls: Some(tls.clone()),
                dial_timeout: DIAL_BOUND,
                request_timeout: REQUEST_BOUND,
                max_in_flight: 4,
                faults: faults(hands),
                network: hands.settings.network.clone(),
                ..Settings::default()
            },
        };
        (!bootstrap.is_empty()).then(|| Cluster::new(settings))
    };
    connections.brokers = make(&made_for.brokers, NodeKind::Brokers);
    connections.controllers = make(&made_for.controllers, NodeKind::Controllers);
    connections.made_for = Some(made_for);
    Ok(())
}

/// Our certificate and whom to trust, read afresh: their values are not kept but inside TLS.
async fn read_identity(
    hands: &Hands,
    namespace: &str,
    [operator, authority, bundle]: [&str; 3],
) -> Result<Tls, Why> {
    let api: Api<core::Secret> = Api::namespaced(hands.client.clone(), namespace);
    let read = |name: String| {
        let api = api.clone();
        async move {
            match api.get_opt(&name).await {
                Ok(Some(secret)) => Ok(secret.data.unwrap_or_default()),
                Ok(None) => Err(Why::NotAsked),
                Err(error) => Err(super::why_of(&format!("Secret {name}"), &error)),
            }
        }
    };
    let bundled = async {
        match read(bundle.to_owned()).await {
            Err(Why::NotAsked) => Ok(BTreeMap::new()),
            other => other,
        }
    };
    let (ours, trusted, bundled) = futures::try_join!(
        read(operator.to_owned()),
        read(authority.to_owned()),
        bundled
    )?;
    let entry = |key: &str| {
        ours.get(key)
            .map(|ByteString(value)| value.as_slice())
            .unwrap_or_default()
    };
    // Certificates of a former authority stand beside the present one while it is being replaced; what nodes trust among
    // each other is in the bundle, which an authority that was put in the place of another does not reach at once.
    let mut bundle = Vec::new();
    let present = trusted
        .iter()
        .filter(|(key, _)| key.strip_suffix(".crt").is_some());
    let former = bundled
        .iter()
        .filter(|(key, _)| *key == manifests::secret::TRUST_CLUSTER);
    for (_, ByteString(value)) in present.chain(former) {
        bundle.extend_from_slice(value);
        bundle.push(b'\n');
    }
    let identity = kafka_client::Identity {
        certificate_pem: entry("cluster-operator.crt"),
        key_pem: entry("cluster-operator.key"),
    };
    Tls::new(&bundle, Some(identity)).map_err(|error| Why::Malformed {
        text: format!("our certificate for Kafka: {error}"),
    })
}

fn faults(hands: &Hands) -> kafka_client::Faults {
    /// Longer than every bound.
    const FOR_EVER: Duration = Duration::from_hours(24);
    let Some(judge) = hands.settings.faults.judge_of(Target::Kafka) else {
        return kafka_client::Faults::default();
    };
    kafka_client::Faults::new(move |point| {
        let (verb, path) = match point {
            FaultPoint::Dial { endpoint } => ("DIAL".to_owned(), endpoint.to_string()),
            FaultPoint::Request { endpoint, api } => (api.name().to_owned(), endpoint.to_string()),
        };
        match judge(&verb, &path) {
            Fault::None => None,
            Fault::Fail | Fault::Answer(_) => Some(kafka_client::Fault::Refuse),
            Fault::LoseReply | Fault::HangAfter => Some(kafka_client::Fault::LoseReply),
            Fault::Hang => Some(kafka_client::Fault::Delay(FOR_EVER)),
            Fault::Delay(duration) => Some(kafka_client::Fault::Delay(duration)),
        }
    })
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
