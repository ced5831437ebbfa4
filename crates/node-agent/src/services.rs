//! Services: a TCP proxy per port, from the Service's address to the Pods its selector finds.
//!
//! Reads Services and Pods; EndpointSlices are neither read nor written (a real API server refuses loopback addresses
//! in them). Headless Services have no proxy, only names (`hosts`).
//!
//! Invariants: a connection goes to a Pod that was ready when it was opened; a Pod that refuses is passed over.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Resource as _, ResourceExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::context::Context;

/// A Pod that does not answer within this is passed over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A port that is taken is tried again this often.
const BIND_EVERY: Duration = Duration::from_secs(2);

/// The Service's selector finds this Pod.
pub(crate) fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref())
        .filter(|selector| !selector.is_empty());
    selector.is_some_and(|selector| {
        let labels = pod.metadata.labels.as_ref();
        service.metadata.namespace == pod.metadata.namespace
            && selector
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

/// The Pod says it is ready, and is not going away.
pub(crate) fn ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// One port that is listened on, and where its connections go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Front {
    address: SocketAddr,
    service: String,
}

type Backends = Vec<SocketAddr>;

/// All ports that must be listened on, with their Pods, as Services and Pods are now. Pure.
fn fronts(
    pods: &[Arc<Pod>],
    services: &[Arc<Service>],
    node: Ipv4Addr,
) -> BTreeMap<Front, Backends> {
    let mut fronts = BTreeMap::new();
    for service in services {
        // Without a selector somebody else says where it leads.
        let Some(spec) = service.spec.as_ref().filter(|spec| {
            spec.selector
                .as_ref()
                .is_some_and(|selector| !selector.is_empty())
        }) else {
            continue;
        };
        let name = format!(
            "{}/{}",
            service.namespace().unwrap_or_default(),
            service.name_any()
        );
        let cluster_ip = spec
            .cluster_ip
            .as_deref()
            .and_then(|ip| ip.parse::<Ipv4Addr>().ok())
            // An address that is not loopback belongs to a real cluster's own proxy.
            .filter(Ipv4Addr::is_loopback);
        let all = spec.publish_not_ready_addresses == Some(true);
        let chosen: Vec<&Arc<Pod>> = pods
            .iter()
            .filter(|pod| selects(service, pod) && (all || ready(pod)))
            .collect();
        for port in spec
            .ports
            .iter()
            .flatten()
            .filter(|port| matches!(port.protocol.as_deref(), None | Some("TCP")))
        {
            let backends: Backends = chosen.iter().filter_map(|pod| backend(pod, port)).collect();
            let mut add = |ip: Ipv4Addr, number: i32| {
                if let Ok(number) = u16::try_from(number) {
                    let address = SocketAddr::new(IpAddr::V4(ip), number);
                    fronts.insert(
                        Front {
                            address,
                            service: name.clone(),
                        },
                        backends.clone(),
                    );
                }
            };
            if let Some(ip) = cluster_ip {
                add(ip, port.port);
            }
            if let Some(number) = port.node_port {
                add(node, number);
            }
        }
    }
    fronts
}

/// Where a port of a Service is in a Pod.
fn backend(pod: &Pod, port: &ServicePort) -> Option<SocketAddr> {
    let ip: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let number = match &port.target_port {
        None | Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => pod
            .spec
            .as_ref()?
            .containers
            .iter()
            .flat_map(|container| container.ports.iter().flatten())
            .find(|port| port.name.as_deref() == Some(name))
            .map(|port| port.container_port)?,
    };
    Some(SocketAddr::new(ip, u16::try_from(number).ok()?))
}

/// A listener that runs.
struct Running {
    backends: Arc<RwLock<Backends>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps the proxies and the hosts files as Services and Pods say, until the agent stops.
pub(crate) async fn serve(context: Arc<Context>) {
    let (mut pods_changed, mut services_changed) = (
        context.cluster.pods.changes(),
        context.cluster.services.changes(),
    );
    let mut running: BTreeMap<Front, Running> = BTreeMap::new();
    loop {
        pods_changed.mark_unchanged();
        services_changed.mark_unchanged();
        let (pods, services) = (context.cluster.pods.all(), context.cluster.services.all());
        if let Err(error) = context.hosts.update(&pods, &services) {
            tracing::warn!(%error, "the hosts files could not be written");
        }
        let wanted = fronts(&pods, &services, context.node_ip());
        running.retain(|front, _| wanted.contains_key(front));
        for (front, backends) in wanted {
            if let Some(running) = running.get(&front) {
                *running
                    .backends
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = backends;
            } else {
                let backends = Arc::new(RwLock::new(backends));
                let service = services.iter().find(|service| {
                    front.service
                        == format!(
                            "{}/{}",
                            service.namespace().unwrap_or_default(),
                            service.name_any()
                        )
                });
                let reference = service
                    .map(|service| service.object_ref(&()))
                    .unwrap_or_default();
                let (address, shared, context) =
                    (front.address, Arc::clone(&backends), Arc::clone(&context));
                let task = tokio::spawn(async move {
                    let listener = bind(address, |error| {
                        context.events.warn(
                            &reference,
                            "PortUnavailable",
                            format!("Cannot listen on {address}: {error}"),
                        );
                    });
                    accept(listener.await, shared).await;
                });
                running.insert(front, Running { backends, task });
            }
        }
        tokio::select! {
            changed = pods_changed.changed() => if changed.is_err() { return },
            changed = services_changed.changed() => if changed.is_err() { return },
        }
    }
}

async fn bind(address: SocketAddr, complain: impl Fn(&io::Error)) -> TcpListener {
    let mut complained = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                if !complained {
                    complain(&error);
                    complained = true;
                }
                tokio::time::sleep(BIND_EVERY).await;
            }
        }
    }
}

async fn accept(listener: TcpListener, backends: Arc<RwLock<Backends>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (backends, turn) = (Arc::clone(&backends), Arc::clone(&turn));
                // Not tied to this task: a Service that changes must not cut connections that are open.
                tokio::spawn(async move {
                    let chosen = backends
                        .read()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone();
                    let first = turn.fetch_add(1, Ordering::Relaxed);
                    let _ = forward(client, &chosen, first).await;
                });
            }
            // No file descriptors left, for instance: others may end soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Joins a client to one of the Pods, beginning with number `first`, each tried once.
async fn forward(mut client: TcpStream, backends: &[SocketAddr], first: usize) -> io::Result<()> {
    for step in 0..backends.len() {
        let Some(backend) = backends.get(first.wrapping_add(step) % backends.len()) else {
            continue;
        };
        if let Ok(Ok(mut server)) =
            tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(backend)).await
        {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            // Each direction ends by itself: a client that has said all it wants still gets its answer.
            return tokio::io::copy_bidirectional(&mut client, &mut server)
                .await
                .map(drop);
        }
    }
    // Nobody there: the client sees the connection reset, as from a closed port.
    rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
    Ok(())
}

#[cfg(test)]
mod tests;
