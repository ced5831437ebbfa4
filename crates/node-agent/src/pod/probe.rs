//! Probes of a running container, with the kubelet's timing: at once (after the initial delay), then every period;
//! liveness and readiness only after the start-up probe has succeeded.
//!
//! One thing more: until a start-up or readiness probe has succeeded once, it is tried again between its periods
//! (`eager_probes`). Only a success of such a try counts, so nothing fails sooner than the manifest says.

mod http;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ExecAction, HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::enter::{self, Outcome};
use crate::container::attempt::Running;
use crate::settings::Settings;

pub(crate) use http::get;

/// How often an eager probe is tried.
const EAGER_EVERY: Duration = Duration::from_millis(100);

/// What is probed.
#[derive(Clone)]
pub(crate) struct Target {
    pub settings: Arc<Settings>,
    pub container: Container,
    pub root: PathBuf,
    pub running: Running,
    pub ip: Ipv4Addr,
}

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Startup,
    Readiness,
    Liveness,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// What probing has found.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// The container has started (or nobody asks).
    Started,
    /// It can, or cannot, take requests.
    Ready(bool),
    /// One try failed; for an event.
    Failed { kind: Kind, why: String },
    /// It failed too often: the container must be started anew.
    Unhealthy {
        kind: Kind,
        grace_seconds: Option<i64>,
    },
}

/// Probes until the container ends (then this future is dropped) or must end.
pub(crate) async fn watch(target: Arc<Target>, report: impl Fn(Verdict) + Clone) {
    if let Some(probe) = &target.container.startup_probe
        && !until_success(&target, probe, &report).await
    {
        return;
    }
    report(Verdict::Started);
    let readiness = async {
        match &target.container.readiness_probe {
            Some(probe) => watch_readiness(&target, probe, &report).await,
            None => report(Verdict::Ready(true)),
        }
    };
    let liveness = async {
        if let Some(probe) = &target.container.liveness_probe {
            watch_liveness(&target, probe, &report).await;
        }
    };
    tokio::join!(readiness, liveness);
}

/// Times and thresholds of a probe, defaults filled in.
struct Rhythm {
    delay: Duration,
    period: Duration,
    failures: i32,
    successes: i32,
}

fn rhythm(probe: &Probe) -> Rhythm {
    let seconds = |value: Option<i32>, default: u64| {
        Duration::from_secs(
            value
                .and_then(|value| u64::try_from(value).ok())
                .unwrap_or(default),
        )
    };
    Rhythm {
        delay: seconds(probe.initial_delay_seconds, 0),
        period: seconds(probe.period_seconds.filter(|period| *period > 0), 10),
        failures: probe
            .failure_threshold
            .filter(|count| *count > 0)
            .unwrap_or(3),
        successes: probe
            .success_threshold
            .filter(|count| *count > 0)
            .unwrap_or(1),
    }
}

/// Runs a start-up probe; `false` if it failed for good.
async fn until_success(target: &Target, probe: &Probe, report: &impl Fn(Verdict)) -> bool {
    let rhythm = rhythm(probe);
    let mut at = Instant::now() + rhythm.delay;
    let mut failures = 0;
    sleep_until(at).await;
    loop {
        match attempt(target, probe).await {
            Ok(()) => return true,
            Err(why) => report(Verdict::Failed {
                kind: Kind::Startup,
                why,
            }),
        }
        failures += 1;
        if failures >= rhythm.failures {
            report(Verdict::Unhealthy {
                kind: Kind::Startup,
                grace_seconds: probe.termination_grace_period_seconds,
            });
            return false;
        }
        at = next(at, rhythm.period);
        if eager_success(target, probe, at).await {
            return true;
        }
    }
}

async fn watch_readiness(target: &Target, probe: &Probe, report: &impl Fn(Verdict)) {
    let rhythm = rhythm(probe);
    let mut at = Instant::now() + rhythm.delay;
    let (mut good, mut bad, mut ready, mut once) = (0, 0, false, false);
    sleep_until(at).await;
    loop {
        match attempt(target, probe).await {
            Ok(()) => {
                (good, bad) = (good + 1, 0);
                if !ready && good >= rhythm.successes {
                    (ready, once) = (true, true);
                    report(Verdict::Ready(true));
                }
            }
            Err(why) => {
                (good, bad) = (0, bad + 1);
                report(Verdict::Failed {
                    kind: Kind::Readiness,
                    why,
                });
                if ready && bad >= rhythm.failures {
                    ready = false;
                    report(Verdict::Ready(false));
                }
            }
        }
        at = next(at, rhythm.period);
        if !once && rhythm.successes == 1 && eager_success(target, probe, at).await {
            (ready, once, good, bad) = (true, true, 1, 0);
            report(Verdict::Ready(true));
        }
        sleep_until(at).await;
    }
}

