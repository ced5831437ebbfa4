//! Kubelet and runner: Pods become processes, as the contract between operator and runner says.
//!
//! A Pod is bound, waits for what it mounts, checks its disks, formats as permitted (once), boots Kafka, is ready when
//! Kafka says so. It refuses disks of others and empty ones it may not format, and tries again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::observed::runner::Refusal;
use model::runner::{Format, RUNNER_CONFIG_KEY, RunnerConfig};
use serde_json::Value;

use crate::api::{Api, claims_of};
use crate::disk::{Content, Disk, Disks};
use crate::store;

/// All Pods that are being run, by uid.
#[derive(Debug, Clone, Default)]
pub struct Kubelet {
    /// By uid of the Pod.
    pub pods: BTreeMap<String, Run>,
    /// Nodes whose JVM takes ten times as long.
    pub slow: Vec<i32>,
    /// Nodes whose machine is away: nothing of theirs runs.
    pub away: Vec<i32>,
    /// Whether Pods get loopback addresses that their certificates must name.
    pub local: bool,
    addresses: BTreeMap<String, u8>,
}

/// One Pod that is being run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// How far it is.
    pub state: RunState,
    /// Restarts of its container.
    pub restarts: i32,
    /// Whether its permission to format was used.
    pub formatted: bool,
    /// When it will be gone, once it is being deleted.
    pub going: Option<Timestamp>,
}

/// How far a Pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a world has a handful of Pods")]
pub enum RunState {
    /// Waits for what it mounts.
    Creating,
    /// The container runs; Kafka answers from `answers` on.
    Running {
        /// The process.
        process: Process,
        /// From when on Kafka answers.
        answers: Timestamp,
        /// Whether Kafka says it serves.
        ready: bool,
    },
    /// The container ended and is started again at `again`.
    Ended {
        /// Why.
        message: String,
        /// When.
        again: Timestamp,
    },
}

/// A Kafka process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// Its node id.
    pub node: i32,
    /// Whether it is a controller.
    pub controller: bool,
    /// Whether it is a broker.
    pub broker: bool,
    /// The disk of its metadata log.
    pub metadata_disk: String,
    /// The disk of its partitions.
    pub data_disk: String,
    /// The certificate that it started with.
    pub started_with: Papers,
    /// The certificates that it serves and trusts now.
    pub serves: Papers,
    /// Properties of its file that may change while it runs.
    pub settings: BTreeMap<String, String>,
}

/// Certificates of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Papers {
    /// Fingerprint of its own.
    pub own: String,
    /// When that one ends.
    pub ends: Option<Timestamp>,
    /// Whom it trusts.
    pub trust: String,
}

/// What is mounted into a Pod now.
pub fn papers(api: &Api, pod: &str) -> Papers {
    let own = api
        .get("Secret", pod)
        .map(|secret| &secret["certificates"][format!("{pod}.crt")]);
    let text = |key: &str| own.and_then(|own| own[key].as_str());
    let trust = api
        .list("Secret")
        .find(|(name, _)| name.ends_with("-trustbundle"))
        .map(|(_, secret)| secret["data"].to_string());
    Papers {
        own: text("fingerprint").unwrap_or_default().to_owned(),
        ends: text("notAfter").and_then(|ends| ends.parse().ok()),
        trust: trust.unwrap_or_default(),
    }
}

const BOOT: SignedDuration = SignedDuration::from_secs(3);
const SLOW_BOOT: SignedDuration = SignedDuration::from_secs(30);
const GRACE: SignedDuration = SignedDuration::from_secs(2);
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

impl Kubelet {
    /// Lets all Pods go on to `now`.
    pub fn tick(&mut self, now: Timestamp, api: &mut Api, disks: &mut Disks) {
        let pods: Vec<(String, Value)> = api
            .list("Pod")
            .map(|(name, pod)| (name.to_owned(), pod.clone()))
            .collect();
        for (name, pod) in &pods {
            let uid = pod["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let ip = self.address(name);
            let run = self.pods.entry(uid.clone()).or_insert_with(|| Run {
                name: name.clone(),
                ip,
                state: RunState::Creating,
                restarts: 0,
                formatted: false,
                going: None,
            });
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                let until = *run.going.get_or_insert(now + GRACE);
                if now >= until {
                    api.remove("Pod", name);
                }
                continue;
            }
            let mut run = run.clone();
            self.advance(now, api, disks, pod, &uid, &mut run);
            self.pods.insert(uid, run);
        }
        let uids: Vec<String> = api
            .list("Pod")
            .filter_map(|(_, pod)| pod["metadata"]["uid"].as_str().map(str::to_owned))
            .collect();
        self.pods.retain(|uid, _| uids.contains(uid));
        // What lived as long as its Pod is gone with it, what lived as long as its claim with that.
        let claims: Vec<String> = api
            .list("PersistentVolumeClaim")
            .filter_map(|(_, claim)| claim["metadata"]["uid"].as_str().map(str::to_owned))
            .collect();
        disks.0.retain(|key, _| match key.split_once(':') {
            Some(("pvc", uid)) => claims.iter().any(|claim| claim == uid),
            Some((_, rest)) => uids.iter().any(|uid| rest.starts_with(&format!("{uid}/"))),
            None => false,
        });
    }

