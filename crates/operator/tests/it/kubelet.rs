//! A scripted kubelet and the Kafka in its Pods.
//!
//! When something changes, and every 100 ms (of tokio's clock) while a Pod waits, it looks at all Pods and claims: binds claims, starts Pods whose Secrets and
//! ConfigMaps are there, does with disks what the runner does, lets the scripted Kafka node live and die with its Pod.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kafka_client::cluster::VoterEndpoint;
use kafka_client::id::parse_kafka_id;
use kafka_client::network::Network;
use kafka_client::testing::{State, TestCluster, TestNode, TestVoter};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, ResourceExt};
use kube::runtime::watcher::{Config, watcher};
use model::runner::{Format, RunnerConfig, env};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::disks::Disks;
use super::runner;

const TICK: Duration = Duration::from_millis(100);

/// The kubelet; clones share it.
#[derive(Clone)]
pub(crate) struct Kubelet {
    client: kube::Client,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// Uid of a Pod → what runs in it.
    running: BTreeMap<String, Running>,
    clusters: BTreeMap<String, TestCluster>,
    disks: Disks,
    next_address: u8,
    /// Pods that must not start yet, by name.
    held: BTreeSet<String>,
}

struct Running {
    name: String,
    cluster: String,
    config: RunnerConfig,
    address: IpAddr,
    certificates: runner::Certificates,
}

