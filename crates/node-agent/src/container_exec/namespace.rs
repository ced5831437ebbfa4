//! A mount namespace in which our hosts file lies over `/etc/hosts`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};

use super::{ExecError, Named as _};

/// What a container sees differently from the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mounts {
    /// File that lies over `/etc/hosts`.
    pub hosts: PathBuf,
    /// A user namespace is needed to be allowed to (not root).
    pub user_namespace: bool,
}

impl Mounts {
    /// Moves this process (one thread) into new namespaces and binds the file.
    pub(super) fn set_up(&self) -> Result<(), ExecError> {
        if self.user_namespace {
            let (user, group) = (
                rustix::process::getuid().as_raw(),
                rustix::process::getgid().as_raw(),
            );
            unshare(CloneFlags::CLONE_NEWUSER).named(|| "user namespace".to_owned())?;
            // The same ids inside as outside, so that files keep their owner.
            fs::write("/proc/self/setgroups", "deny").named(|| "setgroups".to_owned())?;
            fs::write("/proc/self/uid_map", format!("{user} {user} 1"))
                .named(|| "uid_map".to_owned())?;
            fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
                .named(|| "gid_map".to_owned())?;
        }
        unshare(CloneFlags::CLONE_NEWNS).named(|| "mount namespace".to_owned())?;
        // What the machine mounts later is seen here; what is mounted here is not seen there.
        let none: Option<&Path> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)
            .named(|| "make mounts private".to_owned())?;
        mount(
            Some(self.hosts.as_path()),
            "/etc/hosts",
            none,
            MsFlags::MS_BIND,
            none,
        )
        .named(|| "bind /etc/hosts".to_owned())
    }
}

/// Tries in a process of its own whether [`Mounts::set_up`] is allowed here.
pub(super) fn try_mounts(spec: &str) -> Result<ExitCode, ExecError> {
    let mounts: Mounts = serde_json::from_str(spec)?;
    mounts.set_up()?;
    let same = fs::read(&mounts.hosts).ok() == fs::read("/etc/hosts").ok();
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
