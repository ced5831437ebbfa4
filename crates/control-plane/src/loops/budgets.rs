//! Disruption budgets: how many Pods are healthy, how many must be, how many may go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Concern, edit, objects};
use crate::failure::Failure;
use crate::metadata;
use crate::resource::split_api_version;
use crate::selector::LabelSelector;
use crate::server::Server;
use crate::store::{Event, Key};
use crate::verbs::eviction::is_ready;
use crate::verbs::scale::scale_of;

const BUDGETS: (&str, &str) = ("policy", "poddisruptionbudgets");
/// A Pod that was evicted and is still there after this time was not evicted after all.
const DISRUPTION_TIMEOUT: Duration = Duration::from_mins(2);

/// Namespaces in which something changed.
pub(super) struct Budgets {
    namespaces: BTreeSet<String>,
}

impl Concern for Budgets {
    const NAME: &'static str = "disruption budgets";

    fn begin(server: &Server) -> Self {
        let budgets = objects(server, &Key::prefix(BUDGETS.0, BUDGETS.1, None));
        Self {
            namespaces: budgets
                .iter()
                .map(|(_, budget)| metadata::namespace(budget).to_owned())
                .collect(),
        }
    }

    fn note(&mut self, event: &Event) {
        let (group, plural, namespace, _) = event.key.parts();
        if matches!((group, plural), ("", "pods") | BUDGETS) {
            self.namespaces.insert(namespace.to_owned());
        }
    }

    async fn step(&mut self, server: &Server) -> Result<Option<Duration>, Failure> {
        let mut again = None;
        while let Some(namespace) = self.namespaces.first().cloned() {
            let budgets = objects(server, &Key::prefix(BUDGETS.0, BUDGETS.1, Some(&namespace)));
            let pods = if budgets.is_empty() {
                Vec::new()
            } else {
                objects(server, &Key::prefix("", "pods", Some(&namespace)))
            };
            for (key, _) in budgets {
                edit(server, &key, |budget| {
                    let status = status(server, budget, &pods);
                    let changed = budget["status"] != status;
                    budget["status"] = status;
                    changed
                })
                .await?;
                let waits = server
                    .store
                    .get(&key)
                    .and_then(|r| super::parse(&r.json).ok());
                if waits.is_some_and(|b| {
                    b["status"]["disruptedPods"]
                        .as_object()
                        .is_some_and(|p| !p.is_empty())
                }) {
                    again = Some(DISRUPTION_TIMEOUT);
                }
            }
            self.namespaces.remove(&namespace);
        }
        if again.is_some() {
            let budgets = objects(server, &Key::prefix(BUDGETS.0, BUDGETS.1, None));
            let waiting = budgets
                .into_iter()
                .filter(|(_, b)| b["status"]["disruptedPods"].is_object());
            // Looked at again when the time is over.
            self.namespaces = waiting
                .map(|(_, budget)| metadata::namespace(&budget).to_owned())
                .collect();
        }
        Ok(again)
    }
}

