//! Waiting until clusters are Ready and as they are asked to be, saying what is going on meanwhile.
//!
//! Reads Kafka, its pools, `KafkaPlan` and Pods a few times a second and tells each change once: there is no need to be
//! clever, and a person who waits wants to see why. How a cluster stands: `wait/standing.rs`; how a Pod: `wait/pod.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use model::desired::parse::CLUSTER_LABEL;
use resources::{Kafka, KafkaNodePool, KafkaPlan};

use crate::output;

pub(crate) mod pod;
mod standing;

pub(crate) use standing::Standing;

/// How often to look.
const PERIOD: Duration = Duration::from_millis(150);

/// Namespace and name of a Kafka.
pub(crate) type Key = (String, String);

/// What came of waiting.
pub(crate) struct Waited {
    /// Why each cluster that is not Ready, or not as it is asked to be, is not, in words; empty when all are.
    pub(crate) waiting: Vec<(Key, String)>,
    /// Clusters that serve, but for a change that does not come into force by itself, and why not.
    pub(crate) held_up: Vec<(Key, String)>,
    /// How long it was waited.
    pub(crate) seconds: f64,
}

/// A cluster that needs somebody to do something is given up after this: its status may be that of a moment ago.
const STALLED_FOR: Duration = Duration::from_secs(5);

/// Waits until all are Ready and as they are asked to be, or each that is not needs somebody to do something, or for `timeout`.
pub(crate) async fn until_ready(
    client: &Client,
    clusters: &[Key],
    timeout: Duration,
) -> Result<Waited> {
    let started = Instant::now();
    let several = clusters
        .iter()
        .any(|(namespace, _)| *namespace != clusters[0].0);
    let mut told = Told::new(started, several);
    let mut stalled_since = None;
    loop {
        let mut waiting = Vec::new();
        let mut all_stalled = true;
        for key in clusters {
            if let Some(lack) = look(client, key, &mut told).await {
                all_stalled &= lack.stalled;
                waiting.push((key.clone(), lack));
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
            let (held_up, waiting): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, lack)| lack.serves);
            let reasons = |lacks: Vec<(Key, Lack)>| {
                let lacks = lacks.into_iter();
                lacks.map(|(key, lack)| (key, lack.reason)).collect()
            };
            return Ok(Waited {
                waiting: reasons(waiting),
                held_up: reasons(held_up),
                seconds: started.elapsed().as_secs_f64(),
            });
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// What a cluster lacks.
struct Lack {
    /// Why, and what its Pods end of.
    reason: String,
    /// It will not get it by itself.
    stalled: bool,
    /// It serves, and what is left is told as a warning.
    serves: bool,
}

/// Tells what changed; returns what the cluster lacks.
async fn look(client: &Client, (namespace, name): &Key, told: &mut Told) -> Option<Lack> {
    let unknown = |error: kube::Error| {
        Some(Lack {
            reason: error.to_string(),
            stalled: false,
            serves: false,
        })
    };
    // Before the Kafka, whose status is told first: what is seen here counts for what it says.
    let pools: Api<KafkaNodePool> = Api::namespaced(client.clone(), namespace);
    let selector = ListParams::default().labels(&format!("{CLUSTER_LABEL}={name}"));
    let pools = match pools.list(&selector).await {
        Ok(pools) => pools.items,
        Err(error) => return unknown(error),
    };
    let kafkas: Api<Kafka> = Api::namespaced(client.clone(), namespace);
    let kafka = match kafkas.get(name).await {
        Ok(kafka) => kafka,
        Err(error) => return unknown(error),
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let selector =
        ListParams::default().labels(&format!("strimzi.io/cluster={name},strimzi.io/kind=Kafka"));
    // After a start a status may still be that of before: it counts together with the Pods.
    let mut behind = None;
    let mut ends = Vec::new();
    let place = told.place(namespace);
    let pods = match pods.list(&selector).await {
        Ok(pods) => pods,
        Err(error) => return unknown(error),
    };
    for pod in pods {
        let (name, state) = (pod.name_any(), pod::describe(&pod));
        told.tell(&format!("{place}{name}"), &state);
        if !pod::is_ready(&pod) {
            ends.extend(pod::last_end(&pod).map(|end| format!("Pod {name} {end}")));
            behind.get_or_insert(format!("Pod {name}: {state}"));
        }
    }
    let plans: Api<KafkaPlan> = Api::namespaced(client.clone(), namespace);
    let plan = plans.get_opt(name).await.ok().flatten();
    for (step, state) in plan.iter().flat_map(crate::plan::progress) {
        told.tell(&format!("{place}{name}: {step}"), &state);
    }
    let standing = match (Standing::of(&kafka, plan.as_ref()), behind) {
        (Standing::NotReady(reason), _) => {
            Standing::NotReady(crate::plan::problem_lines(plan.as_ref(), &reason).unwrap_or(reason))
        }
        (_, Some(reason)) => Standing::NotReady(reason),
        (Standing::Settled, None) => {
            standing::unseen_pool(&pools).map_or(Standing::Settled, Standing::UnderWay)
        }
        (standing, None) => standing,
    };
    told.tell(&format!("{place}kafka/{name}"), &standing.to_string());
    for warning in warnings(&kafka) {
        let what = format!("{place}kafka/{name} warning {}", warning.0);
        told.tell_once(&what, &warning.1);
    }
    match standing {
        Standing::Settled => None,
        Standing::UnderWay(what) => Some(Lack {
            reason: format!("under way: {what}"),
            stalled: false,
            serves: false,
        }),
        Standing::HeldUp(reason) => Some(Lack {
            reason,
            stalled: true,
            serves: true,
        }),
        Standing::NotReady(reason) => Some(Lack {
            reason: with_ends(&reason, &ends),
            stalled: standing::is_stalled(&kafka),
            serves: false,
        }),
    }
}

/// A reason, with what Pods ended of where it does not say so itself; each of these on a line of its own.
fn with_ends(reason: &str, ends: &[String]) -> String {
    ends.iter()
        .filter(|end| {
            let said = end.split_once(": ").map_or(end.as_str(), |(_, said)| said);
            !reason.contains(said)
        })
        .fold(reason.to_owned(), |text, end| format!("{text}\n  {end}"))
}

/// A reason in a word, with its sentence where there is one.
fn with_message(reason: &str, message: Option<&str>) -> String {
    match message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
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

/// What was told already, so that only changes are.
struct Told {
    since: Instant,
    last: BTreeMap<String, String>,
    once: BTreeSet<(String, String)>,
    /// Whether clusters of several namespaces are told of.
    several: bool,
}

impl Told {
    fn new(since: Instant, several: bool) -> Self {
        Self {
            since,
            several,
            last: BTreeMap::new(),
            once: BTreeSet::new(),
        }
    }

    /// What stands before a name, so that those of the same name are told apart.
    fn place(&self, namespace: &str) -> String {
        if self.several {
            format!("{namespace}  ")
        } else {
            String::new()
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

#[cfg(test)]
mod tests;
