//! Starting one container: its image, variables, command, root, limits; then its monitor.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Worker;
use super::slot::{Now, Slot};
use crate::cgroup::Limits;
use crate::container::attempt::{Running, Start};
use crate::container::command::{self, Asked, Surroundings};
use crate::container::environment::{Facts, variables};
use crate::container::launch::{self, LaunchError, MARK};
use crate::container::termination::Termination;
use crate::container_exec::MonitorSpec;
use crate::hosts::View;
use crate::images::{self, Image, Resolution};
use crate::logs::LogLimits;
use crate::quantity;
use crate::volumes::{link_mounts, link_programs, mount_paths};

/// How often a runtime that is being fetched is asked for.
const PULL_POLL: SignedDuration = SignedDuration::from_millis(50);
/// First wait after an image could not be had; doubles up to five minutes.
const FIRST_PULL_WAIT_SECONDS: u64 = 10;
const LONGEST_PULL_WAIT_SECONDS: u64 = 300;
/// When settings that are missing are looked for again without news of them.
const CONFIGURATION_RETRY: SignedDuration = SignedDuration::from_secs(10);
/// Where programs are looked for when the agent itself was not told.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a container is not started now.
struct Held {
    reason: &'static str,
    message: String,
    event: Option<(bool, &'static str, String)>,
    retry: SignedDuration,
}

impl Worker {
    /// Starts a container, or notes why not.
    pub(super) async fn begin(&mut self, slot: usize, next_wait_seconds: u64) {
        let Err(held) = self.try_begin(slot, next_wait_seconds).await else {
            return;
        };
        let reference = self.container_reference(slot);
        if let Some((warning, reason, message)) = held.event {
            if warning {
                self.context.events.warn(&reference, reason, message);
            } else {
                self.context.events.normal(&reference, reason, message);
            }
        }
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.waiting = Some((
                held.reason.to_owned(),
                Some(held.message).filter(|message| !message.is_empty()),
            ));
            entry.not_before = Some(Timestamp::now() + held.retry);
        }
    }

    async fn try_begin(&mut self, slot: usize, next_wait_seconds: u64) -> Result<(), Held> {
        let image = self.image(slot)?;
        let spec = self.monitor_spec(slot, &image)?;
        let reference = self.container_reference(slot);
        let Some(entry) = self.slots.get_mut(slot) else {
            return Ok(());
        };
        let name = entry.container.name.clone();
        let number = entry.attempt().map_or(0, |attempt| attempt + 1);
        let attempt = entry.dir.attempt(number);
        let planned = number
            .checked_sub(1)
            .map_or(0, |before| entry.dir.attempt(before).planned_next());
        let start = Start {
            sandbox: self.sandbox.number,
            next_wait_seconds,
            image: entry.container.image.clone().unwrap_or_default(),
            image_id: image.id.clone(),
            planned,
        };
        attempt
            .write_start(&start)
            .map_err(|error| failed_to_create(&name, &error.to_string()))?;
        let child = match launch::launch(&self.context.settings, &spec).await {
            Ok(child) => child,
            Err(LaunchError::Claimed) => {
                let _ = crate::files::remove(&attempt.0);
                return Err(Held {
                    reason: "ContainerCreating",
                    message: "an earlier process of this container still runs".to_owned(),
                    event: None,
                    retry: SignedDuration::from_millis(200),
                });
            }
            Err(LaunchError::Failed(error)) => {
                let _ = crate::files::remove(&attempt.0);
                return Err(failed_to_create(&name, &error));
            }
        };
        // An earlier end is the last state from now on.
        if let Now::Exited { attempt, exit, .. } = &entry.now {
            entry.last = Some((*attempt, exit.clone()));
        }
        entry.dir.forget_old_attempts();
        (entry.waiting, entry.not_before, entry.pull_wait_seconds) = (None, None, 0);
        (entry.ready, entry.started, entry.stopping) = (false, false, None);
        entry.image_id.clone_from(&image.id);
        entry.planned = planned;
        if let Some(running) = attempt.running() {
            tracing::info!(
                pod = self.name,
                container = name,
                pid = running.process.pid,
                "container started"
            );
            entry.now = Now::Running {
                attempt: number,
                running: Box::new(running),
            };
            self.context
                .events
                .normal(&reference, "Created", format!("Container created: {name}"));
            self.context
                .events
                .normal(&reference, "Started", format!("Container started: {name}"));
            self.watch_container(slot, Some(child));
        } else {
            // It ended before its process could be looked at; the monitor writes how any moment.
            let exit = launch::ended(&attempt, None::<&Running>, Some(child)).await;
            entry.now = Now::Exited {
                attempt: number,
                exit,
                wait_seconds: next_wait_seconds,
            };
        }
        Ok(())
    }