    /// All processes that answer, with the uid of their Pod.
    pub fn processes(&self, now: Timestamp) -> Vec<(String, Process)> {
        let runs = self.pods.iter();
        runs.filter_map(|(uid, run)| match &run.state {
            RunState::Running {
                process, answers, ..
            } if now >= *answers => Some((uid.clone(), process.clone())),
            RunState::Running { .. } | RunState::Creating | RunState::Ended { .. } => None,
        })
        .collect()
    }

    /// Ends the process of a node, as SIGKILL does.
    pub fn kill(&mut self, node: i32, now: Timestamp) {
        for run in self.pods.values_mut() {
            if matches!(&run.state, RunState::Running { process, .. } if process.node == node) {
                run.state = RunState::Ended {
                    message: String::new(),
                    again: now + AGAIN,
                };
                run.restarts += 1;
            }
        }
    }

    /// Makes the process of a node read its certificates again.
    pub fn reload(&mut self, node: i32, papers: &Papers) {
        for run in self.pods.values_mut() {
            if let RunState::Running { process, .. } = &mut run.state
                && process.node == node
            {
                process.serves = papers.clone();
            }
        }
    }

    fn address(&mut self, pod: &str) -> String {
        let next = u8::try_from(self.addresses.len() + 10).unwrap_or(u8::MAX);
        let last = *self.addresses.entry(pod.to_owned()).or_insert(next);
        let network = if self.local { "127.77.0" } else { "10.1.0" };
        format!("{network}.{last}")
    }

    fn advance(
        &mut self,
        now: Timestamp,
        api: &Api,
        disks: &mut Disks,
        pod: &Value,
        uid: &str,
        run: &mut Run,
    ) {
        let of_store = store::is_store(pod);
        let node = if of_store {
            store::process_id(pod)
        } else {
            node_id(pod)
        };
        if self.away.contains(&node) {
            run.state = RunState::Creating;
            return;
        }
        let starts = match &run.state {
            RunState::Creating => true,
            RunState::Ended { again, .. } => now >= *again,
            RunState::Running { .. } => false,
        };
        let named = (self.local && !of_store).then_some(run.ip.as_str());
        if !starts || !mounts_exist(api, pod, named) {
            return;
        }
        let started = if of_store {
            store::start(api, disks, pod, run)
        } else {
            start(api, disks, pod, uid, run)
        };
        run.state = match started {
            Ok(process) => {
                let boot = if self.slow.contains(&process.node) {
                    SLOW_BOOT
                } else {
                    BOOT
                };
                RunState::Running {
                    process,
                    answers: now + boot,
                    ready: false,
                }
            }
            Err(message) => {
                run.restarts += 1;
                RunState::Ended {
                    message,
                    again: now + AGAIN,
                }
            }
        };
    }
}

/// The node id in a Pod's name.
pub fn node_id(pod: &Value) -> i32 {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    name.rsplit('-')
        .next()
        .and_then(|id| id.parse().ok())
        .unwrap_or(-1)
}

/// Whether everything is there that a kubelet mounts; on a process node the certificate must name the Pod's address
/// before Kafka starts.
fn mounts_exist(api: &Api, pod: &Value, address: Option<&str>) -> bool {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let volumes = pod["spec"]["volumes"].as_array();
    let exist = volumes.into_iter().flatten().all(|volume| {
        let there = |kind: &str, name: &Value| {
            name.as_str()
                .is_none_or(|name| api.get(kind, name).is_some())
        };
        there("ConfigMap", &volume["configMap"]["name"])
            && there("Secret", &volume["secret"]["secretName"])
            && there(
                "PersistentVolumeClaim",
                &volume["persistentVolumeClaim"]["claimName"],
            )
    });
    let named = address.is_none_or(|address| {
        let secret = api.get("Secret", name);
        let addresses =
            secret.map(|secret| &secret["certificates"][format!("{name}.crt")]["addresses"]);
        let addresses = addresses.and_then(Value::as_array);
        addresses.is_some_and(|all| all.iter().any(|one| one == address))
    });
    exist && named
}

