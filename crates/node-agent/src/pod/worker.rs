//! The life of one Pod on this node, from the first look until nothing of it is left.
//!
//! Reads: the Pod object (as news), its files and processes, what its volumes and variables refer to.
//! Invariants: one worker per Pod; it never blocks on a container (launching takes milliseconds; stopping, probing and
//! waiting are tasks whose results come back as news); every look ends with the status told if it changed.

mod begin;
mod mount;
mod tell;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, ObjectReference, Pod, PodSpec, PodStatus};
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, ResourceExt as _};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::plan::{Look, Plan, Restart, Role, Seen, State, plan};
use super::probe::{self, Kind, Target, Verdict};
use super::sandbox::{Owner, PodDir, Sandbox};
use super::stop;
use crate::container::attempt::{ContainerDir, Exit, Running};
use crate::container::launch::{self, Found};
use crate::context::{Context, pod_reference};
use crate::files;
use crate::sources::PodSources;
use crate::volumes::{self, Mounted, Tokens};

/// What a worker learns from others.
#[derive(Debug)]
pub(crate) enum News {
    /// The Pod object is now this.
    Pod(Arc<Pod>),
    /// There is no such Pod any more.
    Gone,
    /// The agent ends and stops its Pods.
    Stop,
    /// The agent ends and leaves them running.
    Leave,
    /// A container has ended.
    Ended {
        slot: usize,
        attempt: u32,
        exit: Exit,
    },
    /// Probing a container has found something.
    Probed {
        slot: usize,
        attempt: u32,
        verdict: Verdict,
    },
    /// A container's post-start hook failed.
    HookFailed {
        slot: usize,
        attempt: u32,
        error: String,
    },
}

/// Why the Pod ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Its object asks for it.
    Deleted,
    /// Its object is gone already.
    Gone,
    /// The agent ends.
    AgentStops,
}

/// A container as the worker knows it.
struct Slot {
    container: Container,
    role: Role,
    restart: Restart,
    dir: ContainerDir,
    now: Now,
    /// The attempt before the current one.
    last: Option<(u32, Exit)>,
    image_id: String,
    ready: bool,
    started: bool,
    /// Why it could not be started when that was last tried.
    waiting: Option<(String, Option<String>)>,
    not_before: Option<Timestamp>,
    pull_wait_seconds: u64,
    probing: Option<AbortOnDrop>,
    /// Set while it is being stopped: when patience ends.
    stopping: Option<watch::Sender<Instant>>,
}

/// What a container does now.
enum Now {
    Fresh,
    Running {
        attempt: u32,
        running: Box<Running>,
    },
    Exited {
        attempt: u32,
        exit: Exit,
        wait_seconds: u64,
    },
}

impl Slot {
    /// Number of the newest attempt.
    fn attempt(&self) -> Option<u32> {
        match &self.now {
            Now::Running { attempt, .. } | Now::Exited { attempt, .. } => Some(*attempt),
            Now::Fresh => self.last.as_ref().map(|(attempt, _)| *attempt),
        }
    }

