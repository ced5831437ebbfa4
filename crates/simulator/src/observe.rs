//! What the simulated operator sees: a [`model::observed::World`] made from the simulated one.
//!
//! Kubernetes can be seen as it was some time ago (a stale API server); Kafka can be out of reach.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::desired::parse::{Parsed, Settings, parse_cluster};
use model::observed::claim::{Foreign, Permit};
use model::observed::kafka::{self, QuorumNode};
use model::observed::object::{Meta, Object, Owner};
use model::observed::pod::{Container, ContainerState, Pod, PodPhase, Terminated};
use model::observed::resource::{PlanResource, Resource, ServiceAddresses};
use model::observed::secret::Secret;
use model::observed::volume::Volume;
use model::observed::{Known, Why, World};
use model::runner::BrokerState;
use planner::Input;
use serde_json::Value;

use crate::api::Api;
use crate::kubelet::{Process, RunState, granted, papers};
use crate::store;
use crate::world::Sim;

/// One look of an operator that calls itself `holder`; `None` where there is no Kafka.
pub fn look(sim: &Sim, api: &Api, holder: &str) -> Option<Input> {
    let kafka = api.get("Kafka", &sim.cluster)?;
    let parsed = parse(api, kafka);
    let mut world = World::unseen(resource_of(kafka));
    let at = sim.now;
    let mut pools = BTreeMap::new();
    for (name, pool) in api.list("KafkaNodePool") {
        pools.insert(name.to_owned(), resource_of(pool));
    }
    world.pools = Known::At(at, pools);
    world.plan = Known::At(at, api.get("KafkaPlan", &sim.cluster).map(plan_of));
    let mut foreign = Vec::new();
    let mut pods = BTreeMap::new();
    let mut store_pods = BTreeMap::new();
    for (name, pod) in api.list("Pod") {
        match foreign_owner(pod) {
            Some(owner) => foreign.push(Foreign {
                kind: "Pod".to_owned(),
                name: name.to_owned(),
                owner,
            }),
            None if store::is_store(pod) => {
                store_pods.insert(name.to_owned(), pod_of(sim, pod));
            }
            None => {
                pods.insert(name.to_owned(), pod_of(sim, pod));
            }
        }
    }
    world.foreign = Known::At(at, foreign);
    world.pods = Known::At(at, pods);
    world.store_pods = Known::At(at, store_pods);
    let volumes = |of_store: bool| {
        let all = api.list("PersistentVolumeClaim");
        let wanted = all.filter(|(_, volume)| store::is_store(volume) == of_store);
        let seen = wanted.map(|(name, volume)| (name.to_owned(), volume_of(volume)));
        Known::At(at, seen.collect())
    };
    world.volumes = volumes(false);
    world.store_volumes = volumes(true);
    let secrets = api.list("Secret");
    world.secrets = Known::At(
        at,
        secrets
            .map(|(name, s)| (name.to_owned(), secret_of(api, s)))
            .collect(),
    );
    let objects = api.all().filter(|(key, _)| is_rendered(&key.kind));
    world.objects = Known::At(
        at,
        objects
            .map(|(key, o)| (key.clone(), object_of(o)))
            .collect(),
    );
    world.services = Known::At(at, services(sim, api));
    world.namespace_going = Known::At(at, sim.namespace_going);
    world.permit = Known::At(
        at,
        Permit {
            held: sim.permit_holder == holder,
            holder: sim.permit_holder.clone(),
            until: at + jiff::SignedDuration::from_secs(10),
        },
    );
    see_kafka(sim, at, &mut world);
    Some(Input {
        desired: parsed.cluster,
        warnings: parsed.warnings,
        observed: world,
        now: sim.now,
        settings: sim.settings.clone(),
    })
}

fn parse(api: &Api, kafka: &Value) -> Parsed {
    let typed: Result<resources::Kafka, _> = serde_json::from_value(kafka.clone());
    let pools: Vec<resources::KafkaNodePool> = api
        .list("KafkaNodePool")
        .filter_map(|(_, pool)| serde_json::from_value(pool.clone()).ok())
        .collect();
    match typed {
        Ok(typed) => parse_cluster(&typed, &pools, &Settings::default()),
        Err(error) => Parsed {
            cluster: Err(vec![model::problem::Problem {
                subject: model::problem::Subject::new("Kafka", "?"),
                reason: model::problem::ProblemReason::InvalidValue,
                field: "spec".to_owned(),
                given: error.to_string(),
                allowed: "what the schema says".to_owned(),
                example: String::new(),
            }]),
            warnings: Vec::new(),
        },
    }
}