fn status(server: &Server, budget: &Value, pods: &[(Key, Value)]) -> Value {
    let now = server.clock.now();
    let selector = LabelSelector::of_object(&budget["spec"]["selector"]);
    let matching: Vec<&Value> = pods
        .iter()
        .map(|(_, pod)| pod)
        .filter(|pod| selector.accepts_object(pod))
        .filter(|pod| {
            !matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            )
        })
        .collect();
    let disrupted = still_disrupted(budget, &matching, now);
    let generation = budget["metadata"]["generation"].as_i64().unwrap_or(0);
    let (expected, desired) = match wanted(server, budget, &matching) {
        Ok(numbers) => numbers,
        Err(why) => {
            let mut status = budget["status"].clone();
            if !status.is_object() {
                status = json!({"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
            }
            status["disruptionsAllowed"] = 0.into();
            status["observedGeneration"] = generation.into();
            status["conditions"] =
                conditions(budget, "False", "SyncFailed", &why, generation, server);
            return status;
        }
    };
    let healthy = matching
        .iter()
        .filter(|pod| {
            is_ready(pod)
                && !metadata::is_deleting(pod)
                && !disrupted.contains_key(metadata::name(pod))
        })
        .count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    let allowed = if expected > 0 {
        (healthy - desired).max(0)
    } else {
        0
    };
    let (verdict, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let mut status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
        "expectedPods": expected, "observedGeneration": generation,
        "conditions": conditions(budget, verdict, reason, "", generation, server),
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = Value::Object(disrupted);
    }
    status
}

fn still_disrupted(budget: &Value, pods: &[&Value], now: Timestamp) -> Map<String, Value> {
    let recorded = budget["status"]["disruptedPods"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    recorded
        .into_iter()
        .filter(|(name, since)| {
            let there = pods
                .iter()
                .any(|pod| metadata::name(pod) == name && !metadata::is_deleting(pod));
            let since: Option<Timestamp> = since.as_str().and_then(|text| text.parse().ok());
            let fresh =
                since.is_some_and(|t| now.duration_since(t).unsigned_abs() < DISRUPTION_TIMEOUT);
            there && fresh
        })
        .collect()
}

/// How many Pods there should be, and how many of them healthy.
fn wanted(server: &Server, budget: &Value, pods: &[&Value]) -> Result<(i64, i64), String> {
    let count = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let (least, most_gone) = (
        &budget["spec"]["minAvailable"],
        &budget["spec"]["maxUnavailable"],
    );
    if !most_gone.is_null() {
        let expected = expected_pods(server, pods)?;
        return Ok((expected, (expected - share(most_gone, expected)?).max(0)));
    }
    match least {
        Value::Number(number) => Ok((count, number.as_i64().unwrap_or(0))),
        Value::String(_) => {
            let expected = expected_pods(server, pods)?;
            Ok((expected, share(least, expected)?))
        }
        _ => Ok((count, 0)),
    }
}

/// A number, or a percentage of the total, rounded up.
fn share(value: &Value, total: i64) -> Result<i64, String> {
    match value {
        Value::Number(number) => Ok(number.as_i64().unwrap_or(0)),
        Value::String(text) => {
            let percent: i64 = text
                .strip_suffix('%')
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| format!("invalid value for IntOrString: {text}"))?;
            Ok((percent.saturating_mul(total) + 99) / 100)
        }
        other => Err(format!("invalid value for IntOrString: {other}")),
    }
}

/// The sum of the scales of the Pods' controllers.
fn expected_pods(server: &Server, pods: &[&Value]) -> Result<i64, String> {
    let registry = server.registry();
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let owners = pod["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten();
        let Some(owner) = owners.into_iter().find(|owner| owner["controller"] == true) else {
            return Err(format!(
                "found no controller ref for pod \"{}\"",
                metadata::name(pod)
            ));
        };
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        let (group, version) = split_api_version(text("apiVersion"));
        let resource = registry.find_kind(group, version, text("kind"));
        let scale = resource.and_then(|resource| {
            let paths = resource.scale.clone()?;
            let record = server
                .store
                .get(&resource.key(metadata::namespace(pod), text("name")))?;
            let object: Value = super::parse(&record.json).ok()?;
            scale_of(&paths, &object)["spec"]["replicas"].as_i64()
        });
        let Some(replicas) = scale else {
            let (kind, name) = (text("kind"), text("name"));
            return Err(format!(
                "{kind} \"{name}\" does not implement the scale subresource"
            ));
        };
        scales.insert(text("uid").to_owned(), replicas);
    }
    Ok(scales.values().sum())
}

fn conditions(
    budget: &Value,
    status: &str,
    reason: &str,
    message: &str,
    generation: i64,
    server: &Server,
) -> Value {
    let old = &budget["status"]["conditions"][0];
    let since = if old["status"] == status {
        old["lastTransitionTime"].clone()
    } else {
        server.clock.text().into()
    };
    json!([{
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": message,
        "observedGeneration": generation, "lastTransitionTime": since,
    }])
}
