//! Answers to four-letter words, in ZooKeeper's format, and the same figures as metrics.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use zookeeper_protocol::FourLetter;

use crate::shared::Shared;

/// The version of ZooKeeper whose behaviour this is.
const VERSION: &str = concat!("3.9.5-klamm-", env!("CARGO_PKG_VERSION"));
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The text that is sent back before the connection is closed.
pub(crate) fn answer(shared: &Shared, word: FourLetter) -> String {
    match word {
        FourLetter::Ruok => return "imok".to_owned(),
        FourLetter::Isro => return if shared.is_serving() { "rw" } else { "null" }.to_owned(),
        _ => {}
    }
    if !shared.is_serving() {
        return NOT_SERVING.to_owned();
    }
    match word {
        FourLetter::Ruok | FourLetter::Isro => String::new(),
        FourLetter::Conf => conf(shared),
        FourLetter::Cons => connections(shared, true),
        FourLetter::Crst => "Connection stats reset.\n".to_owned(),
        FourLetter::Dirs => format!(
            "datadir_size: {}\nlogdir_size: 0\n",
            shared.read().tree.bytes()
        ),
        FourLetter::Dump => dump(shared),
        FourLetter::Envi => format!(
            "Environment:\nzookeeper.version={VERSION}\nos.name={}\nos.arch={}\n",
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        FourLetter::Mntr => {
            let mut text = format!("zk_version\t{VERSION}\nzk_server_state\tstandalone\n");
            for (name, value) in figures(shared) {
                let _ = writeln!(text, "zk_{name}\t{value}");
            }
            text
        }
        FourLetter::Srst => {
            shared.stats.reset();
            "Server stats reset.\n".to_owned()
        }
        FourLetter::Srvr => server(shared),
        FourLetter::Stat => format!(
            "Zookeeper version: {VERSION}\nClients:\n{}\n{}",
            connections(shared, false),
            server(shared)
                .split_once('\n')
                .map_or(String::new(), |(_, rest)| rest.to_owned())
        ),
        FourLetter::Wchs => {
            let mirror = shared.read();
            let tables = mirror.watches();
            format!(
                "{} connections watching {} paths\nTotal watches:{}\n",
                tables.data.lines(),
                tables.data.paths(),
                tables.data.total()
            )
        }
        FourLetter::Wchc => watches_by_session(shared),
        FourLetter::Wchp => watches_by_path(shared),
    }
}

fn conf(shared: &Shared) -> String {
    let settings = &shared.settings;
    format!(
        "clientPort={}\nsecureClientPort={}\ntickTime=2000\nmaxClientCnxns={}\nminSessionTimeout={}\n\
         maxSessionTimeout={}\nserverId=0\n",
        settings
            .listen
            .map_or(-1, |address| i32::from(address.port())),
        settings
            .secure
            .as_ref()
            .map_or(-1, |secure| i32::from(secure.listen.port())),
        settings.max_connections_per_address,
        settings.min_session_timeout.as_millis(),
        settings.max_session_timeout.as_millis(),
    )
}

fn server(shared: &Shared) -> String {
    let latency = shared.stats.latency();
    let outstanding = shared.outstanding.load(Ordering::Relaxed);
    let mirror = shared.read();
    format!(
        "Zookeeper version: {VERSION}\nLatency min/avg/max: {}/{:.4}/{}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {:#x}\nMode: standalone\nNode count: {}\n",
        latency.min,
        latency.average,
        latency.max,
        shared.stats.received.load(Ordering::Relaxed),
        shared.stats.sent.load(Ordering::Relaxed),
        mirror.lines.len(),
        outstanding,
        mirror.zxid,
        mirror.tree.len(),
    )
}

fn connections(shared: &Shared, full: bool) -> String {
    let mirror = shared.read();
    let mut text = String::new();
    for line in mirror.lines.values() {
        let _ = write!(
            text,
            " /{}[1](queued={},recved={},sent={}",
            line.peer,
            line.waiting.load(Ordering::Relaxed),
            line.received.load(Ordering::Relaxed),
            line.sent.load(Ordering::Relaxed)
        );
        if full {
            let _ = write!(
                text,
                ",sid={:#x},est={},to={},lcxid={:#x},lzxid={:#x}",
                line.session,
                line.established,
                line.timeout,
                line.last_xid.load(Ordering::Relaxed),
                line.last_zxid.load(Ordering::Relaxed)
            );
        }
        text.push_str(")\n");
    }
    text.push('\n');
    text
}

fn dump(shared: &Shared) -> String {
    let mirror = shared.read();
    let mut text = format!("Sessions ({}):\n", mirror.sessions.len());
    for id in mirror.sessions.keys() {
        let _ = writeln!(text, "\t{id:#x}");
    }
    let owners: Vec<i64> = mirror.tree.owners().collect();
    let _ = writeln!(text, "Sessions with Ephemerals ({}):", owners.len());
    for id in owners {
        let _ = writeln!(text, "{id:#x}:");
        for path in mirror.tree.ephemerals(id) {
            let _ = writeln!(text, "\t{path}");
        }
    }
    text
}

fn watches_by_session(shared: &Shared) -> String {
    let mirror = shared.read();
    let tables = mirror.watches();
    let mut text = String::new();
    for (id, paths) in tables.data.by_line() {
        let session = mirror.lines.get(&id).map_or(0, |line| line.session);
        let _ = writeln!(text, "{session:#x}");
        for path in paths {
            let _ = writeln!(text, "\t{path}");
        }
    }
    text.push('\n');
    text
}

fn watches_by_path(shared: &Shared) -> String {
    let mirror = shared.read();
    let tables = mirror.watches();
    let mut text = String::new();
    for (path, lines) in tables.data.by_path() {
        let _ = writeln!(text, "{path}");
        for id in lines {
            let session = mirror.lines.get(&id).map_or(0, |line| line.session);
            let _ = writeln!(text, "\t{session:#x}");
        }
    }
    text.push('\n');
    text
}

/// Figures under ZooKeeper's own names.
pub(crate) fn figures(shared: &Shared) -> Vec<(&'static str, String)> {
    let latency = shared.stats.latency();
    let outstanding = shared.outstanding.load(Ordering::Relaxed);
    let mirror = shared.read();
    let watches = {
        let tables = mirror.watches();
        tables.data.total() + tables.children.total()
    };
    let stat = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed).to_string();
    let mut figures = vec![
        ("uptime", shared.tick().to_string()),
        ("avg_latency", format!("{:.4}", latency.average)),
        ("max_latency", latency.max.to_string()),
        ("min_latency", latency.min.to_string()),
        ("packets_received", stat(&shared.stats.received)),
        ("packets_sent", stat(&shared.stats.sent)),
        ("num_alive_connections", mirror.lines.len().to_string()),
        ("outstanding_requests", outstanding.to_string()),
        ("znode_count", mirror.tree.len().to_string()),
        ("watch_count", watches.to_string()),
        (
            "ephemerals_count",
            mirror.tree.ephemeral_count().to_string(),
        ),
        ("approximate_data_size", mirror.tree.bytes().to_string()),
        ("global_sessions", mirror.sessions.len().to_string()),
        ("local_sessions", "0".to_owned()),
        ("connection_rejected", stat(&shared.stats.rejected)),
        (
            "connection_revalidate_count",
            stat(&shared.stats.revalidations),
        ),
        (
            "stale_sessions_expired",
            stat(&shared.stats.sessions_expired),
        ),
    ];
    // Left out where the system does not tell them, as by ZooKeeper.
    figures.extend(open_files().map(|open| ("open_file_descriptor_count", open.to_string())));
    figures.extend(most_files().map(|most| ("max_file_descriptor_count", most)));
    figures
}

/// File descriptors of this process.
fn open_files() -> Option<usize> {
    let own = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is for this look.
    Some(own.saturating_sub(1))
}

/// How many it may have.
fn most_files() -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    soft.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| soft.to_owned())
}
