//! Limits of a container as cgroups, version 1 or 2, below the cgroup the agent itself runs in.
//!
//! Where the host does not let us, containers run without their limits and the Pod gets an event that says so.
//! Nothing outside our own cgroup's subtree is written to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What to enforce.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes.
    pub memory: Option<u64>,
    /// Thousandths of a CPU.
    pub cpu_millis: Option<u64>,
}

impl Limits {
    /// Nothing to enforce.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Where cgroups of ours may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// The unified hierarchy: our own cgroup's directory.
    V2(PathBuf),
    /// One hierarchy per controller: our own cgroup's directory in each.
    V1 {
        memory: Option<PathBuf>,
        cpu: Option<PathBuf>,
    },
    /// No cgroups here.
    None,
}

/// Period of the CPU quota in microseconds, the kernel's and Kubernetes' default.
const CPU_PERIOD_MICROS: u64 = 100_000;

impl Hierarchy {
    /// What this machine has.
    pub(crate) fn find() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::read(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    /// From the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`.
    fn read(own: &str, mounts: &str) -> Self {
        let mut v1_memory = None;
        let mut v1_cpu = None;
        let mut v2 = None;
        for line in own.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let place = |controller: Option<&str>| {
                mount_point(mounts, controller).map(|mount| below(&mount, path))
            };
            if controllers.is_empty() {
                v2 = place(None);
            }
            for controller in controllers.split(',') {
                match controller {
                    "memory" => v1_memory = place(Some("memory")),
                    "cpu" => v1_cpu = place(Some("cpu")),
                    _ => {}
                }
            }
        }
        match (v1_memory, v1_cpu, v2) {
            (None, None, Some(path)) => Self::V2(path),
            (None, None, None) => Self::None,
            (memory, cpu, _) => Self::V1 { memory, cpu },
        }
    }

    /// Makes the cgroups for one container and returns the directories to join; an error says what the host refused.
    pub(crate) fn make(&self, name: &str, limits: Limits) -> io::Result<Vec<PathBuf>> {
        let made = match self {
            Self::V2(own) => Self::make_v2(own, name, limits).map(|group| vec![group]),
            Self::V1 { memory, cpu } => {
                Self::make_v1(memory.as_deref(), cpu.as_deref(), name, limits)
            }
            Self::None => Err(io::Error::other("this machine has no cgroups")),
        };
        if made.is_err() {
            remove(&self.places(name));
        }
        made
    }

    /// Where the cgroups of a container would be.
    pub(crate) fn places(&self, name: &str) -> Vec<PathBuf> {
        match self {
            Self::V2(own) => vec![own.join(name)],
            Self::V1 { memory, cpu } => [memory, cpu]
                .into_iter()
                .flatten()
                .map(|own| own.join(name))
                .collect(),
            Self::None => Vec::new(),
        }
    }

    fn make_v2(own: &Path, name: &str, limits: Limits) -> io::Result<PathBuf> {
        // Fails (EBUSY) where the cgroup holds processes and is not the root: then nobody delegated one to us.
        let wanted: Vec<&str> = [
            limits.memory.map(|_| "+memory"),
            limits.cpu_millis.map(|_| "+cpu"),
        ]
        .into_iter()
        .flatten()
        .collect();
        fs::write(own.join("cgroup.subtree_control"), wanted.join(" "))?;
        let group = own.join(name);
        make_dir(&group)?;
        if let Some(bytes) = limits.memory {
            fs::write(group.join("memory.max"), bytes.to_string())?;
        }
        if let Some(millis) = limits.cpu_millis {
            fs::write(
                group.join("cpu.max"),
                format!("{} {CPU_PERIOD_MICROS}", quota(millis)),
            )?;
        }
        Ok(group)
    }

    fn make_v1(
        memory: Option<&Path>,
        cpu: Option<&Path>,
        name: &str,
        limits: Limits,
    ) -> io::Result<Vec<PathBuf>> {
        let missing =
            |controller: &str| io::Error::other(format!("this machine has no {controller} cgroup"));
        let mut groups = Vec::new();
        if let Some(bytes) = limits.memory {
            let group = memory.ok_or_else(|| missing("memory"))?.join(name);
            make_dir(&group)?;
            fs::write(group.join("memory.limit_in_bytes"), bytes.to_string())?;
            groups.push(group);
        }
        if let Some(millis) = limits.cpu_millis {
            let group = cpu.ok_or_else(|| missing("cpu"))?.join(name);
            make_dir(&group)?;
            fs::write(
                group.join("cpu.cfs_period_us"),
                CPU_PERIOD_MICROS.to_string(),
            )?;
            fs::write(group.join("cpu.cfs_quota_us"), quota(millis).to_string())?;
            groups.push(group);
        }
        Ok(groups)
    }
}

/// The kernel takes no quota below one millisecond.
fn quota(millis: u64) -> u64 {
    (millis * CPU_PERIOD_MICROS / 1000).max(1000)
}

fn make_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Where the hierarchy of a version 1 controller, or (`None`) of version 2, is mounted.
fn mount_point(mounts: &str, controller: Option<&str>) -> Option<(PathBuf, String)> {
    mounts.lines().find_map(|line| {
        // "36 35 0:31 <root> <mount point> rw,… - cgroup cgroup rw,memory"
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let found = match controller {
            None => kind == "cgroup2",
            Some(controller) => {
                kind == "cgroup" && options.split(',').any(|option| option == controller)
            }
        };
        found.then(|| (PathBuf::from(point), root.to_owned()))
    })
}

/// Directory of the cgroup `path` in a hierarchy whose directory `root` is mounted at `point`.
fn below((point, root): &(PathBuf, String), path: &str) -> PathBuf {
    let inside = path
        .strip_prefix(root.trim_end_matches('/'))
        .unwrap_or(path);
    point.join(inside.trim_start_matches('/'))
}

/// Moves this process into a cgroup.
pub(crate) fn join(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

/// The kernel has killed a process of one of these for want of memory.
pub(crate) fn out_of_memory(groups: &[PathBuf]) -> bool {
    groups.iter().any(|group| {
        // Version 2 and version 1 have the same line in different files.
        ["memory.events", "memory.oom_control"]
            .into_iter()
            .any(|file| {
                fs::read_to_string(group.join(file)).is_ok_and(|text| {
                    text.lines().any(|line| {
                        line.strip_prefix("oom_kill ")
                            .is_some_and(|count| count.trim() != "0")
                    })
                })
            })
    })
}

/// Removes cgroups whose processes have ended; one that is still in use stays for the next time.
pub(crate) fn remove(groups: &[PathBuf]) {
    for group in groups {
        let _ = fs::remove_dir(group);
    }
}

#[cfg(test)]
mod tests;
