//! Tells what a look came to: status, the plan, events, metrics, the log.
//!
//! It decides nothing: statuses come from the planner. Invariants: what has not changed is not written; a write that
//! fails is told by the log and tried again by the next look; what is not ours gets its one condition and nothing else.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use planner::{Action, Input, Outcome, Plan, Purpose, Step, StepEnd, Verb};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::apply::{self, Written};
use crate::error::Chain;
use crate::events::{self, Happened};
use crate::hands::Hands;
use crate::kinds::{self, Kind};
use crate::metrics::{ClusterName, Look};

/// What was told before, so that it is told once.
#[derive(Debug, Default)]
pub(super) struct Told {
    events: events::Told,
    problems: Vec<String>,
    waits: Vec<String>,
    failures: BTreeMap<String, String>,
}

/// Tells everything about one look.
pub(super) async fn tell(
    hands: &Hands,
    told: &mut Told,
    input: &Input,
    plan: &Plan,
    outcome: &Outcome,
    begun: Instant,
) {
    log_changes(told, plan);
    let status = planner::status(input, plan, outcome);
    write_statuses(hands, input, plan, &status).await;
    for happened in happened(told, plan, outcome) {
        events::tell(hands, &mut told.events, &regarding(input), happened).await;
    }
    measure(hands, input, plan, outcome, begun);
}

async fn write_statuses(hands: &Hands, input: &Input, plan: &Plan, status: &planner::Status) {
    let kafka = &input.observed.kafka;
    let namespace = &kafka.namespace;
    write_status(
        hands,
        kinds::KAFKA,
        (namespace, &kafka.name),
        &kafka.meta.uid,
        &kafka.status,
        &status.kafka,
    )
    .await;
    if plan.purpose == Purpose::NotOurs {
        return;
    }
    let pools = input.observed.pools.value();
    for (name, wanted) in &status.pools {
        if let Some(pool) = pools.and_then(|pools| pools.get(name)) {
            write_status(
                hands,
                kinds::KAFKA_NODE_POOL,
                (namespace, name),
                &pool.meta.uid,
                &pool.status,
                wanted,
            )
            .await;
        }
    }
    write_plan(hands, input, &status.plan).await;
}

/// Brings a status to what is wanted, by a patch of what differs.
async fn write_status(
    hands: &Hands,
    kind: Kind,
    object: (&str, &str),
    uid: &str,
    found: &Value,
    wanted: &Value,
) {
    let Some(change) = apply::merge_patch(found, wanted) else {
        return;
    };
    let patch = json!({ "metadata": { "uid": uid }, "status": change });
    match apply::merge(&hands.client, kind, object, Some("status"), &patch).await {
        Ok(Written::Yes(_) | Written::Unchanged) => {}
        Ok(Written::Refused(found)) => {
            tracing::debug!(kind = kind.kind, found, "status not written");
        }
        Err(error) => {
            tracing::warn!(kind = kind.kind, error = %Chain(&error), "status not written");
        }
    }
}

/// Keeps the KafkaPlan of the cluster: made with the first plan, owned by the Kafka.
async fn write_plan(hands: &Hands, input: &Input, wanted: &Value) {
    let kafka = &input.observed.kafka;
    if kafka.meta.deleting {
        return;
    }
    let Some(plan) = input.observed.plan.value() else {
        return;
    };
    let (uid, found) = if let Some(plan) = plan {
        (plan.meta.uid.clone(), plan.status.clone())
    } else {
        let object = json!({
            "apiVersion": kinds::KAFKA_PLAN.api_version(), "kind": kinds::KAFKA_PLAN.kind,
            "metadata": {
                "name": kafka.name, "namespace": kafka.namespace,
                "labels": { crate::watch::CLUSTER_LABEL: kafka.name },
                "ownerReferences": [{
                    "apiVersion": kinds::KAFKA.api_version(), "kind": kinds::KAFKA.kind,
                    "name": kafka.name, "uid": kafka.meta.uid, "controller": false, "blockOwnerDeletion": false,
                }],
            },
            "spec": { "cluster": kafka.name },
        });
        match apply::create(&hands.client, kinds::KAFKA_PLAN, &kafka.namespace, &object).await {
            Ok(Written::Yes(created)) => (created.metadata.uid.unwrap_or_default(), Value::Null),
            Ok(Written::Unchanged | Written::Refused(_)) => return,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "there can be no KafkaPlan");
                return;
            }
        }
    };
    write_status(
        hands,
        kinds::KAFKA_PLAN,
        (&kafka.namespace, &kafka.name),
        &uid,
        &found,
        wanted,
    )
    .await;
}