impl Kubelet {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self {
            client,
            shared: Arc::default(),
        }
    }

    /// Looks for ever: when something changed, and again while a Pod waits for what it needs.
    pub(crate) async fn run(self) {
        let pods = watcher(Api::<Pod>::all(self.client.clone()), Config::default());
        let claims = watcher(
            Api::<PersistentVolumeClaim>::all(self.client.clone()),
            Config::default(),
        );
        let secrets = watcher(Api::<Secret>::all(self.client.clone()), Config::default());
        let mut events = Box::pin(futures::stream::select(
            futures::stream::select(pods.map(|_| ()), secrets.map(|_| ())),
            claims.map(|_| ()),
        ));
        loop {
            let waits = self.tick().await;
            tokio::select! {
                _ = events.next() => {}
                () = tokio::time::sleep(TICK), if waits => {}
            }
        }
    }

    /// The network on which Kafka and the runners answer.
    pub(crate) fn network(&self) -> Network {
        let shared = Arc::clone(&self.shared);
        Network::in_memory(move |address| {
            let shared = &mut *shared.lock().unwrap();
            let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            let running = shared
                .running
                .values_mut()
                .find(|running| running.address == address.ip())
                .ok_or_else(refused)?;
            if address.port() == ::manifests::names::RUNNER_PORT {
                let id = running.config.node_id.0;
                let altered = shared.clusters[&running.cluster].state().nodes[&id].altered;
                return Ok(runner::answer(
                    &running.config,
                    running.certificates.look(altered),
                ));
            }
            shared.clusters[&running.cluster]
                .network()
                .connect(address)
                .unwrap()
        })
    }

    /// The scripted Kafka of a cluster.
    pub(crate) fn kafka(&self, cluster: &str) -> TestCluster {
        self.shared.lock().unwrap().clusters[cluster].clone()
    }

    /// How often any disk was formatted.
    pub(crate) fn formats(&self) -> usize {
        self.shared.lock().unwrap().disks.formats
    }

    /// Wipes the disk behind a claim.
    pub(crate) fn wipe(&self, claim_uid: &str) {
        self.shared
            .lock()
            .unwrap()
            .disks
            .formatted
            .retain(|(uid, _), _| uid != claim_uid);
    }

    /// Keeps Pods of this name from starting, or lets them.
    pub(crate) fn hold(&self, pod: &str, hold: bool) {
        let mut shared = self.shared.lock().unwrap();
        if hold {
            shared.held.insert(pod.to_owned());
        } else {
            shared.held.remove(pod);
        }
    }

    /// Looks once; says whether a Pod waits for something.
    async fn tick(&self) -> bool {
        let claims: Api<PersistentVolumeClaim> = Api::all(self.client.clone());
        for claim in claims.list(&ListParams::default()).await.unwrap() {
            let phase = claim
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            if phase != Some("Bound") {
                self.patch_status::<PersistentVolumeClaim>(&claim, json!({"phase": "Bound"}))
                    .await;
            }
        }
        let pods: Api<Pod> = Api::all(self.client.clone());
        let pods = pods.list(&ListParams::default()).await.unwrap().items;
        let present: BTreeSet<String> = pods.iter().filter_map(ResourceExt::uid).collect();
        self.stop_where(|uid, _| !present.contains(uid));
        self.remount().await;
        let mut waits = false;
        for pod in pods {
            if pod.metadata.deletion_timestamp.is_some() {
                self.finish(&pod).await;
            } else if !self.is_running(&pod) {
                self.start(&pod).await;
                waits |= !self.is_running(&pod);
            }
        }
        waits
    }

    fn is_running(&self, pod: &Pod) -> bool {
        self.shared
            .lock()
            .unwrap()
            .running
            .contains_key(&pod.uid().unwrap())
    }

    async fn finish(&self, pod: &Pod) {
        let uid = pod.uid().unwrap();
        self.stop_where(|running, _| running == uid);
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap());
        let _ = api
            .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
            .await;
    }

    fn stop_where(&self, stops: impl Fn(&str, &Running) -> bool) {
        let mut shared = self.shared.lock().unwrap();
        let stopped: Vec<String> = shared
            .running
            .iter()
            .filter(|(uid, running)| stops(uid, running))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in stopped {
            let running = shared.running.remove(&uid).unwrap();
            let kafka = shared.clusters[&running.cluster].clone();
            let mut state = kafka.state();
            state.stop(running.config.node_id.0);
            elect(&mut state);
        }
    }

    async fn start(&self, pod: &Pod) {
        let (name, namespace) = (pod.name_any(), pod.namespace().unwrap());
        if self.shared.lock().unwrap().held.contains(&name) {
            return;
        }
        let address = self.address_of(pod).await;
        if !self.volumes_are_there(pod).await {
            return;
        }
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &namespace);
        let data = maps.get(&name).await.unwrap().data.unwrap();
        let config: RunnerConfig =
            serde_json::from_str(&data[model::runner::RUNNER_CONFIG_KEY]).unwrap();
        let certificate = self.mounted(&namespace, &name).await;
        let spec = pod.spec.as_ref().unwrap();
        let kafka = spec
            .containers
            .iter()
            .find(|container| container.name == "kafka")
            .unwrap();
        let permission = kafka
            .env
            .iter()
            .flatten()
            .find(|variable| variable.name == env::FORMAT);
        let permission = permission.and_then(|variable| Format::parse(variable.value.as_deref()?));
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &namespace);
        let mut uids = BTreeMap::new();
        for volume in spec.volumes.iter().flatten() {
            if let Some(source) = &volume.persistent_volume_claim {
                let id = volume
                    .name
                    .strip_prefix("data-")
                    .and_then(|id| id.parse().ok())
                    .unwrap_or(0u32);
                uids.insert(
                    id,
                    claims.get(&source.claim_name).await.unwrap().uid().unwrap(),
                );
            }
        }
        let pod_uid = pod.uid().unwrap();
        let started = {
            let mut shared = self.shared.lock().unwrap();
            let volume = |id| uids.get(&id).cloned().unwrap_or_else(|| pod_uid.clone());
            let started = shared.disks.start(&config, permission, volume);
            if started.is_ok() {
                let kafka = shared
                    .clusters
                    .entry(config.cluster.clone())
                    .or_insert_with(|| TestCluster::new(State::empty("")));
                let mut state = kafka.state();
                join(&mut state, &config, permission, address);
                state.nodes.get_mut(&config.node_id.0).unwrap().file_configs =
                    runner::file_configs(&data);
                drop(state);
                let running = Running {
                    name: name.clone(),
                    cluster: config.cluster.clone(),
                    config,
                    address,
                    certificates: runner::Certificates::at_start(certificate),
                };
                shared.running.insert(pod_uid, running);
            }
            started
        };
        let status = match started {
            Ok(()) => json!({
                "phase": "Running", "podIP": address.to_string(), "podIPs": [{"ip": address.to_string()}],
                "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
                "containerStatuses": [container(&json!({"running": {"startedAt": "2026-11-20T12:00:00Z"}}), true)],
            }),
            Err(message) => json!({
                "phase": "Running", "podIP": address.to_string(),
                "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
                "containerStatuses": [container(&json!({"terminated":
                    {"exitCode": 78, "reason": "Error", "message": message, "startedAt": "2026-11-20T12:00:00Z",
                     "finishedAt": "2026-11-20T12:00:00Z"}}), false)],
            }),
        };
        self.patch_status::<Pod>(pod, status).await;
    }

    /// Hash of the certificate in a Pod's Secret.
    async fn mounted(&self, namespace: &str, pod: &str) -> String {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secrets.get_opt(pod).await.unwrap();
        let data = secret
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove(&format!("{pod}.crt")));
        data.map_or_else(String::new, |ByteString(bytes)| {
            let blocks = pem::parse_many(bytes).unwrap();
            hex::encode(Sha256::digest(blocks[0].contents()))
        })
    }

    /// Mounts certificates that changed, and lets Kafka read those that it was told to read.
    async fn remount(&self) {
        let running: Vec<(String, String)> = {
            let shared = self.shared.lock().unwrap();
            let running = shared.running.iter();
            running
                .map(|(uid, running)| (uid.clone(), running.name.clone()))
                .collect()
        };
        for (uid, name) in running {
            let certificate = self.mounted("default", &name).await;
            if let Some(running) = self.shared.lock().unwrap().running.get_mut(&uid)
                && !certificate.is_empty()
            {
                running.certificates.mounted = certificate;
            }
        }
    }

    /// Nodes that serve the certificates which are mounted.
    pub(crate) fn serving_what_is_mounted(&self) -> usize {
        let shared = self.shared.lock().unwrap();
        let running = shared.running.values();
        running
            .filter(|running| running.certificates.are_served())
            .count()
    }

    /// The address of a Pod, given as soon as it is seen.
    async fn address_of(&self, pod: &Pod) -> IpAddr {
        let given = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.as_ref())
            .and_then(|ip| ip.parse().ok());
        if let Some(address) = given {
            return address;
        }
        let number = {
            let mut shared = self.shared.lock().unwrap();
            shared.next_address += 1;
            shared.next_address
        };
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, number));
        let waiting = container(&json!({"waiting": {"reason": "ContainerCreating"}}), false);
        let status = json!({
            "phase": "Pending", "podIP": address.to_string(),
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
            "containerStatuses": [waiting],
        });
        self.patch_status::<Pod>(pod, status).await;
        address
    }

    async fn volumes_are_there(&self, pod: &Pod) -> bool {
        let namespace = pod.namespace().unwrap();
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &namespace);
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &namespace);
        for volume in pod
            .spec
            .iter()
            .flat_map(|spec| spec.volumes.iter().flatten())
        {
            let there = if let Some(secret) = &volume.secret {
                secrets
                    .get_opt(secret.secret_name.as_ref().unwrap())
                    .await
                    .unwrap()
                    .is_some()
            } else if let Some(map) = &volume.config_map {
                maps.get_opt(&map.name).await.unwrap().is_some()
            } else if let Some(claim) = &volume.persistent_volume_claim {
                claims.get_opt(&claim.claim_name).await.unwrap().is_some()
            } else {
                true
            };
            if !there {
                return false;
            }
        }
        true
    }

    async fn patch_status<K>(&self, object: &K, status: serde_json::Value)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &object.namespace().unwrap());
        let patch = json!({"metadata": {"uid": object.uid().unwrap()}, "status": status});
        // It may be gone by now.
        let _ = api
            .patch_status(
                &object.name_any(),
                &PatchParams::default(),
                &Patch::Merge(&patch),
            )
            .await;
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} at {}", self.name, self.address)
    }
}

