//! Waiting until clusters are Ready, saying what is going on meanwhile.
//!
//! Reads Kafka, `KafkaPlan` and Pods a few times a second and tells each change once: there is no need to be clever,
//! and a person who waits wants to see why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use resources::{Kafka, KafkaPlan};

use crate::output;

/// How often to look.
const PERIOD: Duration = Duration::from_millis(150);

/// Namespace and name of a Kafka.
pub(crate) type Key = (String, String);

/// What came of waiting.
pub(crate) struct Waited {
    /// Why each cluster that is not Ready is not, in words; empty when all are.
    pub(crate) waiting: Vec<(Key, String)>,
    /// How long it was waited.
    pub(crate) seconds: f64,
}

/// A cluster that needs somebody to do something is given up after this: its status may be that of a moment ago.
const STALLED_FOR: Duration = Duration::from_secs(5);

/// Waits until all are Ready, or each that is not needs somebody to do something, or for `timeout`.
pub(crate) async fn until_ready(
    client: &Client,
    clusters: &[Key],
    timeout: Duration,
) -> Result<Waited> {
    let started = Instant::now();
    let mut told = Told::new(started);
    let mut stalled_since = None;
    loop {
        let mut waiting = Vec::new();
        let mut all_stalled = true;
        for key in clusters {
            if let Some(Lack { reason, stalled }) = look(client, key, &mut told).await {
                all_stalled &= stalled;
                waiting.push((key.clone(), reason));
            }
        }
        let now = Instant::now();
        if all_stalled {
            stalled_since.get_or_insert(now);
        } else {
            stalled_since = None;
        }
        let given_up = stalled_since.is_some_and(|since| now - since >= STALLED_FOR);
        if waiting.is_empty() || given_up || started.elapsed() >= timeout {
            return Ok(Waited {
                waiting,
                seconds: started.elapsed().as_secs_f64(),
            });
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// What a cluster lacks for being Ready.
struct Lack {
    reason: String,
    /// It will not get it by itself.
    stalled: bool,
}

/// Tells what changed; returns why the cluster is not Ready yet.
async fn look(client: &Client, (namespace, name): &Key, told: &mut Told) -> Option<Lack> {
    let kafkas: Api<Kafka> = Api::namespaced(client.clone(), namespace);
    let kafka = match kafkas.get(name).await {
        Ok(kafka) => kafka,
        Err(error) => {
            return Some(Lack {
                reason: error.to_string(),
                stalled: false,
            });
        }
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let selector =
        ListParams::default().labels(&format!("strimzi.io/cluster={name},strimzi.io/kind=Kafka"));
    // After a start a status may still be that of before: it counts together with the Pods.
    let mut behind = None;
    if let Ok(pods) = pods.list(&selector).await {
        for pod in pods {
            let (name, state) = (pod.name_any(), describe_pod(&pod));
            told.tell(&name, &state);
            if !is_ready(&pod) {
                behind.get_or_insert(format!("Pod {name}: {state}"));
            }
        }
    }
    let plans: Api<KafkaPlan> = Api::namespaced(client.clone(), namespace);
    if let Ok(Some(plan)) = plans.get_opt(name).await {
        for (step, state) in crate::plan::progress(&plan) {
            told.tell(&format!("{name}: {step}"), &state);
        }
    }
    let reason = not_ready(&kafka).or(behind);
    told.tell(
        &format!("kafka/{name}"),
        reason.as_deref().unwrap_or("Ready"),
    );
    for warning in warnings(&kafka) {
        told.tell_once(&format!("kafka/{name} warning {}", warning.0), &warning.1);
    }
    let stalled = is_stalled(&kafka);
    reason.map(|reason| Lack { reason, stalled })
}

/// Whether its status, which must be of its latest change, says that it does not become Ready by itself.
fn is_stalled(kafka: &Kafka) -> bool {
    kafka.status.as_ref().is_some_and(|status| {
        status.observed_generation == kafka.metadata.generation
            && status.conditions.iter().flatten().any(|c| {
                c.kind.as_deref() == Some("Stalled") && c.status.as_deref() == Some("True")
            })
    })
}

/// Why a Kafka is not Ready by its status; `None` if it is.
pub(crate) fn not_ready(kafka: &Kafka) -> Option<String> {
    let Some(status) = &kafka.status else {
        return Some("no status yet".to_owned());
    };
    if status.observed_generation != kafka.metadata.generation {
        return Some("its latest change has not been looked at yet".to_owned());
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let is = |kind: &str| {
        conditions
            .iter()
            .find(|c| c.kind.as_deref() == Some(kind) && c.status.as_deref() == Some("True"))
    };
    if is("Ready").is_some() {
        return None;
    }
    if is("ReconciliationPaused").is_some() {
        return Some(
            "paused by annotation strimzi.io/pause-reconciliation: nothing is looked after until it is taken off"
                .to_owned(),
        );
    }
    let why = is("NotReady").or_else(|| {
        conditions
            .iter()
            .find(|c| c.kind.as_deref() == Some("Ready"))
    });
    Some(why.map_or_else(
        || "not Ready yet".to_owned(),
        |condition| {
            let reason = condition.reason.as_deref().unwrap_or("NotReady");
            match condition
                .message
                .as_deref()
                .filter(|message| !message.is_empty())
            {
                Some(message) => format!("{reason}: {message}"),
                None => reason.to_owned(),
            }
        },
    ))
}

/// Reason and message of each Warning.
pub(crate) fn warnings(kafka: &Kafka) -> Vec<(String, String)> {
    let conditions = kafka
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .filter(|condition| condition.kind.as_deref() == Some("Warning"))
        .map(|c| {
            (
                c.reason.clone().unwrap_or_default(),
                c.message.clone().unwrap_or_default(),
            )
        })
        .collect()
}

/// Whether a Pod is Ready and stays.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions
            .into_iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// One line about a Pod: what its container does, and why it does not yet.
pub(crate) fn describe_pod(pod: &Pod) -> String {
    let Some(status) = &pod.status else {
        return "created".to_owned();
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return "stopping".to_owned();
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let address = status.pod_ip.as_deref().unwrap_or("no address yet");
    if is_ready(pod) {
        return format!("Ready at {address}");
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    if let Some(ended) = containers.iter().find_map(describe_end) {
        return ended;
    }
    let init = status
        .init_container_statuses
        .as_deref()
        .unwrap_or_default();
    let waiting = containers
        .iter()
        .chain(init)
        .filter_map(|c| c.state.as_ref()?.waiting.as_ref())
        // That others must come first says least.
        .min_by_key(|waiting| waiting.message.as_deref().unwrap_or_default().is_empty());
    if let Some(waiting) = waiting {
        let reason = waiting.reason.as_deref().unwrap_or("waiting");
        return match waiting
            .message
            .as_deref()
            .filter(|message| !message.is_empty())
        {
            Some(message) => format!("{reason}: {message}"),
            None => reason.to_owned(),
        };
    }
    if containers.iter().any(|c| {
        c.state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    }) {
        return format!("starting at {address}");
    }
    let unscheduled = conditions
        .iter()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False");
    match unscheduled.and_then(|condition| condition.message.as_deref()) {
        Some(message) => format!("not scheduled: {message}"),
        None => status.phase.clone().unwrap_or_else(|| "created".to_owned()),
    }
}

/// A container that ended and is not back: what it said last, rather than that it is tried again.
fn describe_end(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let last = container.last_state.as_ref();
    let (ended, again) = match (&state.terminated, &state.waiting) {
        // An init container that did its work.
        (Some(ended), _) if ended.exit_code == 0 => return None,
        (Some(ended), _) => (ended, ""),
        (None, Some(waiting)) if waiting.reason.as_deref() == Some("CrashLoopBackOff") => {
            (last?.terminated.as_ref()?, "; it is tried again")
        }
        _ => return None,
    };
    let said = ended.message.as_deref().unwrap_or_default().trim();
    let reason = ended.reason.as_deref().unwrap_or("Error");
    let said = if said.is_empty() {
        format!("{reason}, exit code {}", ended.exit_code)
    } else {
        said.to_owned()
    };
    let times = match container.restart_count {
        0 => "once".to_owned(),
        restarts => format!("{} times", restarts + 1),
    };
    Some(format!("ended {times}: {said}{again}"))
}

/// What was told already, so that only changes are.
struct Told {
    since: Instant,
    last: BTreeMap<String, String>,
    once: BTreeSet<(String, String)>,
}

impl Told {
    fn new(since: Instant) -> Self {
        Self {
            since,
            last: BTreeMap::new(),
            once: BTreeSet::new(),
        }
    }

    /// For what may hold several values at a time: each is told the first time it is seen.
    fn tell_once(&mut self, what: &str, state: &str) {
        if self.once.insert((what.to_owned(), state.to_owned())) {
            self.write(what, state);
        }
    }

    fn tell(&mut self, what: &str, state: &str) {
        if self.last.get(what).is_some_and(|last| last == state) {
            return;
        }
        self.last.insert(what.to_owned(), state.to_owned());
        self.write(what, state);
    }

    fn write(&self, what: &str, state: &str) {
        output::progress(&format!(
            "{:6.1} s  {what}  {state}",
            self.since.elapsed().as_secs_f64()
        ));
    }
}