    fn image(&mut self, slot: usize) -> Result<Image, Held> {
        let held_waiting = self.waiting_word();
        let Some(entry) = self.slots.get_mut(slot) else {
            return Ok(Image::default());
        };
        let name = entry.container.image.clone().unwrap_or_default();
        match images::resolve(&name, &self.context.settings) {
            Ok(Resolution::Ready(image)) => {
                if entry.image_id != image.id {
                    let reference =
                        super::pod_container_reference(&self.pod, &entry.container.name);
                    self.context.events.normal(
                        &reference,
                        "Pulled",
                        format!("Image {name:?} is present on this node: {}", image.id),
                    );
                }
                Ok(*image)
            }
            Ok(Resolution::Pulling { progress }) => Err(Held {
                reason: held_waiting,
                message: format!("{progress} (image {name})"),
                event: entry.waiting.is_none().then(|| {
                    (
                        false,
                        "Pulling",
                        format!("Preparing the runtime of image {name:?}"),
                    )
                }),
                retry: PULL_POLL,
            }),
            Err(error) => {
                let wait = (entry.pull_wait_seconds * 2)
                    .clamp(FIRST_PULL_WAIT_SECONDS, LONGEST_PULL_WAIT_SECONDS);
                let first = entry.pull_wait_seconds == 0;
                entry.pull_wait_seconds = wait;
                let reason = match error.reason() {
                    "ErrImagePull" if !first => "ImagePullBackOff",
                    reason => reason,
                };
                Err(Held {
                    reason,
                    message: error.to_string(),
                    event: Some((
                        true,
                        "Failed",
                        format!("Failed to pull image {name:?}: {error}"),
                    )),
                    retry: SignedDuration::from_secs(i64::try_from(wait).unwrap_or(10)),
                })
            }
        }
    }

