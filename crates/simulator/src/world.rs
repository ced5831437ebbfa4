//! The simulated world as a whole, and how it goes on.
//!
//! Everything is deterministic: time is virtual, what is drawn is counted, maps are sorted. A run with the same script
//! and the same faults gives the same bytes.

use jiff::{SignedDuration, Timestamp};
use planner::{Outcome, Plan, Purpose, StepEnd, StepResult};
use serde_json::json;

use crate::api::Api;
use crate::disk::Disks;
use crate::execute::{self, Fault, Went};
use crate::kafka::Kafka;
use crate::kubelet::{Kubelet, RunState};
use crate::observe;

/// How far virtual time goes between two looks at what happened.
const TICK: SignedDuration = SignedDuration::from_millis(500);
/// How long an operator takes to come back after it died.
const REBIRTH: SignedDuration = SignedDuration::from_secs(3);

/// The world.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own that a story throws"
)]
pub struct Sim {
    /// Virtual time.
    pub now: Timestamp,
    /// Name of the Kafka.
    pub cluster: String,
    /// Kubernetes' objects.
    pub api: Api,
    /// Pods as processes.
    pub kubelet: Kubelet,
    /// Disks.
    pub disks: Disks,
    /// Kafka.
    pub kafka: Kafka,
    /// Settings of the operator.
    pub settings: planner::Settings,
    /// Whether Kafka is out of the operator's reach.
    pub kafka_hidden: bool,
    /// Whether load balancers have addresses.
    pub balanced: bool,
    /// Whether the namespace is being deleted.
    pub namespace_going: bool,
    /// Who holds the permit to act.
    pub permit_holder: String,
    /// What must never happen and did.
    pub violations: Vec<String>,
    /// Steps carried out, in words.
    pub done: Vec<String>,
    /// Writes of the operator so far.
    pub writes: u32,
    /// What goes wrong at which write.
    pub fault: Option<(u32, Fault)>,
    /// In what order ready steps are run, and which are left out.
    pub order: Order,
    /// Views from the past: how many looks an operator lags behind.
    pub stale: usize,
    /// Whether a second operator acts on plans that are one look old.
    pub rival: bool,
    rival_plan: Option<Plan>,
    past: Vec<Api>,
    draws: u64,
    dead_until: Option<Timestamp>,
    next_look: Timestamp,
    seen: u64,
    /// Looks so far.
    pub looks: u32,
}

/// In what order ready steps are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the plan lists them.
    Listed,
    /// Some of them, in an order that follows from this number.
    Shuffled(u64),
}

impl Sim {
    /// An empty world.
    pub fn new(cluster: &str) -> Self {
        let start: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a valid time");
        Self {
            now: start,
            cluster: cluster.to_owned(),
            api: Api::default(),
            kubelet: Kubelet::default(),
            disks: Disks::default(),
            kafka: Kafka::default(),
            settings: planner::Settings {
                claim: "klamm".to_owned(),
                version: "1.0.0".to_owned(),
                render: manifests::Settings::default(),
            },
            kafka_hidden: false,
            balanced: false,
            namespace_going: false,
            permit_holder: "one".to_owned(),
            violations: Vec::new(),
            done: Vec::new(),
            writes: 0,
            fault: None,
            order: Order::Listed,
            stale: 0,
            rival: false,
            rival_plan: None,
            past: Vec::new(),
            draws: 0,
            dead_until: None,
            next_look: start,
            seen: u64::MAX,
            looks: 0,
        }
    }

    /// Something that would be random: a counted id of 22 characters.
    pub fn draw(&mut self, kind: char) -> String {
        self.draws += 1;
        format!("{kind}{:021}", self.draws)
    }

    /// What goes wrong at the write that begins now.
    pub fn next_fault(&mut self) -> Option<Fault> {
        self.writes += 1;
        match self.fault {
            Some((at, fault)) if at == self.writes => Some(fault),
            Some(_) | None => None,
        }
    }

    /// Lets everything but the operator go on by one tick.
    pub fn tick(&mut self) {
        self.now += TICK;
        self.api.collect_garbage();
        self.kubelet.tick(self.now, &mut self.api, &mut self.disks);
        let processes: Vec<_> = self
            .kubelet
            .processes(self.now)
            .into_iter()
            .map(|(_, p)| p)
            .collect();
        let before = (self.kafka.leader(), self.kafka.brokers.len());
        let wrong = self.kafka.tick(self.now, &processes, &mut self.disks);
        self.violations.extend(wrong);
        if before != (self.kafka.leader(), self.kafka.brokers.len()) {
            self.next_look = self.next_look.min(self.now);
        }
        self.probe();
    }

