//! Templates of Pods, with the volumes that users add.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use resources::pod_template as given_pod;
use resources::volume::{AdditionalVolume, EmptyDirectory, TemplatedVolume};

use super::report::Report;
use super::template::metadata;
use super::text;
use crate::desired::{ByteSize, PodTemplate};

/// Volumes that every Kafka Pod has; `data-…` and `listener-…` are ours as well.
const OUR_VOLUMES: [&str; 9] = [
    "data",
    "strimzi-tmp",
    "kafka-metrics-and-logging",
    "klamm-bin",
    "klamm-run",
    "klamm-state",
    "node-certs",
    "trust",
    "jmx",
];

/// Changes to Pods; every volume has a name of its own and one source.
pub(super) fn pod(
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

fn is_label(name: &str) -> bool {
    let letters = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(letters)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
