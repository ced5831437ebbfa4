//! The volumes of a Pod: made, filled, and kept as the objects they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::PodSpec;

use super::Worker;
use crate::container::environment::references;
use crate::sources::{SourceKey, SourceKind};
use crate::storage;
use crate::volumes::{
    self, Inputs, Mounted, Rendered, VolumeProblem, render, replace_files, source_keys,
};

/// First wait before the same problems are told again, and the longest: the kubelet's.
const FIRST_WAIT: SignedDuration = SignedDuration::from_millis(500);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(122);

/// What was last told of volumes that cannot be made. Looks come several times a second while a Pod cannot start;
/// telling each would use up what events an object may cause.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    told: Vec<String>,
    at: Timestamp,
    wait: SignedDuration,
}

impl Complaint {
    /// Whether `problems` are to be told now: others at once, the same ones ever more rarely.
    fn is_due(&mut self, problems: &[String], now: Timestamp) -> bool {
        if problems != self.told {
            self.told = problems.to_vec();
            self.wait = FIRST_WAIT;
        } else if now.duration_since(self.at) < self.wait {
            return false;
        } else {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
        self.at = now;
        true
    }
}

impl Worker {
    /// Watches what the Pod's volumes and variables refer to.
    pub(super) fn watch_sources(&mut self) {
        let mut keys: BTreeSet<SourceKey> = source_keys(&self.pod, &self.namespace)
            .into_iter()
            .collect();
        for slot in &self.slots {
            let (config_maps, secrets) = references(&slot.container);
            for (kind, names) in [
                (SourceKind::ConfigMap, config_maps),
                (SourceKind::Secret, secrets),
            ] {
                keys.extend(names.into_iter().map(|name| SourceKey {
                    kind,
                    namespace: self.namespace.clone(),
                    name,
                }));
            }
        }
        let keys = keys.into_iter().collect();
        self.sources.set(
            &self.context.sources,
            &self.namespace,
            keys,
            &self.sources_changed,
        );
    }

    /// Makes the volumes, or brings their files up to date.
    pub(super) async fn mount(&mut self) {
        if self.sources.unknown() {
            // Their first look is on its way; nothing is missing yet.
            return;
        }
        let pod = self.pod.clone();
        self.tokens
            .refresh(&self.context.client, &pod, Timestamp::now())
            .await;
        let facts = self.facts();
        let mut mounted = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, volume) in volumes::by_name(&pod) {
            let inputs = Inputs {
                pod: &pod,
                facts: &facts,
                sources: &self.sources,
                tokens: &self.tokens,
            };
            match render(volume, &inputs).and_then(|rendered| self.set_up(name, rendered)) {
                Ok(directory) => {
                    mounted.insert(name.to_owned(), Mounted { directory });
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            self.mounted = Some(mounted);
        }
        // A volume that was there stays as it was; the event says what is wrong now.
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if self.complaint.is_due(&problems, Timestamp::now()) {
            for problem in problems {
                self.context
                    .events
                    .warn(&self.reference(), "FailedMount", problem);
            }
        }
    }

    fn set_up(&self, name: &str, rendered: Rendered) -> Result<PathBuf, VolumeProblem> {
        let problem = |problem: String| VolumeProblem {
            volume: name.to_owned(),
            problem,
        };
        let failed = |error: io::Error| problem(error.to_string());
        match rendered {
            Rendered::Empty { memory } => volumes::empty_dir(
                self.context.layout.home(),
                &self.dir.0,
                &self.uid,
                name,
                memory,
            )
            .map_err(failed),
            Rendered::Files(files) => {
                let directory = self.dir.volume(name);
                if replace_files(&directory, &files, Timestamp::now()).map_err(failed)?
                    && self.mounted.is_some()
                {
                    tracing::info!(
                        pod = self.name,
                        volume = name,
                        "files of a volume brought up to date"
                    );
                }
                Ok(directory)
            }
            Rendered::Claim { name: claim } => {
                storage::claim_directory(&self.context, &self.namespace, &claim).map_err(problem)
            }
            Rendered::Host { path, kind } => {
                if !self.context.settings.allow_host_path {
                    return Err(problem(format!(
                        "hostPath {path:?} is refused: this node is not allowed to give Pods directories of the machine"
                    )));
                }
                let path = PathBuf::from(path);
                if kind == "DirectoryOrCreate" {
                    std::fs::create_dir_all(&path).map_err(failed)?;
                }
                if !path.exists() {
                    return Err(problem(format!("hostPath {} is not there", path.display())));
                }
                Ok(path)
            }
        }
    }
}

/// Why a Pod can never run on a node of processes.
pub(super) fn unsupported(spec: &PodSpec) -> Option<String> {
    if spec
        .os
        .as_ref()
        .is_some_and(|os| os.name != std::env::consts::OS)
    {
        return Some(format!(
            "spec.os.name: this node runs {}",
            std::env::consts::OS
        ));
    }
    let containers = spec
        .init_containers
        .iter()
        .flatten()
        .map(|container| ("initContainers", container));
    for (list, container) in containers.chain(
        spec.containers
            .iter()
            .map(|container| ("containers", container)),
    ) {
        let probes = [
            ("startupProbe", &container.startup_probe),
            ("readinessProbe", &container.readiness_probe),
            ("livenessProbe", &container.liveness_probe),
        ];
        for (field, probe) in probes {
            if probe.as_ref().is_some_and(|probe| probe.grpc.is_some()) {
                return Some(format!(
                    "spec.{list}[{}].{field}.grpc: this node knows probes by httpGet, tcpSocket and exec",
                    container.name
                ));
            }
        }
        if container
            .volume_devices
            .as_ref()
            .is_some_and(|devices| !devices.is_empty())
        {
            return Some(format!(
                "spec.{list}[{}].volumeDevices: this node has no block volumes",
                container.name
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests;
