//! Runs the real `klamm` on a home of its own and leaves nothing behind, also when a test fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// Stories one after the other.
static MACHINE: Mutex<()> = Mutex::new(());

/// How long anything that is waited for may take on the busiest machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(4);

/// A home, and the right to use the machine.
pub(crate) struct Machine {
    dir: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let turn = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            dir: tempfile::Builder::new()
                .prefix("klamm-e2e-")
                .tempdir()
                .unwrap(),
            _turn: turn,
        }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Writes a manifest and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The `klamm` beside this test, as cargo builds it; measurements name that of a release build.
    pub(crate) fn program() -> PathBuf {
        if let Some(program) = std::env::var_os("KLAMM_PROGRAM") {
            return program.into();
        }
        let own = std::env::current_exe().unwrap();
        let program = own.parent().and_then(Path::parent).unwrap().join("klamm");
        assert!(
            program.is_file(),
            "{} is not built; run `cargo build -p klamm` first",
            program.display()
        );
        program
    }

    /// `klamm …` on this home.
    pub(crate) fn command(&self) -> Command {
        Self::command_on(&self.home())
    }

    pub(crate) fn command_on(home: &Path) -> Command {
        let mut command = Command::new(Self::program());
        command.env("KLAMM_HOME", home).env_remove("KUBECONFIG");
        command
    }

    pub(crate) fn klamm(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// `klamm …`, which must succeed; its standard output.
    pub(crate) fn klamm_ok(&self, arguments: &[&str]) -> String {
        let output = self.klamm(arguments);
        assert!(
            output.status.success(),
            "klamm {arguments:?}: {}\n{}",
            output.status,
            text(&output)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// `klamm up --detach`, until Ready.
    pub(crate) fn up(&self, manifest: &str) -> String {
        let file = self.write("manifest.yaml", manifest);
        self.klamm_ok(&["up", "--detach", "--timeout", "4m", "-f", &file])
    }

    /// What `klamm status NAME -o json` says.
    pub(crate) fn status(&self, cluster: &str) -> Value {
        serde_json::from_str(&self.klamm_ok(&["status", cluster, "-o", "json"])).unwrap()
    }

    /// The bootstrap address of a listener.
    pub(crate) fn bootstrap(&self, cluster: &str, listener: &str) -> String {
        let status = self.status(cluster);
        let listeners = status["listeners"].as_array().unwrap();
        let found = listeners.iter().find(|entry| entry["listener"] == listener);
        found.unwrap_or_else(|| panic!("no listener {listener} in {status}"))["bootstrapServers"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The address of a Pod.
    pub(crate) fn pod_ip(&self, pod: &str) -> String {
        self.kube(async |client| {
            let pods = kube::Api::<k8s_openapi::api::core::v1::Pod>::default_namespaced(client);
            pods.get(pod).await.unwrap().status.unwrap().pod_ip.unwrap()
        })
    }

    /// A client of this home's API server, and the runtime to use it on.
    pub(crate) fn kube<T>(&self, work: impl AsyncFnOnce(kube::Client) -> T) -> T {
        let path = self.home().join("kubeconfig");
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let kubeconfig = kube::config::Kubeconfig::read_from(&path).unwrap();
                let options = kube::config::KubeConfigOptions::default();
                let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options);
                work(kube::Client::try_from(config.await.unwrap()).unwrap()).await
            })
    }

    /// The processes that belong to this machine: their command line or environment names its directory.
    pub(crate) fn processes(&self) -> Vec<Process> {
        processes_of(self.dir.path())
    }

    /// Pids of the processes whose command line contains `word`.
    pub(crate) fn pids(&self, word: &str) -> Vec<i32> {
        let mut pids: Vec<i32> = self
            .processes()
            .into_iter()
            .filter(|process| process.line.contains(word))
            .map(|process| process.pid)
            .collect();
        pids.sort_unstable();
        pids
    }

    /// The pids of the JVMs of a Pod; more than one would be two on one disk.
    pub(crate) fn jvms_of(&self, pod: &str) -> Vec<i32> {
        let name = format!("POD_NAME={pod} ");
        self.processes()
            .into_iter()
            .filter(|process| {
                process.line.contains(" kafka.Kafka ") && !process.line.contains("--parent")
            })
            .filter(|process| process.environment.contains(&name))
            .map(|process| process.pid)
            .collect()
    }

    /// The pid of the one JVM of a Pod.
    pub(crate) fn jvm_of(&self, pod: &str) -> i32 {
        let found = self.jvms_of(pod);
        assert_eq!(found.len(), 1, "JVMs of {pod}: {found:?}");
        found[0]
    }
}

/// A process of a machine.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) line: String,
    environment: String,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line: String = self.line.chars().take(200).collect();
        write!(f, "{} {line}", self.pid)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.home().join("klamm.log")).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!(
                "the end of klamm.log:\n{}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        for home in std::fs::read_dir(self.dir.path())
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .map(|entry| entry.path())
        {
            if home.is_dir() {
                let _ = Self::command_on(&home).args(["down", "--purge"]).output();
            }
        }
        let left = self.processes();
        for process in &left {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(process.pid),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "left behind after `klamm down`: {left:#?}");
        }
    }
}

fn processes_of(dir: &Path) -> Vec<Process> {
    let needle = dir.display().to_string();
    let own = i32::try_from(std::process::id()).unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let read = |name: &str| {
                std::fs::read(entry.path().join(name))
                    .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
            };
            let line = read("cmdline").ok()?;
            let environment = read("environ").unwrap_or_default();
            let stat = read("stat").unwrap_or_default();
            let zombie = stat
                .rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('Z'));
            let ours = line.contains(&needle) || environment.contains(&needle);
            (pid != own && !zombie && ours).then_some(Process {
                pid,
                line,
                environment,
            })
        })
        .collect()
}

/// Both streams of a finished program.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}
