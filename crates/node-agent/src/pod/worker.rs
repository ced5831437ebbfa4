//! The life of one Pod on this node, from the first look until nothing of it is left.
//!
//! Reads: the Pod object (as news), its files and processes, what its volumes and variables refer to.
//! Invariants: one worker per Pod; it never blocks on a container (launching takes milliseconds; stopping, probing and
//! waiting are tasks whose results come back as news); every look ends with the status told if it changed.

mod begin;
mod ending;
mod ground;
mod mount;
mod slot;
mod tell;
mod watch;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ObjectReference, Pod, PodStatus};
use kube::ResourceExt as _;
use tokio::sync::{Notify, mpsc};

use self::ground::Ground;
use self::slot::{Now, Slot};
use super::plan::{Look, Plan, Role, Seen, State, plan};
use super::probe::Verdict;
use super::sandbox::{PodDir, Sandbox};
use crate::container::attempt::Exit;
use crate::context::{Context, pod_reference};
use crate::sources::PodSources;
use crate::volumes::{Mounted, Tokens};

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
    complaint: mount::Complaint,
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
    let mut worker = {
        let (mut pod, mut news) = (pod, news);
        let Some(ground) = ground::reach(&context, &mut pod, &mut news).await else {
            return;
        };
        Worker::new(context, pod, ground, post, news)
    };
    worker.live().await;
}

impl Worker {
    fn new(
        context: Arc<Context>,
        pod: Arc<Pod>,
        ground: Ground,
        post: mpsc::UnboundedSender<News>,
        news: mpsc::UnboundedReceiver<News>,
    ) -> Self {
        let Ground {
            dir,
            sandbox,
            ip,
            slots,
        } = ground;
        let spec = pod.spec.clone().unwrap_or_default();
        let rejected = mount::unsupported(&spec).map(|why| ("UnsupportedPodSpec".to_owned(), why));
        let mut worker = Self {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            context,
            pod,
            ip,
            dir,
            sandbox,
            slots,
            mounted: None,
            complaint: mount::Complaint::default(),
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
        worker
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
            let Some(at) = wake_at else {
                return std::future::pending().await;
            };
            let left = at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
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
