//! Serves a control plane for trying it with kubectl: `cargo run -p control-plane --example serve -- DIR`.
//! Writes `DIR/kubeconfig` and runs until it is interrupted.
#![expect(
    clippy::print_stdout,
    reason = "this is a program for a person at a terminal"
)]

use std::path::PathBuf;
use std::time::Instant;

use control_plane::{ControlPlane, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let dir = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("say in which directory to keep the data")?,
    );
    let plane = ControlPlane::open(Settings::in_dir(&dir)).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = dir.join("kubeconfig");
    std::fs::write(&config, plane.kubeconfig(listener.local_addr()?))?;
    println!(
        "ready after {:?}: export KUBECONFIG={}",
        started.elapsed(),
        config.display()
    );
    let stop = CancellationToken::new();
    let ended = stop.clone();
    tokio::spawn(async move {
        drop(tokio::signal::ctrl_c().await);
        ended.cancel();
    });
    plane.serve(listener, stop).await?;
    Ok(())
}
