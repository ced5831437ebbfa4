//! Claims, volumes, classes.

use serde_json::Value;

use super::{AGE, NAME, View, created, items, name, text, wide};
use crate::metadata;

fn modes(list: &Value) -> Value {
    let short = items(list).filter_map(|mode| match mode.as_str()? {
        "ReadWriteOnce" => Some("RWO"),
        "ReadOnlyMany" => Some("ROX"),
        "ReadWriteMany" => Some("RWX"),
        "ReadWriteOncePod" => Some("RWOP"),
        _ => None,
    });
    short.collect::<Vec<_>>().join(",").into()
}

fn word(value: &Value) -> Value {
    value.as_str().unwrap_or_default().into()
}

fn attributes(spec: &Value) -> Value {
    match spec["volumeAttributesClassName"].as_str() {
        Some(name) => name.into(),
        None => "<unset>".into(),
    }
}

pub(super) const CLAIMS: View = View {
    columns: &[
        NAME,
        text("Status"),
        text("Volume"),
        text("Capacity"),
        text("Access Modes"),
        text("StorageClass"),
        text("VolumeAttributesClass"),
        AGE,
        wide("VolumeMode"),
    ],
    cells: |claim, now| {
        let (spec, status) = (&claim["spec"], &claim["status"]);
        let phase = if metadata::is_deleting(claim) {
            "Terminating".into()
        } else {
            word(&status["phase"])
        };
        let bound = spec["volumeName"].as_str().is_some_and(|v| !v.is_empty());
        let capacity = if bound {
            word(&status["capacity"]["storage"])
        } else {
            "".into()
        };
        let access = if bound {
            modes(&status["accessModes"])
        } else {
            "".into()
        };
        vec![
            name(claim),
            phase,
            word(&spec["volumeName"]),
            capacity,
            access,
            word(&spec["storageClassName"]),
            attributes(spec),
            created(claim, now),
            word(&spec["volumeMode"]),
        ]
    },
};

pub(super) const VOLUMES: View = View {
    columns: &[
        NAME,
        text("Capacity"),
        text("Access Modes"),
        text("Reclaim Policy"),
        text("Status"),
        text("Claim"),
        text("StorageClass"),
        text("VolumeAttributesClass"),
        text("Reason"),
        AGE,
        wide("VolumeMode"),
    ],
    cells: |volume, now| {
        let (spec, status) = (&volume["spec"], &volume["status"]);
        let phase = if metadata::is_deleting(volume) {
            "Terminating".into()
        } else {
            word(&status["phase"])
        };
        let reference = &spec["claimRef"];
        let claim = match (reference["namespace"].as_str(), reference["name"].as_str()) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            _ => String::new(),
        };
        vec![
            name(volume),
            word(&spec["capacity"]["storage"]),
            modes(&spec["accessModes"]),
            word(&spec["persistentVolumeReclaimPolicy"]),
            phase,
            claim.into(),
            word(&spec["storageClassName"]),
            attributes(spec),
            word(&status["reason"]),
            created(volume, now),
            word(&spec["volumeMode"]),
        ]
    },
};

pub(super) const CLASSES: View = View {
    columns: &[
        NAME,
        text("Provisioner"),
        text("ReclaimPolicy"),
        text("VolumeBindingMode"),
        text("AllowVolumeExpansion"),
        AGE,
    ],
    cells: |class, now| {
        let default = class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
            == "true";
        let shown = if default {
            format!("{} (default)", metadata::name(class)).into()
        } else {
            name(class)
        };
        vec![
            shown,
            word(&class["provisioner"]),
            word(&class["reclaimPolicy"]),
            word(&class["volumeBindingMode"]),
            class["allowVolumeExpansion"]
                .as_bool()
                .unwrap_or(false)
                .to_string()
                .into(),
            created(class, now),
        ]
    },
};
