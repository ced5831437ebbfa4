//! Reading the Kubernetes API: lists and single objects, bounded in time, as knowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube::api::{DynamicObject, ListParams, ObjectMeta};
use model::desired::{Cluster, ListenerKind, Logging, Metrics, Rack, RackThrough};
use model::observed::object::{Meta, Object, ObjectKey, Owner};
use model::observed::pod::Pod;
use model::observed::resource::{Node, ServiceAddresses};
use model::observed::{Known, Why, seen};
use serde_json::Value;

use crate::error::Chain;
use crate::hands::Hands;
use crate::kinds::{self, Kind};
use crate::watch::CLUSTER_LABEL;

/// How long one read may take.
const READ_BOUND: Duration = Duration::from_secs(15);
/// How often a question is asked, and the pause after the first time; it doubles.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How many objects one page of a list holds.
const PAGE: u32 = 500;

/// Reads objects of one cluster.
pub(super) struct Reader<'a> {
    pub(super) hands: &'a Hands,
    pub(super) namespace: &'a str,
    pub(super) cluster: &'a str,
}

impl Reader<'_> {
    /// Everything of the cluster.
    pub(super) fn cluster_selector(&self) -> String {
        format!("{CLUSTER_LABEL}={}", self.cluster)
    }

    /// What was made for the Kafka, without users, topics and Connect workers.
    pub(super) fn object_selector(&self) -> String {
        format!("{CLUSTER_LABEL}={},strimzi.io/kind=Kafka", self.cluster)
    }

    /// What belongs to a node.
    pub(super) fn node_selector(&self) -> String {
        format!(
            "{CLUSTER_LABEL}={0},strimzi.io/name={0}-kafka",
            self.cluster
        )
    }

    /// What belongs to the metadata store.
    pub(super) fn store_selector(&self) -> String {
        format!(
            "{CLUSTER_LABEL}={},strimzi.io/kind=Kafka,strimzi.io/component-type in (zookeeper,etcd)",
            self.cluster
        )
    }

    /// One object; `None` when there is none.
    pub(super) async fn get(&self, kind: Kind, name: &str) -> Known<Option<DynamicObject>> {
        let api = kind.within(&self.hands.client, self.namespace);
        let get = || async {
            match api.get(name).await {
                Ok(object) => Ok(Some(object)),
                Err(kube::Error::Api(status))
                    if status.code == 404 && is_absence(kind, name, &status) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        self.read(&format!("{} {name}", kind.kind), get).await
    }

    /// All objects with these labels.
    pub(super) async fn list(&self, kind: Kind, selector: &str) -> Known<Vec<DynamicObject>> {
        let api = kind.within(&self.hands.client, self.namespace);
        let pages = || async {
            let mut parameters = ListParams::default().labels(selector).limit(PAGE);
            let mut objects = Vec::new();
            loop {
                let page = match api.list(&parameters).await {
                    Ok(page) => page,
                    Err(kube::Error::Api(status)) if status.code == 404 && is_optional(kind) => {
                        break;
                    }
                    Err(error) => return Err(error),
                };
                objects.extend(page.items);
                match page.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => parameters = parameters.clone().continue_token(&token),
                    None => break,
                }
            }
            Ok(objects)
        };
        self.read(kind.plural, pages).await
    }

    /// The metadata of all objects with these labels.
    pub(super) async fn list_metadata(&self, kind: Kind, selector: &str) -> Known<Vec<ObjectMeta>> {
        let api = kind.within(&self.hands.client, self.namespace);
        let parameters = ListParams::default().labels(selector);
        let list = || async {
            let list = api.list_metadata(&parameters).await?;
            Ok(list
                .items
                .into_iter()
                .map(|object| object.metadata)
                .collect())
        };
        self.read(kind.plural, list).await
    }

    /// Asks until there is an answer, a few times where the API server is only unwell for a moment.
    pub(super) async fn read<T, F>(&self, what: &str, ask: impl Fn() -> F) -> Known<T>
    where
        F: Future<Output = Result<T, kube::Error>>,
    {
        let attempts = async {
            let mut pause = FIRST_PAUSE;
            for _ in 1..ATTEMPTS {
                match ask().await {
                    Err(error) if is_passing(&error) => {
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    outcome => return outcome,
                }
            }
            ask().await
        };
        match tokio::time::timeout(READ_BOUND, attempts).await {
            Ok(Ok(value)) => seen(self.hands.clock.now(), value),
            Ok(Err(error)) => Known::Unknown(why_of(what, &error)),
            Err(_) => Known::Unknown(Why::Unreachable {
                text: format!(
                    "reading {what}: no answer within {} s",
                    READ_BOUND.as_secs()
                ),
            }),
        }
    }
}

/// Kinds that an API server need not know.
fn is_optional(kind: Kind) -> bool {
    [
        kinds::STRIMZI_POD_SET,
        kinds::KAFKA_PLAN,
        kinds::ROUTE,
        kinds::TLS_ROUTE,
    ]
    .contains(&kind)
}

/// Whether a 404 says that there is no such object, rather than no such kind.
fn is_absence(kind: Kind, name: &str, status: &kube::core::Status) -> bool {
    is_optional(kind)
        || status
            .details
            .as_ref()
            .is_some_and(|details| details.name == name)
}

/// Whether the same question may be answered in a moment.
fn is_passing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        kube::Error::Service(_) | kube::Error::HyperError(_) => true,
        _ => false,
    }
}

