//! Events, said once: the same event again raises the count of the first, and a flood of one kind is cut off.
//!
//! Reporting never holds anything up: events go through a bounded queue, and what does not fit is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;

/// How many events may wait to be written.
const QUEUE: usize = 256;
/// How many different events are remembered for counting.
const REMEMBERED: usize = 1024;
/// An object may cause this many events at once, and one more every five minutes, as with the kubelet.
const BURST: f64 = 25.0;
const REFILL_PER_SECOND: f64 = 1.0 / 300.0;

/// Whether an event is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

/// Something that happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Happening {
    namespace: String,
    kind: String,
    name: String,
    uid: String,
    field_path: Option<String>,
    severity: Severity,
    reason: &'static str,
    message: String,
}

/// Where events are told.
#[derive(Debug, Clone)]
pub(crate) struct Events(mpsc::Sender<(ObjectReference, Happening)>);

impl Events {
    /// Starts writing events; the work ends when the last `Events` is dropped.
    pub(crate) fn start(client: Client, host: String) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), write_all(client, host, receiver))
    }

    /// Tells that something happened to `object`.
    pub(crate) fn tell(
        &self,
        object: &ObjectReference,
        severity: Severity,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let mut message = message.into();
        // The API server refuses longer ones.
        if message.len() > 1024 {
            let end = (0..=1021)
                .rev()
                .find(|end| message.is_char_boundary(*end))
                .unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        let happening = Happening {
            // Events of objects without a namespace are kept in "default".
            namespace: object
                .namespace
                .clone()
                .unwrap_or_else(|| "default".to_owned()),
            kind: object.kind.clone().unwrap_or_default(),
            name: object.name.clone().unwrap_or_default(),
            uid: object.uid.clone().unwrap_or_default(),
            field_path: object.field_path.clone(),
            severity,
            reason,
            message,
        };
        tracing::debug!(object = %happening.name, reason, message = %happening.message, "event");
        let _ = self.0.try_send((object.clone(), happening));
    }

    pub(crate) fn normal(
        &self,
        object: &ObjectReference,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.tell(object, Severity::Normal, reason, message);
    }

    pub(crate) fn warn(
        &self,
        object: &ObjectReference,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.tell(object, Severity::Warning, reason, message);
    }
}

/// What was written already.
struct Written {
    name: String,
    count: i32,
    order: u64,
}

/// How many more events an object may cause.
struct Allowance {
    left: f64,
    at: Timestamp,
}

async fn write_all(
    client: Client,
    host: String,
    mut receiver: mpsc::Receiver<(ObjectReference, Happening)>,
) {
    let mut written: BTreeMap<Happening, Written> = BTreeMap::new();
    let mut allowances: BTreeMap<String, Allowance> = BTreeMap::new();
    let mut order = 0;
    while let Some((object, happening)) = receiver.recv().await {
        let now = Timestamp::now();
        if allowances.len() > REMEMBERED {
            allowances.clear();
        }
        if !allowed(
            allowances
                .entry(happening.uid.clone())
                .or_insert(Allowance {
                    left: BURST,
                    at: now,
                }),
            now,
        ) {
            continue;
        }
        let api: Api<Event> = Api::namespaced(client.clone(), &happening.namespace);
        order += 1;
        // An API server that does not answer must not make the queue useless.
        let wrote = tokio::time::timeout(Duration::from_secs(10), async {
            if let Some(previous) = written.get_mut(&happening) {
                previous.count += 1;
                previous.order = order;
                let patch = json!({"count": previous.count, "lastTimestamp": Time(seconds(now))});
                if api
                    .patch(
                        &previous.name,
                        &PatchParams::default(),
                        &Patch::Merge(patch),
                    )
                    .await
                    .is_ok()
                {
                    return None;
                }
            }
            let event = new_event(&object, &happening, &host, now);
            api.create(&PostParams::default(), &event)
                .await
                .ok()?
                .metadata
                .name
        })
        .await;
        if let Ok(Some(name)) = wrote {
            written.insert(
                happening,
                Written {
                    name,
                    count: 1,
                    order,
                },
            );
        }
        if written.len() > REMEMBERED {
            let oldest = written
                .iter()
                .min_by_key(|(_, written)| written.order)
                .map(|(happening, _)| happening.clone());
            oldest.and_then(|oldest| written.remove(&oldest));
        }
    }
}

fn allowed(allowance: &mut Allowance, now: Timestamp) -> bool {
    let passed = now.duration_since(allowance.at).as_secs_f64().max(0.0);
    allowance.left = (allowance.left + passed * REFILL_PER_SECOND).min(BURST);
    allowance.at = now;
    let allowed = allowance.left >= 1.0;
    if allowed {
        allowance.left -= 1.0;
    }
    allowed
}

fn new_event(object: &ObjectReference, happening: &Happening, host: &str, now: Timestamp) -> Event {
    let time = Time(seconds(now));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:016x}", happening.name, rand::random::<u64>())),
            namespace: Some(happening.namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: object.clone(),
        type_: Some(match happening.severity {
            Severity::Normal => "Normal".to_owned(),
            Severity::Warning => "Warning".to_owned(),
        }),
        reason: Some(happening.reason.to_owned()),
        message: Some(happening.message.clone()),
        source: Some(EventSource {
            component: Some("klamm-node-agent".to_owned()),
            host: Some(host.to_owned()),
        }),
        reporting_component: Some("klamm-node-agent".to_owned()),
        reporting_instance: Some(host.to_owned()),
        count: Some(1),
        first_timestamp: Some(time.clone()),
        last_timestamp: Some(time),
        ..Event::default()
    }
}

/// Kubernetes keeps times to the second.
pub(crate) fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
