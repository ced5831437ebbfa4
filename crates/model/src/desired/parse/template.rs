//! Templates: what a user wants different about the objects we make.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, EnvVar, EnvVarSource, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use resources::cluster as given_cluster;
use resources::container_template::{
    self as given_container, EnvironmentSource, EnvironmentVariable,
};
use resources::node_pool as given_pool;
use resources::pod_template as given_pod;
use resources::template as given;
use resources::volume::{AdditionalVolume, EmptyDirectory, TemplatedVolume};

use super::report::Report;
use super::{CLUSTER_LABEL, text};
use crate::desired::{
    ByteSize, ClusterTemplate, ContainerTemplate, MetadataTemplate, PodDisruptionBudgetTemplate,
    PodTemplate, PoolTemplate, ServiceTemplate,
};

/// Volumes that every Kafka Pod has; `data-…` and `listener-…` are ours as well.
const OUR_VOLUMES: [&str; 8] = [
    "data",
    "strimzi-tmp",
    "kafka-metrics-and-logging",
    "klamm-bin",
    "klamm-run",
    "node-certs",
    "trust",
    "jmx",
];

/// Environment variables that the runner reads; those that begin with `KLAMM_` are ours as well.
const OUR_VARIABLES: [&str; 6] = [
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_UID",
    "POD_IP",
    "NODE_NAME",
    "HOST_IP",
];

/// The only place for additional mounts, as in Strimzi.
const MOUNTS: &str = "/mnt";

/// `spec.kafka.template` of a Kafka.
pub(super) fn parse_cluster(
    template: Option<&given_cluster::ClusterTemplate>,
    report: &mut Report,
) -> ClusterTemplate {
    const PATH: &str = "spec.kafka.template";
    let Some(template) = template else {
        return ClusterTemplate::default();
    };
    let given_cluster::ClusterTemplate {
        pod: pod_given,
        bootstrap_service,
        brokers_service,
        external_bootstrap_service,
        per_pod_service,
        external_bootstrap_route,
        per_pod_route,
        external_bootstrap_ingress,
        per_pod_ingress,
        persistent_volume_claim,
        pod_disruption_budget,
        kafka_container,
        init_container,
        cluster_ca_cert,
        service_account,
        jmx_secret,
        cluster_role_binding,
        pod_set: _,
    } = template;
    let path = |name: &str| format!("{PATH}.{name}");
    let pod = pod(&path("pod"), pod_given.as_ref(), report).unwrap_or_default();
    let mut object = |name: &str, given: &Option<given::ObjectTemplate>| {
        object(&path(name), given.as_ref(), report).unwrap_or_default()
    };
    let mut parsed = ClusterTemplate {
        external_bootstrap_service: object("externalBootstrapService", external_bootstrap_service),
        per_pod_service: object("perPodService", per_pod_service),
        external_bootstrap_route: object("externalBootstrapRoute", external_bootstrap_route),
        per_pod_route: object("perPodRoute", per_pod_route),
        external_bootstrap_ingress: object("externalBootstrapIngress", external_bootstrap_ingress),
        per_pod_ingress: object("perPodIngress", per_pod_ingress),
        persistent_volume_claim: object("persistentVolumeClaim", persistent_volume_claim),
        cluster_ca_cert: object("clusterCaCert", cluster_ca_cert),
        service_account: object("serviceAccount", service_account),
        jmx_secret: object("jmxSecret", jmx_secret),
        cluster_role_binding: object("clusterRoleBinding", cluster_role_binding),
        ..ClusterTemplate::default()
    };
    parsed.bootstrap_service = service(
        &path("bootstrapService"),
        bootstrap_service.as_ref(),
        report,
    );
    parsed.brokers_service = service(&path("brokersService"), brokers_service.as_ref(), report);
    parsed.pod_disruption_budget = budget(
        &path("podDisruptionBudget"),
        pod_disruption_budget.as_ref(),
        report,
    );
    parsed.kafka_container =
        container(&path("kafkaContainer"), kafka_container.as_ref(), report).unwrap_or_default();
    parsed.init_container =
        container(&path("initContainer"), init_container.as_ref(), report).unwrap_or_default();
    mounts_have_volumes(
        &path("kafkaContainer"),
        Some(&parsed.kafka_container),
        &pod,
        report,
    );
    parsed.pod = pod;
    parsed
}

