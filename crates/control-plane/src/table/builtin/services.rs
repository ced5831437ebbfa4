//! Services and what leads to and from them.

use serde_json::Value;

use super::{
    AGE, NAME, View, created, int, items, joined, map_text, name, or_none, selector_text, strings,
    text, wide,
};

pub(super) const SERVICES: View = View {
    columns: &[
        NAME,
        text("Type"),
        text("Cluster-IP"),
        text("External-IP"),
        text("Port(s)"),
        AGE,
        wide("Selector"),
    ],
    cells: |service, now| {
        let spec = &service["spec"];
        vec![
            name(service),
            spec["type"].clone(),
            or_none(&spec["clusterIP"]),
            external(service),
            ports(spec),
            created(service, now),
            map_text(&spec["selector"]),
        ]
    },
};

fn external(service: &Value) -> Value {
    let spec = &service["spec"];
    let given = strings(&spec["externalIPs"]);
    match spec["type"].as_str() {
        Some("ExternalName") => or_none(&spec["externalName"]),
        Some("LoadBalancer") => {
            let ingress = items(&service["status"]["loadBalancer"]["ingress"]);
            let mut all: Vec<String> = ingress
                .filter_map(|i| i["ip"].as_str().or(i["hostname"].as_str()))
                .map(str::to_owned)
                .collect();
            all.extend(given);
            if all.is_empty() {
                "<pending>".into()
            } else {
                all.join(",").into()
            }
        }
        _ => joined(&given, ","),
    }
}

fn ports(spec: &Value) -> Value {
    let texts: Vec<String> = items(&spec["ports"])
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match int(&port["nodePort"]) {
                0 => format!("{}/{protocol}", int(&port["port"])),
                node_port => format!("{}:{node_port}/{protocol}", int(&port["port"])),
            }
        })
        .collect();
    joined(&texts, ",")
}

pub(super) const ENDPOINTS: View = View {
    columns: &[NAME, text("Endpoints"), AGE],
    cells: |endpoints, now| {
        let mut all = Vec::new();
        for subset in items(&endpoints["subsets"]) {
            for address in items(&subset["addresses"]) {
                let ip = address["ip"].as_str().unwrap_or_default();
                all.extend(
                    items(&subset["ports"]).map(|port| format!("{ip}:{}", int(&port["port"]))),
                );
            }
        }
        vec![name(endpoints), joined(&all, ","), created(endpoints, now)]
    },
};

pub(super) const SLICES: View = View {
    columns: &[
        NAME,
        text("AddressType"),
        text("Ports"),
        text("Endpoints"),
        AGE,
    ],
    cells: |slice, now| {
        let ports: Vec<String> = items(&slice["ports"])
            .map(|p| int(&p["port"]).to_string())
            .collect();
        let addresses: Vec<String> = items(&slice["endpoints"])
            .flat_map(|e| strings(&e["addresses"]))
            .collect();
        vec![
            name(slice),
            slice["addressType"].clone(),
            joined(&ports, ","),
            joined(&addresses, ","),
            created(slice, now),
        ]
    },
};

pub(super) const INGRESSES: View = View {
    columns: &[
        NAME,
        text("Class"),
        text("Hosts"),
        text("Address"),
        text("Ports"),
        AGE,
    ],
    cells: |ingress, now| {
        let spec = &ingress["spec"];
        let hosts: Vec<String> = items(&spec["rules"])
            .filter_map(|r| r["host"].as_str())
            .map(str::to_owned)
            .collect();
        let addresses: Vec<String> = items(&ingress["status"]["loadBalancer"]["ingress"])
            .filter_map(|i| i["ip"].as_str().or(i["hostname"].as_str()))
            .map(str::to_owned)
            .collect();
        let secured = items(&spec["tls"]).next().is_some();
        vec![
            name(ingress),
            or_none(&spec["ingressClassName"]),
            if hosts.is_empty() {
                "*".into()
            } else {
                hosts.join(",").into()
            },
            addresses.join(",").into(),
            if secured {
                "80, 443".into()
            } else {
                "80".into()
            },
            created(ingress, now),
        ]
    },
};

pub(super) const POLICIES: View = View {
    columns: &[NAME, text("Pod-Selector"), AGE],
    cells: |policy, now| {
        vec![
            name(policy),
            selector_text(&policy["spec"]["podSelector"]),
            created(policy, now),
        ]
    },
};
