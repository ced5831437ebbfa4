//! A file that one process holds: who holds it can be asked without taking it, not even for a moment.
//!
//! Held is an open file description lock; what the file says only names the holder, and is believed only of a
//! process that is still the one that wrote it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::process::ProcessId;

/// A file that this process holds while this value lives.
#[derive(Debug)]
pub struct Hold(File);

/// Who holds a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A process that lives, and is the one that took it.
    Process(ProcessId),
    /// Somebody who has not said yet who that is.
    Unnamed,
}

impl Hold {
    /// Takes the file, made if need be; `None` when another process holds it.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let own = i32::try_from(std::process::id())
            .ok()
            .and_then(ProcessId::of)
            .ok_or_else(|| io::Error::other("this process is not in /proc"))?;
        let text = serde_json::to_vec(&own).map_err(io::Error::other)?;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text)?;
        Ok(Some(Self(file)))
    }
}

impl Drop for Hold {
    /// Lets go at once: a process that is being forked at this moment holds a copy of the file, and the lock with it.
    fn drop(&mut self) {
        // Whoever takes it next has not said who that is before it has.
        let _ = self.0.set_len(0);
        let _ = fcntl(&self.0, FcntlArg::F_OFD_SETLK(&whole(libc::F_UNLCK)));
    }
}

/// Who holds the file, if anybody does; nothing is taken and nothing is made.
pub fn holder(path: &Path) -> io::Result<Option<Holder>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut question = whole(libc::F_WRLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut question))?;
    if i32::from(question.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let named: Option<ProcessId> = serde_json::from_slice(&text).ok();
    Ok(Some(match named.filter(ProcessId::alive) {
        Some(process) => Holder::Process(process),
        None => Holder::Unnamed,
    }))
}

/// The lock on all of a file.
fn whole(kind: i32) -> libc::flock {
    libc::flock {
        l_type: i16::try_from(kind).unwrap_or(0),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or(0),
        l_start: 0,
        l_len: 0,
        // The kernel wants 0 here for locks of an open file description.
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests;