/// `spec.template` of a KafkaNodePool; its mounts may use volumes of the cluster's template.
pub(super) fn parse_pool(
    template: Option<&given_pool::NodePoolTemplate>,
    cluster: &ClusterTemplate,
    report: &mut Report,
) -> PoolTemplate {
    const PATH: &str = "spec.template";
    let Some(template) = template else {
        return PoolTemplate::default();
    };
    let given_pool::NodePoolTemplate {
        pod_set: _,
        pod: pod_given,
        per_pod_service,
        per_pod_route,
        per_pod_ingress,
        persistent_volume_claim,
        kafka_container,
        init_container,
    } = template;
    let path = |name: &str| format!("{PATH}.{name}");
    let parsed = PoolTemplate {
        pod: pod(&path("pod"), pod_given.as_ref(), report),
        per_pod_service: object(&path("perPodService"), per_pod_service.as_ref(), report),
        per_pod_route: object(&path("perPodRoute"), per_pod_route.as_ref(), report),
        per_pod_ingress: object(&path("perPodIngress"), per_pod_ingress.as_ref(), report),
        persistent_volume_claim: object(
            &path("persistentVolumeClaim"),
            persistent_volume_claim.as_ref(),
            report,
        ),
        kafka_container: container(&path("kafkaContainer"), kafka_container.as_ref(), report),
        init_container: container(&path("initContainer"), init_container.as_ref(), report),
    };
    let pod = parsed.pod.as_ref().unwrap_or(&cluster.pod);
    mounts_have_volumes(
        &path("kafkaContainer"),
        parsed.kafka_container.as_ref(),
        pod,
        report,
    );
    parsed
}

fn object(
    path: &str,
    given: Option<&given::ObjectTemplate>,
    report: &mut Report,
) -> Option<MetadataTemplate> {
    let given::ObjectTemplate { metadata: given } = given?;
    Some(metadata(path, given.as_ref(), report))
}

fn metadata(
    path: &str,
    given: Option<&given::MetadataTemplate>,
    report: &mut Report,
) -> MetadataTemplate {
    let Some(given::MetadataTemplate {
        labels,
        annotations,
    }) = given
    else {
        return MetadataTemplate::default();
    };
    for (kind, map) in [("labels", labels), ("annotations", annotations)] {
        for (key, value) in map.iter().flatten() {
            let field = format!("{path}.metadata.{kind}[\"{key}\"]");
            own_key(&field, key, value, report);
        }
    }
    MetadataTemplate {
        labels: labels.clone().unwrap_or_default(),
        annotations: annotations.clone().unwrap_or_default(),
    }
}

/// Labels that the operator finds its objects by, and annotations that it keeps its memory in, are its own.
pub(super) fn own_key(field: &str, key: &str, value: &str, report: &mut Report) {
    let label = field.contains(".labels[");
    let strimzi = label && key.starts_with("strimzi.io/") && key != CLUSTER_LABEL;
    if strimzi || key.starts_with("klamm.dev/") {
        let allowed = "a key that begins neither with `strimzi.io/` nor with `klamm.dev/`";
        report.forbidden(field, value, allowed, "example.com/team");
    }
}

fn service(
    path: &str,
    given: Option<&given::ServiceTemplate>,
    report: &mut Report,
) -> ServiceTemplate {
    let Some(given::ServiceTemplate {
        metadata: given,
        ip_family_policy,
        ip_families,
    }) = given
    else {
        return ServiceTemplate::default();
    };
    ServiceTemplate {
        metadata: metadata(path, given.as_ref(), report),
        ip_family_policy: ip_family_policy.map(text),
        ip_families: ip_families
            .as_ref()
            .map(|families| families.iter().map(text).collect()),
    }
}