    /// Everything the monitor must know.
    fn monitor_spec(&self, slot: usize, image: &Image) -> Result<MonitorSpec, Held> {
        let entry = self
            .slots
            .get(slot)
            .ok_or_else(|| failed_to_create("", "no such container"))?;
        let container = &entry.container;
        let configuration = |message: String| Held {
            reason: "CreateContainerConfigError",
            event: Some((true, "Failed", format!("Error: {message}"))),
            message,
            retry: CONFIGURATION_RETRY,
        };
        let own = variables(container, &self.pod, &self.facts(), &self.sources)
            .map_err(|error| configuration(error.to_string()))?;
        let root = entry.dir.root();
        let mounted = self.mounted.clone().unwrap_or_default();
        link_mounts(&root, container, &mounted, &own)
            .map_err(|error| configuration(format!("volume mounts: {error}")))?;
        link_programs(&root, &image.directories)
            .map_err(|error| configuration(format!("programs of the image: {error}")))?;
        let termination = Termination::prepare(&root, container)
            .map_err(|error| configuration(format!("termination message: {error}")))?;
        let mounts = mount_paths(container);
        let asked_command = expanded(container.command.as_deref(), &own);
        let asked_args = expanded(container.args.as_deref(), &own);
        let asked = Asked {
            image: container.image.as_deref().unwrap_or_default(),
            command: &asked_command,
            args: &asked_args,
            working_dir: container.working_dir.as_deref(),
            mounts: &mounts,
            root: &root,
        };
        let command = command::resolve(&asked, image)
            .map_err(|error| failed_to_create(&container.name, &error.to_string()))?;
        let number = entry.attempt().map_or(0, |attempt| attempt + 1);
        let attempt = entry.dir.attempt(number);
        let path = std::env::var("PATH")
            .ok()
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| DEFAULT_PATH.to_owned());
        let around = Surroundings {
            path: &path,
            passed: ["LANG", "JAVA_HOME"]
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
                .collect(),
            node: self.contract(entry, &attempt.0, &root)?,
            root: &root,
            mounts: &mounts,
        };
        let settings = &self.context.settings;
        Ok(MonitorSpec {
            container_exec: settings.container_exec.clone(),
            lock: entry.dir.lock(),
            attempt: attempt.0.clone(),
            command,
            environment: command::environment(&around, image, own),
            directory: command::directory(&asked, image),
            mounts: self.context.hosts.mounts(&View::of(&self.pod)),
            cgroups: self.cgroups(entry, number),
            termination,
            logs: LogLimits {
                max_bytes: settings.log_max_bytes,
                max_files: settings.log_max_files,
            },
        })
    }

    /// The variables by which a node that runs processes speaks to what it runs.
    fn contract(
        &self,
        entry: &Slot,
        attempt: &std::path::Path,
        root: &std::path::Path,
    ) -> Result<BTreeMap<String, String>, Held> {
        let hosts = self
            .context
            .hosts
            .file(&View::of(&self.pod))
            .map_err(|error| failed_to_create(&entry.container.name, &error.to_string()))?;
        let hostname = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.hostname.clone())
            .unwrap_or_else(|| self.name.clone());
        let mut node = BTreeMap::from([
            ("KLAMM_ROOT".to_owned(), root.display().to_string()),
            ("KLAMM_ADDRESS".to_owned(), "pod-ip".to_owned()),
            ("KLAMM_HOSTS_FILE".to_owned(), hosts.display().to_string()),
            (MARK.to_owned(), attempt.display().to_string()),
            ("HOSTNAME".to_owned(), hostname),
        ]);
        if self.context.hosts.mounted() {
            node.insert("KLAMM_HOSTS_MOUNTED".to_owned(), "1".to_owned());
        }
        if self.context.settings.fast_start {
            node.insert("KLAMM_FAST_START".to_owned(), "1".to_owned());
        }
        Ok(node)
    }

    /// Makes the container's cgroups; without them it runs without limits, and the Pod's events say so.
    fn cgroups(&self, entry: &Slot, attempt: u32) -> Vec<std::path::PathBuf> {
        let limit = |name: &str| {
            let resources = entry.container.resources.as_ref()?;
            resources
                .limits
                .as_ref()?
                .get(name)
                .map(|quantity| quantity.0.clone())
        };
        let limits = Limits {
            memory: limit("memory").and_then(|text| quantity::bytes(&text)),
            cpu_millis: limit("cpu").and_then(|text| quantity::cpu_millis(&text)),
        };
        if limits.is_empty() {
            return Vec::new();
        }
        let name = format!("klamm-{}-{}-{attempt}", self.uid, entry.container.name);
        let made = if self.context.settings.cgroups {
            self.context
                .hierarchy
                .make(&name, limits)
                .map_err(|error| error.to_string())
        } else {
            Err("cgroups are switched off on this node".to_owned())
        };
        made.unwrap_or_else(|error| {
            let reference = super::pod_container_reference(&self.pod, &entry.container.name);
            let message = format!(
                "Container {} runs without its resource limits: {error}",
                entry.container.name
            );
            self.context
                .events
                .normal(&reference, "LimitsNotEnforced", message);
            Vec::new()
        })
    }

    /// What the downward API can name.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            pod_ip: self.ip.to_string(),
            host_ip: self.context.node_ip().to_string(),
            node_name: self.context.settings.node_name.clone(),
            allocatable: self.context.allocatable.clone(),
        }
    }

    /// The kubelet's word for "not yet".
    pub(super) fn waiting_word(&self) -> &'static str {
        if self
            .slots
            .iter()
            .any(|slot| slot.role != crate::pod::plan::Role::Main)
            && !self.initialized()
        {
            "PodInitializing"
        } else {
            "ContainerCreating"
        }
    }

    /// Something a container refers to has changed: what failed for want of it is tried at once.
    pub(super) fn retry_configuration(&mut self) {
        for slot in &mut self.slots {
            if slot
                .waiting
                .as_ref()
                .is_some_and(|(reason, _)| reason == "CreateContainerConfigError")
            {
                slot.not_before = None;
            }
        }
    }
}

fn expanded(texts: Option<&[String]>, variables: &BTreeMap<String, String>) -> Vec<String> {
    texts
        .unwrap_or_default()
        .iter()
        .map(|text| crate::container::environment::expand(text, variables))
        .collect()
}

fn failed_to_create(container: &str, error: &str) -> Held {
    Held {
        reason: "CreateContainerError",
        message: error.to_owned(),
        event: Some((
            true,
            "Failed",
            format!("Error: container {container} could not be created: {error}"),
        )),
        retry: SignedDuration::from_secs(10),
    }
}
