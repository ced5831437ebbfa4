//! Names of Pods and Services for programs that know no cluster DNS: a hosts file per namespace.
//!
//! Two files with the same content: one is replaced as a whole (`KLAMM_HOSTS_FILE`), one is written in place, because
//! it lies over `/etc/hosts` in containers and a mount holds on to the file it was given.
//!
//! Not here: who watches Pods and Services (`lib`), mounting (`container_exec::namespace`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;

use crate::container_exec::Mounts;
use crate::files;
use crate::services::selects;

/// The hosts files of a home.
#[derive(Debug)]
pub(crate) struct Hosts {
    directory: PathBuf,
    /// Containers may get a mount namespace; `true` inside: with a user namespace.
    mounts: Option<bool>,
    state: Mutex<State>,
}

/// What the files say. One lock for both parts: a file first asked for while names change must not miss the change.
#[derive(Debug, Default)]
struct State {
    entries: Entries,
    /// Content of each file, by namespace.
    written: BTreeMap<String, String>,
}

/// Names and their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// Valid everywhere.
    global: BTreeSet<(String, Ipv4Addr)>,
    /// Valid in one namespace.
    local: BTreeMap<String, BTreeSet<(String, Ipv4Addr)>>,
}

impl Hosts {
    pub(crate) fn new(directory: PathBuf, mounts: Option<bool>) -> Self {
        Self {
            directory,
            mounts,
            state: Mutex::default(),
        }
    }

    /// Containers see the names in `/etc/hosts`.
    pub(crate) fn mounted(&self) -> bool {
        self.mounts.is_some()
    }

    /// The file for programs that are told where it is. Made if it is not there.
    pub(crate) fn file(&self, namespace: &str) -> io::Result<PathBuf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(namespace, &mut state)?;
        Ok(self.directory.join(namespace))
    }

    /// What a container's mount namespace needs; `None` where it gets none.
    pub(crate) fn mounts(&self, namespace: &str) -> Option<Mounts> {
        self.mounts.map(|user_namespace| Mounts {
            hosts: self.bound(namespace),
            user_namespace,
        })
    }

    fn bound(&self, namespace: &str) -> PathBuf {
        self.directory.join(format!(".{namespace}.mounted"))
    }

    /// Takes over what is there now, and rewrites the files that changed.
    pub(crate) fn update(
        &self,
        pods: &[impl AsRef<Pod>],
        services: &[impl AsRef<Service>],
    ) -> io::Result<()> {
        let entries = entries(pods, services);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.entries == entries {
            return Ok(());
        }
        state.entries = entries;
        let namespaces: Vec<String> = state.written.keys().cloned().collect();
        for namespace in namespaces {
            self.write(&namespace, &mut state)?;
        }
        Ok(())
    }

    fn write(&self, namespace: &str, state: &mut State) -> io::Result<()> {
        let machine = fs::read_to_string("/etc/hosts").unwrap_or_default();
        let text = render(namespace, &state.entries, &machine);
        if state.written.get(namespace) == Some(&text) {
            return Ok(());
        }
        files::private_dir(&self.directory)?;
        files::replace(&self.directory.join(namespace), text.as_bytes(), 0o644)?;
        let bound = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o644)
            .open(self.bound(namespace))?;
        // One write, then the length: at worst a reader meanwhile sees old lines after the new ones.
        bound.write_all_at(text.as_bytes(), 0)?;
        bound.set_len(text.len() as u64)?;
        state.written.insert(namespace.to_owned(), text);
        Ok(())
    }
}

/// The names of all Pods and Services.
fn entries(pods: &[impl AsRef<Pod>], services: &[impl AsRef<Service>]) -> Entries {
    let mut entries = Entries::default();
    for service in services {
        let service = service.as_ref();
        let (name, namespace) = (service.name_any(), service.namespace().unwrap_or_default());
        let Some(spec) = &service.spec else { continue };
        let addresses: Vec<Ipv4Addr> = match spec.cluster_ip.as_deref() {
            // A headless Service is the addresses of its Pods.
            Some("None") => pods
                .iter()
                .map(AsRef::as_ref)
                .filter(|pod| {
                    selects(service, pod) && (publishes_all(service) || crate::services::ready(pod))
                })
                .filter_map(address)
                .collect(),
            Some(ip) => ip.parse().into_iter().collect(),
            None => Vec::new(),
        };
        for address in addresses {
            entries.add(&name, &namespace, address);
        }
    }
    for pod in pods {
        let pod = pod.as_ref();
        let Some((spec, address)) = pod.spec.as_ref().zip(address(pod)) else {
            continue;
        };
        let namespace = pod.namespace().unwrap_or_default();
        let hostname = spec.hostname.clone().unwrap_or_else(|| pod.name_any());
        if let Some(subdomain) = &spec.subdomain {
            entries.add(&format!("{hostname}.{subdomain}"), &namespace, address);
        }
    }
    entries
}

impl Entries {
    /// A name in all the forms that cluster DNS and its search list know.
    fn add(&mut self, name: &str, namespace: &str, address: Ipv4Addr) {
        for form in [
            format!("{name}.{namespace}.svc.cluster.local"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}"),
        ] {
            self.global.insert((form, address));
        }
        self.local
            .entry(namespace.to_owned())
            .or_default()
            .insert((name.to_owned(), address));
    }
}

fn publishes_all(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .and_then(|spec| spec.publish_not_ready_addresses)
        == Some(true)
}

/// Where a Pod is, while it has not ended.
fn address(pod: &Pod) -> Option<Ipv4Addr> {
    let status = pod.status.as_ref()?;
    let over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    status.pod_ip.as_ref().filter(|_| !over)?.parse().ok()
}

/// The file for one namespace: what the machine knows, then ours. One name per line, which every resolver understands.
fn render(namespace: &str, entries: &Entries, machine: &str) -> String {
    let mut text = String::new();
    // Programs given this file as their only one still need localhost.
    if !machine.lines().any(|line| {
        line.split_whitespace()
            .skip(1)
            .any(|name| name == "localhost")
    }) {
        text.push_str("127.0.0.1 localhost\n");
    }
    text.push_str(machine);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("# Pods and Services, written by klamm\n");
    for (name, address) in entries
        .global
        .iter()
        .chain(entries.local.get(namespace).into_iter().flatten())
    {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address} {name}");
    }
    text
}

#[cfg(test)]
mod tests;
