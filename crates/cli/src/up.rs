//! `klamm up`: from manifests to a running cluster on this machine.
//!
//! Order: everything that can be wrong with the input is said first (exit 2, nothing touched); then the runtimes are
//! made ready, so that a missing Java stops us before anything starts; then the installation is started, or found;
//! then documents are applied and their clusters waited for.

use std::collections::BTreeMap;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use model::desired::parse::{CLUSTER_LABEL, cluster_of};
use model::validate::Document;
use node_agent::runtime;
use resources::{Kafka, KafkaNodePool};
use tokio::signal::unix::{SignalKind, signal};

use crate::apply::Applied;
use crate::args::{Global, Up};
use crate::documents;
use crate::home::{Home, Running};
use crate::local::Local;
use crate::output::Format;
use crate::wait::{Key, Standing, Waited};
use crate::{Usage, apply, connect, context, output, status, validate, wait};

/// Not Ready in time.
const NOT_READY: u8 = 1;
/// Asked to stop before all was Ready: 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// The whole command.
pub(crate) async fn run(global: &Global, home: &Home, args: &Up) -> Result<ExitCode> {
    if args.serve {
        return serve(global, home, &args.labels).await;
    }
    let sources = documents::read_sources(&args.files, args.recursive);
    let Some(documents) = validate::checked(&sources) else {
        return Ok(ExitCode::from(crate::BAD_INPUT));
    };
    home.check()?;
    if args.files.is_empty() && !args.detach && home.is_empty() {
        return Err(Usage(format!(
            "there is nothing to bring up: no -f FILE is given and the home {} is empty; for example klamm up -f \
             examples/kafka.yaml, or klamm up --detach for an API server that waits for kubectl",
            home.dir().display()
        ))
        .into());
    }
    if let Err(error) = prepare_runtimes(global, &documents) {
        output::error(&error);
        return Ok(ExitCode::FAILURE);
    }
    match home.hold()? {
        Some(held) if !args.detach => {
            let mut stop = Stop::listen()?;
            let local = tokio::select! {
                started = Local::start(global, home, held, &args.labels) => started?,
                () = stop.asked() => return Ok(ExitCode::from(INTERRUPTED)),
            };
            Box::pin(foreground(global, home, args, &documents, local, stop)).await
        }
        held => {
            // Either somebody serves the home already, or a detached klamm is to.
            let is_served = held.is_none();
            let started = match held {
                Some(held) => {
                    drop(held);
                    Some(spawn_detached(global, home, &args.labels)?)
                }
                None => None,
            };
            let client = connect_detached(home, started).await?;
            if is_served {
                joined(home, &client, args).await?;
            }
            tokio::select! {
                outcome = Box::pin(bring_up(global, home, args, &documents, &client)) => outcome,
                gone = until_gone(home) => Err(gone),
            }
        }
    }
}

/// Where somebody serves the home already: who, and that the options that only count at its start are as it has them.
async fn joined(home: &Home, client: &Client, args: &Up) -> Result<()> {
    let who = server(home);
    if !args.labels.is_empty() {
        let nodes = nodes(client).await?;
        let labels: Vec<_> = nodes.iter().map(|node| node.labels().clone()).collect();
        if let Some(different) = other_labels(&args.labels, &labels) {
            return Err(Usage(format!(
                "{different}, and {who} serves {} already: labels of the node are given when it starts; stop it first (klamm \
                 down), then say this again",
                home.dir().display()
            ))
            .into());
        }
    }
    if !args.detach {
        output::progress(&format!(
            "{who} serves {} already and goes on: this command applies, waits and ends",
            home.dir().display()
        ));
    }
    Ok(())
}

