//! What the renderer is told, and its objects with our own marks.
//!
//! Reads: a [`View`] and the identity. The only file that calls `manifests` for objects.

use std::collections::{BTreeMap, BTreeSet};

use manifests::revision::SERVER_CERTIFICATE_HASH;
use manifests::{Address, Facts, Generations, ListenerAddresses, NodeFacts, to_value};
use model::desired::{Cluster, Listener, ListenerKind, Logging, Metrics, Node, Pool};
use model::observed::identity::{
    CONFIGURATION, DIRECTORY_ID, FORMAT_GRANTED, Identity, MADE_FROM, POD_RECORD,
};
use model::observed::object::RENDERED;
use model::runner::{Format, QuorumKind, env};
use serde_json::{Value, json};

use crate::cluster::node::NodeView;
use crate::cluster::record::{Record, data_of};
use crate::cluster::view::View;
use crate::differ;

/// Everything that rendering needs.
#[derive(Debug)]
pub(crate) struct Renderer<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) facts: Facts,
    pub(crate) settings: &'a manifests::Settings,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(view: &View<'a>, identity: &Identity, cluster: &'a Cluster) -> Self {
        let nodes = identity.nodes.iter().filter_map(|(id, node)| {
            let id = model::desired::NodeId(*id);
            let pool = node.pool.parse().ok()?;
            let roles = node.roles;
            Some((id, Node { id, pool, roles }))
        });
        let mut facts = Facts {
            owner_uid: view.kafka().meta.uid.clone(),
            identity: identity.clone(),
            nodes: nodes.collect(),
            quorum: QuorumKind::Dynamic,
            generations: generations(view),
            addresses: BTreeMap::new(),
            service_addresses: service_addresses(view),
            logging: None,
            metrics: None,
        };
        if let Logging::External(reference) = &cluster.logging {
            facts.logging = referred(view, &reference.name, &reference.key);
        }
        if let Metrics::JmxExporter(reference) = &cluster.metrics {
            facts.metrics = referred(view, &reference.name, &reference.key);
        }
        for listener in &cluster.listeners {
            let addresses = addresses(view, cluster, &facts, listener);
            if addresses != ListenerAddresses::default() {
                facts.addresses.insert(listener.name.clone(), addresses);
            }
        }
        Self {
            cluster,
            facts,
            settings: &view.input.settings.render,
        }
    }

    pub(crate) fn input(&self) -> manifests::Input<'_> {
        manifests::Input {
            cluster: self.cluster,
            facts: &self.facts,
            settings: self.settings,
        }
    }

    pub(crate) fn pool(&self, node: &NodeView<'_>) -> Option<&'a Pool> {
        let mut pools = self.cluster.pools.values();
        pools.find(|pool| pool.name.as_str() == node.node.pool)
    }

    /// Objects that the nodes share, marked with a hash of what was rendered.
    pub(crate) fn shared(&self) -> Vec<Value> {
        let mut objects = manifests::shared::objects(&self.input());
        for object in &mut objects {
            let hash = differ::hash_value(object);
            annotate(object, RENDERED, hash);
        }
        objects
    }

    /// The claims of a node, by name.
    pub(crate) fn claims(&self, node: &NodeView<'_>) -> BTreeMap<String, Value> {
        let (Some(pool), Some(desired)) = (self.pool(node), node.desired()) else {
            return BTreeMap::new();
        };
        let claims = manifests::volume_claims::render(&self.input(), pool, &desired);
        let named = claims.iter().filter_map(|claim| {
            let name = claim.metadata.name.clone()?;
            Some((name, to_value(claim)))
        });
        named.collect()
    }

    /// The ConfigMap of a node as users want it now, with the record of its Pod.
    pub(crate) fn config_map(&self, view: &View<'_>, node: &NodeView<'_>) -> Option<Value> {
        let (pool, desired) = (self.pool(node)?, node.desired()?);
        let input = self.input();
        // Whether the node is one of the first voters is part of its configuration; whether it may format as one is
        // said in its Pod only.
        let first = self
            .facts
            .identity
            .initial_controllers
            .contains_key(&node.id);
        let facts = NodeFacts {
            format: first.then_some(Format::Initial),
        };
        let map = manifests::config_map::render(&input, pool, &desired, &facts);
        let pod = manifests::broker_pod::render(&input, pool, &desired, &NodeFacts::default());
        let mut object = to_value(&map);
        let record = to_value(&pod).to_string();
        if let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) {
            data.insert(POD_RECORD.to_owned(), Value::String(record));
        }
        annotate(&mut object, MADE_FROM, view.generations(&node.node.pool));
        Some(object)
    }
}

