//! Kubernetes events (`events.k8s.io/v1`): what happened to a cluster, told once.
//!
//! The same thing told again within a while becomes a count on the first event (a series), not another event.
//! Invariants: the memory is bounded; an event that cannot be written is logged and forgotten, it stops nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::clock::later;
use crate::error::Chain;
use crate::hands::Hands;

/// How long after the last time something is told as the same series: as in client-go.
const SERIES_WINDOW: Duration = Duration::from_mins(6);
/// How many different things are remembered per cluster.
const MAX_REMEMBERED: usize = 128;
/// Longest note the API server takes, in bytes.
const MAX_NOTE: usize = 1024;
/// How long one write may take.
const WRITE_BOUND: Duration = Duration::from_secs(5);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Happened {
    /// Whether somebody should look at it.
    pub(crate) warning: bool,
    /// One CamelCase word: why.
    pub(crate) reason: String,
    /// One CamelCase word: what was done.
    pub(crate) action: String,
    /// A sentence.
    pub(crate) note: String,
}

/// What was told lately about one cluster.
#[derive(Debug, Default)]
pub(crate) struct Told {
    series: BTreeMap<Happened, Series>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    count: i32,
    last: Timestamp,
}

/// Tells what happened to `regarding`.
pub(crate) async fn tell(
    hands: &Hands,
    told: &mut Told,
    regarding: &ObjectReference,
    happened: Happened,
) {
    let now = hands.clock.now();
    told.forget(now);
    let namespace = regarding.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(hands.client.clone(), &namespace);
    let written = tokio::time::timeout(
        WRITE_BOUND,
        write(hands, &api, told, regarding, &happened, now),
    )
    .await;
    match written {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(reason = happened.reason, error = %Chain(&error), "cannot write an event");
        }
        Err(_) => tracing::debug!(reason = happened.reason, "writing an event took too long"),
    }
}

async fn write(
    hands: &Hands,
    api: &Api<Event>,
    told: &mut Told,
    regarding: &ObjectReference,
    happened: &Happened,
    now: Timestamp,
) -> Result<(), kube::Error> {
    if let Some(series) = told.series.get_mut(happened) {
        let count = series.count.saturating_add(1);
        let patch = json!({ "series": EventSeries { count, last_observed_time: MicroTime(now) } });
        match api
            .patch(&series.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Ok(_) => {
                series.count = count;
                series.last = now;
                return Ok(());
            }
            // It has expired; tell it anew.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    let name = format!(
        "{}.{:x}",
        regarding.name.as_deref().unwrap_or_default(),
        rand::random::<u64>()
    );
    let Happened {
        warning,
        reason,
        action,
        note,
    } = happened;
    let event = Event {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            ..ObjectMeta::default()
        },
        action: Some(action.clone()),
        event_time: Some(MicroTime(now)),
        note: Some(cut(note, MAX_NOTE)),
        reason: Some(reason.clone()),
        regarding: Some(regarding.clone()),
        reporting_controller: Some("klamm.dev/operator".to_owned()),
        reporting_instance: Some(hands.settings.lease.identity.clone()),
        type_: Some(if *warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    };
    api.create(&PostParams::default(), &event).await?;
    told.series.insert(
        happened.clone(),
        Series {
            name,
            count: 1,
            last: now,
        },
    );
    Ok(())
}

impl Told {
    fn forget(&mut self, now: Timestamp) {
        self.series
            .retain(|_, series| later(series.last, SERIES_WINDOW) > now);
        while self.series.len() >= MAX_REMEMBERED {
            let oldest = self
                .series
                .iter()
                .min_by_key(|(_, series)| series.last)
                .map(|(happened, _)| happened.clone());
            if let Some(oldest) = oldest {
                self.series.remove(&oldest);
            }
        }
    }
}

/// The longest beginning of `text` of at most `most` bytes.
fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
