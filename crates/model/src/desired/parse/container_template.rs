//! Templates of containers.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource};
use resources::container_template::{
    self as given_container, EnvironmentSource, EnvironmentVariable,
};

use super::report::Report;
use crate::desired::{ContainerTemplate, PodTemplate};

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

/// Changes to a container.
pub(super) fn container(
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

/// Each mount names a volume that the user adds.
pub(super) fn mounts_have_volumes(
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
