//! The Node object and its Lease: that this node is there, what it has, and that it still lives.
//!
//! The Lease is renewed every ten seconds; the Node's status is written only when something in it has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    DaemonEndpoint, Namespace, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus,
    NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::address::Range;
use crate::context::standard_labels;
use crate::events::seconds;
use crate::process::boot_id;
use crate::settings::Settings;

/// The kubelet's own figures.
const LEASE_SECONDS: i32 = 40;
const RENEW_EVERY: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);
const LEASES: &str = "kube-node-lease";
/// Pods of a node, as kubelets limit them.
pub(crate) const PODS: usize = 110;
/// Less room than this on the home's file system is disk pressure.
const LITTLE_DISK_PERCENT: u64 = 5;

/// What the machine has, as quantities by name.
pub(crate) fn capacity(home: &Path) -> BTreeMap<String, String> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .trim()
                .parse::<u64>()
                .ok()
        })
        .unwrap_or(0);
    let disk =
        rustix::fs::statvfs(home).map_or(0, |disk| disk.f_blocks.saturating_mul(disk.f_frsize));
    BTreeMap::from([
        ("cpu".to_owned(), cpus.to_string()),
        ("memory".to_owned(), format!("{memory}Ki")),
        ("ephemeral-storage".to_owned(), format!("{}Ki", disk / 1024)),
        ("pods".to_owned(), PODS.to_string()),
    ])
}

fn disk_pressure(home: &Path) -> bool {
    rustix::fs::statvfs(home).is_ok_and(|disk| {
        disk.f_bavail.saturating_mul(100) < disk.f_blocks.saturating_mul(LITTLE_DISK_PERCENT)
    })
}

/// Registers the Node; returns when the API server has it.
pub(crate) async fn register(client: &Client, settings: &Settings) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    let mut labels = standard_labels(&settings.node_name);
    labels.extend(settings.labels.clone());
    match api.get_opt(&settings.node_name).await? {
        None => {
            let node = Node {
                metadata: ObjectMeta {
                    name: Some(settings.node_name.clone()),
                    labels: Some(labels),
                    ..ObjectMeta::default()
                },
                ..Node::default()
            };
            match api.create(&PostParams::default(), &node).await {
                Err(kube::Error::Api(error)) if error.code == 409 => Ok(()),
                created => created.map(drop),
            }
        }
        Some(node) => {
            let missing: BTreeMap<_, _> = labels
                .into_iter()
                .filter(|(key, value)| node.labels().get(key) != Some(value))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            let patch = Patch::Merge(json!({"metadata": {"labels": missing}}));
            api.patch(&settings.node_name, &PatchParams::default(), &patch)
                .await
                .map(drop)
        }
    }
}

/// What the Node's status is made from.
pub(crate) struct Heartbeat {
    pub client: Client,
    pub settings: std::sync::Arc<Settings>,
    pub range: Range,
    pub capacity: BTreeMap<String, String>,
    pub kubelet_port: u16,
}

