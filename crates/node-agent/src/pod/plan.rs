//! Which containers of a Pod must be started, stopped or waited for, now. Pure.
//!
//! Reads: the Pod's policy, the state of each container, the time. Decides as a kubelet does: init containers one
//! after the other, sidecars (init containers that restart) beside the rest, restarts with growing waits.
//!
//! Not here: how a container is started (`worker`), what the status says (`status`).

use jiff::{SignedDuration, Timestamp};

/// First wait before a container that ended is started again; the very first restart does not wait.
const FIRST_WAIT_SECONDS: u64 = 10;
/// Waits double up to this.
const LONGEST_WAIT_SECONDS: u64 = 300;
/// A container that ran this long starts again without a wait.
const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    Always,
    OnFailure,
    Never,
}

/// The part a container plays in its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Must end well before the next one starts.
    Init,
    /// Started among the init containers, runs beside the main ones.
    Sidecar,
    /// What the Pod is for.
    Main,
}

/// How a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started in this sandbox.
    Fresh,
    /// Runs; `started` once its start-up probe has succeeded.
    Running { started: bool },
    /// Has ended in this sandbox.
    Exited {
        code: i32,
        at: Timestamp,
        ran_for: Option<SignedDuration>,
        wait_seconds: u64,
    },
}

/// One container as the plan sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub role: Role,
    pub restart: Restart,
    pub state: State,
    /// It may be tried (images and settings): not before then.
    pub not_before: Option<Timestamp>,
}

/// All there is to decide by.
#[derive(Debug, Clone)]
pub(crate) struct Look<'a> {
    pub now: Timestamp,
    pub containers: &'a [Seen],
    /// Volumes are there.
    pub mounted: bool,
    /// The Pod is going away, or the agent.
    pub stopping: bool,
}

/// What to do; numbers are positions in `Look::containers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub start: Vec<Start>,
    pub stop: Vec<usize>,
    /// Containers that wait out their back-off, with the whole wait in seconds.
    pub backing_off: Vec<(usize, u64)>,
    /// Init containers are done.
    pub initialized: bool,
    /// An init container has failed for good.
    pub init_failed: bool,
    /// Nothing runs and nothing will.
    pub finished: bool,
    /// Look again then, even without news.
    pub wake_at: Option<Timestamp>,
}

/// A container to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub container: usize,
    /// How long to wait if this run ends too.
    pub next_wait_seconds: u64,
}

/// What may be done with a container that does not run.
enum Again {
    /// Started now.
    Now(u64),
    /// Later.
    At(Timestamp, u64),
    /// Never.
    No,
}

/// Decides what to do about a Pod.
pub(crate) fn plan(look: &Look<'_>) -> Plan {
    let mut plan = Plan::default();
    let running = |role: Role| {
        move |(_, seen): &(usize, &Seen)| {
            seen.role == role && matches!(seen.state, State::Running { .. })
        }
    };
    let of = |role: Role| {
        look.containers
            .iter()
            .enumerate()
            .filter(running(role))
            .map(|(position, _)| position)
    };
    if look.stopping {
        // Sidecars serve the main containers to the end.
        plan.stop = of(Role::Main).chain(of(Role::Init)).collect();
        if plan.stop.is_empty() {
            plan.stop = of(Role::Sidecar).collect();
        }
        plan.finished = plan.stop.is_empty();
        return plan;
    }
    initialize(look, &mut plan);
    if plan.init_failed {
        plan.stop = of(Role::Sidecar).collect();
        plan.finished = plan.stop.is_empty();
        return plan;
    }
    if !plan.initialized {
        return plan;
    }
    let mut main_left = false;
    for (position, seen) in look
        .containers
        .iter()
        .enumerate()
        .filter(|(_, seen)| seen.role == Role::Main)
    {
        match seen.state {
            State::Running { .. } => main_left = true,
            State::Fresh | State::Exited { .. } => match again(seen, look.now) {
                Again::No => {}
                other => {
                    main_left = true;
                    queue(&mut plan, look, position, &other);
                }
            },
        }
    }
    if !main_left {
        // Only sidecars are left, and nobody to serve.
        plan.stop = of(Role::Sidecar).collect();
        plan.start.clear();
        plan.backing_off.clear();
        plan.finished = plan.stop.is_empty();
    }
    plan
}

/// Walks the init containers in their order as far as they got.
fn initialize(look: &Look<'_>, plan: &mut Plan) {
    // Once a main container has run in this sandbox there is no way back.
    let past = look
        .containers
        .iter()
        .any(|seen| seen.role == Role::Main && seen.state != State::Fresh);
    for (position, seen) in look.containers.iter().enumerate() {
        let done = match (seen.role, seen.state) {
            (Role::Main, _) => true,
            (Role::Init, state) => past || matches!(state, State::Exited { code: 0, .. }),
            (Role::Sidecar, State::Running { started }) => past || started,
            (Role::Sidecar, _) => false,
        };
        if done {
            continue;
        }
        if matches!(seen.state, State::Running { .. }) {
            return;
        }
        match again(seen, look.now) {
            Again::No => {
                plan.init_failed = true;
                return;
            }
            other => queue(plan, look, position, &other),
        }
        if !past {
            return;
        }
    }
    plan.initialized = true;
}

fn queue(plan: &mut Plan, look: &Look<'_>, position: usize, again: &Again) {
    match *again {
        Again::Now(next_wait_seconds) if look.mounted => {
            plan.start.push(Start {
                container: position,
                next_wait_seconds,
            });
        }
        Again::Now(_) | Again::No => {}
        Again::At(at, wait) => {
            plan.wake_at = Some(plan.wake_at.map_or(at, |earlier| earlier.min(at)));
            if wait > 0 {
                plan.backing_off.push((position, wait));
            }
        }
    }
}

fn again(seen: &Seen, now: Timestamp) -> Again {
    let (at, wait_seconds, next) = match seen.state {
        State::Running { .. } => return Again::No,
        State::Fresh => (now, 0, 0),
        State::Exited {
            code,
            at,
            ran_for,
            wait_seconds,
        } => {
            let restarts = match seen.restart {
                Restart::Always => true,
                Restart::OnFailure => code != 0,
                Restart::Never => false,
            };
            if !restarts {
                return Again::No;
            }
            let wait = if ran_for.is_some_and(|ran_for| ran_for > FORGIVEN_AFTER) {
                0
            } else {
                wait_seconds
            };
            let next = (wait * 2).clamp(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS);
            (
                at + SignedDuration::from_secs(i64::try_from(wait).unwrap_or(0)),
                wait,
                next,
            )
        }
    };
    match seen.not_before {
        Some(not_before) if not_before > now && not_before > at => Again::At(not_before, 0),
        _ if at > now => Again::At(at, wait_seconds),
        _ => Again::Now(next),
    }
}

#[cfg(test)]
mod tests;
