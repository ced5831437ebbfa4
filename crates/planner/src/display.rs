//! A plan as text: the tree that people see, without colour.
//!
//! ```text
//! my-cluster  deploy    IN_PROGRESS 6/8
//! ├─ check                                COMPLETE
//! ├─ controllers (parallel)               IN_PROGRESS
//! │  ├─ start 0, 2     coming up          IN_PROGRESS  no leader yet
//! │  └─ create 1       not there          STARTING
//! └─ finish                               COMPLETE
//! ```
//!
//! Steps that differ in their subject only share a line.

use std::collections::BTreeSet;
use std::fmt;

use crate::outcome::Outcome;
use crate::plan::{Phase, PhaseName, Plan, Purpose, State, Step, StepState, Strategy};
use crate::reason::listed;

/// What a plan is about, in a few words.
pub fn title(plan: &Plan) -> String {
    match plan.purpose {
        Purpose::NotOurs => "not ours",
        Purpose::Paused => "paused",
        Purpose::Deleting => "deleting",
        Purpose::Refused => "refused",
        Purpose::Deploy => "deploy",
        Purpose::Recover => "recover",
        Purpose::Maintain => "maintain",
    }
    .to_owned()
}

/// Phases that are complete, of all: `6/8`.
pub fn done(plan: &Plan) -> String {
    let done = plan
        .phases
        .iter()
        .filter(|phase| plan.phase_state(phase, &Outcome::default()) == State::Complete)
        .count();
    format!("{done}/{}", plan.phases.len())
}

/// The words of the problems that hold a phase up, each once; `None` where there are none.
pub(crate) fn held_up(plan: &Plan, phase: &Phase) -> Option<String> {
    let words: BTreeSet<&str> = plan
        .problems_of(phase.name)
        .map(|(problem, _)| problem.word())
        .collect();
    let words: Vec<&str> = words.into_iter().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What there is to say about the state of a step.
pub fn detail(step: &Step) -> String {
    match &step.state {
        StepState::Ready | StepState::Pending | StepState::Blocked => String::new(),
        StepState::Running { progress } => progress.clone(),
        StepState::Waiting(wait) => wait.to_string(),
        StepState::Held => "paused by a user".to_owned(),
    }
}

/// One line of the tree, in columns.
struct Row {
    label: String,
    reason: String,
    state: State,
    detail: String,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cluster,
            purpose: _,
            generation: _,
            looked_at: _,
            phases,
            problems,
            notes,
            next_look: _,
        } = self;
        writeln!(
            f,
            "{cluster}  {}    {} {}",
            title(self),
            self.state().as_str(),
            done(self)
        )?;
        let rows: Vec<Row> = phases
            .iter()
            .enumerate()
            .flat_map(|(index, phase)| rows_of(self, phase, index + 1 == phases.len()))
            .collect();
        let label = rows
            .iter()
            .map(|row| row.label.chars().count())
            .max()
            .unwrap_or(0);
        let reason = rows
            .iter()
            .map(|row| row.reason.chars().count())
            .max()
            .unwrap_or(0);
        for row in &rows {
            let Row {
                label: text,
                reason: why,
                state,
                detail,
            } = row;
            let state = state.as_str();
            let line = format!("{text:label$}  {why:reason$}  {state:11}  {detail}");
            writeln!(f, "{}", line.trim_end())?;
        }
        for problem in problems {
            writeln!(f, "problem  {}: {problem}", problem.word())?;
        }
        for note in notes {
            writeln!(f, "note     {}: {}", note.reason, note.message)?;
        }
        Ok(())
    }
}

fn rows_of(plan: &Plan, phase: &Phase, last: bool) -> Vec<Row> {
    let strategy = match (phase.strategy, phase.name) {
        // There is never more than one step in these: how they go says nothing.
        (_, PhaseName::Check | PhaseName::Identity | PhaseName::Finish) => "",
        _ if phase.steps.is_empty() => "",
        (Strategy::Serial, _) => " (serial)",
        (Strategy::Parallel, _) => " (parallel)",
    };
    let mut rows = vec![Row {
        label: format!(
            "{}─ {}{strategy}",
            if last { "└" } else { "├" },
            phase.name.as_str()
        ),
        reason: String::new(),
        state: plan.phase_state(phase, &Outcome::default()),
        detail: held_up(plan, phase).unwrap_or_default(),
    }];
    let groups = grouped(&phase.steps);
    let count = groups.len();
    for (index, (step, subjects)) in groups.into_iter().enumerate() {
        let stem = if last { " " } else { "│" };
        let branch = if index + 1 == count { "└" } else { "├" };
        rows.push(Row {
            label: format!(
                "{stem}  {branch}─ {} {}",
                step.verb.as_str(),
                together(&subjects)
            ),
            reason: step.reason.to_string(),
            state: step.state.state(),
            detail: detail(step),
        });
    }
    rows
}

/// Subjects on one line: the kind once where it is the same, the first few names.
fn together(subjects: &[&str]) -> String {
    /// As many node ids fit, and fewer names.
    const MOST_IDS: usize = 12;
    const MOST_NAMES: usize = 3;
    let kinds: Vec<Option<&str>> = subjects
        .iter()
        .map(|s| s.split_once('/').map(|(kind, _)| kind))
        .collect();
    let first = kinds.first().copied().flatten();
    let same = first.filter(|kind| kinds.iter().all(|other| *other == Some(*kind)));
    let name = |subject: &str| match same {
        Some(kind) => subject
            .trim_start_matches(kind)
            .trim_start_matches('/')
            .to_owned(),
        None => subject.to_owned(),
    };
    let names: Vec<String> = subjects.iter().map(|subject| name(subject)).collect();
    let most = if kinds.iter().all(Option::is_none) {
        MOST_IDS
    } else {
        MOST_NAMES
    };
    let names = listed(&names, most);
    same.map_or(names.clone(), |kind| format!("{kind} {names}"))
}

/// Steps that say the same about several subjects, with those subjects, in the order of the first of each.
fn grouped(steps: &[Step]) -> Vec<(&Step, Vec<&str>)> {
    let mut groups: Vec<(&Step, Vec<&str>)> = Vec::new();
    for step in steps {
        let same = groups.iter_mut().find(|(first, _)| {
            first.verb == step.verb && first.reason == step.reason && first.state == step.state
        });
        match same {
            Some((_, subjects)) => subjects.push(&step.subject),
            None => groups.push((step, vec![&step.subject])),
        }
    }
    groups
}