/// What is worth an event: steps that people would see happen, failures, problems; each when it is new.
fn happened(told: &mut Told, plan: &Plan, outcome: &Outcome) -> Vec<Happened> {
    let mut happened = Vec::new();
    let mut failures = BTreeMap::new();
    for result in &outcome.results {
        let Some(step) = plan.steps().find(|step| step.id == result.id) else {
            continue;
        };
        match &result.end {
            StepEnd::Done if is_notable(step) => happened.push(Happened {
                warning: false,
                reason: step.reason.word().to_owned(),
                action: camel(step.verb),
                note: format!(
                    "{} {}: {}",
                    step.verb.as_str(),
                    object_of(step),
                    step.reason
                ),
            }),
            StepEnd::Done | StepEnd::Refused { found: _ } => {}
            StepEnd::Failed { error } => {
                failures.insert(step.id.clone(), error.clone());
                if told.failures.get(&step.id) != Some(error) {
                    happened.push(Happened {
                        warning: true,
                        reason: "StepFailed".to_owned(),
                        action: camel(step.verb),
                        note: format!("{} {}: {error}", step.verb.as_str(), object_of(step)),
                    });
                }
            }
        }
    }
    told.failures = failures;
    if plan.purpose != Purpose::NotOurs {
        let problems: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
        for problem in plan
            .problems
            .iter()
            .filter(|problem| !told.problems.contains(&problem.to_string()))
        {
            happened.push(Happened {
                warning: true,
                reason: problem.word().to_owned(),
                action: "Plan".to_owned(),
                note: problem.to_string(),
            });
        }
        told.problems = problems;
    }
    happened
}

/// Steps that are seen from outside; that every object was applied once is in the log and in the metrics.
fn is_notable(step: &Step) -> bool {
    match step.verb {
        Verb::Claim
        | Verb::Delete
        | Verb::RemoveVoter
        | Verb::AddVoter
        | Verb::Raise
        | Verb::Alter
        | Verb::Reload => true,
        Verb::Create => step.action.as_ref().is_some_and(|action| match action {
            Action::Create { object } => object["kind"] == kinds::POD.kind,
            _ => false,
        }),
        Verb::Record | Verb::Issue | Verb::Apply | Verb::Start | Verb::Await => false,
    }
}

/// What a step is about, as people know it: a Pod by its name rather than its node id.
fn object_of(step: &Step) -> String {
    match &step.action {
        Some(Action::Create { object } | Action::Apply { object }) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}",
                text(&object["kind"]),
                text(&object["metadata"]["name"])
            )
        }
        Some(Action::Delete { kind, name }) => format!("{kind} {name}"),
        Some(_) | None => step.subject.replacen('/', " ", 1),
    }
}

fn camel(verb: Verb) -> String {
    verb.as_str()
        .split(' ')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
                .unwrap_or_default()
        })
        .collect()
}

fn regarding(input: &Input) -> ObjectReference {
    let kafka = &input.observed.kafka;
    ObjectReference {
        api_version: Some(kinds::KAFKA.api_version()),
        kind: Some(kinds::KAFKA.kind.to_owned()),
        name: Some(kafka.name.clone()),
        namespace: Some(kafka.namespace.clone()),
        uid: Some(kafka.meta.uid.clone()),
        ..ObjectReference::default()
    }
}

/// One line when what the plan waits for changes.
fn log_changes(told: &mut Told, plan: &Plan) {
    let waits: Vec<String> = plan.waits().iter().map(ToString::to_string).collect();
    if waits != told.waits {
        tracing::info!(
            state = plan.state().as_str(),
            waits = waits.join("; "),
            "waiting"
        );
        told.waits = waits;
    }
}

fn measure(hands: &Hands, input: &Input, plan: &Plan, outcome: &Outcome, begun: Instant) {
    let kafka = &input.observed.kafka;
    let cluster: ClusterName = (kafka.namespace.clone(), kafka.name.clone());
    let steps = outcome.results.iter().filter_map(|result| {
        let step = plan.steps().find(|step| step.id == result.id)?;
        let end = match result.end {
            StepEnd::Done => "done",
            StepEnd::Refused { .. } => "refused",
            StepEnd::Failed { .. } => "failed",
        };
        Some((step.verb.as_str(), end))
    });
    let secrets = input.observed.secrets.value();
    let certificates = ["cluster-ca", "clients-ca"].iter().filter_map(|authority| {
        let secret = secrets?.get(&format!("{}-{authority}-cert", kafka.name))?;
        let certificate = secret.certificates.get("ca.crt")?;
        Some((
            (*authority).to_owned(),
            certificate.not_after.as_millisecond(),
        ))
    });
    hands.metrics.looked(
        &cluster,
        Look {
            took: begun.elapsed(),
            successful: outcome
                .results
                .iter()
                .all(|result| !matches!(result.end, StepEnd::Failed { .. })),
            paused: plan.purpose == Purpose::Paused,
            ready: plan.is_complete(),
            steps: steps.collect(),
            certificates: certificates.collect(),
        },
    );
}
