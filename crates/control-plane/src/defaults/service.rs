//! Defaults of Services; addresses and node ports are given out in [`crate::addresses`].

use serde_json::{Value, json};

use super::{each, inner, set};
use crate::failure::Cause;

/// Fills in what is missing.
pub(super) fn fill(object: &mut Value) {
    let spec = inner(object, "spec");
    set(spec, "type", "ClusterIP");
    set(spec, "sessionAffinity", "None");
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if spec["sessionAffinity"] == "ClientIP" {
        set(
            spec,
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 10800}}),
        );
    }
    let external = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    if external {
        set(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
    }
    if kind != "ExternalName" {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    for port in each(spec, "ports") {
        set(port, "protocol", "TCP");
        let number = port["port"].clone();
        if port["targetPort"] == 0 || port["targetPort"] == "" {
            port["targetPort"] = Value::Null;
        }
        set(port, "targetPort", number);
    }
}

/// An update that leaves out the address or the node ports keeps them.
pub(super) fn keep(live: &Value, object: &mut Value) {
    let spec = inner(object, "spec");
    let kind = spec["type"].as_str().unwrap_or("ClusterIP").to_owned();
    if kind != "ExternalName" && live["spec"]["type"] != "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = live["spec"].get(field) {
                set(spec, field, value.clone());
            }
        }
    }
    if !matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        return;
    }
    for port in each(spec, "ports") {
        let same = |old: &&Value| {
            old["port"] == port["port"]
                && old["protocol"].as_str().unwrap_or("TCP")
                    == port["protocol"].as_str().unwrap_or("TCP")
        };
        let old = live["spec"]["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .find(same);
        if let Some(node_port) = old.and_then(|old| old.get("nodePort")).cloned() {
            set(port, "nodePort", node_port);
        }
    }
}

/// The address stays while the Service has one.
pub(super) fn frozen(live: &Value, object: &Value) -> Vec<Cause> {
    let (old, new) = (&live["spec"], &object["spec"]);
    if old["type"] == "ExternalName" || new["type"] == "ExternalName" {
        return Vec::new();
    }
    if old["clusterIP"].is_string() && old["clusterIP"] != new["clusterIP"] {
        let rule = "may not change once set";
        return vec![Cause::invalid(
            "spec.clusterIPs[0]",
            &json!([new["clusterIP"]]),
            rule,
        )];
    }
    Vec::new()
}