fn see_kafka(sim: &Sim, at: Timestamp, world: &mut World) {
    let processes = sim.kubelet.processes(sim.now);
    if processes.is_empty() {
        return;
    }
    for (uid, process) in &processes {
        if let Some(run) = sim.kubelet.pods.get(uid) {
            let state = runner_of(&sim.api, &run.name, process);
            world.runners.insert(process.node, Known::At(at, state));
        }
    }
    if sim.kafka_hidden {
        let why = Why::Unreachable {
            text: "DescribeCluster: no answer within 2 s".to_owned(),
        };
        world.quorum = Known::Unknown(why.clone());
        world.brokers = Known::Unknown(why.clone());
        world.features = Known::Unknown(why.clone());
        world.partitions = Known::Unknown(why);
        return;
    }
    let has_store = store::has_store(&sim.kafka);
    let controllers = processes.iter().any(|(_, process)| process.controller);
    if has_store {
        let leader = store::elected(&sim.kafka);
        // Brokers are asked: where none runs, nobody answers.
        if processes.iter().any(|(_, process)| process.broker) {
            let seen = kafka::Quorum {
                leader,
                ..kafka::Quorum::default()
            };
            world.quorum = Known::At(at, seen);
        }
    } else if controllers {
        world.quorum = Known::At(at, quorum_of(sim));
    }
    if sim.kafka.leader().is_none() {
        return;
    }
    if has_store && !processes.iter().any(|(_, process)| process.broker) {
        return;
    }
    let some = processes.first().map(|(_, process)| &process.metadata_disk);
    let cluster_id = some
        .and_then(|disk| sim.disks.content(disk))
        .map(|content| content.cluster_id.clone());
    let brokers = sim.kafka.brokers.iter().map(|(id, broker)| {
        let seen = kafka::Broker {
            fenced: broker.fenced,
            rack: None,
        };
        (*id, seen)
    });
    world.brokers = Known::At(
        at,
        kafka::Brokers {
            cluster_id: cluster_id.unwrap_or_default(),
            brokers: brokers.collect(),
        },
    );
    world.features = Known::At(
        at,
        kafka::Features {
            metadata_version: sim.kafka.metadata_version,
            kraft_version: (!has_store).then_some(1),
        },
    );
    world.partitions = Known::At(at, partitions_of(sim));
    for (_, process) in processes.iter().filter(|(_, process)| process.broker) {
        if sim
            .kafka
            .brokers
            .get(&process.node)
            .is_some_and(|broker| !broker.fenced)
        {
            let settings = settings_of(sim, process);
            world.settings.insert(process.node, Known::At(at, settings));
        }
    }
}

fn runner_of(api: &Api, pod: &str, process: &Process) -> BrokerState {
    let listener = if process.broker {
        "REPLICATION-9091"
    } else {
        "CONTROLPLANE-9090"
    };
    let mounted = papers(api, pod);
    let by_listener = |hash: &str| BTreeMap::from([(listener.to_owned(), hash.to_owned())]);
    let stale = (mounted.trust != process.serves.trust).then(|| listener.to_owned());
    BrokerState {
        broker_state: model::runner::broker_state::RUNNING,
        doing: None,
        recovery_state: None,
        certificate_hash: by_listener(&process.serves.own),
        stale_trust: stale.into_iter().collect(),
        started_certificate_ends: process
            .started_with
            .ends
            .filter(|_| mounted.own != process.started_with.own),
        assembled_hash: by_listener(&mounted.own),
        files_kept_because: None,
        config_hash: String::new(),
        runner_version: String::new(),
    }
}

/// Kafka's defaults, where a story needs them.
const DEFAULTS: [(&str, &str); 3] = [
    ("min.insync.replicas", "1"),
    ("num.io.threads", "8"),
    ("log.cleaner.threads", "1"),
];

