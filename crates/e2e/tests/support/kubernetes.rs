//! A real Kubernetes API with `klamm operator` and `klamm node` attached, as processes of their own.
//!
//! Everything stops with the value, also when a test fails: first operator and agent, then what the agent left
//! running, then the API server.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reference_apiserver::{Options, Reference};
use serde_json::Value;

use super::Machine;
use super::machine::{LIMIT, text};

/// Writes are what the audit log is for here.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
    - level: Metadata\n  verbs: [create, update, patch, delete, deletecollection]\n";
const POLL_EVERY: Duration = Duration::from_millis(200);

/// The API server, what is attached to it, and the machine it all runs on.
pub(crate) struct Kubernetes {
    operator: Option<Child>,
    agent: Option<Child>,
    listen: u16,
    runtime: tokio::runtime::Runtime,
    pub(crate) machine: Machine,
    reference: Reference,
    /// Not on the machine: the API server is no process of Klamm's.
    files: tempfile::TempDir,
}

/// A write that the API server has answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Write {
    pub(crate) agent: String,
    pub(crate) verb: String,
    pub(crate) object: String,
    pub(crate) code: u64,
}

impl Kubernetes {
    /// Starts all of it and installs the definitions. `None`, said by name, where there is no API server to run.
    pub(crate) fn start(story: &str) -> Option<Self> {
        let machine = Machine::new();
        let files = tempfile::Builder::new()
            .prefix("klamm-kubernetes-")
            .tempdir()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = options(files.path());
        let reference = match runtime.block_on(Reference::start(&options)) {
            Ok(reference) => reference,
            Err(error @ reference_apiserver::Error::Missing(_))
                if !reference_apiserver::is_required() =>
            {
                eprintln!("SKIPPED {story}: {error}");
                return None;
            }
            Err(error) => panic!("{story}: {error}"),
        };
        let [listen] = reference_apiserver::free_ports().unwrap();
        let mut kubernetes = Self {
            operator: None,
            agent: None,
            listen,
            runtime,
            machine,
            reference,
            files,
        };
        kubernetes.start_operator();
        kubernetes.start_agent();
        Some(kubernetes)
    }

    pub(crate) fn start_operator(&mut self) {
        assert!(self.operator.is_none(), "it runs already");
        let listen = format!("127.0.0.1:{}", self.listen);
        self.operator = Some(self.part(
            "operator",
            &["operator", "-A", "--install-crds", "--listen", &listen],
        ));
    }

    pub(crate) fn start_agent(&mut self) {
        assert!(self.agent.is_none(), "it runs already");
        let authority = self.files.path().join("kubelet-ca.crt");
        let authority = authority.to_str().unwrap();
        let arguments = [
            "node",
            "--schedule",
            "--kubelet-port",
            "0",
            "--client-ca",
            authority,
        ];
        self.agent = Some(self.part("agent", &arguments));
    }

    /// SIGKILL, as by the kernel when memory is short.
    pub(crate) fn kill_operator(&mut self) {
        end(&mut self.operator);
    }

    pub(crate) fn kill_agent(&mut self) {
        end(&mut self.agent);
    }