fn budget(
    path: &str,
    given: Option<&given::PodDisruptionBudgetTemplate>,
    report: &mut Report,
) -> PodDisruptionBudgetTemplate {
    let Some(given::PodDisruptionBudgetTemplate {
        metadata: given,
        max_unavailable,
    }) = given
    else {
        return PodDisruptionBudgetTemplate::default();
    };
    if let Some(number) = max_unavailable.filter(|number| *number < 0) {
        report.invalid(
            &format!("{path}.maxUnavailable"),
            number,
            "a number, at least 0",
            "1",
        );
    }
    PodDisruptionBudgetTemplate {
        metadata: metadata(path, given.as_ref(), report),
        max_unavailable: *max_unavailable,
    }
}

fn pod(
    path: &str,
    given: Option<&given_pod::PodTemplate>,
    report: &mut Report,
) -> Option<PodTemplate> {
    let given_pod::PodTemplate {
        metadata: metadata_given,
        image_pull_secrets,
        security_context,
        termination_grace_period_seconds,
        affinity,
        tolerations,
        topology_spread_constraints,
        priority_class_name,
        scheduler_name,
        host_aliases,
        dns_policy,
        dns_config,
        enable_service_links,
        tmp_dir_size_limit,
        volumes,
        templated_volumes,
        host_users,
    } = given?;
    if let Some(text) = tmp_dir_size_limit
        && !text.parse().is_ok_and(|size: ByteSize| size.bytes() > 0)
    {
        report.invalid(
            &format!("{path}.tmpDirSizeLimit"),
            text,
            "a size above zero",
            "10Mi",
        );
    }
    let mut names = BTreeSet::new();
    let volumes = volumes.as_ref().map(|volumes| {
        let volumes = volumes.iter().enumerate();
        volumes
            .filter_map(|(index, given)| {
                volume(
                    &format!("{path}.volumes[{index}]"),
                    given,
                    &mut names,
                    report,
                )
            })
            .collect()
    });
    let templated_volumes = templated_volumes.as_ref().map(|volumes| {
        let volumes = volumes.iter().enumerate();
        volumes
            .filter_map(|(index, given)| {
                volume(
                    &format!("{path}.templatedVolumes[{index}]"),
                    &untemplated(given),
                    &mut names,
                    report,
                )
            })
            .collect()
    });
    Some(PodTemplate {
        metadata: metadata(path, metadata_given.as_ref(), report),
        image_pull_secrets: image_pull_secrets.clone(),
        security_context: security_context.clone(),
        termination_grace_period_seconds: *termination_grace_period_seconds,
        affinity: affinity.clone(),
        tolerations: tolerations.clone(),
        topology_spread_constraints: topology_spread_constraints.clone(),
        priority_class_name: priority_class_name.clone(),
        scheduler_name: scheduler_name.clone(),
        host_aliases: host_aliases.clone(),
        dns_policy: dns_policy.map(text),
        dns_config: dns_config.clone(),
        enable_service_links: *enable_service_links,
        tmp_dir_size_limit: tmp_dir_size_limit.clone(),
        volumes,
        templated_volumes,
        host_users: *host_users,
    })
}

fn untemplated(given: &TemplatedVolume) -> AdditionalVolume {
    let TemplatedVolume {
        name,
        secret,
        config_map,
        persistent_volume_claim,
    } = given.clone();
    AdditionalVolume {
        name,
        secret,
        config_map,
        persistent_volume_claim,
        ..AdditionalVolume::default()
    }
}

