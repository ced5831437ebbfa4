//! Claims: provisioned, bound, expanded.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference,
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, VolumeNodeAffinity,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;

use super::{CLASS, DIRECTORY, PROVISIONED_BY, PROVISIONER, StorageError, found_done, is_ours};
use crate::context::Context;
use crate::{files, quantity};

/// Does what a claim needs next.
pub(super) async fn attend_claim(
    context: &Context,
    claim: &PersistentVolumeClaim,
) -> Result<(), StorageError> {
    let Some(spec) = &claim.spec else {
        return Ok(());
    };
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let bound = claim
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        == Some("Bound");
    match (&spec.volume_name, bound) {
        (Some(volume), true) => expand(context, claim, volume).await,
        (Some(volume), false) => match context.cluster.volumes.get_cluster_wide(volume) {
            Some(volume) if is_ours(&volume) => bind(context, claim, &volume).await,
            _ => Ok(()),
        },
        (None, _) => match class_of(context, claim).await? {
            Some(policy) => provision(context, claim, &policy).await,
            None => Ok(()),
        },
    }
}

/// The reclaim policy for a claim that is for us to provision; `None`: it is not.
async fn class_of(
    context: &Context,
    claim: &PersistentVolumeClaim,
) -> Result<Option<String>, StorageError> {
    let Some(spec) = &claim.spec else {
        return Ok(None);
    };
    // An empty class asks for a volume made by hand.
    if spec.storage_class_name.as_deref() == Some("") || spec.selector.is_some() {
        return Ok(None);
    }
    let api: Api<StorageClass> = Api::all(context.client.clone());
    let name = spec.storage_class_name.as_deref().unwrap_or(CLASS);
    match api.get_opt(name).await? {
        Some(class) if class.provisioner == PROVISIONER => Ok(Some(
            class.reclaim_policy.unwrap_or_else(|| "Delete".to_owned()),
        )),
        Some(_) => Ok(None),
        None if context.settings.adopt_unknown_storage_classes => {
            let message = format!(
                "There is no storage class {name:?} here: the claim gets a directory, as class {CLASS} gives"
            );
            context
                .events
                .normal(&claim.object_ref(&()), "StorageClassAdopted", message);
            Ok(Some("Delete".to_owned()))
        }
        None => {
            let message = format!("storageclass.storage.k8s.io {name:?} not found");
            context
                .events
                .warn(&claim.object_ref(&()), "ProvisioningFailed", message);
            Ok(None)
        }
    }
}

async fn provision(
    context: &Context,
    claim: &PersistentVolumeClaim,
    policy: &str,
) -> Result<(), StorageError> {
    let (namespace, name, uid) = (
        claim.namespace().unwrap_or_default(),
        claim.name_any(),
        claim.uid().unwrap_or_default(),
    );
    let reference = claim.object_ref(&());
    let spec = claim.spec.clone().unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        context.events.warn(
            &reference,
            "ProvisioningFailed",
            "volumeMode Block: this node has directories only",
        );
        return Ok(());
    }
    let relative = format!("{namespace}/{name}-{}", uid.get(..8).unwrap_or(&uid));
    let directory = context.layout.volumes().join(&relative);
    files::private_dir(&directory).map_err(|source| StorageError::File {
        operation: format!("make {}", directory.display()),
        source,
    })?;
    let requested = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref())
        .and_then(|requests| requests.get("storage"));
    let volume = PersistentVolume {
        metadata: ObjectMeta {
            name: Some(format!("pvc-{uid}")),
            annotations: Some(BTreeMap::from([
                (PROVISIONED_BY.to_owned(), PROVISIONER.to_owned()),
                (DIRECTORY.to_owned(), relative),
            ])),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeSpec {
            capacity: requested
                .map(|storage| BTreeMap::from([("storage".to_owned(), storage.clone())])),
            access_modes: spec.access_modes.clone(),
            persistent_volume_reclaim_policy: Some(policy.to_owned()),
            storage_class_name: Some(
                spec.storage_class_name
                    .clone()
                    .unwrap_or_else(|| CLASS.to_owned()),
            ),
            volume_mode: Some("Filesystem".to_owned()),
            claim_ref: Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("PersistentVolumeClaim".to_owned()),
                namespace: Some(namespace),
                name: Some(name),
                uid: Some(uid),
                resource_version: claim.resource_version(),
                ..ObjectReference::default()
            }),
            local: Some(LocalVolumeSource {
                path: directory.display().to_string(),
                fs_type: None,
            }),
            node_affinity: Some(VolumeNodeAffinity {
                required: Some(NodeSelector {
                    node_selector_terms: vec![NodeSelectorTerm {
                        match_expressions: Some(vec![NodeSelectorRequirement {
                            key: "kubernetes.io/hostname".to_owned(),
                            operator: "In".to_owned(),
                            values: Some(vec![context.settings.node_name.clone()]),
                        }]),
                        match_fields: None,
                    }],
                }),
            }),
            ..PersistentVolumeSpec::default()
        }),
        status: None,
    };
    let api: Api<PersistentVolume> = Api::all(context.client.clone());
    found_done(api.create(&PostParams::default(), &volume).await.map(drop))?;
    context.events.normal(
        &reference,
        "ProvisioningSucceeded",
        format!("Successfully provisioned volume {}", volume.name_any()),
    );
    bind(context, claim, &volume).await
}