    fn part(&self, name: &str, arguments: &[&str]) -> Child {
        let log = || {
            let path = self.files.path().join(format!("{name}.log"));
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap()
        };
        self.command()
            .args(["--log", "info"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .spawn()
            .unwrap()
    }

    /// `klamm …`, pointed at this API server.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.machine.command();
        command.env("KUBECONFIG", &self.reference.kubeconfig);
        command
    }

    /// What `klamm status NAME -o json` says, once there is such a cluster.
    pub(crate) fn status(&self, cluster: &str) -> Option<Value> {
        let output: Output = self
            .command()
            // A home that is named would come first.
            .env_remove("KLAMM_HOME")
            .args(["status", cluster, "-o", "json"])
            .output()
            .unwrap();
        if !output.status.success() {
            return None;
        }
        Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output))))
    }

    /// The addresses of a listener.
    pub(crate) fn bootstrap(&self, cluster: &str, listener: &str) -> String {
        let status = self.status(cluster).unwrap();
        let listeners = status["listeners"].as_array().unwrap();
        let found = listeners.iter().find(|entry| entry["listener"] == listener);
        found.unwrap_or_else(|| panic!("no listener {listener} in {status}"))["bootstrapServers"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Server-side applies each document of a manifest, as `kubectl apply` does: strictly.
    pub(crate) fn apply(&self, manifest: &str) {
        let documents: Vec<Value> = manifest
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).unwrap())
            .collect();
        wait("the definitions are served", || {
            self.kube(async |client| {
                let crds: kube::Api<kube::core::DynamicObject> = kube::Api::all_with(
                    client,
                    &resource("kafka.strimzi.io/v1", "Kafka", "kafkas"),
                );
                crds.list(&kube::api::ListParams::default()).await.is_ok()
            })
        });
        for document in documents {
            let plural = match document["kind"].as_str().unwrap() {
                "Kafka" => "kafkas",
                "KafkaNodePool" => "kafkanodepools",
                "Deployment" => "deployments",
                "PodDisruptionBudget" => "poddisruptionbudgets",
                "Secret" => "secrets",
                "Service" => "services",
                other => panic!("no plural for {other}"),
            };
            let kind = resource(
                document["apiVersion"].as_str().unwrap(),
                document["kind"].as_str().unwrap(),
                plural,
            );
            let name = document["metadata"]["name"].as_str().unwrap().to_owned();
            let namespace = document["metadata"]["namespace"].as_str();
            let namespace = namespace.unwrap_or("default").to_owned();
            self.kube(async |client| {
                let api: kube::Api<kube::core::DynamicObject> =
                    kube::Api::namespaced_with(client, &namespace, &kind);
                let mut params = kube::api::PatchParams::apply("story");
                params.field_validation = Some(kube::api::ValidationDirective::Strict);
                api.patch(&name, &params, &kube::api::Patch::Apply(&document))
                    .await
                    .unwrap();
            });
        }
    }

    /// The etcd below the API server.
    pub(crate) fn etcd_url(&self) -> &str {
        &self.reference.etcd_url
    }

    /// A client of the API server, and the runtime to use it on.
    pub(crate) fn kube<T>(&self, work: impl AsyncFnOnce(kube::Client) -> T) -> T {
        self.runtime
            .block_on(async { work(self.reference.client().unwrap()).await })
    }

    /// The writes of Klamm's own processes so far.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let log = std::fs::read_to_string(self.files.path().join("audit.log")).unwrap();
        // The last line may be half written.
        let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        complete
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|event| {
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let agent = word(&event["userAgent"]);
                let object = &event["objectRef"];
                agent.starts_with("klamm-").then(|| Write {
                    agent: agent.split('/').next().unwrap_or_default().to_owned(),
                    verb: word(&event["verb"]),
                    object: format!("{}/{}", word(&object["resource"]), word(&object["name"])),
                    code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
                })
            })
            .collect()
    }

    /// The operator's process.
    pub(crate) fn operator_pid(&self) -> u32 {
        self.operator.as_ref().expect("the operator runs").id()
    }

    /// How many looks at clusters the operator has taken since it started.
    pub(crate) fn looks(&self) -> u64 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.listen)).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: klamm\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page.lines()
            .filter(|line| line.starts_with("strimzi_reconciliations_total"))
            .filter_map(|line| line.rsplit(' ').next()?.trim().parse::<f64>().ok())
            .map(|looks| format!("{looks:.0}").parse::<u64>().unwrap())
            .sum()
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        end(&mut self.operator);
        end(&mut self.agent);
        if std::thread::panicking() {
            for name in ["operator", "agent"] {
                let log = std::fs::read_to_string(self.files.path().join(format!("{name}.log")))
                    .unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let tail = lines
                    .get(lines.len().saturating_sub(40)..)
                    .unwrap_or_default();
                eprintln!("the end of {name}.log:\n{}", tail.join("\n"));
            }
        }
    }
}

/// Waits until something holds, for as long as the busiest machine may need.
pub(crate) fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "not seen: {what}");
        std::thread::sleep(POLL_EVERY);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// A kind that has no type here.
pub(crate) fn resource(api_version: &str, kind: &str, plural: &str) -> kube::core::ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    kube::core::ApiResource::from_gvk_with_plural(
        &kube::core::GroupVersionKind::gvk(group, version, kind),
        plural,
    )
}

/// What the API server needs to ask a node for logs, and to write down who writes.
fn options(files: &Path) -> Options {
    let write = |name: &str, content: &str| -> PathBuf {
        let path = files.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&key).unwrap();
    write("kubelet-ca.crt", &certificate.pem());
    let issuer = rcgen::Issuer::new(authority, key);
    let client_key = rcgen::KeyPair::generate().unwrap();
    let mut client = rcgen::CertificateParams::default();
    // As kubeadm makes it: the node agent asks whether its owner may.
    for (kind, name) in [
        (rcgen::DnType::CommonName, "kube-apiserver-kubelet-client"),
        (rcgen::DnType::OrganizationName, "system:masters"),
    ] {
        client.distinguished_name.push(kind, name);
    }
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let client = client.signed_by(&client_key, &issuer).unwrap();
    let client_path = write("kubelet-client.crt", &client.pem());
    let key_path = write("kubelet-client.key", &client_key.serialize_pem());
    let policy = write("audit-policy.yaml", AUDIT_POLICY);
    Options {
        controller_manager: true,
        apiserver_arguments: vec![
            format!("--kubelet-client-certificate={}", client_path.display()),
            format!("--kubelet-client-key={}", key_path.display()),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", files.join("audit.log").display()),
        ],
        controller_manager_arguments: Vec::new(),
    }
}
