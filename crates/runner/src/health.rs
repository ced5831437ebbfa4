//! Health, state and metrics over plain HTTP; nothing secret is told.
//!
//! | path | answers |
//! |---|---|
//! | `/livez` | 200 while the JVM lives |
//! | `/readyz` | 200 once a broker was unfenced after its start, or a controller is up; else 503 with the reason in words |
//! | `/v1/broker-state` | Strimzi's JSON, and the hashes of what runs |
//! | `/metrics` | the runner's own metrics, Prometheus text |
//!
//! A broker that the controller fences later stays ready here: it does not say so itself, and whoever takes it out of
//! Services would cut off clients of a broker that is about to come back. The operator asks the controller.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use model::runner::{BrokerState, RunnerConfig};
use tokio::net::{TcpListener, TcpSocket};

use crate::RunnerError;
use crate::environment::Environment;
use crate::served::Served;
use crate::state::{State, number};
use crate::task::Doing;

/// What the endpoints tell, shared with the supervisor.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) environment: Environment,
    pub(crate) config: RunnerConfig,
    live: Mutex<Live>,
}

/// The part that changes while Kafka runs.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// What Kafka's state log told.
    pub(crate) state: State,
    /// The JVM's process, while it lives.
    pub(crate) jvm: Option<u32>,
    pub(crate) doing: Doing,
    /// What its TLS listeners serve.
    pub(crate) served: Served,
    /// Why files that changed were not taken.
    pub(crate) files_kept_because: Option<String>,
    /// How often PEM files were assembled anew under a running JVM.
    pub(crate) reassembled: u64,
}

impl Shared {
    pub(crate) fn new(environment: Environment, config: RunnerConfig) -> Arc<Self> {
        Arc::new(Self {
            environment,
            config,
            live: Mutex::default(),
        })
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        // Nothing in there can be left half-changed by a panic.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on the health port: on the Pod's address on a process node, everywhere in a container.
pub(crate) async fn bind(shared: &Shared) -> Result<TcpListener, RunnerError> {
    listen(&shared.environment, shared.config.health_port).await
}

/// The same, for any Pod.
pub(crate) async fn listen(
    environment: &Environment,
    port: u16,
) -> Result<TcpListener, RunnerError> {
    let bound = if environment.uses_pod_ip {
        TcpListener::bind((environment.pod_ip, port)).await
    } else {
        match listen_everywhere(port) {
            // A machine without IPv6.
            Err(error) if error.kind() != ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
            }
            bound => bound,
        }
    };
    bound.map_err(|source| RunnerError::File {
        operation: "listen on",
        path: if environment.uses_pod_ip {
            SocketAddr::new(environment.pod_ip, port).to_string().into()
        } else {
            format!("port {port}").into()
        },
        source,
    })
}

/// On all addresses of both families: the kubelet asks at the Pod's address, whichever it has.
fn listen_everywhere(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v6()?;
    rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
    socket.listen(BACKLOG)
}

/// Connections that may wait; probes come one at a time.
const BACKLOG: u32 = 128;

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let with = |answer: fn(&Shared) -> (StatusCode, String)| {
        let shared = Arc::clone(&shared);
        get(move || async move { answer(&shared) })
    };
    let state = Arc::clone(&shared);
    let router = axum::Router::new()
        .route("/livez", with(livez))
        .route("/readyz", with(readyz))
        .route("/metrics", with(metrics))
        .route(
            "/v1/broker-state",
            get(move || async move { Json(broker_state(&state)) }),
        );
    answer_http(listener, router).await;
}

/// Answers HTTP/1.1 only: whoever asks here speaks it, and the pages of the other protocol stay out of memory.
pub(crate) async fn answer_http(listener: TcpListener, router: axum::Router) {
    loop {
        let connection = match listener.accept().await {
            Ok((connection, _)) => TokioIo::new(connection),
            Err(error) => {
                tracing::warn!(%error, "the health endpoint cannot take a connection");
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let answered = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(FOR_A_REQUEST)
                .serve_connection(connection, service)
                .await;
            if let Err(error) = answered {
                tracing::debug!(%error, "a question to the health endpoint was not finished");
            }
        });
    }
}

