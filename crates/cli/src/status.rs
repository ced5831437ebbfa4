//! `klamm status`: the clusters at a glance, or one of them in detail.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use model::desired::StoreKind;
use model::desired::parse::CLUSTER_LABEL;
use model::desired::parse::metadata_store::METADATA_STORE;
use model::observed::identity::{IDENTITY, Identity};
use resources::node_pool::NodeRole;
use resources::{Kafka, KafkaNodePool, KafkaPlan};
use serde::Serialize;

use crate::args::Status;
use crate::connect::{self, Access};
use crate::home::Home;
use crate::output::{self, Format};
use crate::wait::{Standing, pod};
use crate::{context, plan, wait};

/// What there is to know about one cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    namespace: String,
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What is being changed while it serves, or why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    kafka_version: Option<String>,
    metadata_version: Option<String>,
    /// Where the metadata are.
    metadata_store: String,
    cluster_id: Option<String>,
    nodes: Vec<NodeRow>,
    listeners: Vec<Access>,
    /// Where ZooKeeper's protocol is spoken, where metadata are behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zookeeper_connect: Option<String>,
    warnings: Vec<Warning>,
    #[serde(skip)]
    plan: Option<KafkaPlan>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeRow {
    pod: String,
    /// `kafka`, or what keeps metadata beside it.
    component: String,
    roles: String,
    ready: bool,
    state: String,
    restarts: i32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Warning {
    reason: String,
    message: String,
}

/// Shows them.
pub(crate) async fn run(home: &Home, args: &Status) -> Result<()> {
    let connection = context::connect(&args.target, home).await?;
    let client = connection.client;
    let api: Api<Kafka> = if args.target.all_namespaces {
        Api::all(client.clone())
    } else {
        Api::namespaced(client.clone(), &connection.namespace)
    };
    let kafkas = match &args.name {
        Some(name) => vec![
            api.get(name)
                .await
                .with_context(|| format!("Kafka {name}"))?,
        ],
        None => {
            api.list(&ListParams::default())
                .await
                .map_err(context::listing_kafkas)?
                .items
        }
    };
    let mut rows = Vec::new();
    for kafka in &kafkas {
        rows.push(row(&client, kafka).await?);
    }
    match (args.output, &args.name) {
        (Format::Json, Some(_)) => output::json(&rows.first())?,
        (Format::Json, None) => output::json(&rows)?,
        (Format::Text, Some(_)) => rows.iter().for_each(|row| output::result(&detail(row))),
        (Format::Text, None) if rows.is_empty() => {
            output::result("No Kafka resources here. Example: klamm up -f examples/kafka.yaml");
        }
        (Format::Text, None) => output::result(&overview(&rows)),
    }
    Ok(())
}

/// Looks at one cluster.
pub(crate) async fn row(client: &Client, kafka: &Kafka) -> Result<Row> {
    let (namespace, name) = (kafka.namespace().unwrap_or_default(), kafka.name_any());
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let selector =
        ListParams::default().labels(&format!("strimzi.io/cluster={name},strimzi.io/kind=Kafka"));
    let pods = pods.list(&selector).await.context("listing Pods")?;
    let plans: Api<KafkaPlan> = Api::namespaced(client.clone(), &namespace);
    // A cluster of another operator has no plans, not even their definition.
    let plan = plans.get_opt(&name).await.ok().flatten();
    let status = kafka.status.clone().unwrap_or_default();
    let standing = Standing::of(kafka, plan.as_ref());
    let (reason, change) = match &standing {
        Standing::Settled => (None, None),
        Standing::UnderWay(_) | Standing::HeldUp(_) => (None, Some(standing.to_string())),
        Standing::NotReady(reason) => (Some(reason.clone()), None),
    };
    let pools: Api<KafkaNodePool> = Api::namespaced(client.clone(), &namespace);
    let selector = ListParams::default().labels(&format!("{CLUSTER_LABEL}={name}"));
    let pools = pools.list(&selector).await.context("listing pools")?;
    let mut nodes: Vec<NodeRow> = pods.iter().map(node_row).collect();
    nodes.extend(missing(&name, &pools.items, &nodes));
    Ok(Row {
        ready: reason.is_none(),
        reason,
        change,
        kafka_version: status.kafka_version,
        metadata_store: metadata_store(kafka),
        metadata_version: status.kafka_metadata_version,
        cluster_id: status.cluster_id,
        nodes,
        listeners: connect::listeners(kafka),
        zookeeper_connect: zookeeper_connect(&pods.items),
        warnings: wait::warnings(kafka)
            .into_iter()
            .map(|(reason, message)| Warning { reason, message })
            .collect(),
        plan,
        namespace,
        name,
    })
}

/// The component that is Kafka itself.
const KAFKA: &str = "kafka";

fn component(pod: &Pod) -> &str {
    let label = pod.labels().get("strimzi.io/component-type");
    label.map_or(KAFKA, String::as_str)
}

/// What is said of the metadata where nothing else is.
const KRAFT: &str = "KRaft";

/// Where the metadata are, in words. What the cluster was made with counts, where that is recorded: it does not move, whatever
/// is asked for by now, which is told as a problem of the plan.
fn metadata_store(kafka: &Kafka) -> String {
    let annotations = kafka.metadata.annotations.as_ref();
    let annotation = |key: &str| annotations.and_then(|annotations| annotations.get(key));
    let identity =
        annotation(IDENTITY).and_then(|text| serde_json::from_str::<Identity>(text).ok());
    let (asked, words) = asked_for(annotation(METADATA_STORE).map(String::as_str));
    match identity.map(|identity| identity.store.kind) {
        Some(made) if Some(made) != asked => words_of(made).to_owned(),
        _ => words,
    }
}

/// What an annotation asks for, if it can be understood, and in words.
fn asked_for(annotation: Option<&str>) -> (Option<StoreKind>, String) {
    let Some(text) = annotation else {
        return (Some(StoreKind::KRaft), KRAFT.to_owned());
    };
    let plain = text.strip_prefix("etcd://").map(|hosts| (hosts, ""));
    let secure = || Some((text.strip_prefix("etcds://")?, " with TLS"));
    let kind = match plain.or_else(secure) {
        Some(("" | "/", _)) => StoreKind::ManagedEtcd,
        Some((hosts, how)) => {
            let hosts = hosts.trim_end_matches('/');
            return (Some(StoreKind::Etcd), format!("etcd at {hosts}{how}"));
        }
        None if text == "zookeeper" => StoreKind::ZooKeeper,
        None => return (None, text.to_owned()),
    };
    (Some(kind), words_of(kind).to_owned())
}

fn words_of(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::KRaft => KRAFT,
        StoreKind::ZooKeeper => "ZooKeeper ensemble of its own",
        StoreKind::Etcd => "an etcd",
        StoreKind::ManagedEtcd => "etcd of its own",
    }
}

