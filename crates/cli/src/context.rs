//! Which Kubernetes API a command speaks to: `--context`, then `KUBECONFIG`, then the local home. Said first.

use anyhow::{Context as _, Result, anyhow, bail};
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::args::Target;
use crate::home::Home;
use crate::output;

/// A client and what it is pointed at.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// For people: which context, which namespace.
    pub(crate) described: String,
}

/// Connects, and says on standard error to what.
pub(crate) async fn connect(target: &Target, home: &Home) -> Result<Connection> {
    connect_as("klamm", target, home).await
}

/// Connects under a name of its own, which audit logs show and field managers are called by.
pub(crate) async fn connect_as(agent: &str, target: &Target, home: &Home) -> Result<Connection> {
    let connection = choose(agent, target, home).await?;
    output::progress(&connection.described);
    Ok(connection)
}

async fn choose(agent: &str, target: &Target, home: &Home) -> Result<Connection> {
    let options = KubeConfigOptions {
        context: target.context.clone(),
        ..KubeConfigOptions::default()
    };
    let explicit = std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
    let (mut config, what) = if target.context.is_some() || explicit {
        let kubeconfig = Kubeconfig::read().context("reading the kubeconfig")?;
        let name = target
            .context
            .clone()
            .or_else(|| kubeconfig.current_context.clone())
            .unwrap_or_default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .with_context(|| format!("context {name:?}"))?;
        (config, format!("context {name}"))
    } else if home.running()?.is_some() {
        (
            from_home(home).await?,
            format!("local home {}", home.dir().display()),
        )
    } else {
        bail!(
            "nothing runs on the local home {} and no context is chosen; start it with `klamm up`, or pass --context or KUBECONFIG",
            home.dir().display()
        );
    };
    let namespace = target
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    let scope = if target.all_namespaces {
        "all namespaces".to_owned()
    } else {
        format!("namespace {namespace}")
    };
    config.headers.push(user_agent(agent)?);
    let client = Client::try_from(config).context("connecting")?;
    Ok(Connection {
        client,
        namespace,
        described: format!("{what}, {scope}"),
    })
}

/// Who asks, in the form `name/version`.
pub(crate) fn user_agent(agent: &str) -> Result<(HeaderName, HeaderValue)> {
    let value = format!("{agent}/{}", env!("CARGO_PKG_VERSION"));
    Ok((USER_AGENT, HeaderValue::try_from(value)?))
}

/// The configuration of the API server that serves this home.
pub(crate) async fn from_home(home: &Home) -> Result<Config> {
    let path = home.kubeconfig();
    let kubeconfig =
        Kubeconfig::read_from(&path).with_context(|| format!("reading {}", path.display()))?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| anyhow!(error).context(format!("using {}", path.display())))
}
