//! What a node agent is told when it starts. Read once; nothing here changes afterwards.
//!
//! Not here: where each of these comes from (flags, environment): the command line's settings table.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::home::Home;
use crate::images::{RuntimeState, Runtimes};

/// What happens to the processes of Pods when the agent is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// Every Pod is stopped gracefully; the Pod objects and their volumes stay.
    StopPods,
    /// The processes go on; the next agent on this home adopts them.
    LeaveRunning,
}

/// Where the certificate of the kubelet endpoint comes from.
#[derive(Clone)]
pub enum Serving {
    /// A certificate (chain, leaf first) and its PKCS#8 key, both PEM.
    Certificate {
        /// Leaf first.
        chain_pem: String,
        /// PKCS#8.
        key_pem: String,
    },
    /// A leaf is made at start, signed by this CA.
    Authority {
        /// The CA's certificate.
        ca_pem: String,
        /// The CA's PKCS#8 key.
        ca_key_pem: String,
    },
    /// A certificate signed by itself, for API servers that do not verify kubelets.
    SelfSigned,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate { .. } => "Certificate",
            Self::Authority { .. } => "Authority",
            Self::SelfSigned => "SelfSigned",
        })
    }
}

/// Who may call the kubelet endpoint (logs, exec). `/healthz` is open to all.
#[derive(Clone, Default)]
pub struct Callers {
    /// Clients whose certificate one of these CAs signed (PEM bundle).
    pub client_ca_pem: Option<String>,
    /// Clients that send `Authorization: Bearer <token>`.
    pub bearer_token: Option<String>,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callers")
            .field("client_ca", &self.client_ca_pem.is_some())
            .field("bearer_token", &self.bearer_token.is_some())
            .finish()
    }
}

/// Everything an agent needs to know. Build with [`Settings::new`], then set fields.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each by itself")]
pub struct Settings {
    /// Directory of this installation; all files of the agent live below it.
    pub home: PathBuf,
    /// The home, if the caller already holds it (to know its addresses); else [`crate::run`] takes hold of it.
    pub held: Option<Arc<Home>>,
    /// Name of the Node object.
    pub node_name: String,
    /// Further labels of the Node (topology, for instance).
    pub labels: BTreeMap<String, String>,
    /// Our own binary; containers are started through it.
    pub executable: PathBuf,
    /// What makes the binary call [`crate::container_exec::main`] with the arguments that follow.
    pub container_exec: Vec<String>,
    /// Version shown in the Node's status.
    pub version: String,
    /// Answers for Kafka images.
    pub runtimes: Runtimes,
    /// Bind unscheduled Pods to this node, and provision claims of class `klamm-local`.
    pub schedule: bool,
    /// Provision claims of storage classes that do not exist here as well (local mode: the manifest was written for another place).
    pub adopt_unknown_storage_classes: bool,
    /// Volumes of type hostPath are mounted instead of refused.
    pub allow_host_path: bool,
    /// Images `host:<anything>` run programs of this machine (tests).
    pub allow_host_images: bool,
    /// What stopping means.
    pub on_stop: OnStop,
    /// Certificate of the kubelet endpoint.
    pub serving: Serving,
    /// Who may ask for logs and exec.
    pub callers: Callers,
    /// Port of the kubelet endpoint on the node's address; 0 takes a free one.
    pub kubelet_port: u16,
    /// Give containers a mount namespace with our hosts file where the host allows it.
    pub mount_namespaces: bool,
    /// Put limits of containers into cgroups where the host allows it.
    pub cgroups: bool,
    /// A failing start-up probe is tried again at once between its periods; only a success of those tries counts.
    pub eager_probes: bool,
    /// Tell containers that they may prefer a fast start where the manifest is silent (`KLAMM_FAST_START`).
    pub fast_start: bool,
    /// A container's log file is rotated at this size, in bytes.
    pub log_max_bytes: u64,
    /// How many log files of one container run are kept, the current one included.
    pub log_max_files: u32,
}

impl Settings {
    /// Settings with the defaults of local mode: schedules, provisions, stops its Pods when it stops.
    pub fn new(home: impl Into<PathBuf>, executable: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            held: None,
            node_name: "klamm".to_owned(),
            labels: BTreeMap::new(),
            executable: executable.into(),
            container_exec: vec!["container-exec".to_owned()],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            runtimes: Arc::new(|image: &str| RuntimeState::Failed {
                reason: format!("no Kafka runtime is set up on this node for image {image:?}"),
            }),
            schedule: true,
            adopt_unknown_storage_classes: false,
            allow_host_path: false,
            allow_host_images: false,
            on_stop: OnStop::StopPods,
            serving: Serving::SelfSigned,
            callers: Callers::default(),
            kubelet_port: 10250,
            mount_namespaces: true,
            cgroups: true,
            eager_probes: true,
            fast_start: true,
            log_max_bytes: 10 * 1024 * 1024,
            log_max_files: 3,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("home", &self.home)
            .field("node_name", &self.node_name)
            .field("schedule", &self.schedule)
            .field("on_stop", &self.on_stop)
            .finish_non_exhaustive()
    }
}