/// Kafka's default of a property.
pub fn default_of(key: &str) -> &'static str {
    let found = DEFAULTS.iter().find(|(name, _)| *name == key);
    found.map_or("", |(_, default)| default)
}

fn settings_of(sim: &Sim, process: &Process) -> BTreeMap<String, kafka::Setting> {
    let mut settings: BTreeMap<String, kafka::Setting> = BTreeMap::new();
    for (key, default) in DEFAULTS {
        settings.entry(key.to_owned()).or_default().default = Some(default.to_owned());
    }
    for (key, value) in &process.settings {
        settings.entry(key.clone()).or_default().of_file = Some(value.clone());
    }
    for (key, value) in &sim.kafka.settings {
        settings.entry(key.clone()).or_default().of_all = Some(value.clone());
    }
    for setting in settings.values_mut() {
        let layers = [&setting.of_all, &setting.of_file, &setting.default];
        setting.value = layers.into_iter().flatten().next().cloned();
    }
    settings
}

fn quorum_of(sim: &Sim) -> kafka::Quorum {
    let Some(quorum) = &sim.kafka.quorum else {
        return kafka::Quorum::default();
    };
    if quorum.leader.is_none() {
        return kafka::Quorum::default();
    }
    let node = |id: i32, directory: &String| {
        let fetched = quorum.fetched.get(&(id, directory.clone()));
        let ago = fetched.map(|at| sim.now.as_millisecond() - at.as_millisecond());
        QuorumNode {
            id,
            directory: Some(directory.clone()),
            lag: fetched.map(|_| 0),
            last_fetch_ms: ago,
            last_caught_up_ms: ago,
        }
    };
    let observers = quorum
        .fetched
        .keys()
        .filter(|(id, directory)| quorum.voters.get(id) != Some(directory));
    kafka::Quorum {
        leader: quorum.leader,
        epoch: quorum.epoch,
        voters: quorum
            .voters
            .iter()
            .map(|(id, directory)| node(*id, directory))
            .collect(),
        observers: observers
            .map(|(id, directory)| node(*id, directory))
            .collect(),
    }
}

fn partitions_of(sim: &Sim) -> kafka::Partitions {
    let mut seen = kafka::Partitions::default();
    for (name, partition) in &sim.kafka.partitions {
        seen.total += 1;
        seen.under_replicated += u64::from(partition.isr.len() < partition.replicas.len());
        seen.leaderless += u64::from(partition.leader.is_none());
        let only = match (partition.leader, partition.isr.as_slice()) {
            (None, _) => partition.replicas.clone(),
            (Some(_), [one]) => vec![*one],
            (Some(_), _) => Vec::new(),
        };
        for id in only {
            let names = seen.only_copy.entry(id).or_default();
            if names.len() < 10 {
                names.push(name.clone());
            }
        }
    }
    seen
}

fn is_rendered(kind: &str) -> bool {
    !matches!(
        kind,
        "Kafka" | "KafkaNodePool" | "KafkaPlan" | "Pod" | "PersistentVolumeClaim" | "Secret"
    )
}

fn services(sim: &Sim, api: &Api) -> BTreeMap<String, ServiceAddresses> {
    let services = api
        .list("Service")
        .enumerate()
        .map(|(index, (name, service))| {
            let headless = service["spec"]["clusterIP"] == "None";
            let network = if sim.kubelet.local {
                "127.77.1"
            } else {
                "10.96.0"
            };
            let balanced = sim.balanced && service["spec"]["type"] == "LoadBalancer";
            let balancer = balanced.then(|| format!("{name}.example.org"));
            let cluster_ip = (!headless).then(|| format!("{network}.{}", index + 1));
            let seen = ServiceAddresses {
                cluster_ip,
                load_balancer: balancer.into_iter().collect(),
                node_ports: BTreeMap::new(),
            };
            (name.to_owned(), seen)
        });
    services.collect()
}

/// The owner of a Pod that is not ours.
fn foreign_owner(pod: &Value) -> Option<String> {
    let owner = &pod["metadata"]["ownerReferences"][0];
    let kind = owner["kind"].as_str()?;
    (kind != "Kafka").then(|| format!("{kind}/{}", owner["name"].as_str().unwrap_or_default()))
}

