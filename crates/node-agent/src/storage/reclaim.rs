//! Volumes whose claim is gone.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{StorageError, found_done, here, is_ours, volume_directory};
use crate::context::Context;
use crate::files;

/// A volume whose claim is gone is released, and goes with its directory if its policy says so.
pub(super) async fn attend_volume(
    context: &Context,
    volume: &PersistentVolume,
) -> Result<(), StorageError> {
    let Some(spec) = volume
        .spec
        .as_ref()
        .filter(|spec| is_ours(volume) && here(context, spec))
    else {
        return Ok(());
    };
    let Some(claim) = &spec.claim_ref else {
        return Ok(());
    };
    let (namespace, name) = (
        claim.namespace.clone().unwrap_or_default(),
        claim.name.clone().unwrap_or_default(),
    );
    let same = |found: &PersistentVolumeClaim| found.uid() == claim.uid;
    if context
        .cluster
        .claims
        .get(&namespace, &name)
        .is_some_and(|found| same(&found))
    {
        return Ok(());
    }
    // What is not in the cache may be news that has not arrived: ask.
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    if claims
        .get_opt(&name)
        .await?
        .is_some_and(|found| same(&found))
    {
        return Ok(());
    }
    let volumes: Api<PersistentVolume> = Api::all(context.client.clone());
    let (volume_name, params) = (volume.name_any(), PatchParams::default());
    if volume
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        != Some("Released")
    {
        let status = Patch::Merge(json!({"status": {"phase": "Released"}}));
        found_done(
            volumes
                .patch_status(&volume_name, &params, &status)
                .await
                .map(drop),
        )?;
    }
    if spec.persistent_volume_reclaim_policy.as_deref() != Some("Delete") {
        return Ok(());
    }
    // The policy is read afresh as well: a hasty `kubectl patch` to Retain must win.
    let fresh = volumes.get_opt(&volume_name).await?;
    let Some(fresh) = fresh.filter(|fresh| {
        fresh
            .spec
            .as_ref()
            .and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref())
            == Some("Delete")
    }) else {
        return Ok(());
    };
    let Ok(directory) = volume_directory(context, &fresh) else {
        return Ok(());
    };
    tracing::info!(volume = volume_name, directory = %directory.display(), "its claim is gone: removing the volume");
    files::remove(&directory).map_err(|source| StorageError::File {
        operation: format!("remove {}", directory.display()),
        source,
    })?;
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: fresh.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    found_done(volumes.delete(&volume_name, &params).await.map(drop))?;
    Ok(())
}
