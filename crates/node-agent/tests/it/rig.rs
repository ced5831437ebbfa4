//! A control plane and an agent for one test. Whatever the test does, nothing of it is left running.

use std::fmt::Debug;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use control_plane::ControlPlane;
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use node_agent::home::Home;
use node_agent::settings::{Callers, Serving, Settings};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use reference_apiserver::{Options, Reference};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing in these tests takes long; a machine under load may.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const NAMESPACE: &str = "test";

/// The binary that plays `klamm`.
pub(crate) fn harness() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_node-agent-harness"))
}

/// One registry for all tests of this user, so that tests that run at once get addresses apart.
pub(crate) fn registry() -> PathBuf {
    std::env::temp_dir()
        .join(format!(
            "klamm-node-agent-tests-{}",
            rustix::process::getuid().as_raw()
        ))
        .join("loopback.json")
}

/// A home that is removed with everything that runs in it.
pub(crate) struct TestHome(tempfile::TempDir);

impl TestHome {
    pub(crate) fn new() -> Self {
        Self(
            tempfile::Builder::new()
                .prefix("klamm-node-")
                .tempdir()
                .unwrap(),
        )
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Pids of all processes that belong to containers of this home.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let wanted = format!("KLAMM_CONTAINER_DIR={}/", self.path().display());
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|entry| entry.starts_with(wanted.as_bytes()))
            })
            .collect()
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        // An agent that is being dropped may start one more.
        let mut quiet = 0;
        for _ in 0..200 {
            let left = self.processes();
            quiet = if left.is_empty() { quiet + 1 } else { 0 };
            if quiet == 5 {
                break;
            }
            for pid in left {
                if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// An agent that runs in this process.
pub(crate) struct Agent {
    stop: CancellationToken,
    task: JoinHandle<Result<(), node_agent::Error>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task)
            .await
            .expect("the agent stops")
            .unwrap()
            .unwrap();
    }
}

/// The API server of a test.
pub(crate) enum Backend {
    Ours(ControlPlane),
    /// A real kube-apiserver with its controller manager, and the CA by which it is known to kubelets.
    Real {
        server: Box<Reference>,
        kubelet_client_ca: String,
    },
}

impl Backend {
    /// Ours, for what needs it on a socket.
    pub(crate) fn ours(&self) -> &ControlPlane {
        match self {
            Self::Ours(plane) => plane,
            Self::Real { .. } => panic!("this test is about the embedded control plane"),
        }
    }

    /// How the kubelet endpoint and this API server know each other.
    fn trust(&self, node: IpAddr) -> (Serving, Callers) {
        match self {
            Self::Ours(plane) => {
                let certificate = plane.issue_node_certificate("klamm", &[node]).unwrap();
                let serving = Serving::Certificate {
                    chain_pem: certificate.certificate,
                    key_pem: certificate.key,
                };
                (
                    serving,
                    Callers {
                        client_ca_pem: Some(plane.authority_pem().to_owned()),
                        bearer_token: None,
                    },
                )
            }
            Self::Real {
                kubelet_client_ca, ..
            } => (
                Serving::SelfSigned,
                Callers {
                    client_ca_pem: Some(kubelet_client_ca.clone()),
                    bearer_token: None,
                },
            ),
        }
    }
}

/// A control plane, a home, and (mostly) an agent.
pub(crate) struct Rig {
    // Dropped in this order: no agent brings back what the home kills.
    agent: Option<Agent>,
    pub home: Arc<TestHome>,
    pub plane: Backend,
    pub client: Client,
}

