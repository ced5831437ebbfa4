//! The loop of one Kafka cluster: look → decide → act → tell.
//!
//! What it does: one look at a time, again whenever something changed, when the plan asks for it, and periodically. What
//! it reads: see `observe`. Invariants: every look does all of it, whatever the reason; nothing that matters is
//! remembered between looks (what is kept only saves reads); a look ends the moment its Kafka goes.
//!
//! ```text
//!  observe ─► planner::plan ─► execute ─► planner::status ─► tell ─► when to look again
//! ```

mod desire;
mod execute;
mod observe;
mod pace;
mod references;
mod refusals;
mod tell;

use std::time::Duration;

use futures::FutureExt as _;
use planner::{Input, StepEnd};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::Instrument;

use crate::hands::Hands;
use crate::metrics::ClusterName;
use crate::recorder;
use desire::{Desired, desire};
use observe::{Wanted, observe, read_wanted};
use pace::Pace;
use references::References;
use refusals::Refusals;

/// The Kafka that steps are carried out for.
struct Subject<'a> {
    hands: &'a Hands,
    /// Namespace and name.
    cluster: &'a ClusterName,
    /// Its uid at this look.
    uid: &'a str,
    /// Its resourceVersion at this look.
    resource_version: &'a str,
    /// The id that its Kafka was formatted with, once recorded.
    cluster_id: Option<&'a str>,
    /// Its Kafka.
    kafka: &'a observe::kafka::Connections,
}

impl Subject<'_> {
    fn namespace(&self) -> &str {
        &self.cluster.0
    }

    fn name(&self) -> &str {
        &self.cluster.1
    }
}

/// What is kept between looks at one cluster; all of it can be lost.
#[derive(Debug, Default)]
struct Memory {
    secrets: observe::SecretFacts,
    kafka: observe::kafka::Connections,
    told: tell::Told,
    refusals: Refusals,
}

/// How long after a look its own writes may still come back as news.
const ECHO: Duration = Duration::from_secs(1);

/// When to look again.
enum Next {
    /// After this time, or when something changes.
    After(Duration),
    /// Soon, but more rarely each time: this look could not see, or something it tried failed.
    Failed {
        /// Whether it did something else.
        acted: bool,
    },
    /// Never: the Kafka is gone.
    Gone,
}

/// Looks after one Kafka until it is gone; `news` says that something of it changed.
pub(crate) async fn look_after(hands: &Hands, cluster: &ClusterName, uid: &str, news: &Notify) {
    let mut memory = Memory::default();
    let references = References::new(hands, &cluster.0);
    let mut pace = Pace::new(hands.settings.debounce);
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = news.notified() => {}
            () = references.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
        tokio::time::sleep(pace.before_look()).await;
        let span = tracing::info_span!("look", kind = "Kafka", namespace = %cluster.0, name = %cluster.1, generation = tracing::field::Empty);
        let next = Box::pin(look(hands, &mut memory, &references, cluster, uid))
            .instrument(span)
            .await;
        wait = match next {
            Next::After(duration) => {
                pace.went_well();
                duration.min(hands.settings.look_period)
            }
            Next::Failed { acted } => {
                // What was written before something failed comes back as news; it must not cut the pause short.
                let pause = pace.failed(acted);
                let echo = pause.min(ECHO);
                tokio::time::sleep(echo).await;
                let _ = news.notified().now_or_never();
                pause.saturating_sub(echo)
            }
            Next::Gone => return,
        };
    }
}

async fn look(
    hands: &Hands,
    memory: &mut Memory,
    references: &References,
    cluster: &ClusterName,
    uid: &str,
) -> Next {
    let begun = Instant::now();
    let wanted = match read_wanted(hands, &cluster.0, &cluster.1).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Next::Gone,
        Err(why) => {
            tracing::warn!(%why, "cannot look");
            return Next::Failed { acted: false };
        }
    };
    if wanted.kafka.metadata.uid.as_deref() != Some(uid) {
        // Another of the same name: it has a loop of its own.
        return Next::Gone;
    }
    tracing::Span::current().record("generation", wanted.kafka.metadata.generation);
    let input = see(hands, memory, &wanted).await;
    references.follow(input.desired.as_ref().ok());
    record(hands, cluster, &input);

    let plan = planner::plan(&input);
    tracing::debug!(plan = plan.state().as_str(), "decided");
    let subject = Subject {
        hands,
        cluster,
        uid,
        resource_version: &input.observed.kafka.meta.resource_version,
        cluster_id: input
            .observed
            .brokers
            .value()
            .map(|brokers| brokers.cluster_id.as_str()),
        kafka: &memory.kafka,
    };
    let mut outcome = execute::execute(&subject, &plan).await;
    memory.refusals.settle(&mut outcome);
    let ended =
        |wanted: fn(&StepEnd) -> bool| outcome.results.iter().any(|result| wanted(&result.end));
    let acted = ended(|end| matches!(end, StepEnd::Done));
    let failed = ended(|end| matches!(end, StepEnd::Failed { .. }));
    tell::tell(hands, &mut memory.told, &input, &plan, &outcome, begun).await;
    if failed {
        return Next::Failed { acted };
    }
    // What was done is seen by the next look; not every change comes back as an event.
    Next::After(if acted {
        Duration::ZERO
    } else {
        Duration::from_millis(plan.next_look.after_ms)
    })
}

/// The input of one look: what is wanted, what is seen.
async fn see(hands: &Hands, memory: &mut Memory, wanted: &Wanted) -> Input {
    let pools = wanted.pools.value().map(Vec::as_slice).unwrap_or_default();
    let Desired { cluster, warnings } = desire(&wanted.kafka, pools, &hands.settings.defaults);
    let observed = Box::pin(observe(hands, memory, wanted, cluster.as_ref().ok())).await;
    Input {
        desired: cluster,
        warnings,
        observed,
        now: hands.clock.now(),
        settings: planner::Settings {
            claim: hands.settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            render: hands.settings.rendering.clone(),
        },
    }
}

fn record(hands: &Hands, cluster: &ClusterName, input: &Input) {
    match serde_json::to_string(input) {
        Ok(text) => hands.recorder.keep(recorder::Look {
            cluster: format!("{}/{}", cluster.0, cluster.1),
            at: input.now,
            input: text,
        }),
        Err(error) => tracing::warn!(%error, "a look cannot be recorded"),
    }
}
