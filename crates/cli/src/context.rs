//! Which Kubernetes API a command speaks to. Said first.
//!
//! Commands that look at clusters: `--context`, then `--home`, then `KUBECONFIG`, then `KLAMM_HOME`, then the user's own
//! home. Parts that run alone work on a cluster and only keep their files in a home: `--context`, then `KUBECONFIG`, then
//! the home's.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::args::Target;
use crate::home::{Chosen, Home};
use crate::output;

/// A client and what it is pointed at.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// For people: which context, which namespace.
    pub(crate) described: String,
}

/// What came of listing Kafkas; where somebody deleted their definition, how it comes back.
pub(crate) fn listing_kafkas(error: kube::Error) -> anyhow::Error {
    let is_missing = matches!(&error, kube::Error::Api(answer) if answer.code == 404);
    let error = anyhow::Error::new(error).context("listing Kafkas");
    if is_missing {
        error.context(
            "there is no definition of Kafka here; `klamm crds | kubectl apply --server-side -f -` brings it",
        )
    } else {
        error
    }
}

/// Connects, and says on standard error to what.
pub(crate) async fn connect(target: &Target, home: &Home) -> Result<Connection> {
    let by_kubeconfig = has_kubeconfig() && home.chosen() != Chosen::ByOption;
    told("klamm", target, home, by_kubeconfig).await
}

/// Connects under a name of its own, which audit logs show and field managers are called by.
pub(crate) async fn connect_as(agent: &str, target: &Target, home: &Home) -> Result<Connection> {
    told(agent, target, home, has_kubeconfig()).await
}

/// Whether there is a `KUBECONFIG`.
pub(crate) fn has_kubeconfig() -> bool {
    std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty())
}

async fn told(
    agent: &str,
    target: &Target,
    home: &Home,
    by_kubeconfig: bool,
) -> Result<Connection> {
    let connection = choose(agent, target, home, by_kubeconfig).await?;
    output::progress(&connection.described);
    Ok(connection)
}

async fn choose(
    agent: &str,
    target: &Target,
    home: &Home,
    by_kubeconfig: bool,
) -> Result<Connection> {
    let (mut config, what) = if target.context.is_some() || by_kubeconfig {
        from_kubeconfig(target).await?
    } else if home.running()?.is_some() {
        (
            from_home(home).await?,
            format!("local home {}", home.dir().display()),
        )
    } else {
        bail!(nothing_runs(home, hint(home)));
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

async fn from_kubeconfig(target: &Target) -> Result<(Config, String)> {
    let file = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let of_home = Home::of_kubeconfig(Path::new(&file)).filter(|_| target.context.is_none());
    if let Some(home) = of_home {
        if home.running()?.is_none() {
            let hint = "KUBECONFIG is of this home: start it with `klamm up`, or unset KUBECONFIG";
            bail!(nothing_runs(&home, hint));
        }
        let dir = home.dir().display();
        return Ok((
            from_home(&home).await?,
            format!("local home {dir} (of KUBECONFIG)"),
        ));
    }
    let kubeconfig = Kubeconfig::read().map_err(|error| {
        let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
        match named {
            Some(file) if !Path::new(&file).exists() => anyhow!(
                "KUBECONFIG names {}, which is not there; unset it, or export KUBECONFIG=$(klamm kubeconfig) once \
                 something runs (`klamm up`)",
                Path::new(&file).display()
            ),
            _ => anyhow!(error).context("reading the kubeconfig"),
        }
    })?;
    let name = target
        .context
        .clone()
        .or_else(|| kubeconfig.current_context.clone())
        .unwrap_or_default();
    let options = KubeConfigOptions {
        context: target.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .with_context(|| format!("context {name:?}"))?;
    Ok((config, format!("context {name}")))
}

/// Of a home that does not run, with what can be done.
fn nothing_runs(home: &Home, hint: &str) -> String {
    let dir = home.dir().display();
    let left = node_agent::leftovers::running(&home.node());
    if !left.is_empty() {
        return format!(
            "klamm does not run on the local home {dir}, but these Pods that it has left do: {}; `klamm up --detach` takes \
             them over, `klamm down` stops them",
            left.join(", ")
        );
    }
    format!("nothing runs on the local home {dir}; {hint}")
}

/// What can be done about a home that does not run.
fn hint(home: &Home) -> &'static str {
    match home.chosen() {
        Chosen::ByOption if has_kubeconfig() => {
            "start it with `klamm up`; KUBECONFIG is not looked at, because --home is given"
        }
        Chosen::ByOption | Chosen::ByVariable => {
            "start it with `klamm up`, or choose another with --home, KLAMM_HOME or --context"
        }
        Chosen::Default => {
            "no context is chosen either: start it with `klamm up`, or pass --home, --context or KUBECONFIG"
        }
    }
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