impl Rig {
    /// With an agent of the usual settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With an agent whose settings are changed first.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut rig = Self::without_agent().await;
        rig.start_agent(change);
        rig
    }

    /// Without an agent.
    pub(crate) async fn without_agent() -> Self {
        let home = Arc::new(TestHome::new());
        // The range is asked for early: the control plane gives Services their addresses from it.
        let range = Home::hold(home.path(), &registry()).unwrap().range();
        let mut settings = control_plane::Settings::in_memory();
        settings.service_network = range.services();
        let plane = ControlPlane::open(settings).await.unwrap();
        let client = Client::new(plane.service(), "default");
        let rig = Self {
            agent: None,
            home,
            plane: Backend::Ours(plane),
            client,
        };
        rig.create_namespace().await;
        rig
    }

    /// On a real kube-apiserver; `None` where there is none and none is required.
    pub(crate) async fn on_reference() -> Option<Self> {
        let home = Arc::new(TestHome::new());
        let range = Home::hold(home.path(), &registry()).unwrap().range();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key).unwrap();
        let client = |name: &str, organization: Option<&str>| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            if let Some(organization) = organization {
                params
                    .distinguished_name
                    .push(DnType::OrganizationName, organization);
            }
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let certificate = params.signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        // As kubeadm makes it.
        let (certificate, key) = client("kube-apiserver-kubelet-client", Some("system:masters"));
        let file = |name: &str, content: &str| {
            let path = home.path().join(name);
            fs::write(&path, content).unwrap();
            path.display().to_string()
        };
        // Somebody whom the same CA knows, and nobody has allowed anything.
        let (certificate_of_another, key_of_another) = client("somebody", None);
        file("somebody.crt", &certificate_of_another);
        file("somebody.key", &key_of_another);
        let options = Options {
            controller_manager: true,
            apiserver_arguments: vec![
                format!("--service-cluster-ip-range={}", range.services_cidr()),
                format!(
                    "--kubelet-client-certificate={}",
                    file("kubelet-client.crt", &certificate)
                ),
                format!("--kubelet-client-key={}", file("kubelet-client.key", &key)),
                "--kubelet-preferred-address-types=InternalIP".to_owned(),
            ],
            controller_manager_arguments: Vec::new(),
        };
        let server = match Reference::start(&options).await {
            Ok(server) => Box::new(server),
            Err(missing @ reference_apiserver::Error::Missing(_))
                if !reference_apiserver::is_required() =>
            {
                println!("skipped: {missing}");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let client = server.client().unwrap();
        let rig = Self {
            agent: None,
            home,
            plane: Backend::Real {
                server,
                kubelet_client_ca: ca_pem,
            },
            client,
        };
        rig.create_namespace().await;
        // Pods are refused until the controller manager has made their service account.
        eventually("the default service account", async || {
            rig.api::<ServiceAccount>()
                .get_opt("default")
                .await
                .unwrap()
                .map(drop)
        })
        .await;
        Some(rig)
    }

    async fn create_namespace(&self) {
        let namespace: Namespace = from(json!({"metadata": {"name": NAMESPACE}}));
        Api::<Namespace>::all(self.client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
    }

    /// Starts an agent in this process.
    pub(crate) fn start_agent(&mut self, change: impl FnOnce(&mut Settings)) {
        let held = Arc::new(Home::hold(self.home.path(), &registry()).unwrap());
        let mut settings = Settings::new(self.home.path(), harness());
        (settings.serving, settings.callers) = self.plane.trust(held.range().node().into());
        settings.held = Some(held);
        settings.allow_host_images = true;
        settings.cgroups = false;
        change(&mut settings);
        let stop = CancellationToken::new();
        let task = tokio::spawn(node_agent::run(self.client.clone(), settings, stop.clone()));
        self.agent = Some(Agent { stop, task });
    }

    /// Stops the agent and waits for it.
    pub(crate) async fn stop_agent(&mut self) {
        self.agent.take().expect("an agent runs").stop().await;
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Creates an object of the test's namespace.
    pub(crate) async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        self.api()
            .create(&PostParams::default(), &from(object))
            .await
            .unwrap()
    }

    /// Creates a Pod with one container that runs a shell script.
    pub(crate) async fn shell(&self, name: &str, script: &str) -> Pod {
        self.pod(
            name,
            json!({"terminationGracePeriodSeconds": 5}),
            json!({"command": ["sh", "-c", script]}),
        )
        .await
    }

    /// Creates a Pod with one container `main`.
    pub(crate) async fn pod(&self, name: &str, spec: Value, container: Value) -> Pod {
        let mut main = json!({"name": "main", "image": "host:any"});
        merge(&mut main, container);
        let mut whole = json!({"containers": [main]});
        merge(&mut whole, spec);
        self.create(json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": whole}))
            .await
    }

    pub(crate) async fn get(&self, pod: &str) -> Option<Pod> {
        self.api::<Pod>().get_opt(pod).await.unwrap()
    }

    /// Waits until a Pod is as wanted; shows how it is if it never gets there.
    pub(crate) async fn until(&self, pod: &str, what: &str, good: impl Fn(&Pod) -> bool) -> Pod {
        let mut last = None;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = self.get(pod).await {
                    if good(&found) {
                        return found;
                    }
                    last = Some(found);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        if let Ok(found) = waited {
            return found;
        }
        let events = self.events(pod).await;
        let status = serde_json::to_string_pretty(&last.and_then(|pod| pod.status)).unwrap();
        panic!("{pod} is not {what}:\n{status}\n{events:#?}")
    }

    pub(crate) async fn ready(&self, pod: &str) -> Pod {
        self.until(pod, "ready", is_ready).await
    }

    /// Deletes a Pod and waits until it is gone.
    pub(crate) async fn delete(&self, pod: &str) {
        self.api::<Pod>()
            .delete(pod, &DeleteParams::default())
            .await
            .unwrap();
        self.gone(pod).await;
    }

    pub(crate) async fn gone(&self, pod: &str) {
        eventually(&format!("{pod} gone"), async || {
            self.get(pod).await.is_none().then_some(())
        })
        .await;
    }

    /// Reasons and messages of the events of a Pod.
    pub(crate) async fn events(&self, object: &str) -> Vec<String> {
        let events = self
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        events
            .iter()
            .filter(|event| event.involved_object.name.as_deref() == Some(object))
            .map(|event| {
                format!(
                    "{}: {}",
                    event.reason.clone().unwrap_or_default(),
                    event.message.clone().unwrap_or_default()
                )
            })
            .collect()
    }

    /// Waits for an event that contains a text.
    pub(crate) async fn event(&self, object: &str, text: &str) {
        eventually(&format!("event {text:?} of {object}"), async || {
            self.events(object)
                .await
                .iter()
                .any(|event| event.contains(text))
                .then_some(())
        })
        .await;
    }

    /// Directory of a Pod's container.
    pub(crate) fn container_dir(&self, pod: &Pod) -> PathBuf {
        self.home
            .path()
            .join("pods")
            .join(pod.uid().unwrap())
            .join("containers/main")
    }
}

/// Waits until `look` sees something.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Waits until a file has content.
pub(crate) async fn content(path: &Path) -> String {
    eventually(&format!("{} has content", path.display()), async || {
        fs::read_to_string(path)
            .ok()
            .filter(|text| !text.is_empty())
    })
    .await
}

pub(crate) fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) else {
        return;
    };
    into.extend(from);
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").as_deref() == Some("True")
}

pub(crate) fn condition(pod: &Pod, type_: &str) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == type_)
        .map(|condition| condition.status.clone())
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

/// The status of container `main` as JSON.
pub(crate) fn main_status(pod: &Pod) -> Value {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    statuses
        .and_then(|statuses| statuses.iter().find(|status| status.name == "main"))
        .map(|status| serde_json::to_value(status).unwrap())
        .unwrap_or_default()
}

/// Pid of the container's first process, from its files.
pub(crate) fn pid(container: &Path, attempt: u32) -> i32 {
    let running: Value = serde_json::from_slice(
        &fs::read(container.join(attempt.to_string()).join("running")).unwrap(),
    )
    .unwrap();
    i32::try_from(running["process"]["pid"].as_i64().unwrap()).unwrap()
}

pub(crate) fn kill(pid: i32) {
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

pub(crate) fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
