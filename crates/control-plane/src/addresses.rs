//! Addresses and node ports of Services, from a loopback range.
//!
//! A Service gets the address its name hashes to, or the next free one: stable, and two homes with other ranges never
//! meet. Invariant: no two Services hold one address or node port, not even while they are being created.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::defaults::each;
use crate::failure::{Cause, Failure};
use crate::metadata;
use crate::server::Server;
use crate::store::{Key, Range};

/// Where Kubernetes puts node ports.
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;

/// What Services that are not stored yet are about to hold, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    pending: Mutex<BTreeMap<String, Held>>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    address: Option<Ipv4Addr>,
    ports: BTreeSet<u32>,
}

impl Server {
    /// Gives a Service its address and node ports.
    pub(crate) fn allocate_cluster_ip(&self, service: &mut Value) -> Result<(), Failure> {
        let name = format!(
            "{}/{}",
            metadata::namespace(service),
            metadata::name(service)
        );
        let mut pending = self
            .reservations
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stored = self.held_by_services();
        pending.retain(|name, _| !stored.contains_key(name));
        let others = || {
            stored
                .iter()
                .chain(pending.iter())
                .filter(|(other, _)| **other != name)
                .map(|(_, held)| held)
        };
        let taken: BTreeSet<Ipv4Addr> = others().filter_map(|h| h.address).collect();
        let ports: BTreeSet<u32> = others().flat_map(|h| h.ports.iter().copied()).collect();
        let address = self.choose_address(service, &name, &taken)?;
        let ports = choose_ports(service, &name, ports)?;
        pending.insert(name, Held { address, ports });
        Ok(())
    }

    fn held_by_services(&self) -> BTreeMap<String, Held> {
        let prefix = Key::prefix("", "services", None);
        let page = self
            .store
            .list(
                Range {
                    prefix: &prefix,
                    ..Range::default()
                },
                |_, _| true,
            )
            .unwrap_or_default();
        let services = page
            .items
            .iter()
            .filter_map(|(_, record)| serde_json::from_slice::<Value>(&record.json).ok());
        services
            .map(|service| {
                let name = format!(
                    "{}/{}",
                    metadata::namespace(&service),
                    metadata::name(&service)
                );
                let address = service["spec"]["clusterIP"]
                    .as_str()
                    .and_then(|ip| ip.parse().ok());
                (
                    name,
                    Held {
                        address,
                        ports: node_ports(&service),
                    },
                )
            })
            .collect()
    }

    fn choose_address(
        &self,
        service: &mut Value,
        name: &str,
        taken: &BTreeSet<Ipv4Addr>,
    ) -> Result<Option<Ipv4Addr>, Failure> {
        let spec = &mut service["spec"];
        if spec["type"] == "ExternalName" {
            if let Some(map) = spec.as_object_mut() {
                map.remove("clusterIP");
                map.remove("clusterIPs");
            }
            return Ok(None);
        }
        // Without address and selector nothing says which family its endpoints will be of.
        let open = spec["clusterIP"] == "None"
            && spec["selector"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty);
        let (families, policy) = if open {
            (json!(["IPv4", "IPv6"]), "RequireDualStack")
        } else {
            (json!(["IPv4"]), "SingleStack")
        };
        for (field, value) in [("ipFamilies", families), ("ipFamilyPolicy", json!(policy))] {
            if spec[field].is_null() {
                spec[field] = value;
            }
        }
        let wanted = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
        let address = match wanted.as_str() {
            "None" => {
                spec["clusterIPs"] = json!(["None"]);
                return Ok(None);
            }
            "" => self.free_address(name, taken)?,
            text => {
                let address: Option<Ipv4Addr> = text.parse().ok();
                let Some(address) = address.filter(|a| !taken.contains(a)) else {
                    let rule = "failed to allocate IP: provided IP is already allocated";
                    let cause = Cause::invalid("spec.clusterIPs", &json!([text]), rule);
                    return Err(Failure::invalid(
                        "",
                        "Service",
                        metadata::name(service),
                        &[cause],
                    ));
                };
                address
            }
        };
        spec["clusterIP"] = address.to_string().into();
        spec["clusterIPs"] = json!([address.to_string()]);
        Ok(Some(address))
    }

    fn free_address(&self, name: &str, taken: &BTreeSet<Ipv4Addr>) -> Result<Ipv4Addr, Failure> {
        let (network, prefix) = self.settings.service_network;
        let size = 1_u32 << (32 - u32::from(prefix.clamp(8, 30)));
        let base = u32::from(network) & !(size - 1);
        // The first and the last address are the network's and its broadcast.
        let usable = size - 2;
        let start = hash(name) % usable;
        (0..usable)
            .map(|step| Ipv4Addr::from(base + 1 + (start + step) % usable))
            .find(|address| !taken.contains(address))
            .ok_or_else(|| {
                Failure::internal(format!(
                    "no address is left in {network}/{prefix} for a Service"
                ))
            })
    }
}

fn node_ports(service: &Value) -> BTreeSet<u32> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports
        .filter_map(|p| p["nodePort"].as_u64())
        .filter_map(|p| u32::try_from(p).ok())
        .filter(|&p| p > 0)
        .collect()
}

fn choose_ports(
    service: &mut Value,
    name: &str,
    mut taken: BTreeSet<u32>,
) -> Result<BTreeSet<u32>, Failure> {
    let external = matches!(
        service["spec"]["type"].as_str(),
        Some("NodePort" | "LoadBalancer")
    ) && service["spec"]["allocateLoadBalancerNodePorts"] != false;
    let mine = node_ports(service);
    if let Some(port) = mine.intersection(&taken).next() {
        let cause = Cause::invalid(
            "spec.ports[0].nodePort",
            &json!(port),
            "provided port is already allocated",
        );
        return Err(Failure::invalid(
            "",
            "Service",
            metadata::name(service),
            &[cause],
        ));
    }
    taken.extend(mine);
    let span = NODE_PORTS.end() - NODE_PORTS.start() + 1;
    for (at, port) in each(&mut service["spec"], "ports").enumerate() {
        if !external {
            port.as_object_mut().map(|p| p.remove("nodePort"));
            continue;
        }
        if port["nodePort"].as_u64().is_some_and(|p| p > 0) {
            continue;
        }
        let start = hash(&format!("{name}/{at}")) % span;
        let free = (0..span)
            .map(|step| NODE_PORTS.start() + (start + step) % span)
            .find(|p| !taken.contains(p));
        let chosen = free.ok_or_else(|| Failure::internal("no node port is left"))?;
        taken.insert(chosen);
        port["nodePort"] = chosen.into();
    }
    Ok(node_ports(service))
}

fn hash(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(4)
        .fold(0, |sum, &byte| (sum << 8) | u32::from(byte))
}