    fn runs(&self, number: u32) -> bool {
        matches!(&self.now, Now::Running { attempt, .. } if *attempt == number)
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One Pod.
pub(crate) struct Worker {
    context: Arc<Context>,
    pod: Arc<Pod>,
    namespace: String,
    name: String,
    uid: String,
    ip: Ipv4Addr,
    dir: PodDir,
    sandbox: Sandbox,
    slots: Vec<Slot>,
    mounted: Option<BTreeMap<String, Mounted>>,
    sources: PodSources,
    sources_changed: Arc<Notify>,
    tokens: Tokens,
    rejected: Option<(String, String)>,
    ending: Option<Ending>,
    told: Option<PodStatus>,
    tell_again_at: Option<Timestamp>,
    news: mpsc::UnboundedReceiver<News>,
    post: mpsc::UnboundedSender<News>,
}

/// A look is taken at least this often while something is missing that nobody announces.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Runs the Pod until nothing of it is left, or the agent ends.
pub(crate) async fn run(
    context: Arc<Context>,
    pod: Arc<Pod>,
    post: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
) {
    let key = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    match Worker::new(context, pod, post, news).await {
        Ok(mut worker) => worker.live().await,
        Err(error) => tracing::error!(pod = key, %error, "the Pod's directory cannot be used"),
    }
}

impl Worker {
    async fn new(
        context: Arc<Context>,
        pod: Arc<Pod>,
        post: mpsc::UnboundedSender<News>,
        news: mpsc::UnboundedReceiver<News>,
    ) -> std::io::Result<Self> {
        let (namespace, name, uid) = (
            pod.namespace().unwrap_or_default(),
            pod.name_any(),
            pod.uid().unwrap_or_default(),
        );
        let dir = PodDir(context.layout.pod(&uid));
        let spec = pod.spec.clone().unwrap_or_default();
        let roles = roles(&spec);
        dir.write_owner(&Owner {
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
            containers: roles
                .iter()
                .map(|(container, ..)| container.name.clone())
                .collect(),
            grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
        })?;
        let sandbox = dir.enter_sandbox()?;
        let ip = {
            let pods = &context.cluster.pods;
            let in_use = |key: &str| {
                key.split_once('/')
                    .is_some_and(|(namespace, name)| pods.get(namespace, name).is_some())
            };
            let mut addresses = context
                .addresses
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            addresses.of(&namespace, &name, in_use)?
        };
        let rejected = mount::unsupported(&spec).map(|why| ("UnsupportedPodSpec".to_owned(), why));
        let told = pod.status.clone();
        let mut slots = Vec::new();
        for (container, role, restart) in roles {
            let dir = dir.container(&container.name);
            slots.push(adopt(container, role, restart, dir, &sandbox, told.as_ref()).await);
        }
        let mut worker = Self {
            context,
            pod,
            namespace,
            name,
            uid,
            ip,
            dir,
            sandbox,
            slots,
            mounted: None,
            sources: PodSources::default(),
            sources_changed: Arc::new(Notify::new()),
            tokens: Tokens::default(),
            rejected,
            ending: None,
            told: None,
            tell_again_at: None,
            news,
            post,
        };
        if let Some((reason, message)) = &worker.rejected {
            worker.context.events.warn(
                &worker.reference(),
                "FailedToRun",
                format!("{reason}: {message}"),
            );
        }
        for slot in 0..worker.slots.len() {
            worker.watch_container(slot, None);
        }
        Ok(worker)
    }

    async fn live(&mut self) {
        self.watch_sources();
        self.note_deletion();
        // The address first: certificates and volumes may depend on it.
        self.tell(&Plan {
            initialized: self.initialized(),
            ..Plan::default()
        })
        .await;
        loop {
            if self.ending.is_none() && self.rejected.is_none() {
                self.mount().await;
            }
            let plan = self.decide();
            self.carry_out(&plan).await;
            let plan = if plan.start.is_empty() {
                plan
            } else {
                self.decide()
            };
            self.tell(&plan).await;
            if plan.finished && self.ending.is_some() {
                return self.end().await;
            }
            if !self.wait(plan.wake_at).await {
                return;
            }
        }
    }

    fn decide(&self) -> Plan {
        if self.rejected.is_some() || self.over() && self.ending.is_none() {
            return Plan {
                initialized: self.rejected.is_none(),
                finished: true,
                ..Plan::default()
            };
        }
        let seen: Vec<Seen> = self
            .slots
            .iter()
            .map(|slot| Seen {
                role: slot.role,
                restart: slot.restart,
                not_before: slot.not_before,
                state: match &slot.now {
                    Now::Fresh => State::Fresh,
                    Now::Running { .. } => State::Running {
                        started: slot.started,
                    },
                    Now::Exited {
                        exit, wait_seconds, ..
                    } => State::Exited {
                        code: exit.code,
                        at: exit.finished_at,
                        ran_for: exit
                            .started_at
                            .map(|started| exit.finished_at.duration_since(started)),
                        wait_seconds: *wait_seconds,
                    },
                },
            })
            .collect();
        let look = Look {
            now: Timestamp::now(),
            containers: &seen,
            mounted: self.mounted.is_some(),
            stopping: self.ending.is_some(),
        };
        plan(&look)
    }

    /// The Pod has ended for good.
    fn over(&self) -> bool {
        let phase = |status: Option<&PodStatus>| status.and_then(|status| status.phase.clone());
        let phase = phase(self.told.as_ref()).or_else(|| phase(self.pod.status.as_ref()));
        matches!(phase.as_deref(), Some("Succeeded" | "Failed"))
            && !self
                .slots
                .iter()
                .any(|slot| matches!(slot.now, Now::Running { .. }))
    }

    fn initialized(&self) -> bool {
        self.slots
            .iter()
            .any(|slot| slot.role == Role::Main && !matches!(slot.now, Now::Fresh))
    }

    async fn carry_out(&mut self, plan: &Plan) {
        for start in &plan.start {
            self.begin(start.container, start.next_wait_seconds).await;
        }
        for slot in &plan.stop {
            let grace = self.grace();
            let why = if self.ending.is_some() {
                "Stopping container"
            } else {
                "The Pod's other containers have ended: stopping container"
            };
            self.stop(*slot, grace, why);
        }
    }

    /// How long containers may take to end.
    fn grace(&self) -> Duration {
        let spec = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.termination_grace_period_seconds);
        let seconds = self
            .pod
            .metadata
            .deletion_grace_period_seconds
            .filter(|_| self.ending == Some(Ending::Deleted))
            .or(spec)
            .unwrap_or(30);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// Begins to stop a container, or moves the end of patience if that has begun.
    fn stop(&mut self, slot: usize, grace: Duration, why: &str) {
        let deadline = Instant::now() + grace;
        let reference = self.container_reference(slot);
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let Now::Running { running, .. } = &entry.now else {
            return;
        };
        if let Some(stopping) = &entry.stopping {
            // Patience only ever gets shorter: asking again must not prolong it.
            stopping.send_if_modified(|at| {
                let sooner = deadline < *at;
                if sooner {
                    *at = deadline;
                }
                sooner
            });
            return;
        }
        self.context.events.normal(
            &reference,
            "Killing",
            format!("{why} {}", entry.container.name),
        );
        let (sender, receiver) = watch::channel(deadline);
        entry.stopping = Some(sender);
        let target = Arc::new(Target {
            settings: Arc::clone(&self.context.settings),
            container: entry.container.clone(),
            root: entry.dir.root(),
            running: (**running).clone(),
            ip: self.ip,
        });
        let events = self.context.events.clone();
        tokio::spawn(stop::stop(target, receiver, move |error| {
            events.warn(&reference, "FailedPreStopHook", error)
        }));
    }

    /// Waits for news. `false`: leave everything as it is and end.
    async fn wait(&mut self, wake_at: Option<Timestamp>) -> bool {
        let mut wake_at = [wake_at, self.tell_again_at, self.tokens.renew_at()]
            .into_iter()
            .flatten()
            .min();
        let (mut claims, mut volumes) = (
            self.context.cluster.claims.changes(),
            self.context.cluster.volumes.changes(),
        );
        let unmounted = self.mounted.is_none()
            && self.ending.is_none()
            && self.rejected.is_none()
            && !self.over();
        if unmounted {
            let again = Timestamp::now() + LOOK_AGAIN;
            wake_at = Some(wake_at.map_or(again, |at| at.min(again)));
        }
        let sleep = async {
            match wake_at {
                Some(at) => {
                    tokio::time::sleep(
                        Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default(),
                    )
                    .await
                }
                None => std::future::pending().await,
            }
        };
        let news = tokio::select! {
            news = self.news.recv() => news,
            () = self.sources_changed.notified() => {
                self.retry_configuration();
                return true;
            }
            _ = claims.changed(), if unmounted => return true,
            _ = volumes.changed(), if unmounted => return true,
            () = sleep => return true,
        };
        let mut next = news;
        while let Some(news) = next {
            if matches!(news, News::Leave) {
                return false;
            }
            self.learn(news);
            next = self.news.try_recv().ok();
        }
        true
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Leave => {}
            News::Pod(pod) => {
                self.pod = pod;
                self.watch_sources();
                self.note_deletion();
            }
            News::Gone => self.ending = Some(Ending::Gone),
            News::Stop => self.ending = self.ending.or(Some(Ending::AgentStops)),
            News::Ended {
                slot,
                attempt,
                exit,
            } => self.container_ended(slot, attempt, exit),
            News::Probed {
                slot,
                attempt,
                verdict,
            } => self.probed(slot, attempt, verdict),
            News::HookFailed {
                slot,
                attempt,
                error,
            } => {
                if self
                    .slots
                    .get(slot)
                    .is_some_and(|entry| entry.runs(attempt))
                {
                    self.context.events.warn(
                        &self.container_reference(slot),
                        "FailedPostStartHook",
                        error,
                    );
                    self.stop(
                        slot,
                        self.grace(),
                        "FailedPostStartHook: stopping container",
                    );
                }
            }
        }
    }

    fn note_deletion(&mut self) {
        if self.pod.metadata.deletion_timestamp.is_some() && self.ending != Some(Ending::Gone) {
            self.ending = Some(Ending::Deleted);
        }
    }

    fn container_ended(&mut self, slot: usize, number: u32, exit: Exit) {
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        if !entry.runs(number) {
            return;
        }
        tracing::info!(
            pod = self.name,
            container = entry.container.name,
            code = exit.code,
            reason = exit.reason(),
            "container ended"
        );
        if let Some(error) = &exit.start_error {
            let message = format!("Error: {error}");
            self.context.events.warn(
                &pod_container_reference(&self.pod, &entry.container.name),
                "Failed",
                message,
            );
        }
        let wait_seconds = entry
            .dir
            .attempt(number)
            .start()
            .map_or(0, |start| start.next_wait_seconds);
        if wait_seconds > 0 && entry.restart != Restart::Never && self.ending.is_none() {
            let message = format!(
                "Back-off restarting failed container {} in pod {}",
                entry.container.name, self.name
            );
            self.context.events.warn(
                &pod_container_reference(&self.pod, &entry.container.name),
                "BackOff",
                message,
            );
        }
        entry.now = Now::Exited {
            attempt: number,
            exit,
            wait_seconds,
        };
        (entry.ready, entry.started, entry.probing, entry.stopping) = (false, false, None, None);
    }

    fn probed(&mut self, slot: usize, attempt: u32, verdict: Verdict) {
        let reference = self.container_reference(slot);
        let grace = self.grace();
        let Some(entry) = self.slots.get_mut(slot).filter(|entry| entry.runs(attempt)) else {
            return;
        };
        match verdict {
            Verdict::Started => entry.started = true,
            Verdict::Ready(ready) => entry.ready = ready,
            Verdict::Failed { kind, why } => {
                // While it is being stopped, failing is no news.
                if entry.stopping.is_none() {
                    self.context.events.warn(
                        &reference,
                        "Unhealthy",
                        format!("{} probe failed: {why}", kind.word()),
                    );
                }
            }
            Verdict::Unhealthy {
                kind,
                grace_seconds,
            } => {
                let grace = grace_seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .map_or(grace, Duration::from_secs);
                let why = match kind {
                    Kind::Startup => "Startup probe failed, will be restarted: container",
                    Kind::Liveness | Kind::Readiness => {
                        "Liveness probe failed, will be restarted: container"
                    }
                };
                self.stop(slot, grace, why);
            }
        }
    }

    /// From now on the end of a running container, and what its probes find, come as news.
    fn watch_container(&mut self, slot: usize, child: Option<tokio::process::Child>) {
        let (post, ip, settings) = (
            self.post.clone(),
            self.ip,
            Arc::clone(&self.context.settings),
        );
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let Now::Running { attempt, running } = &entry.now else {
            return;
        };
        let (attempt, running) = (*attempt, (**running).clone());
        let dir = entry.dir.attempt(attempt);
        let target = Arc::new(Target {
            settings,
            container: entry.container.clone(),
            root: entry.dir.root(),
            running: running.clone(),
            ip,
        });
        let ended = post.clone();
        tokio::spawn(async move {
            let exit = launch::ended(&dir, Some(&running), child).await;
            let _ = ended.send(News::Ended {
                slot,
                attempt,
                exit,
            });
        });
        // What was found healthy before an agent's restart is probed on, but does not start over.
        let started_before = entry.started;
        let mut container = entry.container.clone();
        let probing = tokio::spawn(async move {
            let hook = container
                .lifecycle
                .take()
                .and_then(|lifecycle| lifecycle.post_start);
            if let Some(hook) = hook.filter(|_| !started_before)
                && let Err(error) = stop::run_hook(&target, &hook).await
            {
                let _ = post.send(News::HookFailed {
                    slot,
                    attempt,
                    error,
                });
                return;
            }
            let target = if started_before {
                container.startup_probe = None;
                Arc::new(Target {
                    container,
                    ..Target::clone(&target)
                })
            } else {
                target
            };
            probe::watch(target, move |verdict| {
                let _ = post.send(News::Probed {
                    slot,
                    attempt,
                    verdict,
                });
            })
            .await;
            std::future::pending::<()>().await;
        });
        entry.probing = Some(AbortOnDrop(probing.abort_handle()));
    }

    /// Everything has stopped: leaves no trace but what must stay.
    async fn end(&mut self) {
        match self.ending {
            Some(Ending::AgentStops) => {
                let _ = self.dir.stop_sandbox(&self.sandbox);
                return;
            }
            Some(Ending::Deleted) => {
                self.clean_up();
                self.delete_object().await;
            }
            Some(Ending::Gone) | None => self.clean_up(),
        }
        tracing::info!(namespace = self.namespace, pod = self.name, "Pod is gone");
    }

    fn clean_up(&self) {
        volumes::drop_memory(self.context.layout.home(), &self.uid);
        if let Err(error) = files::remove(&self.dir.0) {
            tracing::warn!(pod = self.name, %error, "the Pod's directory could not be removed");
        }
    }

    /// Takes the last step of a graceful deletion: the object itself, only if it is still this very Pod.
    async fn delete_object(&mut self) {
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: Some(self.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        loop {
            match api.delete(&self.name, &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => return,
                Err(error) => tracing::debug!(pod = self.name, %error, "deleting the Pod object"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                news = self.news.recv() => if matches!(news, None | Some(News::Gone | News::Leave | News::Stop)) {
                    return;
                },
            }
        }
    }

    fn reference(&self) -> ObjectReference {
        pod_reference(&self.pod)
    }

    fn container_reference(&self, slot: usize) -> ObjectReference {
        self.slots.get(slot).map_or_else(
            || self.reference(),
            |entry| pod_container_reference(&self.pod, &entry.container.name),
        )
    }
}

/// A container of a Pod as events name it.
fn pod_container_reference(pod: &Pod, container: &str) -> ObjectReference {
    let init = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten())
        .any(|init| init.name == container);
    let list = if init { "initContainers" } else { "containers" };
    ObjectReference {
        field_path: Some(format!("spec.{list}{{{container}}}")),
        ..pod_reference(pod)
    }
}

/// The containers of a Pod in the order they start, with their parts and policies.
fn roles(spec: &PodSpec) -> Vec<(Container, Role, Restart)> {
    let policy = match spec.restart_policy.as_deref() {
        Some("Never") => Restart::Never,
        Some("OnFailure") => Restart::OnFailure,
        _ => Restart::Always,
    };
    let init = spec.init_containers.iter().flatten().map(|container| {
        match container.restart_policy.as_deref() {
            Some("Always") => (container.clone(), Role::Sidecar, Restart::Always),
            _ if policy == Restart::Always => (container.clone(), Role::Init, Restart::OnFailure),
            _ => (container.clone(), Role::Init, policy),
        }
    });
    let main = spec
        .containers
        .iter()
        .map(|container| (container.clone(), Role::Main, policy));
    init.chain(main).collect()
}

/// What there is of a container from before.
async fn adopt(
    container: Container,
    role: Role,
    restart: Restart,
    dir: ContainerDir,
    sandbox: &Sandbox,
    told: Option<&PodStatus>,
) -> Slot {
    let mut slot = Slot {
        container,
        role,
        restart,
        dir,
        now: Now::Fresh,
        last: None,
        image_id: String::new(),
        ready: false,
        started: false,
        waiting: None,
        not_before: None,
        pull_wait_seconds: 0,
        probing: None,
        stopping: None,
    };
    let found = launch::find(&slot.dir).await;
    let (Found::Running { attempt, .. } | Found::Exited { attempt, .. }) = &found else {
        return slot;
    };
    let start = slot.dir.attempt(*attempt).start().unwrap_or_default();
    slot.image_id.clone_from(&start.image_id);
    slot.last = attempt
        .checked_sub(1)
        .and_then(|before| Some((before, slot.dir.attempt(before).exit()?)));
    match found {
        Found::Running { attempt, running } => {
            tracing::info!(
                container = slot.container.name,
                pid = running.process.pid,
                "took over a running container"
            );
            let before = told
                .iter()
                .flat_map(|told| {
                    told.container_statuses
                        .iter()
                        .chain(&told.init_container_statuses)
                        .flatten()
                })
                .find(|status| status.name == slot.container.name)
                .filter(|status| {
                    status
                        .container_id
                        .as_deref()
                        .is_some_and(|id| id.ends_with(&format!("/{attempt}")))
                });
            slot.started = before.and_then(|status| status.started).unwrap_or(false);
            slot.ready = before.is_some_and(|status| status.ready);
            slot.now = Now::Running { attempt, running };
        }
        Found::Exited { attempt, exit } if start.sandbox == sandbox.number => {
            slot.now = Now::Exited {
                attempt,
                exit,
                wait_seconds: start.next_wait_seconds,
            };
        }
        // It belongs to an earlier life of the Pod: it starts afresh, but is remembered.
        Found::Exited { attempt, exit } => slot.last = Some((attempt, exit)),
        Found::Nothing => {}
    }
    slot
}
