//! The facts of a definition that a user or a client can notice, one a line.
//!
//! A line is a path, a tab, and what holds there. Descriptions are not facts: ours are our own.

use serde_json::Value;

/// All facts of a definition, sorted.
pub(crate) fn facts(crd: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    flatten("metadata.name", &crd["metadata"]["name"], &mut lines);
    flatten("metadata.labels", &crd["metadata"]["labels"], &mut lines);
    for key in ["group", "scope", "names", "conversion"] {
        flatten(&format!("definition.{key}"), &crd["spec"][key], &mut lines);
    }
    for version in crd["spec"]["versions"].as_array().unwrap() {
        let name = version["name"].as_str().unwrap();
        for key in ["served", "storage", "subresources"] {
            flatten(&format!("{name}.{key}"), &version[key], &mut lines);
        }
        for (index, column) in version["additionalPrinterColumns"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            for key in ["name", "type", "jsonPath", "priority"] {
                if !column[key].is_null() {
                    flatten(
                        &format!("{name}.column[{index}].{key}"),
                        &column[key],
                        &mut lines,
                    );
                }
            }
        }
        property("", &version["schema"]["openAPIV3Schema"], false, &mut lines);
    }
    lines.sort();
    lines
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(&format!("{path}.{key}"), value, lines);
            }
        }
        other => lines.push(format!("{path}\t{other}")),
    }
}

fn property(path: &str, schema: &Value, required: bool, lines: &mut Vec<String>) {
    let mut line = vec![schema["type"].as_str().unwrap_or("any").to_owned()];
    if required {
        line.push("required".to_owned());
    }
    for (key, value) in schema.as_object().unwrap() {
        match key.as_str() {
            "type" | "description" | "required" | "properties" | "items" => {}
            "additionalProperties" if value.is_object() => {}
            "x-kubernetes-validations" => {
                for rule in value.as_array().unwrap() {
                    line.push(format!("rule {} {}", rule["rule"], rule["message"]));
                }
            }
            _ => line.push(format!("{key}={value}")),
        }
    }
    lines.push(format!(
        "{}\t{}",
        if path.is_empty() { "." } else { path },
        line.join("\t")
    ));
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let child_path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        property(&child_path, child, required.contains(&name.as_str()), lines);
    }
    if schema["items"].is_object() {
        property(&format!("{path}[]"), &schema["items"], false, lines);
    }
    if schema["additionalProperties"].is_object() {
        property(
            &format!("{path}{{}}"),
            &schema["additionalProperties"],
            false,
            lines,
        );
    }
}
