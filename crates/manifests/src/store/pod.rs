//! The Pods of the store. Those with a volume run through our runner, which guards it; the servers on etcd are Klamm
//! itself.

use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, HTTPGetAction,
    LocalObjectReference, PersistentVolumeClaimVolumeSource, Pod, PodAffinityTerm, PodAntiAffinity,
    PodSecurityContext, PodSpec, Probe, SecretVolumeSource, Volume, VolumeMount,
    WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use model::runner::{CONTRACT, env};

use super::config_map::mount;
use super::objects::{ports, selector};
use super::{
    CLIENT_PORT, Member, Program, component_name, etcd_prefix, etcd_secret, etcd_urls,
    nodes_service,
};
use crate::broker_pod::{
    INIT, RUNNER_DIRECTORY, START_UP, empty_dir, field, port, probe, restricted, value,
};
use crate::broker_properties::RUN_DIRECTORY;
use crate::facts::Input;
use crate::labels;
use crate::names;
use crate::network_policy::select;
use crate::runner::CONFIGURATION;

/// Name of the container that serves ZooKeeper's protocol.
pub const GATEWAY: &str = "zookeeper";

/// An ensemble's followers need a moment to hand over; etcd and the servers on it none.
const GRACE_SECONDS: i64 = 30;
/// Group of the volumes, as Strimzi has it.
const GROUP: i64 = 0;

const DATA: &str = "data";
const RUNNER: &str = "klamm-bin";
const RUN: &str = "klamm-run";
const TMP: &str = "strimzi-tmp";
const CONFIG: &str = "zookeeper-metrics-and-logging";
const ETCD_SECRET: &str = "etcd-secret";
const ETCD_SECRET_DIRECTORY: &str = "/etc/klamm/etcd";

/// The Pod of a server, without permission to begin with an empty volume.
pub fn render(input: &Input<'_>, member: Member) -> Pod {
    let cluster = input.cluster;
    let program = member.program;
    let name = member.pod_name(cluster.name.as_str());
    let mut labels = labels::cluster_labels(cluster, program.component());
    labels.insert("strimzi.io/pod-name".to_owned(), name.clone());
    labels.insert("strimzi.io/controller".to_owned(), "klamm".to_owned());
    let annotations = labels::map([(names::STOP_LAST, "true".to_owned())]);
    let mut metadata = labels::metadata(input, name.clone(), labels, annotations);
    metadata.owner_references = Some(vec![labels::owner(input, true)]);
    let pull_secrets: Vec<_> = input
        .settings
        .image_pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() })
        .collect();
    let spec = PodSpec {
        restart_policy: Some("Always".to_owned()),
        hostname: Some(name),
        subdomain: Some(nodes_service(&cluster.name, program)),
        service_account_name: Some(component_name(&cluster.name, program)),
        automount_service_account_token: Some(false),
        affinity: Some(apart(input, program)),
        init_containers: member.has_volume().then(|| vec![init_container(input)]),
        containers: vec![container(input, member)],
        volumes: Some(volumes(input, member)),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        image_pull_secrets: (!pull_secrets.is_empty()).then_some(pull_secrets),
        security_context: mounts_files(input, member).then(|| PodSecurityContext {
            fs_group: Some(GROUP),
            ..PodSecurityContext::default()
        }),
        scheduler_name: Some("default-scheduler".to_owned()),
        ..PodSpec::default()
    };
    Pod {
        metadata,
        spec: Some(spec),
        status: None,
    }
}