/// A volume with a name of its own and exactly one source.
fn volume(
    path: &str,
    given: &AdditionalVolume,
    names: &mut BTreeSet<String>,
    report: &mut Report,
) -> Option<Volume> {
    const NAME: &str = "1 to 63 lower-case letters, digits and `-`, unique among the Pod's volumes";
    let AdditionalVolume {
        name,
        secret,
        config_map,
        empty_dir,
        persistent_volume_claim,
        csi,
        image,
    } = given;
    let field = format!("{path}.name");
    let Some(name) = name.as_deref() else {
        report.missing(&field, NAME, "my-volume");
        return None;
    };
    if !is_label(name) {
        report.invalid(&field, name, NAME, "my-volume");
    }
    let ours =
        OUR_VOLUMES.contains(&name) || name.starts_with("data-") || name.starts_with("listener-");
    if ours || !names.insert(name.to_owned()) {
        report.duplicate(&field, name, NAME, "my-volume");
    }
    let sources = [
        secret.is_some(),
        config_map.is_some(),
        empty_dir.is_some(),
        persistent_volume_claim.is_some(),
        csi.is_some(),
        image.is_some(),
    ];
    match sources.iter().filter(|set| **set).count() {
        1 => {}
        0 => report.missing(
            path,
            "a source beside the name, such as `secret` or `configMap`",
            "{name: my-volume, secret: {secretName: my-secret}}",
        ),
        number => report.conflict(path, format!("{number} sources"), "exactly one source", ""),
    }
    Some(Volume {
        name: name.to_owned(),
        secret: secret.clone(),
        config_map: config_map.clone(),
        empty_dir: empty_dir
            .as_ref()
            .map(
                |EmptyDirectory { medium, size_limit }| EmptyDirVolumeSource {
                    medium: medium.map(text),
                    size_limit: size_limit.clone().map(Quantity),
                    ..EmptyDirVolumeSource::default()
                },
            ),
        persistent_volume_claim: persistent_volume_claim.clone(),
        csi: csi.clone(),
        image: image.clone(),
        ..Volume::default()
    })
}

fn container(
    path: &str,
    given: Option<&given_container::ContainerTemplate>,
    report: &mut Report,
) -> Option<ContainerTemplate> {
    let given_container::ContainerTemplate {
        env,
        security_context,
        volume_mounts,
    } = given?;
    let env = env.as_ref().map(|env| {
        let env = env.iter().enumerate();
        env.filter_map(|(index, given)| variable(&format!("{path}.env[{index}]"), given, report))
            .collect()
    });
    for (index, mount) in volume_mounts.iter().flatten().enumerate() {
        if mount.mount_path != MOUNTS && !mount.mount_path.starts_with("/mnt/") {
            let field = format!("{path}.volumeMounts[{index}].mountPath");
            report.forbidden(
                &field,
                &mount.mount_path,
                "a path below /mnt",
                "/mnt/my-volume",
            );
        }
    }
    Some(ContainerTemplate {
        env,
        security_context: security_context.clone(),
        volume_mounts: volume_mounts.clone(),
    })
}

fn variable(path: &str, given: &EnvironmentVariable, report: &mut Report) -> Option<EnvVar> {
    const NAME: &str = "the name of an environment variable";
    let EnvironmentVariable {
        name,
        value,
        value_from,
    } = given;
    let field = format!("{path}.name");
    let name = match name.as_deref() {
        None | Some("") => {
            report.missing(&field, NAME, "MY_VARIABLE");
            return None;
        }
        Some(name) => name,
    };
    if OUR_VARIABLES.contains(&name) || name.starts_with("KLAMM_") {
        report.forbidden(
            &field,
            name,
            "a name that the operator does not set itself",
            "MY_VARIABLE",
        );
    }
    let value_from = value_from.as_ref().map(
        |EnvironmentSource {
             secret_key_ref,
             config_map_key_ref,
         }| EnvVarSource {
            secret_key_ref: secret_key_ref.clone(),
            config_map_key_ref: config_map_key_ref.clone(),
            ..EnvVarSource::default()
        },
    );
    Some(EnvVar {
        name: name.to_owned(),
        value: value.clone(),
        value_from,
    })
}

fn mounts_have_volumes(
    path: &str,
    container: Option<&ContainerTemplate>,
    pod: &PodTemplate,
    report: &mut Report,
) {
    let volumes = || {
        pod.volumes
            .iter()
            .chain(&pod.templated_volumes)
            .flatten()
            .map(|volume| volume.name.as_str())
    };
    let mounts = container.and_then(|container| container.volume_mounts.as_ref());
    for (index, mount) in mounts.into_iter().flatten().enumerate() {
        if !volumes().any(|name| name == mount.name) {
            let allowed = "the name of a volume in `pod.volumes` or `pod.templatedVolumes`";
            let example = volumes().next().unwrap_or_default().to_owned();
            let field = format!("{path}.volumeMounts[{index}].name");
            report.conflict(&field, &mount.name, allowed, &example);
        }
    }
}

fn is_label(name: &str) -> bool {
    let letters = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(letters)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
