//! Commands inside a running container: probes, hooks, `kubectl exec`.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::container::attempt::Running;
use crate::container::command;
use crate::container_exec::EnterSpec;
use crate::images::{self, Resolution};
use crate::process;
use crate::settings::Settings;
use crate::volumes::mount_paths;

/// How much of a probe's output is kept.
const OUTPUT_BYTES: u64 = 10 * 1024;

/// A command that will run inside the container: its namespaces, cgroups, environment, directory.
pub(crate) fn enter(
    settings: &Settings,
    container: &Container,
    root: &Path,
    running: &Running,
    asked: &[String],
    terminal: bool,
) -> io::Result<Command> {
    let image = match images::resolve(container.image.as_deref().unwrap_or_default(), settings) {
        Ok(Resolution::Ready(image)) => *image,
        _ => images::Image::default(),
    };
    let mounts = mount_paths(container);
    let mut asked = asked.to_vec();
    if let Some(program) = asked.first_mut()
        && let Some(here) = command::path(program, &mounts, root, &image)
    {
        *program = here.to_string_lossy().into_owned();
    }
    let environment = process::environment(&running.process)?;
    let spec = EnterSpec {
        command: asked,
        pid: running.process.pid,
        own_mounts: running.own_mounts,
        own_users: running.own_users,
        cgroups: running.cgroups.clone(),
        directory: root.to_owned(),
        terminal,
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let mut command = Command::new(&settings.executable);
    command
        .args(&settings.container_exec)
        .arg("enter")
        .arg(serde_json::to_string(&spec).map_err(io::Error::other)?)
        .env_clear()
        .envs(environment)
        .kill_on_drop(true);
    Ok(command)
}

/// How a command inside a container went.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ended by itself, with this status and this output (both streams).
    Ended {
        success: bool,
        code: i32,
        output: String,
    },
    /// It took too long and was killed.
    TimedOut,
}

/// Runs a command inside a container to its end, or until `timeout`.
pub(crate) async fn run(mut command: Command, timeout: Duration) -> io::Result<Outcome> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (out, err, status) = tokio::join!(read(stdout), read(stderr), child.wait());
        status.map(|status| (status, out + &err))
    };
    match tokio::time::timeout(timeout, work).await {
        Ok(Ok((status, output))) => Ok(Outcome::Ended {
            success: status.success(),
            code: status.code().unwrap_or(137),
            output,
        }),
        Ok(Err(error)) => Err(error),
        // Dropping the child kills it.
        Err(_) => Ok(Outcome::TimedOut),
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut output = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream)
            .take(OUTPUT_BYTES)
            .read_to_end(&mut output)
            .await;
        // Read on, so that a talkative command is not stopped by a full pipe.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&output).into_owned()
}
