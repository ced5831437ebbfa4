//! Labels, selectors and owners: what ties the objects of a cluster together.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use model::desired::{Cluster, MetadataTemplate, Node, Pool};

use crate::facts::Input;
use crate::{names, store};

/// Sorted labels or annotations.
pub(crate) type Map = BTreeMap<String, String>;

/// Prefix of labels that no template may change: selectors are made of them.
const OWN_PREFIX: &str = "strimzi.io/";

/// Longest label value.
const VALUE_MAX: usize = 63;

/// Component types, the value of `strimzi.io/component-type` and `app.kubernetes.io/name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    /// Brokers, controllers and all they need.
    Kafka,
    /// Servers of ZooKeeper's protocol.
    ZooKeeper,
    /// An etcd of the cluster's own.
    Etcd,
    /// Certificate authorities.
    CertificateAuthority,
    /// What both authorities are trusted by.
    TrustBundle,
    /// The operator's own certificate.
    Operator,
}

impl Component {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::ZooKeeper => "zookeeper",
            Self::Etcd => "etcd",
            Self::CertificateAuthority => "certificate-authority",
            Self::TrustBundle => "trust-bundle",
            Self::Operator => "strimzi",
        }
    }
}

/// Labels of an object of the cluster as a whole.
pub(crate) fn cluster_labels(cluster: &Cluster, component: Component) -> Map {
    let mut labels = cluster.labels.clone();
    labels.extend(common(cluster, component));
    labels
}

/// Labels of an object of one node: the pool's own labels instead of the cluster's.
pub(crate) fn node_labels(cluster: &Cluster, pool: Option<&Pool>, node: &Node) -> Map {
    let mut labels = pool.map(|pool| pool.labels.clone()).unwrap_or_default();
    labels.extend(common(cluster, Component::Kafka));
    labels.insert("strimzi.io/pool-name".to_owned(), node.pool.to_string());
    labels
}

fn common(cluster: &Cluster, component: Component) -> Map {
    let name = match component {
        Component::Kafka => names::component(&cluster.name),
        Component::ZooKeeper => store::component_name(&cluster.name, store::Program::ZooKeeper),
        Component::Etcd => store::component_name(&cluster.name, store::Program::Etcd),
        Component::CertificateAuthority | Component::TrustBundle | Component::Operator => {
            "strimzi".to_owned()
        }
    };
    map([
        (
            "app.kubernetes.io/instance",
            label_value(cluster.name.as_str()),
        ),
        (
            "app.kubernetes.io/managed-by",
            "strimzi-cluster-operator".to_owned(),
        ),
        ("app.kubernetes.io/name", component.as_str().to_owned()),
        (
            "app.kubernetes.io/part-of",
            label_value(&format!("strimzi-{}", cluster.name)),
        ),
        ("strimzi.io/cluster", cluster.name.to_string()),
        ("strimzi.io/component-type", component.as_str().to_owned()),
        ("strimzi.io/kind", "Kafka".to_owned()),
        ("strimzi.io/name", name),
    ])
}

/// What selects all nodes of the cluster.
pub(crate) fn selector(cluster: &Cluster) -> Map {
    map([
        ("strimzi.io/cluster", cluster.name.to_string()),
        ("strimzi.io/kind", "Kafka".to_owned()),
        ("strimzi.io/name", names::component(&cluster.name)),
    ])
}

/// What selects all brokers of the cluster.
pub(crate) fn broker_selector(cluster: &Cluster) -> Map {
    let mut selector = selector(cluster);
    selector.insert("strimzi.io/broker-role".to_owned(), "true".to_owned());
    selector
}

/// What selects one node.
pub(crate) fn node_selector(cluster: &Cluster, node: &Node) -> Map {
    let mut selector = selector(cluster);
    selector.insert(
        "strimzi.io/pod-name".to_owned(),
        node.pod_name(&cluster.name),
    );
    selector.insert("strimzi.io/pool-name".to_owned(), node.pool.to_string());
    selector
}

/// Metadata of an object that the Kafka owns.
pub(crate) fn metadata(
    input: &Input<'_>,
    name: String,
    labels: Map,
    annotations: Map,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(input.cluster.namespace.to_string()),
        labels: Some(labels),
        annotations: (!annotations.is_empty()).then_some(annotations),
        owner_references: Some(vec![owner(input, false)]),
        ..ObjectMeta::default()
    }
}

/// The Kafka as owner. Only Pods are controlled by it.
pub(crate) fn owner(input: &Input<'_>, controller: bool) -> OwnerReference {
    OwnerReference {
        api_version: "kafka.strimzi.io/v1".to_owned(),
        kind: "Kafka".to_owned(),
        name: input.cluster.name.to_string(),
        uid: input.facts.owner_uid.clone(),
        controller: Some(controller),
        block_owner_deletion: Some(true),
    }
}

/// Labels with those of a template, which may not change what selectors are made of.
pub(crate) fn with_template(mut labels: Map, template: &MetadataTemplate) -> Map {
    labels.extend(own(&template.labels));
    labels
}

/// Labels with further ones, under the same rule.
pub(crate) fn with_labels(mut labels: Map, more: &Map) -> Map {
    labels.extend(own(more));
    labels
}

fn own(labels: &Map) -> impl Iterator<Item = (String, String)> {
    let allowed = labels
        .iter()
        .filter(|(key, _)| !key.starts_with(OWN_PREFIX));
    allowed.map(|(key, value)| (key.clone(), value.clone()))
}

/// Later maps win.
pub(crate) fn merged<'a>(maps: impl IntoIterator<Item = &'a Map>) -> Map {
    let entries = maps.into_iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A map from literal keys.
pub(crate) fn map<const N: usize>(entries: [(&str, String); N]) -> Map {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The longest beginning of the text that is a valid label value.
fn label_value(text: &str) -> String {
    let cut = text.get(..VALUE_MAX).unwrap_or(text);
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}
