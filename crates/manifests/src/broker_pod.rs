//! The Pod of a node: the stock Kafka image, in which our runner is the first process.
//!
//! An init container copies the runner into the Pod; all else is mounted. The root is read-only, no token is mounted
//! unless the user asked for one, nothing secret is in the environment.

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EnvVarSource,
    HTTPGetAction, LocalObjectReference, NodeAffinity, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, ObjectFieldSelector, Pod, PodSecurityContext, PodSpec, Probe as PodProbe,
    SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use model::desired::{
    Cluster, Jmx, ListenerKind, Metrics, Node, Pool, Probe, Rack, RackThrough, VolumeKind,
};
use model::observed::identity::FORMAT_GRANTED;
use model::runner::{CONTRACT, env};

use crate::facts::{Input, NodeFacts};
use crate::labels::{self, Map};
use crate::names;
use crate::revision;
use crate::secret;
use crate::template::{self, NodeTemplates};

mod volumes;

/// Name of the container that runs Kafka.
pub const KAFKA: &str = "kafka";
/// Name of the init container.
pub const INIT: &str = "klamm-init";
/// Where the runner is in the Pod.
pub const RUNNER_DIRECTORY: &str = "/opt/klamm";

/// User of the stock image.
const USER: i64 = 1000;
/// Group of the volumes, as Strimzi has it.
const GROUP: i64 = 0;
/// Seconds a node may take to stop when the user says nothing.
const GRACE_SECONDS: i64 = 30;
/// A start may take as long as the recovery of large logs takes: 1 day of questions, one each second.
const START_UP_FAILURES: i32 = 24 * 60 * 60;

/// `<pod>`.
pub fn render(input: &Input<'_>, pool: &Pool, node: &Node, facts: &NodeFacts) -> Pod {
    let cluster = input.cluster;
    let templates = template::node_templates(cluster, Some(pool));
    let wish = templates.pod;
    let name = node.pod_name(&cluster.name);
    let mut metadata = labels::metadata(
        input,
        name.clone(),
        pod_labels(cluster, pool, node, &templates),
        annotations(input, pool, node, facts, &templates),
    );
    metadata.owner_references = Some(vec![labels::owner(input, true)]);
    let pull_secrets = input.settings.image_pull_secrets.iter();
    let pull_secrets: Vec<_> = pull_secrets
        .map(|name| LocalObjectReference { name: name.clone() })
        .collect();
    let spec = PodSpec {
        restart_policy: Some("Always".to_owned()),
        hostname: Some(name),
        subdomain: Some(names::brokers_service(&cluster.name)),
        service_account_name: Some(names::component(&cluster.name)),
        automount_service_account_token: Some(false),
        enable_service_links: wish.enable_service_links,
        affinity: affinity(cluster, node, wish.affinity.clone()),
        init_containers: Some(vec![init_container(input, pool, &templates)]),
        containers: vec![kafka_container(input, pool, node, facts, &templates)],
        volumes: Some(volumes::volumes(input, pool, node, wish)),
        tolerations: wish.tolerations.clone(),
        termination_grace_period_seconds: Some(
            wish.termination_grace_period_seconds
                .unwrap_or(GRACE_SECONDS),
        ),
        image_pull_secrets: wish
            .image_pull_secrets
            .clone()
            .or_else(|| (!pull_secrets.is_empty()).then_some(pull_secrets)),
        security_context: wish.security_context.clone().or_else(|| pod_security(pool)),
        host_users: wish.host_users,
        priority_class_name: wish.priority_class_name.clone(),
        scheduler_name: Some(
            wish.scheduler_name
                .clone()
                .unwrap_or_else(|| "default-scheduler".to_owned()),
        ),
        host_aliases: wish.host_aliases.clone(),
        dns_policy: wish.dns_policy.clone(),
        dns_config: wish.dns_config.clone(),
        topology_spread_constraints: wish.topology_spread_constraints.clone(),
        ..PodSpec::default()
    };
    Pod {
        metadata,
        spec: Some(spec),
        status: None,
    }
}

fn pod_labels(cluster: &Cluster, pool: &Pool, node: &Node, templates: &NodeTemplates<'_>) -> Map {
    let mut labels = labels::with_template(
        labels::node_labels(cluster, Some(pool), node),
        &templates.pod.metadata,
    );
    labels.extend(labels::map([
        ("strimzi.io/broker-role", node.roles.is_broker().to_string()),
        ("strimzi.io/controller", "klamm".to_owned()),
        (
            "strimzi.io/controller-name",
            format!("{}-{}", cluster.name, node.pool),
        ),
        (
            "strimzi.io/controller-role",
            node.roles.is_controller().to_string(),
        ),
        ("strimzi.io/pod-name", node.pod_name(&cluster.name)),
    ]));
    labels
}