/// Why a read failed.
pub(crate) fn why_of(what: &str, error: &kube::Error) -> Why {
    let text = format!("reading {what}: {}", Chain(error));
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => Why::Refused { text },
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Why::Malformed { text },
        _ => Why::Unreachable { text },
    }
}

/// The part of metadata that decisions need.
pub(crate) fn meta_of(metadata: &ObjectMeta) -> Meta {
    let mut annotations = metadata.annotations.clone().unwrap_or_default();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .or(match owners {
            [only] => Some(only),
            _ => None,
        });
    Meta {
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations,
        owner: owner.map(|owner| Owner {
            kind: owner.kind.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        }),
        deleting: metadata.deletion_timestamp.is_some(),
    }
}

pub(super) fn object_of(kind: &str, object: DynamicObject) -> (ObjectKey, Object) {
    let key = ObjectKey::new(kind, object.metadata.name.clone().unwrap_or_default());
    let meta = meta_of(&object.metadata);
    let mut body = object.data;
    let mut status = Value::Null;
    if let Value::Object(fields) = &mut body {
        status = fields.remove("status").unwrap_or(Value::Null);
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    (key, Object { meta, body, status })
}

/// Kinds that only some listeners ask for.
pub(super) fn outside_kinds(desired: &Cluster) -> BTreeSet<Kind> {
    desired
        .listeners
        .iter()
        .filter_map(|listener| match listener.kind {
            ListenerKind::Ingress => Some(kinds::INGRESS),
            ListenerKind::Route => Some(kinds::ROUTE),
            ListenerKind::TlsRoute => Some(kinds::TLS_ROUTE),
            ListenerKind::Internal
            | ListenerKind::ClusterIp
            | ListenerKind::NodePort
            | ListenerKind::LoadBalancer => None,
        })
        .collect()
}

/// Objects that are found by name: what the cluster refers to, and what lives outside its namespace.
pub(super) fn single_objects(desired: &Cluster) -> BTreeSet<(Kind, String)> {
    let mut objects = BTreeSet::new();
    if let Logging::External(key) = &desired.logging {
        objects.insert((kinds::CONFIG_MAP, key.name.clone()));
    }
    if let Metrics::JmxExporter(key) = &desired.metrics {
        objects.insert((kinds::CONFIG_MAP, key.name.clone()));
    }
    if let Some(Rack::TopologyLabel {
        through: RackThrough::NodeToken,
        key: _,
    }) = &desired.rack
    {
        let name = manifests::names::cluster_role_binding(&desired.namespace, &desired.name);
        objects.insert((kinds::CLUSTER_ROLE_BINDING, name));
    }
    objects
}

/// Addresses of all Services among `objects`.
pub(super) fn service_addresses(
    objects: &BTreeMap<ObjectKey, Object>,
) -> BTreeMap<String, ServiceAddresses> {
    objects
        .iter()
        .filter(|(key, _)| key.kind == kinds::SERVICE.kind)
        .map(|(key, object)| (key.name.clone(), addresses_of(object)))
        .collect()
}

fn addresses_of(service: &Object) -> ServiceAddresses {
    let spec = &service.body["spec"];
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    ServiceAddresses {
        cluster_ip: text(&spec["clusterIP"]).filter(|address| address != "None"),
        load_balancer: items(&service.status["loadBalancer"]["ingress"])
            .iter()
            .filter_map(|ingress| text(&ingress["hostname"]).or_else(|| text(&ingress["ip"])))
            .collect(),
        node_ports: items(&spec["ports"])
            .iter()
            .filter_map(|port| {
                let number = port["nodePort"]
                    .as_u64()
                    .and_then(|number| u16::try_from(number).ok())?;
                Some((text(&port["name"]).unwrap_or_default(), number))
            })
            .filter(|(_, number)| *number != 0)
            .collect(),
    }
}

/// The Kubernetes nodes that our Pods run on.
pub(super) async fn read_nodes(
    reader: &Reader<'_>,
    pods: &Known<BTreeMap<String, Pod>>,
) -> Known<BTreeMap<String, Node>> {
    let names: BTreeSet<&String> = match pods {
        Known::At(_, pods) => pods
            .values()
            .filter_map(|pod| pod.node_name.as_ref())
            .collect(),
        Known::Unknown(why) => return Known::Unknown(why.clone()),
    };
    let mut nodes = BTreeMap::new();
    for name in names {
        match reader.get(kinds::NODE, name).await {
            Known::At(_, found) => nodes.extend(found.map(|node| (name.clone(), node_of(&node)))),
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    seen(reader.hands.clock.now(), nodes)
}

fn node_of(node: &DynamicObject) -> Node {
    let mut addresses = BTreeMap::new();
    for address in node.data["status"]["addresses"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if let (Some(kind), Some(value)) = (address["type"].as_str(), address["address"].as_str()) {
            addresses
                .entry(kind.to_owned())
                .or_insert_with(|| value.to_owned());
        }
    }
    Node { addresses }
}
