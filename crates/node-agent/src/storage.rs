//! Persistent volumes of class `klamm-local`: a directory per claim below the home.
//!
//! Reads claims, volumes and storage classes; writes volumes and the binding of claims. On a real API server the volume
//! controller does part of the same work; every step here is safe to find done.
//!
//! Invariants: a directory is removed only when its claim is gone (seen absent in a fresh read, by uid) *and* the volume's
//! reclaim policy is Delete; what could not be read removes nothing. A volume's directory is found by an annotation
//! relative to the home, so a home can be moved.

mod claims;
mod reclaim;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt as _};

use crate::context::Context;

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
            if let Err(error) = claims::attend_claim(&context, &claim).await {
                tracing::debug!(claim = claim.name_any(), %error, "claim");
                well = false;
            }
        }
        for volume in context.cluster.volumes.all() {
            if let Err(error) = reclaim::attend_volume(&context, &volume).await {
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

fn is_ours(volume: &PersistentVolume) -> bool {
    volume
        .annotations()
        .get(PROVISIONED_BY)
        .is_some_and(|by| by == PROVISIONER)
}
