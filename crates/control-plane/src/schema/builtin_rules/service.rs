//! Rules on Services.

use serde_json::Value;

use super::{PROTOCOLS, duplicate, label, one_of, port_range};
use crate::failure::Cause;

pub(super) fn check(object: &Value, causes: &mut Vec<Cause>) {
    const KINDS: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let spec = &object["spec"];
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let headless = spec["clusterIP"] == "None";
    if ports.is_empty() && !headless && spec["type"] != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or("");
        if name.is_empty() {
            if ports.len() > 1 {
                causes.push(Cause::required(format!("{at}.name"), ""));
            }
        } else if names.contains(&name) {
            causes.push(duplicate(&format!("{at}.name"), name));
        } else {
            label(name, &format!("{at}.name"), causes);
            names.push(name);
        }
        port_range(
            port["port"].as_i64().unwrap_or(0),
            &format!("{at}.port"),
            causes,
        );
        one_of(
            &port["protocol"],
            &format!("{at}.protocol"),
            &PROTOCOLS,
            causes,
        );
        if let Some(target) = port["targetPort"].as_i64() {
            port_range(target, &format!("{at}.targetPort"), causes);
        }
    }
    one_of(&spec["type"], "spec.type", &KINDS, causes);
}
