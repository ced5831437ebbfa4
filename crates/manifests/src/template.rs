//! Which template applies, and placeholders inside templates.
//!
//! Where a pool has a property, it replaces the cluster's property as a whole (Strimzi SEP-120).

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{KeyToPath, Volume};
use model::desired::{
    Cluster, ContainerTemplate, MetadataTemplate, Node, PodTemplate, Pool, PoolTemplate,
};

use crate::labels::Map;

/// The templates that apply to one node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeTemplates<'a> {
    pub(crate) pod: &'a PodTemplate,
    pub(crate) per_pod_service: &'a MetadataTemplate,
    pub(crate) per_pod_route: &'a MetadataTemplate,
    pub(crate) per_pod_ingress: &'a MetadataTemplate,
    pub(crate) persistent_volume_claim: &'a MetadataTemplate,
    pub(crate) kafka_container: &'a ContainerTemplate,
    pub(crate) init_container: &'a ContainerTemplate,
}

/// The pool's templates over the cluster's.
pub(crate) fn node_templates<'a>(
    cluster: &'a Cluster,
    pool: Option<&'a Pool>,
) -> NodeTemplates<'a> {
    let base = &cluster.template;
    let own = pool.map(|pool| &pool.template);
    NodeTemplates {
        pod: choose(own, |template| template.pod.as_ref(), &base.pod),
        per_pod_service: choose(
            own,
            |template| template.per_pod_service.as_ref(),
            &base.per_pod_service,
        ),
        per_pod_route: choose(
            own,
            |template| template.per_pod_route.as_ref(),
            &base.per_pod_route,
        ),
        per_pod_ingress: choose(
            own,
            |template| template.per_pod_ingress.as_ref(),
            &base.per_pod_ingress,
        ),
        persistent_volume_claim: choose(
            own,
            |template| template.persistent_volume_claim.as_ref(),
            &base.persistent_volume_claim,
        ),
        kafka_container: choose(
            own,
            |template| template.kafka_container.as_ref(),
            &base.kafka_container,
        ),
        init_container: choose(
            own,
            |template| template.init_container.as_ref(),
            &base.init_container,
        ),
    }
}

fn choose<'a, T>(
    own: Option<&'a PoolTemplate>,
    of: impl Fn(&'a PoolTemplate) -> Option<&'a T>,
    base: &'a T,
) -> &'a T {
    own.and_then(of).unwrap_or(base)
}

/// Fills `{nodeId}` and `{nodePodName}`.
pub(crate) fn fill<'a>(text: &'a str, cluster: &Cluster, node: &Node) -> Cow<'a, str> {
    if text.contains('{') {
        let filled = text.replace("{nodeId}", &node.id.to_string());
        Cow::Owned(filled.replace("{nodePodName}", &node.pod_name(&cluster.name)))
    } else {
        Cow::Borrowed(text)
    }
}

/// Fills the values of a map.
pub(crate) fn fill_map(map: &Map, cluster: &Cluster, node: &Node) -> Map {
    map.iter()
        .map(|(key, value)| (key.clone(), fill(value, cluster, node).into_owned()))
        .collect()
}

/// Fills the references of a volume: names, keys, paths.
pub(crate) fn fill_volume(mut volume: Volume, cluster: &Cluster, node: &Node) -> Volume {
    let filled = |text: &mut String| *text = fill(text, cluster, node).into_owned();
    let fill_items = |items: &mut Option<Vec<KeyToPath>>| {
        for item in items.iter_mut().flatten() {
            filled(&mut item.key);
            filled(&mut item.path);
        }
    };
    if let Some(config_map) = &mut volume.config_map {
        filled(&mut config_map.name);
        fill_items(&mut config_map.items);
    }
    if let Some(secret) = &mut volume.secret {
        secret.secret_name.iter_mut().for_each(filled);
        fill_items(&mut secret.items);
    }
    if let Some(claim) = &mut volume.persistent_volume_claim {
        filled(&mut claim.claim_name);
    }
    volume
}
