//! `spec.storage` of a KafkaNodePool.

use std::collections::BTreeMap;

use resources::storage::{self as given, KraftMetadata, StorageType, VolumeType};

use super::report::Report;
use crate::desired::{ByteSize, PersistentClaim, Storage, VolumeId, VolumeKind};

const PATH: &str = "spec.storage";
const SIZE: &str = "a size above zero";

/// The storage of a pool; `None` where it cannot be understood (the report says why).
pub(super) fn parse(storage: &given::Storage, report: &mut Report) -> Option<Storage> {
    match storage.kind {
        StorageType::Ephemeral => single(storage, VolumeType::Ephemeral, report),
        StorageType::PersistentClaim => single(storage, VolumeType::PersistentClaim, report),
        StorageType::Jbod => jbod(storage, report),
    }
}

fn single(storage: &given::Storage, kind: VolumeType, report: &mut Report) -> Option<Storage> {
    let given::Storage {
        kind: _,
        size_limit,
        size,
        class,
        volume_attributes_class,
        selector,
        delete_claim,
        id,
        kraft_metadata,
        volumes,
    } = storage;
    if volumes.is_some() {
        report.meaningless(
            "spec.storage.volumes",
            "volumes are listed with type `jbod` only",
        );
    }
    for (name, set) in [
        ("id", id.is_some()),
        ("kraftMetadata", kraft_metadata.is_some()),
    ] {
        if set {
            let why = "there is one volume; several are listed with type `jbod`";
            report.meaningless(&format!("{PATH}.{name}"), why);
        }
    }
    let volume = given::Volume {
        kind,
        id: *id,
        size_limit: size_limit.clone(),
        size: size.clone(),
        class: class.clone(),
        volume_attributes_class: volume_attributes_class.clone(),
        selector: selector.clone(),
        delete_claim: *delete_claim,
        kraft_metadata: *kraft_metadata,
    };
    volume_kind(PATH, &volume, report).map(Storage::Single)
}

fn jbod(storage: &given::Storage, report: &mut Report) -> Option<Storage> {
    let given::Storage {
        kind: _,
        size_limit,
        size,
        class,
        volume_attributes_class,
        selector,
        delete_claim,
        id,
        kraft_metadata,
        volumes,
    } = storage;
    let of_volumes = [
        ("sizeLimit", size_limit.is_some()),
        ("size", size.is_some()),
        ("class", class.is_some()),
        ("volumeAttributesClass", volume_attributes_class.is_some()),
        ("selector", selector.is_some()),
        ("deleteClaim", delete_claim.is_some()),
        ("id", id.is_some()),
        ("kraftMetadata", kraft_metadata.is_some()),
    ];
    for (name, set) in of_volumes {
        if set {
            let why = "with type `jbod` each of `volumes` has its own";
            report.meaningless(&format!("{PATH}.{name}"), why);
        }
    }
    let given = volumes.as_deref().unwrap_or_default();
    if given.is_empty() {
        let example = "[{id: 0, type: persistent-claim, size: 100Gi}]";
        report.missing(
            "spec.storage.volumes",
            "at least one volume, because the type is `jbod`",
            example,
        );
        return None;
    }
    let before = report.problems.len();
    let mut volumes = BTreeMap::new();
    let mut metadata = None;
    for (index, volume) in given.iter().enumerate() {
        let path = format!("spec.storage.volumes[{index}]");
        let kind = volume_kind(&path, volume, report);
        let Some(id) = volume_id(&path, volume, report) else {
            continue;
        };
        if volume.kraft_metadata == Some(KraftMetadata::Shared) && metadata.replace(id).is_some() {
            let field = format!("{path}.kraftMetadata");
            report.duplicate(&field, "shared", "on one volume of a node at most", "");
        }
        if let Some(kind) = kind
            && volumes.insert(id, kind).is_some()
        {
            report.duplicate(
                &format!("{path}.id"),
                id,
                "a number that no other volume here has",
                "",
            );
        }
    }
    if report.problems.len() > before {
        return None;
    }
    let lowest = volumes.keys().next().copied()?;
    Some(Storage::Jbod {
        volumes,
        metadata: metadata.unwrap_or(lowest),
    })
}

fn volume_id(path: &str, volume: &given::Volume, report: &mut Report) -> Option<VolumeId> {
    const ALLOWED: &str = "a number from 0, unique in this list";
    let field = format!("{path}.id");
    let Some(id) = volume.id else {
        report.missing(&field, ALLOWED, "0");
        return None;
    };
    if let Ok(id) = u32::try_from(id) {
        return Some(VolumeId(id));
    }
    report.invalid(&field, id, ALLOWED, "0");
    None
}

fn volume_kind(path: &str, volume: &given::Volume, report: &mut Report) -> Option<VolumeKind> {
    let given::Volume {
        kind,
        id: _,
        size_limit,
        size,
        class,
        volume_attributes_class,
        selector,
        delete_claim,
        kraft_metadata: _,
    } = volume;
    match kind {
        VolumeType::Ephemeral => {
            let only_claims = [
                ("size", size.is_some()),
                ("class", class.is_some()),
                ("volumeAttributesClass", volume_attributes_class.is_some()),
                ("selector", selector.is_some()),
                ("deleteClaim", delete_claim.is_some()),
            ];
            for (name, set) in only_claims {
                if set {
                    report.meaningless(&format!("{path}.{name}"), "the type is `ephemeral`");
                }
            }
            let field = format!("{path}.sizeLimit");
            let size_limit = match size_limit.as_deref() {
                None => None,
                Some(text) => Some(self::size(&field, text, report)?),
            };
            Some(VolumeKind::Ephemeral { size_limit })
        }
        VolumeType::PersistentClaim => {
            if size_limit.is_some() {
                report.meaningless(
                    &format!("{path}.sizeLimit"),
                    "the type is `persistent-claim`",
                );
            }
            let field = format!("{path}.size");
            let Some(size) = size.as_deref() else {
                let allowed = "a size above zero, because the type is `persistent-claim`";
                report.missing(&field, allowed, "100Gi");
                return None;
            };
            let size = self::size(&field, size, report)?;
            Some(VolumeKind::PersistentClaim(PersistentClaim {
                size,
                class: class.clone(),
                selector: selector.clone().unwrap_or_default(),
                delete_claim: delete_claim.unwrap_or(false),
                attributes_class: volume_attributes_class.clone(),
            }))
        }
    }
}

/// A size that something can be kept in.
fn size(field: &str, text: &str, report: &mut Report) -> Option<ByteSize> {
    match text.parse::<ByteSize>() {
        Ok(size) if size.bytes() > 0 => Some(size),
        Ok(_) | Err(_) => {
            report.invalid(field, text, SIZE, "100Gi");
            None
        }
    }
}
