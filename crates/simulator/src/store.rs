//! The metadata store, simulated: its servers are voters of the quorum that stands for "somebody remembers".
//!
//! A server of an ensemble, or an etcd, is a process that only votes; its disk remembers as a controller's does. One
//! that begins with an empty disk votes at once only as a first one (`initial`); otherwise it follows a leader first.
//! Servers of the protocol on etcd hold nothing and serve while the quorum is led. Among the brokers the lowest that is
//! registered is the elected controller.

use std::collections::BTreeMap;

use model::observed::runner::Refusal;
use model::runner::Format;
use model::runner::store::{STORE_CONFIG_KEY, StoreConfig};
use serde_json::Value;

use crate::api::{Api, claims_of};
use crate::disk::{Content, Disk, Disks};
use crate::kafka::Kafka;
use crate::kubelet::{Process, Run, granted, node_id};

/// Node id of the first server of the store, where nodes of Kafka are not counted.
const FIRST: i32 = 1_000;

/// Whether an object belongs to the store.
pub fn is_store(object: &Value) -> bool {
    let component = &object["metadata"]["labels"]["strimzi.io/component-type"];
    component == "zookeeper" || component == "etcd"
}

/// The id by which a Pod of the store is known among processes.
pub fn process_id(pod: &Value) -> i32 {
    FIRST + node_id(pod)
}

/// The runner's start in a Pod of the store, or that of a server on etcd.
pub fn start(api: &Api, disks: &mut Disks, pod: &Value, run: &mut Run) -> Result<Process, String> {
    let map = api.get("ConfigMap", &run.name).ok_or("no ConfigMap")?;
    let Some(text) = map["data"][STORE_CONFIG_KEY].as_str() else {
        return Ok(Process {
            node: process_id(pod),
            controller: false,
            broker: false,
            metadata_disk: String::new(),
            data_disk: String::new(),
            ..Process::default()
        });
    };
    let config: StoreConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let claims = claims_of(pod);
    let claim = claims.first().ok_or("no volume")?;
    let uid = api
        .get("PersistentVolumeClaim", &claim.1)
        .and_then(|claim| claim["metadata"]["uid"].as_str())
        .unwrap_or_default();
    let key = format!("pvc:{uid}");
    let process = Process {
        node: process_id(pod),
        controller: true,
        broker: false,
        metadata_disk: key.clone(),
        data_disk: key.clone(),
        ..Process::default()
    };
    let none = std::collections::BTreeSet::new();
    match &disks.0.entry(key.clone()).or_default().content {
        Some(content) if content.cluster_id != config.cluster_id => {
            Err(Refusal::ForeignCluster.message(&none, "belongs to another cluster"))
        }
        Some(content) if content.node != process.node => {
            Err(Refusal::ForeignNode.message(&none, "belongs to another server"))
        }
        Some(_) => Ok(process),
        None => {
            let Some(format) = granted(pod).filter(|_| !run.formatted) else {
                return Err(Refusal::EmptyVolume.message(&none, "is empty"));
            };
            let servers = ensemble(api);
            let content = Content {
                cluster_id: config.cluster_id.clone(),
                node: process.node,
                directory: directory(process.node),
                initial: (format == Format::Initial).then_some(servers),
                ..Content::default()
            };
            disks.0.insert(
                key,
                Disk {
                    content: Some(content),
                },
            );
            run.formatted = true;
            Ok(process)
        }
    }
}

fn directory(id: i32) -> String {
    format!("store-{id}")
}

/// All servers that vote, as their configuration names them.
fn ensemble(api: &Api) -> BTreeMap<i32, String> {
    api.list("ConfigMap")
        .filter(|(_, map)| is_store(map) && map["data"][STORE_CONFIG_KEY].is_string())
        .map(|(_, map)| {
            let id = process_id(map);
            (id, directory(id))
        })
        .collect()
}

/// Who of the brokers is the elected controller.
pub fn elected(kafka: &Kafka) -> Option<i32> {
    kafka.leader()?;
    let mut registered = kafka.brokers.iter().filter(|(_, broker)| !broker.fenced);
    registered.next().map(|(id, _)| *id)
}

/// Whether the metadata are in a store.
pub fn has_store(kafka: &Kafka) -> bool {
    kafka
        .quorum
        .as_ref()
        .is_some_and(|quorum| quorum.voters.keys().any(|id| *id >= FIRST))
}
