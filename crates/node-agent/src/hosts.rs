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
    /// Content of each file.
    written: BTreeMap<View, String>,
}

/// For whom a file is: all Pods of a namespace, or one that has names of its own (`hostAliases`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct View {
    namespace: String,
    own: Option<(String, String)>,
}

impl View {
    /// The view of a Pod.
    pub(crate) fn of(pod: &Pod) -> Self {
        let mut lines = String::new();
        for alias in pod
            .spec
            .iter()
            .flat_map(|spec| spec.host_aliases.iter().flatten())
        {
            for name in alias.hostnames.iter().flatten() {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "{} {name}", alias.ip);
            }
        }
        let own = (!lines.is_empty()).then(|| (pod.uid().unwrap_or_default(), lines));
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            own,
        }
    }

    fn file_name(&self) -> String {
        match &self.own {
            None => self.namespace.clone(),
            // No namespace has a dot in its name.
            Some((uid, _)) => format!("{}.{uid}", self.namespace),
        }
    }
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
    pub(crate) fn file(&self, view: &View) -> io::Result<PathBuf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(view, &mut state)?;
        Ok(self.directory.join(view.file_name()))
    }

    /// Keeps the file of a Pod that runs already up to date, as an earlier agent has left it.
    pub(crate) fn adopt(&self, view: &View) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.entries == Entries::default() {
            // Nothing is known yet: what stands there is better, and the first news replaces it.
            state.written.entry(view.clone()).or_default();
            return Ok(());
        }
        self.write(view, &mut state)
    }

    /// Forgets the file of a Pod that is gone.
    pub(crate) fn forget(&self, view: &View) {
        if view.own.is_some() {
            self.state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .written
                .remove(view);
            let _ = files::remove(&self.directory.join(view.file_name()));
            let _ = files::remove(&self.bound(view));
        }
    }

    /// What a container's mount namespace needs; `None` where it gets none.
    pub(crate) fn mounts(&self, view: &View) -> Option<Mounts> {
        self.mounts.map(|user_namespace| Mounts {
            hosts: self.bound(view),
            user_namespace,
        })
    }

    fn bound(&self, view: &View) -> PathBuf {
        self.directory
            .join(format!(".{}.mounted", view.file_name()))
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
        let views: Vec<View> = state.written.keys().cloned().collect();
        for view in views {
            self.write(&view, &mut state)?;
        }
        Ok(())
    }

    fn write(&self, view: &View, state: &mut State) -> io::Result<()> {
        let machine = fs::read_to_string("/etc/hosts").unwrap_or_default();
        let text = render(view, &state.entries, &machine);
        if state.written.get(view) == Some(&text) {
            return Ok(());
        }
        files::private_dir(&self.directory)?;
        files::replace(
            &self.directory.join(view.file_name()),
            text.as_bytes(),
            0o644,
        )?;
        let bound = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o644)
            .open(self.bound(view))?;
        // One write, then the length: at worst a reader meanwhile sees old lines after the new ones.
        bound.write_all_at(text.as_bytes(), 0)?;
        bound.set_len(text.len() as u64)?;
        state.written.insert(view.clone(), text);
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
        let selected = || {
            pods.iter()
                .map(AsRef::as_ref)
                .filter(|pod| selects(service, pod))
        };
        let serving = || {
            selected()
                .filter(|pod| publishes_all(service) || crate::services::ready(pod))
                .filter_map(address)
        };
        let addresses: Vec<Ipv4Addr> = match spec.cluster_ip.as_deref() {
            // A headless Service is the addresses of its Pods.
            Some("None") => serving().collect(),
            Some(ip) => match ip.parse::<Ipv4Addr>() {
                // Another network's address: the proxies there are not told of Pods that are processes.
                Ok(ip)
                    if !ip.is_loopback()
                        && selected().filter_map(address).any(|pod| pod.is_loopback()) =>
                {
                    serving().filter(Ipv4Addr::is_loopback).collect()
                }
                ip => ip.into_iter().collect(),
            },
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

/// The file for one view: what the machine knows, what the Pod adds, then ours. One name per line, which every resolver understands.
fn render(view: &View, entries: &Entries, machine: &str) -> String {
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
    if let Some((_, lines)) = &view.own {
        text.push_str(lines);
    }
    text.push_str("# Pods and Services, written by klamm\n");
    for (name, address) in entries
        .global
        .iter()
        .chain(entries.local.get(&view.namespace).into_iter().flatten())
    {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address} {name}");
    }
    text
}

#[cfg(test)]
mod tests;
