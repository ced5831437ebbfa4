//! The resources that a `CustomResourceDefinition` defines. Pure.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Column, Resource, ScalePaths, Source, compare_versions};
use crate::store::Record;

/// A definition without its schemas, which are most of it and not needed here.
#[derive(Serialize, Deserialize)]
struct Outline {
    spec: SpecOutline,
}

#[derive(Serialize, Deserialize)]
struct SpecOutline {
    group: Value,
    names: Value,
    scope: Value,
    versions: Vec<VersionOutline>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct VersionOutline {
    name: Value,
    served: Value,
    storage: Value,
    deprecated: Value,
    deprecation_warning: Value,
    subresources: Value,
    additional_printer_columns: Value,
    selectable_fields: Value,
}

/// The resources a stored definition defines, one per served version.
pub(super) fn resources(record: &Record) -> Result<Vec<Resource>, serde_json::Error> {
    let outline: Outline = serde_json::from_slice(&record.json)?;
    Ok(of_definition(&serde_json::to_value(outline)?, record))
}

fn of_definition(crd: &Value, definition: &Record) -> Vec<Resource> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let spec = &crd["spec"];
    let (group, names) = (text(&spec["group"]), &spec["names"]);
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let stored_in = versions
        .iter()
        .find(|v| v["storage"] == true)
        .map(|v| text(&v["name"]))
        .unwrap_or_default();
    let served = versions.iter().filter(|v| v["served"] == true);
    served
        .map(|version| {
            let name = text(&version["name"]);
            let kind = text(&names["kind"]);
            let deprecated = version["deprecated"] == true;
            let deprecation = deprecated.then(|| match version["deprecationWarning"].as_str() {
                Some(warning) => warning.to_owned(),
                None => deprecation_text(&group, &name, &kind, versions),
            });
            Resource {
                group: group.clone(),
                version: name,
                list_kind: names["listKind"]
                    .as_str()
                    .map_or_else(|| format!("{kind}List"), str::to_owned),
                kind,
                plural: text(&names["plural"]),
                singular: text(&names["singular"]),
                short_names: list(&names["shortNames"]),
                categories: list(&names["categories"]),
                namespaced: spec["scope"] == "Namespaced",
                status: version["subresources"]["status"].is_object(),
                generation: true,
                scale: scale_paths(&version["subresources"]["scale"]),
                subresources: &[],
                stored: true,
                source: Source::Custom(definition.revision),
                storage: (group.clone(), stored_in.clone()),
                columns: columns(version),
                selectable: version["selectableFields"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|f| f["jsonPath"].as_str())
                    .map(|path| path.trim_start_matches('.').to_owned())
                    .collect(),
                deprecation,
                definition: Some(definition.clone()),
                schema: OnceLock::new(),
            }
        })
        .collect()
}

/// What is said about a deprecated version: which other to use, if there is a newer one.
fn deprecation_text(group: &str, version: &str, kind: &str, versions: &[Value]) -> String {
    let better = versions
        .iter()
        .filter(|v| v["served"] == true && v["deprecated"] != true)
        .filter_map(|v| v["name"].as_str())
        .filter(|name| compare_versions(name, version).is_gt())
        .max_by(|a, b| compare_versions(a, b));
    let text = format!("{group}/{version} {kind} is deprecated");
    match better {
        Some(better) => format!("{text}; use {group}/{better} {kind}"),
        None => text,
    }
}

fn scale_paths(scale: &Value) -> Option<ScalePaths> {
    let path = |key: &str| {
        scale[key]
            .as_str()
            .map(|p| p.trim_start_matches('.').to_owned())
    };
    Some(ScalePaths {
        spec_replicas: path("specReplicasPath")?,
        status_replicas: path("statusReplicasPath")?,
        selector: path("labelSelectorPath"),
    })
}

fn columns(version: &Value) -> Vec<Column> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let given = version["additionalPrinterColumns"]
        .as_array()
        .into_iter()
        .flatten();
    let mut columns: Vec<Column> = given
        .map(|c| Column {
            name: text(&c["name"]),
            kind: text(&c["type"]),
            format: text(&c["format"]),
            description: text(&c["description"]),
            priority: c["priority"].as_i64().unwrap_or(0),
            path: text(&c["jsonPath"]),
        })
        .collect();
    if columns.is_empty() {
        columns.push(Column {
            name: "Age".to_owned(),
            kind: "date".to_owned(),
            format: String::new(),
            description: "When the object was created.".to_owned(),
            priority: 0,
            path: ".metadata.creationTimestamp".to_owned(),
        });
    }
    columns
}
