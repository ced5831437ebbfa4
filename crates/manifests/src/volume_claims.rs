//! Claims for the disks of a node, with the identity that must survive everything else.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use model::desired::{Node, PersistentClaim, Pool, Volume, VolumeKind};
use model::observed::identity;

use crate::facts::Input;
use crate::labels::{self, Map};
use crate::template;

/// Annotation that says whether the claim goes with the node.
pub const DELETE_CLAIM: &str = "strimzi.io/delete-claim";

/// The claims of one node, by volume.
pub fn render(input: &Input<'_>, pool: &Pool, node: &Node) -> Vec<PersistentVolumeClaim> {
    let volumes = pool.storage.volumes();
    let claims = volumes.iter().filter_map(|volume| match volume.kind {
        VolumeKind::PersistentClaim(claim) => Some(render_claim(input, pool, node, volume, claim)),
        VolumeKind::Ephemeral { size_limit: _ } => None,
    });
    claims.collect()
}

fn render_claim(
    input: &Input<'_>,
    pool: &Pool,
    node: &Node,
    volume: &Volume<'_>,
    claim: &PersistentClaim,
) -> PersistentVolumeClaim {
    let template = template::node_templates(input.cluster, Some(pool)).persistent_volume_claim;
    let labels = labels::with_template(
        labels::node_labels(input.cluster, Some(pool), node),
        template,
    );
    let identity = identity_annotations(input, node, volume);
    let delete = labels::map([(DELETE_CLAIM, claim.delete_claim.to_string())]);
    let annotations = labels::merged([&template.annotations, &delete, &identity]);
    let name = volume.claim_name(&node.pod_name(&input.cluster.name));
    let mut metadata = labels::metadata(input, name, labels, annotations);
    if !claim.delete_claim {
        // Data outlives the cluster: nobody owns it.
        metadata.owner_references = None;
    }
    let storage = BTreeMap::from([("storage".to_owned(), Quantity(claim.size.to_string()))]);
    let selector = (!claim.selector.is_empty()).then(|| LabelSelector {
        match_labels: Some(claim.selector.clone()),
        match_expressions: None,
    });
    PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(storage),
                limits: None,
            }),
            storage_class_name: claim.class.clone(),
            volume_attributes_class_name: claim.attributes_class.clone(),
            selector,
            volume_mode: Some("Filesystem".to_owned()),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}

/// Whose disk it is: what the record can be rebuilt from.
fn identity_annotations(input: &Input<'_>, node: &Node, volume: &Volume<'_>) -> Map {
    let known = &input.facts.identity;
    let mut annotations = Map::new();
    let mut say = |key: &str, value: String| annotations.insert(key.to_owned(), value);
    if !known.cluster_id.is_empty() {
        say(identity::CLUSTER_ID, known.cluster_id.clone());
    }
    say(identity::NODE_ID, node.id.to_string());
    say(identity::ROLES, node.roles.process_roles().to_owned());
    if let Some(own) = known.nodes.get(&node.id.0) {
        if let Some(directory) = own.directories.get(&volume.id.0) {
            say(identity::DIRECTORY_ID, directory.clone());
        }
        if own.formatted {
            say(identity::FORMATTED, "true".to_owned());
        }
    }
    if node.roles.is_controller() && !known.initial_controllers.is_empty() {
        say(
            identity::INITIAL_CONTROLLERS,
            known.initial_controllers_text(),
        );
    }
    if known.quorum_formed {
        say(identity::QUORUM_FORMED, "true".to_owned());
    }
    annotations
}
