//! `klamm zookeeper`: ZooKeeper's protocol, served from etcd, until told to stop.

mod check;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use zookeeper_server::{EtcdSettings, Renewal, Secure, Settings, StartError, start};

use crate::args::zookeeper::{Serve, Zookeeper, ZookeeperCommand};
use crate::{BAD_INPUT, output};

/// Runs the command.
pub(crate) fn run(args: Zookeeper) -> anyhow::Result<ExitCode> {
    let Zookeeper { command, serve } = args;
    if let Some(ZookeeperCommand::Check(args)) = command {
        return check::run(args);
    }
    let access = Access::of(&serve);
    let settings = match settings(serve, &access) {
        Ok(settings) => settings,
        Err(error) => {
            output::error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(until_told(settings, &access))
}

async fn until_told(settings: Settings, access: &Access) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let etcd = settings.etcd.endpoints.join(",");
    let read = settings.etcd.clone();
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
    let renewal = running.renewal();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = running.ended() => anyhow::bail!("a part of the server ended"),
        () = access.follow(read, renewal) => {}
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Nobody wants to wait longer for a client that is gone; whoever says so thinks in milliseconds.
const LONGEST_SESSION: Duration = Duration::from_hours(1);

/// Refuses what each option alone would take.
fn check(args: &Serve) -> anyhow::Result<()> {
    let Serve {
        prefix,
        min_session_timeout,
        max_session_timeout,
        etcd_max_txn_ops,
        max_outstanding,
        jute_maxbuffer,
        etcd_max_request_bytes,
        reap_every,
        super_digest,
        ..
    } = args;
    anyhow::ensure!(
        prefix.starts_with('/') && !prefix.trim_end_matches('/').is_empty(),
        "--prefix {prefix:?}: must start with / and have a name, such as /klamm"
    );
    anyhow::ensure!(
        *max_session_timeout <= LONGEST_SESSION,
        "--max-session-timeout {max_session_timeout:?} is not allowed; allowed: up to {LONGEST_SESSION:?}, in seconds where no \
         unit is given (ZooKeeper's maxSessionTimeout is in milliseconds); for example: 40s"
    );
    anyhow::ensure!(
        min_session_timeout <= max_session_timeout,
        "--min-session-timeout {min_session_timeout:?} is longer than --max-session-timeout {max_session_timeout:?}"
    );
    anyhow::ensure!(
        *etcd_max_txn_ops >= LEAST_TXN_OPS,
        "--etcd-max-txn-ops {etcd_max_txn_ops}: at least {LEAST_TXN_OPS} are needed; etcd's default is 128"
    );
    anyhow::ensure!(
        *max_outstanding > 0,
        "--max-outstanding 0: nothing would ever be read; ZooKeeper's default is 1000"
    );
    anyhow::ensure!(
        *jute_maxbuffer >= LEAST_FRAME_BYTES,
        "--jute-maxbuffer {jute_maxbuffer}: at least {LEAST_FRAME_BYTES} bytes are needed; ZooKeeper's default is 1048575"
    );
    anyhow::ensure!(
        *etcd_max_request_bytes >= LEAST_REQUEST_BYTES,
        "--etcd-max-request-bytes {etcd_max_request_bytes}: at least {LEAST_REQUEST_BYTES} are needed; etcd's default is 1572864"
    );
    anyhow::ensure!(
        !min_session_timeout.is_zero() && !reap_every.is_zero(),
        "--min-session-timeout and --reap-every: must be longer than nothing, such as 4s and 1m"
    );
    if let Some(digest) = super_digest {
        anyhow::ensure!(
            zookeeper_server::is_digest(digest),
            "--super-digest: must be a name, a colon and 28 characters of base64, such as super:D/InIHSb7yEEbrWz8b9l71RjZJU="
        );
    }
    Ok(())
}

fn settings(args: Serve, access: &Access) -> anyhow::Result<Settings> {
    check(&args)?;
    let Serve {
        etcd: _,
        etcd_cacert: _,
        etcd_cert: _,
        etcd_key: _,
        etcd_user: _,
        etcd_password_file: _,
        etcd_secret: _,
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
    let mut settings = Settings::new(access.read()?);
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

/// How etcd is spoken to, as the options say it: where the files are, not what is in them.
struct Access {
    endpoints: Vec<String>,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    user: Option<(String, PathBuf)>,
    secret: Option<PathBuf>,
}

/// How often it is looked whether the files changed; a kubelet takes about a minute to bring a new Secret.
const LOOK: Duration = Duration::from_secs(2);

impl Access {
    fn of(args: &Serve) -> Self {
        let both =
            |first: &Option<PathBuf>, second: &Option<PathBuf>| first.clone().zip(second.clone());
        Self {
            endpoints: args.etcd.iter().cloned().map(located).collect(),
            ca: args.etcd_cacert.clone(),
            identity: both(&args.etcd_cert, &args.etcd_key),
            user: args.etcd_user.clone().zip(args.etcd_password_file.clone()),
            secret: args.etcd_secret.clone().map(in_container),
        }
    }

    fn read(&self) -> anyhow::Result<EtcdSettings> {
        let endpoints = self.endpoints.clone();
        if let Some(dir) = &self.secret {
            return of_secret(endpoints, dir);
        }
        let ca = self.ca.as_deref().map(|path| read("--etcd-cacert", path));
        let identity = self.identity.as_ref().map(|(certificate, key)| {
            anyhow::Ok((read("--etcd-cert", certificate)?, read("--etcd-key", key)?))
        });
        let user = self.user.as_ref().map(|(user, file)| {
            anyhow::Ok((user.clone(), one_line("--etcd-password-file", file)?))
        });
        Ok(EtcdSettings {
            endpoints,
            ca: ca.transpose()?,
            identity: identity.transpose()?,
            user: user.transpose()?,
        })
    }

    /// Passes on what the files hold when it changes. Files of which one is already new and another is not, or that are
    /// not there for a moment, leave what was read before; that is told once.
    async fn follow(&self, mut current: EtcdSettings, renewal: Renewal) {
        let mut told = String::new();
        loop {
            tokio::time::sleep(LOOK).await;
            let renewed = self.read().and_then(|now| {
                if now != current {
                    renewal.renew(&now)?;
                    tracing::info!("etcd is spoken to with what its files say now");
                    current = now;
                }
                Ok(())
            });
            let error = renewed.err().map(|error| format!("{error:#}"));
            match error {
                Some(error) if error != told => {
                    tracing::warn!(
                        error,
                        "the files for etcd cannot be used; what was read before is"
                    );
                    told = error;
                }
                Some(_) => {}
                None => told.clear(),
            }
        }
    }
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
/// Of the request that begins a session, and of small answers.
const LEAST_FRAME_BYTES: usize = 1024;
/// Of a transaction of one small node, with what is kept free for its head.
const LEAST_REQUEST_BYTES: usize = 64 * 1024;

fn read(option: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{option} {}", path.display()))
}

/// A container's volumes are below its root where Pods are processes.
fn in_container(dir: PathBuf) -> PathBuf {
    let below = std::env::var_os("KLAMM_ROOT").and_then(|root| {
        let inside = dir.strip_prefix("/").ok()?;
        Some(Path::new(&root).join(inside)).filter(|below| below.is_dir())
    });
    below.unwrap_or(dir)
}

/// What a Secret holds of what etcd may ask for. One of a pair without the other is a mistake, not a choice.
fn of_secret(endpoints: Vec<String>, dir: &Path) -> anyhow::Result<EtcdSettings> {
    const OPTION: &str = "--etcd-secret";
    anyhow::ensure!(
        dir.is_dir(),
        "{OPTION} {}: is not a directory",
        dir.display()
    );
    let file = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
    let pair = |first: &str, second: &str| match (file(first), file(second)) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (found, _) => {
            let missing = if found.is_some() { second } else { first };
            anyhow::bail!(
                "{OPTION} {}: has {first} or {second} but not both; {missing} is missing",
                dir.display()
            )
        }
    };
    let certificate = pair("user.crt", "user.key")?;
    let user = pair("username", "password")?;
    let ca = file("ca.crt");
    anyhow::ensure!(
        ca.is_some() || certificate.is_some() || user.is_some(),
        "{OPTION} {}: has none of ca.crt; user.crt and user.key; username and password",
        dir.display()
    );
    Ok(EtcdSettings {
        endpoints,
        ca: ca.map(|path| read(OPTION, &path)).transpose()?,
        identity: certificate
            .map(|(certificate, key)| {
                anyhow::Ok((read(OPTION, &certificate)?, read(OPTION, &key)?))
            })
            .transpose()?,
        user: user
            .map(|(name, password)| {
                anyhow::Ok((one_line(OPTION, &name)?, one_line(OPTION, &password)?))
            })
            .transpose()?,
    })
}

/// The only line of a file.
fn one_line(option: &str, path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read(option, path)?)
        .with_context(|| format!("{option} {}", path.display()))?;
    let line = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(
        !line.is_empty() && !line.contains('\n'),
        "{option} {}: must hold one line and nothing else",
        path.display()
    );
    Ok(line.to_owned())
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

#[cfg(test)]
mod tests;
