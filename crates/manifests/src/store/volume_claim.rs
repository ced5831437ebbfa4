//! The claim of a server that keeps something.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use model::observed::identity;

use super::{Member, volume};
use crate::facts::Input;
use crate::labels::{self, Map};
use crate::volume_claims::DELETE_CLAIM;

/// `data-<pod>`, where the server has a volume. Nobody owns it: data outlive the cluster.
pub fn render(input: &Input<'_>, member: Member) -> Option<PersistentVolumeClaim> {
    let cluster = input.cluster;
    let name = member.claim_name(cluster.name.as_str())?;
    let volume = volume(cluster)?;
    let labels = labels::cluster_labels(cluster, member.program.component());
    let formatted = input.facts.identity.store.formatted.get(&member.server);
    let mut annotations: Map = labels::map([
        (DELETE_CLAIM, "false".to_owned()),
        (
            identity::CLUSTER_ID,
            input.facts.identity.cluster_id.clone(),
        ),
        (identity::NODE_ID, member.server.to_string()),
    ]);
    if formatted == Some(&true) {
        annotations.insert(identity::FORMATTED.to_owned(), "true".to_owned());
    }
    let mut metadata = labels::metadata(input, name, labels, annotations);
    metadata.owner_references = None;
    let storage = BTreeMap::from([("storage".to_owned(), Quantity(volume.size.to_string()))]);
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(storage),
                limits: None,
            }),
            storage_class_name: volume.class.clone(),
            volume_mode: Some("Filesystem".to_owned()),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    })
}