async fn watch_liveness(target: &Target, probe: &Probe, report: &impl Fn(Verdict)) {
    let rhythm = rhythm(probe);
    let mut at = Instant::now() + rhythm.delay;
    let mut bad = 0;
    loop {
        sleep_until(at).await;
        match attempt(target, probe).await {
            Ok(()) => bad = 0,
            Err(why) => {
                bad += 1;
                report(Verdict::Failed {
                    kind: Kind::Liveness,
                    why,
                });
                if bad >= rhythm.failures {
                    report(Verdict::Unhealthy {
                        kind: Kind::Liveness,
                        grace_seconds: probe.termination_grace_period_seconds,
                    });
                    return;
                }
            }
        }
        at = next(at, rhythm.period);
    }
}

/// Ticks are kept; those that a slow probe has missed are left out.
fn next(at: Instant, period: Duration) -> Instant {
    (at + period).max(Instant::now())
}

/// Tries quietly until `deadline`; commands are too dear for that.
async fn eager_success(target: &Target, probe: &Probe, deadline: Instant) -> bool {
    if target.settings.eager_probes && probe.exec.is_none() {
        while Instant::now() + EAGER_EVERY < deadline {
            tokio::time::sleep(EAGER_EVERY).await;
            if attempt(target, probe).await.is_ok() {
                return true;
            }
        }
    }
    sleep_until(deadline).await;
    false
}

async fn attempt(target: &Target, probe: &Probe) -> Result<(), String> {
    let timeout = Duration::from_secs(
        probe
            .timeout_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .unwrap_or(1),
    );
    if let Some(ExecAction { command }) = &probe.exec {
        return exec(target, command.as_deref().unwrap_or_default(), timeout).await;
    }
    let work = async {
        if let Some(action) = &probe.http_get {
            let status = http_get(&target.container, target.ip, action).await?;
            return if (200..400).contains(&status) {
                Ok(())
            } else {
                Err(format!("HTTP probe failed with statuscode: {status}"))
            };
        }
        if let Some(TCPSocketAction { host, port }) = &probe.tcp_socket {
            let port = port_number(&target.container, port)?;
            let ip = host_address(host.as_deref(), target.ip)?;
            return TcpStream::connect((ip, port))
                .await
                .map(drop)
                .map_err(|error| format!("dial tcp {ip}:{port}: {error}"));
        }
        Ok(())
    };
    tokio::time::timeout(timeout, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", timeout.as_secs())))
}

async fn exec(target: &Target, command: &[String], timeout: Duration) -> Result<(), String> {
    let command = enter::enter(
        &target.settings,
        &target.container,
        &target.root,
        &target.running,
        command,
        false,
    );
    match command.map_err(|error| error.to_string()) {
        Ok(command) => match enter::run(command, timeout).await {
            Ok(Outcome::Ended { success: true, .. }) => Ok(()),
            Ok(Outcome::Ended { code, output, .. }) => {
                Err(format!("command exited with {code}: {}", output.trim()))
            }
            Ok(Outcome::TimedOut) => {
                Err(format!("command timed out after {} s", timeout.as_secs()))
            }
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error),
    }
}

/// Asks a container by HTTP as a probe or a hook says; the status of the answer.
pub(crate) async fn http_get(
    container: &Container,
    ip: Ipv4Addr,
    action: &HTTPGetAction,
) -> Result<u16, String> {
    let port = port_number(container, &action.port)?;
    let ip = host_address(action.host.as_deref(), ip)?;
    get(ip, port, action).await
}

/// A port by number, or by the name the container gives it.
pub(crate) fn port_number(container: &Container, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_deref() == Some(name))
            .map(|port| port.container_port)
            .or_else(|| name.parse().ok()),
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| match port {
            IntOrString::Int(number) => format!("{number} is not a port"),
            IntOrString::String(name) => {
                format!("container {} has no port named {name:?}", container.name)
            }
        })
}

fn host_address(host: Option<&str>, pod: Ipv4Addr) -> Result<IpAddr, String> {
    match host {
        None | Some("") => Ok(IpAddr::V4(pod)),
        Some("localhost") => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Some(host) => host.parse().map_err(|_| {
            format!("probes of this node need an address, not the host name {host:?}")
        }),
    }
}
