//! `klamm operator` and `klamm node`: one part alone, against a Kubernetes cluster.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use kube::{Client, Config};
use node_agent::settings::OnStop;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::{Global, Node, Operator, Target};
use crate::home::Home;
use crate::{context, local};

/// The operator alone.
pub(crate) async fn operator(home: &Home, args: &Operator) -> Result<ExitCode> {
    let (client, namespace) = cluster("klamm-operator", &args.target, home).await?;
    if args.install_crds {
        local::apply_definitions(&client).await?;
    }
    let mut settings = operator::Settings::new(&args.name, &identity(), &namespace);
    settings.selector.clone_from(&args.selector);
    settings.listen = args.listen;
    if !args.watch_namespaces.is_empty() {
        settings.namespaces.clone_from(&args.watch_namespaces);
    } else if !args.target.all_namespaces
        && let Some(namespace) = &args.target.namespace
    {
        settings.namespaces = vec![namespace.clone()];
    }
    if let Some(image) = &args.image {
        settings.rendering.klamm_image.clone_from(image);
    }
    operator::run(client, settings, until_signal()?)
        .await
        .context("running the operator")?;
    Ok(ExitCode::SUCCESS)
}

/// Who we are in the Lease: no two operators that run at the same time may share it, whatever Pods call their
/// processes and machines.
fn identity() -> String {
    let name = std::env::var("POD_NAME")
        .ok()
        .filter(|name| !name.is_empty())
        .or_else(|| nix::unistd::gethostname().ok()?.into_string().ok())
        .unwrap_or_else(|| "klamm".to_owned());
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}

/// The node agent alone.
pub(crate) async fn node(global: &Global, home: &Home, args: &Node) -> Result<ExitCode> {
    let (client, _) = cluster("klamm-node-agent", &args.target, home).await?;
    home.create()?;
    let executable = std::env::current_exe().context("finding our own program")?;
    let mut settings = node_agent::settings::Settings::new(home.node(), executable);
    settings.runtimes = node_agent::runtime::provider(crate::runtime::settings(global)?);
    settings.node_name.clone_from(&args.name);
    settings.labels = args.labels.iter().cloned().collect();
    settings.schedule = args.schedule;
    settings.kubelet_port = args.kubelet_port;
    // As with a kubelet: an agent that is replaced must not take its Pods along.
    settings.on_stop = if args.stop_pods {
        OnStop::StopPods
    } else {
        OnStop::LeaveRunning
    };
    if let Some(file) = &args.client_ca {
        let pem =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        settings.callers.client_ca_pem = Some(pem);
    }
    node_agent::run(client, settings, until_signal()?)
        .await
        .context("running the node agent")?;
    Ok(ExitCode::SUCCESS)
}

/// In a Pod its service account, else the chosen context.
async fn cluster(agent: &str, target: &Target, home: &Home) -> Result<(Client, String)> {
    if target.context.is_none()
        && !context::has_kubeconfig()
        && let Ok(mut config) = Config::incluster()
    {
        config.headers.push(context::user_agent(agent)?);
        let namespace = config.default_namespace.clone();
        return Ok((Client::try_from(config).context("connecting")?, namespace));
    }
    let connection = context::connect_as(agent, target, home).await?;
    Ok((connection.client, connection.namespace))
}

fn until_signal() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}