/// Ties claim and volume together from both sides.
async fn bind(
    context: &Context,
    claim: &PersistentVolumeClaim,
    volume: &PersistentVolume,
) -> Result<(), StorageError> {
    let (namespace, name, uid) = (
        claim.namespace().unwrap_or_default(),
        claim.name_any(),
        claim.uid().unwrap_or_default(),
    );
    let Some(spec) = &volume.spec else {
        return Ok(());
    };
    if spec
        .claim_ref
        .as_ref()
        .and_then(|claim| claim.uid.as_deref())
        != Some(uid.as_str())
    {
        return Ok(());
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    let params = PatchParams::default();
    let volume_name = volume.name_any();
    let patch = json!({
        "metadata": {"uid": uid, "annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
            "volume.kubernetes.io/storage-provisioner": PROVISIONER
        }},
        "spec": {"volumeName": volume_name, "storageClassName": spec.storage_class_name}
    });
    found_done(
        claims
            .patch(&name, &params, &Patch::Merge(patch))
            .await
            .map(drop),
    )?;
    let status = json!({
        "metadata": {"uid": uid},
        "status": {"phase": "Bound", "accessModes": spec.access_modes, "capacity": spec.capacity}
    });
    found_done(
        claims
            .patch_status(&name, &params, &Patch::Merge(status))
            .await
            .map(drop),
    )?;
    let volumes: Api<PersistentVolume> = Api::all(context.client.clone());
    let status = json!({"status": {"phase": "Bound"}});
    found_done(
        volumes
            .patch_status(&volume_name, &params, &Patch::Merge(status))
            .await
            .map(drop),
    )?;
    Ok(())
}

/// A claim that asks for more gets it: directories have no size of their own.
async fn expand(
    context: &Context,
    claim: &PersistentVolumeClaim,
    volume: &str,
) -> Result<(), StorageError> {
    let Some(volume) = context
        .cluster
        .volumes
        .get_cluster_wide(volume)
        .filter(|volume| is_ours(volume))
    else {
        return Ok(());
    };
    let storage = |amounts: Option<&BTreeMap<String, Quantity>>| {
        amounts
            .and_then(|amounts| amounts.get("storage"))
            .map(|amount| amount.0.clone())
    };
    let wanted = storage(
        claim
            .spec
            .as_ref()
            .and_then(|spec| spec.resources.as_ref())
            .and_then(|resources| resources.requests.as_ref()),
    );
    let has = storage(
        claim
            .status
            .as_ref()
            .and_then(|status| status.capacity.as_ref()),
    );
    let (Some(wanted), Some(wanted_bytes)) = (&wanted, wanted.as_deref().and_then(quantity::bytes))
    else {
        return Ok(());
    };
    if has
        .as_deref()
        .and_then(quantity::bytes)
        .is_some_and(|has| has >= wanted_bytes)
    {
        return Ok(());
    }
    let params = PatchParams::default();
    let capacity = json!({"storage": wanted});
    let volumes: Api<PersistentVolume> = Api::all(context.client.clone());
    let patch = Patch::Merge(json!({"spec": {"capacity": capacity}}));
    found_done(
        volumes
            .patch(&volume.name_any(), &params, &patch)
            .await
            .map(drop),
    )?;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(
        context.client.clone(),
        &claim.namespace().unwrap_or_default(),
    );
    let patch =
        Patch::Merge(json!({"metadata": {"uid": claim.uid()}, "status": {"capacity": capacity}}));
    found_done(
        claims
            .patch_status(&claim.name_any(), &params, &patch)
            .await
            .map(drop),
    )?;
    Ok(())
}
