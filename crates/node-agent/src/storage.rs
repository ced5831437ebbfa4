//! Persistent volumes of class `klamm-local`: a directory per claim below the home.
//!
//! Reads claims, volumes and storage classes; writes volumes and the binding of claims. On a real API server the volume
//! controller does part of the same work; every step here is safe to find done.
//!
//! Invariants: a directory is removed only when its claim is gone (seen absent in a fresh read, by uid) *and* the volume's
//! reclaim policy is Delete; what could not be read removes nothing. A volume's directory is found by an annotation
//! relative to the home, so a home can be moved.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference,
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, VolumeNodeAffinity,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;

use crate::context::Context;
use crate::files;
use crate::quantity;

/// Name of the class of directories below the home.
pub const CLASS: &str = "klamm-local";
const PROVISIONER: &str = "klamm.dev/local";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Where a volume's directory is, below `volumes/` of the home.
const DIRECTORY: &str = "klamm.dev/volume-directory";
/// After an error, and as a net under missed news.
const RETRY: Duration = Duration::from_secs(2);

/// The directory of a bound claim, for mounting.
pub(crate) fn claim_directory(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<PathBuf, String> {
    let claim = context
        .cluster
        .claims
        .get(namespace, name)
        .ok_or_else(|| format!("persistentvolumeclaim {name:?} not found"))?;
    if claim.metadata.deletion_timestamp.is_some() {
        return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
    }
    let bound = claim
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        == Some("Bound");
    let volume = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.as_deref())
        .filter(|_| bound);
    let volume = volume
        .ok_or_else(|| format!("persistentvolumeclaim {name:?} is not bound to a volume yet"))?;
    let volume = context
        .cluster
        .volumes
        .get_cluster_wide(volume)
        .ok_or_else(|| format!("persistentvolume {volume:?} not found"))?;
    let directory = volume_directory(context, &volume)?;
    if !directory.is_dir() {
        return Err(format!(
            "directory {} of persistentvolume {} is missing",
            directory.display(),
            volume.name_any()
        ));
    }
    Ok(directory)
}

/// Where a volume is on this node.
fn volume_directory(context: &Context, volume: &PersistentVolume) -> Result<PathBuf, String> {
    let name = volume.name_any();
    let spec = volume
        .spec
        .as_ref()
        .ok_or_else(|| format!("persistentvolume {name} has no spec"))?;
    if !here(context, spec) {
        return Err(format!("persistentvolume {name} is on another node"));
    }
    if let Some(relative) = volume.annotations().get(DIRECTORY) {
        let relative = Path::new(relative);
        if relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Ok(context.layout.volumes().join(relative));
        }
        return Err(format!(
            "persistentvolume {name}: annotation {DIRECTORY} leads out of the home"
        ));
    }
    let path = spec
        .local
        .as_ref()
        .map(|local| &local.path)
        .or(spec.host_path.as_ref().map(|host| &host.path));
    match path {
        Some(path) if context.settings.allow_host_path => Ok(PathBuf::from(path)),
        Some(path) => Err(format!(
            "persistentvolume {name} lies at {path}, and this node is not allowed to use directories of the machine"
        )),
        None => Err(format!(
            "persistentvolume {name} is of a type this node does not know"
        )),
    }
}

fn here(context: &Context, spec: &PersistentVolumeSpec) -> bool {
    let Some(required) = spec
        .node_affinity
        .as_ref()
        .and_then(|affinity| affinity.required.as_ref())
    else {
        return true;
    };
    let mut labels = crate::context::standard_labels(&context.settings.node_name);
    labels.extend(context.settings.labels.clone());
    crate::schedule::selected(required, &labels, &context.settings.node_name)
}

/// Provisions, expands and reclaims until the agent stops.
pub(crate) async fn serve(context: Arc<Context>) {
    let (mut claims, mut volumes) = (
        context.cluster.claims.changes(),
        context.cluster.volumes.changes(),
    );
    let mut class_ready = false;
    loop {
        claims.mark_unchanged();
        volumes.mark_unchanged();
        let mut well = true;
        if !class_ready {
            class_ready = ensure_class(&context.client)
                .await
                .inspect_err(|error| tracing::debug!(%error, "storage class"))
                .is_ok();
            well &= class_ready;
        }
        for claim in context.cluster.claims.all() {
            if let Err(error) = attend_claim(&context, &claim).await {
                tracing::debug!(claim = claim.name_any(), %error, "claim");
                well = false;
            }
        }
        for volume in context.cluster.volumes.all() {
            if let Err(error) = attend_volume(&context, &volume).await {
                tracing::debug!(volume = volume.name_any(), %error, "volume");
                well = false;
            }
        }
        tokio::select! {
            changed = claims.changed() => if changed.is_err() { return },
            changed = volumes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if !well => {}
        }
    }
}

/// Makes the class if it is not there; it is the default unless another one is.
async fn ensure_class(client: &Client) -> Result<(), kube::Error> {
    let api: Api<StorageClass> = Api::all(client.clone());
    let classes = api.list(&ListParams::default()).await?.items;
    if classes.iter().any(|class| class.name_any() == CLASS) {
        return Ok(());
    }
    let taken = classes.iter().any(|class| {
        class
            .annotations()
            .get(DEFAULT_CLASS)
            .is_some_and(|value| value == "true")
    });
    let class = StorageClass {
        metadata: ObjectMeta {
            name: Some(CLASS.to_owned()),
            annotations: Some(BTreeMap::from([(
                DEFAULT_CLASS.to_owned(),
                (!taken).to_string(),
            )])),
            ..ObjectMeta::default()
        },
        provisioner: PROVISIONER.to_owned(),
        reclaim_policy: Some("Delete".to_owned()),
        volume_binding_mode: Some("Immediate".to_owned()),
        allow_volume_expansion: Some(true),
        ..StorageClass::default()
    };
    found_done(api.create(&PostParams::default(), &class).await.map(drop))
}

/// That somebody else was faster is fine.
fn found_done(result: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => Ok(()),
        result => result,
    }
}

/// What is wrong with provisioning.
#[derive(Debug, thiserror::Error)]
enum StorageError {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("{operation}")]
    File {
        operation: String,
        source: std::io::Error,
    },
}

async fn attend_claim(
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

fn is_ours(volume: &PersistentVolume) -> bool {
    volume
        .annotations()
        .get(PROVISIONED_BY)
        .is_some_and(|by| by == PROVISIONER)
}

/// A volume whose claim is gone is released, and goes with its directory if its policy says so.
async fn attend_volume(context: &Context, volume: &PersistentVolume) -> Result<(), StorageError> {
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