/// On machines of their own, where there are as many.
fn apart(input: &Input<'_>, program: Program) -> Affinity {
    let term = PodAffinityTerm {
        label_selector: Some(select(selector(input, program))),
        topology_key: "kubernetes.io/hostname".to_owned(),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    pod_affinity_term: term,
                    weight: 100,
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn init_container(input: &Input<'_>) -> Container {
    Container {
        name: INIT.to_owned(),
        image: Some(input.settings.klamm_image.clone()),
        image_pull_policy: input.settings.image_pull_policy.clone(),
        command: Some(vec![
            "/klamm".to_owned(),
            "install".to_owned(),
            RUNNER_DIRECTORY.to_owned(),
        ]),
        security_context: Some(restricted()),
        volume_mounts: Some(vec![mounted(RUNNER, RUNNER_DIRECTORY)]),
        ..Container::default()
    }
}

fn container(input: &Input<'_>, member: Member) -> Container {
    let (name, image) = match member.program {
        Program::ZooKeeper => (GATEWAY, input.cluster.image.clone()),
        Program::Gateway => (GATEWAY, input.settings.klamm_image.clone()),
        Program::Etcd => ("etcd", input.settings.etcd_image.clone()),
    };
    let through_runner = member.has_volume();
    let live = crate::broker_pod::LIVE;
    Container {
        name: name.to_owned(),
        image: Some(image),
        image_pull_policy: input.settings.image_pull_policy.clone(),
        command: Some(if through_runner {
            vec![format!("{RUNNER_DIRECTORY}/klamm"), "run-store".to_owned()]
        } else {
            gateway_command(input)
        }),
        env: Some(environment()),
        ports: Some(container_ports(member.program)),
        security_context: Some(restricted()),
        startup_probe: through_runner.then(|| health("/readyz", START_UP)),
        readiness_probe: Some(if through_runner {
            health("/readyz", live)
        } else {
            of_gateway("/readyz")
        }),
        liveness_probe: Some(if through_runner {
            health("/livez", live)
        } else {
            of_gateway("/healthz")
        }),
        volume_mounts: Some(mounts(input, member)),
        ..Container::default()
    }
}

fn gateway_command(input: &Input<'_>) -> Vec<String> {
    let mut command = vec!["/klamm".to_owned(), "zookeeper".to_owned()];
    let mut say = |option: &str, value: String| command.extend([option.to_owned(), value]);
    say("--etcd", etcd_urls(input.cluster).join(","));
    if etcd_secret(input.cluster).is_some() {
        say("--etcd-secret", ETCD_SECRET_DIRECTORY.to_owned());
    }
    say("--prefix", etcd_prefix(input));
    say("--listen", format!("$(POD_IP):{CLIENT_PORT}"));
    say(
        "--metrics-listen",
        format!("$(POD_IP):{}", names::METRICS_PORT),
    );
    command
}

/// Asks the runner.
fn health(path: &str, times: model::desired::Probe) -> Probe {
    let mut probe = probe(path, times);
    if let Some(get) = &mut probe.http_get {
        get.port = IntOrString::String("tcp-health".to_owned());
    }
    probe
}

/// Asks `klamm zookeeper`: it is ready while it hears of etcd.
fn of_gateway(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(i32::from(names::METRICS_PORT)),
            ..HTTPGetAction::default()
        }),
        timeout_seconds: Some(5),
        period_seconds: Some(2),
        failure_threshold: Some(3),
        success_threshold: Some(1),
        ..Probe::default()
    }
}

fn environment() -> Vec<EnvVar> {
    vec![
        field(env::POD_NAME, "metadata.name"),
        field(env::POD_NAMESPACE, "metadata.namespace"),
        field(env::POD_IP, "status.podIP"),
        value(env::CONTRACT, &CONTRACT.to_string()),
    ]
}

fn container_ports(program: Program) -> Vec<ContainerPort> {
    ports(program)
        .into_iter()
        .map(|(name, number)| port(name, number))
        .collect()
}

fn volumes(input: &Input<'_>, member: Member) -> Vec<Volume> {
    let named = |name: &str| Volume {
        name: name.to_owned(),
        ..Volume::default()
    };
    let memory = |name: &str| Volume {
        empty_dir: Some(empty_dir(Some("Memory"), Some("5Mi".to_owned()))),
        ..named(name)
    };
    let mut volumes = vec![memory(TMP)];
    if member.program == Program::Gateway
        && let Some(secret) = etcd_secret(input.cluster)
    {
        volumes.push(Volume {
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.to_owned()),
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..named(ETCD_SECRET)
        });
    }
    let Some(claim_name) = member.claim_name(input.cluster.name.as_str()) else {
        return volumes;
    };
    volumes.extend([
        Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name,
                read_only: None,
            }),
            ..named(DATA)
        },
        Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: member.pod_name(input.cluster.name.as_str()),
                default_mode: Some(0o644),
                ..ConfigMapVolumeSource::default()
            }),
            ..named(CONFIG)
        },
        Volume {
            empty_dir: Some(empty_dir(None, None)),
            ..named(RUNNER)
        },
        memory(RUN),
    ]);
    volumes
}

/// Whether it has files that only a group of its own may read.
fn mounts_files(input: &Input<'_>, member: Member) -> bool {
    member.has_volume()
        || member.program == Program::Gateway && etcd_secret(input.cluster).is_some()
}

fn mounts(input: &Input<'_>, member: Member) -> Vec<VolumeMount> {
    let mut mounts = vec![mounted(TMP, "/tmp")];
    if member.program == Program::Gateway && etcd_secret(input.cluster).is_some() {
        mounts.push(VolumeMount {
            read_only: Some(true),
            ..mounted(ETCD_SECRET, ETCD_SECRET_DIRECTORY)
        });
    }
    if member.has_volume() {
        mounts.extend([
            mounted(DATA, mount(member.program)),
            mounted(CONFIG, CONFIGURATION),
            VolumeMount {
                read_only: Some(true),
                ..mounted(RUNNER, RUNNER_DIRECTORY)
            },
            mounted(RUN, RUN_DIRECTORY),
        ]);
    }
    mounts
}

fn mounted(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}
