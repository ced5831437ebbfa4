//! `klamm plan show`: what is being done to a cluster and why, as its `KafkaPlan` tells.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::ListParams;
use resources::KafkaPlan;
use resources::plan::{PlanPhase, PlanProblem, PlanStatus, PlanStep};

use crate::args::{PlanCommand, Status};
use crate::context;
use crate::home::Home;
use crate::output::{self, Format};

/// Shows one plan, or all.
pub(crate) async fn run(home: &Home, command: &PlanCommand) -> Result<()> {
    let PlanCommand::Show(Status {
        name,
        target,
        output,
    }) = command;
    let connection = context::connect(target, home).await?;
    let api: Api<KafkaPlan> = if target.all_namespaces {
        Api::all(connection.client)
    } else {
        Api::namespaced(connection.client, &connection.namespace)
    };
    let plans = match name {
        Some(name) => vec![
            api.get(name)
                .await
                .with_context(|| format!("the plan of Kafka {name}"))?,
        ],
        None => {
            api.list(&ListParams::default())
                .await
                .context("listing plans")?
                .items
        }
    };
    match output {
        Format::Json => output::json(&plans),
        Format::Text if plans.is_empty() => {
            output::result(
                "No plans here. A Kafka resource has one as soon as the operator has looked at it.",
            );
            Ok(())
        }
        Format::Text => {
            output::result(&plans.iter().map(draw).collect::<Vec<_>>().join("\n\n"));
            Ok(())
        }
    }
}

/// The word of a status, as in manifests.
pub(crate) fn word(status: PlanStatus) -> String {
    serde_json::to_value(status)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// What goes on, a line for each: steps that need something, or take their time; of the others how many there are in a
/// phase.
pub(crate) fn progress(plan: &KafkaPlan) -> Vec<(String, String)> {
    let phases = plan
        .status
        .as_ref()
        .and_then(|status| status.phases.as_deref())
        .unwrap_or_default();
    let mut lines = Vec::new();
    for phase in phases {
        let steps = phase.steps.as_deref().unwrap_or_default();
        let (brief, long): (Vec<_>, Vec<_>) = steps
            .iter()
            .partition(|step| matches!(step.status, PlanStatus::Pending | PlanStatus::Starting));
        match brief.len() {
            0 => {}
            1 => lines.push((phase.name.clone(), "1 step to do".to_owned())),
            more => lines.push((phase.name.clone(), format!("{more} steps to do"))),
        }
        for step in long {
            lines.push((
                format!("{}: {}", phase.name, step.name),
                describe_step(step),
            ));
        }
    }
    lines
}

fn describe_step(step: &PlanStep) -> String {
    match step
        .message
        .as_deref()
        .filter(|message| !message.is_empty())
    {
        Some(message) => format!("{}  {message}", word(step.status)),
        None => word(step.status),
    }
}

/// The problems that are why a cluster is not Ready: its condition says all of them in one sentence.
pub(crate) fn problems_behind<'a>(plan: Option<&'a KafkaPlan>, reason: &str) -> &'a [PlanProblem] {
    let status = plan.and_then(|plan| plan.status.as_ref());
    let problems = status.and_then(|status| status.problems.as_deref());
    let is_behind = |problem: &PlanProblem| reason.starts_with(&format!("{}: ", problem.reason));
    problems
        .filter(|problems| problems.iter().any(is_behind))
        .unwrap_or_default()
}

/// The same on a line each; `None` where there are no two of them.
pub(crate) fn problem_lines(plan: Option<&KafkaPlan>, reason: &str) -> Option<String> {
    let problems = problems_behind(plan, reason);
    if problems.len() < 2 {
        return None;
    }
    let mut text = format!("{} problems", problems.len());
    for problem in problems {
        let _ = write!(text, "\n  {}: {}", problem.reason, problem.message);
        if let Some(hint) = &problem.hint {
            let _ = write!(text, "; {hint}");
        }
    }
    Some(text)
}

/// The tree of phases and steps.
pub(crate) fn draw(plan: &KafkaPlan) -> String {
    let status = plan.status.clone().unwrap_or_default();
    let mut text = plan.spec.cluster.clone();
    let state = status.status.map(word);
    for part in [
        status.title.as_deref(),
        state.as_deref(),
        status.done.as_deref(),
    ]
    .into_iter()
    .flatten()
    {
        let _ = write!(text, "  {part}");
    }
    if let Some(since) = &status.since {
        let _ = write!(text, "  since {since}");
    }
    if let Some(seconds) = status.seconds_left {
        let _ = write!(text, "  about {seconds} s left");
    }
    let phases = status.phases.unwrap_or_default();
    for (index, phase) in phases.iter().enumerate() {
        draw_phase(&mut text, phase, index + 1 == phases.len());
    }
    for problem in status.problems.unwrap_or_default() {
        let _ = write!(text, "\nproblem  {}: {}", problem.reason, problem.message);
        if let Some(hint) = problem.hint {
            let _ = write!(text, "\n         {hint}");
        }
    }
    text
}

fn draw_phase(text: &mut String, phase: &PlanPhase, last: bool) {
    let (branch, stem) = if last {
        ("└─", "   ")
    } else {
        ("├─", "│  ")
    };
    let message = phase
        .message
        .as_deref()
        .map(|message| format!("  {message}"))
        .unwrap_or_default();
    let _ = write!(
        text,
        "\n{branch} {:<32} {}{message}",
        phase.name,
        word(phase.status)
    );
    let steps = phase.steps.as_deref().unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        let branch = if index + 1 == steps.len() {
            "└─"
        } else {
            "├─"
        };
        let _ = write!(
            text,
            "\n{stem}{branch} {:<29} {}",
            step.name,
            describe_step(step)
        );
    }
}

#[cfg(test)]
mod tests;
