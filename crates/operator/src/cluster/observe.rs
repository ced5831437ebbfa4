//! Looks at a cluster: fills a [`World`].
//!
//! It never fails: what could not be read is `Unknown(why)`. What it reads: the Kubernetes API afresh (lists by label,
//! single objects by name), the runner beside each node, Kafka itself. Invariants: values of Secrets are read only when
//! a Secret changed, and only what their certificates say is kept; every question has a bound in time.
//!
//! Not here: what it means (planner).

pub(crate) mod kafka;
mod kubernetes;
mod pods;
pub(crate) mod runners;
mod secrets;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::api::DynamicObject;
use model::desired::Cluster;
use model::observed::object::{Object, ObjectKey};
use model::observed::resource::{PlanResource, Resource};
use model::observed::{Known, Why, World, seen};
use serde_json::Value;

use super::Memory;
use crate::hands::Hands;
use crate::kinds::{self, Kind};
use kubernetes::Reader;
pub(crate) use kubernetes::{meta_of, why_of};
pub(crate) use secrets::SecretFacts;

/// The Kafka and its pools, read first: what is wanted decides what else is looked at.
pub(crate) struct Wanted {
    /// The Kafka.
    pub(crate) kafka: DynamicObject,
    /// Its pools, or why they could not be read.
    pub(crate) pools: Known<Vec<DynamicObject>>,
}

/// Reads the Kafka and its pools; `None` when there is no such Kafka.
pub(crate) async fn read_wanted(
    hands: &Hands,
    namespace: &str,
    name: &str,
) -> Result<Option<Wanted>, Why> {
    let reader = Reader {
        hands,
        namespace,
        cluster: name,
    };
    let kafka = match reader.get(kinds::KAFKA, name).await {
        Known::At(_, Some(kafka)) => kafka,
        Known::At(_, None) => return Ok(None),
        Known::Unknown(why) => return Err(why),
    };
    let pools = reader
        .list(kinds::KAFKA_NODE_POOL, &reader.cluster_selector())
        .await;
    Ok(Some(Wanted { kafka, pools }))
}

/// Kinds of objects rendered for every cluster.
const RENDERED: &[Kind] = &[
    kinds::SERVICE,
    kinds::CONFIG_MAP,
    kinds::SERVICE_ACCOUNT,
    kinds::NETWORK_POLICY,
    kinds::POD_DISRUPTION_BUDGET,
];

/// Looks at everything; `desired` is what the Kafka and its pools were understood to want, if they were.
pub(crate) async fn observe(
    hands: &Hands,
    memory: &mut Memory,
    wanted: &Wanted,
    desired: Option<&Cluster>,
) -> World {
    let kafka = resource_of(&wanted.kafka);
    let (namespace, name) = (kafka.namespace.clone(), kafka.name.clone());
    let reader = Reader {
        hands,
        namespace: &namespace,
        cluster: &name,
    };
    let (node_selector, object_selector) = (reader.node_selector(), reader.object_selector());
    let (pods, volumes, store, objects, secrets, pod_sets, plan, namespace_going) = futures::join!(
        reader.list(kinds::POD, &node_selector),
        reader.list(kinds::PERSISTENT_VOLUME_CLAIM, &node_selector),
        read_store(&reader),
        read_objects(&reader, desired),
        secrets::read(&reader, &mut memory.secrets, desired),
        reader.list(kinds::STRIMZI_POD_SET, &object_selector),
        reader.get(kinds::KAFKA_PLAN, &name),
        namespace_going(&reader),
    );
    let mut world = World::unseen(kafka);
    world.namespace_going = namespace_going;
    world.pools = wanted
        .pools
        .clone()
        .map(|pools| pools.iter().map(resource_of).map(by_name).collect());
    world.plan = plan.map(|plan| plan.as_ref().map(plan_of));
    let pods = pods.map(|pods| {
        pods.into_iter()
            .map(|pod| pods::split(&name, &pod))
            .collect::<Vec<_>>()
    });
    let (store_pods, store_volumes) = store;
    let store_pods = store_pods.map(|pods| {
        pods.into_iter()
            .map(|pod| pods::split(&name, &pod))
            .collect::<Vec<_>>()
    });
    world.foreign = pods::foreign([&pods, &store_pods], &pod_sets);
    world.store_pods = store_pods.map(|pods| pods.into_iter().filter_map(pods::ours).collect());
    world.store_volumes =
        store_volumes.map(|volumes| volumes.iter().map(pods::volume_of).collect());
    world.pods = pods.map(|pods| pods.into_iter().filter_map(pods::ours).collect());
    world.volumes = volumes.map(|volumes| volumes.iter().map(pods::volume_of).collect());
    world.services = objects.as_ref().map(kubernetes::service_addresses);
    world.objects = objects;
    world.secrets = secrets;
    world.permit = seen(hands.clock.now(), hands.permit.observed());
    if desired.is_some_and(wants_node_ports) {
        world.nodes = kubernetes::read_nodes(&reader, &world.pods).await;
    }
    observe_kafka(hands, memory, desired, &mut world).await;
    world
}

