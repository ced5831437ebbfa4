//! How many nodes others may evict at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::facts::Input;
use crate::labels::{self, Component};
use crate::names;

/// Nodes that may be away when the user says nothing.
const MAX_UNAVAILABLE: i32 = 1;

/// One budget over all nodes of the cluster.
///
/// It counts the Pods that must stay, because Kubernetes cannot work out a maximum for Pods without a scale resource.
pub fn render(input: &Input<'_>) -> PodDisruptionBudget {
    let cluster = input.cluster;
    let template = &cluster.template.pod_disruption_budget;
    let nodes = i32::try_from(input.facts.nodes.len()).unwrap_or(i32::MAX);
    let stay = nodes
        .saturating_sub(template.max_unavailable.unwrap_or(MAX_UNAVAILABLE))
        .max(0);
    let labels = labels::with_template(
        labels::cluster_labels(cluster, Component::Kafka),
        &template.metadata,
    );
    PodDisruptionBudget {
        metadata: labels::metadata(
            input,
            names::component(&cluster.name),
            labels,
            template.metadata.annotations.clone(),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(stay)),
            selector: Some(LabelSelector {
                match_labels: Some(labels::selector(cluster)),
                match_expressions: None,
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