impl Heartbeat {
    /// Writes status and Lease until the agent stops.
    pub(crate) async fn beat(&self, stop: CancellationToken) {
        loop {
            let well = match self.write_status(true).await {
                Ok(()) => self.renew_lease().await,
                Err(error) => Err(error),
            };
            let wait = match well {
                Ok(()) => RENEW_EVERY,
                Err(error) => {
                    tracing::debug!(%error, "heartbeat");
                    RETRY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Writes the Node's status if it differs from what is there.
    pub(crate) async fn write_status(&self, ready: bool) -> Result<(), kube::Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let Some(node) = api.get_opt(&self.settings.node_name).await? else {
            return register(&self.client, &self.settings).await;
        };
        let before = node.status.unwrap_or_default();
        let status = self.status(&before, ready);
        if same(&before, &status) {
            return Ok(());
        }
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(&self.settings.node_name, &PatchParams::default(), &patch)
            .await
            .map(drop)
    }

    fn status(&self, before: &NodeStatus, ready: bool) -> NodeStatus {
        let now = Timestamp::now();
        let condition = |type_: &str, holds: bool, reason: &str, message: &str| {
            let status = if holds { "True" } else { "False" };
            let previous = before
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == type_);
            let since = previous
                .filter(|previous| previous.status == status)
                .and_then(|previous| previous.last_transition_time.clone());
            NodeCondition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_transition_time: since.or_else(|| Some(Time(seconds(now)))),
                last_heartbeat_time: Some(Time(seconds(now))),
            }
        };
        let disk = disk_pressure(&self.settings.home);
        let conditions = vec![
            condition(
                "MemoryPressure",
                false,
                "AgentHasSufficientMemory",
                "nothing is evicted here",
            ),
            if disk {
                condition(
                    "DiskPressure",
                    true,
                    "AgentHasDiskPressure",
                    "less than 5 % of the home's file system is free",
                )
            } else {
                condition(
                    "DiskPressure",
                    false,
                    "AgentHasNoDiskPressure",
                    "the home's file system has room",
                )
            },
            condition(
                "PIDPressure",
                false,
                "AgentHasSufficientPID",
                "nothing is evicted here",
            ),
            if ready {
                condition(
                    "Ready",
                    true,
                    "AgentReady",
                    "the node agent runs Pods as processes",
                )
            } else {
                condition("Ready", false, "AgentStopped", "the node agent was stopped")
            },
        ];
        let quantities: BTreeMap<String, Quantity> = self
            .capacity
            .iter()
            .map(|(name, amount)| (name.clone(), Quantity(amount.clone())))
            .collect();
        NodeStatus {
            capacity: Some(quantities.clone()),
            allocatable: Some(quantities),
            conditions: Some(conditions),
            addresses: Some(vec![
                NodeAddress {
                    type_: "InternalIP".to_owned(),
                    address: self.range.node().to_string(),
                },
                NodeAddress {
                    type_: "Hostname".to_owned(),
                    address: self.settings.node_name.clone(),
                },
            ]),
            daemon_endpoints: Some(NodeDaemonEndpoints {
                kubelet_endpoint: Some(DaemonEndpoint {
                    port: i32::from(self.kubelet_port),
                }),
            }),
            node_info: Some(node_info(&self.settings.version)),
            ..NodeStatus::default()
        }
    }

    async fn renew_lease(&self) -> Result<(), kube::Error> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), LEASES);
        let name = &self.settings.node_name;
        let now = MicroTime(Timestamp::now());
        let patch = Patch::Merge(
            json!({"spec": {"renewTime": now, "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS}}),
        );
        match api.patch(name, &PatchParams::default(), &patch).await {
            Err(kube::Error::Api(error)) if error.code == 404 => {}
            patched => return patched.map(drop),
        }
        let node: Api<Node> = Api::all(self.client.clone());
        let owner = node
            .get_opt(name)
            .await?
            .and_then(|node| node.uid())
            .map(|uid| OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Node".to_owned(),
                name: name.clone(),
                uid,
                ..OwnerReference::default()
            });
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                owner_references: owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(name.clone()),
                lease_duration_seconds: Some(LEASE_SECONDS),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        };
        match api.create(&PostParams::default(), &lease).await {
            Err(kube::Error::Api(error)) if error.code == 404 => {
                let namespace = Namespace {
                    metadata: ObjectMeta {
                        name: Some(LEASES.to_owned()),
                        ..ObjectMeta::default()
                    },
                    ..Namespace::default()
                };
                let namespaces: Api<Namespace> = Api::all(self.client.clone());
                namespaces
                    .create(&PostParams::default(), &namespace)
                    .await?;
                api.create(&PostParams::default(), &lease).await.map(drop)
            }
            created => created.map(drop),
        }
    }
}

/// Nothing has changed but the time of looking.
fn same(before: &NodeStatus, now: &NodeStatus) -> bool {
    let still = |status: &NodeStatus| {
        let mut conditions = status.conditions.clone().unwrap_or_default();
        for condition in &mut conditions {
            condition.last_heartbeat_time = None;
        }
        let mut node_info = status.node_info.clone();
        if let Some(info) = &mut node_info {
            info.swap = None;
        }
        (
            conditions,
            status.addresses.clone(),
            status.capacity.clone(),
            status.allocatable.clone(),
            status.daemon_endpoints.clone(),
            node_info,
        )
    };
    still(before) == still(now)
}

fn node_info(version: &str) -> NodeSystemInfo {
    let read = |path: &str| {
        fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    let os = read("/etc/os-release");
    let os = os
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map_or("Linux", |name| name.trim_matches('"'));
    let labels = standard_labels("");
    let machine = read("/etc/machine-id");
    NodeSystemInfo {
        architecture: labels
            .get("kubernetes.io/arch")
            .cloned()
            .unwrap_or_default(),
        boot_id: boot_id(),
        container_runtime_version: format!("klamm://{version}"),
        kernel_version: read("/proc/sys/kernel/osrelease"),
        kubelet_version: format!("v{version}-klamm"),
        machine_id: machine.clone(),
        operating_system: "linux".to_owned(),
        os_image: os.to_owned(),
        system_uuid: machine,
        ..NodeSystemInfo::default()
    }
}
