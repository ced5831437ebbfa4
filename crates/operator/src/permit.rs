//! The permit: one operator acts, the others wait.
//!
//! What it does: holds a Lease (`coordination.k8s.io/v1`) and tells until when we may act. What it reads: the Lease and
//! tokio's clock; never the times written by another operator, whose clock may be wrong.
//!
//! Invariants: a permit ends a margin before anybody else may take the Lease; it counts from *before* the request that
//! renewed it; somebody else's Lease is taken only after it was seen unchanged for its whole duration. A Lease that
//! carries our own identity is ours at once: a restarted operator does not wait for its predecessor, so no two
//! operators that run at the same time may share an identity.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use model::observed::claim;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, later};
use crate::error::{Chain, Error};

/// How long a Lease holds after its last renewal.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed: three tries fit before the margin.
const RENEW_PERIOD: Duration = Duration::from_secs(4);
/// How long before the end of the Lease the permit ends: one step must fit, and then some.
const MARGIN: Duration = Duration::from_secs(3);
/// How often the Lease of somebody else is looked at.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// Which Lease, and who we are.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Our identity: the Pod's name, or the name of the local home.
    pub identity: String,
}

/// Until when we may act; copies see every renewal.
#[derive(Debug, Clone)]
pub struct Permit {
    clock: Clock,
    state: watch::Receiver<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// While this instant has not passed we may act.
    until: Option<Instant>,
    holder: String,
}

impl Permit {
    /// Whether we may act now.
    pub fn held(&self) -> bool {
        self.state
            .borrow()
            .until
            .is_some_and(|until| Instant::now() < until)
    }

    /// As it goes into an observation.
    pub fn observed(&self) -> claim::Permit {
        let state = self.state.borrow();
        let now = self.clock.now();
        let until = state.until.map_or(now, |until| {
            later(now, until.saturating_duration_since(Instant::now()))
        });
        claim::Permit {
            held: until > now,
            holder: state.holder.clone(),
            until,
        }
    }

    /// Waits until it is held, or whatever ends the renewal.
    pub async fn acquired(&mut self) {
        while !self.held() {
            if self.state.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Waits until it is no longer held.
    pub async fn lost(&mut self) {
        loop {
            let until = self.state.borrow_and_update().until;
            let Some(until) = until else { return };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {
                    if !self.held() {
                        return;
                    }
                }
                changed = self.state.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Makes a permit and the task that keeps it; the task ends with `stop` and then gives the Lease back.
pub fn keep(
    client: kube::Client,
    settings: LeaseSettings,
    clock: Clock,
    stop: CancellationToken,
) -> (Permit, impl Future<Output = ()> + Send) {
    let (sender, state) = watch::channel(State::default());
    let permit = Permit { clock, state };
    let keeper = Keeper {
        api: Api::namespaced(client, &settings.namespace),
        settings,
        clock,
        sender,
        seen: None,
    };
    (permit, keeper.run(stop))
}

struct Keeper {
    api: Api<Lease>,
    settings: LeaseSettings,
    clock: Clock,
    sender: watch::Sender<State>,
    /// Somebody else's Lease: its resourceVersion and since when it has not changed.
    seen: Option<(String, Instant)>,
}

impl Keeper {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            // A renewal that hangs must not outlive the Lease it would renew.
            let round = tokio::time::timeout(RENEW_PERIOD, self.round());
            let outcome = tokio::select! {
                outcome = round => outcome,
                () = stop.cancelled() => break,
            };
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(lease = %self.settings.name, error = %Chain(&error), "cannot renew the leader's lease");
                }
                Err(_) => {
                    tracing::warn!(lease = %self.settings.name, "renewing the leader's lease took too long");
                }
            }
            let held = self
                .sender
                .borrow()
                .until
                .is_some_and(|until| Instant::now() < until);
            let period = if held { RENEW_PERIOD } else { RETRY_PERIOD };
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                () = stop.cancelled() => break,
            }
        }
        self.release().await;
    }

