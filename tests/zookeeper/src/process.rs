//! One program that dies with the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs the program, tells its pid, and kills it when standard input ends: the pipe closes with the test process.
const GUARD: &str = r#""$@" >>"$GUARD_OUTPUT" 2>&1 & child=$!
echo "$child"
exec >/dev/null
while read -r _; do :; done
kill -9 "$child" 2>/dev/null"#;

/// A running program.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    guard: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` (program and arguments) with these variables; both outputs go to `log`.
    pub fn start(command: &[String], environment: &[(&str, String)], log: &Path) -> Result<Self> {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .args(command)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("GUARD_OUTPUT", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting sh")?;
        let stdout = guard.stdout.take().context("no output of sh")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let pid = line
            .trim()
            .parse()
            .with_context(|| format!("starting {command:?}"))?;
        Ok(Self {
            pid,
            guard,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends it a signal; it may have ended already.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.pid), signal);
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        // Not yet waited for by its shell, an ended program is a zombie.
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).is_ok_and(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| !rest.starts_with('Z') && !rest.starts_with('X'))
        })
    }

    /// Ends it as an operator would, and waits.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::SIGTERM);
        crate::wait_for("the end of a program", || !self.is_running())
    }

    /// Resident memory and its anonymous part, in kilobytes.
    pub fn memory_kb(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|number| number.parse().ok())
                .unwrap_or(0)
        };
        Ok((field("VmRSS:"), field("RssAnon:")))
    }

    /// The end of what it wrote.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(40)..)
            .unwrap_or_default()
            .join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard kills the program when its input ends.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
