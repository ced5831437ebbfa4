//! Pods: one word for what a Pod is doing, out of its phase and its containers' states.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, NAME, View, created, int, items, name, or_none, text, wide};
use crate::metadata;
use crate::table::cells::human_duration;

pub(super) const PODS: View = View {
    columns: &[
        NAME,
        text("Ready"),
        text("Status"),
        text("Restarts"),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ],
    cells: |pod, now| {
        let summary = summary(pod);
        vec![
            name(pod),
            format!(
                "{}/{}",
                summary.ready,
                items(&pod["spec"]["containers"]).count()
            )
            .into(),
            summary.reason.into(),
            restarts(summary.restarts, summary.last_restart, now).into(),
            created(pod, now),
            or_none(&pod["status"]["podIP"]),
            or_none(&pod["spec"]["nodeName"]),
            or_none(&pod["status"]["nominatedNodeName"]),
            gates(pod),
        ]
    },
};

fn restarts(count: i64, last: Option<Timestamp>, now: Timestamp) -> String {
    match last {
        Some(last) if count > 0 => format!(
            "{count} ({} ago)",
            human_duration(now.duration_since(last).as_secs())
        ),
        _ => count.to_string(),
    }
}

fn gates(pod: &Value) -> Value {
    let gates: Vec<&Value> = items(&pod["spec"]["readinessGates"]).collect();
    if gates.is_empty() {
        return "<none>".into();
    }
    let open = gates
        .iter()
        .filter(|gate| {
            items(&pod["status"]["conditions"])
                .any(|c| c["type"] == gate["conditionType"] && c["status"] == "True")
        })
        .count();
    format!("{open}/{}", gates.len()).into()
}

struct Summary {
    ready: usize,
    reason: String,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

fn summary(pod: &Value) -> Summary {
    let status = &pod["status"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut summary = Summary {
        ready: 0,
        reason: word(&status["phase"]),
        restarts: 0,
        last_restart: None,
    };
    if !word(&status["reason"]).is_empty() {
        summary.reason = word(&status["reason"]);
    }
    if items(&status["conditions"])
        .any(|c| c["type"] == "PodScheduled" && c["reason"] == "SchedulingGated")
    {
        "SchedulingGated".clone_into(&mut summary.reason);
    }
    let initializing = init_reason(pod, &mut summary);
    let initialized =
        items(&status["conditions"]).any(|c| c["type"] == "Initialized" && c["status"] == "True");
    if !initializing || initialized {
        main_reason(pod, &mut summary);
    }
    let over = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
    if metadata::is_deleting(pod) {
        if status["reason"] == "NodeLost" {
            "Unknown".clone_into(&mut summary.reason);
        } else if !over {
            "Terminating".clone_into(&mut summary.reason);
        }
    }
    summary
}

/// Whether init containers still have to do something, and what.
fn init_reason(pod: &Value, summary: &mut Summary) -> bool {
    let total = items(&pod["spec"]["initContainers"]).count();
    for (at, container) in items(&pod["status"]["initContainerStatuses"]).enumerate() {
        note_restart(container, summary);
        let state = &container["state"];
        let (ended, waiting) = (
            &state["terminated"],
            state["waiting"]["reason"].as_str().unwrap_or_default(),
        );
        if ended.is_object() && int(&ended["exitCode"]) == 0 {
            continue;
        }
        if sidecar(pod, container) && container["started"] == true {
            summary.ready += usize::from(container["ready"] == true);
            continue;
        }
        summary.reason = match ended["reason"].as_str().unwrap_or_default() {
            _ if !ended.is_object() && !waiting.is_empty() && waiting != "PodInitializing" => {
                format!("Init:{waiting}")
            }
            _ if !ended.is_object() => format!("Init:{at}/{total}"),
            "" if int(&ended["signal"]) != 0 => format!("Init:Signal:{}", int(&ended["signal"])),
            "" => format!("Init:ExitCode:{}", int(&ended["exitCode"])),
            reason => format!("Init:{reason}"),
        };
        return true;
    }
    false
}

fn sidecar(pod: &Value, status: &Value) -> bool {
    items(&pod["spec"]["initContainers"])
        .any(|c| c["name"] == status["name"] && c["restartPolicy"] == "Always")
}

fn main_reason(pod: &Value, summary: &mut Summary) {
    let mut running = false;
    summary.restarts = 0;
    let statuses: Vec<&Value> = items(&pod["status"]["containerStatuses"]).collect();
    for container in statuses.into_iter().rev() {
        note_restart(container, summary);
        let state = &container["state"];
        let (ended, waiting) = (
            &state["terminated"],
            state["waiting"]["reason"].as_str().unwrap_or_default(),
        );
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if ended.is_object() {
            summary.reason = match ended["reason"].as_str().unwrap_or_default() {
                "" if int(&ended["signal"]) != 0 => format!("Signal:{}", int(&ended["signal"])),
                "" => format!("ExitCode:{}", int(&ended["exitCode"])),
                reason => reason.to_owned(),
            };
        } else if container["ready"] == true && state["running"].is_object() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        let ready = items(&pod["status"]["conditions"])
            .any(|c| c["type"] == "Ready" && c["status"] == "True");
        summary.reason = if ready {
            "Running".to_owned()
        } else {
            "NotReady".to_owned()
        };
    }
}

fn note_restart(container: &Value, summary: &mut Summary) {
    summary.restarts += int(&container["restartCount"]);
    let ended = container["lastState"]["terminated"]["finishedAt"]
        .as_str()
        .and_then(|t| t.parse().ok());
    summary.last_restart = summary.last_restart.max(ended);
}
