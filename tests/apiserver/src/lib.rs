//! A real Kubernetes API for tests: starts etcd, kube-apiserver and, if asked, kube-controller-manager, and stops them.
//!
//! It decides where the programs are (`build.sh` finds or builds them), which loopback ports they get, and when they
//! are ready. Everything they write is in a temporary folder.
//!
//! Invariants: only 127.0.0.1; nothing outlives the test process, however it ends: the programs are children of a shell
//! that reads a pipe of ours and kills them when the pipe closes; two runs at once do not meet.
//!
//! Not here: what is tested (the tests of `control-plane` and `e2e`).

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use tempfile::TempDir;

/// Bearer token of a member of `system:masters`.
const TOKEN: &str = "reference-admin";
/// Ports may be taken between choosing and using them.
const ATTEMPTS: usize = 3;
/// Nearly all ports are free on a usual machine.
const ATTEMPTS_AT_PORTS: usize = 100;
/// An apiserver is ready within 4 s on two idle cores; busy ones take longer.
const READY_WITHIN: Duration = Duration::from_mins(2);
const POLL_EVERY: Duration = Duration::from_millis(100);

/// Set (to anything but 0) where a missing reference is a failure, as in CI.
pub const REQUIRE: &str = "KLAMM_REQUIRE_APISERVER";

/// Why there is no reference.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are neither programs nor Go to build them with.
    #[error(
        "no kube-apiserver here: set KUBEBUILDER_ASSETS, or install Go so that tests/apiserver/build.sh can build it ({0})"
    )]
    Missing(String),
    /// A file or process could not be made.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// It runs and does not answer.
    #[error("kube-apiserver is not ready after {READY_WITHIN:?}; the end of its log:\n{0}")]
    NotReady(String),
    /// Its address makes no client.
    #[error("no client for the kube-apiserver: {0}")]
    Client(String),
}

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Start the controller manager too: garbage collection, namespaces, service accounts.
    pub controller_manager: bool,
    /// More arguments for kube-apiserver, e.g. `--kubelet-client-certificate=…`.
    pub apiserver_arguments: Vec<String>,
    /// More arguments for kube-controller-manager.
    pub controller_manager_arguments: Vec<String>,
}

/// A running kube-apiserver. Dropping it stops everything.
#[derive(Debug)]
pub struct Reference {
    /// `https://127.0.0.1:port`.
    pub url: String,
    /// Its etcd, `http://127.0.0.1:port`, where others may keep things below keys of their own.
    pub etcd_url: String,
    /// A kubeconfig for it, as a file.
    pub kubeconfig: PathBuf,
    client_config: kube::Config,
    shell: Child,
    pipe: Option<ChildStdin>,
    folder: TempDir,
}

impl Reference {
    /// Starts it and waits until it is ready.
    pub async fn start(options: &Options) -> Result<Self, Error> {
        let programs = programs()?;
        let mut last = Error::NotReady(String::new());
        for _ in 0..ATTEMPTS {
            match Self::attempt(&programs, options).await {
                Ok(reference) => return Ok(reference),
                Err(error @ Error::NotReady(_)) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn attempt(programs: &Path, options: &Options) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("klamm-apiserver-")
            .tempdir()
            .map_err(|source| Error::Io {
                what: "make a temporary folder".to_owned(),
                source,
            })?;
        let at = folder.path().to_owned();
        let [etcd, peer, secure, manager] = free_ports()?;
        let url = format!("https://127.0.0.1:{secure}");

        let key = rcgen::KeyPair::generate().map_err(|e| Error::Client(e.to_string()))?;
        write(&at.join("service-account.key"), &key.serialize_pem())?;
        write(&at.join("service-account.pub"), &key.public_key_pem())?;
        write(
            &at.join("tokens.csv"),
            &format!("{TOKEN},admin,admin,system:masters\n"),
        )?;
        let kubeconfig = at.join("kubeconfig");
        write(&kubeconfig, &kubeconfig_text(&url))?;
        let client_config = client_config(&url).await?;

        let mut commands = vec![
            etcd_command(programs, &at, etcd, peer),
            apiserver_command(programs, &at, etcd, secure, options),
        ];
        if options.controller_manager {
            commands.push(controller_manager_command(
                programs,
                &at,
                &kubeconfig,
                manager,
                options,
            ));
        }
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(script(&commands))
            .current_dir(&at)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Io {
                what: "run sh".to_owned(),
                source,
            })?;
        let pipe = shell.stdin.take();
        let reference = Self {
            url,
            etcd_url: format!("http://127.0.0.1:{etcd}"),
            kubeconfig,
            client_config,
            shell,
            pipe,
            folder,
        };
        reference.wait_until_ready().await?;
        Ok(reference)
    }

    /// A client with every right.
    pub fn client(&self) -> Result<kube::Client, Error> {
        kube::Client::try_from(self.client_config.clone()).map_err(|e| Error::Client(e.to_string()))
    }

    /// The end of a program's log: `etcd`, `kube-apiserver`, `kube-controller-manager`.
    pub fn log(&self, program: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join(format!("{program}.log")))
            .unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(40)..)
            .unwrap_or_default()
            .join("\n")
    }

    async fn wait_until_ready(&self) -> Result<(), Error> {
        let client = self.client()?;
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        while tokio::time::Instant::now() < deadline {
            if let Ok(request) = http::Request::get("/readyz").body(Vec::new())
                && client
                    .request_text(request)
                    .await
                    .is_ok_and(|text| text == "ok")
            {
                return Ok(());
            }
            // A port that was taken meanwhile, or an argument it refuses, shows in the log at once.
            for program in ["etcd", "kube-apiserver"] {
                let log = self.log(program);
                if log.contains("address already in use") || log.contains("\"command failed\"") {
                    return Err(Error::NotReady(log));
                }
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Err(Error::NotReady(self.log("kube-apiserver")))
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // The shell kills its children when the pipe closes.
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

/// Whether a missing reference fails the tests.
pub fn is_required() -> bool {
    std::env::var(REQUIRE).is_ok_and(|value| !value.is_empty() && value != "0")
}

/// The folder with the programs; builds them where they are not there yet.
pub fn programs() -> Result<PathBuf, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.sh");
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Io {
            what: format!("run {}", script.display()),
            source,
        })?;
    if !output.status.success() {
        return Err(Error::Missing(format!(
            "build.sh ended with {}",
            output.status
        )));
    }
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(PathBuf::from(folder))
}

/// Different ports of 127.0.0.1 that nobody listens on now, outside the range that clients get theirs from (Linux:
/// 32768 and more): no client takes one before its server listens.
pub fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT], Error> {
    // Held together, so that they differ.
    let mut held = Vec::new();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let mut attempts = 0..ATTEMPTS_AT_PORTS;
        let listener = loop {
            *port = rand::random_range(10_000..32_000);
            match TcpListener::bind(("127.0.0.1", *port)) {
                Ok(listener) => break listener,
                Err(_) if attempts.next().is_some() => {}
                Err(source) => {
                    return Err(Error::Io {
                        what: "find a free port".to_owned(),
                        source,
                    });
                }
            }
        };
        held.push(listener);
    }
    Ok(ports)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Io {
        what: format!("write {}", path.display()),
        source,
    })
}

