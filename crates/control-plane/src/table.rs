//! Tables: what `kubectl get` prints. Pure; the time is an argument.

mod builtin;
mod cells;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{RowObject, metadata_only};
use crate::resource::{Column, Resource, Source};

/// A table of these objects.
pub(crate) fn render(
    resource: &Resource,
    objects: Vec<Value>,
    rows: RowObject,
    metadata: &Value,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let mut table = empty(metadata);
    let known = (resource.source == Source::Builtin)
        .then(|| builtin::view(&resource.group, &resource.plural));
    if with_columns {
        let columns: Vec<Value> = if let Some(view) = &known {
            view.columns
                .iter()
                .map(|c| column(c.name, c.kind, c.format(), c.name, c.priority))
                .collect()
        } else {
            let name = column(
                "Name",
                "string",
                "name",
                "Name must be unique within a namespace.",
                0,
            );
            std::iter::once(name)
                .chain(resource.columns.iter().map(definition))
                .collect()
        };
        table["columnDefinitions"] = columns.into();
    }
    let lines = objects.into_iter().map(|object| {
        let cells: Vec<Value> = if let Some(view) = &known {
            (view.cells)(&object, now)
        } else {
            let name = object["metadata"]["name"].clone();
            std::iter::once(name)
                .chain(
                    resource
                        .columns
                        .iter()
                        .map(|c| cells::at_path(&object, c, now)),
                )
                .collect()
        };
        let mut row = json!({"cells": cells});
        match rows {
            RowObject::Nothing => row["object"] = Value::Null,
            RowObject::Metadata => row["object"] = metadata_only(object),
            RowObject::Whole => row["object"] = object,
        }
        row
    });
    table["rows"] = lines.collect::<Vec<_>>().into();
    table
}

/// A table without columns and rows.
pub(crate) fn empty(metadata: &Value) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": [], "rows": []})
}

fn column(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

fn definition(c: &Column) -> Value {
    column(&c.name, &c.kind, &c.format, &c.description, c.priority)
}

#[cfg(test)]
mod tests;
