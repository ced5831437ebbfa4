//! Options of `klamm zookeeper`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{parse_address, parse_duration};

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Zookeeper {
    #[command(subcommand)]
    pub(crate) command: Option<ZookeeperCommand>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    /// URLs of etcd's members, separated by commas
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        required = true,
        env = "KLAMM_ETCD"
    )]
    pub(crate) etcd: Vec<String>,
    /// PEM: the authority that signed etcd's certificates
    #[arg(long, value_name = "FILE")]
    pub(crate) etcd_cacert: Option<PathBuf>,
    /// PEM: our certificate for etcd
    #[arg(long, value_name = "FILE", requires = "etcd_key")]
    pub(crate) etcd_cert: Option<PathBuf>,
    /// PEM: its key
    #[arg(long, value_name = "FILE", requires = "etcd_cert")]
    pub(crate) etcd_key: Option<PathBuf>,
    /// The user we are to etcd, where it has users
    #[arg(
        long,
        value_name = "NAME",
        requires = "etcd_password_file",
        env = "KLAMM_ETCD_USER"
    )]
    pub(crate) etcd_user: Option<String>,
    /// File with that user's password, alone on its line
    #[arg(
        long,
        value_name = "FILE",
        requires = "etcd_user",
        env = "KLAMM_ETCD_PASSWORD_FILE"
    )]
    pub(crate) etcd_password_file: Option<PathBuf>,
    /// Directory with what etcd asks for, as a Secret is mounted: ca.crt; user.crt and user.key; username and password
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["etcd_cacert", "etcd_cert", "etcd_key", "etcd_user", "etcd_password_file"]
    )]
    pub(crate) etcd_secret: Option<PathBuf>,
    /// Where keys are in etcd; servers with the same one serve the same tree
    #[arg(long, value_name = "PREFIX", default_value = "/klamm")]
    pub(crate) prefix: String,
    /// Where clients connect
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KLAMM_LISTEN",
        value_parser = parse_address,
        required_unless_present = "tls_listen"
    )]
    pub(crate) listen: Option<SocketAddr>,
    /// Where clients connect with TLS
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, requires_all = ["tls_cert", "tls_key"])]
    pub(crate) tls_listen: Option<SocketAddr>,
    /// PEM: our certificate for clients, with those between it and its authority
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM: its key
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    pub(crate) tls_key: Option<PathBuf>,
    /// PEM: the authorities of clients' certificates; with it, clients need one, and are known by it (scheme x509)
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Where to serve /metrics, /healthz, /readyz and /commands/WORD
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// File of users for SASL DIGEST-MD5, one `user: password` per line
    #[arg(long, value_name = "FILE")]
    pub(crate) sasl_users: Option<PathBuf>,
    /// Who may do everything: `super:` and the digest of a password, as ZooKeeper makes it
    #[arg(long, value_name = "DIGEST", env = "KLAMM_ZOOKEEPER_SUPER_DIGEST")]
    pub(crate) super_digest: Option<String>,
    /// Shortest session timeout that is granted
    #[arg(long, value_name = "DURATION", default_value = "4s", value_parser = parse_duration)]
    pub(crate) min_session_timeout: Duration,
    /// Longest session timeout that is granted
    #[arg(long, value_name = "DURATION", default_value = "40s", value_parser = parse_duration)]
    pub(crate) max_session_timeout: Duration,
    /// Connections of one address; 0: any number
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    pub(crate) max_client_connections: usize,
    /// Connections in all; 0: any number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) max_connections: usize,
    /// Requests of all clients that may be unanswered; beyond it, only clients without any are read (globalOutstandingLimit)
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub(crate) max_outstanding: usize,
    /// Longest message, in bytes (jute.maxbuffer)
    #[arg(long, value_name = "BYTES", default_value_t = zookeeper_server::DEFAULT_MAX_FRAME)]
    pub(crate) jute_maxbuffer: usize,
    /// Operations that etcd takes in one transaction (its --max-txn-ops)
    #[arg(long, value_name = "NUMBER", default_value_t = 128)]
    pub(crate) etcd_max_txn_ops: usize,
    /// Bytes that etcd takes in one request (its --max-request-bytes)
    #[arg(long, value_name = "BYTES", default_value_t = 1_572_864)]
    pub(crate) etcd_max_request_bytes: usize,
    /// How often empty containers and nodes that have outlived their time are looked for
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub(crate) reap_every: Duration,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ZookeeperCommand {
    /// Compare a server with Apache ZooKeeper: every request to both, every difference told
    #[command(
        after_help = "Examples:\n  klamm zookeeper check --upstream 127.0.0.1:2181 --against 127.0.0.1:2281 --listen 127.0.0.1:2182\n  \
                            klamm zookeeper check --upstream 127.0.0.1:2181 --against 127.0.0.1:2281 --random 20000 --seed 7\n\n\
                      Both servers should start empty, or equal: clients of the proxy see what --upstream says. The Apache ZooKeeper must be\n\
                      a 3.9: older ones answer some requests otherwise. Random requests are made in rounds of a thousand, and leave their nodes.\n\
                      The exit status is 1 when there was any difference, 2 when an option is not understood."
    )]
    Check(Check),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Check {
    /// The server that is checked; clients get its answers
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_server)]
    pub(crate) upstream: String,
    /// The server that is right: an Apache ZooKeeper
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_server)]
    pub(crate) against: String,
    /// Where clients connect: their requests go to both servers, until Ctrl-C
    #[arg(
        long,
        value_name = "ADDRESS",
        value_parser = parse_address,
        conflicts_with = "random",
        required_unless_present = "random"
    )]
    pub(crate) listen: Option<SocketAddr>,
    /// Send so many requests instead, those that begin and end sessions among them
    #[arg(long, value_name = "NUMBER", value_parser = parse_requests)]
    pub(crate) random: Option<u64>,
    /// The same seed makes the same requests [default: another one each time]
    #[arg(long, value_name = "NUMBER", requires = "random")]
    pub(crate) seed: Option<u64>,
    /// Random requests: sessions at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = parse_sessions)]
    pub(crate) sessions: usize,
    /// Random requests: one session in so many steps falls silent and must expire; 0: none
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    pub(crate) expire_in: u32,
    /// Random requests: operations to leave out, such as createTTL
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
}

/// The most sessions of a round: each has a connection of its own to both servers.
const MOST_SESSIONS: usize = 1000;

fn parse_sessions(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=MOST_SESSIONS).contains(number))
        .ok_or_else(|| format!("expected a number from 1 to {MOST_SESSIONS}, for instance 4"))
}

fn parse_requests(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "expected a number from 1, for instance 20000".to_owned())
}

fn parse_server(text: &str) -> Result<String, String> {
    let port = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(1..) => Ok(text.to_owned()),
        Some(0) | None => Err(
            "expected a host and a port from 1 to 65535, for instance 127.0.0.1:2181".to_owned(),
        ),
    }
}