/// Pods and volume claims of the metadata store. Looked for in every cluster: one without a store may have had one.
async fn read_store(reader: &Reader<'_>) -> (Known<Vec<DynamicObject>>, Known<Vec<DynamicObject>>) {
    let selector = reader.store_selector();
    futures::join!(
        reader.list(kinds::POD, &selector),
        reader.list(kinds::PERSISTENT_VOLUME_CLAIM, &selector),
    )
}

/// Whether the namespace is being deleted.
async fn namespace_going(reader: &Reader<'_>) -> Known<bool> {
    let api = kinds::NAMESPACE.metadata_everywhere(&reader.hands.client);
    let read = || api.get_metadata_opt(reader.namespace);
    let found = reader
        .read(&format!("Namespace {}", reader.namespace), read)
        .await;
    found
        .map(|found| found.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some()))
}

/// What the nodes themselves say; not asked where nothing runs or nothing may be asked.
async fn observe_kafka(
    hands: &Hands,
    memory: &mut Memory,
    desired: Option<&Cluster>,
    world: &mut World,
) {
    let foreign = world
        .foreign
        .value()
        .is_none_or(|foreign| !foreign.is_empty());
    let (Some(desired), Some(pods), false) = (desired, world.pods.value(), foreign) else {
        return;
    };
    let nodes = pods::running_nodes(desired, pods);
    let namespace = world.kafka.namespace.clone();
    let ask = |connections| {
        kafka::ask(
            hands,
            connections,
            &namespace,
            desired,
            &nodes,
            &world.secrets,
        )
    };
    let (runners, view) = if memory.kafka.may_be_booting() {
        let runners = runners::ask(hands, &nodes).await;
        let now = hands.clock.now();
        memory.kafka.note_boot(&runners, now);
        let view = if memory.kafka.are_booting(now) {
            kafka::View::of_booting_nodes()
        } else {
            ask(&mut memory.kafka).await
        };
        (runners, view)
    } else {
        let (runners, view) = futures::join!(runners::ask(hands, &nodes), ask(&mut memory.kafka));
        memory.kafka.note_boot(&runners, hands.clock.now());
        (runners, view)
    };
    world.runners = runners;
    world.brokers = view.brokers;
    world.quorum = view.quorum;
    world.features = view.features;
    world.partitions = view.partitions;
    world.settings = view.settings;
}

fn wants_node_ports(desired: &Cluster) -> bool {
    desired
        .listeners
        .iter()
        .any(|listener| listener.kind == model::desired::ListenerKind::NodePort)
}

/// Everything rendered, and the ConfigMaps that the cluster refers to.
async fn read_objects(
    reader: &Reader<'_>,
    desired: Option<&Cluster>,
) -> Known<BTreeMap<ObjectKey, Object>> {
    let mut kinds = RENDERED.to_vec();
    if let Some(desired) = desired {
        kinds.extend(kubernetes::outside_kinds(desired));
    }
    let selector = reader.object_selector();
    let lists =
        futures::future::join_all(kinds.iter().map(|kind| reader.list(*kind, &selector))).await;
    let mut objects = BTreeMap::new();
    let mut at = Timestamp::MAX;
    for (kind, list) in kinds.iter().zip(lists) {
        match list {
            Known::At(seen, list) => {
                at = at.min(seen);
                objects.extend(
                    list.into_iter()
                        .map(|object| kubernetes::object_of(kind.kind, object)),
                );
            }
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    let singles = desired.map(kubernetes::single_objects).unwrap_or_default();
    for (kind, name) in singles {
        if objects.contains_key(&ObjectKey::new(kind.kind, &name)) {
            continue;
        }
        match reader.get(kind, &name).await {
            Known::At(_, found) => {
                objects.extend(found.map(|object| kubernetes::object_of(kind.kind, object)));
            }
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    Known::At(at, objects)
}

fn resource_of(object: &DynamicObject) -> Resource {
    Resource {
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.metadata.name.clone().unwrap_or_default(),
        meta: meta_of(&object.metadata),
        generation: object.metadata.generation.unwrap_or_default(),
        status: object.data.get("status").cloned().unwrap_or(Value::Null),
    }
}

fn by_name(resource: Resource) -> (String, Resource) {
    (resource.name.clone(), resource)
}

fn plan_of(object: &DynamicObject) -> PlanResource {
    PlanResource {
        name: object.metadata.name.clone().unwrap_or_default(),
        meta: meta_of(&object.metadata),
        generation: object.metadata.generation.unwrap_or_default(),
        spec: object.data.get("spec").cloned().unwrap_or(Value::Null),
        status: object.data.get("status").cloned().unwrap_or(Value::Null),
    }
}
