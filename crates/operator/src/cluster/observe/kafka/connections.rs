//! Connections to one cluster's Kafka, kept between looks, and whether there is anybody to ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use kafka_client::{Cluster, ClusterSettings, Endpoint, FaultPoint, NodeKind, Settings, Tls};
use kube::api::Api;
use manifests::names::{CONTROL_PLANE_PORT, REPLICATION_PORT};
use model::desired::Cluster as Desired;
use model::observed::secret::Secret;
use model::observed::{Known, Why};
use model::runner::{BrokerState, broker_state};

use crate::cluster::observe::pods::RunningNode;
use crate::faults::{Fault, Target};
use crate::hands::Hands;

/// How long making a connection may take.
const DIAL_BOUND: Duration = Duration::from_secs(3);
/// How long one answer may take.
const REQUEST_BOUND: Duration = Duration::from_secs(10);

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
/// that boots for longer than this, twice what it takes on a slow machine, may have a reason that only Kafka can tell.
const BOOT: SignedDuration = SignedDuration::from_secs(10);

impl Connections {
    /// Whether the nodes seemed to be booting when they were looked at last.
    pub(in crate::cluster::observe) fn may_be_booting(&self) -> bool {
        self.made_for.is_none() || matches!(self.boot, Boot::Since(_))
    }

    /// Notes what the nodes say of themselves.
    pub(in crate::cluster::observe) fn note_boot(
        &mut self,
        runners: &BTreeMap<i32, Known<BrokerState>>,
        now: Timestamp,
    ) {
        let boots = |runner: &Known<BrokerState>| {
            let state = runner.value();
            state.is_some_and(|state| state.broker_state <= broker_state::STARTING)
        };
        self.boot = match self.boot {
            _ if runners.is_empty() || !runners.values().all(boots) => Boot::Over,
            Boot::Since(since) => Boot::Since(since),
            Boot::Over => Boot::Since(now),
        };
    }

    /// Whether all nodes have begun to boot a moment ago.
    pub(in crate::cluster::observe) fn are_booting(&self, now: Timestamp) -> bool {
        matches!(self.boot, Boot::Since(since) if now.duration_since(since) < BOOT)
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

/// Makes connections for these nodes, unless those kept still fit.
pub(super) async fn connect(
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
                Err(error) => Err(crate::cluster::observe::why_of(
                    &format!("Secret {name}"),
                    &error,
                )),
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

#[cfg(test)]
mod tests;
