//! How a Pod stands, on one line.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use model::observed::runner::Refusal;

use super::with_message;

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
pub(crate) fn describe(pod: &Pod) -> String {
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
        return with_message(reason, waiting.message.as_deref());
    }
    if containers.iter().any(is_running) {
        return match last_end(pod) {
            Some(end) => format!("starting again at {address}; {end}"),
            None => format!("starting at {address}"),
        };
    }
    let unscheduled = conditions
        .iter()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False");
    match unscheduled.and_then(|condition| condition.message.as_deref()) {
        Some(message) => format!("not scheduled: {message}"),
        None => status.phase.clone().unwrap_or_else(|| "created".to_owned()),
    }
}

fn is_running(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    state.is_some_and(|state| state.running.is_some())
}

/// What a Pod that is not Ready ended of, also while it is being tried again.
pub(crate) fn last_end(pod: &Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_deref()?;
    containers.iter().find_map(|container| {
        let last = container.last_state.as_ref();
        let ended = container.state.as_ref()?.terminated.as_ref();
        let ended = ended.or(last.and_then(|last| last.terminated.as_ref()))?;
        (ended.exit_code != 0).then(|| told_end(container, ended))
    })
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
    Some(format!("{}{again}", told_end(container, ended)))
}

fn told_end(container: &ContainerStatus, ended: &ContainerStateTerminated) -> String {
    let said = ended.message.as_deref().unwrap_or_default().trim();
    // The Kafka tells the sentence; here there is room for the word.
    if let Some((refusal, _, _)) = Refusal::parse(said) {
        return format!("refuses to start: {}", refusal.as_str());
    }
    let reason = ended.reason.as_deref().unwrap_or("Error");
    let said = if said.is_empty() {
        format!("{reason}, exit code {}", ended.exit_code)
    } else {
        said.to_owned()
    };
    // While it runs again the run that is under way is no end.
    let runs = i64::from(container.restart_count) + i64::from(!is_running(container));
    let times = match runs {
        0 | 1 => "once".to_owned(),
        more => format!("{more} times"),
    };
    format!("ended {times}: {said}")
}

#[cfg(test)]
mod tests;
