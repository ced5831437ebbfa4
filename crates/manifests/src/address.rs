//! Under which host and port a broker is announced to the clients of a listener.
//!
//! What the user fixed goes first, then what the outside gave (load balancers, routes, node ports), then the Pod's own
//! name. On process nodes the runner replaces all of them by the Pod's address and the listener's own port.

use model::desired::{Listener, ListenerKind, Node};
use model::runner::placeholder;

use crate::facts::{Address, Input};
use crate::names;
use crate::template;

/// Port of Routes and `TLSRoute`s.
pub const ROUTE_PORT: u16 = 443;
/// Port of Ingresses.
pub const INGRESS_PORT: u16 = 443;

/// What a broker announces for a listener: `host:port` with placeholders.
pub(crate) fn advertised(input: &Input<'_>, listener: &Listener, node: &Node) -> String {
    let given = given_address(input, listener, node);
    let host = match fixed_host(input, listener, node).or_else(|| given.host.clone()) {
        Some(host) => placeholder::advertised(&host),
        None => placeholder::ADVERTISED_MACHINE.to_owned(),
    };
    let port = fixed_port(listener, node).unwrap_or(given.port);
    format!(
        "{host}:{}",
        placeholder::advertised_port(port, listener.port)
    )
}

/// The host that the user wants announced.
pub(crate) fn fixed_host(input: &Input<'_>, listener: &Listener, node: &Node) -> Option<String> {
    let own = listener
        .broker(node.id)
        .and_then(|broker| broker.advertised_host.clone());
    own.or_else(|| {
        filled(
            input,
            listener.configuration.advertised_host_template.as_deref(),
            node,
        )
    })
}

/// The host that the user wants for the broker's Ingress, Route or `TLSRoute`.
pub(crate) fn exposure_host(input: &Input<'_>, listener: &Listener, node: &Node) -> Option<String> {
    let own = listener
        .broker(node.id)
        .and_then(|broker| broker.host.clone());
    own.or_else(|| filled(input, listener.configuration.host_template.as_deref(), node))
}

fn filled(input: &Input<'_>, text: Option<&str>, node: &Node) -> Option<String> {
    text.map(|text| template::fill(text, input.cluster, node).into_owned())
}

/// The address that a listener has by its kind, before the user's wishes.
fn given_address(input: &Input<'_>, listener: &Listener, node: &Node) -> Address {
    let seen = || {
        input
            .facts
            .addresses
            .get(&listener.name)?
            .brokers
            .get(&node.id)
            .cloned()
    };
    let pod = Address {
        host: Some(pod_host(input, listener, node)),
        port: listener.port,
    };
    match listener.kind {
        ListenerKind::Internal => pod,
        ListenerKind::ClusterIp => {
            let service = names::listener_broker(&input.cluster.name, listener, node);
            Address {
                host: Some(service_host(input, listener, &service)),
                port: listener.port,
            }
        }
        ListenerKind::NodePort => {
            let port = listener
                .broker(node.id)
                .and_then(|broker| port_number(broker.node_port));
            seen().unwrap_or(Address {
                host: None,
                port: port.unwrap_or(listener.port),
            })
        }
        ListenerKind::LoadBalancer => seen().unwrap_or(pod),
        ListenerKind::Ingress => exposed(exposure_host(input, listener, node), INGRESS_PORT)
            .or_else(seen)
            .unwrap_or(pod),
        ListenerKind::Route => seen()
            .or_else(|| exposed(exposure_host(input, listener, node), ROUTE_PORT))
            .unwrap_or(pod),
        ListenerKind::TlsRoute => exposed(exposure_host(input, listener, node), ROUTE_PORT)
            .or_else(seen)
            .unwrap_or(pod),
    }
}

fn exposed(host: Option<String>, port: u16) -> Option<Address> {
    host.map(|host| Address {
        host: Some(host),
        port,
    })
}

/// The host of first contact inside the cluster, as the status shows it.
pub fn bootstrap_host(input: &Input<'_>, listener: &Listener) -> String {
    service_host(
        input,
        listener,
        &names::listener_bootstrap_service(&input.cluster.name, listener),
    )
}