/// The servers of ZooKeeper's protocol, as its clients are told them.
fn zookeeper_connect(pods: &[Pod]) -> Option<String> {
    let servers: Vec<String> = pods
        .iter()
        .filter(|pod| component(pod) == "zookeeper")
        .filter_map(|pod| pod.status.as_ref()?.pod_ip.as_ref())
        .map(|ip| format!("{ip}:{}", manifests::store::CLIENT_PORT))
        .collect();
    (!servers.is_empty()).then(|| servers.join(","))
}

/// Nodes of the pools that have no Pod.
fn missing(cluster: &str, pools: &[KafkaNodePool], seen: &[NodeRow]) -> Vec<NodeRow> {
    let nodes = pools.iter().flat_map(|pool| {
        let status = pool.status.as_ref();
        let ids = status.and_then(|status| status.node_ids.as_deref());
        let ids = ids.unwrap_or_default();
        ids.iter().map(move |id| NodeRow {
            pod: format!("{cluster}-{}-{id}", pool.name_any()),
            component: KAFKA.to_owned(),
            roles: roles(|role| pool.spec.roles.contains(&role)),
            ready: false,
            state: "no Pod".to_owned(),
            restarts: 0,
        })
    });
    nodes
        .filter(|node| seen.iter().all(|seen| seen.pod != node.pod))
        .collect()
}

/// `controller,broker`, as far as it has them.
fn roles(has: impl Fn(NodeRole) -> bool) -> String {
    let roles = [
        (NodeRole::Controller, "controller"),
        (NodeRole::Broker, "broker"),
    ];
    let words: Vec<&str> = roles
        .into_iter()
        .filter(|(role, _)| has(*role))
        .map(|(_, word)| word)
        .collect();
    words.join(",")
}

fn node_row(pod: &Pod) -> NodeRow {
    let is = |label: &str| pod.labels().get(label).is_some_and(|value| value == "true");
    let roles = roles(|role| match role {
        NodeRole::Controller => is("strimzi.io/controller-role"),
        NodeRole::Broker => is("strimzi.io/broker-role"),
    });
    let containers = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    let state = pod::describe(pod);
    let component = component(pod);
    NodeRow {
        pod: pod.name_any(),
        component: component.to_owned(),
        roles: if component == KAFKA {
            roles
        } else {
            component.to_owned()
        },
        ready: pod::is_ready(pod),
        restarts: containers
            .iter()
            .map(|container| container.restart_count)
            .sum(),
        state,
    }
}