fn meta_of(object: &Value) -> Meta {
    let metadata = &object["metadata"];
    let map = |key: &str| {
        let map = metadata[key].as_object();
        let map = map.into_iter().flatten();
        map.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    };
    let owner = &metadata["ownerReferences"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Meta {
        uid: text(&metadata["uid"]),
        resource_version: text(&metadata["resourceVersion"]),
        labels: map("labels"),
        annotations: map("annotations"),
        owner: owner.is_object().then(|| Owner {
            kind: text(&owner["kind"]),
            name: text(&owner["name"]),
            uid: text(&owner["uid"]),
        }),
        deleting: !metadata["deletionTimestamp"].is_null(),
    }
}

fn resource_of(object: &Value) -> Resource {
    let metadata = &object["metadata"];
    Resource {
        namespace: metadata["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        name: metadata["name"].as_str().unwrap_or_default().to_owned(),
        meta: meta_of(object),
        generation: metadata["generation"].as_i64().unwrap_or_default(),
        status: object["status"].clone(),
    }
}

fn plan_of(object: &Value) -> PlanResource {
    PlanResource {
        name: object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        meta: meta_of(object),
        generation: object["metadata"]["generation"]
            .as_i64()
            .unwrap_or_default(),
        spec: object["spec"].clone(),
        status: object["status"].clone(),
    }
}

fn object_of(object: &Value) -> Object {
    let mut body = object.clone();
    let mut status = Value::Null;
    if let Some(body) = body.as_object_mut() {
        for key in ["apiVersion", "kind", "metadata"] {
            body.remove(key);
        }
        status = body.remove("status").unwrap_or(Value::Null);
    }
    Object {
        meta: meta_of(object),
        body,
        status,
    }
}

fn volume_of(object: &Value) -> Volume {
    Volume {
        meta: meta_of(object),
        bound: true,
        lost: false,
        size: object["spec"]["resources"]["requests"]["storage"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        class: object["spec"]["storageClassName"]
            .as_str()
            .map(str::to_owned),
    }
}

fn secret_of(api: &Api, object: &Value) -> Secret {
    let mut certificates: BTreeMap<String, model::observed::secret::Certificate> =
        serde_json::from_value(object["certificates"].clone()).unwrap_or_default();
    for certificate in certificates.values_mut() {
        let key = certificate.signed_by.clone().unwrap_or_default();
        let signer = api
            .list("Secret")
            .find(|(_, secret)| secret["keyId"] == key);
        let signer = signer.map(|(_, secret)| &secret["certificates"]["ca.crt"]["fingerprint"]);
        certificate.signed_by = signer.and_then(Value::as_str).map(str::to_owned);
    }
    let data = object["data"].as_object();
    let keys = data
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.to_string()));
    Secret {
        meta: meta_of(object),
        keys: keys.collect(),
        certificates,
    }
}

fn pod_of(sim: &Sim, object: &Value) -> Pod {
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    let run = sim.kubelet.pods.get(uid);
    let waiting = |reason: &str| ContainerState::Waiting {
        reason: reason.to_owned(),
        message: String::new(),
    };
    let (state, last, ready) = match run.map(|run| &run.state) {
        None | Some(RunState::Creating) => (waiting("ContainerCreating"), None, false),
        Some(RunState::Running { ready, .. }) => (ContainerState::Running, None, *ready),
        Some(RunState::Ended { message, .. }) => {
            let last = Terminated {
                exit_code: 1,
                reason: "Error".to_owned(),
                message: message.clone(),
            };
            (waiting("CrashLoopBackOff"), Some(last), false)
        }
    };
    Pod {
        meta: meta_of(object),
        node_name: run.map(|_| "machine".to_owned()),
        phase: if matches!(state, ContainerState::Running) {
            PodPhase::Running
        } else {
            PodPhase::Pending
        },
        pod_ip: run.map(|run| run.ip.clone()),
        host_ip: None,
        ready,
        format: granted(object),
        created: None,
        unschedulable: None,
        containers: vec![Container {
            name: "kafka".to_owned(),
            init: false,
            ready,
            started: Some(ready),
            restarts: run.map_or(0, |run| run.restarts),
            state,
            last,
        }],
    }
}