    /// One look at the Lease, and one write if it is ours or free.
    async fn round(&mut self) -> Result<(), Error> {
        let asked = Instant::now();
        let object = format!("Lease {}/{}", self.settings.namespace, self.settings.name);
        let current = self
            .api
            .get_opt(&self.settings.name)
            .await
            .map_err(|source| Error::kubernetes("read", &object, source))?;
        let Some(current) = current else {
            let fresh = Lease {
                metadata: ObjectMeta {
                    name: Some(self.settings.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.spec(None, 0)),
            };
            let created = self
                .api
                .create(&PostParams::default(), &fresh)
                .await
                .map_err(|source| Error::kubernetes("create", &object, source))?;
            self.acquired(asked, &created);
            return Ok(());
        };
        let spec = current.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if holder != self.settings.identity && !holder.is_empty() && !self.expired(&current, &spec)
        {
            self.sender.send_if_modified(|state| {
                let changed = state.holder != holder || state.until.is_some();
                *state = State {
                    until: None,
                    holder,
                };
                changed
            });
            return Ok(());
        }
        let ours = holder == self.settings.identity;
        let transitions = spec
            .lease_transitions
            .unwrap_or(0)
            .saturating_add(i32::from(!ours));
        let mut next = current;
        next.spec = Some(self.spec(spec.acquire_time.filter(|_| ours), transitions));
        // `metadata.resourceVersion` is still in it: whoever writes second gets a conflict.
        let written = self
            .api
            .replace(&self.settings.name, &PostParams::default(), &next)
            .await
            .map_err(|source| Error::kubernetes("renew", &object, source))?;
        self.acquired(asked, &written);
        Ok(())
    }

    fn acquired(&mut self, asked: Instant, lease: &Lease) {
        self.seen = None;
        let was_held = self.sender.borrow().until.is_some();
        if !was_held {
            let transitions = lease
                .spec
                .as_ref()
                .and_then(|spec| spec.lease_transitions)
                .unwrap_or_default();
            tracing::info!(lease = %self.settings.name, identity = %self.settings.identity, transitions, "leading");
        }
        let until = asked + LEASE_DURATION - MARGIN;
        self.sender.send_replace(State {
            until: Some(until),
            holder: self.settings.identity.clone(),
        });
    }

    /// Whether somebody else's Lease was seen unchanged for its whole duration.
    fn expired(&mut self, lease: &Lease, spec: &LeaseSpec) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let duration = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        match &self.seen {
            Some((seen, since)) if *seen == version => {
                since.elapsed() >= Duration::from_secs(duration)
            }
            _ => {
                self.seen = Some((version, Instant::now()));
                false
            }
        }
    }

    fn spec(&self, acquired: Option<MicroTime>, transitions: i32) -> LeaseSpec {
        let now = MicroTime(to_micros(self.clock.now()));
        LeaseSpec {
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            lease_transitions: Some(transitions),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }
    }

    /// Gives the Lease back, so that the next one need not wait; a failure costs only that wait.
    async fn release(&mut self) {
        let held = self
            .sender
            .borrow()
            .until
            .is_some_and(|until| Instant::now() < until);
        self.sender.send_replace(State::default());
        if !held {
            return;
        }
        let give_back = async {
            let mut lease = self.api.get(&self.settings.name).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(self.settings.identity.as_str()) {
                spec.holder_identity = Some(String::new());
                self.api
                    .replace(&self.settings.name, &PostParams::default(), &lease)
                    .await?;
            }
            Ok::<_, kube::Error>(())
        };
        match tokio::time::timeout(Duration::from_secs(2), give_back).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "could not give the leader's lease back");
            }
            Err(_) => tracing::debug!("could not give the leader's lease back in time"),
        }
    }
}

/// `MicroTime` is written with six digits; what is compared later must be cut as well.
fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