/// The runner's start: checks the disks, formats as permitted.
fn start(
    api: &Api,
    disks: &mut Disks,
    pod: &Value,
    uid: &str,
    run: &mut Run,
) -> Result<Process, String> {
    let map = api.get("ConfigMap", &run.name).ok_or("no ConfigMap")?;
    let text = map["data"][RUNNER_CONFIG_KEY]
        .as_str()
        .ok_or("no runner.json")?;
    let config: RunnerConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let granted = granted(pod).filter(|_| !run.formatted);
    let claims = claims_of(pod);
    let mut keys = Vec::new();
    let mut empty = std::collections::BTreeSet::new();
    for dir in &config.log_dirs {
        let volume = dir.mount.rsplit('/').next().unwrap_or_default();
        let claim = claims.iter().find(|(name, _)| name == volume);
        let key = match claim {
            Some((_, claim)) => {
                let uid = api
                    .get("PersistentVolumeClaim", claim)
                    .map(|claim| &claim["metadata"]["uid"]);
                format!("pvc:{}", uid.and_then(Value::as_str).unwrap_or_default())
            }
            None => format!("pod:{uid}/{volume}"),
        };
        let disk = disks.0.entry(key.clone()).or_default();
        match &disk.content {
            None => {
                empty.insert(dir.volume.0);
            }
            Some(content) => check(content, &config, dir.directory_id.as_deref())?,
        }
        keys.push((key, dir.clone()));
    }
    if !empty.is_empty() && granted.is_none() {
        return Err(Refusal::EmptyVolume.message(&empty, "is empty and may not be formatted"));
    }
    for (key, dir) in &keys {
        if !empty.contains(&dir.volume.0) {
            continue;
        }
        let initial = match (granted, &config.initial_controllers) {
            (Some(Format::Initial), Some(text)) => Some(parse_initial(text)),
            (Some(Format::Initial | Format::Join) | None, _) => None,
        };
        let content = Content {
            cluster_id: config.cluster_id.clone(),
            node: config.node_id.0,
            directory: dir.directory_id.clone().unwrap_or_default(),
            initial,
            ..Content::default()
        };
        disks.0.insert(
            key.clone(),
            Disk {
                content: Some(content),
            },
        );
        run.formatted = true;
    }
    let metadata = keys
        .iter()
        .find(|(_, dir)| dir.path == config.metadata_log_dir);
    let metadata = metadata.or(keys.first()).ok_or("no log directory")?;
    let papers = papers(api, &run.name);
    let properties = map["data"][manifests::config_map::SERVER_CONFIG]
        .as_str()
        .unwrap_or_default();
    let settings = properties
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| manifests::revision::is_dynamic(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(Process {
        started_with: papers.clone(),
        serves: papers,
        settings: settings.collect(),
        node: config.node_id.0,
        controller: config.roles.is_controller(),
        broker: config.roles.is_broker(),
        metadata_disk: metadata.0.clone(),
        data_disk: keys.first().map(|(key, _)| key.clone()).unwrap_or_default(),
    })
}

fn check(content: &Content, config: &RunnerConfig, directory: Option<&str>) -> Result<(), String> {
    let none = std::collections::BTreeSet::new();
    if content.cluster_id != config.cluster_id {
        return Err(Refusal::ForeignCluster.message(&none, "belongs to another cluster"));
    }
    if content.node != config.node_id.0 {
        return Err(Refusal::ForeignNode.message(&none, "belongs to another node"));
    }
    if directory.is_some_and(|directory| directory != content.directory) {
        return Err(Refusal::ForeignDirectory.message(&none, "is another directory"));
    }
    Ok(())
}

/// `KLAMM_FORMAT` of a Pod.
pub fn granted(pod: &Value) -> Option<Format> {
    let containers = pod["spec"]["containers"].as_array()?;
    let kafka = containers
        .iter()
        .find(|container| container["name"] == "kafka")
        .or(containers.first())?;
    let variables = kafka["env"].as_array()?;
    let variable = variables
        .iter()
        .find(|variable| variable["name"] == model::runner::env::FORMAT)?;
    Format::parse(variable["value"].as_str()?)
}

/// `0@host:9090:<directory>,…`.
fn parse_initial(text: &str) -> BTreeMap<i32, String> {
    let entries = text.split(',').filter_map(|entry| {
        let (id, rest) = entry.split_once('@')?;
        let directory = rest.rsplit(':').next()?;
        Some((id.parse().ok()?, directory.to_owned()))
    });
    entries.collect()
}
