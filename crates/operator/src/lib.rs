//! The operator's loops: look → decide → act → tell.
//!
//! What it does: keeps each Kafka cluster of its scope as its resources describe it. What it reads: the Kubernetes API,
//! Kafka's admin protocol, the runner beside each node; its own [`Settings`]. Invariants: it knows Kubernetes only by its
//! API, so that it runs alike on a cluster and on one machine; nothing that matters lives in this process; only the
//! holder of the permit acts; what it does is in a plan that the pure planner made; nothing secret leaves a Secret.
//!
//! Not here: what is decided (`planner`), what objects look like (`manifests`), how Kafka is spoken to (`kafka-client`).
//!
//! ```text
//!  watch ─► controller ─► one loop per cluster: observe ─► planner ─► execute ─► tell
//!                              ▲                                         │
//!                           permit (Lease)                            apply ─► Kubernetes, Kafka
//! ```

pub mod apply;
pub mod certificates;
pub mod clock;
mod cluster;
mod controller;
pub mod error;
mod events;
pub mod faults;
mod hands;
mod idle;
pub mod kinds;
pub mod metrics;
pub mod permit;
pub mod recorder;
mod serve;
pub mod settings;
mod watch;

pub use error::Error;
pub use settings::Settings;

use hands::Hands;
use metrics::Metrics;
use recorder::Recorder;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs the operator until `stop`; then the leader's Lease is given back and nothing is left running.
///
/// Errors: only what cannot get better by trying again, such as an address that cannot be listened on.
pub async fn run(
    client: kube::Client,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), Error> {
    let client = settings.faults.around(client);
    let (metrics, recorder) = (Metrics::default(), Recorder::default());
    // Everything that runs belongs to this future: dropping it ends all of it.
    let mut tasks = JoinSet::new();
    if let Some(address) = settings.listen {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|source| Error::Listen { address, source })?;
        tasks.spawn(serve::serve(
            listener,
            metrics.clone(),
            recorder.clone(),
            stop.clone(),
        ));
    }
    // The Lease is given back last: until then nobody else acts.
    let ended = CancellationToken::new();
    let (permit, keeper) = permit::keep(
        client.clone(),
        settings.lease.clone(),
        settings.clock,
        ended.clone(),
    );
    tasks.spawn(keeper);
    let clock = settings.clock;
    let hands = Hands {
        client,
        settings,
        clock,
        permit,
        metrics,
        recorder,
    };
    let mut permit = hands.permit.clone();
    while let Some(()) = stop.run_until_cancelled(permit.acquired()).await {
        let _idle = idle::start(&hands);
        controller::lead(&hands, &stop).await;
    }
    ended.cancel();
    while let Some(finished) = tasks.join_next().await {
        if let Err(error) = finished {
            tracing::error!(%error, "a task ended unexpectedly");
        }
    }
    Ok(())
}
