//! Rules on Pods and on the Pods that workloads describe.

use serde_json::Value;

use super::{PROTOCOLS, duplicate, invalid, label, one_of, out_of_range, port_range, required};
use crate::failure::Cause;
use crate::schema::text;

pub(super) fn spec(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let volumes = volumes(spec, at, causes);
    let mut names: Vec<&str> = Vec::new();
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::required(format!("{at}.containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let at = format!("{at}.{list}[{index}]");
            self::container(container, &at, &volumes, &mut names, causes);
        }
    }
    if !spec["restartPolicy"].is_null() {
        let supported = ["Always", "OnFailure", "Never"];
        one_of(
            &spec["restartPolicy"],
            &format!("{at}.restartPolicy"),
            &supported,
            causes,
        );
    }
    let grace = spec["terminationGracePeriodSeconds"].as_i64();
    if let Some(seconds) = grace.filter(|seconds| *seconds < 0) {
        let field = format!("{at}.terminationGracePeriodSeconds");
        causes.push(out_of_range(
            &field,
            seconds,
            "must be greater than or equal to 0",
        ));
    }
}

fn volumes<'a>(spec: &'a Value, at: &str, causes: &mut Vec<Cause>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.volumes[{index}].name");
        if !required(volume, "name", &at, causes) {
            continue;
        }
        let name = volume["name"].as_str().unwrap_or("");
        if names.contains(&name) {
            causes.push(duplicate(&at, name));
        } else {
            label(name, &at, causes);
            names.push(name);
        }
    }
    names
}

fn container<'a>(
    container: &'a Value,
    at: &str,
    volumes: &[&str],
    names: &mut Vec<&'a str>,
    causes: &mut Vec<Cause>,
) {
    let name_at = format!("{at}.name");
    let name = container["name"].as_str().unwrap_or("");
    if required(container, "name", &name_at, causes) {
        if names.contains(&name) {
            causes.push(duplicate(&name_at, name));
        } else {
            label(name, &name_at, causes);
            names.push(name);
        }
    }
    required(container, "image", &format!("{at}.image"), causes);
    for (index, port) in container["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}.ports[{index}]");
        match port["containerPort"].as_i64().unwrap_or(0) {
            0 => causes.push(Cause::required(format!("{at}.containerPort"), "")),
            number => port_range(number, &format!("{at}.containerPort"), causes),
        }
        one_of(
            &port["protocol"],
            &format!("{at}.protocol"),
            &PROTOCOLS,
            causes,
        );
    }
    for (index, variable) in container["env"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}.env[{index}].name");
        let name = variable["name"].as_str().unwrap_or("");
        let printable = |c: char| c.is_ascii() && !c.is_ascii_control() && c != '=';
        if required(variable, "name", &at, causes) && !name.chars().all(printable) {
            let rule = "a valid environment variable name must consist only of printable ASCII characters other than '='";
            causes.push(invalid(&at, name, rule));
        }
    }
    mounts(container, at, volumes, causes);
    if !container["imagePullPolicy"].is_null() {
        let supported = ["Always", "IfNotPresent", "Never"];
        one_of(
            &container["imagePullPolicy"],
            &format!("{at}.imagePullPolicy"),
            &supported,
            causes,
        );
    }
}

fn mounts(container: &Value, at: &str, volumes: &[&str], causes: &mut Vec<Cause>) {
    let mut paths: Vec<&str> = Vec::new();
    for (index, mount) in container["volumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}.volumeMounts[{index}]");
        let name = mount["name"].as_str().unwrap_or("");
        if required(mount, "name", &format!("{at}.name"), causes) && !volumes.contains(&name) {
            causes.push(Cause {
                reason: "FieldValueNotFound",
                field: format!("{at}.name"),
                message: format!("Not found: {}", text::quote(name)),
            });
        }
        let path = mount["mountPath"].as_str().unwrap_or("");
        if required(mount, "mountPath", &format!("{at}.mountPath"), causes) {
            if paths.contains(&path) {
                let message = format!("Invalid value: {}: must be unique", text::quote(path));
                let field = format!("{at}.mountPath");
                causes.push(Cause {
                    reason: "FieldValueInvalid",
                    field,
                    message,
                });
            }
            paths.push(path);
        }
    }
}