    /// Readiness probes.
    fn probe(&mut self) {
        let quorum = self.kafka.quorum.clone();
        let brokers = self.kafka.brokers.clone();
        let now = self.now;
        let mut changed = false;
        for run in self.kubelet.pods.values_mut() {
            if let RunState::Running {
                process,
                answers,
                ready,
            } = &mut run.state
            {
                let led = quorum
                    .as_ref()
                    .is_some_and(|quorum| quorum.leader.is_some());
                let broker =
                    !process.broker || brokers.get(&process.node).is_some_and(|b| !b.fenced);
                let is = now >= *answers && led && broker;
                changed |= is != *ready;
                *ready = is;
            }
        }
        if changed {
            self.next_look = self.next_look.min(now);
        }
    }

    /// One look of the operator, whatever the time; `None` where there is no Kafka.
    pub fn look(&mut self) -> Option<Plan> {
        self.look_as("one")
    }

    /// One look of an operator of this name.
    pub fn look_as(&mut self, holder: &str) -> Option<Plan> {
        self.looks += 1;
        let input = if self.stale == 0 {
            self.past.clear();
            self.seen = self.api.version();
            observe::look(self, &self.api, holder)
        } else {
            let api = self.past_api();
            self.seen = api.version();
            observe::look(self, &api, holder)
        };
        let Some(input) = input else {
            self.next_look = self.now + SignedDuration::from_secs(30);
            return None;
        };
        let plan = planner::plan(&input);
        let Some(outcome) = self.execute(&plan) else {
            self.dead_until = Some(self.now + REBIRTH);
            self.rival_plan = None;
            return Some(plan);
        };
        if self.rival {
            // Another operator that still believes in itself carries out what it planned a look ago.
            if let Some(old) = self.rival_plan.replace(plan.clone()) {
                let _ = self.execute(&old);
            }
        }
        let status = planner::status(&input, &plan, &outcome);
        if holder == self.permit_holder {
            execute::tell(self, &input, &status);
        }
        let after = i64::try_from(plan.next_look.after_ms).unwrap_or(i64::MAX);
        self.next_look = self.now + SignedDuration::from_millis(after);
        self.check_plan(&plan);
        Some(plan)
    }

    /// The plan of a look now, without carrying anything out.
    pub fn plan(&self) -> Option<Plan> {
        observe::look(self, &self.api, "one").map(|input| planner::plan(&input))
    }

    /// Lets the world go on until the operator has nothing to do any more and nothing changes; the error says that it
    /// took too long.
    pub fn settle(&mut self) -> Result<(), String> {
        /// Longest time to settle: 5 min of ticks.
        const MOST_TICKS: u32 = 5 * 60 * 2;
        /// As long as it must be quiet: longer than any boot.
        const QUIET_TICKS: u32 = 80;
        let mut quiet = 0;
        let mut last = self.fingerprint();
        for _ in 0..MOST_TICKS {
            self.tick();
            self.maybe_look();
            let now = self.fingerprint();
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
            if quiet >= QUIET_TICKS {
                return Ok(());
            }
        }
        let plan = self.plan().map(|plan| plan.to_string()).unwrap_or_default();
        Err(format!("not settled after 5 min of virtual time\n{plan}"))
    }

    /// A look, if something changed or its time has come, and the operator lives.
    pub fn maybe_look(&mut self) {
        if self.dead_until.is_some_and(|until| self.now < until) {
            return;
        }
        self.dead_until = None;
        if self.seen != self.api.version() || self.now >= self.next_look {
            self.look();
        }
    }

    /// Whether the quorum has a majority of live voters without this one.
    pub fn majority_without(&self, node: i32) -> bool {
        let Some(quorum) = self
            .kafka
            .quorum
            .as_ref()
            .filter(|quorum| quorum.leader.is_some())
        else {
            return false;
        };
        let others: Vec<_> = quorum
            .voters
            .iter()
            .filter(|(id, _)| **id != node)
            .collect();
        let processes = self.kubelet.processes(self.now);
        let alive = others.iter().filter(|(id, directory)| {
            processes.iter().any(|(_, process)| {
                process.node == **id
                    && self
                        .disks
                        .content(&process.metadata_disk)
                        .is_some_and(|c| c.directory == **directory)
            })
        });
        alive.count() > others.len() / 2
    }