fn container(state: &serde_json::Value, ready: bool) -> serde_json::Value {
    json!({"name": "kafka", "image": "apache/kafka:4.3.1", "imageID": "", "ready": ready, "started": ready, "restartCount": 0, "state": state})
}

/// A node of Kafka comes up.
fn join(state: &mut State, config: &RunnerConfig, permission: Option<Format>, address: IpAddr) {
    let id = config.node_id.0;
    if let (Some(Format::Initial), Some(first)) = (permission, &config.initial_controllers)
        && state.cluster_id != config.cluster_id
    {
        // Brokers may have come up before the first controller.
        let nodes = std::mem::take(&mut state.nodes);
        let observers = std::mem::take(&mut state.observers);
        *state = State {
            nodes,
            observers,
            ..State::empty(&config.cluster_id)
        };
        state.finalized_features.insert(
            "metadata.version".to_owned(),
            config.metadata_version.level(),
        );
        state
            .supported_features
            .insert("metadata.version".to_owned(), (7, 29));
        for voter in first.split(',') {
            let (node, rest) = voter.split_once('@').unwrap();
            let mut parts = rest.split(':');
            let (host, port, directory) = (
                parts.next().unwrap(),
                parts.next().unwrap(),
                parts.next().unwrap(),
            );
            let listener = VoterEndpoint {
                name: "CONTROLPLANE-9090".to_owned(),
                host: host.to_owned(),
                port: port.parse().unwrap(),
            };
            let replica = TestVoter {
                directory_id: parse_kafka_id(directory).unwrap(),
                log_end_offset: 100,
                listeners: vec![listener],
            };
            state.voters.insert(node.parse().unwrap(), replica);
        }
    }
    let at = |port, yes: bool| yes.then(|| SocketAddr::new(address, port));
    let node = TestNode::new(
        at(9091, config.roles.is_broker()),
        at(9090, config.roles.is_controller()),
    );
    state.nodes.insert(id, node);
    let metadata = config
        .log_dirs
        .iter()
        .find(|directory| directory.path == config.metadata_log_dir)
        .unwrap();
    let directory = parse_kafka_id(metadata.directory_id.as_ref().unwrap()).unwrap();
    let votes = state
        .voters
        .get(&id)
        .is_some_and(|voter| voter.directory_id == directory);
    if !votes {
        let observer = TestVoter {
            directory_id: directory,
            log_end_offset: 100,
            listeners: Vec::new(),
        };
        state.observers.insert(id, observer);
    }
    elect(state);
}

/// The lowest voter that is up leads, where more than half are up.
fn elect(state: &mut State) {
    let up: Vec<i32> = state
        .voters
        .keys()
        .copied()
        .filter(|id| state.nodes.get(id).is_some_and(|node| node.is_up))
        .collect();
    let leader = (up.len() * 2 > state.voters.len()).then(|| up[0]);
    if leader != state.leader {
        state.leader = leader;
        state.leader_epoch += 1;
    }
}
