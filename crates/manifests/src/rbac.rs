//! The account of the nodes, and the one right that users may ask for them: to get Kubernetes nodes.
//!
//! Nodes read their certificates from mounted files, so they need no right to read Secrets.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::desired::{Rack, RackThrough};

use crate::facts::Input;
use crate::labels::{self, Component};
use crate::names;

/// Cluster role that may get nodes and nothing else; installed with the operator.
pub const NODE_READER: &str = "strimzi-kafka-broker";

/// `<cluster>-kafka`.
pub fn service_account(input: &Input<'_>) -> ServiceAccount {
    let cluster = input.cluster;
    let template = &cluster.template.service_account;
    let labels = labels::with_template(labels::cluster_labels(cluster, Component::Kafka), template);
    ServiceAccount {
        metadata: labels::metadata(
            input,
            names::component(&cluster.name),
            labels,
            template.annotations.clone(),
        ),
        ..ServiceAccount::default()
    }
}

/// The binding to [`NODE_READER`], only where brokers read the rack from Node objects.
pub fn cluster_role_binding(input: &Input<'_>) -> Option<ClusterRoleBinding> {
    let cluster = input.cluster;
    if !reads_nodes(input) {
        return None;
    }
    let template = &cluster.template.cluster_role_binding;
    let labels = labels::with_template(labels::cluster_labels(cluster, Component::Kafka), template);
    Some(ClusterRoleBinding {
        // Cluster-scoped objects cannot be owned by namespaced ones.
        metadata: ObjectMeta {
            name: Some(names::cluster_role_binding(
                &cluster.namespace,
                &cluster.name,
            )),
            labels: Some(labels),
            annotations: (!template.annotations.is_empty()).then(|| template.annotations.clone()),
            ..ObjectMeta::default()
        },
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: NODE_READER.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: names::component(&cluster.name),
            namespace: Some(cluster.namespace.to_string()),
            api_group: None,
        }]),
    })
}

/// Whether brokers get a token to read Node objects.
pub(crate) fn reads_nodes(input: &Input<'_>) -> bool {
    matches!(
        input.cluster.rack,
        Some(Rack::TopologyLabel {
            key: _,
            through: RackThrough::NodeToken
        })
    )
}