/// One line for each cluster, then why those that are not Ready are not.
fn overview(rows: &[Row]) -> String {
    let mut text = table(rows);
    let waiting = rows.iter().filter(|row| row.reason.is_some());
    for (index, row) in waiting.enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = write!(text, "\n{gap}{}/{}: {}", row.namespace, row.name, why(row));
    }
    text
}

/// Why a cluster is not Ready.
fn why(row: &Row) -> String {
    let reason = row.reason.as_deref().unwrap_or_default();
    plan::problem_lines(row.plan.as_ref(), reason).unwrap_or_else(|| reason.to_owned())
}

/// The same in a word for each problem; `None` where it is none of the plan's.
fn words(row: &Row) -> Option<String> {
    let reason = row.reason.as_deref().unwrap_or_default();
    let problems = plan::problems_behind(row.plan.as_ref(), reason).iter();
    let mut words: Vec<&str> = problems.map(|problem| problem.reason.as_str()).collect();
    words.dedup();
    (!words.is_empty()).then(|| words.join(", "))
}

fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            // What keeps metadata beside Kafka is no node of it.
            let (mut ready, mut nodes) = (0, 0);
            for node in row.nodes.iter().filter(|node| node.component == KAFKA) {
                ready += usize::from(node.ready);
                nodes += 1;
            }
            let plan = row
                .plan
                .as_ref()
                .and_then(|plan| plan.status.clone())
                .unwrap_or_default();
            let doing = [plan.title, plan.status.map(plan::word), plan.done]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>();
            vec![
                row.namespace.clone(),
                row.name.clone(),
                if row.ready { "True" } else { "False" }.to_owned(),
                format!("{ready}/{nodes}"),
                row.kafka_version.clone().unwrap_or_else(|| "-".to_owned()),
                row.listeners
                    .iter()
                    .map(|access| access.listener.as_str())
                    .collect::<Vec<_>>()
                    .join(","),
                match (doing.is_empty(), words(row), &row.reason) {
                    (false, _, _) => doing.join(" "),
                    (true, None, None) => "-".to_owned(),
                    (true, None, Some(reason)) => reason.clone(),
                    (true, Some(words), _) => words,
                },
            ]
        })
        .collect();
    output::table(
        &[
            "NAMESPACE",
            "NAME",
            "READY",
            "NODES",
            "KAFKA",
            "LISTENERS",
            "PLAN",
        ],
        &cells,
    )
}

fn detail(row: &Row) -> String {
    // The plan, which comes last, has each problem in full.
    let ready = match (&row.reason, &row.change, words(row)) {
        (None, None, _) => "Ready".to_owned(),
        (None, Some(change), _) => change.clone(),
        (Some(reason), _, None) => format!("not Ready: {reason}"),
        (Some(_), _, Some(words)) => format!("not Ready: {words} (see below)"),
    };
    let mut text = format!("{} (namespace {})  {ready}", row.name, row.namespace);
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    // A level of the format is something that only KRaft has.
    let metadata = if row.metadata_store == KRAFT {
        known(&row.metadata_version)
    } else {
        format!("in {}", row.metadata_store)
    };
    let _ = write!(
        text,
        "\n  Kafka {}   metadata {}   cluster id {}\n\n",
        known(&row.kafka_version),
        metadata,
        known(&row.cluster_id)
    );
    let nodes: Vec<Vec<String>> = row
        .nodes
        .iter()
        .map(|node| {
            vec![
                node.pod.clone(),
                node.roles.clone(),
                node.restarts.to_string(),
                node.state.clone(),
            ]
        })
        .collect();
    text.push_str(&output::table(
        &["NODE", "ROLES", "RESTARTS", "STATE"],
        &nodes,
    ));
    let listeners: Vec<Vec<String>> = row
        .listeners
        .iter()
        .map(|access| {
            vec![
                access.listener.clone(),
                if access.tls { "yes" } else { "no" }.to_owned(),
                access
                    .authentication
                    .clone()
                    .unwrap_or_else(|| "none".to_owned()),
                access.bootstrap_servers.clone(),
            ]
        })
        .collect();
    if !listeners.is_empty() {
        let _ = write!(
            text,
            "\n\n{}",
            output::table(
                &["LISTENER", "TLS", "AUTHENTICATION", "BOOTSTRAP"],
                &listeners
            )
        );
    }
    if let Some(servers) = &row.zookeeper_connect {
        let _ = write!(text, "\n\nmetadata  ZooKeeper's protocol at {servers}");
    }
    for Warning { reason, message } in &row.warnings {
        let _ = write!(text, "\n\nwarning  {reason}: {message}");
    }
    if let Some(plan) = &row.plan {
        let _ = write!(text, "\n\n{}", plan::draw(plan));
    }
    text
}

#[cfg(test)]
mod tests;