fn annotations(
    input: &Input<'_>,
    pool: &Pool,
    node: &Node,
    facts: &NodeFacts,
    templates: &NodeTemplates<'_>,
) -> Map {
    let generations = input.facts.generations;
    let mut own = revision::of(input, pool, node).annotations();
    own.extend(labels::map([
        (
            secret::CLIENTS_CA_CERTIFICATE_GENERATION,
            generations.clients_certificate.to_string(),
        ),
        (
            secret::CLUSTER_CA_CERTIFICATE_GENERATION,
            generations.cluster_certificate.to_string(),
        ),
        (
            secret::CLUSTER_CA_KEY_GENERATION,
            generations.cluster_key.to_string(),
        ),
    ]));
    if node.roles.is_controller() && !node.roles.is_broker() {
        // Without controllers no broker is shut down in a controlled way.
        own.insert(names::STOP_LAST.to_owned(), "true".to_owned());
    }
    if let Some(format) = facts.format {
        own.insert(FORMAT_GRANTED.to_owned(), format.as_str().to_owned());
    }
    labels::merged([&templates.pod.metadata.annotations, &own])
}

fn init_container(input: &Input<'_>, pool: &Pool, templates: &NodeTemplates<'_>) -> Container {
    let wish = templates.init_container;
    let mut mounts = vec![volumes::runner_mount(false)];
    mounts.extend(wish.volume_mounts.clone().unwrap_or_default());
    Container {
        name: INIT.to_owned(),
        image: Some(input.settings.klamm_image.clone()),
        image_pull_policy: input.settings.image_pull_policy.clone(),
        command: Some(vec![
            "/klamm".to_owned(),
            "install".to_owned(),
            RUNNER_DIRECTORY.to_owned(),
        ]),
        env: wish.env.clone(),
        resources: Some(pool.resources.clone()),
        security_context: Some(wish.security_context.clone().unwrap_or_else(restricted)),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn kafka_container(
    input: &Input<'_>,
    pool: &Pool,
    node: &Node,
    facts: &NodeFacts,
    templates: &NodeTemplates<'_>,
) -> Container {
    let cluster = input.cluster;
    let wish = templates.kafka_container;
    let mut mounts = volumes::mounts(input, pool, node);
    mounts.extend(wish.volume_mounts.clone().unwrap_or_default());
    Container {
        name: KAFKA.to_owned(),
        image: Some(cluster.image.clone()),
        image_pull_policy: input.settings.image_pull_policy.clone(),
        command: Some(vec![
            format!("{RUNNER_DIRECTORY}/klamm"),
            "run-broker".to_owned(),
        ]),
        env: Some(environment(
            input,
            node,
            facts,
            wish.env.as_deref().unwrap_or_default(),
        )),
        ports: Some(ports(cluster, node)),
        resources: Some(pool.resources.clone()),
        security_context: Some(wish.security_context.clone().unwrap_or_else(restricted)),
        startup_probe: Some(probe("/readyz", START_UP)),
        readiness_probe: Some(probe("/readyz", cluster.readiness)),
        liveness_probe: Some(probe("/livez", cluster.liveness)),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// Asks at once and each second, for as long as a start may take.
pub(crate) const START_UP: Probe = Probe {
    initial_delay_seconds: 0,
    timeout_seconds: 5,
    period_seconds: 1,
    success_threshold: 1,
    failure_threshold: START_UP_FAILURES,
};

/// Asks every few seconds, whether what started goes on.
pub(crate) const LIVE: Probe = Probe {
    initial_delay_seconds: 0,
    timeout_seconds: 5,
    period_seconds: 5,
    success_threshold: 1,
    failure_threshold: 3,
};

pub(crate) fn probe(path: &str, times: Probe) -> PodProbe {
    let Probe {
        initial_delay_seconds,
        timeout_seconds,
        period_seconds,
        success_threshold,
        failure_threshold,
    } = times;
    PodProbe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(names::RUNNER_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        // Zero is the default; saying it would show as a difference to what the API server stores.
        initial_delay_seconds: (initial_delay_seconds > 0).then_some(initial_delay_seconds),
        timeout_seconds: Some(timeout_seconds),
        period_seconds: Some(period_seconds),
        success_threshold: Some(success_threshold),
        failure_threshold: Some(failure_threshold),
        ..PodProbe::default()
    }
}

fn environment(input: &Input<'_>, node: &Node, facts: &NodeFacts, users: &[EnvVar]) -> Vec<EnvVar> {
    let mut variables = vec![
        field(env::POD_NAME, "metadata.name"),
        field(env::POD_NAMESPACE, "metadata.namespace"),
        field(env::POD_UID, "metadata.uid"),
        field(env::POD_IP, "status.podIP"),
        field(env::NODE_NAME, "spec.nodeName"),
        value(env::CONTRACT, &CONTRACT.to_string()),
    ];
    if node.roles.is_broker() {
        if input
            .cluster
            .listeners
            .iter()
            .any(|listener| listener.kind == ListenerKind::NodePort)
        {
            variables.push(field(env::HOST_IP, "status.hostIP"));
        }
        if let Some(Rack::TopologyLabel {
            key,
            through: RackThrough::PodLabel,
        }) = &input.cluster.rack
        {
            variables.push(field(env::RACK, &format!("metadata.labels['{key}']")));
        }
    }
    if let Some(format) = facts.format {
        variables.push(value(env::FORMAT, format.as_str()));
    }
    // Ours win: a container with two variables of one name would get the last.
    let own: Vec<_> = variables
        .iter()
        .map(|variable| variable.name.clone())
        .collect();
    variables.extend(
        users
            .iter()
            .filter(|variable| !own.contains(&variable.name))
            .cloned(),
    );
    variables
}

pub(crate) fn value(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

pub(crate) fn field(name: &str, path: &str) -> EnvVar {
    let field_ref = ObjectFieldSelector {
        api_version: Some("v1".to_owned()),
        field_path: path.to_owned(),
    };
    let from = EnvVarSource {
        field_ref: Some(field_ref),
        ..EnvVarSource::default()
    };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(from),
    }
}

fn ports(cluster: &Cluster, node: &Node) -> Vec<ContainerPort> {
    let mut ports = vec![port(names::RUNNER_PORT_NAME, names::RUNNER_PORT)];
    if node.roles.is_controller() {
        ports.push(port(
            names::CONTROL_PLANE_PORT_NAME,
            names::CONTROL_PLANE_PORT,
        ));
    }
    if cluster.metadata_store.speaks_zookeeper() {
        ports.push(port(
            names::CONTROL_PLANE_PORT_NAME,
            names::CONTROL_PLANE_PORT,
        ));
    }
    if node.roles.is_broker() {
        ports.push(port(names::REPLICATION_PORT_NAME, names::REPLICATION_PORT));
        ports.extend(
            cluster
                .listeners
                .iter()
                .map(|listener| port(&names::port_name(listener), listener.port)),
        );
    }
    match cluster.metrics {
        Metrics::None => {}
        Metrics::JmxExporter(_) | Metrics::StrimziReporter { allow_list: _ } => {
            ports.push(port(names::METRICS_PORT_NAME, names::METRICS_PORT));
        }
    }
    match cluster.jmx {
        Jmx::Closed => {}
        Jmx::Open | Jmx::Password => ports.push(port(names::JMX_PORT_NAME, names::JMX_PORT)),
    }
    ports
}

pub(crate) fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

/// What the strictest Pod security standard asks for.
pub(crate) fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..SecurityContext::default()
    }
}

/// The group that may write to disks; a Pod without disks needs none.
fn pod_security(pool: &Pool) -> Option<PodSecurityContext> {
    let volumes = pool.storage.volumes();
    let persistent = volumes
        .iter()
        .any(|volume| matches!(volume.kind, VolumeKind::PersistentClaim(_)));
    persistent.then(|| PodSecurityContext {
        fs_group: Some(GROUP),
        ..PodSecurityContext::default()
    })
}

/// The user's affinity; where the rack is a label of the node, only nodes that have it will do.
fn affinity(cluster: &Cluster, node: &Node, users: Option<Affinity>) -> Option<Affinity> {
    let Some(Rack::TopologyLabel { key, through: _ }) =
        cluster.rack.as_ref().filter(|_| node.roles.is_broker())
    else {
        return users;
    };
    let has_label = NodeSelectorRequirement {
        key: key.clone(),
        operator: "Exists".to_owned(),
        values: None,
    };
    let mut affinity = users.unwrap_or_default();
    let node_affinity = affinity
        .node_affinity
        .get_or_insert_with(NodeAffinity::default);
    let selector = node_affinity
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_with(NodeSelector::default);
    if selector.node_selector_terms.is_empty() {
        selector
            .node_selector_terms
            .push(NodeSelectorTerm::default());
    }
    // Terms are alternatives, so each of them needs it.
    for term in &mut selector.node_selector_terms {
        term.match_expressions
            .get_or_insert_with(Vec::new)
            .push(has_label.clone());
    }
    Some(affinity)
}

/// An empty directory.
pub(crate) fn empty_dir(medium: Option<&str>, size_limit: Option<String>) -> EmptyDirVolumeSource {
    EmptyDirVolumeSource {
        medium: medium.map(str::to_owned),
        size_limit: size_limit.map(Quantity),
        ..EmptyDirVolumeSource::default()
    }
}
