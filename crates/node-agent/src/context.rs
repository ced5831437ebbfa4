//! What all parts of the agent share.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::{Client, Resource as _, ResourceExt as _};

use crate::address::{PodAddresses, Range};
use crate::cgroup::Hierarchy;
use crate::cluster::Cluster;
use crate::events::Events;
use crate::home::Layout;
use crate::hosts::Hosts;
use crate::settings::Settings;
use crate::sources::Sources;

/// Shared by every worker; made once.
pub(crate) struct Context {
    pub client: Client,
    pub settings: Arc<Settings>,
    pub layout: Layout,
    pub range: Range,
    pub cluster: Cluster,
    pub sources: Sources,
    pub events: Events,
    pub addresses: Mutex<PodAddresses>,
    pub hosts: Hosts,
    pub hierarchy: Hierarchy,
    /// What the node has, for the downward API.
    pub allocatable: BTreeMap<String, String>,
}

impl Context {
    /// Address of the node.
    pub(crate) fn node_ip(&self) -> Ipv4Addr {
        self.range.node()
    }

    /// The node as events name it.
    pub(crate) fn node_reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(self.settings.node_name.clone()),
            // As kubelets do: describe finds a node's events by its name.
            uid: Some(self.settings.node_name.clone()),
            ..ObjectReference::default()
        }
    }

    /// This Pod is bound to this node.
    pub(crate) fn is_ours(&self, pod: &Pod) -> bool {
        pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref())
            == Some(self.settings.node_name.as_str())
    }
}

/// A Pod as events name it.
pub(crate) fn pod_reference(pod: &Pod) -> ObjectReference {
    pod.object_ref(&())
}

/// Namespace and name, for logs and maps.
pub(crate) fn pod_key(pod: &Pod) -> (String, String) {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

/// The node's labels that every node has.
pub(crate) fn standard_labels(node_name: &str) -> BTreeMap<String, String> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    [
        ("kubernetes.io/hostname", node_name),
        ("kubernetes.io/os", std::env::consts::OS),
        ("kubernetes.io/arch", architecture),
        ("klamm.dev/process-node", "true"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
