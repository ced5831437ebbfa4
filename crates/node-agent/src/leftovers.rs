//! What earlier agents have left running, stopped by what their files say: no API server is needed, and no agent.
//!
//! Invariants: a Pod's files go only when that is asked for; afterwards no process of the containers concerned is left.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use rustix::process::Signal;

use crate::container::attempt::ContainerDir;
use crate::container::launch::{self, Found};
use crate::home::{Home, HomeError, Layout, default_registry};
use crate::pod::sandbox::{Owner, PodDir};
use crate::{files, volumes};

/// After SIGKILL the kernel needs a moment; a monitor that has not noticed by then never will.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Names of the Pods of which something runs, whoever started it.
pub fn running(home: &Path) -> Vec<String> {
    let mut names: Vec<String> = owned(&Layout::new(home))
        .into_iter()
        .filter(|(dir, owner)| containers(dir, owner).any(|container| container.claimed()))
        .map(|(_, owner)| match owner.name.as_str() {
            "" => format!("the Pod of uid {}", owner.uid),
            _ => owner.name,
        })
        .collect();
    names.sort();
    names
}

/// Stops every process of a home's Pods; their files stay, and the next agent starts them again. No agent may be running.
///
/// Containers get the grace period of their Pod, but no more than `patience`.
pub async fn stop(home: &Path, patience: Duration) -> Result<(), HomeError> {
    let held = Home::hold(home, &default_registry())?;
    in_turn(owned(&held.layout), async |dir: PodDir, owner: Owner| {
        stop_containers(&dir, &owner, patience).await;
        // Init containers run again, as after every end of a Pod's processes.
        if let Some(sandbox) = dir.sandbox() {
            let _ = dir.stop_sandbox(&sandbox);
        }
    })
    .await;
    Ok(())
}

/// Stops every process of a home's Pods and removes what they keep outside of it. No agent may be running.
///
/// Afterwards the directory itself can be removed.
pub async fn purge(home: &Path) -> Result<(), HomeError> {
    let held = Home::hold(home, &default_registry())?;
    in_turn(owned(&held.layout), async |dir, owner| {
        stop_orphan(home, dir, owner).await;
    })
    .await;
    if let Some(base) = volumes::memory_base(home) {
        let _ = files::remove(&base);
    }
    Ok(())
}

/// Stops the containers of a Pod by what its files say, and removes the files.
pub(crate) async fn stop_orphan(home: &Path, dir: PodDir, owner: Owner) {
    stop_containers(&dir, &owner, Duration::MAX).await;
    volumes::drop_memory(home, &owner.uid);
    let _ = files::remove(&dir.0);
}

/// All Pods at once, but for those that others need to stop well: these after them.
async fn in_turn(pods: Vec<(PodDir, Owner)>, stop: impl AsyncFn(PodDir, Owner)) {
    let (last, first): (Vec<_>, Vec<_>) = pods.into_iter().partition(|(_, owner)| owner.stops_last);
    for turn in [first, last] {
        join_all(turn.into_iter().map(|(dir, owner)| stop(dir, owner))).await;
    }
}

fn owned(layout: &Layout) -> Vec<(PodDir, Owner)> {
    PodDir::all(&layout.pods())
        .into_iter()
        .map(|dir| {
            let owner = dir.owner();
            (dir, owner)
        })
        .collect()
}

fn containers(dir: &PodDir, owner: &Owner) -> impl Iterator<Item = ContainerDir> {
    owner.containers.iter().map(|name| dir.container(name))
}

pub(crate) async fn stop_containers(dir: &PodDir, owner: &Owner, patience: Duration) {
    let grace = Duration::from_secs(u64::try_from(owner.grace_seconds).unwrap_or(30)).min(patience);
    let stops = containers(dir, owner).map(|container| async move {
        let Found::Running { attempt, running } = launch::find(&container).await else {
            return;
        };
        container.attempt(attempt).write_planned_end();
        running.process.signal(Signal::TERM);
        if ended_within(&running.monitor, grace).await {
            // Looks once more, which kills what a killed monitor has left.
            launch::find(&container).await;
            return;
        }
        running.process.signal(Signal::KILL);
        if !ended_within(&running.monitor, KILL_PATIENCE).await {
            running.monitor.signal(Signal::KILL);
            running.monitor.ended().await;
        }
        launch::find(&container).await;
    });
    join_all(stops).await;
}

async fn ended_within(monitor: &crate::process::ProcessId, patience: Duration) -> bool {
    tokio::time::timeout(patience, monitor.ended())
        .await
        .is_ok()
}