/// Listeners through which this broker cannot be announced yet, because the outside has not given it an address.
///
/// Node ports are not among them: the machine's address is known to the broker itself.
pub fn missing<'a>(input: &Input<'a>, node: &Node) -> Vec<&'a Listener> {
    let listeners = input.cluster.listeners.iter();
    listeners
        .filter(|listener| node.roles.is_broker() && is_missing(input, listener, node))
        .collect()
}

fn is_missing(input: &Input<'_>, listener: &Listener, node: &Node) -> bool {
    let seen = input
        .facts
        .addresses
        .get(&listener.name)
        .is_some_and(|seen| seen.brokers.contains_key(&node.id));
    match listener.kind {
        ListenerKind::Internal | ListenerKind::ClusterIp => false,
        ListenerKind::NodePort => {
            !seen
                && listener
                    .broker(node.id)
                    .and_then(|broker| broker.node_port)
                    .is_none()
        }
        ListenerKind::LoadBalancer => !seen,
        ListenerKind::Ingress | ListenerKind::Route | ListenerKind::TlsRoute => {
            !seen && exposure_host(input, listener, node).is_none()
        }
    }
}

fn pod_host(input: &Input<'_>, listener: &Listener, node: &Node) -> String {
    if listener.configuration.use_service_dns_domain {
        names::pod_host_with_domain(input.cluster, node, &input.settings.dns_domain)
    } else {
        names::pod_host(input.cluster, node)
    }
}

fn service_host(input: &Input<'_>, listener: &Listener, service: &str) -> String {
    let namespace = &input.cluster.namespace;
    if listener.configuration.use_service_dns_domain {
        names::service_host_with_domain(namespace, service, &input.settings.dns_domain)
    } else {
        names::service_host(namespace, service)
    }
}

/// The port that the user wants announced.
fn fixed_port(listener: &Listener, node: &Node) -> Option<u16> {
    let own = listener
        .broker(node.id)
        .and_then(|broker| port_number(broker.advertised_port));
    own.or_else(|| {
        let template = listener.configuration.advertised_port_template.as_deref()?;
        arithmetic(&template.replace("{nodeId}", &node.id.to_string()))
            .and_then(|port| u16::try_from(port).ok())
    })
}

fn port_number(port: Option<i32>) -> Option<u16> {
    port.and_then(|port| u16::try_from(port).ok())
}

/// The value of an expression of whole numbers, `+`, `-`, `*` and parentheses; nothing if it is not one.
///
/// Public so that the parser of `advertisedPortTemplate` can refuse what this cannot read.
pub fn arithmetic(text: &str) -> Option<i64> {
    let tokens: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (value, rest) = sum(&tokens)?;
    rest.is_empty().then_some(value)
}

fn sum(tokens: &[char]) -> Option<(i64, &[char])> {
    let (mut total, mut rest) = product(tokens)?;
    while let Some((sign @ ('+' | '-'), after)) = rest.split_first() {
        let (value, next) = product(after)?;
        total = if *sign == '+' {
            total.checked_add(value)?
        } else {
            total.checked_sub(value)?
        };
        rest = next;
    }
    Some((total, rest))
}

fn product(tokens: &[char]) -> Option<(i64, &[char])> {
    let (mut total, mut rest) = factor(tokens)?;
    while let Some(('*', after)) = rest.split_first() {
        let (value, next) = factor(after)?;
        total = total.checked_mul(value)?;
        rest = next;
    }
    Some((total, rest))
}

fn factor(tokens: &[char]) -> Option<(i64, &[char])> {
    match tokens.split_first()? {
        ('(', inner) => {
            let (value, rest) = sum(inner)?;
            let (')', rest) = rest.split_first()? else {
                return None;
            };
            Some((value, rest))
        }
        ('-', rest) => factor(rest).and_then(|(value, rest)| Some((value.checked_neg()?, rest))),
        _ => {
            let end = tokens
                .iter()
                .position(|c| !c.is_ascii_digit())
                .unwrap_or(tokens.len());
            let (digits, rest) = tokens.split_at(end);
            Some((digits.iter().collect::<String>().parse().ok()?, rest))
        }
    }
}

#[cfg(test)]
mod tests;
