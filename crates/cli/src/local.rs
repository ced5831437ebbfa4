//! The local installation in one process: control plane, operator and node agent, which meet over HTTP in memory.
//!
//! Order of starting: the home is taken, its address block claimed, the API served, definitions applied, then agent
//! and operator. Order of stopping: the operator first, so that nobody brings back what the agent stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use control_plane::ControlPlane;
use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::runtime::{WatchStreamExt as _, watcher};
use node_agent::settings::OnStop;
use resources::Kafka;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::args::Global;
use crate::connect;
use crate::home::{Held, Home, Running};

mod doubt;

/// The running parts.
pub(crate) struct Local {
    client: Client,
    home: Home,
    operator: Part,
    agent: Part,
    files: Part,
    serving: Part,
    control_plane: ControlPlane,
    _held: Held,
}

/// A task and what stops it.
struct Part {
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Part {
    fn start(
        work: impl FnOnce(CancellationToken) -> futures::future::BoxFuture<'static, Result<()>>,
    ) -> Self {
        let stop = CancellationToken::new();
        Self {
            task: tokio::spawn(work(stop.clone())),
            stop,
        }
    }

    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task
            .await
            .context("a part of klamm ended abnormally")?
    }
}

/// What Kafkas of this installation are claimed by.
const INSTALLATION: &str = "klamm";

/// How long the parts that hold no processes may take to end.
const PART_LIMIT: Duration = Duration::from_secs(10);

impl Local {
    /// Starts everything on a home that this process holds.
    pub(crate) async fn start(
        global: &Global,
        home: &Home,
        held: Held,
        labels: &[(String, String)],
    ) -> Result<Self> {
        let node_home =
            node_agent::home::Home::hold(&home.node(), &node_agent::home::default_registry())
                .context("taking the node's home")?;
        let range = node_home.range();
        let mut settings = control_plane::Settings::in_dir(home.control_plane());
        settings.service_network = parse_cidr(&range.services_cidr())?;
        let control_plane = ControlPlane::open(settings)
            .await
            .context("opening the control plane")?;
        let listener = listen(remembered_port(home)).await?;
        let address = listener.local_addr().context("listening for kubectl")?;
        let client = Client::new(control_plane.service(), "default");
        apply_definitions(&client).await?;
        doubt::pods(&client).await?;
        Box::pin(doubt::kafkas(&client, INSTALLATION)).await?;
        let serving = {
            let control_plane = control_plane.clone();
            Part::start(|stop| {
                Box::pin(async move { Ok(control_plane.serve(listener, stop).await?) })
            })
        };
        let running = Running {
            pid: i32::try_from(std::process::id())?,
            server: format!("https://{address}"),
        };
        home.announce(&running, &control_plane.kubeconfig(address))?;
        remember_port(home, address.port());
        let agent = {
            let mut settings = agent_settings(global, home, &control_plane, range.node())?;
            settings.held = Some(Arc::new(node_home));
            settings.labels.extend(labels.iter().cloned());
            let client = client.clone();
            Part::start(|stop| {
                Box::pin(async move { Ok(node_agent::run(client, settings, stop).await?) })
            })
        };
        let operator = {
            let client = client.clone();
            // A home is held by one process, so its next one leads at once instead of waiting for a dead one's lease.
            let settings = operator::Settings::new(INSTALLATION, "klamm-local", "kube-system");
            Part::start(move |stop| {
                Box::pin(async move { Ok(operator::run(client, settings, stop).await?) })
            })
        };
        let files = {
            let (client, home) = (client.clone(), home.clone());
            Part::start(|stop| Box::pin(follow_connections(client, home, stop)))
        };
        Ok(Self {
            client,
            home: home.clone(),
            operator,
            agent,
            files,
            serving,
            control_plane,
            _held: held,
        })
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Ends when a part ended by itself, which none should; says which.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let (name, ended) = tokio::select! {
            ended = &mut self.operator.task => ("operator", ended),
            ended = &mut self.agent.task => ("node agent", ended),
            ended = &mut self.files.task => ("writer of files for clients", ended),
            ended = &mut self.serving.task => ("API server", ended),
        };
        match ended {
            Ok(Ok(())) => anyhow::anyhow!("the {name} ended"),
            Ok(Err(error)) => error.context(format!("the {name} ended")),
            Err(error) => anyhow::Error::new(error).context(format!("the {name} ended")),
        }
    }