/// The local Node, which is there a moment after the API is.
async fn nodes(client: &Client) -> Result<Vec<Node>> {
    let begun = Instant::now();
    loop {
        let nodes = Api::<Node>::all(client.clone())
            .list(&ListParams::default())
            .await
            .context("listing Nodes")?;
        if !nodes.items.is_empty() || begun.elapsed() > NODE_WITHIN {
            return Ok(nodes.items);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How long it may take until the Node is there.
const NODE_WITHIN: Duration = Duration::from_secs(10);

/// Who serves the home, in words.
fn server(home: &Home) -> String {
    match home.running() {
        Ok(Some(Running { pid, server: _ })) => format!("klamm (process {pid})"),
        Ok(None) | Err(_) => "a klamm".to_owned(),
    }
}

/// The first label that no node has as it is given here, in words.
fn other_labels(given: &[(String, String)], nodes: &[BTreeMap<String, String>]) -> Option<String> {
    let has = |key: &str, value: &str| {
        nodes
            .iter()
            .any(|labels| labels.get(key).is_some_and(|of| of == value))
    };
    let (key, value) = given.iter().find(|(key, value)| !has(key, value))?;
    let found = nodes.iter().find_map(|labels| labels.get(key));
    Some(match found {
        Some(found) => format!("--label {key}={value} differs from the node's {key}={found}"),
        None => format!("--label {key}={value} is no label of the node"),
    })
}

/// Returns when nobody serves the home any more: whoever waits for an answer would wait for ever.
async fn until_gone(home: &Home) -> anyhow::Error {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        match home.running() {
            Ok(Some(_)) => {}
            Ok(None) => {
                return anyhow!(
                    "the klamm that serves {} has ended; see {}",
                    home.dir().display(),
                    home.log().display()
                );
            }
            Err(error) => return error,
        }
    }
}

/// Serves until a signal asks for the end.
async fn serve(global: &Global, home: &Home, labels: &[(String, String)]) -> Result<ExitCode> {
    // Away from the terminal that started us; a session leader already is.
    let _ = nix::unistd::setsid();
    let held = home
        .hold()?
        .ok_or_else(|| anyhow!("another klamm serves {} already", home.dir().display()))?;
    let mut stop = Stop::listen()?;
    let mut local = tokio::select! {
        started = Local::start(global, home, held, labels) => started?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    let failure = tokio::select! {
        () = stop.asked() => None,
        error = local.failed() => Some(error),
    };
    if let Some(error) = failure {
        // The brokers live on without us; the next start adopts them.
        return Err(error);
    }
    local.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn foreground(
    global: &Global,
    home: &Home,
    args: &Up,
    documents: &[Document],
    mut local: Local,
    mut stop: Stop,
) -> Result<ExitCode> {
    let client = local.client();
    let outcome = tokio::select! {
        outcome = bring_up(global, home, args, documents, &client) => Some(outcome),
        () = stop.asked() => None,
        error = local.failed() => return Err(error),
    };
    let code = match outcome {
        Some(Err(error)) => {
            output::error(&error);
            crate::exit_code_of(&error)
        }
        Some(Ok(ExitCode::SUCCESS)) => {
            output::progress("\nCtrl-C stops the brokers and everything else; data stays.");
            tokio::select! {
                () = stop.asked() => ExitCode::SUCCESS,
                error = local.failed() => return Err(error),
            }
        }
        Some(Ok(code)) => code,
        None => ExitCode::from(INTERRUPTED),
    };
    output::progress("stopping: brokers by controlled shutdown …");
    let begun = Instant::now();
    tokio::select! {
        stopped = local.stop() => stopped?,
        () = stop.asked() => bail!("stopped waiting; `klamm down` stops what is left"),
    }
    output::progress(&format!(
        "stopped in {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    Ok(code)
}

/// Applies, waits, prints how to connect.
async fn bring_up(
    global: &Global,
    home: &Home,
    args: &Up,
    documents: &[Document],
    client: &Client,
) -> Result<ExitCode> {
    let applied = apply::apply(client, documents, &args.namespace).await?;
    for object in &applied {
        output::progress(&format!("applied {} {}", object.kind, object.name));
    }
    let _ = tell_pools_without_kafka(client).await;
    let begun = Instant::now();
    let (clusters, others) = part(clusters_to_wait_for(client, args).await?, &applied);
    let left = args.timeout.saturating_sub(begun.elapsed());
    let Waited {
        waiting,
        held_up,
        seconds,
    } = wait::until_ready(client, &clusters, left).await?;
    // With --detach kubectl may bring one later.
    let lacks_kafka = clusters.is_empty() && !args.detach;
    let is_ready = waiting.is_empty() && !lacks_kafka;
    let mut rows = Vec::new();
    let programs = connect::Programs::find(global)?;
    for (namespace, name) in &clusters {
        let kafka = Api::<Kafka>::namespaced(client.clone(), namespace)
            .get(name)
            .await?;
        let is_waiting = waiting
            .iter()
            .any(|(key, _)| key == &(namespace.clone(), name.clone()));
        match args.output {
            Format::Json => rows.push(status::row(client, &kafka).await?),
            Format::Text if is_waiting => {}
            Format::Text => {
                let row = status::row(client, &kafka).await?;
                let zookeeper = row.zookeeper_connect.as_deref();
                output::result(&connect::describe(home, &programs, &kafka, zookeeper)?);
            }
        }
    }
    match args.output {
        Format::Json => output::json(&serde_json::json!({
            "ready": is_ready,
            "clusters": rows,
            "kubeconfig": home.kubeconfig(),
            "data": home.node(),
        }))?,
        Format::Text => output::result(&format!(
            "  kubectl    export KUBECONFIG={}\n  data       {}\n  logs       kubectl logs POD, or {}",
            home.kubeconfig().display(),
            home.node().display(),
            home.node().join("pods").display(),
        )),
    }
    for ((namespace, name), reason) in &held_up {
        output::progress(&format!(
            "warning: Kafka {name} (namespace {namespace}) is Ready, but not all that it is asked for is in force: {reason}"
        ));
    }
    tell_others(client, &others).await;
    if is_ready {
        return Ok(ExitCode::SUCCESS);
    }
    if lacks_kafka {
        output::progress(&format!(
            "there was no Kafka resource within {} s (--timeout)",
            args.timeout.as_secs()
        ));
    }
    for ((namespace, name), reason) in &waiting {
        output::progress(&format!(
            "not Ready after {seconds:.0} s: Kafka {name} (namespace {namespace}): {reason}"
        ));
    }
    // In the foreground nobody else serves it, and what comes next is told there.
    if let Ok(Some(Running { pid, server: _ })) = home.running()
        && pid.unsigned_abs() != std::process::id()
    {
        output::progress(&format!(
            "{} goes on: `klamm status` shows how far it is, `klamm down` stops it",
            server(home)
        ));
    }
    Ok(ExitCode::from(NOT_READY))
}

/// Clusters that were applied now, which are waited for, and the others; all are waited for where none was applied.
fn part(clusters: Vec<Key>, applied: &[Applied]) -> (Vec<Key>, Vec<Key>) {
    let is_applied = |(namespace, name): &Key| {
        applied.iter().any(|object| {
            object.namespace == *namespace && object.cluster.as_deref() == Some(name.as_str())
        })
    };
    if clusters.iter().any(is_applied) {
        clusters.into_iter().partition(is_applied)
    } else {
        (clusters, Vec::new())
    }
}

/// One that was not waited for and is not Ready should not go unnoticed.
async fn tell_others(client: &Client, others: &[Key]) {
    for (namespace, name) in others {
        let kafkas = Api::<Kafka>::namespaced(client.clone(), namespace);
        if let Ok(kafka) = kafkas.get(name).await
            && let Standing::NotReady(reason) = Standing::of(&kafka, None)
        {
            output::progress(&format!(
                "not waited for, since it was not given: Kafka {name} (namespace {namespace}) is not Ready: {reason}"
            ));
        }
    }
}

/// A pool whose label names a Kafka that is not there runs nothing, and has no status that could say so.
async fn tell_pools_without_kafka(client: &Client) -> Result<()> {
    let clusters = clusters(client).await?;
    let pools = Api::<KafkaNodePool>::all(client.clone())
        .list(&ListParams::default())
        .await?;
    for pool in &pools {
        let (namespace, name) = (pool.namespace().unwrap_or_default(), pool.name_any());
        let Some(cluster) = cluster_of(pool) else {
            continue;
        };
        if !clusters.contains(&(namespace.clone(), cluster.to_owned())) {
            output::progress(&format!(
                "warning: KafkaNodePool {name} (namespace {namespace}) runs nothing: there is no Kafka {cluster}, which its \
                 label {CLUSTER_LABEL} names"
            ));
        }
    }
    Ok(())
}

/// Those there are; where there are none, those that somebody applies in time, unless klamm goes on in the background.
async fn clusters_to_wait_for(client: &Client, args: &Up) -> Result<Vec<Key>> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let clusters = clusters(client).await?;
        if !clusters.is_empty() {
            return Ok(clusters);
        }
        if !told {
            output::progress(if args.detach {
                "There is no Kafka resource here yet: klamm goes on and waits for one. Apply it with kubectl, or give a \
                 manifest: klamm up -f examples/kafka.yaml"
            } else {
                "There is no Kafka resource here yet: klamm waits for one. Apply it with kubectl, or stop (Ctrl-C) and \
                 give a manifest: klamm up -f examples/kafka.yaml"
            });
            told = true;
        }
        if args.detach || begun.elapsed() >= args.timeout {
            return Ok(clusters);
        }
        tokio::time::sleep(LOOK_FOR_KAFKA_EVERY).await;
    }
}

/// How often it is looked whether somebody has applied a Kafka.
const LOOK_FOR_KAFKA_EVERY: Duration = Duration::from_millis(500);

async fn clusters(client: &Client) -> Result<Vec<Key>> {
    let kafkas = Api::<Kafka>::all(client.clone())
        .list(&ListParams::default())
        .await
        .map_err(context::listing_kafkas)?;
    Ok(kafkas
        .iter()
        .map(|kafka| (kafka.namespace().unwrap_or_default(), kafka.name_any()))
        .collect())
}

/// Makes the runtime of every Kafka among the documents ready, saying so.
fn prepare_runtimes(global: &Global, documents: &[Document]) -> Result<()> {
    let settings = crate::runtime::settings(global)?;
    let mut versions: Vec<String> = documents
        .iter()
        .filter(|document| {
            document
                .object
                .get("kind")
                .is_some_and(|kind| kind == "Kafka")
        })
        // A custom image brings its own Kafka; the node agent finds out which.
        .filter(|document| document.object.pointer("/spec/kafka/image").is_none())
        .map(|document| {
            let version = document
                .object
                .pointer("/spec/kafka/version")
                .and_then(serde_json::Value::as_str);
            version.map_or_else(
                || model::desired::KafkaVersion::DEFAULT.to_string(),
                str::to_owned,
            )
        })
        .collect();
    versions.sort();
    versions.dedup();
    for version in versions {
        let mut teller = crate::runtime::Teller::new(&version);
        runtime::prepare(&settings, &version, &mut |progress| teller.tell(&progress))?;
    }
    Ok(())
}

fn spawn_detached(
    global: &Global,
    home: &Home,
    labels: &[(String, String)],
) -> Result<std::process::Child> {
    home.create()?;
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(home.log())
        .with_context(|| format!("opening {}", home.log().display()))?;
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(["up", "--serve", "--home"]).arg(home.dir());
    for (option, value) in [
        ("--cache", &global.cache),
        ("--kafka-home", &global.kafka_home),
    ] {
        if let Some(value) = value {
            command.arg(option).arg(std::path::absolute(value)?);
        }
    }
    if let Some(filter) = &global.log {
        command.arg("--log").arg(filter);
    }
    for (key, value) in labels {
        command.arg("--label").arg(format!("{key}={value}"));
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting klamm in the background")?;
    output::progress(&format!(
        "klamm runs in the background; its log: {}",
        home.log().display()
    ));
    Ok(child)
}

/// How long a detached klamm may take to serve; it answers within a fraction of a second.
const SERVE_LIMIT: Duration = Duration::from_mins(1);

/// A client of the klamm that serves the home, once it does.
///
/// `started` is the process that is to serve, where this one has started it: when it fails there is nothing to wait for.
async fn connect_detached(home: &Home, mut started: Option<std::process::Child>) -> Result<Client> {
    let begun = Instant::now();
    loop {
        if home.running()?.is_some()
            && let Ok(config) = context::from_home(home).await
            && let Ok(client) = Client::try_from(config)
            && client.apiserver_version().await.is_ok()
        {
            return Ok(client);
        }
        let failed = started
            .as_mut()
            .and_then(|child| child.try_wait().ok().flatten())
            .is_some_and(|status| !status.success());
        if failed || begun.elapsed() > SERVE_LIMIT {
            bail!(
                "klamm does not serve {}; see {}",
                home.dir().display(),
                home.log().display()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What asks for the end: SIGINT, SIGTERM, and the terminal that goes away.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Absent where it is ignored already: that is what `nohup` asks for.
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Stop {
    fn listen() -> Result<Self> {
        let hangup = if ignores_hangup() {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    async fn asked(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

fn ignores_hangup() -> bool {
    // `SigIgn: 0000000000000001`: bit n - 1 stands for signal n, and SIGHUP is 1.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests;
