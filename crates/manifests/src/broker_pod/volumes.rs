//! The volumes of a Pod and where they are mounted.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile,
    KeyToPath, ObjectFieldSelector, PersistentVolumeClaimVolumeSource, ProjectedVolumeSource,
    SecretVolumeSource, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use model::desired::{Jmx, Node, PodTemplate, Pool, VolumeKind};

use super::{RUNNER_DIRECTORY, empty_dir};
use crate::broker_properties::RUN_DIRECTORY;
use crate::facts::Input;
use crate::names;
use crate::rbac;
use crate::runner::{CERTIFICATES, CONFIGURATION, TOKEN};
use crate::template;

/// Size of `/tmp` when the user says nothing.
const TMP_SIZE: &str = "5Mi";
/// Room for key material, filled-in properties and the small log of the runner.
const RUN_SIZE: &str = "5Mi";
/// Permissions of mounted configuration, as the API server would fill them in.
const FILE_MODE: i32 = 0o644;

const RUNNER: &str = "klamm-bin";
const RUN: &str = "klamm-run";
/// What the runner remembers as long as the Pod lives, over restarts of its machine too.
const STATE: &str = "klamm-state";
const STATE_DIRECTORY: &str = "/opt/klamm-state";
const TMP: &str = "strimzi-tmp";
const CONFIG: &str = "kafka-metrics-and-logging";
const NODE_CERTIFICATE: &str = "node-certs";
const TRUST: &str = "trust";
const JMX: &str = "jmx";
const API_ACCESS: &str = "kube-api-access";

/// All volumes: disks, configuration, certificates, scratch, then the user's.
pub(super) fn volumes(
    input: &Input<'_>,
    pool: &Pool,
    node: &Node,
    template: &PodTemplate,
) -> Vec<Volume> {
    let cluster = input.cluster;
    let pod = node.pod_name(&cluster.name);
    let mut volumes: Vec<_> = pool
        .storage
        .volumes()
        .iter()
        .map(|volume| data(volume, &pod))
        .collect();
    let tmp = template
        .tmp_dir_size_limit
        .clone()
        .unwrap_or_else(|| TMP_SIZE.to_owned());
    volumes.extend(vec![
        Volume {
            empty_dir: Some(empty_dir(Some("Memory"), Some(tmp))),
            ..named(TMP)
        },
        Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: pod.clone(),
                default_mode: Some(FILE_MODE),
                ..ConfigMapVolumeSource::default()
            }),
            ..named(CONFIG)
        },
        Volume {
            empty_dir: Some(empty_dir(None, None)),
            ..named(RUNNER)
        },
        Volume {
            empty_dir: Some(empty_dir(Some("Memory"), Some(RUN_SIZE.to_owned()))),
            ..named(RUN)
        },
        Volume {
            empty_dir: Some(empty_dir(None, None)),
            ..named(STATE)
        },
        secret(NODE_CERTIFICATE, pod),
        secret(TRUST, names::trust_bundle_secret(&cluster.name)),
    ]);
    for (name, reference) in listener_certificates(input, node) {
        volumes.push(secret(&name, reference));
    }
    if cluster.jmx == Jmx::Password {
        volumes.push(secret(JMX, names::jmx_secret(&cluster.name)));
    }
    if rbac::reads_nodes(input) && node.roles.is_broker() {
        volumes.push(Volume {
            projected: Some(api_access()),
            ..named(API_ACCESS)
        });
    }
    volumes.extend(template.volumes.clone().unwrap_or_default());
    let templated = template.templated_volumes.iter().flatten();
    volumes.extend(templated.map(|volume| template::fill_volume(volume.clone(), cluster, node)));
    volumes
}

/// The mounts of the container `kafka`, without the user's.
pub(super) fn mounts(input: &Input<'_>, pool: &Pool, node: &Node) -> Vec<VolumeMount> {
    let certificate =
        |name: &str, directory: &str| read_only(name, &format!("{CERTIFICATES}/{directory}"));
    let volumes = pool.storage.volumes();
    let mut mounts: Vec<_> = volumes
        .iter()
        .map(|volume| mount(&volume.name(), &volume.mount_path()))
        .collect();
    mounts.extend([
        mount(TMP, "/tmp"),
        // The slash at the end is Strimzi's.
        mount(CONFIG, &format!("{CONFIGURATION}/")),
        runner_mount(true),
        mount(RUN, RUN_DIRECTORY),
        mount(STATE, STATE_DIRECTORY),
        certificate(NODE_CERTIFICATE, "node"),
        certificate(TRUST, "trust"),
    ]);
    mounts.extend(
        listener_certificates(input, node)
            .iter()
            .map(|(name, _)| certificate(name, name)),
    );
    if input.cluster.jmx == Jmx::Password {
        mounts.push(certificate(JMX, "jmx"));
    }
    if rbac::reads_nodes(input) && node.roles.is_broker() {
        mounts.push(read_only(API_ACCESS, TOKEN));
    }
    mounts
}

/// The mount of the runner: written by the init container, read by the other.
pub(super) fn runner_mount(read_only: bool) -> VolumeMount {
    VolumeMount {
        read_only: read_only.then_some(true),
        ..mount(RUNNER, RUNNER_DIRECTORY)
    }
}

/// Certificates that users brought: name of the volume, name of the Secret.
fn listener_certificates(input: &Input<'_>, node: &Node) -> Vec<(String, String)> {
    let listeners = input
        .cluster
        .listeners
        .iter()
        .filter(|listener| listener.tls && node.roles.is_broker());
    let certificates = listeners.filter_map(|listener| {
        let reference = listener.configuration.certificate.as_ref()?;
        Some((
            names::listener_certificate_volume(&listener.name),
            reference.secret.clone(),
        ))
    });
    certificates.collect()
}

fn data(volume: &model::desired::Volume<'_>, pod: &str) -> Volume {
    let name = volume.name();
    match volume.kind {
        VolumeKind::Ephemeral { size_limit } => Volume {
            empty_dir: Some(empty_dir(None, size_limit.map(|size| size.to_string()))),
            ..named(&name)
        },
        VolumeKind::PersistentClaim(_) => Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: volume.claim_name(pod),
                read_only: None,
            }),
            ..named(&name)
        },
    }
}

fn secret(name: &str, reference: String) -> Volume {
    let source = SecretVolumeSource {
        secret_name: Some(reference),
        default_mode: Some(FILE_MODE),
        ..SecretVolumeSource::default()
    };
    Volume {
        secret: Some(source),
        ..named(name)
    }
}

/// What Kubernetes itself would mount, had it not been turned off.
fn api_access() -> ProjectedVolumeSource {
    let token = ServiceAccountTokenProjection {
        path: "token".to_owned(),
        expiration_seconds: Some(3600),
        ..ServiceAccountTokenProjection::default()
    };
    let authority = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath {
            key: "ca.crt".to_owned(),
            path: "ca.crt".to_owned(),
            ..KeyToPath::default()
        }]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: "metadata.namespace".to_owned(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    let source = VolumeProjection::default;
    ProjectedVolumeSource {
        default_mode: Some(FILE_MODE),
        sources: Some(vec![
            VolumeProjection {
                service_account_token: Some(token),
                ..source()
            },
            VolumeProjection {
                config_map: Some(authority),
                ..source()
            },
            VolumeProjection {
                downward_api: Some(DownwardAPIProjection {
                    items: Some(vec![namespace]),
                }),
                ..source()
            },
        ]),
        ..ProjectedVolumeSource::default()
    }
}

fn named(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        ..Volume::default()
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}

fn read_only(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        read_only: Some(true),
        ..mount(name, path)
    }
}
