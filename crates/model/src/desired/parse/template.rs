//! Templates: what a user wants different about the objects we make.

use resources::cluster as given_cluster;
use resources::node_pool as given_pool;
use resources::template as given;

use super::container_template::{container, mounts_have_volumes};
use super::pod_template::pod;
use super::report::Report;
use super::{metadata, text};
use crate::desired::{
    ClusterTemplate, MetadataTemplate, PodDisruptionBudgetTemplate, PoolTemplate, ServiceTemplate,
};

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

/// Labels and annotations to add.
pub(super) fn metadata(
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
            metadata::forbid_own(&field, key, value, report);
        }
    }
    metadata::check(
        &format!("{path}.metadata"),
        labels.as_ref(),
        annotations.as_ref(),
        report,
    );
    MetadataTemplate {
        labels: labels.clone().unwrap_or_default(),
        annotations: annotations.clone().unwrap_or_default(),
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
