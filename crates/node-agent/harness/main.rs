//! An agent in a process of its own, so that tests can kill it; and the helper processes of containers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use node_agent::home::Home;
use node_agent::settings::{OnStop, Settings};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("container-exec") => node_agent::container_exec::main(&args.collect::<Vec<_>>()),
        Some("agent") => {
            let [home, registry, kubeconfig] =
                [(); 3].map(|()| PathBuf::from(args.next().expect("HOME REGISTRY KUBECONFIG")));
            agent(&home, &registry, &kubeconfig);
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}

#[tokio::main]
async fn agent(home: &Path, registry: &Path, kubeconfig: &Path) {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("config");
    let client = Client::try_from(config).expect("client");
    let mut settings = Settings::new(home, std::env::current_exe().expect("own path"));
    settings.held = Some(Arc::new(Home::hold(home, registry).expect("home")));
    settings.allow_host_images = true;
    settings.cgroups = false;
    settings.on_stop = OnStop::LeaveRunning;
    node_agent::run(client, settings, CancellationToken::new())
        .await
        .expect("agent");
}