/// The ConfigMap as it is recorded, told about the directories that were chosen since.
pub(crate) fn recorded_config_map(
    view: &View<'_>,
    node: &NodeView<'_>,
    record: &Record<'_>,
) -> Option<Value> {
    let mut runner = record.runner.clone()?;
    for dir in &mut runner.log_dirs {
        if let Some(directory) = node.node.directories.get(&dir.volume.0) {
            dir.directory_id = Some(directory.clone());
        }
    }
    let mut data = record.data.clone();
    let text = serde_json::to_string_pretty(&runner).ok()?;
    data.insert(model::runner::RUNNER_CONFIG_KEY.to_owned(), text);
    Some(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": node.pod_name,
            "namespace": view.kafka().namespace,
            "labels": record.meta.labels,
            "annotations": record.meta.annotations,
            "ownerReferences": [owner(view, false)],
        },
        "data": data,
    }))
}

/// The Pod of a node from its recorded configuration, with a permission to format or without.
pub(crate) fn pod(
    view: &View<'_>,
    node: &NodeView<'_>,
    record: &Record<'_>,
    grant: Option<Format>,
) -> Option<Value> {
    let mut pod = record.pod()?;
    own(view, &mut pod)?;
    annotate(&mut pod, CONFIGURATION, record.hash());
    if let Some(directory) = node.node.metadata_directory() {
        annotate(&mut pod, DIRECTORY_ID, directory.to_owned());
    }
    let certificate = view
        .secret(&node.pod_name)
        .and_then(|secret| secret.certificates.get(&format!("{}.crt", node.pod_name)));
    if let Some(certificate) = certificate {
        annotate(
            &mut pod,
            SERVER_CERTIFICATE_HASH,
            certificate.thumbprint.clone(),
        );
    }
    if let Some(format) = grant {
        permit(&mut pod, format)?;
    }
    Some(pod)
}

/// Makes a recorded Pod this Kafka's: the record may have been made by one of the same name that is gone.
pub(crate) fn own(view: &View<'_>, pod: &mut Value) -> Option<()> {
    let metadata = pod.get_mut("metadata")?.as_object_mut()?;
    metadata.insert("ownerReferences".to_owned(), json!([owner(view, true)]));
    Some(())
}

/// Gives a Pod the permission to format: to its first container, which is the one that runs Kafka or keeps metadata
/// unless there is one called `kafka`.
pub(crate) fn permit(pod: &mut Value, format: Format) -> Option<()> {
    annotate(pod, FORMAT_GRANTED, format.as_str().to_owned());
    let containers = pod.pointer_mut("/spec/containers")?.as_array_mut()?;
    let is_kafka = |container: &Value| container.get("name").is_some_and(|name| name == "kafka");
    let index = containers.iter().position(is_kafka).unwrap_or(0);
    let container = containers.get_mut(index)?.as_object_mut()?;
    let variable = json!({ "name": env::FORMAT, "value": format.as_str() });
    let variables = container.entry("env").or_insert_with(|| json!([]));
    variables.as_array_mut()?.push(variable);
    Some(())
}

/// Sets an annotation of an object.
pub(crate) fn annotate(object: &mut Value, key: &str, value: String) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(key.to_owned(), Value::String(value));
    }
}

fn owner(view: &View<'_>, controller: bool) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "name": view.kafka().name,
        "uid": view.kafka().meta.uid,
        "controller": controller,
        "blockOwnerDeletion": true,
    })
}

