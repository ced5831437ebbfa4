//! `klamm zookeeper`: ZooKeeper's protocol, served from etcd, until told to stop.

mod check;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use zookeeper_server::{EtcdSettings, Secure, Settings, StartError, start};

use crate::args::zookeeper::{Serve, Zookeeper, ZookeeperCommand};
use crate::{BAD_INPUT, output};

/// Runs the command.
pub(crate) fn run(args: Zookeeper) -> anyhow::Result<ExitCode> {
    let Zookeeper { command, serve } = args;
    if let Some(ZookeeperCommand::Check(args)) = command {
        return check::run(args);
    }
    let settings = match settings(serve) {
        Ok(settings) => settings,
        Err(error) => {
            output::error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(until_told(settings))
}

async fn until_told(settings: Settings) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let etcd = settings.etcd.endpoints.join(",");
    let mut running = match start(settings).await {
        Ok(running) => running,
        Err(error @ (StartError::Etcd(_) | StartError::Tls(_))) => {
            output::progress(&format!("klamm: {error}"));
            return Ok(ExitCode::from(BAD_INPUT));
        }
        Err(error) => return Err(error.into()),
    };
    for (what, address) in [
        ("clients", running.address),
        ("clients with TLS", running.secure_address),
        ("metrics", running.metrics_address),
    ] {
        if let Some(address) = address {
            tracing::info!(%address, etcd, "listening for {what}");
        }
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = running.ended() => anyhow::bail!("a part of the server ended"),
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: Serve) -> anyhow::Result<Settings> {
    let Serve {
        etcd,
        etcd_cacert,
        etcd_cert,
        etcd_key,
        etcd_user,
        etcd_password_file,
        prefix,
        listen,
        tls_listen,
        tls_cert,
        tls_key,
        tls_client_ca,
        metrics_listen,
        sasl_users,
        super_digest,
        min_session_timeout,
        max_session_timeout,
        max_client_connections,
        max_connections,
        max_outstanding,
        jute_maxbuffer,
        etcd_max_txn_ops,
        etcd_max_request_bytes,
        reap_every,
    } = args;
    anyhow::ensure!(
        prefix.starts_with('/') && prefix.len() > 1,
        "--prefix {prefix:?}: must start with / and have a name, such as /klamm"
    );
    anyhow::ensure!(
        min_session_timeout <= max_session_timeout,
        "--min-session-timeout {min_session_timeout:?} is longer than --max-session-timeout {max_session_timeout:?}"
    );
    anyhow::ensure!(
        etcd_max_txn_ops >= LEAST_TXN_OPS,
        "--etcd-max-txn-ops {etcd_max_txn_ops}: at least {LEAST_TXN_OPS} are needed; etcd's default is 128"
    );
    anyhow::ensure!(
        max_outstanding > 0,
        "--max-outstanding 0: nothing would ever be read; ZooKeeper's default is 1000"
    );
    if let Some(digest) = &super_digest {
        anyhow::ensure!(
            zookeeper_server::is_digest(digest),
            "--super-digest: must be a name, a colon and 28 characters of base64, such as super:D/InIHSb7yEEbrWz8b9l71RjZJU="
        );
    }
    let identity = match (etcd_cert, etcd_key) {
        (Some(certificate), Some(key)) => Some((
            read("--etcd-cert", &certificate)?,
            read("--etcd-key", &key)?,
        )),
        _ => None,
    };
    let mut settings = Settings::new(EtcdSettings {
        endpoints: etcd.into_iter().map(located).collect(),
        ca: etcd_cacert
            .map(|path| read("--etcd-cacert", &path))
            .transpose()?,
        identity,
        user: match (etcd_user, etcd_password_file) {
            (Some(user), Some(file)) => Some((user, password(&file)?)),
            _ => None,
        },
    });
    settings.prefix = prefix;
    settings.listen = listen;
    settings.secure = match (tls_listen, tls_cert, tls_key) {
        (Some(listen), Some(certificate), Some(key)) => Some(Secure {
            listen,
            certificate,
            key,
            client_ca: tls_client_ca,
        }),
        _ => None,
    };
    settings.metrics = metrics_listen;
    settings.sasl_users = sasl_users
        .map(|path| users(&path))
        .transpose()?
        .unwrap_or_default();
    settings.super_digest = super_digest;
    settings.min_session_timeout = min_session_timeout;
    settings.max_session_timeout = max_session_timeout;
    settings.max_connections_per_address = max_client_connections;
    settings.max_connections = max_connections;
    settings.max_outstanding = max_outstanding;
    settings.max_frame_bytes = jute_maxbuffer;
    settings.etcd_max_txn_ops = etcd_max_txn_ops;
    settings.etcd_max_request_bytes = etcd_max_request_bytes;
    settings.reap_every = reap_every;
    Ok(settings)
}

/// On a process node whose Pods share the machine's hosts file, our own one knows the names of Pods. With TLS the name
/// is what the certificate says, so it stays.
fn located(endpoint: String) -> String {
    let found = || {
        let hosts = std::env::var_os("KLAMM_HOSTS_FILE")?;
        let (host, port) = endpoint.strip_prefix("http://")?.rsplit_once(':')?;
        let address = runner::in_hosts_file(Path::new(&hosts), host)?;
        Some(match address {
            std::net::IpAddr::V4(address) => format!("http://{address}:{port}"),
            std::net::IpAddr::V6(address) => format!("http://[{address}]:{port}"),
        })
    };
    found().unwrap_or(endpoint)
}

/// A create of one node below another needs this many and some to spare.
const LEAST_TXN_OPS: usize = 16;

fn read(option: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{option} {}", path.display()))
}

/// The only line of a file.
fn password(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read("--etcd-password-file", path)?)
        .with_context(|| format!("--etcd-password-file {}", path.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(
        !password.is_empty() && !password.contains('\n'),
        "--etcd-password-file {}: must hold one password and nothing else",
        path.display()
    );
    Ok(password.to_owned())
}

fn users(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = String::from_utf8(read("--sasl-users", path)?)
        .with_context(|| format!("--sasl-users {}", path.display()))?;
    let mut users = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (user, password) = line.split_once(':').with_context(|| {
            format!(
                "--sasl-users {}, line {}: expected `user: password`",
                path.display(),
                number + 1
            )
        })?;
        users.push((user.trim().to_owned(), password.trim().to_owned()));
    }
    Ok(users)
}