    /// Stops all: brokers by controlled shutdown, then the rest.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self {
            client,
            home,
            operator,
            agent,
            files,
            serving,
            control_plane,
            _held,
        } = self;
        drop(client);
        let bounded = |part: Part| async { tokio::time::timeout(PART_LIMIT, part.stop()).await };
        let files = bounded(files).await;
        let operator = bounded(operator).await;
        // The agent waits for the grace period of its Pods; it bounds itself.
        let agent = agent.stop().await;
        home.withdraw();
        let serving = bounded(serving).await;
        control_plane.close().await;
        agent.context("stopping the node agent")?;
        operator
            .context("stopping the operator")?
            .context("stopping the operator")?;
        files
            .context("stopping the writer of files for clients")?
            .context("stopping the writer of files for clients")?;
        serving
            .context("stopping the API server")?
            .context("stopping the API server")
    }
}

/// Keeps the files in the home by which clients connect as the Kafkas' status has it: an authority may be renewed, and a
/// Kafka deleted and applied again, long after `klamm up` wrote them.
async fn follow_connections(client: Client, home: Home, stop: CancellationToken) -> Result<()> {
    let kind = ApiResource::erase::<Kafka>(&());
    let kafkas: Api<DynamicObject> = Api::all_with(client, &kind);
    let changes = watcher(kafkas, watcher::Config::default())
        .default_backoff()
        .applied_objects();
    let mut changes = std::pin::pin!(changes);
    loop {
        let change = tokio::select! {
            change = changes.next() => change,
            () = stop.cancelled() => return Ok(()),
        };
        match change {
            Some(Ok(kafka)) => {
                if let Err(error) = connect::refresh(&home, &kafka) {
                    tracing::warn!("files for clients cannot be written: {error:#}");
                }
            }
            Some(Err(error)) => tracing::debug!(%error, "the watch of Kafkas is begun anew"),
            None => return Ok(()),
        }
    }
}

/// Labels that nodes of a cloud have; manifests with a `rack` ask for one of them.
const PLACE: [&str; 2] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

fn agent_settings(
    global: &Global,
    home: &Home,
    control_plane: &ControlPlane,
    node: Ipv4Addr,
) -> Result<node_agent::settings::Settings> {
    let executable = std::env::current_exe().context("finding our own program")?;
    let mut settings = node_agent::settings::Settings::new(home.node(), executable);
    settings.runtimes = node_agent::runtime::provider(crate::runtime::settings(global)?);
    settings.adopt_unknown_storage_classes = true;
    settings.on_stop = OnStop::StopPods;
    settings.kubelet_port = 0;
    settings.labels = PLACE.map(|key| (key.to_owned(), "local".to_owned())).into();
    let serving = control_plane
        .issue_node_certificate(&settings.node_name, &[node.into()])
        .context("making the certificate of the node")?;
    settings.serving = node_agent::settings::Serving::Certificate {
        chain_pem: serving.certificate,
        key_pem: serving.key,
    };
    settings.callers.client_ca_pem = Some(control_plane.authority_pem().to_owned());
    Ok(settings)
}

/// Installs the custom resource definitions; equal ones are left as they are.
pub(crate) async fn apply_definitions(client: &Client) -> Result<()> {
    let resource = ApiResource::erase::<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    for crd in resources::crds_json() {
        let name = crd
            .pointer("/metadata/name")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned();
        api.patch(
            &name,
            &PatchParams::apply("klamm").force(),
            &Patch::Apply(&crd),
        )
        .await
        .with_context(|| format!("installing the definition {name}"))?;
    }
    Ok(())
}

fn parse_cidr(cidr: &str) -> Result<(Ipv4Addr, u8)> {
    let (network, prefix) = cidr
        .split_once('/')
        .context("a network has a prefix length")?;
    Ok((network.parse()?, prefix.parse()?))
}

/// Listens on the port of the last time, or on any when somebody else has it by now.
async fn listen(port: u16) -> Result<tokio::net::TcpListener> {
    let on = |port| tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match on(port).await {
        Ok(listener) => Ok(listener),
        Err(_) => on(0).await.context("listening for kubectl"),
    }
}

/// The port of the last time, so that a kubeconfig somebody copied goes on working.
fn remembered_port(home: &Home) -> u16 {
    std::fs::read_to_string(home.dir().join("port"))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

fn remember_port(home: &Home, port: u16) {
    // Another port next time is no harm.
    let _ = std::fs::write(home.dir().join("port"), port.to_string());
}