/// Generations of the authorities, from their Secrets; 0 before those are there.
fn generations(view: &View<'_>) -> Generations {
    let name = &view.kafka().name;
    let read = |secret: String, annotation: &str| {
        let secret = view.secret(&secret);
        let text = secret.and_then(|secret| secret.meta.annotations.get(annotation));
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let certificate = manifests::secret::CA_CERTIFICATE_GENERATION;
    let key = manifests::secret::CA_KEY_GENERATION;
    Generations {
        cluster_certificate: read(format!("{name}-cluster-ca-cert"), certificate),
        cluster_key: read(format!("{name}-cluster-ca"), key),
        clients_certificate: read(format!("{name}-clients-ca-cert"), certificate),
        clients_key: read(format!("{name}-clients-ca"), key),
    }
}

/// Cluster addresses of all Services of the cluster; the renderer takes the loopback ones.
fn service_addresses(view: &View<'_>) -> BTreeSet<String> {
    let services = view.world.services.value();
    let name = &view.kafka().name;
    // Brokers are not reached through the Service of their metadata store.
    let others = manifests::store::client_service(name);
    let services = services.into_iter().flatten();
    services
        .filter(|(service, _)| **service != others)
        .filter_map(|(_, service)| service.cluster_ip.clone())
        .collect()
}

/// The content of a key of a ConfigMap that users refer to.
fn referred(view: &View<'_>, name: &str, key: &str) -> Option<String> {
    let object = view.object("ConfigMap", name)?;
    data_of(&object.body).remove(key)
}

/// Where the outside reaches a listener, as far as it was given addresses.
fn addresses(
    view: &View<'_>,
    cluster: &Cluster,
    facts: &Facts,
    listener: &Listener,
) -> ListenerAddresses {
    let mut found = ListenerAddresses::default();
    let bootstrap_service = manifests::names::listener_bootstrap_service(&cluster.name, listener);
    let bootstrap_exposure = manifests::names::listener_bootstrap_exposure(&cluster.name, listener);
    let brokers = facts.nodes.values().filter(|node| node.roles.is_broker());
    let brokers: Vec<(&Node, String)> = brokers
        .map(|node| {
            (
                node,
                manifests::names::listener_broker(&cluster.name, listener, node),
            )
        })
        .collect();
    match listener.kind {
        ListenerKind::Internal | ListenerKind::ClusterIp => {}
        ListenerKind::LoadBalancer => {
            found
                .bootstrap
                .extend(load_balancer(view, &bootstrap_service));
            for (node, service) in brokers {
                if let Some(host) = load_balancer(view, &service).into_iter().next() {
                    let host = Some(host);
                    let port = listener.port;
                    found.brokers.insert(node.id, Address { host, port });
                }
            }
        }
        ListenerKind::NodePort => {
            for (node, service) in brokers {
                let name = manifests::names::port_name(listener);
                let Some(port) = node_port(view, &service, &name) else {
                    continue;
                };
                // The machine's address is filled in by the broker itself: the Pod may move.
                found.brokers.insert(node.id, Address { host: None, port });
            }
        }
        ListenerKind::Ingress => {
            found
                .bootstrap
                .extend(exposed_host(view, "Ingress", &bootstrap_exposure));
            for (node, name) in brokers {
                if let Some(host) = exposed_host(view, "Ingress", &name) {
                    let port = manifests::address::INGRESS_PORT;
                    found.brokers.insert(
                        node.id,
                        Address {
                            host: Some(host),
                            port,
                        },
                    );
                }
            }
        }
        ListenerKind::Route | ListenerKind::TlsRoute => {
            let kind = if listener.kind == ListenerKind::Route {
                "Route"
            } else {
                "TLSRoute"
            };
            found
                .bootstrap
                .extend(exposed_host(view, kind, &bootstrap_exposure));
            for (node, name) in brokers {
                if let Some(host) = exposed_host(view, kind, &name) {
                    let port = manifests::address::ROUTE_PORT;
                    found.brokers.insert(
                        node.id,
                        Address {
                            host: Some(host),
                            port,
                        },
                    );
                }
            }
        }
    }
    found
}

/// Addresses of a load balancer, once it has any.
pub(crate) fn load_balancer(view: &View<'_>, service: &str) -> Vec<String> {
    let services = view.world.services.value();
    let service = services.and_then(|services| services.get(service));
    service
        .map(|service| service.load_balancer.clone())
        .unwrap_or_default()
}

/// The node port of a Service, by the name of its port or else its only one.
pub(crate) fn node_port(view: &View<'_>, service: &str, port: &str) -> Option<u16> {
    let ports = &view.world.services.value()?.get(service)?.node_ports;
    let only = || ports.values().next().filter(|_| ports.len() == 1);
    ports.get(port).or_else(only).copied()
}

/// The host that an Ingress, Route or `TLSRoute` was given.
fn exposed_host(view: &View<'_>, kind: &str, name: &str) -> Option<String> {
    let object = view.object(kind, name)?;
    let pointer = match kind {
        "Ingress" => object.body.pointer("/spec/rules/0/host"),
        "Route" => object
            .status
            .pointer("/ingress/0/host")
            .or_else(|| object.body.pointer("/spec/host")),
        _ => object.body.pointer("/spec/hostnames/0"),
    };
    pointer.and_then(Value::as_str).map(str::to_owned)
}