fn etcd_command(programs: &Path, at: &Path, client: u16, peer: u16) -> Vec<String> {
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    vec![
        programs.join("etcd").display().to_string(),
        format!("--data-dir={}", at.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn apiserver_command(
    programs: &Path,
    at: &Path,
    etcd: u16,
    secure: u16,
    options: &Options,
) -> Vec<String> {
    let file = |name: &str| at.join(name).display().to_string();
    let mut out = vec![
        programs.join("kube-apiserver").display().to_string(),
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--secure-port={secure}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--cert-dir={}", at.join("certificates").display()),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        format!("--token-auth-file={}", at.join("tokens.csv").display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account.key")
        ),
        format!("--service-account-key-file={}", file("service-account.pub")),
        "--allow-privileged=true".to_owned(),
        "--profiling=false".to_owned(),
    ];
    if !options.controller_manager {
        // Without it nobody makes the default service account that the plugin asks for.
        out.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    out.extend(options.apiserver_arguments.iter().cloned());
    out
}

fn controller_manager_command(
    programs: &Path,
    at: &Path,
    kubeconfig: &Path,
    port: u16,
    options: &Options,
) -> Vec<String> {
    let mut out = vec![
        programs
            .join("kube-controller-manager")
            .display()
            .to_string(),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!(
            "--service-account-private-key-file={}",
            at.join("service-account.key").display()
        ),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!(
            "--cert-dir={}",
            at.join("controller-certificates").display()
        ),
        "--leader-elect=false".to_owned(),
        "--profiling=false".to_owned(),
    ];
    out.extend(options.controller_manager_arguments.iter().cloned());
    out
}

/// Runs the commands, each with its own log, until our end of the pipe closes.
fn script(commands: &[Vec<String>]) -> String {
    let mut out = "trap '' INT\npids=\n".to_owned();
    for command in commands {
        let words: Vec<String> = command.iter().map(|word| shell_quoted(word)).collect();
        let name = command
            .first()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or("program");
        let line = words.join(" ");
        let _ = writeln!(
            out,
            "{line} >{name}.log 2>&1 </dev/null &\npids=\"$pids $!\""
        );
    }
    out.push_str("cat >/dev/null\nkill -9 $pids\nwait\n");
    out
}

fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn kubeconfig_text(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: reference\n\
         clusters: [{{name: reference, cluster: {{server: \"{url}\", insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: admin, user: {{token: {TOKEN}}}}}]\n\
         contexts: [{{name: reference, context: {{cluster: reference, user: admin}}}}]\n"
    )
}

async fn client_config(url: &str) -> Result<kube::Config, Error> {
    let config = Kubeconfig {
        clusters: vec![NamedCluster {
            name: "reference".to_owned(),
            cluster: Some(Cluster {
                server: Some(url.to_owned()),
                insecure_skip_tls_verify: Some(true),
                ..Cluster::default()
            }),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: "admin".to_owned(),
            auth_info: Some(AuthInfo {
                token: Some(TOKEN.to_owned().into()),
                ..AuthInfo::default()
            }),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: "reference".to_owned(),
            context: Some(Context {
                cluster: "reference".to_owned(),
                user: Some("admin".to_owned()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some("reference".to_owned()),
        ..Kubeconfig::default()
    };
    let mut config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .map_err(|e| Error::Client(e.to_string()))?;
    // Tests look at refusals; a client that tries again for minutes hides them.
    config.default_retry = false;
    Ok(config)
}