    /// Notes what a deletion by the operator destroys.
    pub fn note_deletion(&mut self, kind: &str, name: &str) {
        if kind != "Pod" {
            self.violations
                .push(format!("the operator deleted {kind} {name}"));
            return;
        }
        let uid = self
            .api
            .get("Pod", name)
            .and_then(|pod| pod["metadata"]["uid"].as_str());
        let run = uid.and_then(|uid| self.kubelet.pods.get(uid));
        let serves =
            run.is_some_and(|run| matches!(run.state, RunState::Running { ready: true, .. }));
        let leads = self.kafka.leader().is_some();
        if serves && leads {
            self.violations
                .push(format!("the operator deleted Pod {name}, which serves"));
        }
    }

    /// Notes a removal from the quorum that takes its majority away.
    pub fn note_removal(&mut self, node: i32) {
        if !self.majority_without(node) {
            self.violations.push(format!(
                "the operator removed voter {node}, without whom there is no majority"
            ));
        }
    }

    /// What stays the same when nothing happens: objects and quorum, without what counts on.
    pub fn fingerprint(&self) -> String {
        let quorum = self
            .kafka
            .quorum
            .as_ref()
            .map(|quorum| (quorum.leader, quorum.voters.clone()));
        let fenced: Vec<_> = self
            .kafka
            .brokers
            .iter()
            .map(|(id, broker)| (*id, broker.fenced))
            .collect();
        let running: Vec<_> = self
            .kubelet
            .pods
            .values()
            .map(|run| {
                (
                    run.name.clone(),
                    matches!(run.state, RunState::Running { .. }),
                )
            })
            .collect();
        format!("{} {quorum:?} {fenced:?} {running:?}", self.api.version())
    }

    /// Kubernetes as it was some looks ago.
    fn past_api(&mut self) -> Api {
        self.past.push(self.api.clone());
        let excess = self.past.len().saturating_sub(self.stale + 1);
        self.past.drain(..excess);
        self.past
            .first()
            .cloned()
            .unwrap_or_else(|| self.api.clone())
    }

    /// Runs the ready steps; `None` where the operator died.
    fn execute(&mut self, plan: &Plan) -> Option<Outcome> {
        let mut steps: Vec<_> = plan.ready().cloned().collect();
        if let Order::Shuffled(seed) = self.order {
            steps = shuffled(steps, seed.wrapping_add(u64::from(self.looks)));
        }
        let mut outcome = Outcome::default();
        for step in steps {
            let end = match execute::run(self, &step) {
                Went::Crashed => return None,
                Went::End(end) => end,
            };
            if end == StepEnd::Done {
                self.done.push(format!(
                    "{} {}: {}",
                    step.verb.as_str(),
                    step.subject,
                    step.reason
                ));
            }
            outcome.results.push(StepResult { id: step.id, end });
        }
        Some(outcome)
    }

    /// What every plan must satisfy.
    fn check_plan(&mut self, plan: &Plan) {
        let stands_back = matches!(
            plan.purpose,
            Purpose::NotOurs | Purpose::Paused | Purpose::Deleting
        );
        if stands_back && plan.ready().next().is_some() {
            self.violations
                .push("a plan that stands back has steps to run".to_owned());
        }
        let mut ids: Vec<&str> = plan.steps().map(|step| step.id.as_str()).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        if ids.len() != count {
            self.violations
                .push("two steps have the same id".to_owned());
        }
        if plan.ready().any(|step| step.action.is_none()) {
            self.violations
                .push("a ready step has nothing to do".to_owned());
        }
    }

    /// Makes a plan resource, so that overrides can be said.
    pub fn make_plan_resource(&mut self) {
        let object = json!({
            "apiVersion": "klamm.dev/v1alpha1", "kind": "KafkaPlan",
            "metadata": { "name": self.cluster, "namespace": "kafka" },
            "spec": { "cluster": self.cluster },
        });
        // It may be there already.
        let _ = self.api.create(&object);
    }
}

/// Some of the steps, in some order.
fn shuffled<T>(mut steps: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    for index in (1..steps.len()).rev() {
        let other =
            usize::try_from(next(&mut state) % u64::try_from(index + 1).unwrap_or(1)).unwrap_or(0);
        steps.swap(index, other);
    }
    let keep = usize::try_from(next(&mut state)).unwrap_or(0) % (steps.len() + 1);
    steps.truncate(keep.max(1));
    steps
}

/// `SplitMix64`: numbers that look random and follow from a seed.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