/// How long a connection may be open without asking.
const FOR_A_REQUEST: Duration = Duration::from_secs(90);
/// Out of file descriptors, for one: some will be closed.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

fn livez(shared: &Shared) -> (StatusCode, String) {
    let live = shared.live();
    if live.jvm.is_some() || live.doing != Doing::Ended {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the JVM has ended\n".to_owned(),
        )
    }
}

fn readyz(shared: &Shared) -> (StatusCode, String) {
    let live = shared.live();
    if live.jvm.is_none() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", live.doing.words()),
        );
    }
    if live.state.is_ready(shared.config.roles.is_broker()) {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let why = match (live.state.recovery_percent(), live.state.broker) {
        (Some(percent), _) => format!("log recovery {percent} %"),
        (None, number::NOT_RUNNING) => "the JVM is booting".to_owned(),
        (None, number::STARTING) => "starting: catching up with the metadata log".to_owned(),
        (None, number::RECOVERY) => "caught up: waiting to be unfenced".to_owned(),
        (None, number::PENDING_CONTROLLED_SHUTDOWN | number::SHUTTING_DOWN) => {
            "shutting down".to_owned()
        }
        (None, _) => "waiting for its listeners".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}

fn broker_state(shared: &Shared) -> BrokerState {
    let live = shared.live();
    let broker_state = match live.jvm {
        None => number::NOT_RUNNING,
        // A node that is only a controller has no broker life cycle; up counts as running, as for Strimzi's agent.
        Some(_) if !shared.config.roles.is_broker() && live.state.started => number::RUNNING,
        Some(_) => live.state.broker,
    };
    let prepares = live.jvm.is_none() && live.doing != Doing::Ended;
    BrokerState {
        broker_state,
        doing: prepares.then(|| live.doing.words().to_owned()),
        recovery_state: live.state.recovery(),
        certificate_hash: live.served.certificates.clone(),
        assembled_hash: live.served.given.certificates.clone(),
        stale_trust: live.served.stale_trust(),
        started_certificate_ends: live.served.started_certificate_ends(),
        files_kept_because: live.files_kept_because.clone(),
        config_hash: shared.config.configuration_hash.clone(),
        runner_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn metrics(shared: &Shared) -> (StatusCode, String) {
    use std::fmt::Write as _;
    let state = broker_state(shared);
    let live = shared.live();
    let ready = live.state.is_ready(shared.config.roles.is_broker());
    let left = state.recovery_state;
    let left = left.map_or(0, |recovery| recovery.remaining_logs_to_recover);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let ends = live.served.given.ends.iter();
    let ends = ends.map(|(file, seconds)| (format!("{{file={file:?}}}"), *seconds));
    let one = |value: i64| vec![(String::new(), value)];
    let families = [
        (
            "klamm_runner_broker_state",
            "gauge",
            "Kafka's BrokerState number.",
            one(state.broker_state.into()),
        ),
        (
            "klamm_runner_ready",
            "gauge",
            "1 when the node serves.",
            one(ready.into()),
        ),
        (
            "klamm_runner_remaining_logs_to_recover",
            "gauge",
            "Logs still to be recovered after an unclean shutdown.",
            one(number(left)),
        ),
        (
            "klamm_runner_pem_files_reassembled_total",
            "counter",
            "PEM files written anew under a running JVM.",
            one(number(live.reassembled)),
        ),
        (
            "klamm_runner_certificate_expiry_seconds",
            "gauge",
            "Unix time at which the certificate expires.",
            ends.collect(),
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, samples) in families {
        if samples.is_empty() {
            continue;
        }
        // Once for all samples of a name, as the exposition format wants it.
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    (StatusCode::OK, text)
}

#[cfg(test)]
mod tests;
